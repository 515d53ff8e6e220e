import CNcurses
import Glibc
import Platform

/// The terminal. With `NcursesTerminal+Input` the only place that knows ncurses.
///
/// ncurses keeps one screen per process in global variables: there is one terminal at a time, on one thread.
final class NcursesTerminal {
    /// How to open a terminal.
    struct Options {
        var input: Int32 = STDIN_FILENO
        var output: Int32 = STDOUT_FILENO
        var environment: [String: String]
        /// The depth that the user asked for, if any.
        var depth: ColorDepth?
        var forceASCII = false
        var graph: GlyphSet.Graph?
        var usesMouse = true
    }

    /// How many colours there are.
    let depth: ColorDepth
    /// What pictures are drawn with.
    let glyphs: GlyphSet
    /// The number of cells.
    private(set) var size = Size(columns: 80, rows: 24)

    let options: Options
    var decoder = KeyDecoder()
    private let screen: OpaquePointer
    private let input: UnsafeMutablePointer<FILE>
    private let output: UnsafeMutablePointer<FILE>
    private let settings: TerminalSettings
    private let restoration: [UInt8]
    private let isDirect: Bool
    private var isOpen = true
    private var shown: CellGrid?
    private var shownTheme: Theme?
    private var looks: [UInt32: Look] = [:]
    private var pairs: [PairKey: Int32] = [:]
    private var drawable: [UInt32: Bool] = [:]
    private var buffer: [cchar_t] = []

    private struct Look {
        var attributes: attr_t
        var pair: Int32
    }

    private struct PairKey: Hashable {
        var foreground: Int32
        var background: Int32
    }

    /// Takes the terminal: alternate screen, no echo, keys one by one.
    init(_ options: Options) throws(TerminalError) {
        guard DescriptorAccess.isTerminal(options.input), DescriptorAccess.isTerminal(options.output) else {
            throw .notATerminal
        }
        self.options = options
        let codeset = Self.chooseLocale()
        let name = options.environment["TERM"] ?? ""
        guard !name.isEmpty, let colors = Self.terminfoColors(of: name) else { throw .unknownTerminal(name: name) }
        var depth = ColorDepth.choose(
            requested: options.depth, environment: options.environment, terminfoColors: colors, isTerminal: true)
        var openName = name
        if depth == .truecolor, colors <= 256 {
            // ncurses sends 24 bits only with a description that has them; without one, 256 colours are the best it does.
            if let direct = Self.directName(of: name) { openName = direct } else { depth = .palette256 }
        }
        if colors < 256, depth == .palette256 || depth == .truecolor { depth = colors >= 16 ? .palette16 : .palette8 }
        if colors < 16, depth == .palette16 { depth = .palette8 }
        if colors < 8, depth == .palette8 { depth = .mono }
        self.depth = depth
        isDirect = depth == .truecolor
        glyphs = GlyphSet.choose(
            codeset: codeset, terminal: name, forceASCII: options.forceASCII, graph: options.graph)
        let settings: TerminalSettings
        do throws(SystemError) {
            settings = try TerminalSettings(of: options.input)
            try TerminalGuard.install()
        } catch {
            throw .system(error)
        }
        self.settings = settings
        guard let input = fdopen(dup(options.input), "r"), let output = fdopen(dup(options.output), "w") else {
            throw .system(SystemError.last("fdopen"))
        }
        self.input = input
        self.output = output
        use_tioctl(true)
        guard let screen = cn_open(openName, output, input) else {
            fclose(input)
            fclose(output)
            throw .unknownTerminal(name: name)
        }
        self.screen = screen
        restoration = Self.restoration(usesModes: cn_capability("kmous") != nil)
        do throws(SystemError) {
            try TerminalGuard.arm(descriptor: options.output, settings: settings, bytes: restoration)
        } catch {
            endwin()
            throw .system(error)
        }
        setUp()
    }

    deinit {
        close()
    }

    /// Gives the terminal back as it was. Does nothing the second time.
    func close() {
        guard isOpen else { return }
        isOpen = false
        endwin()
        leaveModes()
        TerminalGuard.disarm()
        try? settings.apply(to: options.input)
        delscreen(screen)
        fclose(input)
        fclose(output)
    }

    /// Gives the terminal back for a while, as for Ctrl-Z; ``resume()`` takes it again.
    func suspend() {
        endwin()
        leaveModes()
        TerminalGuard.disarm()
    }

    /// Takes the terminal again after ``suspend()``, in whatever size it has now. The next ``draw(_:theme:)`` shows all.
    func resume() {
        try? TerminalGuard.arm(descriptor: options.output, settings: settings, bytes: restoration)
        wrefresh(cn_standard_window())
        enterModes()
        resize()
    }

    /// Takes over the window's new size. The next ``draw(_:theme:)`` shows all.
    func resize() {
        if let window = TerminalSize(of: options.output) {
            resizeterm(Int32(clamping: window.rows), Int32(clamping: window.columns))
        }
        size = Size(columns: Int(cn_columns()), rows: Int(cn_rows()))
        redraw()
    }

    /// Lets the next ``draw(_:theme:)`` paint everything anew, as after something else has written to the screen.
    func redraw() {
        shown = nil
        werase(cn_standard_window())
        clearok(cn_current_window(), true)
    }

    /// Puts a text into the terminal's clipboard (OSC 52), where the terminal has one for programs. Longer texts than
    /// terminals take are cut.
    func copy(_ text: String) {
        guard hasModes else { return }
        fflush(output)
        let payload = Base64.encoded(Array(text.utf8.prefix(Self.clipboardLimit)))
        try? DescriptorAccess.write(options.output, Array("\u{1B}]52;c;".utf8) + payload + [0x07])
    }

    /// What makes 74,992 bytes in base 64; xterm takes no more.
    private static let clipboardLimit = 56_244

    func beep() {
        CNcurses.beep()
    }

    /// Shows `grid`; only rows that differ from what is shown are touched, and an equal grid costs no byte.
    func draw(_ grid: CellGrid, theme: ResolvedTheme) {
        if shownTheme != theme.theme {
            shownTheme = theme.theme
            shown = nil
            looks.removeAll(keepingCapacity: true)
            let ground = look(of: .blank, theme: theme)
            wattr_set(cn_standard_window(), ground.attributes, Int16(clamping: ground.pair), nil)
        }
        let comparable = shown.flatMap { $0.size == grid.size ? $0 : nil }
        for row in 0..<min(grid.size.rows, size.rows) {
            let cells = grid.row(row)
            if let comparable, comparable.row(row) == cells { continue }
            show(cells, row: Int32(row), theme: theme)
        }
        if let cursor = grid.cursor, cursor.row < size.rows, cursor.column < size.columns {
            wmove(cn_standard_window(), Int32(clamping: cursor.row), Int32(clamping: cursor.column))
            curs_set(1)
        } else {
            curs_set(0)
        }
        shown = grid
        wnoutrefresh(cn_standard_window())
        doupdate()
    }

    // MARK: Opening

    /// The character set of the user's locale. A UTF-8 locale that is not installed becomes C.UTF-8, which is; where
    /// even that is missing the screen is ASCII.
    private static func chooseLocale() -> String {
        if setlocale(LC_CTYPE, "") == nil, setlocale(LC_CTYPE, "C.UTF-8") == nil { setlocale(LC_CTYPE, "C") }
        return cn_codeset().map { String(cString: $0) } ?? ""
    }

    /// The number of colours that terminfo knows, 0 for none; nil if it does not know the terminal.
    private static func terminfoColors(of name: String) -> Int? {
        var problem: Int32 = 0
        guard setupterm(name, STDOUT_FILENO, &problem) == OK else { return nil }
        return max(0, Int(tigetnum("colors")))
    }

    private static func directName(of name: String) -> String? {
        let base = name.hasSuffix("-256color") ? String(name.dropLast("-256color".count)) : name
        let direct = base.hasSuffix("-direct") ? base : "\(base)-direct"
        return terminfoColors(of: direct).flatMap { $0 > 256 ? direct : nil }
    }

    /// What brings the terminal back in order, for when nobody is left to ask terminfo.
    private static func restoration(usesModes: Bool) -> [UInt8] {
        var bytes = usesModes ? leavingModes : []
        for capability in ["rmkx", "sgr0", "op", "cnorm", "rmcup"] {
            guard let text = cn_capability(capability) else { continue }
            bytes += withoutPadding(Array(String(cString: text).utf8))
        }
        return bytes.count <= 254 ? bytes + Array("\r\n".utf8) : leavingModes
    }

    /// Without `$<5>`, which tells terminals of the seventies' speed to wait.
    private static func withoutPadding(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var isPadding = false
        for (index, byte) in bytes.enumerated() {
            if byte == UInt8(ascii: "$"), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "<") {
                isPadding = true
            }
            if !isPadding { result.append(byte) }
            if byte == UInt8(ascii: ">") { isPadding = false }
        }
        return result
    }

    private func setUp() {
        set_escdelay(25)
        cbreak()
        noecho()
        nonl()
        let window = cn_standard_window()
        keypad(window, true)
        nodelay(window, true)
        intrflush(window, false)
        curs_set(0)
        defineKeys()
        if options.usesMouse {
            mousemask(cn_all_mouse_events, nil)
            mouseinterval(0)
        }
        if depth != .mono, depth != .none {
            start_color()
            use_default_colors()
        }
        size = Size(columns: Int(cn_columns()), rows: Int(cn_rows()))
        wrefresh(window)
        enterModes()
    }

    // MARK: Modes that ncurses does not know

    private static let enteringModes = Array("\u{1B}[?2004h".utf8)
    private static let leavingModes = Array("\u{1B}[?2004l\u{1B}[?1006l\u{1B}[?1003l\u{1B}[?1002l\u{1B}[?1000l".utf8)

    private var hasModes: Bool { cn_capability("kmous") != nil }

    private func enterModes() {
        fflush(output)
        if hasModes { try? DescriptorAccess.write(options.output, Self.enteringModes) }
    }

    private func leaveModes() {
        fflush(output)
        if hasModes { try? DescriptorAccess.write(options.output, Self.leavingModes) }
    }

    // MARK: Cells

    private func show(_ cells: ArraySlice<Cell>, row: Int32, theme: ResolvedTheme) {
        buffer.removeAll(keepingCapacity: true)
        for cell in cells where cell.width > 0 {
            let look = look(of: cell, theme: theme)
            var element = cchar_t()
            element.attr = look.attributes
            element.ext_color = look.pair
            element.chars.0 = wchar_t(truncatingIfNeeded: cell.scalar)
            if !isDrawable(cell) {
                element.chars.0 = wchar_t(truncatingIfNeeded: GlyphSet.asciiFallback(for: cell.scalar))
                if cell.width == 2 {
                    buffer.append(element)
                    element.chars.0 = 0x20
                }
            } else if cell.mark != 0, glyphs.graph != .ascii {
                element.chars.1 = wchar_t(truncatingIfNeeded: cell.mark)
            }
            buffer.append(element)
        }
        buffer.withUnsafeBufferPointer {
            _ = mvwadd_wchnstr(cn_standard_window(), row, 0, $0.baseAddress, Int32(clamping: $0.count))
        }
    }

    /// Whether the terminal can show the character, and the C library agrees with us about its width; ncurses goes by the
    /// latter, and the rest of the row would shift.
    private func isDrawable(_ cell: Cell) -> Bool {
        if cell.scalar < 0x7F { return true }
        if !isUnicode { return false }
        if let known = drawable[cell.scalar] { return known }
        let agrees = Self.libraryWidth(of: cell.scalar) == Int(cell.width)
        if drawable.count < 4_096 { drawable[cell.scalar] = agrees }
        return agrees
    }

    private var isUnicode: Bool { glyphs.horizontal != GlyphSet.ascii.horizontal }

    private func look(of cell: Cell, theme: ResolvedTheme) -> Look {
        let key = UInt32(cell.role.rawValue) << 16 | UInt32(cell.surface.rawValue) << 8 | UInt32(cell.shade)
        if let known = looks[key] { return known }
        let style = theme.style(of: cell.role, on: cell.surface, shade: cell.shade)
        let look = Look(attributes: attributes(of: style.attributes), pair: pair(of: style))
        looks[key] = look
        return look
    }

    private func attributes(of attributes: TextAttributes) -> attr_t {
        var result: attr_t = 0
        if attributes.contains(.bold) { result |= cn_bold }
        if attributes.contains(.dim) { result |= cn_dim }
        if attributes.contains(.italic) { result |= cn_italic }
        if attributes.contains(.underline) { result |= cn_underline }
        if attributes.contains(.reverse) { result |= cn_reverse }
        if attributes.contains(.blink) { result |= cn_blink }
        return result
    }

    private func pair(of style: Style) -> Int32 {
        guard depth != .mono, depth != .none else { return 0 }
        let key = PairKey(foreground: number(of: style.foreground), background: number(of: style.background))
        if let known = pairs[key] { return known }
        let pair = Int32(clamping: pairs.count + 1)
        guard pair < cn_pairs(), init_extended_pair(pair, key.foreground, key.background) == OK else { return 0 }
        pairs[key] = pair
        return pair
    }

    /// The number by which ncurses knows a colour; with direct colours that is red, green and blue themselves, besides
    /// the first eight.
    private func number(of color: TerminalColor) -> Int32 {
        switch color {
        case .standard: return -1
        case .indexed(let index):
            return isDirect && index >= 8 ? number(of: .rgb(XtermPalette.color(index))) : Int32(index)
        case .rgb(let rgb):
            guard isDirect else { return Int32(XtermPalette.nearest(to: rgb)) }
            let number = Int32(rgb.red) << 16 | Int32(rgb.green) << 8 | Int32(rgb.blue)
            return number == 0 || number >= 8 ? number : 8
        }
    }
}

extension NcursesTerminal {
    /// The width that the C library gives a character in the present locale, -1 if it cannot be printed.
    static func libraryWidth(of scalar: UInt32) -> Int {
        Int(wcwidth(wchar_t(truncatingIfNeeded: scalar)))
    }
}
