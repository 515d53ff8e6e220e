import BusModel
import Inspector
import Query
import Themes

extension ScreenState {
    /// Carries out an action of the table.
    mutating func perform(_ action: Action, _ inspector: inout InspectorState, size: Size) -> [ScreenEffect] {
        guard action.need.isMet(by: inspector.capabilities) else {
            message = Message("\(action.title): not here \(action.need.refusal)", .warning)
            return []
        }
        guard action.views.contains(view) else {
            let views = action.views.map(\.title).joined(separator: ", ")
            message = Message("\(action.title) works in: \(views).", .warning)
            return []
        }
        switch action.id {
        case .quit: return [.quit]
        case .redraw: return [.redraw]
        case .help: popup = .help(offset: 0)
        case .palette: popup = .palette(line: InputLine(), selected: 0)
        case .theme: nextTheme()
        case .toggleASCII:
            isASCII.toggle()
            message = Message(isASCII ? "Drawn with plain characters." : "Drawn with lines and blocks.")
        case .viewPartitions: show(.partitions, inspector)
        case .viewChannels: show(.channels, inspector)
        case .viewRings: show(.rings, inspector)
        case .viewFlow: show(.flow, inspector)
        case .viewLedger: show(.ledger, inspector)
        case .viewDoctor: show(.doctor, inspector)
        case .viewCPUs: show(.cpus, inspector)
        case .viewSession: show(.session, inspector)
        case .viewNext: show(view.next, inspector)
        case .viewPrevious: show(view.previous, inspector)
        case .up: move(by: -1, &inspector, size: size)
        case .down: move(by: 1, &inspector, size: size)
        case .pageUp: move(by: -pageLength(size: size), &inspector, size: size)
        case .pageDown: move(by: pageLength(size: size), &inspector, size: size)
        case .top: move(by: -Self.farthest, &inspector, size: size)
        case .bottom: move(by: Self.farthest, &inspector, size: size)
        case .left: moveSideways(-1, &inspector, size: size)
        case .right: moveSideways(1, &inspector, size: size)
        case .expand: setBranch(true, &inspector)
        case .collapse: setBranch(false, &inspector)
        case .open where chart.hasFocus && view == .session: return travelToChartRecord(inspector)
        case .open: open(inspector)
        case .back where progress != nil: return [.stop]
        case .back: back(inspector)
        case .focusNext: focusNext(inspector)
        case .filter: openFilter(inspector)
        case .clearFilter: clearFilter(&inspector)
        case .sortNext: sortNext(&inspector)
        case .sortReverse: reverseSort(&inspector)
        case .copy: return copy(inspector)
        case .follow: toggleFollow()
        case .goTo: prompt = Prompt(purpose: .goTo, line: InputLine())
        case .previousChannel: chooseNeighbour(-1, inspector)
        case .nextChannel: chooseNeighbour(1, inspector)
        case .tryMove: tryMove(inspector)
        case .mapByDevice: changeMapColumns(inspector, size: size)
        case .pauseRun where progress != nil: return [.stop]
        case .pauseRun: pauseOrRun(&inspector)
        case .trace: return toggleTrace(inspector)
        case .stepEvent: return travel(.unit(.event, 1), .forward)
        case .stepPacket: return travel(.unit(.packet, 1), .forward)
        case .stepMessage: return travel(.unit(.message, 1), .forward)
        case .stepSignal: return travel(.unit(.signal, 1), .forward)
        case .stepInterrupt: return travel(.unit(.interrupt, 1), .forward)
        case .stepTransaction: return travel(.unit(.transaction, 1), .forward)
        case .stepState: return travel(.unit(.state, 1), .forward)
        case .backEvent: return travel(.unit(.event, 1), .backward)
        case .backPacket: return travel(.unit(.packet, 1), .backward)
        case .backMessage: return travel(.unit(.message, 1), .backward)
        case .backSignal: return travel(.unit(.signal, 1), .backward)
        case .backInterrupt: return travel(.unit(.interrupt, 1), .backward)
        case .backTransaction: return travel(.unit(.transaction, 1), .backward)
        case .backState: return travel(.unit(.state, 1), .backward)
        case .runOn: return travelToBreakpoint(.forward, inspector)
        case .runBack: return travelToBreakpoint(.backward, inspector)
        case .toBeginning: return travel(.end, .backward)
        case .toEnd: return travel(.end, .forward)
        case .runUntil: prompt = Prompt(purpose: .until(.forward), line: InputLine())
        case .backUntil: prompt = Prompt(purpose: .until(.backward), line: InputLine())
        case .addBreakpoint: prompt = Prompt(purpose: .breakpoint, line: InputLine())
        case .addBranch: prompt = Prompt(purpose: .branch, line: InputLine())
        case .armFault: prompt = Prompt(purpose: .fault, line: InputLine())
        case .askPerson: return inspector.session.map { [.command(.askPerson(!$0.isAsking))] } ?? []
        case .export:
            prompt = Prompt(purpose: .write, line: InputLine(exports(inspector).first?.text ?? ""))
        case .toggleBreakpoint, .remove, .choose, .showBranch, .compareBranch:
            return performOnSession(action.id, inspector)
        case .faster: return changeSpeed(1, inspector)
        case .slower: return changeSpeed(-1, inspector)
        }
        return []
    }

    private static let farthest = 1 << 40

    private mutating func nextTheme() {
        let names = BuiltInThemes.names
        let place = names.firstIndex(of: theme).map { ($0 + 1) % names.count } ?? 0
        theme = names[place]
        message = Message("Theme: \(theme)")
    }

    /// Goes to a view; the rings are those of the channel that was chosen in the view before.
    mutating func show(_ next: InspectorView, _ inspector: InspectorState) {
        if next == .rings, view != .rings, let channel = chosenChannel(inspector) { rings.channel = channel }
        if next == .flow, view == .ledger || view == .doctor, let record = chosenRecord(inspector) {
            isFollowing = false
            self[list: .flow].selected = .record(record)
        }
        if next == .cpus, view != .cpus, let channel = chosenChannel(inspector) { cpus.channel = channel }
        if next != .cpus { cpus.target = nil }
        if next != view { (details.focus, chart.hasFocus) = (.list, false) }
        view = next
    }

    private func chosenChannel(_ inspector: InspectorState) -> ChannelKey? {
        if view == .cpus { return cpus.channel }
        if view == .rings { return rings.channel }
        return switch self[list: view].selected {
        case .channel(let key), .ring(let key, _): key
        case .device(let partition, let instance):
            inspector.channelKeys.first { $0.partition == partition && $0.device == instance }
        case .record(let sequence):
            inspector.record(sequence)?.entry.header.channel.flatMap { key in
                inspector.snapshot.channel(key) == nil ? nil : key
            }
        case .request(let id): inspector.ledger.request(id)?.channel.flatMap { known($0, inspector) }
        case .cycle(let index):
            inspector.waitGraph.cycles.dropFirst(index).first?.first?.from.channel.flatMap { known($0, inspector) }
        case .finding(let id):
            if case .channel(let key) = id.subject { known(key, inspector) } else { nil }
        case .partition, .processor, .session, nil: nil
        }
    }

    private mutating func chooseNeighbour(_ delta: Int, _ inspector: InspectorState) {
        if view == .cpus {
            chooseMapChannel(delta, inspector)
        } else {
            chooseChannel(delta, inspector)
        }
    }

    private func known(_ key: ChannelKey, _ inspector: InspectorState) -> ChannelKey? {
        inspector.snapshot.channel(key) == nil ? nil : key
    }

    /// The record of the flow that the chosen request or finding came from.
    private func chosenRecord(_ inspector: InspectorState) -> UInt64? {
        switch self[list: view].selected {
        case .request(let id): inspector.ledger.request(id)?.record
        case .finding(let id): id.request.flatMap { inspector.ledger.request($0)?.record }
        case .cycle(let index):
            inspector.waitGraph.cycles.dropFirst(index).first?.first.flatMap {
                inspector.ledger.request($0.request)?.record
            }
        case .record(let sequence): sequence
        default: nil
        }
    }

    private mutating func chooseChannel(_ delta: Int, _ inspector: InspectorState) {
        let keys = inspector.channelKeys
        guard !keys.isEmpty else { return }
        let place = rings.channel.flatMap { keys.firstIndex(of: $0) } ?? 0
        rings.channel = keys[(place + delta + keys.count) % keys.count]
        (rings.block, rings.index, rings.offset) = (nil, 0, 0)
        self[list: .channels].selected = rings.channel.map { .channel($0) }
    }

    // MARK: Panes

    private mutating func open(_ inspector: InspectorState) {
        guard subject(inspector) != nil else {
            message = Message("There is nothing here to show.")
            return
        }
        if details.isOpen {
            details.focus = details.focus == .list ? .fields : .list
        } else {
            details.choose(true, in: view)
        }
    }

    private mutating func back(_ inspector: InspectorState) {
        if details.focus != .list {
            details.focus = .list
        } else if chart.hasFocus || chart.record != nil {
            chart = ChartState()
        } else if view == .cpus, cpus.target != nil {
            cpus.target = nil
            message = Message("Nothing was moved. The map shows what is.")
        } else if details.isOpen {
            details.choose(false, in: view)
        } else if !inspector.filterText(view).isEmpty {
            message = Message("c clears the filter.")
        }
    }

    private mutating func focusNext(_ inspector: InspectorState) {
        if view == .session, details.focus == .list, !chart.hasFocus {
            chart.hasFocus = true
            message = Message("The sequence chart: up and down choose a record, Enter goes there, Esc ends.")
            return
        }
        chart.hasFocus = false
        guard subject(inspector) != nil else { return }
        details.choose(true, in: view)
        details.focus =
            switch details.focus {
            case .list: .fields
            case .fields: view == .flow ? .bytes : .list
            case .bytes: .list
            }
    }

    private mutating func toggleFollow() {
        isFollowing.toggle()
        message = Message(isFollowing ? "Following the newest record." : "Staying at this record.")
    }

    private mutating func copy(_ inspector: InspectorState) -> [ScreenEffect] {
        guard let text = copiedText(inspector), !text.isEmpty else {
            message = Message("There is nothing here to copy.")
            return []
        }
        let start = text.prefix(48)
        message = Message("Copied: " + start + (start.count < text.count ? "..." : ""))
        return [.copy(text)]
    }

    // MARK: Order

    private mutating func sortNext(_ inspector: inout InspectorState) {
        guard let list = ScreenList.of(view, inspector) else { return }
        setSort(list.sort.next(in: list.columns), list.columns, &inspector)
    }

    /// Orders the rows by a column, or turns its order around.
    mutating func sort(by id: String, _ inspector: inout InspectorState) {
        guard let list = ScreenList.of(view, inspector), let column = list.columns.first(where: { $0.id == id }),
            column.isSortable
        else { return }
        var order = SortOrder(column: id, isDescending: column.alignment == .trailing)
        if list.sort.column == id { order.isDescending = !list.sort.isDescending }
        setSort(order, list.columns, &inspector)
    }

    private mutating func reverseSort(_ inspector: inout InspectorState) {
        guard let list = ScreenList.of(view, inspector) else { return }
        guard let column = list.sort.column else {
            message = Message("Choose a column first: s, or a click on its title.")
            return
        }
        sort(by: column, &inspector)
    }

    private mutating func setSort(_ order: SortOrder, _ columns: [Column], _ inspector: inout InspectorState) {
        switch view {
        case .partitions: inspector.partitionSort = order
        case .channels: inspector.channelSort = order
        case .cpus: inspector.processorSort = order
        case .rings, .flow, .ledger, .doctor, .session: return
        }
        let title = order.column.flatMap { id in columns.first { $0.id == id } }?.title
        message = Message(
            title.map { "Ordered by \($0), \(order.isDescending ? "largest" : "smallest") first." }
                ?? "Ordered as the bus is.")
    }

    // MARK: Time

    private mutating func pauseOrRun(_ inspector: inout InspectorState) {
        if inspector.capabilities.canStep {
            isRunning.toggle()
        } else if inspector.isPaused {
            inspector.follow()
        } else {
            inspector.pause()
        }
    }

    private mutating func changeSpeed(_ delta: Int, _ inspector: InspectorState) -> [ScreenEffect] {
        guard inspector.capabilities.canStep else { return [delta > 0 ? .lookFaster : .lookSlower] }
        let wanted = speed + delta
        if Self.speeds.contains(wanted) { speed = wanted }
        message = Message("Speed: \(Self.text(ofSpeed: speed))")
        return []
    }

    /// A speed in words: `1x`, `8x`, `1/4x`.
    static func text(ofSpeed speed: Int) -> String { speed >= 0 ? "\(1 << speed)x" : "1/\(1 << -speed)x" }
}
