/// Text as a terminal may see it: characters with their widths, and nothing that could steer the terminal, reorder the
/// line or hide. Whatever comes from outside goes through here.
enum DisplayText {
    /// A character that takes up one or two columns.
    struct Glyph: Hashable {
        var scalar: UInt32
        var mark: UInt32
        var width: Int
    }

    /// Stands for what must not be shown as it is.
    static let substitute: UInt32 = 0xFFFD

    /// The glyphs of `text`, at most `limit` columns of them, and whether that was all.
    static func glyphs(of text: some StringProtocol, limit: Int = .max) -> (glyphs: [Glyph], columns: Int, isAll: Bool)
    {
        var glyphs: [Glyph] = []
        var columns = 0
        for scalar in text.unicodeScalars {
            let width = width(of: scalar)
            if width == 0 {
                // A second mark on one character is left out: no name needs it, and piles of marks leave their line.
                if let last = glyphs.indices.last, glyphs[last].mark == 0, !isVariationSelector(scalar) {
                    glyphs[last].mark = scalar.value
                }
                continue
            }
            guard columns + width <= limit else { return (glyphs, columns, false) }
            glyphs.append(Glyph(scalar: safe(scalar), mark: 0, width: width))
            columns += width
        }
        return (glyphs, columns, true)
    }

    /// The columns that `text` takes up.
    static func columns(of text: some StringProtocol) -> Int {
        text.unicodeScalars.reduce(0) { $0 + width(of: $1) }
    }

    /// `text` as lines of at most `width` columns, broken between words; a word that is longer has a line of its own.
    static func lines(of text: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, columns(of: last) + 1 + columns(of: word) <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    /// 0 for combining marks, 2 for East Asian wide characters and emoji, else 1, also for what is substituted.
    static func width(of scalar: Unicode.Scalar) -> Int {
        let value = scalar.value
        if value < 0x300 { return 1 }
        if isHidden(scalar) { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: break
        }
        return isWide(scalar) ? 2 : 1
    }

    /// The scalar itself, or what is shown in its place: control pictures for ASCII control characters, else
    /// ``substitute``.
    static func safe(_ scalar: Unicode.Scalar) -> UInt32 {
        switch scalar.value {
        case 0x20..<0x7F: scalar.value
        case 0..<0x20: 0x2400 + scalar.value
        case 0x7F: 0x2421
        default: isHidden(scalar) ? substitute : scalar.value
        }
    }

    /// Whether a terminal would obey it, reorder by it, show nothing, or disagree with us about its width.
    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20..<0x7F: return false
        case 0..<0xA0, 0xAD: return true
        case 0xA1..<0x300: return false
        // Conjoining vowels, fillers, regional indicators: terminals disagree on their widths.
        case 0x115F...0x11FF, 0xD7B0...0xD7FF, 0x3164, 0xFFA0, 0x1F1E6...0x1F1FF: return true
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: return true
        case .spaceSeparator: return scalar.value != 0x20 && scalar.value != 0x3000 && scalar.value != 0xA0
        default: return false
        }
    }

    private static func isVariationSelector(_ scalar: Unicode.Scalar) -> Bool {
        (0xFE00...0xFE0F).contains(scalar.value) || (0xE0100...0xE01EF).contains(scalar.value)
    }

    private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.properties.isEmojiPresentation { return true }
        return wideRanges.contains { $0.contains(scalar.value) }
    }

    /// East Asian Width W and F (UAX 11), without what is emoji by default.
    private static let wideRanges: [ClosedRange<UInt32>] = [
        0x1100...0x115E, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0xA4C6,
        0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6B, 0xFF01...0xFF60,
        0xFFE0...0xFFE6, 0x16FE0...0x18CD5, 0x18D00...0x18D08, 0x1AFF0...0x1B2FB, 0x1F200...0x1F265, 0x20000...0x3FFFD,
    ]
}
