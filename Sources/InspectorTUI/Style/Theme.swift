/// What a theme file says, for every role; how it looks depends on the terminal, see ``ResolvedTheme``.
struct Theme: Hashable, Sendable {
    /// Whether text is light on dark or dark on light.
    enum Variant: String, Hashable, Sendable { case dark, light }

    /// A colour, and the one for terminals with 16 colours if the theme names it.
    struct Color: Hashable, Sendable {
        var color: TerminalColor
        var color16: TerminalColor?
    }

    /// How one role looks.
    struct Look: Hashable, Sendable {
        var foreground: Color?
        var background: Color?
        var attributes: TextAttributes = []
        /// The attributes where there are no colours; derived if the theme does not name them.
        var mono: TextAttributes?
        /// Colours and where each begins, 0 to 100, ascending.
        var gradient: [Stop] = []

        struct Stop: Hashable, Sendable {
            var color: Color
            var at: Int
        }
    }

    let name: String
    let variant: Variant
    /// The look of each role, in the order of ``Role/allCases``.
    let looks: [Look]

    /// The look of a role.
    func look(of role: Role) -> Look { looks[Int(role.rawValue)] }
}
