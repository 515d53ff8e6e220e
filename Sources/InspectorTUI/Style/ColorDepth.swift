/// How many colours a terminal shows.
public enum ColorDepth: String, CaseIterable, Sendable, Hashable {
    /// Any colour, 24 bits.
    case truecolor
    /// The palette of xterm.
    case palette256 = "256"
    /// Eight colours and their bright forms.
    case palette16 = "16"
    /// Eight colours; bold makes them bright.
    case palette8 = "8"
    /// No colours, but bold, underline and reverse.
    case mono
    /// Nothing but characters.
    case none

    /// The depth for a terminal, by the first that says something: `requested`, `NO_COLOR`, no terminal or a dumb one,
    /// what promises 24 bits, the number of colours that terminfo knows.
    public static func choose(
        requested: ColorDepth?, environment: [String: String], terminfoColors: Int, isTerminal: Bool
    ) -> ColorDepth {
        if let requested { return requested }
        let terminal = environment["TERM"] ?? ""
        if !isTerminal || terminal == "dumb" || terminal.isEmpty { return .none }
        if let value = environment["NO_COLOR"], !value.isEmpty { return .mono }
        if ["truecolor", "24bit"].contains(environment["COLORTERM"]) || terminal.hasSuffix("-direct")
            || terminfoColors > 256
        {
            // A terminal whose description has no colours shows none, whatever a variable left by another one says.
            if terminfoColors >= 8 { return .truecolor }
        }
        switch terminfoColors {
        case 256...: return .palette256
        case 16...: return .palette16
        case 8...: return .palette8
        default: return .mono
        }
    }
}
