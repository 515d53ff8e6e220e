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
}

/// The facts of the kernel log, counted by device.
struct LogBook: Sendable {
    /// The most facts and devices that are told apart.
    private static let limit = 512
    private static let momentLimit = 64

    /// In order of their first lines.
    private(set) var entries: [LogEntry] = []

    /// Takes in one record.
    mutating func follow(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        guard header.kind == .kernelLog, let record = try? KernelLogRecord.decode(payload) else { return }
        // A line is as old as it says it is; the record is only as old as the reading.
        let time = record.bootTime == .max ? header.time : record.bootTime
        let place = entries.firstIndex {
            $0.fact == record.fact && $0.device == header.device && $0.partition == header.partition
        }
        guard let index = place ?? append(record.fact, header, at: time) else { return }
        entries[index].count += 1
        entries[index].first = min(entries[index].first, time)
        entries[index].last = max(entries[index].last, time)
        entries[index].firstNumber = Int64(bitPattern: record.first)
        entries[index].secondNumber = Int64(bitPattern: record.second)
        entries[index].text = PlainText.clean(record.line)
        entries[index].moments.append(time)
        if entries[index].moments.count > Self.momentLimit { entries[index].moments.removeFirst() }
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
