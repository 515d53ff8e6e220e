import BusModel

/// Text from outside, made fit for one line of a screen.
enum PlainText {
    /// The longest text that is kept of one value, in bytes.
    static let limit = 512

    /// The text without anything that could steer a terminal, and not longer than `limit`.
    static func clean(_ text: String) -> String {
        if text.utf8.count <= limit, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if result.utf8.count >= limit { return result + "…" }
            result.unicodeScalars.append(scalar.steersTerminal ? "\u{FFFD}" : scalar)
        }
        return result
    }

    /// Bytes that are meant as text.
    static func line(_ bytes: ArraySlice<UInt8>) -> String {
        clean(String(decoding: bytes.prefix(limit * 2), as: UTF8.self))
    }
}
