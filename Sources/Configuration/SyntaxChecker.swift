/// Checks that text is TOML before the parser sees it: the parser (toml++ 3.4 in TOMLKit 0.6) asserts or runs into
/// undefined behaviour on some malformed texts, such as `[#`, cuts strings at NUL, and recurses on the stack without a
/// limit where keys are dotted. What passes here is well-formed; what it means (a name given twice, a number that is
/// too large) remains the parser's to judge.
struct SyntaxChecker {
    /// Where something is, both from 1, and what is wrong there.
    struct Problem: Error {
        var line: Int
        var column: Int
        var reason: String
    }

    /// Keys with more parts, and values nested deeper, are refused.
    static let nestingLimit = 64

    private let bytes: [UInt8]
    private var index = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Throws the first thing in `bytes` that is not TOML.
    static func check(_ bytes: [UInt8]) throws(Problem) {
        var checker = SyntaxChecker(bytes)
        try checker.document()
    }

    // MARK: Lines

    private mutating func document() throws(Problem) {
        while true {
            // What a line holds may be indented.
            skipSpace()
            guard let byte = peek() else { return }
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "#"): break
            case UInt8(ascii: "["):
                try header()
            default:
                try keyAndValue(depth: 0)
            }
            try endOfLine()
        }
    }

    private mutating func header() throws(Problem) {
        index += 1
        let isArray = take("[")
        try key()
        try expect("]", "expected ']' at the end of a table's name")
        if isArray { try expect("]", "expected ']]' at the end of a table's name") }
    }

    private mutating func keyAndValue(depth: Int) throws(Problem) {
        try key()
        try expect("=", "expected '=' after a name")
        skipSpace()
        try value(depth: depth)
    }

    private mutating func endOfLine() throws(Problem) {
        skipSpace()
        try comment()
        guard peek() != nil else { return }
        guard takeNewline() else { throw problem("expected the end of the line") }
    }

    private mutating func comment() throws(Problem) {
        guard peek() == UInt8(ascii: "#") else { return }
        while let byte = peek(), byte != UInt8(ascii: "\n") {
            if byte == UInt8(ascii: "\r"), peek(1) == UInt8(ascii: "\n") { return }
            guard isText(byte) else { throw problem("control character in a comment") }
            index += 1
        }
    }

    // MARK: Names

    private mutating func key() throws(Problem) {
        var parts = 0
        repeat {
            parts += 1
            guard parts <= Self.nestingLimit else {
                throw problem("dotted name with more than \(Self.nestingLimit) parts")
            }
            skipSpace()
            switch peek() {
            case UInt8(ascii: "\""): try basicString()
            case UInt8(ascii: "'"): try literalString()
            default:
                let start = index
                while let byte = peek(), byte.isBareKey { index += 1 }
                guard index > start else { throw problem("expected a name") }
            }
            skipSpace()
        } while take(".")
    }

    // MARK: Values

    private mutating func value(depth: Int) throws(Problem) {
        guard depth < Self.nestingLimit else {
            throw problem("values nested deeper than \(Self.nestingLimit) levels")
        }
        switch peek() {
        case UInt8(ascii: "\""):
            if startsWith("\"\"\"") { try longString(quote: UInt8(ascii: "\"")) } else { try basicString() }
        case UInt8(ascii: "'"):
            if startsWith("'''") { try longString(quote: UInt8(ascii: "'")) } else { try literalString() }
        case UInt8(ascii: "["): try array(depth: depth)
        case UInt8(ascii: "{"): try inlineTable(depth: depth)
        default: try word()
        }
    }

    private mutating func array(depth: Int) throws(Problem) {
        index += 1
        while true {
            try skipSpaceAndLines()
            if take("]") { return }
            try value(depth: depth + 1)
            try skipSpaceAndLines()
            if take("]") { return }
            try expect(",", "expected ',' or ']' in an array")
        }
    }

    private mutating func inlineTable(depth: Int) throws(Problem) {
        index += 1
        skipSpace()
        if take("}") { return }
        while true {
            try keyAndValue(depth: depth + 1)
            skipSpace()
            if take("}") { return }
            try expect(",", "expected ',' or '}' in a table")
        }
    }

    private mutating func word() throws(Problem) {
        let start = index
        while let byte = peek(),
            byte.isBareKey || [UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: ":")].contains(byte)
        {
            index += 1
        }
        let word = bytes[start..<index]
        switch WordKind(word) {
        case .value: return
        case .date:
            index = start
            throw problem("dates are not used here; write the value as a string")
        case .nothing:
            index = start
            throw problem("expected a value")
        }
    }

    // MARK: Strings

    private mutating func basicString() throws(Problem) {
        let start = index
        index += 1
        while let byte = peek(), byte != UInt8(ascii: "\"") {
            if byte == UInt8(ascii: "\\") {
                try escape()
            } else {
                guard isText(byte) else { throw problem("line break or control character in a string") }
                index += 1
            }
        }
        guard take("\"") else { throw problem("string without an end", at: start) }
    }

    private mutating func literalString() throws(Problem) {
        let start = index
        index += 1
        while let byte = peek(), byte != UInt8(ascii: "'") {
            guard isText(byte) else { throw problem("line break or control character in a string") }
            index += 1
        }
        guard take("'") else { throw problem("string without an end", at: start) }
    }

    private mutating func longString(quote: UInt8) throws(Problem) {
        let start = index
        index += 3
        while let byte = peek() {
            if byte == quote {
                var count = 0
                while peek(count) == quote, count < 5 { count += 1 }
                index += count
                if count >= 3 { return }
            } else if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                try escapeOrLineEnd()
            } else if !takeNewline() {
                guard isText(byte) else { throw problem("control character in a string") }
                index += 1
            }
        }
        throw problem("string without an end", at: start)
    }

    private mutating func escapeOrLineEnd() throws(Problem) {
        var next = 1
        while let byte = peek(next), byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { next += 1 }
        if peek(next) == UInt8(ascii: "\n")
            || (peek(next) == UInt8(ascii: "\r") && peek(next + 1) == UInt8(ascii: "\n"))
        {
            index += next
            _ = takeNewline()
        } else {
            try escape()
        }
    }

    private mutating func escape() throws(Problem) {
        let digits: Int
        switch peek(1) {
        case UInt8(ascii: "b"), UInt8(ascii: "t"), UInt8(ascii: "n"), UInt8(ascii: "f"), UInt8(ascii: "r"),
            UInt8(ascii: "\""), UInt8(ascii: "\\"):
            index += 2
            return
        case UInt8(ascii: "u"): digits = 4
        case UInt8(ascii: "U"): digits = 8
        default: throw problem("unknown escape in a string")
        }
        var scalar: UInt32 = 0
        for position in 0..<digits {
            guard let byte = peek(2 + position), let digit = Self.hexadecimal(byte) else {
                throw problem("expected \(digits) hexadecimal digits")
            }
            scalar = scalar << 4 | digit
        }
        guard scalar != 0 else { throw problem("NUL character in a string") }
        guard Unicode.Scalar(scalar) != nil else { throw problem("no such character") }
        index += 2 + digits
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    // MARK: Bytes

    private func peek(_ ahead: Int = 0) -> UInt8? {
        index + ahead < bytes.count ? bytes[index + ahead] : nil
    }

    private func startsWith(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { bytes[index...].starts(with: $0) }
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard let byte = peek(), UInt32(byte) == scalar.value else { return false }
        index += 1
        return true
    }

    private mutating func expect(_ scalar: Unicode.Scalar, _ reason: String) throws(Problem) {
        guard take(scalar) else { throw problem(reason) }
    }

    private mutating func takeNewline() -> Bool {
        if peek() == UInt8(ascii: "\r"), peek(1) == UInt8(ascii: "\n") { index += 1 }
        return take("\n")
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { index += 1 }
    }

    private mutating func skipSpaceAndLines() throws(Problem) {
        repeat {
            skipSpace()
            try comment()
        } while takeNewline()
    }

    private func isText(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F || byte == UInt8(ascii: "\t")
    }

    private func problem(_ reason: String, at place: Int? = nil) -> Problem {
        let position = Self.position(of: place ?? index, in: bytes)
        return Problem(line: position.line, column: position.column, reason: reason)
    }

    /// Line and column, both from 1, of the byte at `index`; a column is a Unicode scalar.
    static func position(of index: Int, in bytes: [UInt8]) -> (line: Int, column: Int) {
        var line = 1
        var column = 1
        for byte in bytes.prefix(index) {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return (line, column)
    }
}
