import VMBusWire

/// A record's bytes in their parts: descriptor and header, payload, and what the packet points to.
struct PacketParts {
    /// Descriptor and type-specific header as fields.
    var header: [FieldNode]
    /// Nil when not even this is readable.
    var descriptor: PacketDescriptor?
    /// The payload with its padding.
    var payload: ArraySlice<UInt8>
    /// Bytes in the record behind the length that the descriptor tells.
    var surplus: ArraySlice<UInt8>
    /// What the packet points to.
    var attachment: ArraySlice<UInt8>
    /// How many bytes each range of the packet points to; empty where the ranges do not matter or are not readable.
    var rangeLengths: [Int] = []
    /// What is wrong with descriptor or header.
    var problem: WireError?
    private let start: Int

    /// Takes a record apart; fields are made only where they are wanted.
    init(_ record: ArraySlice<UInt8>, attachmentLength: Int) {
        let split = record.endIndex - min(max(0, attachmentLength), record.count)
        let packet = record[record.startIndex..<split]
        attachment = record[split...]
        start = record.startIndex
        let (fields, descriptor, range, problem) = FieldNode.packetHeader(packet)
        self.descriptor = descriptor
        self.problem = problem
        header = fields
        payload = packet[range]
        surplus = packet[range.upperBound...]
        if descriptor == nil {
            let read = fields.reduce(0) { max($0, $1.offset + $1.size) }
            if read < packet.count {
                header.append(
                    Self.leaf(
                        "malformed", packet[(packet.startIndex + read)...], base: read,
                        problem.map { "\($0)" } ?? "not readable"))
            }
            payload = packet[packet.endIndex...]
            surplus = payload
        }
        if descriptor?.type == .dataUsingTransferPages {
            let inner = packet[min(packet.startIndex + PacketDescriptor.byteCount, range.lowerBound)..<range.lowerBound]
            rangeLengths = (try? TransferPageHeader.decode(inner))?.ranges.map { Int($0.byteCount) } ?? []
        }
    }

    /// Whether the packet is in-band, or an answer.
    var isPlain: Bool { descriptor?.type == .dataInBand || descriptor?.type == .completion }

    /// The offset in the record at which a part begins.
    func offset(of part: ArraySlice<UInt8>) -> Int { part.startIndex - start }

    /// What the packet points to, cut where its ranges end; in one piece where there are no ranges to go by.
    var attachmentParts: [ArraySlice<UInt8>] {
        guard !attachment.isEmpty else { return [] }
        guard !rangeLengths.isEmpty else { return [attachment] }
        var parts: [ArraySlice<UInt8>] = []
        var rest = attachment
        for length in rangeLengths where !rest.isEmpty {
            if length > 0 { parts.append(rest.prefix(length)) }
            rest = rest.dropFirst(length)
        }
        if !rest.isEmpty { parts.append(rest) }
        return parts
    }

    /// Bytes as a field without fields inside.
    static func leaf(_ name: String, _ bytes: ArraySlice<UInt8>, base: Int, _ help: String) -> FieldNode {
        FieldNode(name: name, offset: base, size: bytes.count, value: .bytes(Array(bytes)), help: help)
    }

    /// Bytes as a field, unless there are none.
    func leaf(_ name: String, _ bytes: ArraySlice<UInt8>, _ help: String) -> [FieldNode] {
        bytes.isEmpty ? [] : [Self.leaf(name, bytes, base: offset(of: bytes), help)]
    }
}
