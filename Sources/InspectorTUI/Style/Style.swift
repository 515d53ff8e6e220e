/// A colour as a terminal understands it.
enum TerminalColor: Hashable, Sendable {
    /// The terminal's own.
    case standard
    /// A number of the terminal's palette.
    case indexed(UInt8)
    /// Red, green and blue.
    case rgb(RGB)
}

/// Red, green and blue, 0 to 255 each, as sRGB has them.
struct RGB: Hashable, Sendable {
    var red: UInt8
    var green: UInt8
    var blue: UInt8
}

/// What a terminal does to characters besides colours.
struct TextAttributes: OptionSet, Hashable, Sendable {
    let rawValue: UInt8
    static let bold = TextAttributes(rawValue: 1)
    static let dim = TextAttributes(rawValue: 2)
    static let italic = TextAttributes(rawValue: 4)
    static let underline = TextAttributes(rawValue: 8)
    static let reverse = TextAttributes(rawValue: 16)
    static let blink = TextAttributes(rawValue: 32)

    /// The names that theme files use.
    static let names: [(name: String, attribute: TextAttributes)] = [
        ("bold", .bold), ("dim", .dim), ("italic", .italic), ("underline", .underline), ("reverse", .reverse),
        ("blink", .blink),
    ]
}

/// How a cell looks on one terminal.
struct Style: Hashable, Sendable {
    var foreground: TerminalColor = .standard
    var background: TerminalColor = .standard
    var attributes: TextAttributes = []
}
