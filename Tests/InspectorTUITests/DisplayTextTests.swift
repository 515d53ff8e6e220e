import Glibc
import Testing

@testable import InspectorTUI

struct DisplayTextTests {
    @Test func `knows how many columns a text takes up`() {
        let cases: [(String, Int)] = [
            ("", 0), ("eth0", 4), ("é", 1), ("e\u{301}", 1), ("日本", 4), ("🙂", 2), ("ｱ", 1), ("Ａ", 2), ("한글", 4),
            ("─│█⣿", 4), ("\u{1B}[2J", 4), ("\u{200B}", 1), ("\u{1F1E9}\u{1F1EA}", 2), ("\u{301}", 0), ("☃\u{FE0F}", 1),
        ]
        for (text, columns) in cases { #expect(DisplayText.columns(of: text) == columns, "\(text)") }
    }

    @Test func `nothing that steers a terminal gets through`() {
        var text = String.UnicodeScalarView()
        for value in UInt32(0)...0x2FFFF {
            if let scalar = Unicode.Scalar(value) { text.append(scalar) }
        }
        text.append("\u{E0041}")
        text.append("\u{10FFFF}")
        let bad = DisplayText.glyphs(of: String(text)).glyphs.filter { glyph in
            guard let scalar = Unicode.Scalar(glyph.scalar) else { return true }
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
                return true
            default: return false
            }
        }
        #expect(bad.isEmpty)
        let hostile = "a\u{1B}]0;x\u{07}\u{9B}31m\u{202E}b\u{2066}\u{FEFF}\r\n\t\u{7F}"
        let shown = DisplayText.glyphs(of: hostile).glyphs.compactMap { Unicode.Scalar($0.scalar).map(String.init) }
        #expect(shown.joined() == "a␛]0;x␇�31m�b��␍␊␉␡")
    }

    @Test func `agrees with the C library where that knows better than we could`() throws {
        // A locale of UTF-8 that every Debian has; without it there is nothing to compare with.
        guard let locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil) else { return }
        let former = uselocale(locale)
        defer {
            uselocale(former)
            freelocale(locale)
        }
        var differences: [String] = []
        for value in UInt32(0x20)...0x2FFFF {
            guard let scalar = Unicode.Scalar(value), DisplayText.safe(scalar) == value else { continue }
            let columns = NcursesTerminal.libraryWidth(of: value)
            if columns >= 0, columns != DisplayText.width(of: scalar) {
                differences.append("\(String(value, radix: 16)):\(columns)")
            }
        }
        // What differs is drawn as a question mark; a few characters do from one version of Unicode to the next.
        #expect(differences.count < 100, "\(differences)")
    }

    @Test func `is broken between words, and a longer word has a line of its own`() {
        #expect(DisplayText.lines(of: "a bc def ghijklm no", width: 6) == ["a bc", "def", "ghijklm", "no"])
        #expect(DisplayText.lines(of: "a bc", width: 4) == ["a bc"])
        #expect(DisplayText.lines(of: "", width: 4).isEmpty)
    }
}
