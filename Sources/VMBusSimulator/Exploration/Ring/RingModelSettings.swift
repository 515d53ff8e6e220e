public import VMBusRing

/// How large a ring's model is, and what happens on it.
public struct RingModelSettings: Hashable, Sendable {
    /// In which order accesses are seen.
    public var order = MemoryOrder.tso
    /// Bytes of the data area: a multiple of 8, smaller than in any real ring, so that the search ends.
    public var ringBytes: UInt32 = 72
    /// Packets that are sent.
    public var packets = 4
    /// Bytes of payload in each packet: a multiple of 8.
    public var payloadBytes = 8
    /// How many times an end wakes up although nobody has signalled it.
    public var spuriousWakeUps = 1
    /// How both ends behave.
    public var ends = RingSettings()

    /// A ring that holds two packets, of which four are sent, with one spurious wake-up and store buffers.
    public init() {}

    /// Bytes of ring that one packet takes: descriptor, payload and trailer.
    var packetBytes: UInt32 { UInt32(payloadBytes) + 24 }

    /// What is wrong with the numbers; nil when they make a model.
    public var problem: String? {
        guard payloadBytes % 8 == 0, 0...1024 ~= payloadBytes else {
            return "payloads of \(payloadBytes) bytes: choose a multiple of 8 from 0 to 1024"
        }
        guard ringBytes % 8 == 0, packetBytes + 8...4096 ~= ringBytes else {
            return "a ring of \(ringBytes) bytes: choose a multiple of 8 from \(packetBytes + 8), which one packet "
                + "needs, to 4096"
        }
        guard 1...250 ~= packets else { return "\(packets) packets: choose 1 to 250" }
        guard 0...100 ~= spuriousWakeUps else { return "\(spuriousWakeUps) spurious wake-ups: choose 0 to 100" }
        return nil
    }
}
