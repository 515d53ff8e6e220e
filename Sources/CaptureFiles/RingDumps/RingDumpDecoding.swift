import VMBusDevices
import VMBusRing
public import VMBusWire

/// What the payloads in a dump are to be read as.
public struct RingDumpDecoding: Hashable, Sendable {
    /// The device that the rings belong to.
    public var kind: DeviceKind
    /// Who writes the first ring of the dump; the second is the other end's.
    public var firstSender: Direction

    /// Reads payloads as a device's.
    public init(_ kind: DeviceKind, firstSender: Direction = .guestToHost) {
        self.kind = kind
        self.firstSender = firstSender
    }

    /// Who writes a ring of the dump.
    public func sender(ofRing index: Int) -> Direction {
        guard !index.isMultiple(of: 2) else { return firstSender }
        return firstSender == .guestToHost ? .hostToGuest : .guestToHost
    }
}

/// Follows the packets of one ring, oldest first, and says what they mean.
struct RingDumpDissection {
    private var dissector: ChannelDissector
    private let direction: Direction

    /// Begins with a ring. What the other ring of a pair asked is read first, as answers do not say what they answer.
    init(_ decoding: RingDumpDecoding, ring index: Int, of dump: RingDump) {
        dissector = ChannelDissector(kind: decoding.kind)
        direction = decoding.sender(ofRing: index)
        for (other, ring) in dump.rings.enumerated() where other != index {
            for packet in ring.consumed + ring.listing.packets {
                _ = dissector.summarise(
                    ring.bytes(of: packet)[...], attachmentLength: 0, direction: decoding.sender(ofRing: other))
            }
        }
    }

    /// Packets, oldest first, on one line each.
    mutating func summaries(of packets: [ReceivedPacket], in ring: DumpedRing) -> [PacketSummary] {
        packets.map { dissector.summarise(ring.bytes(of: $0)[...], attachmentLength: 0, direction: direction) }
    }
}
