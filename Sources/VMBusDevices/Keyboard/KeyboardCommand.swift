/// What is asked of a keyboard from outside the bus: keys that go down and come up, one after the other.
public struct KeyboardCommand: Sendable, Hashable {
    /// The most keys of one command, releases counted.
    public static let maximumCount = 1024
    /// What is done with the keys.
    public let strokes: [Keystroke]

    static let forms = ["type TEXT, with \\n for Enter and \\s for a space at an end", "key NAME[+NAME]…", "scan XX…"]

    init(_ words: [String]) throws(DeviceCommandError) {
        let rest = Array(words.dropFirst())
        var strokes: [Keystroke]?
        switch words.first {
        case "type": strokes = KeyTable.strokes(typing: Self.unescaped(rest.joined(separator: " ")))
        case "key" where rest.count == 1: strokes = KeyTable.strokes(pressing: rest[0])
        case "scan":
            let bytes = rest.compactMap { UInt8($0, radix: 16) }
            strokes = bytes.count == rest.count ? KeyTable.strokes(scanning: bytes) : nil
        default: break
        }
        guard let strokes, !strokes.isEmpty, strokes.count <= Self.maximumCount else {
            throw DeviceCommandError(words, for: "keyboard", known: Self.forms)
        }
        self.strokes = strokes
    }

    private static func unescaped(_ text: String) -> String {
        var result = ""
        var isEscaped = false
        for character in text {
            if isEscaped {
                result.append(character == "n" ? "\n" : character == "t" ? "\t" : character == "s" ? " " : character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else {
                result.append(character)
            }
        }
        return isEscaped ? result + "\\" : result
    }
}
