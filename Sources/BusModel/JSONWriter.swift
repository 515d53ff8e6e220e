/// Writes JSON as it goes, in the order the caller gives, so that equal facts are equal bytes.
///
/// Commas and colons are the writer's business; nesting is the caller's, through closures that cannot be left open. Text is
/// repaired to valid UTF-8 and everything that could steer a terminal is escaped, which a JSON reader undoes.
public struct JSONWriter: Sendable {
    /// What has been written and not taken yet, as UTF-8.
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// An empty writer.
    public init() {}

    /// What has been written and not taken yet, as text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// Hands over what has been written so far, for streams that are longer than memory should hold.
    public mutating func take() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: true) }
        return bytes
    }

    /// Ends a document or one record of a stream with a line feed; the next value starts afresh.
    public mutating func endLine() {
        bytes.append(UInt8(ascii: "\n"))
        needsComma = false
    }

    // MARK: Values

    /// An object whose members `body` writes.
    public mutating func object<Failure: Error>(
        _ body: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        open("{")
        try body(&self)
        close("}")
    }

    /// An array whose elements `body` writes.
    public mutating func array<Failure: Error>(_ body: (inout JSONWriter) throws(Failure) -> Void) throws(Failure) {
        open("[")
        try body(&self)
        close("]")
    }

    /// A string, or null.
    public mutating func value(_ text: String?) {
        guard let text else { return null() }
        separate()
        quote(text)
    }

    /// A whole number, or null.
    public mutating func value(_ number: (some BinaryInteger)?) {
        guard let number else { return null() }
        separate()
        bytes.append(contentsOf: String(number).utf8)
    }

    /// A floating-point number; null if it is nil or not finite, as JSON has no other way to write that.
    public mutating func value(_ number: Double?) {
        guard let number, number.isFinite else { return null() }
        separate()
        bytes.append(contentsOf: number.description.utf8)
    }

    /// A truth value, or null.
    public mutating func value(_ flag: Bool?) {
        guard let flag else { return null() }
        separate()
        bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    }

    /// Null.
    public mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    // MARK: Members of an object

    /// A member with a string, or null.
    public mutating func member(_ name: String, _ text: String?) {
        key(name)
        value(text)
    }

    /// A member with a whole number, or null.
    public mutating func member(_ name: String, _ number: (some BinaryInteger)?) {
        key(name)
        value(number)
    }

    /// A member with a floating-point number, or null.
    public mutating func member(_ name: String, _ number: Double?) {
        key(name)
        value(number)
    }

    /// A member with a truth value, or null.
    public mutating func member(_ name: String, _ flag: Bool?) {
        key(name)
        value(flag)
    }

    /// A member that is null.
    public mutating func memberNull(_ name: String) {
        key(name)
        null()
    }

    /// A member with an object whose members `body` writes.
    public mutating func memberObject<Failure: Error>(
        _ name: String, _ body: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        key(name)
        try object(body)
    }

    /// A member with an array whose elements `body` writes.
    public mutating func memberArray<Failure: Error>(
        _ name: String, _ body: (inout JSONWriter) throws(Failure) -> Void
    ) throws(Failure) {
        key(name)
        try array(body)
    }

    /// Writes a name and an array with one object for each item.
    public mutating func memberObjects<Items: Sequence, Failure: Error>(
        _ name: String, _ items: Items, _ body: (inout JSONWriter, Items.Element) throws(Failure) -> Void
    ) throws(Failure) {
        key(name)
        try array { (writer) throws(Failure) in
            for item in items {
                try writer.object { (writer) throws(Failure) in try body(&writer, item) }
            }
        }
    }

    /// The name of the member whose value is written next.
    public mutating func key(_ name: String) {
        separate()
        quote(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    // MARK: Punctuation

    private mutating func open(_ bracket: Unicode.Scalar) {
        separate()
        bytes.append(UInt8(truncatingIfNeeded: bracket.value))
        needsComma = false
    }

    private mutating func close(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(truncatingIfNeeded: bracket.value))
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": bytes.append(contentsOf: #"\""#.utf8)
            case "\\": bytes.append(contentsOf: #"\\"#.utf8)
            case "\n": bytes.append(contentsOf: #"\n"#.utf8)
            case "\r": bytes.append(contentsOf: #"\r"#.utf8)
            case "\t": bytes.append(contentsOf: #"\t"#.utf8)
            default:
                if scalar.steersTerminal {
                    escape(scalar)
                } else {
                    bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
                }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ scalar: Unicode.Scalar) {
        for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
            let digits = String(unit, radix: 16)
            bytes.append(contentsOf: (#"\u"# + String(repeating: "0", count: 4 - digits.count) + digits).utf8)
        }
    }
}

extension Unicode.Scalar {
    /// Whether printing it could move the cursor, colour the screen or turn the reading direction: control characters,
    /// line separators and bidirectional marks. Text from outside is never printed with these in it.
    public var steersTerminal: Bool {
        switch value {
        case 0..<0x20, 0x7F...0x9F, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}
