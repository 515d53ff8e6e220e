import BusModel
import VMBusWire

/// Puts the records of another machine's log into ours: its guest becomes one of our partitions, its times become ours.
///
/// The other machine is not trusted: it can tell of its own guest and of nothing else, and of no more than a machine has.
struct RemoteTranslation: Sendable {
    /// The partition that it becomes.
    let partition: UInt16
    /// The name that it gets, whatever it calls itself.
    let name: String

    /// As many channels as there are numbers for them (reference §1.3); a device has one at least.
    static let mostSubjects = 2 * 2048

    private let limit: Int
    /// Its clock and ours when its first frame came.
    private var clocks: (theirs: UInt64, ours: UInt64) = (0, 0)
    private var subjects: Set<LogSubject> = []
    private var hasToldOfTooMany = false
    /// What its partition's connection was last said to be, which comes back when it is heard of again.
    private(set) var connection = AttributeReading(.connectionPhase, reading: .unavailable)

    /// A machine that becomes that partition and may tell of so many devices and channels.
    init(partition: UInt16, name: String, limit: Int = RemoteTranslation.mostSubjects) {
        self.partition = partition
        self.name = name
        self.limit = limit
    }

    /// Another connection: its clock was `sent` when ours was `now`, and it tells of everything anew.
    mutating func begin(sent: UInt64, now: UInt64) {
        self = RemoteTranslation(partition: partition, name: name, limit: limit)
        clocks = (sent, now)
    }

    /// A moment of its clock by ours, before our start at our start. Nothing that has come lies ahead of us.
    private func moment(_ time: UInt64, _ now: UInt64) -> UInt64 {
        guard time > clocks.theirs else {
            let age = clocks.theirs - time
            return clocks.ours > age ? clocks.ours - age : 0
        }
        let (moment, overflow) = clocks.ours.addingReportingOverflow(time - clocks.theirs)
        return overflow ? now : min(moment, now)
    }

    /// What a batch becomes at our moment `now`.
    mutating func records(_ batch: FlowBatch, now: UInt64) -> FlowBatch {
        var result = FlowBatch()
        for header in batch.headers { take(header, batch.payload(of: header), now, &result) }
        return result
    }

    private mutating func take(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, _ now: UInt64, _ result: inout FlowBatch
    ) {
        var header = header
        header.sequence = 0
        if header.kind == .keyframe {
            guard let inner = BusSnapshot.records(ofKeyframe: header, payload) else { return }
            for record in inner.headers { take(record, inner.payload(of: record), now, &result) }
            return
        }
        header.time = moment(header.time, now)
        let code = StateCode(rawValue: header.code)
        if header.kind == .state, code == .busMissing {
            header.partition = partition
            return tellMissing(header, &result)
        }
        // Its host is another machine than ours and not one of our partitions.
        guard header.partition == ScanTranslation.guest else { return }
        header.partition = partition
        guard header.kind == .state || header.kind == .sample else {
            return result.append(header, payload, attachmentLength: header.attachmentLength)
        }
        if header.device == .zero {
            if code != .removed { tellPartition(header, payload, &result) }
        } else if knows(header, code) {
            result.append(header, payload)
        } else if !hasToldOfTooMany {
            hasToldOfTooMany = true
            note(
                "\(name) tells of more channels than there can be; the rest is left out", header.time, &result,
                kind: .gap)
        }
    }

    /// Whether it may tell of that device or channel, which it may of so many.
    private mutating func knows(_ header: FlowRecordHeader, _ code: StateCode) -> Bool {
        let channel = header.relid == 0 ? nil : header.subchannel
        let subject = LogSubject(partition: partition, device: header.device, subchannel: channel)
        if header.kind == .state, code == .removed {
            subjects.remove(subject)
            if channel == nil { subjects = subjects.filter { $0.device != header.device } }
            return true
        }
        return subjects.contains(subject) || subjects.count < limit && subjects.insert(subject).inserted
    }

    /// Its own name gives way to the one by which people asked for it. What it could not read would take the place of what
    /// this machine could not, so it becomes notes.
    private mutating func tellPartition(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, _ result: inout FlowBatch
    ) {
        guard let list = try? AttributeList.decode(payload) else { return }
        var readings: [AttributeReading] = []
        for reading in list.readings {
            switch reading.attribute {
            case .name: readings.append(AttributeReading(.name, text: name))
            case .problemPath:
                guard reading.form == .text else { continue }
                note(
                    "cannot be read there: " + reading.string.split(separator: "\n").joined(separator: ", "),
                    header.time, &result)
            case .connectionPhase:
                connection = reading
                readings.append(reading)
            default: readings.append(reading)
            }
        }
        if !readings.isEmpty { result.append(header, AttributeList(readings).encoded()) }
    }

    private mutating func tellMissing(_ header: FlowRecordHeader, _ result: inout FlowBatch) {
        connection = AttributeReading(.connectionPhase, ConnectionPhase.disconnected.rawValue)
        note("\(name) has no VMBus", header.time, &result)
        var header = header
        header.code = StateCode.changed.rawValue
        result.append(header, AttributeList([connection]).encoded())
    }

    private func note(_ text: String, _ time: UInt64, _ result: inout FlowBatch, kind: FlowKind = .note) {
        result.append(FlowRecordHeader(kind: kind, time: time, partition: partition), Array(text.utf8))
    }
}

extension FlowBatch {
    /// Adds a record whose last bytes are an attachment.
    fileprivate mutating func append(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, attachmentLength: UInt32
    ) {
        let split = payload.endIndex - min(payload.count, Int(attachmentLength))
        append(header, payload[..<split], attachment: Array(payload[split...]))
    }
}
