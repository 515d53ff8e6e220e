import BusModel
import Inspector
import Query

extension Renderer {
    /// The line of the prompt, of the last message, or of where the cursor is.
    mutating func drawStatus() {
        if state.prompt != nil {
            drawPrompt()
            return
        }
        // Where there is no line for it a message stands in for the keys.
        let line = layout.status.isEmpty && state.message != nil ? layout.keys : layout.status
        guard !line.isEmpty else { return }
        let place = Position(row: line.row, column: line.column)
        if let message = state.message {
            let role: Role =
                switch message.tone {
                case .info: .statusInfo
                case .warning: .statusWarn
                case .failure: .statusError
                }
            grid.write(message.text, at: place, role: role, in: line, ellipsis: glyphs.ellipsis)
            return
        }
        if let progress = state.progress {
            grid.write(progress, at: place, role: .statusWarn, in: line, ellipsis: glyphs.ellipsis)
            return
        }
        let right = rightStatus
        let (left, end) = line.cutRight(min(Span.columns(of: right), line.columns))
        grid.write(leftStatus, at: place, in: left.inset(right: 1), ellipsis: glyphs.ellipsis)
        grid.write(right, at: Position(row: end.row, column: end.column), in: end)
    }

    private var leftStatus: [Span] {
        var spans: [Span] = []
        if state.view == .flow, state.isFollowing { spans.append(Span(" FOLLOW ", .badgeFollow)) }
        let text = inspector.filterText(state.view)
        if !text.isEmpty, let list = ScreenList.of(state.view, inspector) {
            if !spans.isEmpty { spans.append(Span(" ")) }
            let progress = state.view == .flow && !inspector.flowFilter.isComplete ? ", still looking" : ""
            spans.append(Span("The filter hides \(list.hiddenCount)\(progress).", .statusWarn))
        }
        if state.view == .flow, text.isEmpty, inspector.canTrace, !inspector.isTracing {
            if !spans.isEmpty { spans.append(Span(" ")) }
            spans.append(Span("T traces the control messages.", .textDim))
        }
        // The list may have cut it.
        if state.view == .flow, text.isEmpty, !state.details.isOpen,
            case .record(let sequence) = state.subject(inspector),
            let entry = inspector.record(sequence)?.entry
        {
            if !spans.isEmpty { spans.append(Span(" ")) }
            spans.append(Span(entry.name, Role(Tone(entry.header.kind))))
            if !entry.info.isEmpty { spans.append(Span("  " + entry.info, .textDim)) }
        }
        return spans
    }

    private var rightStatus: [Span] {
        if state.view == .rings {
            let keys = inspector.channelKeys
            guard let channel = state.rings.channel, let place = keys.firstIndex(of: channel) else { return [] }
            return [Span("channel \(place + 1) of \(keys.count)", .textDim)]
        }
        guard let list = ScreenList.of(state.view, inspector), list.count > 0 else { return [] }
        return [Span("\(state[list: state.view].index + 1) of \(list.count)", .textDim)]
    }

    // MARK: The prompt

    private mutating func drawPrompt() {
        guard let prompt = state.prompt else { return }
        let line = layout.status.isEmpty ? layout.keys : layout.status
        var widget = PromptWidget(label: "", text: prompt.line.text, cursor: prompt.line.cursor)
        switch prompt.purpose {
        case .goTo:
            widget.label = "Go to record:"
            widget.hint = "its number"
        case .until(let direction):
            widget.label = direction == .forward ? "Run until:" : "Back until:"
            widget.hint = "12ms, #120, or a filter: name = VMBUS.OPEN_CHANNEL"
        case .breakpoint:
            widget.label = "Stop at:"
            widget.hint = "a filter such as name = VMBUS.OPEN_CHANNEL, or invariant, fault, watch"
        case .branch:
            widget.label = "Name of the branch:"
            widget.hint = "letters, digits, hyphens"
        case .choose(let number):
            widget.label = "Choice \(number):"
            widget.hint =
                inspector.session?.choice(number).map { "\($0.purpose), 0 to \($0.count &- 1)" } ?? "another value"
        case .fault:
            widget.label = "Fault:"
            widget.hint = "its kind, then where and when: lost-signal guest=NAME nth=2"
        case .write:
            widget.label = "Write:"
            widget.hint = "session, mermaid or test, and a file's name"
        case .trace:
            widget.label = "Trace?"
            widget.hint = "yes and Enter, or Esc"
            drawQuestion(ScreenState.traceQuestion, above: line)
        case .filter:
            widget.label = "Filter:"
            widget.hint = "a word, or a comparison: relid == 3 and state == open"
            let completions = state.completions(inspector)
            let problem = problem(&widget)
            if completions.indices.contains(prompt.choice), prompt.line.cursor == prompt.line.text.count,
                !prompt.line.text.isEmpty
            {
                let chosen = completions[prompt.choice]
                widget.completion = String(chosen.text.dropFirst(prompt.line.cursor - chosen.start))
            }
            drawAid(completions, choice: prompt.choice, problem, above: line)
        }
        let refusal = prompt.refusal.map { Span($0, .promptInvalid) }
        if refusal != nil { widget.validity = .invalid("refused") }
        switch prompt.purpose {
        case .breakpoint, .until, .fault, .write:
            drawAid(state.completions(inspector), choice: prompt.choice, refusal, above: line)
        case .branch, .choose: drawAid([], choice: 0, refusal, above: line)
        case .filter, .goTo, .trace: break
        }
        widget.draw(on: &grid, in: line, glyphs: glyphs)
    }

    /// What is asked, right above the prompt.
    private mutating func drawQuestion(_ sentences: [String], above line: Rectangle) {
        let lines = sentences.flatMap { DisplayText.lines(of: $0, width: line.columns - 2) }
        let count = min(lines.count, line.row)
        let area = Rectangle(row: line.row - count, column: line.column, rows: count, columns: line.columns)
        grid.fill(area, role: .popup, surface: .popup)
        for (place, text) in lines.prefix(count).enumerated() {
            let row = area.line(place)
            grid.write(
                " " + text, at: Position(row: row.row, column: row.column), role: .popup, in: row,
                ellipsis: glyphs.ellipsis)
        }
    }

    /// What is wrong with the filter, which also colours the prompt.
    private func problem(_ widget: inout PromptWidget) -> Span? {
        switch Query.validity(widget.text, for: InspectorState.schema(state.view)) {
        case .empty: return nil
        case .valid:
            widget.validity = .valid
            return nil
        case .incomplete(let error): return Span("... \(error.message)", .promptHint)
        case .invalid(let error):
            widget.validity = .invalid("not understood")
            return Span(error.description, .promptInvalid)
        }
    }

    /// What is wrong and how to go on, right above the prompt.
    private mutating func drawAid(
        _ completions: [Completion], choice: Int, _ problem: Span?, above line: Rectangle
    ) {
        let room = max(0, line.row - layout.content.row - 2)
        let shown = min(completions.count, 6, room)
        let count = shown + (problem == nil ? 0 : 1)
        guard count > 0, line.row >= count else { return }
        let area = Rectangle(row: line.row - count, column: line.column, rows: count, columns: line.columns)
        grid.fill(area, role: .popup, surface: .popup)
        let first = min(max(0, choice - shown + 1), max(0, completions.count - shown))
        let width = completions[first..<first + shown].map { DisplayText.columns(of: $0.text) }.max() ?? 0
        for place in 0..<shown {
            let completion = completions[first + place]
            let row = area.line(place)
            if first + place == choice { grid.fill(row, surface: .cursor) }
            let gap = String(repeating: " ", count: width - DisplayText.columns(of: completion.text) + 2)
            grid.write(
                [Span(" " + completion.text + gap, .popupKey), Span(completion.help, .popup)],
                at: Position(row: row.row, column: row.column), in: row, ellipsis: glyphs.ellipsis)
        }
        if let problem {
            let row = area.line(-1)
            grid.write(
                " " + problem.text, at: Position(row: row.row, column: row.column), role: problem.role, in: row,
                ellipsis: glyphs.ellipsis)
        }
    }
}
