import Testing

@testable import InspectorTUI

struct KeyDecoderTests {
    private func keys(_ pieces: [KeyDecoder.Piece]) -> [String] {
        var decoder = KeyDecoder()
        return decoder.decode(pieces).map {
            switch $0 {
            case .key(let key): key.description
            case .mouse: "mouse"
            case .paste(let text): "paste \(text)"
            }
        }
    }

    @Test func `characters and controls are keys`() {
        let values: [UInt32] = [0x61, 0xE9, 0x20, 0x0D, 0x0A, 0x09, 0x7F, 0x01, 0x1A, 0x00, 0x1C, 0x9B, 0x1F642]
        #expect(
            keys(values.map { .character($0) }) == [
                "a", "é", "Space", "Enter", "Enter", "Tab", "Bksp", "Ctrl-A", "Ctrl-Z", "Ctrl-Space", "Ctrl-\\", "🙂",
            ])
    }

    @Test func `escape is a key at the end and Alt before another`() {
        #expect(keys([.character(0x1B)]) == ["Esc"])
        #expect(keys([.character(0x1B), .character(0x78), .character(0x79)]) == ["Alt-x", "y"])
        #expect(keys([.character(0x1B), .key(Key(.left))]) == ["Alt-Left"])
        #expect(keys([.character(0x1B), .character(0x1B)]) == ["Alt-Esc"])
    }

    @Test func `pasted text is never a command, even in two halves`() {
        var decoder = KeyDecoder()
        #expect(decoder.decode([.pasteBegins, .character(0x71), .key(Key(.function(10)))]).isEmpty)
        #expect(decoder.decode([.character(0x1B), .character(0x0A), .pasteEnds]) == [.paste("q\u{1B}\n")])
        #expect(decoder.decode([.pasteEnds, .character(0x71)]) == [.key(.character("q"))])
    }
}
