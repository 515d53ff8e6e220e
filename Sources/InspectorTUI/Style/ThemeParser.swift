import Configuration

/// Reads theme files: `name`, `variant`, `inherits`, `[palette]`, `[roles]`. What a file does not say comes from the one
/// that it inherits from; the longest dotted beginning of a role's name that is there decides how the role looks.
struct ThemeParser {
    /// A theme and what is doubtful in its file.
    struct Result {
        var theme: Theme
        var warnings: [ConfigurationError]
    }

    /// Gives the file of a theme by its name, or nil if there is none.
    let source: (_ name: String) -> [UInt8]?

    /// The theme called `name`.
    func theme(named name: String) throws(ConfigurationError) -> Result {
        var warnings: [ConfigurationError] = []
        let layers = try layers(from: name, warnings: &warnings)
        var palette: [String: ConfigurationElement] = [:]
        var roles: [String: ConfigurationElement] = [:]
        var variant = Theme.Variant.dark
        for root in layers.reversed() {
            if let text = try root.stringIfPresent("variant") {
                guard let known = Theme.Variant(rawValue: text) else {
                    throw root.unacceptable("variant", value: text, expected: "dark or light")
                }
                variant = known
            }
            if let table = try root.tableIfPresent("palette") {
                for key in table.keys { palette[key] = table.element(key) }
            }
            if let table = try root.tableIfPresent("roles") {
                warnings += table.unknownKeys(Self.prefixes)
                for key in table.keys where Self.prefixes.contains(key) { roles[key] = table.element(key) }
            }
        }
        var looks: [Theme.Look] = []
        for role in Role.allCases {
            looks.append(try look(of: role, roles: roles, palette: palette, warnings: &warnings))
        }
        let theme = Theme(name: name, variant: variant, looks: looks)
        var seen: [ConfigurationError] = []
        for warning in warnings where !seen.contains(warning) { seen.append(warning) }
        return Result(theme: theme, warnings: seen)
    }

    /// All names of roles and all beginnings of them.
    static let prefixes: [String] = {
        var prefixes: [String] = []
        for name in Role.names {
            let parts = name.split(separator: ".")
            for count in 1...parts.count {
                let prefix = parts.prefix(count).joined(separator: ".")
                if !prefixes.contains(prefix) { prefixes.append(prefix) }
            }
        }
        return prefixes
    }()

    // MARK: Layers

    private func layers(
        from name: String, warnings: inout [ConfigurationError]
    ) throws(ConfigurationError) -> [ConfigurationTable] {
        var layers: [ConfigurationTable] = []
        var seen: [String] = []
        var next: String? = name
        var origin: ConfigurationTable?
        while let current = next {
            guard !seen.contains(current) else {
                throw ConfigurationError.unacceptable(
                    file: current, path: "inherits", value: current, expected: "no circle of themes")
            }
            seen.append(current)
            guard let bytes = source(current) else {
                throw origin?.unacceptable("inherits", value: current, expected: "the name of a theme")
                    ?? ConfigurationError.unacceptable(
                        file: "theme", path: "name", value: current, expected: "the name of a theme")
            }
            let root = try ConfigurationDocument(parsing: bytes, file: "\(current).toml").root
            warnings += root.unknownKeys(["name", "variant", "inherits", "palette", "roles"])
            layers.append(root)
            next = try root.stringIfPresent("inherits")
            origin = root
        }
        return layers
    }

    // MARK: Looks

    private func look(
        of role: Role, roles: [String: ConfigurationElement], palette: [String: ConfigurationElement],
        warnings: inout [ConfigurationError]
    ) throws(ConfigurationError) -> Theme.Look {
        var parts = role.name.split(separator: ".")
        while !parts.isEmpty {
            if let element = roles[parts.joined(separator: ".")] {
                return try look(element, palette: palette, warnings: &warnings)
            }
            parts.removeLast()
        }
        return Theme.Look()
    }

    private func look(
        _ element: ConfigurationElement, palette: [String: ConfigurationElement], warnings: inout [ConfigurationError]
    ) throws(ConfigurationError) -> Theme.Look {
        var look = Theme.Look()
        guard case .table = element.value else {
            look.foreground = try color(element, palette: palette)
            return look
        }
        let table = try element.table()
        warnings += table.unknownKeys(["fg", "bg", "fg16", "bg16", "attrs", "mono", "gradient", "at"])
        look.foreground = try color(table.element("fg"), table.element("fg16"), palette: palette)
        look.background = try color(table.element("bg"), table.element("bg16"), palette: palette)
        if table.contains("attrs") { look.attributes = try attributes(table.array("attrs")) }
        if table.contains("mono") { look.mono = try attributes(table.array("mono")) }
        let colors = try table.array("gradient")
        let places = try table.array("at")
        for (index, color) in colors.enumerated() {
            let even = colors.count > 1 ? index * 100 / (colors.count - 1) : 0
            let at = index < places.count ? Int(try places[index].integer(in: 0...100)) : even
            look.gradient.append(Theme.Look.Stop(color: try self.color(color, palette: palette), at: at))
        }
        look.gradient.sort { $0.at < $1.at }
        if look.foreground == nil { look.foreground = look.gradient.first?.color }
        return look
    }

    private func attributes(_ elements: [ConfigurationElement]) throws(ConfigurationError) -> TextAttributes {
        var attributes: TextAttributes = []
        for element in elements {
            let name = try element.string()
            guard let known = TextAttributes.names.first(where: { $0.name == name }) else {
                let names = TextAttributes.names.map(\.name).joined(separator: ", ")
                throw element.unacceptable(name, expected: "one of \(names)")
            }
            attributes.insert(known.attribute)
        }
        return attributes
    }

    // MARK: Colours

    private func color(
        _ element: ConfigurationElement?, _ element16: ConfigurationElement?, palette: [String: ConfigurationElement]
    ) throws(ConfigurationError) -> Theme.Color? {
        guard let element else { return nil }
        var color = try color(element, palette: palette)
        if let element16 { color.color16 = try plainColor(element16) }
        return color
    }

    /// A colour, by a name of the palette or by itself. Names of the palette do not lead to other names of it.
    private func color(
        _ element: ConfigurationElement, palette: [String: ConfigurationElement]
    ) throws(ConfigurationError) -> Theme.Color {
        guard case .string(let name) = element.value, let entry = palette[name] else {
            return Theme.Color(color: try plainColor(element))
        }
        var color = Theme.Color(color: try plainColor(entry))
        if let entry16 = palette["\(name)_16"] { color.color16 = try plainColor(entry16) }
        return color
    }

    private func plainColor(_ element: ConfigurationElement) throws(ConfigurationError) -> TerminalColor {
        if case .integer = element.value { return .indexed(UInt8(clamping: try element.integer(in: 0...255))) }
        let text = try element.string()
        if text == "default" { return .standard }
        if let index = Self.ansiNames.firstIndex(of: text) { return .indexed(UInt8(index)) }
        if let color = RGB(hexadecimal: text) { return .rgb(color) }
        throw element.unacceptable(
            text, expected: "#rgb, #rrggbb, 0 to 255, default, a colour such as red or bright-red, or a palette name")
    }

    private static let ansiNames = [
        "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "bright-black", "bright-red",
        "bright-green", "bright-yellow", "bright-blue", "bright-magenta", "bright-cyan", "bright-white",
    ]
}
