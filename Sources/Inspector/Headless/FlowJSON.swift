public import BusModel
public import VMBusWire

/// One record of the log as one line of JSON, schema `vmbusscope.flow/1`: the keys in a fixed order, identifiers as `0x…` and
/// GUIDs as text, counts as numbers, and null for what is not known.
public enum FlowJSON {
    /// The schema's name and version, which only grows.
    public static let schema = "vmbusscope.flow/1"

    /// Writes one line.
    public static func write(_ entry: FlowEntry, _ payload: ArraySlice<UInt8>, to writer: inout JSONWriter) {
        let header = entry.header
        let hasDevice = header.device != .zero
        writer.object { writer in
            writer.member("schema", schema)
            writer.member("seq", header.sequence)
            writer.member("time_ns", header.time)
            writer.member("partition", entry.partitionName)
            writer.member("device", hasDevice ? header.device.description : nil)
            writer.member("subchannel", hasDevice ? header.subchannel : nil)
            writer.member("relid", header.relid == 0 ? nil : header.relid)
            writer.member("direction", entry.directionWord)
            writer.member("kind", header.kind.word)
            writer.member("name", entry.name)
            writer.member("length", header.payloadLength)
            // Only where a recording has not all of them.
            if header.omittedLength > 0 { writer.member("omitted", header.omittedLength) }
            writer.memberArray("fields") { writer in
                for field in RecordDissector.tree(entry, payload).fields { write(field, to: &writer) }
            }
        }
        writer.endLine()
    }

    /// Writes one field with those inside it.
    public static func write(_ field: FieldNode, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", field.name)
            writer.member("offset", field.offset)
            writer.member("size", field.size)
            switch field.value {
            case .unsigned(let number): writer.member("value", number)
            case .signed(let number): writer.member("value", number)
            case .identifier(let number): writer.member("value", Hexadecimal.prefixed(number))
            case .guid(let guid): writer.member("value", guid.description)
            case .bytes(let bytes): writer.member("value", hexadecimal(bytes))
            case .text(let text): writer.member("value", text)
            case .composite: writer.memberNull("value")
            }
            writer.member("text", field.text)
            if !field.children.isEmpty {
                writer.memberArray("fields") { writer in
                    for child in field.children { write(child, to: &writer) }
                }
            }
        }
    }

    private static let digits = Array("0123456789abcdef".utf8)

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
