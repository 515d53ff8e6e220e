import Inspector
import Query

extension ScreenState {
    mutating func openFilter(_ inspector: InspectorState) {
        let text = inspector.filterText(view)
        prompt = Prompt(purpose: .filter(before: text), line: InputLine(text))
    }

    mutating func clearFilter(_ inspector: inout InspectorState) {
        guard !inspector.filterText(view).isEmpty else {
            message = Message("There is no filter here.")
            return
        }
        try? inspector.setFilter(view, "")
        message = Message("Everything is shown again.")
    }

    /// What can go on at the cursor; nothing for a prompt that takes anything.
    func completions(_ inspector: InspectorState) -> [Completion] {
        switch prompt?.purpose {
        case .filter:
            guard let line = prompt?.line else { return [] }
            return Query.complete(line.text, cursor: line.cursor, for: InspectorState.schema(view))
        case .breakpoint, .until, .fault, .write: return sessionCompletions(inspector)
        case .goTo, .trace, .branch, .choose, nil: return []
        }
    }

    mutating func promptKey(_ key: Key, _ inspector: inout InspectorState) -> [ScreenEffect] {
        guard var open = prompt else { return [] }
        switch key.code {
        case .escape:
            if case .filter(let before) = open.purpose { try? inspector.setFilter(view, before) }
            prompt = nil
        case .enter:
            if open.purpose == .trace { return acceptTrace(open.line.text) }
            if let effects = acceptForSession(open, inspector) { return effects }
            accept(open, &inspector)
        case .up: prompt?.choice = max(0, open.choice - 1)
        case .down:
            let last = max(0, completions(inspector).count - 1)
            prompt?.choice = min(last, open.choice + 1)
        case .tab:
            let found = completions(inspector)
            guard found.indices.contains(open.choice) else { return [] }
            let chosen = found[open.choice]
            open.line.replace(from: chosen.start, with: chosen.text + (chosen.text.hasSuffix("=") ? "" : " "))
            (open.choice, open.refusal) = (0, nil)
            prompt = open
            previewFilter(&inspector)
        default:
            guard open.line.edit(key) else { return [] }
            (open.choice, open.refusal) = (0, nil)
            prompt = open
            previewFilter(&inspector)
        }
        return []
    }

    /// Shows what a filter would show as soon as it can be read; what was shown before stays otherwise.
    mutating func previewFilter(_ inspector: inout InspectorState) {
        guard let prompt, case .filter = prompt.purpose else { return }
        try? inspector.setFilter(view, prompt.line.text)
    }

    private mutating func accept(_ open: Prompt, _ inspector: inout InspectorState) {
        switch open.purpose {
        case .trace, .until, .breakpoint, .branch, .choose, .fault, .write: break
        case .filter:
            do throws(QueryError) {
                try inspector.setFilter(view, open.line.text)
                prompt = nil
            } catch {
                // The prompt stays and says what is wrong.
                prompt?.line = open.line
            }
        case .goTo:
            prompt = nil
            guard let sequence = UInt64(open.line.text.filter { $0 != " " }) else {
                message = Message("'\(open.line.text)' is no record number.", .warning)
                return
            }
            guard inspector.flowRow(ofSequence: sequence) != nil else {
                message = Message("There is no record \(sequence) or later.", .warning)
                return
            }
            isFollowing = false
            self[list: .flow].selected = .record(sequence)
            if inspector.history.index(ofSequence: sequence) == nil {
                message = Message("Record \(sequence) is not kept; this is the next one.")
            }
        }
    }
}
