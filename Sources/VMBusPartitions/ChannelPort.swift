import VMBusDevices
import VMBusRing
import VMBusWire

/// One end of an open channel: both of its rings.
struct ChannelPort: Sendable, Hashable {
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
        case written(signal: Bool)
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
    ///
    /// - Parameter spare: bytes of ring that stay free behind the packet.
    mutating func send<Memory: PhysicalMemory>(
        _ packet: ChannelPacket, spare: UInt32 = 0, _ memory: inout Memory
    ) throws(ProtocolViolation) -> Sent {
        guard !isBlocked else { return .refused }
        let header = packet.header
        guard header.count + packet.payload.count <= Self.mostBytes else {
            throw ProtocolViolation(
                rule: "packet-size", place: "\(packet.type)", value: "\(packet.payload.count) bytes of payload",
                explanation: "a packet has at most 524280 bytes")
        }
        let info = PacketInfo(packet.type, flags: packet.flags, transactionID: packet.transactionID)
        var sender = sender
        var missing: UInt32 = 0
        let size = PacketDescriptor.byteCount + header.count + (packet.payload.count + 7) / 8 * 8
        let room = spare == 0 ? 0 : UInt32(truncatingIfNeeded: size + 8) + spare
        let signal: Bool?
        if var ring = memory.mappedRing(outgoing) {
            signal = try Self.told(outgoing) { () throws(RingError<Never>) in
                try Self.write(info, header, packet.payload, room, &sender, &ring, &missing)
            }
        } else {
            signal = try Self.guarded(outgoing, &memory) { ring throws(RingError<Memory.Failure>) in
                try Self.write(info, header, packet.payload, room, &sender, &ring, &missing)
            }
        }
        self.sender = sender
        guard let signal else {
            (isBlocked, needed) = (true, missing)
            return .refused
        }
        return .written(signal: signal)
    }

    /// Bytes of the longest header and payload: what a descriptor can say, without itself.
    private static let mostBytes = 8 * Int(UInt16.max) - PacketDescriptor.byteCount

    /// Writes a packet into a ring and says whether to signal; nil when there is no space, of which `missing` bytes are needed.
    /// If `room` is not 0, more than so many bytes must be free before.
    @inline(__always)
    private static func write<Ring: RingMemory>(
        _ info: PacketInfo, _ header: [UInt8], _ payload: [UInt8], _ room: UInt32, _ sender: inout RingSender,
        _ ring: inout Ring, _ missing: inout UInt32
    ) throws(RingError<Ring.Failure>) -> Bool? {
        if room > 0, try sender.freeBytes(in: ring) <= room, try sender.waitForSpace(room, in: &ring) != .free {
            missing = room
            return nil
        }
        while true {
            switch try sender.send(info, header: header, payload: payload, in: &ring) {
            case .sent(let signal): return signal
            case .full(let needed, _):
                missing = needed
                if try sender.waitForSpace(needed, in: &ring) != .free { return nil }
            }
        }
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
        guard isBlocked else { return false }
        if let ring = memory.mappedRing(outgoing) { return hasRoom(in: ring) }
        return memory.withRing(outgoing) { hasRoom(in: $0) }
    }

    private func hasRoom<Ring: RingMemory>(in ring: Ring) -> Bool {
        ((try? sender.freeBytes(in: ring)) ?? .max) > needed
    }

    /// Whether packets wait, or the ring is damaged, which `drain` tells.
    func hasPackets<Memory: PhysicalMemory>(_ memory: inout Memory) -> Bool {
        if let ring = memory.mappedRing(incoming) { return hasPackets(in: ring) }
        return memory.withRing(incoming) { hasPackets(in: $0) }
    }

    private func hasPackets<Ring: RingMemory>(in ring: Ring) -> Bool {
        ((try? ring.loadAcquiring(.writeIndex)) ?? .max) != receiver.position
    }

    /// What one visit took from the ring.
    struct Drained {
        /// The packets, with the bytes of those who ask for them.
        var packets: [(packet: ChannelPacket, bytes: [UInt8])] = []
        /// Packets whose header cannot be read; they are skipped.
        var violations: [ProtocolViolation] = []
        /// The peer waits for space and must be signalled.
        var signal = false
        /// More is waiting: come again.
        var hasMore = false
    }

    /// Takes packets out, at most so many, with signals masked meanwhile, and gives their space back.
    ///
    /// - Parameter keepsBytes: whether the packets' bytes are wanted too, by who writes down what came.
    mutating func drain<Memory: PhysicalMemory>(
        _ memory: inout Memory, limit: Int = RingAppetite().packets, keepsBytes: Bool = false
    ) throws(ProtocolViolation) -> Drained {
        var receiver = receiver
        let drained: Drained
        if var ring = memory.mappedRing(incoming) {
            drained = try Self.told(incoming) { () throws(RingError<Never>) in
                try Self.read(&receiver, &ring, limit, keepsBytes)
            }
        } else {
            drained = try Self.guarded(incoming, &memory) { ring throws(RingError<Memory.Failure>) in
                try Self.read(&receiver, &ring, limit, keepsBytes)
            }
        }
        self.receiver = receiver
        return drained
    }

    @inline(__always)
    private static func read<Ring: RingMemory>(
        _ receiver: inout RingReceiver, _ ring: inout Ring, _ limit: Int, _ keepsBytes: Bool
    ) throws(RingError<Ring.Failure>) -> Drained {
        var drained = Drained()
        // One room for all, so that a packet costs none of its own unless it is kept.
        var bytes: [UInt8] = []
        try receiver.mask(in: &ring)
        while true {
            while drained.packets.count < limit {
                bytes.removeAll(keepingCapacity: true)
                guard try receiver.next(in: ring, appendingTo: &bytes) != nil else { break }
                do throws(WireError) {
                    drained.packets.append((try ChannelPacket.decode(bytes[...]), keepsBytes ? bytes : []))
                } catch {
                    drained.violations.append(ProtocolViolation(error))
                }
            }
            if drained.packets.count >= limit {
                drained.signal = try receiver.commit(in: &ring) || drained.signal
                drained.hasMore = true
                return drained
            }
            let outcome = try receiver.finishDraining(in: &ring)
            drained.signal = outcome.signal || drained.signal
            if !outcome.hasMore { return drained }
        }
    }

    /// Runs `body` and tells what is wrong with a ring.
    @inline(__always)
    private static func told<Failure: Error, Result>(
        _ pages: RingPages, _ body: () throws(RingError<Failure>) -> Result
    ) throws(ProtocolViolation) -> Result {
        do throws(RingError<Failure>) {
            return try body()
        } catch {
            throw ProtocolViolation(
                rule: "ring-sane", place: "ring at page \(Hexadecimal.prefixed(pages.pageFrameNumbers.first ?? 0))",
                value: "\(error)", explanation: "a ring's control words and packets stay inside the ring")
        }
    }

    private static func guarded<Memory: PhysicalMemory, Result>(
        _ pages: RingPages, _ memory: inout Memory,
        _ body: (inout PagedRingMemory<Memory>) throws(RingError<Memory.Failure>) -> Result
    ) throws(ProtocolViolation) -> Result {
        try told(pages) { () throws(RingError<Memory.Failure>) in try memory.withRing(pages, body) }
    }
}
