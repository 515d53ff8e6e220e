import VMBusWire

/// The keys of an American keyboard and their scan codes of set 1.
enum KeyTable {
    /// A key: its code, and whether that has the prefix E0.
    struct Key: Hashable {
        var code: UInt16
        var isExtended = false

        var stroke: Keystroke { Keystroke(code, isExtended ? .extended0 : []) }
    }

    static let shift = Key(code: 0x2A)

    /// Keys side by side have codes one behind the other: the first code, plain characters, and those with Shift.
    private static let rows: [(first: UInt16, plain: String, shifted: String)] = [
        (0x02, "1234567890-=", "!@#$%^&*()_+"), (0x10, "qwertyuiop[]", "QWERTYUIOP{}"),
        (0x1E, "asdfghjkl;'`", "ASDFGHJKL:\"~"), (0x2B, "\\zxcvbnm,./", "|ZXCVBNM<>?"), (0x39, " ", " "),
    ]

    private static let names: [(name: String, key: Key)] = [
        ("esc", Key(code: 0x01)), ("backspace", Key(code: 0x0E)), ("tab", Key(code: 0x0F)),
        ("enter", Key(code: 0x1C)), ("ctrl", Key(code: 0x1D)), ("shift", shift), ("right-shift", Key(code: 0x36)),
        ("alt", Key(code: 0x38)), ("space", Key(code: 0x39)), ("caps-lock", Key(code: 0x3A)),
        ("num-lock", Key(code: 0x45)), ("scroll-lock", Key(code: 0x46)), ("f11", Key(code: 0x57)),
        ("f12", Key(code: 0x58)), ("right-ctrl", Key(code: 0x1D, isExtended: true)),
        ("right-alt", Key(code: 0x38, isExtended: true)), ("home", Key(code: 0x47, isExtended: true)),
        ("up", Key(code: 0x48, isExtended: true)), ("page-up", Key(code: 0x49, isExtended: true)),
        ("left", Key(code: 0x4B, isExtended: true)), ("right", Key(code: 0x4D, isExtended: true)),
        ("end", Key(code: 0x4F, isExtended: true)), ("down", Key(code: 0x50, isExtended: true)),
        ("page-down", Key(code: 0x51, isExtended: true)), ("insert", Key(code: 0x52, isExtended: true)),
        ("delete", Key(code: 0x53, isExtended: true)), ("super", Key(code: 0x5B, isExtended: true)),
        ("menu", Key(code: 0x5D, isExtended: true)),
    ]

    /// The key of a name such as `enter`, `f5` or `a`; nil for none.
    static func key(named name: some StringProtocol) -> Key? {
        if let known = names.first(where: { $0.name == name }) { return known.key }
        if name.hasPrefix("f"), let number = UInt16(name.dropFirst()), (1...10).contains(number) {
            return Key(code: 0x3A + number)
        }
        guard name.count == 1, let character = name.first, let found = key(for: character), !found.shifted else {
            return nil
        }
        return found.key
    }

    /// The key of a character, and whether Shift is held with it; nil for one that is on no key.
    static func key(for character: Character) -> (key: Key, shifted: Bool)? {
        switch character {
        case "\n": return (Key(code: 0x1C), false)
        case "\t": return (Key(code: 0x0F), false)
        default: break
        }
        for row in rows {
            for (characters, shifted) in [(row.plain, false), (row.shifted, true)] {
                guard let place = characters.firstIndex(of: character) else { continue }
                let distance = characters.distance(from: characters.startIndex, to: place)
                return (Key(code: row.first + UInt16(distance)), shifted)
            }
        }
        return nil
    }

    /// The name of a key that goes down or comes up; nil for one that is not known.
    static func name(of stroke: Keystroke) -> String? {
        guard stroke.flags.isDisjoint(with: [.unicode, .extended1]) else { return nil }
        let key = Key(code: stroke.code, isExtended: stroke.flags.contains(.extended0))
        if let known = names.first(where: { $0.key == key }) { return known.name }
        guard !key.isExtended else { return nil }
        if (0x3B...0x44).contains(key.code) { return "f\(key.code - 0x3A)" }
        for row in rows where key.code >= row.first && Int(key.code - row.first) < row.plain.count {
            return String(row.plain[row.plain.index(row.plain.startIndex, offsetBy: Int(key.code - row.first))])
        }
        return nil
    }

    /// "a down", "0x48 (E0) up".
    static func words(_ stroke: Keystroke) -> String {
        let prefix = stroke.flags.subtracting(.released)
        let code = "\(Hexadecimal.prefixed(stroke.code))\(prefix.isEmpty ? "" : " (\(prefix.meaning ?? ""))")"
        return "\(name(of: stroke) ?? code) \(stroke.flags.contains(.released) ? "up" : "down")"
    }

    /// What a person does with the keys to write a text; nil for a character that is on no key.
    static func strokes(typing text: String) -> [Keystroke]? {
        var strokes: [Keystroke] = []
        for character in text {
            guard let (key, shifted) = key(for: character) else { return nil }
            let pressed = [key.stroke, key.stroke.release]
            strokes += shifted ? [shift.stroke] + pressed + [shift.stroke.release] : pressed
        }
        return strokes
    }

    /// What a person does with keys that are held together, such as `ctrl+alt+delete`; nil for a name that is none.
    static func strokes(pressing names: String) -> [Keystroke]? {
        // The one key without a release of its own: the keyboard sends both when it goes down.
        if names == "pause" {
            let both = [Keystroke(0x1D, .extended1), Keystroke(0x45)]
            return both + both.map(\.release)
        }
        var keys: [Keystroke] = []
        for name in names.split(separator: "+") {
            guard let key = key(named: name) else { return nil }
            keys.append(key.stroke)
        }
        return keys.isEmpty ? nil : keys + keys.reversed().map(\.release)
    }

    /// Bytes as a keyboard sends them: E0 and E1 in front of a code, bit 7 for a release; nil for a prefix without a code.
    static func strokes(scanning bytes: [UInt8]) -> [Keystroke]? {
        var strokes: [Keystroke] = []
        var prefix: KeystrokeFlags = []
        for byte in bytes {
            switch byte {
            case 0xE0: prefix = .extended0
            case 0xE1: prefix = .extended1
            default:
                strokes.append(Keystroke(UInt16(byte & 0x7F), byte & 0x80 == 0 ? prefix : prefix.union(.released)))
                prefix = []
            }
        }
        return prefix.isEmpty ? strokes : nil
    }
}
