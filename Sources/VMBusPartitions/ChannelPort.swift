import VMBusDevices
import VMBusRing
import VMBusWire

/// One end of an open channel: both of its rings.
struct ChannelPort: Sendable, Hashable {
    /// Packets that one visit takes from a ring before others get their turn.
    static let packetsPerVisit = 64

    let outgoing: RingPages
    let incoming: RingPages
    /// A packet did not fit: every later one waits behind it until there is space again.
    private(set) var isBlocked = false
    /// Bytes of ring that the packet takes which did not fit.
    private var needed: UInt32 = 0
    private var sender: RingSender
    private var receiver: RingReceiver

    /// What became of a packet.
    enum Sent {
        case written(bytes: [UInt8], signal: Bool)
        case refused
    }

    /// Takes up an end whose rings the guest has prepared.
    init(outgoing: RingPages, incoming: RingPages, _ settings: RingSettings = RingSettings()) {
        self.outgoing = outgoing
        self.incoming = incoming
        sender = RingSender(settings)
        receiver = RingReceiver(settings)
    }

    /// What it keeps for itself.
    var ends: RingEnds {
        RingEnds(
            outgoing: outgoing, incoming: incoming, sent: sender.position, isBlocked: isBlocked,
            needed: isBlocked ? needed : 0, received: receiver.position, published: receiver.published)
    }

    /// The guest's duty before it opens a channel: control words of both rings at their start (reference §4.1).
    static func prepare<Memory: PhysicalMemory>(
        _ pages: RingPages, _ memory: inout Memory, _ settings: RingSettings = RingSettings()
    ) -> Bool {
        memory.withRing(pages) { ring in
            do {
                try RingSender(settings).initialize(&ring)
                try RingReceiver().initialize(&ring)
                return true
            } catch {
                return false
            }
        }
    }

    /// Writes a packet. When there is no space the peer has been asked for a signal, and the port is blocked until `unblock`.
    mutating func send<Memory: PhysicalMemory>(
        _ packet: ChannelPacket, _ memory: inout Memory
    ) throws(ProtocolViolation) -> Sent {
        guard !isBlocked else { return .refused }
        guard let bytes = packet.encoded else {
            throw ProtocolViolation(
                rule: "packet-size", place: "\(packet.type)", value: "\(packet.payload.count) bytes of payload",
                explanation: "a packet has at most 524280 bytes")
        }
        let info = PacketInfo(packet.type, flags: packet.flags, transactionID: packet.transactionID)
        let start = bytes.count - (packet.payload.count + 7) / 8 * 8
        let header = bytes[PacketDescriptor.byteCount..<start]
        var sender = sender
        var missing: UInt32 = 0
        let sent = try Self.guarded(outgoing, &memory) { ring throws(RingError<Memory.Failure>) -> Sent in
            while true {
                switch try sender.send(info, header: Array(header), payload: packet.payload, in: &ring) {
                case .sent(let signal): return .written(bytes: bytes, signal: signal)
                case .full(let needed, _):
                    missing = needed
                    if try sender.waitForSpace(needed, in: &ring) != .free { return .refused }
                }
            }
        }
        self.sender = sender
        if case .refused = sent { (isBlocked, needed) = (true, missing) }
        return sent
    }

    /// The peer has signalled, perhaps because there is space: what was refused may be tried again.
    mutating func unblock() {
        #if Mutations
            if sender.settings.mutation == .senderNotResumed { return }
        #endif
        isBlocked = false
    }

    /// Whether what was refused fits now, or the ring is damaged, which `send` tells.
    func hasRoom<Memory: PhysicalMemory>(_ memory: inout Memory) -> Bool {
        isBlocked && memory.withRing(outgoing) { ring in ((try? sender.freeBytes(in: ring)) ?? .max) > needed }
    }

    /// Whether packets wait, or the ring is damaged, which `drain` tells.
    func hasPackets<Memory: PhysicalMemory>(_ memory: inout Memory) -> Bool {
        memory.withRing(incoming) { ring in ((try? ring.loadAcquiring(.writeIndex)) ?? .max) != receiver.position }
    }

    /// What one visit took from the ring.
    struct Drained {
        var packets: [(packet: ChannelPacket, bytes: [UInt8])] = []
        /// Packets whose header cannot be read; they are skipped.
        var violations: [ProtocolViolation] = []
        /// The peer waits for space and must be signalled.
        var signal = false
        /// More is waiting: come again.
        var hasMore = false
    }

    /// Takes packets out, with signals masked meanwhile, and gives their space back.
    mutating func drain<Memory: PhysicalMemory>(_ memory: inout Memory) throws(ProtocolViolation) -> Drained {
        var receiver = receiver
        let drained = try Self.guarded(incoming, &memory) { ring throws(RingError<Memory.Failure>) -> Drained in
            var drained = Drained()
            try receiver.mask(in: &ring)
            while true {
                while drained.packets.count < Self.packetsPerVisit {
                    var bytes: [UInt8] = []
                    guard try receiver.next(in: ring, appendingTo: &bytes) != nil else { break }
                    do throws(WireError) {
                        drained.packets.append((try ChannelPacket.decode(bytes[...]), bytes))
                    } catch {
                        drained.violations.append(ProtocolViolation(error))
                    }
                }
                if drained.packets.count >= Self.packetsPerVisit {
                    drained.signal = try receiver.commit(in: &ring) || drained.signal
                    drained.hasMore = true
                    return drained
                }
                let outcome = try receiver.finishDraining(in: &ring)
                drained.signal = outcome.signal || drained.signal
                if !outcome.hasMore { return drained }
            }
        }
        self.receiver = receiver
        return drained
    }

    private static func guarded<Memory: PhysicalMemory, Result>(
        _ pages: RingPages, _ memory: inout Memory,
        _ body: (inout PagedRingMemory<Memory>) throws(RingError<Memory.Failure>) -> Result
    ) throws(ProtocolViolation) -> Result {
        do throws(RingError<Memory.Failure>) {
            return try memory.withRing(pages, body)
        } catch {
            throw ProtocolViolation(
                rule: "ring-sane", place: "ring at page \(Hexadecimal.prefixed(pages.pageFrameNumbers.first ?? 0))",
                value: "\(error)", explanation: "a ring's control words and packets stay inside the ring")
        }
    }
}
