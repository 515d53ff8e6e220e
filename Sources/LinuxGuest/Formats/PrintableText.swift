import BusModel

/// Text from outside made fit for a terminal.
public enum PrintableText {
    /// The text with everything that could steer a terminal replaced by U+FFFD.
    public static func harmless(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: \.steersTerminal) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.steersTerminal ? "\u{FFFD}" : $0 }))
    }
}
