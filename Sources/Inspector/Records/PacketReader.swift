import VMBusDevices
import VMBusWire

/// What a packet is, in words, and what is needed to read it later without the packets before it.
struct PacketWords: Sendable, Hashable {
    var name: String
    var info: String
    var hint: UInt32
}

/// Reads the packets of one channel.
struct PacketReader: Sendable {
    let kind: DeviceKind

    init(_ kind: DeviceKind) { self.kind = kind }

    mutating func summarise(
        _ packet: ArraySlice<UInt8>, attachmentLength: Int, direction: Direction
    ) -> PacketWords {
        let header = FieldNode.packetHeader(packet)
        let type = header.descriptor?.type.description ?? "MALFORMED"
        let name = "PACKET." + type.uppercased().replacing(" ", with: "_").replacing("-", with: "_")
        return PacketWords(name: name, info: "\(header.payload.count) bytes", hint: 0)
    }

    static func tree(
        _ packet: ArraySlice<UInt8>, attachmentLength: Int, direction: Direction, kind: DeviceKind, hint: UInt32
    ) -> FieldTree {
        let header = FieldNode.packetHeader(packet)
        var fields = header.fields
        let covered = fields.last.map { $0.offset + $0.size } ?? 0
        if covered < packet.count {
            let rest = packet[(packet.startIndex + covered)...]
            fields.append(
                FieldNode(name: "payload", offset: covered, size: rest.count, value: .bytes(Array(rest))))
        }
        return FieldTree(name: "PACKET", fields: fields, problem: header.problem)
    }
}
