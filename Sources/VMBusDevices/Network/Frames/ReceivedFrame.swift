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
        let header = try EthernetHeader.decode(frame)
        let body = frame[EthernetHeader.byteCount...]
        switch header.type {
        case .resolution: self = .resolution(try ARPPacket.decode(body))
        case .internet4:
            let (packet, size) = try IPv4Header.decodePrefix(body)
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
