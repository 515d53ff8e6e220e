import BusModel
import Inspector
import VMBusWire

/// Something on the screen that can be clicked, and where it is; later ones lie above earlier ones.
struct Hit: Hashable, Sendable {
    var area: Rectangle
    var target: HitTarget
}

/// What can be clicked.
enum HitTarget: Hashable, Sendable {
    case tab(InspectorView)
    case action(ActionID)
    /// The title of a column, by its id.
    case header(String)
    case row(Int)
    /// The mark that opens and closes what lies inside a row.
    case branch(Int)
    case ring(Direction)
    /// A packet of the ring's list.
    case block(Int)
    /// A column of the map of processors.
    case mapColumn(Int)
    /// A cell of the time bar, by its step.
    case step(UInt64)
    /// A record of the sequence chart.
    case record(UInt64)
    /// The sequence chart of a session.
    case chart
    case details
    /// A line of the details, or a field.
    case line(Int)
    case byte(Int)
    case popup
    case paletteRow(Int)
}

/// One picture of the screen and what can be clicked in it.
struct Frame: Sendable {
    var grid: CellGrid
    var hits: [Hit]
}

/// Draws the screens: what is remembered and what is known become cells, and nothing else comes of it.
struct Renderer {
    let state: ScreenState
    let inspector: InspectorState
    let glyphs: GlyphSet
    let layout: ScreenLayout
    var grid: CellGrid
    var hits: [Hit] = []

    /// The least size at which anything can be shown.
    static let leastSize = Size(columns: 12, rows: 2)

    private init(_ state: ScreenState, _ inspector: InspectorState, size: Size, glyphs: GlyphSet) {
        var settled = state
        settled.settle(inspector, size: size)
        self.state = settled
        self.inspector = inspector
        self.glyphs = state.isASCII ? .ascii : glyphs
        layout = ScreenLayout(settled, size: size)
        grid = CellGrid(size)
    }

    /// The screen as cells.
    static func frame(
        _ state: ScreenState, _ inspector: InspectorState, size: Size, glyphs: GlyphSet
    ) -> Frame {
        guard size.columns >= leastSize.columns, size.rows >= leastSize.rows else {
            var grid = CellGrid(size)
            grid.write("too small", at: Position(row: 0, column: 0), role: .text, in: grid.bounds)
            return Frame(grid: grid, hits: [])
        }
        var renderer = Renderer(state, inspector, size: size, glyphs: glyphs)
        renderer.drawAll()
        return Frame(grid: renderer.grid, hits: renderer.hits)
    }

    private mutating func drawAll() {
        drawTitle()
        drawTabs()
        switch state.view {
        case .partitions, .channels, .flow, .ledger, .doctor: drawList(in: layout.content)
        case .rings: drawRings(in: layout.content)
        case .cpus: drawProcessors(in: layout.content)
        case .session: drawSession(in: layout.content)
        }
        if state.details.isOpen { drawDetails() }
        drawStatus()
        drawKeys()
        drawPopup()
    }

    private mutating func drawTabs() {
        guard !layout.tabs.isEmpty else { return }
        let views = InspectorView.allCases
        let row = TabRow(
            tabs: views.map { (String($0.rawValue), $0.title) }, active: views.firstIndex(of: state.view) ?? 0)
        for place in row.draw(on: &grid, in: layout.tabs, glyphs: glyphs) {
            hits.append(Hit(area: columns(place.columns, of: layout.tabs), target: .tab(views[place.index])))
        }
        // On the right what is asked of this view, if anything.
        let filter = inspector.filterText(state.view)
        let text = filter.isEmpty ? "" : " filter: \(filter) "
        let width = DisplayText.columns(of: text)
        let used = grid.row(layout.tabs.row).lastIndex { $0.scalar != 0x20 }.map {
            $0 - layout.tabs.row * grid.size.columns + 2
        }
        let room = layout.tabs.columns - (used ?? 0)
        guard !text.isEmpty, room >= 12 else { return }
        let (_, right) = layout.tabs.cutRight(min(width, room))
        grid.write(
            text, at: Position(row: right.row, column: right.column), role: .badgeFilter, in: right,
            ellipsis: glyphs.ellipsis)
    }

    /// The part of a line that these columns of the screen are.
    func columns(_ columns: Range<Int>, of line: Rectangle) -> Rectangle {
        Rectangle(row: line.row, column: columns.lowerBound, rows: line.rows, columns: columns.count)
            .intersection(line)
    }

    // MARK: The line of keys

    private mutating func drawKeys() {
        guard !layout.keys.isEmpty else { return }
        if state.prompt != nil || state.popup != nil {
            KeyBar(items: momentaryKeys).draw(on: &grid, in: layout.keys, glyphs: glyphs)
            return
        }
        let actions = ActionTable.bar(for: state.view, inspector.capabilities)
        let isPaused = state.isPaused(inspector)
        let items = actions.map { action in
            KeyBar.Item(
                key: action.barKey ?? "",
                label: action.id == .pauseRun && isPaused ? "Run" : action.barLabel ?? action.title)
        }
        for place in KeyBar(items: items).draw(on: &grid, in: layout.keys, glyphs: glyphs) {
            hits.append(
                Hit(area: columns(place.columns, of: layout.keys), target: .action(actions[place.index].id)))
        }
    }

    /// The keys of what has the keyboard just now.
    private var momentaryKeys: [KeyBar.Item] {
        switch (state.prompt?.purpose, state.popup) {
        case (.filter, _):
            [("Enter", " Apply"), ("Tab", " Complete"), ("Esc", " Leave as it was")].map {
                .init(key: $0.0, label: $0.1)
            }
        case (.breakpoint, _), (.fault, _), (.write, _):
            [("Enter", " Do it"), ("Tab", " Complete"), ("Esc", " Leave")].map { .init(key: $0.0, label: $0.1) }
        case (.branch, _), (.choose, _):
            [("Enter", " Do it"), ("Esc", " Leave")].map { .init(key: $0.0, label: $0.1) }
        case (.goTo, _), (.until, _): [("Enter", " Go"), ("Esc", " Stay")].map { .init(key: $0.0, label: $0.1) }
        case (.trace, _): [("yes Enter", " Trace"), ("Esc", " Leave")].map { .init(key: $0.0, label: $0.1) }
        case (nil, .palette):
            [("Enter", " Run"), ("Down", " Next"), ("Up", " Previous"), ("Esc", " Close")].map {
                .init(key: $0.0, label: $0.1)
            }
        case (nil, .help):
            [("Down", " More"), ("PageDown", " Next page"), ("Esc", " Close")].map { .init(key: $0.0, label: $0.1) }
        case (nil, nil): []
        }
    }
}
