/// A theme on a terminal with a certain number of colours: every role has a style.
struct ResolvedTheme: Sendable {
    let theme: Theme
    let depth: ColorDepth

    /// The style of a role on a surface, at a place on the role's gradient (0 to 100).
    func style(of role: Role, on surface: Role = .text, shade: UInt8 = 0) -> Style {
        switch depth {
        case .none: return Style()
        case .mono: return Style(attributes: monoAttributes(of: role, on: surface))
        default: break
        }
        let look = theme.look(of: role)
        let base = theme.look(of: .text)
        let lying = theme.look(of: surface)
        var attributes = look.attributes
        var foreground = look.foreground ?? base.foreground
        if !look.gradient.isEmpty { foreground = gradientColor(look, shade: shade) }
        var background = look.background ?? lying.background ?? base.background
        if isSmall, surface != .text, let laid = lying.background {
            // With few colours a coloured text on a coloured row is often unreadable: the row has one colour.
            foreground = lying.foreground ?? base.foreground
            background = laid
            attributes.formUnion(lying.attributes)
        }
        var style = Style(
            foreground: resolve(foreground), background: resolve(background), attributes: attributes)
        if depth == .palette8 { reduceTo8(&style) }
        if isSame(style.foreground, style.background) { style.foreground = readable(on: style.background) }
        return style
    }

    /// Whether the depth has so few colours that a theme's own choice for 16 colours counts.
    private var isSmall: Bool { depth == .palette16 || depth == .palette8 }

    private func resolve(_ color: Theme.Color?) -> TerminalColor {
        guard let color else { return .standard }
        if isSmall {
            switch color.color16 ?? color.color {
            case .rgb(let rgb): return .indexed(XtermPalette.nearest16(to: rgb))
            case .indexed(let index) where index >= 16:
                return .indexed(XtermPalette.nearest16(to: XtermPalette.color(index)))
            case let small: return small
            }
        }
        if depth == .palette256, case .rgb(let rgb) = color.color { return .indexed(XtermPalette.nearest(to: rgb)) }
        return color.color
    }

    private func gradientColor(_ look: Theme.Look, shade: UInt8) -> Theme.Color? {
        let place = Int(min(shade, 100))
        guard let after = look.gradient.firstIndex(where: { $0.at > place }), after > 0 else {
            return place == 0 ? look.gradient.first?.color : look.gradient.last?.color
        }
        let (start, end) = (look.gradient[after - 1], look.gradient[after])
        guard !isSmall, case .rgb(let from) = start.color.color, case .rgb(let to) = end.color.color else {
            return start.color
        }
        // At most twelve steps with 256 colours: neighbours would come out as the same number anyway.
        let step = depth == .palette256 ? place / 9 * 9 : place
        let fraction = Double(max(0, step - start.at)) / Double(end.at - start.at)
        return Theme.Color(color: .rgb(RGB.mix(from, to, fraction)))
    }

    /// Eight colours: the bright form of a text colour is bold, backgrounds have none, and blue on black is cyan.
    private func reduceTo8(_ style: inout Style) {
        if case .indexed(let index) = style.background, index >= 8 { style.background = .indexed(index - 8) }
        if case .indexed(let index) = style.foreground, index >= 8 {
            style.foreground = index == 8 ? .indexed(7) : .indexed(index - 8)
            if index != 8 { style.attributes.insert(.bold) }
        }
        let isOnBlack = style.background == .indexed(0) || (style.background == .standard && theme.variant == .dark)
        if style.foreground == .indexed(4), isOnBlack { style.foreground = .indexed(6) }
    }

    private func isSame(_ foreground: TerminalColor, _ background: TerminalColor) -> Bool {
        foreground == background && foreground != .standard
    }

    private func readable(on background: TerminalColor) -> TerminalColor {
        let color: RGB
        switch background {
        case .standard: return .standard
        case .indexed(let index): color = XtermPalette.color(index)
        case .rgb(let rgb): color = rgb
        }
        let isDark = color.luminance < 0.18
        return isDark ? (depth == .palette8 ? .indexed(7) : .indexed(15)) : .indexed(0)
    }

    private func monoAttributes(of role: Role, on surface: Role) -> TextAttributes {
        func attributes(_ role: Role) -> TextAttributes {
            let look = theme.look(of: role)
            if let mono = look.mono { return mono }
            var derived = look.attributes.subtracting(.dim)
            if look.background != nil, role != .text { derived.insert(.reverse) }
            return derived
        }
        return surface == .text ? attributes(role) : attributes(role).union(attributes(surface))
    }
}
