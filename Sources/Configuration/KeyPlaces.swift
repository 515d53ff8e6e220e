/// Where in a TOML file the tables, keys and array elements begin, so that an error can name line and column.
///
/// It reads a text that was parsed before and takes no care of mistakes: where it understands nothing there is no place.
struct KeyPlaces: Hashable, Sendable {
    /// Line and column, from 1.
    struct Place: Hashable, Sendable {
        var line: Int
        var column: Int
    }

    // Only looked up, never walked.
    private var places: [String: Place] = [:]

    /// A document without a text.
    init() {}

    /// The place of a value; for one that is not there that of what it would be in.
    subscript(path: String) -> Place? {
        if places.isEmpty { return nil }
        var path = path
        while true {
            if let place = places[path] { return place }
            guard let end = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { return Place(line: 1, column: 1) }
            path = String(path[..<end])
        }
    }

    /// The file and, where it is known, line and column of a value, as messages begin.
    func located(_ file: String, _ path: String) -> String {
        self[path].map { "\(file):\($0.line):\($0.column)" } ?? file
    }

    /// Reads the bytes of a file.
    init(_ bytes: [UInt8]) {
        var scanner = KeyScanner(bytes)
        scanner.scan()
        places = scanner.places
    }
}

private struct KeyScanner {
    private let bytes: [UInt8]
    private var next = 0
    private var line = 1
    private var lineStart = 0
    var places: [String: KeyPlaces.Place] = [:]
    private var counts: [String: Int] = [:]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var current: UInt8? { next < bytes.count ? bytes[next] : nil }
    private var place: KeyPlaces.Place { KeyPlaces.Place(line: line, column: next - lineStart + 1) }

    private func isNext(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        return next + count <= bytes.count && bytes[next..<next + count].elementsEqual("\(text)".utf8)
    }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where next < bytes.count {
            if bytes[next] == UInt8(ascii: "\n") { (line, lineStart) = (line + 1, next + 1) }
            next += 1
        }
    }

    private mutating func skip(while condition: (UInt8) -> Bool) {
        while let byte = current, condition(byte) { advance() }
    }

    private mutating func skipBlanks() { skip { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") } }

    private mutating func skipLine() { skip { $0 != UInt8(ascii: "\n") } }

    mutating func scan() {
        var table = ""
        while true {
            skip { $0 <= UInt8(ascii: " ") }
            guard let byte = current else { return }
            switch byte {
            case UInt8(ascii: "#"): skipLine()
            case UInt8(ascii: "["):
                let start = place
                let isArray = isNext("[[")
                advance(isArray ? 2 : 1)
                table = header(keys(), isArray: isArray)
                places[table] = start
                skipLine()
            default:
                let start = place
                let path = keys().reduce(table) { Self.joined($0, $1) }
                if places[path] == nil { places[path] = start }
                skipBlanks()
                guard current == UInt8(ascii: "=") else {
                    skipLine()
                    continue
                }
                advance()
                value(path)
            }
        }
    }

    private static func joined(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// The path of a table; of arrays of tables the last element is meant, or a new one.
    private mutating func header(_ keys: [String], isArray: Bool) -> String {
        var path = ""
        for (index, key) in keys.enumerated() {
            path = Self.joined(path, key)
            if isArray, index == keys.count - 1 {
                counts[path, default: 0] += 1
                places[path] = places[path] ?? place
            }
            if let count = counts[path] { path += "[\(count - 1)]" }
        }
        return path
    }

    /// A dotted key, as error messages spell it.
    private mutating func keys() -> [String] {
        var keys: [String] = []
        while true {
            skipBlanks()
            let start = next
            if current == UInt8(ascii: "\"") || current == UInt8(ascii: "'") {
                string()
                let text = String(decoding: bytes[start + 1..<max(start + 1, next - 1)], as: UTF8.self)
                keys.append(text.utf8.allSatisfy(\.isBareKey) && !text.isEmpty ? text : "\"\(text)\"")
            } else {
                skip(while: \.isBareKey)
                keys.append(String(decoding: bytes[start..<next], as: UTF8.self))
            }
            skipBlanks()
            guard current == UInt8(ascii: ".") else { return keys }
            advance()
        }
    }

    /// Goes behind a string of any kind.
    private mutating func string() {
        guard let quote = current else { return }
        let isLong = isNext("\"\"\"") || isNext("'''")
        advance(isLong ? 3 : 1)
        while let byte = current {
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                advance(2)
            } else if byte == quote, !isLong || isNext("\"\"\"") || isNext("'''") {
                advance(isLong ? 3 : 1)
                return
            } else {
                advance()
            }
        }
    }

    /// Goes behind a value, and names the elements of an array.
    private mutating func value(_ path: String) {
        skipBlanks()
        var depth = 0
        let isArray = current == UInt8(ascii: "[")
        var (element, isFresh) = (0, false)
        while let byte = current {
            if isArray, isFresh, byte > UInt8(ascii: " "), byte != UInt8(ascii: "#"), byte != UInt8(ascii: "]") {
                places["\(path)[\(element)]"] = place
                isFresh = false
            }
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                string()
                continue
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                if isArray, depth == 1 { isFresh = true }
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            case UInt8(ascii: ",") where depth == 1: (element, isFresh) = (element + 1, true)
            case UInt8(ascii: "#"):
                skipLine()
                continue
            case UInt8(ascii: "\n") where depth <= 0: return
            default: break
            }
            advance()
        }
    }
}

extension UInt8 {
    /// Whether a key without quotes may hold this character.
    var isBareKey: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
