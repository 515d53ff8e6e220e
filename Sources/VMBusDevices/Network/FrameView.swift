import VMBusWire

/// What a frame's per-packet info tells, as far as the way of frames goes by it.
struct FrameInfo: Sendable, Hashable {
    var transmitChecksum: RNDIS.TransmitChecksum?
    var receiveChecksum: RNDIS.ReceiveChecksum?
    var largeSend: RNDIS.LargeSend?
    var vlan: RNDIS.VLANTag?
    var hash: UInt32?
    var packetID: RNDIS.PacketID?

    /// Whether the guest leaves something to the host.
    var hasWork: Bool { largeSend != nil || vlan != nil || (transmitChecksum?.rawValue ?? 0) != 0 }

    /// Takes one element in; others are not for this.
    mutating func take(_ element: RNDIS.PerPacketInfo) {
        switch element.value {
        case .transmitChecksum(let value): transmitChecksum = value
        case .receiveChecksum(let value): receiveChecksum = value
        case .largeSend(let value): largeSend = value
        case .vlan(let value): vlan = value
        case .hash(let value): hash = value
        case .packetID(let value): packetID = value
        case .hashInformation, .bytes: break
        }
    }

    /// Takes in the element at the start of `rest`, by hand, as every frame passes here, and gives its size. Nil for one that
    /// breaks a rule of `RNDIS.PerPacketInfo`.
    mutating func take(_ rest: ArraySlice<UInt8>, sender: Direction) -> Int? {
        guard rest.count >= RNDIS.PerPacketInfo.headerSize else { return nil }
        let (size, offset) = (Int(rest.word32(0)), Int(rest.word32(8)))
        guard size >= 12, size <= rest.count, offset >= 12, offset < size || size == 12 else { return nil }
        guard size - offset >= 4 else { return size }
        let word = rest.word32(offset)
        switch RNDIS.PerPacketInfoType(rawValue: rest.word32(4)) {
        case .checksum where sender == .hostToGuest: receiveChecksum = RNDIS.ReceiveChecksum(rawValue: word)
        case .checksum: transmitChecksum = RNDIS.TransmitChecksum(rawValue: word)
        case .largeSend: largeSend = RNDIS.LargeSend(rawValue: word)
        case .vlan: vlan = RNDIS.VLANTag(rawValue: word)
        case .hash: hash = word
        case .packetID:
            var id = RNDIS.PacketID()
            id.version = UInt8(truncatingIfNeeded: word)
            id.flags = RNDIS.PacketIDFlags(rawValue: UInt8(truncatingIfNeeded: word >> 8))
            id.id = UInt16(truncatingIfNeeded: word >> 16)
            packetID = id
        default: break
        }
        return size
    }

    /// Hands over the elements in the order of their types, each with its data.
    func forEachWord(sender: Direction, _ body: (RNDIS.PerPacketInfoType, UInt32) -> Void) {
        if let transmitChecksum { body(.checksum, transmitChecksum.rawValue) }
        if let receiveChecksum { body(.checksum, receiveChecksum.rawValue) }
        if let largeSend { body(.largeSend, largeSend.rawValue) }
        if let vlan { body(.vlan, vlan.rawValue) }
        if let hash {
            body(.hash, hash)
            // Some drivers believe a hash only when they are told what it was made from.
            if sender == .hostToGuest { body(.hashInformation, RNDIS.HashInformation.toeplitz.rawValue) }
        }
        if let packetID {
            body(
                .packetID, UInt32(packetID.version) | UInt32(packetID.flags.rawValue) << 8 | UInt32(packetID.id) << 16)
        }
    }
}

/// An RNDIS PACKET message read in place: where the frame lies, and what else is known of it.
struct FrameView {
    /// Bytes of the message.
    var length: Int
    /// The frame, as a part of what was read.
    var frame: ArraySlice<UInt8>
    /// What else is known.
    var info = FrameInfo()

    /// Reads a message by the rules of `RNDIS.Message`. Nil for another message and for one that breaks a rule: which,
    /// `RNDIS.Message` tells.
    init?(_ bytes: ArraySlice<UInt8>, sender: Direction) {
        guard bytes.count >= RNDIS.packetHeaderSize, bytes.word32(0) == RNDIS.MessageType.packet.rawValue else {
            return nil
        }
        length = Int(bytes.word32(4))
        guard length >= RNDIS.packetHeaderSize, length <= bytes.count else { return nil }
        let message = bytes.prefix(length)
        guard Self.part(message, bytes.word32(16), bytes.word32(20)) != nil,
            let frame = Self.part(message, bytes.word32(8), bytes.word32(12)),
            var rest = Self.part(message, bytes.word32(28), bytes.word32(32))
        else { return nil }
        self.frame = frame
        while !rest.isEmpty {
            guard let size = info.take(rest, sender: sender) else { return nil }
            rest = rest.dropFirst(size)
        }
    }

    /// A message that was read as a whole.
    init(_ packet: RNDIS.Packet, length: UInt32) {
        self.length = Int(length)
        frame = packet.frame[...]
        for element in packet.info { info.take(element) }
    }

    private static func part(_ message: ArraySlice<UInt8>, _ offset: UInt32, _ length: UInt32) -> ArraySlice<UInt8>? {
        let (start, count) = (RNDIS.headerSize + Int(offset), Int(length))
        if count == 0 { return [] }
        guard start >= RNDIS.packetHeaderSize, start + count <= message.count else { return nil }
        return message[(message.startIndex + start)..<(message.startIndex + start + count)]
    }

    /// A message as it lies in shared memory: head, info, frame.
    static func encode(_ frame: ArraySlice<UInt8>, _ info: FrameInfo, sender: Direction) -> [UInt8] {
        let elementSize = RNDIS.PerPacketInfo.headerSize + 4
        var infoLength = 0
        info.forEachWord(sender: sender) { _, _ in infoLength += elementSize }
        let fields = RNDIS.PacketFields(frameLength: frame.count, infoLength: infoLength)
        let length = RNDIS.packetHeaderSize + infoLength + frame.count
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length)
        // Nothing is out of band (its place, its size, its elements); the circuit and a reserved word end the head.
        bytes.append(words: [
            RNDIS.MessageType.packet.rawValue, UInt32(truncatingIfNeeded: length), fields.dataOffset,
            fields.dataLength, 0, 0, 0, fields.infoOffset, fields.infoLength, 0, 0,
        ])
        info.forEachWord(sender: sender) { type, word in
            bytes.append(words: [
                UInt32(elementSize), type.rawValue, UInt32(RNDIS.PerPacketInfo.headerSize), word,
            ])
        }
        bytes += frame
        return bytes
    }
}
