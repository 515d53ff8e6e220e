/// Makes keys of what ncurses hands out: characters, key codes, and between them escapes and pasted text. Without
/// ncurses, so that it can be tested.
struct KeyDecoder {
    /// One thing that was read.
    enum Piece: Hashable {
        case character(UInt32)
        case key(Key)
        case mouse(MouseEvent)
        case pasteBegins, pasteEnds
    }

    /// Pasted text beyond this many characters is dropped.
    static let pasteLimit = 65_536

    private var pasted: String.UnicodeScalarView?
    private var escaped = false

    /// The inputs of pieces that were read together. An escape at the end is the key itself: what belongs to a sequence
    /// comes at once.
    mutating func decode(_ pieces: [Piece]) -> [TerminalInput] {
        var inputs: [TerminalInput] = []
        for piece in pieces { decode(piece, into: &inputs) }
        if escaped {
            escaped = false
            inputs.append(.key(Key(.escape)))
        }
        return inputs
    }

    private mutating func decode(_ piece: Piece, into inputs: inout [TerminalInput]) {
        switch piece {
        case .pasteBegins:
            pasted = String.UnicodeScalarView()
        case .pasteEnds:
            if let text = pasted { inputs.append(.paste(String(text))) }
            pasted = nil
        case .character(let value):
            if pasted != nil {
                if let scalar = Unicode.Scalar(value), pasted?.count ?? 0 < Self.pasteLimit { pasted?.append(scalar) }
            } else if value == 0x1B, !escaped {
                escaped = true
            } else if let key = Self.key(of: value) {
                append(key, to: &inputs)
            }
        case .key(let key):
            if pasted == nil { append(key, to: &inputs) }
        case .mouse(let event):
            if pasted == nil { inputs.append(.mouse(event)) }
        }
    }

    private mutating func append(_ key: Key, to inputs: inout [TerminalInput]) {
        var key = key
        if escaped { key.modifiers.insert(.alt) }
        escaped = false
        inputs.append(.key(key))
    }

    /// The key that sends a character by itself.
    static func key(of value: UInt32) -> Key? {
        switch value {
        case 0x09: return Key(.tab)
        case 0x0A, 0x0D: return Key(.enter)
        case 0x1B: return Key(.escape)
        case 0x08, 0x7F: return Key(.backspace)
        case 0: return Key(.character(" "), .control)
        case 1...0x1A: return Unicode.Scalar(value + 0x60).map { Key(.character($0), .control) }
        case 0x1C...0x1F: return Unicode.Scalar(value + 0x40).map { Key(.character($0), .control) }
        case 0x80..<0xA0: return nil
        default: return Unicode.Scalar(value).map { Key(.character($0)) }
        }
    }
}
