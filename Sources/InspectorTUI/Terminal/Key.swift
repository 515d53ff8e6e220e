/// A key as it was pressed.
struct Key: Hashable, Sendable, CustomStringConvertible {
    /// What is on the key.
    enum Code: Hashable, Sendable {
        case character(Unicode.Scalar)
        case function(Int)
        case up, down, left, right, home, end, pageUp, pageDown, insert, delete
        case enter, escape, tab, backspace
    }

    /// The keys held down with it.
    struct Modifiers: OptionSet, Hashable, Sendable {
        let rawValue: UInt8
        static let shift = Modifiers(rawValue: 1)
        static let alt = Modifiers(rawValue: 2)
        static let control = Modifiers(rawValue: 4)
    }

    var code: Code
    var modifiers: Modifiers

    init(_ code: Code, _ modifiers: Modifiers = []) {
        self.code = code
        self.modifiers = modifiers
    }

    /// A character key without modifiers besides those that made the character.
    static func character(_ scalar: Unicode.Scalar) -> Key { Key(.character(scalar)) }

    /// As help and key bars write it: `F5`, `Ctrl-L`, `Alt-x`, `Shift-Tab`, `Space`.
    var description: String {
        var text = ""
        if modifiers.contains(.control) { text += "Ctrl-" }
        if modifiers.contains(.alt) { text += "Alt-" }
        if modifiers.contains(.shift) { text += "Shift-" }
        switch code {
        case .character(" "): return text + "Space"
        case .character(let scalar):
            return text + (modifiers.contains(.control) ? scalar.properties.uppercaseMapping : String(scalar))
        case .function(let number): return text + "F\(number)"
        case .up: return text + "Up"
        case .down: return text + "Down"
        case .left: return text + "Left"
        case .right: return text + "Right"
        case .home: return text + "Home"
        case .end: return text + "End"
        case .pageUp: return text + "PgUp"
        case .pageDown: return text + "PgDn"
        case .insert: return text + "Ins"
        case .delete: return text + "Del"
        case .enter: return text + "Enter"
        case .escape: return text + "Esc"
        case .tab: return text + "Tab"
        case .backspace: return text + "Bksp"
        }
    }
}

/// Something done with the mouse.
struct MouseEvent: Hashable, Sendable {
    enum Action: Hashable, Sendable {
        case press(Button)
        case release
        case wheelUp, wheelDown
        case move
    }

    enum Button: Hashable, Sendable { case left, middle, right }

    var action: Action
    var position: Position
    var modifiers: Key.Modifiers = []
}

/// What comes from the terminal.
enum TerminalInput: Hashable, Sendable {
    case key(Key)
    case mouse(MouseEvent)
    /// Text that was pasted, which is never a command.
    case paste(String)
}
