import BusModel
import Inspector
import Query

/// What is typed for a session: faults, files, and ways to go on while typing.
extension ScreenState {
    /// Arms a fault for the guest that `guest=NAME` says; without that for the guest of the record that was last, or the first.
    mutating func armFault(_ text: String, _ inspector: InspectorState) -> [ScreenEffect] {
        let guests = inspector.snapshot.partitions.filter { $0.role == .guest }
        var words = text.split(separator: " ").map(String.init)
        var guest = inspector.record(inspector.lastSequence).flatMap { record in
            guests.first { $0.number == record.entry.header.partition }
        }
        if let index = words.firstIndex(where: { $0.hasPrefix("guest=") }) {
            let name = words.remove(at: index).dropFirst("guest=".count)
            guest = guests.first { $0.name == name }
            guard guest != nil else {
                let names = guests.map(\.name).joined(separator: ", ")
                say(Message("guest=\(name): choose one of \(names).", .failure))
                return []
            }
        }
        guard let partition = (guest ?? guests.first)?.number else { return [] }
        isRunning = false
        return [.command(.armFault(partition: partition, words.joined(separator: " ")))]
    }

    // MARK: Files

    /// What can be written, as a person would type it; the chart is of the last records, or of those around the chosen one.
    func exports(_ inspector: InspectorState) -> [Completion] {
        let name = inspector.session?.scenario ?? "session"
        let lines = inspector.sequenceLines(40, around: chart.record).lines
        let (first, last) = (lines.first?.sequence ?? 1, lines.last?.sequence ?? 1)
        return [
            Completion(
                text: "session \(name).session", start: 0, help: "all of it, for 'vmbusscope sim \(name).session'"),
            Completion(
                text: "mermaid \(name).mmd \(first)-\(last)", start: 0,
                help: "a sequence chart of these records for Mermaid"),
            Completion(text: "test \(name).swift", start: 0, help: "a Swift test that replays it"),
        ]
    }

    /// `FORM[!] FILE [FROM-TO]`; the exclamation mark replaces a file that is there.
    mutating func write(_ text: String, _ inspector: InspectorState) -> [ScreenEffect] {
        var words = text.split(separator: " ").map(String.init)
        var range = 1...max(1, inspector.lastSequence)
        if words.count > 2, let parts = words.last?.split(separator: "-").map({ UInt64($0) }), parts.count == 2,
            let first = parts[0], let last = parts[1], first <= last
        {
            range = first...last
            words.removeLast()
        }
        let replaces = words.first?.hasSuffix("!") == true
        guard let form = words.first.flatMap({ SessionExport(rawValue: $0.filter { $0 != "!" }) }), words.count == 2
        else {
            say(
                Message(
                    "'\(text)': write session, mermaid or test, a file's name, and for mermaid a range such as 100-140.",
                    .failure))
            return []
        }
        return [.write(form, range, path: words[1], replaces: replaces)]
    }

    // MARK: Completions

    func sessionCompletions(_ inspector: InspectorState) -> [Completion] {
        guard let prompt else { return [] }
        let front = String(prompt.line.text.prefix(prompt.line.cursor))
        let words = front.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        let (typed, isFirst) = (words.last ?? "", words.count <= 1)
        let start = front.count - typed.count
        func fitting(_ choices: [(text: String, help: String)]) -> [Completion] {
            let begin = choices.filter { $0.text.hasPrefix(typed) }
            let hold = choices.filter { !$0.text.hasPrefix(typed) && !typed.isEmpty && $0.text.contains(typed) }
            let found = (begin + hold).map { Completion(text: $0.text, start: start, help: $0.help) }
            // What is typed already needs no help.
            return found.count == 1 && found[0].text == typed ? [] : found
        }
        switch prompt.purpose {
        case .write:
            // Tab goes from each to the next.
            let all = exports(inspector)
            let next = (all.firstIndex { $0.text == front.trimmingSpaces } ?? all.count - 1) + 1
            return Array(all[next...] + all[..<next])
        case .fault where isFirst: return fitting(inspector.session?.faultKinds.map { ($0.id, $0.help) } ?? [])
        case .fault: return fitting(Self.faultWords(inspector))
        case .breakpoint where words.first == "invariant" && words.count == 2:
            return fitting(inspector.session?.invariants.map { ($0.id, $0.text) } ?? [])
        case .breakpoint where isFirst: return fitting(Self.stops) + records(prompt.line)
        case .breakpoint where ["invariant", "watch", "fault"].contains(words[0]): return []
        default: return front.isEmpty ? [] : records(prompt.line)
        }
    }

    private func records(_ line: InputLine) -> [Completion] {
        Query.complete(line.text, cursor: line.cursor, for: InspectorState.schema(.flow))
    }

    private static let stops = [
        (text: "invariant", help: "a rule of the protocol is broken; the one whose name follows, or any"),
        (text: "fault", help: "a fault is done, or a rule is broken"),
        (text: "watch", help: "a value changes: ring(1/network/0).out.write_index, queue(1/0).messages > 2"),
    ]

    private static func faultWords(_ inspector: InspectorState) -> [(text: String, help: String)] {
        inspector.snapshot.partitions.filter { $0.role == .guest }.map { ("guest=\($0.name)", "whose bus it is") } + [
            ("device=", "network, storage, heartbeat... or an instance; any without it"),
            ("subchannel=", "which of its channels; any without it"),
            ("message=", "on which message, such as OPEN_CHANNEL_RESULT"),
            ("nth=", "the first match that counts, from 1 on"),
            ("times=", "how often; 0 for always"),
            ("odds=", "with which odds, above 0 and at most 1"),
            ("at=", "not before this time, such as 30ms"),
            ("delay=", "how long something takes, such as 2ms"),
            ("value=", "the number that is put in the place of another"),
        ]
    }
}
