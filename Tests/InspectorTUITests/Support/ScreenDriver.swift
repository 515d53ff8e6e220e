import BusModel
import Inspector
import VMBusSimulator
import VMBusWire

@testable import InspectorTUI

/// Drives the screens as a user does, and reads what they show. Nothing here waits: what a key does has happened when
/// `press` returns.
struct ScreenDriver {
    var state: ScreenState
    var inspector: InspectorState
    var size: Size
    var glyphs: GlyphSet
    var source: SimulatorSource?
    /// What the screens asked for and the driver did not do.
    private(set) var effects: [ScreenEffect] = []

    /// A simulation that stands still at its start.
    static func simulation(seed: UInt64 = 7, columns: Int = 80, rows: Int = 24) throws -> ScreenDriver {
        guard let scenario = try Scenarios.named(Scenarios.defaultName) else { throw NoScenario() }
        let source = SimulatorSource(scenario, seed: seed, reader: FlowReader())
        var inspector = InspectorState(capabilities: source.capabilities, title: source.title)
        inspector.session = source.session
        return ScreenDriver(
            state: ScreenState(isRunning: false), inspector: inspector,
            size: Size(columns: columns, rows: rows), glyphs: .unicode, source: source)
    }

    struct NoScenario: Error {}

    /// Whatever a source without a screen of its own has yielded.
    static func batch(
        _ batch: FlowBatch, kind: SourceKind = .live, columns: Int = 80, rows: Int = 24, title: String = "a guest"
    ) -> ScreenDriver {
        var inspector = InspectorState(
            capabilities: Capabilities(kind: kind, canStep: false, canSeek: false, hasRingImages: false), title: title)
        inspector.ingest(batch)
        return ScreenDriver(
            state: ScreenState(), inspector: inspector, size: Size(columns: columns, rows: rows), glyphs: .unicode,
            source: nil)
    }

    init(state: ScreenState, inspector: InspectorState, size: Size, glyphs: GlyphSet, source: SimulatorSource?) {
        self.state = state
        self.inspector = inspector
        self.size = size
        self.glyphs = glyphs
        self.source = source
    }

    // MARK: What a user does

    /// Presses keys, by their names in the action table.
    mutating func press(_ names: String...) {
        for name in names { handle(.key(Self.key(name))) }
    }

    /// Types text, key by key.
    mutating func type(_ text: String) {
        for scalar in text.unicodeScalars { handle(.key(.character(scalar))) }
    }

    mutating func paste(_ text: String) { handle(.paste(text)) }

    mutating func click(row: Int, column: Int) {
        handle(.mouse(MouseEvent(action: .press(.left), position: Position(row: row, column: column))))
    }

    /// Clicks where a text is.
    mutating func click(_ text: String) {
        for (row, line) in lines.enumerated() {
            if let column = Self.column(of: text, in: line) {
                click(row: row, column: column)
                return
            }
        }
    }

    mutating func turnWheel(_ action: MouseEvent.Action, row: Int, column: Int = 5) {
        handle(.mouse(MouseEvent(action: action, position: Position(row: row, column: column))))
    }

    mutating func resize(_ columns: Int, _ rows: Int) { size = Size(columns: columns, rows: rows) }

    /// Lets the simulator make choices.
    mutating func advance(steps: Int) {
        guard let batch = source?.advance(.steps(steps)) else { return }
        inspector.ingest(batch)
        inspector.session = source?.session
    }

    /// Lets the simulator run until its clock says so.
    mutating func advance(toMilliseconds time: UInt64) {
        guard let batch = source?.advance(.time(time * 1_000_000, limit: 1_000_000)) else { return }
        inspector.ingest(batch)
        inspector.session = source?.session
    }

    private mutating func handle(_ input: TerminalInput) {
        refreshRings()
        for effect in state.handle(input, &inspector, size: size, glyphs: glyphs) { perform(effect) }
        while !inspector.flowFilter.isComplete { inspector.continueFiltering(budget: 100_000) }
        refreshRings()
    }

    private mutating func perform(_ effect: ScreenEffect) {
        switch effect {
        case .travel, .command, .compare:
            guard var source = source as (any BusSource)? else { return }
            var run = SessionRun()
            var slices = 0
            let said = run.perform(effect, &source, &inspector) {
                slices += 1
                return slices < 40
            }
            state.say(said)
            if run.isUnderway { state.message = run.stop(&source, &inspector) }
            self.source = source as? SimulatorSource
        default: effects.append(effect)
        }
    }

    private mutating func refreshRings() {
        state.settle(inspector, size: size)
        guard state.view == .rings, let channel = state.rings.channel, let source else { return }
        state.rings.images = RingImages(
            channel: channel, inbound: source.ringImage(channel, .hostToGuest),
            outbound: source.ringImage(channel, .guestToHost))
    }

    static func key(_ name: String) -> Key {
        if name.hasPrefix("Ctrl-"), let scalar = name.lowercased().unicodeScalars.last {
            return Key(.character(scalar), .control)
        }
        if name.count > 1, name.hasPrefix("F"), let number = Int(name.dropFirst()) { return Key(.function(number)) }
        switch name {
        case "Space": return .character(" ")
        case "Enter": return Key(.enter)
        case "Esc": return Key(.escape)
        case "Tab": return Key(.tab)
        case "Shift-Tab": return Key(.tab, .shift)
        case "Up": return Key(.up)
        case "Down": return Key(.down)
        case "Left": return Key(.left)
        case "Right": return Key(.right)
        case "PageUp": return Key(.pageUp)
        case "PageDown": return Key(.pageDown)
        case "Home": return Key(.home)
        case "End": return Key(.end)
        case "Backspace": return Key(.backspace)
        default: return name.unicodeScalars.first.map { .character($0) } ?? Key(.escape)
        }
    }

    // MARK: What is on the screen

    var frame: Frame {
        var copy = self
        copy.refreshRings()
        return Renderer.frame(copy.state, inspector, size: size, glyphs: glyphs)
    }

    var grid: CellGrid { frame.grid }
    var lines: [String] { TextSnapshot.lines(of: grid) }
    var text: String { TextSnapshot.text(of: grid) }
    func row(_ index: Int) -> String {
        let lines = lines
        return lines.indices.contains(index) ? lines[index] : ""
    }
    /// The first line that holds a text.
    func line(with text: String) -> String? { lines.first { Self.column(of: text, in: $0) != nil } }

    /// The line under the cursor.
    var cursorLine: String? {
        let grid = grid
        for row in 0..<grid.size.rows where grid.row(row).contains(where: { $0.surface == .cursor }) {
            return TextSnapshot.lines(of: grid)[row]
        }
        return nil
    }

    static func column(of text: String, in line: String) -> Int? {
        let (line, text) = (Array(line), Array(text))
        guard !text.isEmpty, line.count >= text.count else { return nil }
        return (0...(line.count - text.count)).first { Array(line[$0..<$0 + text.count]) == text }
    }
}
