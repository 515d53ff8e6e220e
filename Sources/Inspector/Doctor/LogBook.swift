import BusModel
import VMBusWire

/// What the guest's kernel log told of one fact and device.
struct LogEntry: Sendable, Hashable {
    let fact: KernelLogFact
    let partition: UInt16
    /// The device; zero where the line names none that is known.
    let device: GUID
    /// How often.
    var count: UInt64 = 0
    /// When the first and the last line stood in the log, in its nanoseconds; all ones where the line does not say.
    var first: UInt64
    var last: UInt64
    /// The numbers of the last line.
    var firstNumber: Int64 = 0
    var secondNumber: Int64 = 0
    /// The last line.
    var text = ""
    /// The last moments, oldest first.
    var moments: [UInt64] = []

    /// The most moments that are kept.
    static let mostMoments = 64

    /// Takes in a line of the fact and device.
    mutating func add(_ record: KernelLogRecord, at time: UInt64) {
        count += record.lineCount
        first = min(first, time)
        last = max(last, time)
        firstNumber = Int64(bitPattern: record.first)
        secondNumber = Int64(bitPattern: record.second)
        text = PlainText.clean(record.line)
        for _ in 0..<min(record.lineCount, UInt64(Self.mostMoments)) { moments.append(time) }
        moments.removeFirst(max(0, moments.count - Self.mostMoments))
    }
}

/// The facts of the kernel log, counted by device.
struct LogBook: Sendable {
    /// The most facts and devices that are told apart.
    private static let limit = 512
    /// So much earlier than the line before is the start of another boot, not the disorder of processors.
    private static let reboot: UInt64 = 10_000_000_000

    /// In order of their first lines.
    private(set) var entries: [LogEntry] = []
    /// By partition: what the last line said of its time, and where in the log its boot began. Only looked up, never walked.
    private var clocks: [UInt16: (boot: UInt64, base: UInt64)] = [:]

    /// Takes in one record.
    mutating func follow(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        guard header.kind == .kernelLog, let record = try? KernelLogRecord.decode(payload) else { return }
        let time = moment(of: record, header)
        let place = entries.firstIndex {
            $0.fact == record.fact && $0.device == header.device && $0.partition == header.partition
        }
        guard let index = place ?? append(record.fact, header, at: time) else { return }
        entries[index].add(record, at: time)
    }

    /// A line is as old as it says it is; the record is only as old as the reading.
    private mutating func moment(of record: KernelLogRecord, _ header: FlowRecordHeader) -> UInt64 {
        guard record.bootTime != .max else { return header.time }
        var clock = clocks[header.partition] ?? (boot: 0, base: 0)
        // The first line of another boot is dated by its record alone, the others by their distance from it.
        if clock.boot > record.bootTime, clock.boot - record.bootTime > Self.reboot {
            clock.base = header.time - min(header.time, record.bootTime)
        }
        clock.boot = record.bootTime
        clocks[header.partition] = clock
        return clock.base > 0
            ? min(header.time, clock.base.addingReportingOverflow(clock.boot).partialValue) : clock.boot
    }

    private mutating func append(_ fact: KernelLogFact, _ header: FlowRecordHeader, at time: UInt64) -> Int? {
        guard entries.count < Self.limit else { return nil }
        entries.append(
            LogEntry(fact: fact, partition: header.partition, device: header.device, first: time, last: time))
        return entries.count - 1
    }

    /// What was told of a fact, in order of the first lines.
    func entries(_ fact: KernelLogFact) -> [LogEntry] { entries.filter { $0.fact == fact } }
}
