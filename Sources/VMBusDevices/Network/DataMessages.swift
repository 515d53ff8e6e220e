import VMBusWire

// The two messages that every packet of frames costs, by hand. Tests hold them against their declarations.

extension NVSP.RNDISPacket {
    /// Where the RNDIS messages of a packet are; nil for another message.
    init?(packet payload: [UInt8]) {
        let bytes = payload[...]
        guard bytes.count >= 16, bytes.word32(0) == NVSP.MessageType.sendRNDISPacket.rawValue else { return nil }
        self.init(
            channelType: NVSP.ChannelType(rawValue: bytes.word32(4)), sectionIndex: bytes.word32(8),
            sectionSize: bytes.word32(12))
    }

    /// SEND_RNDIS_PACKET as senders of `version` write it.
    func payload(_ version: NVSP.Version) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(version.messageSize)
        bytes.append(word32: NVSP.MessageType.sendRNDISPacket.rawValue)
        bytes.append(word32: channelType.rawValue)
        bytes.append(word32: sectionIndex)
        bytes.append(word32: sectionSize)
        bytes.append(contentsOf: repeatElement(0, count: version.messageSize - bytes.count))
        return bytes
    }
}

extension NVSP.Result {
    /// How a packet of frames ended; nil for another message. What is behind the status says nothing.
    init?(packet payload: [UInt8]) {
        let bytes = payload[...]
        guard bytes.count >= 8, bytes.word32(0) == NVSP.MessageType.sendRNDISPacketComplete.rawValue else {
            return nil
        }
        self.init(status: NVSP.Status(rawValue: bytes.word32(4)))
    }

    /// SEND_RNDIS_PACKET_COMPLETE as senders of `version` write it.
    func payload(_ version: NVSP.Version) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(version.messageSize)
        bytes.append(word32: NVSP.MessageType.sendRNDISPacketComplete.rawValue)
        bytes.append(word32: status.rawValue)
        bytes.append(contentsOf: repeatElement(0, count: version.messageSize - bytes.count))
        return bytes
    }
}
