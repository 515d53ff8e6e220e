/// The characters that pictures are made of, for terminals that show Unicode and for those that do not.
struct GlyphSet: Hashable, Sendable {
    /// What graphs are drawn with.
    enum Graph: String, Hashable, Sendable, CaseIterable {
        /// Eight dots a cell: two values wide, four high.
        case braille
        /// Blocks of eighths: one value wide, eight high.
        case block
        /// Only ASCII.
        case ascii
    }

    var horizontal: Unicode.Scalar
    var vertical: Unicode.Scalar
    var topLeft: Unicode.Scalar
    var topRight: Unicode.Scalar
    var bottomLeft: Unicode.Scalar
    var bottomRight: Unicode.Scalar
    var branch: Unicode.Scalar
    var lastBranch: Unicode.Scalar
    var arrowUp: Unicode.Scalar
    var arrowDown: Unicode.Scalar
    var arrowLeft: Unicode.Scalar
    var arrowRight: Unicode.Scalar
    var collapsed: Unicode.Scalar
    var expanded: Unicode.Scalar
    var leaf: Unicode.Scalar
    var ellipsis: Unicode.Scalar
    var check: Unicode.Scalar
    var cross: Unicode.Scalar
    var bullet: Unicode.Scalar
    var fullBlock: Unicode.Scalar
    var mediumShade: Unicode.Scalar
    var lightShade: Unicode.Scalar
    var emptyGauge: Unicode.Scalar
    var scrollTrack: Unicode.Scalar
    var scrollThumb: Unicode.Scalar
    /// From an empty to a full cell, horizontally.
    var eighths: [Unicode.Scalar]
    /// From an empty to a full cell, vertically.
    var levels: [Unicode.Scalar]
    var graph: Graph

    static let unicode = GlyphSet(
        horizontal: "─", vertical: "│", topLeft: "┌", topRight: "┐", bottomLeft: "└", bottomRight: "┘", branch: "├",
        lastBranch: "└", arrowUp: "↑", arrowDown: "↓", arrowLeft: "←", arrowRight: "→", collapsed: "▸", expanded: "▾",
        leaf: "·", ellipsis: "…", check: "✓", cross: "✗", bullet: "•", fullBlock: "█", mediumShade: "▒",
        lightShade: "░", emptyGauge: "─", scrollTrack: "│", scrollThumb: "█",
        eighths: [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"], levels: [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
        graph: .braille)

    static let ascii = GlyphSet(
        horizontal: "-", vertical: "|", topLeft: "+", topRight: "+", bottomLeft: "+", bottomRight: "+", branch: "|",
        lastBranch: "`", arrowUp: "^", arrowDown: "v", arrowLeft: "<", arrowRight: ">", collapsed: "+", expanded: "-",
        leaf: ".", ellipsis: "~", check: "*", cross: "x", bullet: "*", fullBlock: "#", mediumShade: "=",
        lightShade: ":", emptyGauge: "-", scrollTrack: "|", scrollThumb: "#", eighths: [" ", "#"],
        levels: [" ", "_", ".", "-", "=", "^"], graph: .ascii)

    /// Unicode if the locale's character set is UTF-8 and nobody asked for ASCII. The Linux console has no braille in its
    /// font.
    static func choose(codeset: String, terminal: String?, forceASCII: Bool = false, graph: Graph? = nil) -> GlyphSet {
        let isUTF8 = codeset.uppercased() == "UTF-8" || codeset.uppercased() == "UTF8"
        guard isUTF8, !forceASCII else { return .ascii }
        var glyphs = GlyphSet.unicode
        if terminal == "linux" { glyphs.graph = .block }
        if let graph { glyphs.graph = graph }
        return glyphs
    }

    /// The nearest ASCII for what a terminal without Unicode cannot show.
    static func asciiFallback(for scalar: UInt32) -> UInt32 {
        switch scalar {
        case 0x20..<0x7F: scalar
        case 0x2500, 0x2501, 0x2504...0x250B: 0x2D
        case 0x2502, 0x2503: 0x7C
        case 0x250C...0x254B: 0x2B
        case 0x2580...0x2588: 0x23
        case 0x2190: 0x3C
        case 0x2192: 0x3E
        default: 0x3F
        }
    }
}
