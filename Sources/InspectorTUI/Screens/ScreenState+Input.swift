import BusModel
import Inspector

extension ScreenState {
    /// Does what a key, a click or pasted text asks for. What the screens cannot do themselves comes back.
    mutating func handle(
        _ input: TerminalInput, _ inspector: inout InspectorState, size: Size, glyphs: GlyphSet = .unicode
    ) -> [ScreenEffect] {
        settle(inspector, size: size)
        defer { settle(inspector, size: size) }
        switch input {
        case .key(let key):
            if prompt != nil { return promptKey(key, &inspector) }
            if popup != nil { return popupKey(key, &inspector, size: size) }
            (message, accepted) = (nil, nil)
            guard let action = ActionTable.lookup(key: key.actionName, view: view) else {
                message = Message("\(key) does nothing here. ? lists the keys of this view.")
                return []
            }
            return perform(action, &inspector, size: size)
        case .paste(let text):
            if prompt != nil {
                prompt?.line.insert(text)
                prompt?.refusal = nil
                previewFilter(&inspector)
            } else if case .palette(var line, _) = popup {
                line.insert(text)
                popup = .palette(line: line, selected: 0)
            } else {
                message = Message("Pasted text is no command. / opens the filter.")
            }
            return []
        case .mouse(let event): return handle(event, &inspector, size: size, glyphs: glyphs)
        }
    }

    // MARK: Popups

    private mutating func popupKey(_ key: Key, _ inspector: inout InspectorState, size: Size) -> [ScreenEffect] {
        switch popup {
        case .help(let offset):
            switch ActionTable.lookup(key: key.actionName, view: view)?.id {
            case .up: popup = .help(offset: max(0, offset - 1))
            case .down: popup = .help(offset: offset + 1)
            case .pageUp: popup = .help(offset: max(0, offset - max(1, size.rows - 8)))
            case .pageDown: popup = .help(offset: offset + max(1, size.rows - 8))
            case .top: popup = .help(offset: 0)
            case .bottom: popup = .help(offset: Int(Int32.max))
            case .redraw: return [.redraw]
            default: popup = nil
            }
            return []
        case .palette(var line, let selected):
            let found = ActionTable.search(line.text)
            switch key.code {
            case .escape: popup = nil
            case .up: popup = .palette(line: line, selected: max(0, selected - 1))
            case .down, .tab:
                popup = .palette(line: line, selected: min(max(0, found.count - 1), selected + 1))
            case .enter:
                popup = nil
                guard found.indices.contains(selected) else {
                    message = Message("No action is called '\(line.text)'.", .warning)
                    return []
                }
                return perform(found[selected], &inspector, size: size)
            default: if line.edit(key) { popup = .palette(line: line, selected: 0) }
            }
            return []
        case nil: return []
        }
    }

    // MARK: Mouse

    private mutating func handle(
        _ event: MouseEvent, _ inspector: inout InspectorState, size: Size, glyphs: GlyphSet
    ) -> [ScreenEffect] {
        let frame = Renderer.frame(self, inspector, size: size, glyphs: glyphs)
        let target = frame.hits.last { $0.area.contains(event.position) }?.target
        switch event.action {
        case .press(.left):
            message = nil
            return press(target, &inspector, size: size)
        case .wheelUp: turnWheel(-3, target, &inspector, size: size)
        case .wheelDown: turnWheel(3, target, &inspector, size: size)
        case .press, .release, .move: break
        }
        return []
    }

    private mutating func press(
        _ target: HitTarget?, _ inspector: inout InspectorState, size: Size
    ) -> [ScreenEffect] {
        if popup != nil {
            guard case .paletteRow(let index) = target, case .palette(let line, _) = popup else {
                if target != .popup { popup = nil }
                return []
            }
            popup = nil
            let found = ActionTable.search(line.text)
            return found.indices.contains(index) ? perform(found[index], &inspector, size: size) : []
        }
        switch target {
        case .tab(let view): show(view, inspector)
        case .action(let id): return ActionTable.action(id).map { perform($0, &inspector, size: size) } ?? []
        case .header(let column): sort(by: column, &inspector)
        case .row(let index):
            details.focus = .list
            chart.hasFocus = false
            let isChosen = self[list: view].index == index
            select(index, inspector)
            if isChosen { return ActionTable.action(.open).map { perform($0, &inspector, size: size) } ?? [] }
        case .branch(let index):
            select(index, inspector)
            toggleBranch(&inspector)
        case .ring(let direction): rings.direction = direction
        case .block(let index):
            details.focus = .list
            selectBlock(index, inspector)
        case .step(let step): return travel(toStep: step, inspector)
        case .record(let sequence): return travel(.sequence(sequence), .backward)
        case .mapColumn(let index): chooseMapColumn(index, inspector, size: size)
        case .line(let index):
            details.focus = .fields
            moveDetails(to: index, inspector, size: size)
        case .byte(let byte):
            details.focus = .bytes
            moveByte(to: byte, inspector)
        case .details: details.focus = .fields
        case .chart: chart.hasFocus = true
        case .paletteRow, .popup, nil: break
        }
        return []
    }

    private mutating func turnWheel(
        _ delta: Int, _ target: HitTarget?, _ inspector: inout InspectorState, size: Size
    ) {
        switch (popup, target) {
        case (.help(let offset), _): popup = .help(offset: max(0, offset + delta))
        case (.palette(let line, let selected), _):
            let count = ActionTable.search(line.text).count
            popup = .palette(line: line, selected: min(max(0, count - 1), max(0, selected + delta)))
        case (nil, .line), (nil, .details):
            details.focus = .fields
            moveDetails(to: details.line + delta, inspector, size: size)
        case (nil, .byte):
            details.focus = .bytes
            let perLine = bytesPerLine(size: size)
            moveByte(to: details.byte + delta * perLine, inspector)
        case (nil, .record), (nil, .chart):
            moveChart(by: delta, inspector)
        case (nil, _):
            details.focus = .list
            chart.hasFocus = false
            move(by: delta, &inspector, size: size)
        }
    }
}
