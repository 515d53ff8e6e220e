import Configuration
import Testing
import Themes

@testable import InspectorTUI

struct ThemeTests {
    private func color(_ color: TerminalColor, ifStandard standard: RGB) -> RGB {
        switch color {
        case .standard: standard
        case .indexed(let index): XtermPalette.color(index)
        case .rgb(let rgb): rgb
        }
    }

    @Test func `every role has a name, and every name a role`() {
        #expect(Role.names.count == Role.allCases.count)
        #expect(Set(Role.names).count == Role.names.count)
        for role in Role.allCases { #expect(Role(name: role.name) == role) }
        // The names follow the cases: text.dim is textDim, proto.message is protocolMessage.
        for role in Role.allCases {
            let expected = "\(role)".lowercased().replacing("protocol", with: "proto").replacing(
                "direction", with: "dir")
            #expect(role.name.filter { $0 != "." } == expected)
        }
    }

    @Test func `the built-in themes are without doubt`() throws {
        for name in BuiltInThemes.names {
            let result = try ThemeLibrary().theme(named: name)
            #expect(result.warnings.isEmpty, "\(name): \(result.warnings)")
            #expect(result.theme.name == name)
        }
    }

    @Test func `every role can be read in every built-in theme with full colours`() throws {
        for name in BuiltInThemes.names where name != "mono" {
            let theme = try ThemeLibrary().theme(named: name).theme
            let needed = name == "high-contrast" ? 7.0 : 4.5
            for depth in [ColorDepth.truecolor, .palette256] {
                let resolved = ResolvedTheme(theme: theme, depth: depth)
                for role in Role.allCases {
                    for surface in [Role.text, .popup, .cursor, .cursorUnfocused] {
                        if surface == .cursor, name == "high-contrast" { continue }
                        let style = resolved.style(of: role, on: surface)
                        let black = RGB(red: 0, green: 0, blue: 0)
                        let contrast = color(style.foreground, ifStandard: black)
                            .contrast(with: color(style.background, ifStandard: black))
                        let enough =
                            role.isDecoration ? (surface == .text ? 3.0 : 1.8) : surface == .text ? needed : 4.3
                        #expect(contrast >= enough, "\(name) \(depth): \(role.name) on \(surface.name) has \(contrast)")
                    }
                }
            }
        }
    }

    @Test func `text never has the colour of its ground`() throws {
        for name in BuiltInThemes.names {
            let theme = try ThemeLibrary().theme(named: name).theme
            for depth in ColorDepth.allCases {
                let resolved = ResolvedTheme(theme: theme, depth: depth)
                for role in Role.allCases {
                    for surface in [Role.text, .popup, .prompt, .cursor, .cursorUnfocused, .ringSelected] {
                        for shade in [UInt8(0), 50, 100] {
                            let style = resolved.style(of: role, on: surface, shade: shade)
                            let isSame = style.foreground == style.background && style.foreground != .standard
                            if isSame { Issue.record("\(name) \(depth): \(role.name) on \(surface.name)") }
                        }
                    }
                }
            }
        }
    }

    @Test func `with few colours only those come out`() throws {
        for name in BuiltInThemes.names {
            let theme = try ThemeLibrary().theme(named: name).theme
            for role in Role.allCases {
                for (depth, foreground, background) in [(ColorDepth.palette16, 16, 16), (.palette8, 8, 8)] {
                    let style = ResolvedTheme(theme: theme, depth: depth).style(of: role)
                    if case .indexed(let index) = style.foreground { #expect(index < foreground) }
                    if case .indexed(let index) = style.background { #expect(index < background) }
                    if case .rgb = style.foreground { Issue.record("\(name): \(role.name)") }
                }
                let mono = ResolvedTheme(theme: theme, depth: .mono).style(of: role)
                #expect(mono.foreground == .standard && mono.background == .standard)
                #expect(ResolvedTheme(theme: theme, depth: .none).style(of: role) == Style())
            }
            let mono = ResolvedTheme(theme: theme, depth: .mono)
            #expect(mono.style(of: .statusOk, on: .cursor).attributes.contains(.reverse))
            #expect(mono.style(of: .statusError).attributes != [])
        }
    }

    @Test func `a gradient goes from its first to its last colour`() throws {
        let theme = try ThemeLibrary().theme(named: "dark").theme
        let resolved = ResolvedTheme(theme: theme, depth: .truecolor)
        let steps = (0...100).map { resolved.style(of: .ringFill, shade: UInt8($0)).foreground }
        #expect(steps.first == resolved.style(of: .statusOk).foreground)
        #expect(steps.last == resolved.style(of: .statusError).foreground)
        #expect(Set(steps).count > 50)
        let few = ResolvedTheme(theme: theme, depth: .palette16)
        #expect(Set((0...100).map { few.style(of: .ringFill, shade: UInt8($0)).foreground }).count == 3)
    }

    private func parse(_ files: [String: String], _ name: String = "mine") throws -> ThemeParser.Result {
        try ThemeParser { files[$0].map { Array($0.utf8) } }.theme(named: name)
    }

    @Test func `the longest beginning of a name decides, and a theme inherits`() throws {
        let files = [
            "base":
                "[palette]\na = \"#f00\"\na_16 = \"yellow\"\n[roles]\nproto = \"a\"\n\"proto.fault\" = 3\n\"hex.byte\" = \"blue\"",
            "mine":
                "inherits = \"base\"\n[palette]\na = \"#0f0\"\n[roles]\nhex = { bg = \"default\", attrs = [\"bold\"] }",
        ]
        let theme = try parse(files).theme
        #expect(theme.look(of: .protocolPacket).foreground?.color == .rgb(RGB(red: 0, green: 255, blue: 0)))
        #expect(theme.look(of: .protocolPacket).foreground?.color16 == .indexed(3))
        #expect(theme.look(of: .protocolFault).foreground?.color == .indexed(3))
        #expect(theme.look(of: .hexByte).foreground?.color == .indexed(4))
        #expect(theme.look(of: .hexField).attributes == .bold)
        #expect(theme.look(of: .treeName) == Theme.Look())
    }

    @Test func `what is wrong in a theme is said with its place`() throws {
        let cases = [
            ("[roles]\ntext = \"#12\"", "mine.toml:2:1: roles.text: #12: expected #rgb"),
            (
                "[roles]\ntext = { attrs = [\"bolt\"] }",
                "mine.toml:2:1: roles.text.attrs[0]: bolt: expected one of bold"
            ),
            ("variant = \"grey\"", "mine.toml:1:1: variant: grey: expected dark or light"),
            ("inherits = \"nobody\"", "mine.toml:1:1: inherits: nobody: expected the name of a theme"),
            ("inherits = \"mine\"", "mine: inherits: mine: expected no circle of themes"),
            ("[roles]\ntext = 256", "mine.toml:2:1: roles.text: 256: expected 0 to 255"),
            ("[roles\n", "mine.toml:1:"),
        ]
        for (text, expected) in cases {
            do {
                _ = try parse(["mine": text])
                Issue.record("no error for \(text)")
            } catch {
                #expect("\(error)".hasPrefix(expected), "\(error)")
            }
        }
        let warnings = try parse(["mine": "[roles]\n\"tree.nam\" = \"red\"\n[palet]"]).warnings
        #expect(
            warnings.map(\.description) == [
                "mine.toml:3:1: palet: unknown; did you mean 'palette'?",
                "mine.toml:2:1: roles.\"tree.nam\": unknown; did you mean 'tree.name'?",
            ])
    }

    @Test func `the nearest of 256 colours is the one that looks so`() {
        #expect(XtermPalette.nearest(to: RGB(red: 255, green: 0, blue: 0)) == 196)
        #expect(XtermPalette.nearest(to: RGB(red: 128, green: 128, blue: 128)) == 244)
        for index in UInt8(16)...255 {
            #expect(
                XtermPalette.color(XtermPalette.nearest(to: XtermPalette.color(index))) == XtermPalette.color(index))
        }
        #expect(XtermPalette.nearest16(to: RGB(red: 10, green: 10, blue: 12)) == 0)
        #expect(XtermPalette.nearest16(to: RGB(red: 150, green: 20, blue: 20)) == 1)
        #expect(XtermPalette.nearest16(to: RGB(red: 140, green: 240, blue: 140)) == 10)
    }

    @Test func `the colour depth follows the environment`() {
        let cases: [(ColorDepth?, [String: String], Int, Bool, ColorDepth)] = [
            (nil, ["TERM": "xterm-256color"], 256, true, .palette256),
            (nil, ["TERM": "xterm-256color", "COLORTERM": "truecolor"], 256, true, .truecolor),
            (nil, ["TERM": "xterm-256color", "NO_COLOR": "1", "COLORTERM": "truecolor"], 256, true, .mono),
            (nil, ["TERM": "xterm-256color", "NO_COLOR": ""], 256, true, .palette256),
            (.palette16, ["TERM": "xterm-256color", "NO_COLOR": "1"], 256, true, .palette16),
            (nil, ["TERM": "xterm-direct"], 1 << 24, true, .truecolor),
            (nil, ["TERM": "linux"], 8, true, .palette8),
            (nil, ["TERM": "xterm-16color"], 16, true, .palette16),
            (nil, ["TERM": "vt100", "COLORTERM": "truecolor"], 0, true, .mono),
            (nil, ["TERM": "dumb"], 0, true, .none),
            (nil, [:], 0, true, .none),
            (nil, ["TERM": "xterm"], 8, false, .none),
        ]
        for (requested, environment, colors, isTerminal, expected) in cases {
            let depth = ColorDepth.choose(
                requested: requested, environment: environment, terminfoColors: colors, isTerminal: isTerminal)
            #expect(depth == expected, "\(environment)")
        }
    }

    @Test func `the glyphs follow the locale`() {
        #expect(GlyphSet.choose(codeset: "UTF-8", terminal: "xterm") == .unicode)
        #expect(GlyphSet.choose(codeset: "ANSI_X3.4-1968", terminal: "xterm") == .ascii)
        #expect(GlyphSet.choose(codeset: "UTF-8", terminal: "xterm", forceASCII: true) == .ascii)
        #expect(GlyphSet.choose(codeset: "UTF-8", terminal: "linux").graph == .block)
        #expect(GlyphSet.choose(codeset: "UTF-8", terminal: "linux", graph: .braille).graph == .braille)
    }
}
