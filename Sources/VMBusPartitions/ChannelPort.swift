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
    private var sender: RingSender
    private var receiver: RingReceiver

    /// What became of a packet.
    enum Sent {
        case written(bytes: [UInt8], signal: Bool)
        case refused
    }

    /// Takes up an end whose rings the guest has prepared.
    init(outgoing: RingPages, incoming: RingPages) {
        self.outgoing = outgoing
        self.incoming = incoming
        sender = RingSender()
        receiver = RingReceiver()
    }

    /// The guest's duty before it opens a channel: control words of both rings at their start (reference §4.1).
    static func prepare<Memory: PhysicalMemory>(_ pages: RingPages, _ memory: inout Memory) -> Bool {
        memory.withRing(pages) { ring in
            do {
                try RingSender().initialize(&ring)
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
        let info = PacketInfo(packet.type, flags: packet.flags, transactionID: packet.transactionID)
        let header = packet.bulk.headerBytes
        var sender = sender
        let sent = try Self.guarded(outgoing, &memory) { ring throws(RingError<Memory.Failure>) -> Sent in
            while true {
                switch try sender.send(info, header: header, payload: packet.payload, in: &ring) {
                case .sent(let signal): return .written(bytes: packet.ringBytes, signal: signal)
                case .full(let needed, _):
                    if try sender.waitForSpace(needed, in: &ring) != .free { return .refused }
                }
            }
        }
        self.sender = sender
        if case .refused = sent { isBlocked = true }
        return sent
    }

    /// The peer has signalled, perhaps because there is space: what was refused may be tried again.
    mutating func unblock() { isBlocked = false }

    /// What one visit took from the ring.
    struct Drained {
        var packets: [ChannelPacket] = []
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
                    drained.packets.append(ChannelPacket(ringBytes: bytes))
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

extension ChannelPacket.Bulk {
    /// The type-specific header behind the descriptor.
    var headerBytes: [UInt8] {
        switch self {
        case .inBand: []
        case .guestPages(let ranges): GPADirectHeader(ranges: ranges).encoded()
        case .transferPages(let setID, let ranges): TransferPageHeader(setID: setID, ranges: ranges).encoded()
        }
    }
}

extension ChannelPacket {
    /// The packet as it lies in the ring, without the trailer.
    var ringBytes: [UInt8] {
        let header = bulk.headerBytes
        var descriptor = PacketDescriptor()
        descriptor.type = type
        descriptor.flags = flags
        descriptor.transactionID = transactionID
        descriptor.offset8 = UInt16(truncatingIfNeeded: (16 + header.count) / 8)
        descriptor.length8 = UInt16(truncatingIfNeeded: (16 + header.count + payload.count + 7) / 8)
        let padding = [UInt8](repeating: 0, count: (8 - payload.count % 8) % 8)
        return descriptor.encoded() + header + payload + padding
    }

    /// Reads a packet from the ring's bytes. A type-specific header that cannot be read leaves the packet without bulk; the
    /// device will miss it and say so.
    init(ringBytes bytes: [UInt8]) {
        let descriptor = (try? PacketDescriptor.decode(bytes)) ?? PacketDescriptor()
        let start = min(Int(descriptor.offset8) * 8, bytes.count)
        let header = bytes[min(16, start)..<start]
        var bulk = Bulk.inBand
        if descriptor.type == .dataUsingGPADirect, let direct = try? GPADirectHeader.decode(header) {
            bulk = .guestPages(direct.ranges)
        } else if descriptor.type == .dataUsingTransferPages, let pages = try? TransferPageHeader.decode(header) {
            bulk = .transferPages(setID: pages.setID, ranges: pages.ranges)
        }
        self.init(
            type: descriptor.type, flags: descriptor.flags, transactionID: descriptor.transactionID, bulk: bulk,
            payload: Array(bytes[start...]))
    }
}
