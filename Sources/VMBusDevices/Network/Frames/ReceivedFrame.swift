public import VMBusWire

/// A frame without a tag, taken apart as far as an interface needs that answers it. Payloads end where their packet says,
/// not where the frame does.
public enum ReceivedFrame: Sendable, Hashable {
    /// Who has an address, or the answer.
    case resolution(ARPPacket)
    /// An IPv4 packet.
    case packet(Packet)
    /// Something else.
    case other(EtherType)

    /// A packet whose header is right.
    public struct Packet: Sendable, Hashable {
        /// Whose frame it came in: six bytes.
        public let hardware: [UInt8]
        /// Its header.
        public let header: IPv4Header
        /// What is in it.
        public let payload: ArraySlice<UInt8>

        /// Whether a checksum over its addresses and its payload is right.
        public var hasRightSum: Bool {
            var sum = InternetSum(
                source: header.source, destination: header.destination, carries: header.carries, count: payload.count)
            sum.add(payload)
            return sum.isRight
        }
    }

    /// Takes a frame apart.
    ///
    /// - Throws: which field is short or breaks a rule; a wrong header checksum is one.
    public init(_ frame: [UInt8]) throws(WireError) {
        let header = try EthernetHeader.read(frame)
        let body = frame[EthernetHeader.byteCount...]
        switch header.type {
        case .resolution: self = .resolution(try ARPPacket.decode(body))
        case .internet4:
            let (packet, size) = try IPv4Header.read(body)
            let length = Int(packet.totalLength.rawValue)
            guard length <= body.count else {
                throw WireError(
                    structure: "IPV4", field: "total_length", offset: EthernetHeader.byteCount + 2,
                    problem: .truncated(needed: length, available: body.count))
            }
            guard InternetSum(body.prefix(size)).isRight else {
                throw WireError(
                    structure: "IPV4", field: "checksum", offset: EthernetHeader.byteCount + 10,
                    problem: .invalid(value: UInt64(packet.checksum.rawValue), rule: "the sum of the header"))
            }
            self = .packet(
                Packet(hardware: header.source, header: packet, payload: body.prefix(length).dropFirst(size)))
        default: self = .other(header.type)
        }
    }
}

extension EthernetHeader {
    /// The header of a frame, by hand where it is whole, as every frame passes here; else the declaration tells what is wrong.
    fileprivate static func read(_ frame: [UInt8]) throws(WireError) -> EthernetHeader {
        guard frame.count >= byteCount else { return try decode(frame) }
        let bytes = frame[...]
        return EthernetHeader(
            destination: Array(bytes[0..<6]), source: Array(bytes[6..<12]),
            type: EtherType(rawValue: bytes.word16(12).byteSwapped))
    }
}

extension IPv4Header {
    /// The header of a packet and its size, by hand where it is in order and has no options, as those of most packets.
    fileprivate static func read(_ bytes: ArraySlice<UInt8>) throws(WireError) -> (IPv4Header, Int) {
        guard bytes.count >= smallestByteCount, bytes.first == 0x45,
            bytes.word16(2).byteSwapped >= smallestByteCount
        else { return try decodePrefix(bytes) }
        var header = IPv4Header()
        header.service = bytes[bytes.startIndex + 1]
        header.totalLength = NetworkShort(rawValue: bytes.word16(2).byteSwapped)
        header.identification = NetworkShort(rawValue: bytes.word16(4).byteSwapped)
        header.fragment = Fragment(rawValue: bytes.word16(6).byteSwapped)
        header.timeToLive = bytes[bytes.startIndex + 8]
        header.carries = InternetProtocol(rawValue: bytes[bytes.startIndex + 9])
        header.checksum = NetworkShort(rawValue: bytes.word16(10).byteSwapped)
        header.source = InternetAddress(rawValue: bytes.word32(12).byteSwapped)
        header.destination = InternetAddress(rawValue: bytes.word32(16).byteSwapped)
        return (header, smallestByteCount)
    }
}
