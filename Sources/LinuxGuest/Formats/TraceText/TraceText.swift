public import BusModel

/// A trace as text: the events that concern a guest's bus, where events were lost, and how many lines are of other things.
public struct TraceText: Sendable {
    /// One thing that a line tells.
    public enum Entry: Hashable, Sendable {
        /// A tracepoint fired. Those of other systems than `hyperv` and `netvsc` have their words in a field `text`.
        case event(TraceRecord, time: UInt64)
        /// Events were lost here: how many, and on which processor, where the line tells.
        case lost(count: UInt64?, cpu: UInt16?)
    }

    /// What the lines tell, in the order of the text.
    public private(set) var entries: [Entry] = []
    /// Events of hosts (`kvm`, `mshv`), which have nothing of the bus in them.
    public private(set) var hostCount = 0
    /// Events of the bus whose words are of no known form; they are among the entries, with their words in a field `text`.
    public private(set) var strangeCount = 0
    /// Lines that are of no form.
    public private(set) var unknownCount = 0
    /// Whether the last line was cut when the reader stopped. It is not among those of no form.
    public private(set) var isCut = false

    /// Takes the text apart; the bytes can be any.
    public init(parsing bytes: ArraySlice<UInt8>) {
        var lines = TextLines(bytes)
        while let line = lines.next() {
            let line = line.prefix(KernelLogLine.longestLine)
            guard !line.isRemark, !line.allSatisfy(\.isBlank) else { continue }
            if let event = TraceLine(line) {
                take(event)
            } else if let lost = Self.lost(line.trimmed) {
                entries.append(lost)
            } else if Self.isHeading(line.trimmed) {
                continue
            } else if !lines.isEnded {
                isCut = true
            } else {
                unknownCount += 1
            }
        }
    }

    private mutating func take(_ line: TraceLine) {
        let form = TraceEventForm.named(line.event)
        let system = line.system.isEmpty ? form?.system ?? Self.system(of: line.event) : line.system.harmless
        guard !Self.hosts.contains(system) else {
            hostCount += 1
            return
        }
        var fields = line.isList ? line.listedFields : form?.fields(line.text)
        if fields == nil {
            if form != nil { strangeCount += 1 }
            fields = [TraceField("text", text: line.text.harmless)]
        }
        let record = TraceRecord(
            system: system, event: line.event.harmless, cpu: line.cpu ?? 0, thread: line.thread ?? 0,
            command: line.command.harmless, fields: fields ?? [])
        entries.append(.event(record, time: line.time))
    }

    private static let hosts = ["kvm", "mshv"]

    /// The system by the event's name, where the printer leaves it out.
    private static func system(of event: ArraySlice<UInt8>) -> String {
        let systems = ["kvm", "mshv", "vmbus", "hyperv", "scsi", "block", "sched", "irq"]
        let system = systems.first { event.starts(with: ($0 + "_").utf8) } ?? ""
        return system == "vmbus" ? "hyperv" : system
    }

    /// `CPU:3 [LOST 1234 EVENTS]`, `CPU:3 [1234 EVENTS DROPPED]`, `LOST 12 events!`
    private static func lost(_ line: ArraySlice<UInt8>) -> Entry? {
        guard line.contains("LOST") || line.contains("EVENTS DROPPED") else { return nil }
        var scanner = TextScanner(line)
        var cpu: UInt16?
        if scanner.take("CPU:") { cpu = scanner.decimal().flatMap { UInt16(exactly: $0) } }
        _ = scanner.prefix(until: \.isDigit)
        return .lost(count: scanner.decimal(), cpu: cpu)
    }

    /// What trace-cmd and perf say about the recording itself.
    private static func isHeading(_ line: ArraySlice<UInt8>) -> Bool {
        let beginnings = ["cpus=", "version = ", "CPU ", "trace.dat", "[ perf record", "trace-cmd"]
        return beginnings.contains { line.starts(with: $0.utf8) }
    }
}
