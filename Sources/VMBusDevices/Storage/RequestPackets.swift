import VMBusWire

// A SCSI request and its answer, which every transfer costs, by hand. Tests hold them against their declaration.

extension VStor.Packet {
    /// Reads a packet: a request and its answer by hand, everything else by its declaration.
    ///
    /// - Parameter subject: what an answer answers.
    /// - Throws: what is wrong with it.
    static func read(
        _ payload: [UInt8], sender: Direction, subject: VStor.Operation = VStor.Operation(rawValue: 0)
    ) throws(WireError) -> VStor.Packet {
        let bytes = payload[...]
        guard bytes.count >= VStor.oldPacketSize,
            isOfRequest(VStor.Operation(rawValue: bytes.word32(0)), subject)
        else { return try decode(payload, context: .newest(sender: sender, subject: subject.rawValue)) }
        var packet = VStor.Packet(
            VStor.Operation(rawValue: bytes.word32(0)), flags: VStor.Flags(rawValue: bytes.word32(4)))
        packet.status = VStor.Status(rawValue: bytes.word32(8))
        let place = bytes.startIndex + headerSize
        packet.request.length = bytes.word16(12)
        packet.request.status = VStor.RequestStatus(rawValue: bytes[place + 2])
        packet.request.scsiStatus = SCSI.Status(rawValue: bytes[place + 3])
        packet.request.port = bytes[place + 4]
        packet.request.path = bytes[place + 5]
        packet.request.target = bytes[place + 6]
        packet.request.lun = bytes[place + 7]
        packet.request.commandLength = bytes[place + 8]
        packet.request.senseLength = bytes[place + 9]
        packet.request.direction = VStor.DataDirection(rawValue: bytes[place + 10])
        packet.request.dataLength = bytes.word32(24)
        packet.request.block = Array(bytes[(place + 16)..<(place + 36)])
        // Older senders end here.
        guard bytes.count >= VStor.packetSize else { return packet }
        packet.request.queueTag = bytes[place + 38]
        packet.request.queueAction = bytes[place + 39]
        packet.request.flags = VStor.RequestFlags(rawValue: bytes.word32(52))
        packet.request.timeout = bytes.word32(56)
        packet.request.queueSortKey = bytes.word32(60)
        return packet
    }

    /// The packet as senders of `version` write it: a request and its answer by hand, everything else by its declaration.
    ///
    /// - Parameter subject: what an answer answers.
    func written(
        _ version: VStor.Version, sender: Direction, subject: VStor.Operation = VStor.Operation(rawValue: 0)
    ) -> [UInt8] {
        guard Self.isOfRequest(operation, subject) else {
            return encoded(version: version, sender: sender, subject: subject)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(VStor.packetSize)
        bytes.append(word32: operation.rawValue)
        bytes.append(word32: flags.rawValue)
        bytes.append(word32: status.rawValue)
        bytes.append(word16: request.length)
        bytes.append(request.status.rawValue)
        bytes.append(request.scsiStatus.rawValue)
        bytes.append(request.port)
        bytes.append(request.path)
        bytes.append(request.target)
        bytes.append(request.lun)
        bytes.append(request.commandLength)
        bytes.append(request.senseLength)
        bytes.append(request.direction.rawValue)
        bytes.append(0)
        bytes.append(word32: request.dataLength)
        bytes += request.block.prefix(VStor.senseRoom)
        bytes.append(contentsOf: repeatElement(0, count: VStor.oldPacketSize - bytes.count))
        guard version.packetSize > VStor.oldPacketSize else { return bytes }
        bytes.append(word16: 0)
        bytes.append(request.queueTag)
        bytes.append(request.queueAction)
        bytes.append(word32: request.flags.rawValue)
        bytes.append(word32: request.timeout)
        bytes.append(word32: request.queueSortKey)
        return bytes
    }

    /// Whether a packet with this operation carries a SCSI command or its end.
    private static func isOfRequest(_ operation: VStor.Operation, _ subject: VStor.Operation) -> Bool {
        operation == .executeSRB || operation == .completeIO && subject == .executeSRB
    }
}
