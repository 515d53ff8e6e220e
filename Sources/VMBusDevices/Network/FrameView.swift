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

    /// The elements in the order of their types.
    func elements(sender: Direction) -> [RNDIS.PerPacketInfo] {
        var elements: [RNDIS.PerPacketInfo] = []
        if let transmitChecksum { elements.append(.init(.checksum, .transmitChecksum(transmitChecksum))) }
        if let receiveChecksum { elements.append(.init(.checksum, .receiveChecksum(receiveChecksum))) }
        if let largeSend { elements.append(.init(.largeSend, .largeSend(largeSend))) }
        if let vlan { elements.append(.init(.vlan, .vlan(vlan))) }
        if let hash {
            elements.append(.init(.hash, .hash(hash)))
            // Some drivers believe a hash only when they are told what it was made from.
            if sender == .hostToGuest {
                elements.append(.init(.hashInformation, .hashInformation(.toeplitz)))
            }
        }
        if let packetID { elements.append(.init(.packetID, .packetID(packetID))) }
        return elements
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
        guard bytes.count >= RNDIS.packetHeaderSize, let head = try? RNDIS.PacketHead.decode(bytes),
            head.type == .packet, head.length >= RNDIS.packetHeaderSize, Int(head.length) <= bytes.count
        else { return nil }
        length = Int(head.length)
        let fields = head.fields
        let message = bytes.prefix(length)
        guard Self.part(message, fields.outOfBandOffset, fields.outOfBandLength) != nil,
            let frame = Self.part(message, fields.dataOffset, fields.dataLength),
            var rest = Self.part(message, fields.infoOffset, fields.infoLength)
        else { return nil }
        self.frame = frame
        let context = WireContext.newest(sender: sender)
        while !rest.isEmpty {
            guard let element = try? RNDIS.PerPacketInfo.decode(rest, context: context) else { return nil }
            info.take(element)
            rest = rest.dropFirst(Int(element.size))
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
        let elements = info.elements(sender: sender)
        let infoLength = elements.reduce(0) { $0 + Int($1.size) }
        var head = RNDIS.PacketHead()
        head.fields = RNDIS.PacketFields(frameLength: frame.count, infoLength: infoLength)
        head.length = UInt32(truncatingIfNeeded: RNDIS.packetHeaderSize + infoLength + frame.count)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(head.length))
        bytes += head.encoded()
        for element in elements { bytes += element.encoded(context: .newest(sender: sender)) }
        bytes += frame
        return bytes
    }
}
