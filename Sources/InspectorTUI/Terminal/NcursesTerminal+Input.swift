import CNcurses

extension NcursesTerminal {
    /// What was typed, clicked and pasted since the last call; never waits.
    func readInputs() -> [TerminalInput] {
        var pieces: [KeyDecoder.Piece] = []
        // Somebody who pipes a file into the terminal must not keep the screen from being drawn.
        while pieces.count < 4_096 {
            var value: wint_t = 0
            let result = wget_wch(cn_standard_window(), &value)
            if result == ERR { break }
            guard result == KEY_CODE_YES else {
                pieces.append(.character(UInt32(value)))
                continue
            }
            let code = Int32(bitPattern: UInt32(value))
            if code == KEY_MOUSE {
                pieces += mouseEvents().map { .mouse($0) }
            } else if let piece = piece(of: code) {
                pieces.append(piece)
            }
        }
        return decoder.decode(pieces)
    }

    private static let pasteBegins: Int32 = 0x1000
    private static let pasteEnds: Int32 = 0x1001
    private static let firstModified: Int32 = 0x1100

    /// The final byte of a key's sequence, or its number before a tilde, and what is on the key.
    private static let modifiedKeys: [(sequence: String, isTilde: Bool, code: Key.Code)] = [
        ("A", false, .up), ("B", false, .down), ("C", false, .right), ("D", false, .left), ("H", false, .home),
        ("F", false, .end), ("2", true, .insert), ("3", true, .delete), ("5", true, .pageUp), ("6", true, .pageDown),
    ]

    /// Teaches ncurses what terminfo does not have: pasting, and keys with Shift, Alt and Ctrl as xterm sends them.
    func defineKeys() {
        define_key("\u{1B}[200~", Self.pasteBegins)
        define_key("\u{1B}[201~", Self.pasteEnds)
        for (index, key) in Self.modifiedKeys.enumerated() {
            for modifiers in 2...8 {
                let sequence =
                    key.isTilde
                    ? "\u{1B}[\(key.sequence);\(modifiers)~" : "\u{1B}[1;\(modifiers)\(key.sequence)"
                define_key(sequence, Self.firstModified + Int32(index * 8 + modifiers - 1))
            }
        }
    }

    private func piece(of code: Int32) -> KeyDecoder.Piece? {
        switch code {
        case Self.pasteBegins: return .pasteBegins
        case Self.pasteEnds: return .pasteEnds
        case Self.firstModified..<Self.firstModified + Int32(Self.modifiedKeys.count * 8):
            let offset = Int(code - Self.firstModified)
            return .key(
                Key(Self.modifiedKeys[offset / 8].code, Key.Modifiers(rawValue: UInt8(truncatingIfNeeded: offset % 8))))
        case KEY_F0 + 1...KEY_F0 + 12: return .key(Key(.function(Int(code - KEY_F0))))
        case KEY_F0 + 13...KEY_F0 + 24: return .key(Key(.function(Int(code - KEY_F0 - 12)), .shift))
        default: return Self.plainKeys.first { $0.code == code }.map { .key($0.key) }
        }
    }

    private static let plainKeys: [(code: Int32, key: Key)] = [
        (KEY_UP, Key(.up)), (KEY_DOWN, Key(.down)), (KEY_LEFT, Key(.left)), (KEY_RIGHT, Key(.right)),
        (KEY_HOME, Key(.home)), (KEY_END, Key(.end)), (KEY_PPAGE, Key(.pageUp)), (KEY_NPAGE, Key(.pageDown)),
        (KEY_IC, Key(.insert)), (KEY_DC, Key(.delete)), (KEY_BACKSPACE, Key(.backspace)), (KEY_ENTER, Key(.enter)),
        (KEY_BTAB, Key(.tab, .shift)), (KEY_SLEFT, Key(.left, .shift)), (KEY_SRIGHT, Key(.right, .shift)),
        (KEY_SR, Key(.up, .shift)), (KEY_SF, Key(.down, .shift)), (KEY_SHOME, Key(.home, .shift)),
        (KEY_SEND, Key(.end, .shift)),
    ]

    /// All events behind one key code: ncurses gathers those that came together, and hands out the newest first.
    private func mouseEvents() -> [MouseEvent] {
        var events: [MouseEvent] = []
        var event = MEVENT()
        while events.count < 64, getmouse(&event) == OK {
            if let known = Self.mouseEvent(event) { events.append(known) }
        }
        return events.reversed()
    }

    private static func mouseEvent(_ event: MEVENT) -> MouseEvent? {
        guard event.x >= 0, event.y >= 0 else { return nil }
        let action: MouseEvent.Action
        switch event.bstate {
        case let state where state & cn_button1 != 0: action = .press(.left)
        case let state where state & cn_button2 != 0: action = .press(.middle)
        case let state where state & cn_button3 != 0: action = .press(.right)
        case let state where state & cn_wheel_up != 0: action = .wheelUp
        case let state where state & cn_wheel_down != 0: action = .wheelDown
        case let state where state & cn_button1_released != 0: action = .release
        default: return nil
        }
        var modifiers: Key.Modifiers = []
        if event.bstate & cn_shift != 0 { modifiers.insert(.shift) }
        if event.bstate & cn_control != 0 { modifiers.insert(.control) }
        return MouseEvent(
            action: action, position: Position(row: Int(event.y), column: Int(event.x)), modifiers: modifiers)
    }
}
