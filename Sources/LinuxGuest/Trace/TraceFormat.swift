/// What a tracepoint's records hold, as its `events/SYSTEM/EVENT/format` file tells: kernels differ, so offsets are read and
/// never assumed (reference §7.10).
public struct TraceFormat: Sendable, Hashable {
    /// The tracepoint's system, such as `hyperv`.
    public let system: String
    /// The tracepoint, such as `vmbus_onoffer`.
    public let event: String
    /// The number by which its records and perf know it; it changes when a module is loaded again.
    public let id: UInt16
    /// Its fields, the ones that every tracepoint has among them, in the kernel's order.
    public let fields: [TraceFormatField]

    /// The most fields that are taken of one event; the kernel's own have at most a few dozen.
    public static let maximumFields = 128
    /// The longest text that is looked at, in bytes: all fields come before the long print format.
    public static let maximumText = 64 << 10

    /// Reads a `format` file. A text that is cut behind the fields is enough.
    ///
    /// - Parameters:
    ///   - text: the file's bytes.
    ///   - system: the name of the directory above the event's.
    /// - Throws: what is missing or does not fit.
    public init(_ text: [UInt8], system: String) throws(FormatError) {
        var name: String?
        var id: UInt16?
        var fields: [TraceFormatField] = []
        for line in text.prefix(Self.maximumText).split(separator: UInt8(ascii: "\n")) {
            let line = String(decoding: line, as: UTF8.self)
            if line.hasPrefix("name: ") {
                name = String(line.dropFirst(6))
            } else if line.hasPrefix("ID: ") {
                guard let number = UInt16(line.dropFirst(4)) else {
                    throw .outOfRange(expected: "16 bits", found: PrintableText.harmless(String(line.prefix(40))))
                }
                id = number
            } else if line.hasPrefix("print fmt:") {
                break
            } else if let field = try TraceFormatField(line: line) {
                guard fields.count < Self.maximumFields else {
                    throw .outOfRange(expected: "\(Self.maximumFields) fields", found: "more")
                }
                fields.append(field)
            }
        }
        guard let name, Self.isName(name) else { throw .malformed(expected: "name:", found: Self.beginning(text)) }
        guard let id else { throw .malformed(expected: "ID:", found: Self.beginning(text)) }
        self.system = system
        event = name
        self.id = id
        self.fields = fields
    }

    /// The field of that name.
    public func field(_ name: String) -> TraceFormatField? { fields.first { $0.name == name } }

    /// Whether a text can be a tracepoint's name: letters, digits and underscores, as it becomes part of a path.
    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 200
            && text.utf8.allSatisfy {
                $0 == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
            }
    }

    private static func beginning(_ text: [UInt8]) -> String {
        PrintableText.harmless(String(decoding: text.prefix(40), as: UTF8.self))
    }
}

/// One field of a tracepoint's records.
public struct TraceFormatField: Sendable, Hashable {
    /// How its bytes are to be taken.
    public enum Kind: Sendable, Hashable {
        /// A number of 1, 2, 4 or 8 bytes.
        case number(isSigned: Bool)
        /// Characters up to the first zero.
        case text
        /// Bytes without a known meaning.
        case bytes
        /// A word of 32 bits that tells where in the record characters stand: offset below, length above.
        case remoteText
        /// The same for bytes.
        case remoteBytes
    }

    /// The field's name.
    public let name: String
    /// How its bytes are to be taken.
    public let kind: Kind
    /// Where it starts in the record, in bytes.
    public let offset: Int
    /// How many bytes it has.
    public let size: Int

    /// Whether every tracepoint has it: it tells of the record rather than of what happened.
    public var isCommon: Bool { name.hasPrefix("common_") }

    /// The furthest that a record reaches, in bytes (a page holds it).
    static let furthest = 65536

    /// Reads a line such as `field:u32 child_relid; offset:8; size:4; signed:0;`; nil for a line that tells of no field.
    ///
    /// - Throws: what does not fit.
    public init?(line: String) throws(FormatError) {
        var declaration: Substring?
        var numbers: [Substring: Int] = [:]
        for part in line.split(separator: ";") {
            let part = part.drop { $0 == " " || $0 == "\t" }
            guard let colon = part.firstIndex(of: ":") else { continue }
            let value = part[part.index(after: colon)...].drop { $0 == " " }
            if part.hasPrefix("field:") || part.hasPrefix("field special:") {
                declaration = value
            } else if let number = Int(value), (0...Self.furthest).contains(number) {
                numbers[part[..<colon]] = number
            }
        }
        guard let declaration else { return nil }
        guard let offset = numbers["offset"], let size = numbers["size"] else {
            throw .malformed(
                expected: "offset and size of a field", found: PrintableText.harmless(String(line.prefix(40))))
        }
        try self.init(declaration: declaration, offset: offset, size: size, isSigned: numbers["signed"] == 1)
    }

    private init(declaration: Substring, offset: Int, size: Int, isSigned: Bool) throws(FormatError) {
        let isRemote = declaration.hasPrefix("__data_loc ") || declaration.hasPrefix("__rel_loc ")
        // Where a relative place counts from is behind the field, which only newer user events use.
        guard !declaration.hasPrefix("__rel_loc ") else {
            throw .malformed(expected: "a field that tells its place", found: "__rel_loc")
        }
        guard let blank = declaration.lastIndex(of: " ") else {
            throw .malformed(
                expected: "a type and a name", found: PrintableText.harmless(String(declaration.prefix(40))))
        }
        let type = declaration[..<blank]
        var name = declaration[declaration.index(after: blank)...].drop { $0 == "*" }
        let bracket = name.firstIndex(of: "[")
        if let bracket { name = name[..<bracket] }
        guard TraceFormat.isName(String(name)) else {
            throw .malformed(expected: "a field's name", found: PrintableText.harmless(String(name.prefix(40))))
        }
        self.name = String(name)
        self.offset = offset
        self.size = size
        let words = type.split { $0 == " " || $0 == "[" || $0 == "]" }
        let isCharacter = words.contains("char") && !words.contains("unsigned")
        if isRemote {
            guard size == 4 else { throw .outOfRange(expected: "4 bytes of place", found: "\(size)") }
            kind = isCharacter ? .remoteText : .remoteBytes
        } else if bracket != nil || type.hasSuffix("]") {
            kind = isCharacter ? .text : .bytes
        } else {
            kind = [1, 2, 4, 8].contains(size) ? .number(isSigned: isSigned) : .bytes
        }
    }
}
