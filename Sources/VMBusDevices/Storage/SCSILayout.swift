import VMBusWire

/// Where the fields of one SCSI structure lie: declared once as a table, used to read, to write and to show.
///
/// SCSI numbers are big-endian and have any width, so that a table serves better than a visitor.
struct SCSILayout: Sendable {
    /// One field.
    struct Field: Sendable, Hashable {
        let name: String
        let offset: Int
        /// Bytes; up to eight are a number.
        let width: Int
        /// Whether the number is shown in digits.
        let isDecimal: Bool
        let help: String

        func read(_ bytes: [UInt8]) -> UInt64 {
            var number: UInt64 = 0
            for index in offset..<min(offset + width, bytes.count) { number = number << 8 | UInt64(bytes[index]) }
            return number
        }
    }

    /// What the structure is called.
    let name: String
    /// In order of their place.
    let fields: [Field]
    /// Bytes of all fields.
    let byteCount: Int
    /// The first block that a command is about.
    let block: Field?
    /// How many blocks or bytes a command is about.
    let count: Field?

    /// Reads a table: the structure's name on the first line, then on each line a field's name, its bytes (`x` behind them
    /// for a number that is no count) and what it is. A field whose name begins with `-` carries nothing.
    init(_ table: String) {
        let lines = table.split(separator: "\n")
        name = lines.first.map(String.init) ?? ""
        var offset = 0
        fields = lines.dropFirst().map { line in
            let words = line.split(separator: " ", maxSplits: 2)
            let width = words.count > 1 ? words[1] : "0"
            let count = Int(width.prefix { $0.isNumber }) ?? 0
            defer { offset += count }
            return Field(
                name: String(words[0]), offset: offset, width: count, isDecimal: !width.hasSuffix("x"),
                help: words.count > 2 ? String(words[2]) : "carries nothing")
        }
        byteCount = offset
        block = fields.first { $0.name == "logical_block_address" }
        count = fields.first { ["transfer_length", "allocation_length", "parameter_list_length"].contains($0.name) }
    }

    subscript(_ name: String) -> Field? { fields.first { $0.name == name } }

    /// The fields that lie inside `bytes`, which begin at `base` in their record; what is left is one field.
    func nodes(_ bytes: [UInt8], base: Int, meaning: (Field, UInt64) -> String? = { _, _ in nil }) -> [FieldNode] {
        var nodes: [FieldNode] = []
        var end = 0
        for field in fields where field.offset + field.width <= bytes.count {
            end = field.offset + field.width
            let part = Array(bytes[field.offset..<end])
            let number = field.read(bytes)
            var value = FieldValue.bytes(part)
            if field.name.first != "-", field.width <= 8 {
                value = field.isDecimal ? .unsigned(number) : .identifier(number)
            }
            var text = meaning(field, number)
            if text == nil, field.name.hasSuffix("_identification") { text = Self.text(part) }
            nodes.append(
                FieldNode(
                    name: field.name.first == "-" ? "reserved" : field.name, offset: base + field.offset,
                    size: field.width, value: value, text: text, help: field.help))
        }
        if end < bytes.count {
            nodes.append(
                FieldNode(
                    name: "rest", offset: base + end, size: bytes.count - end, value: .bytes(Array(bytes[end...])),
                    help: "bytes behind the fields that are known"))
        }
        return nodes
    }

    /// Printable characters between the blanks around them.
    static func text(_ bytes: [UInt8]) -> String {
        let printable = bytes.map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: ".") }
        var text = Substring(String(decoding: printable, as: UTF8.self))
        while text.last == " " { text.removeLast() }
        return String(text.drop { $0 == " " })
    }
}
