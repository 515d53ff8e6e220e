public import BusModel
public import VMBusWire

/// Texts from files as a source of the log: everything is there at once.
///
/// Several texts become one log by their times; what has no time comes first. A record that names a channel by its number alone
/// gets the device that has the number at that place of the log, whichever text told of it.
public struct TextFileSource: BusSource, Sendable {
    /// The whole log, numbered from 1.
    public let batch: FlowBatch
    /// The files with their formats, in one line.
    public let title: String
    private var isTold = false

    /// The log of these texts.
    public init(_ files: [TextFile]) {
        title = files.map { "\($0.name) (\($0.format.title))" }.joined(separator: ", ")
        var merged = FlowBatch()
        Self.tellPartitions(&merged)
        for file in files { Self.tellGaps(file, &merged) }
        var places = [Int](repeating: 0, count: files.count)
        var channels = ChannelNumbers()
        let joins = TextJoins(files)
        let counters = files.indices.filter {
            files[$0].format == .interfaceCounters && joins.device(ofCounters: files[$0]) != nil
        }
        for file in counters { places[file] = files[file].records.headers.count }
        while let next = Self.earliest(files, places) {
            let records = files[next].records
            var header = records.headers[places[next]]
            places[next] += 1
            header.device = joins.device(header.device)
            channels.follow(&header)
            merged.append(header, from: records)
        }
        // What has no time of its own is told when the device is known.
        for file in counters {
            guard let device = joins.device(ofCounters: files[file]) else { continue }
            Self.tell(files[file].records, of: device, at: merged.headers.last?.time ?? 0, &merged)
        }
        var sequence: UInt64 = 1
        merged.number(from: &sequence)
        batch = merged
    }

    /// The file whose next record is the earliest; the first of them where several are.
    private static func earliest(_ files: [TextFile], _ places: [Int]) -> Int? {
        var best: (file: Int, time: UInt64)?
        for (file, place) in places.enumerated() where place < files[file].records.headers.count {
            let time = files[file].records.headers[place].time
            if best.map({ time < $0.time }) ?? true { best = (file, time) }
        }
        return best?.file
    }

    /// Tells counters of an interface as those of a device that other texts name.
    private static func tell(_ records: FlowBatch, of device: GUID, at time: UInt64, _ batch: inout FlowBatch) {
        for var header in records.headers {
            header.time = time
            guard header.device == TextJoins.interface,
                let list = try? AttributeList.decode(records.payload(of: header))
            else {
                batch.append(header, from: records)
                continue
            }
            (header.device, header.code) = (device, StateCode.changed.rawValue)
            batch.append(header, AttributeList(list.readings.filter(\.attribute.isEvidence)).encoded())
        }
    }

    private static func tellPartitions(_ batch: inout FlowBatch) {
        func tell(_ partition: UInt16, _ name: String, _ role: PartitionRole) {
            let readings = [AttributeReading(.name, text: name), AttributeReading(.role, role.rawValue)]
            batch.append(
                FlowRecordHeader(kind: .state, time: 0, partition: partition, code: StateCode.appeared.rawValue),
                AttributeList(readings).encoded())
        }
        tell(TextLog.host, "host", .root)
        tell(TextLog.guest, "guest", .guest)
    }

    private static func tellGaps(_ file: TextFile, _ batch: inout FlowBatch) {
        let text = "\(file.name): \(file.format.title)" + (file.gaps.map { ", " + $0 } ?? "")
        batch.append(FlowRecordHeader(kind: .note, time: 0, partition: TextLog.guest), text.utf8)
    }

    /// It is a file: no steps, no ring images.
    public var capabilities: Capabilities {
        Capabilities(kind: .file, canStep: false, canSeek: false, hasRingImages: false)
    }

    /// Everything the first time, nothing after that.
    public mutating func advance(_ budget: AdvanceBudget) throws(SourceError) -> FlowBatch {
        guard !isTold else { return FlowBatch() }
        isTold = true
        return batch
    }

    /// None: texts hold no ring memory.
    public func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage? { nil }

    /// Refused: everything is there at once, so there is nowhere to go that the history does not hold.
    public mutating func seek(_ position: Position) throws(SourceError) {
        throw SourceError("a text is there as a whole; pause and scroll in its records")
    }

    /// Refused: a text cannot be changed.
    public mutating func perform(_ command: Command) throws(CommandRefusal) {
        throw CommandRefusal("a file is only looked at")
    }
}

/// Which channel has which number, as the records tell in turn.
private struct ChannelNumbers {
    // Looked up only, never walked.
    private var keys: [UInt32: ChannelKey] = [:]

    /// Takes a record in, and names the channel that it tells by number alone.
    mutating func follow(_ header: inout FlowRecordHeader) {
        guard header.relid != 0 else { return }
        if let key = header.channel {
            let isGone = header.kind == .state && StateCode(rawValue: header.code) == .removed
            keys[header.relid] = isGone ? nil : key
        } else if header.kind == .trace, let key = keys[header.relid], key.partition == header.partition {
            header.device = key.device
            header.subchannel = key.subchannel
            if MessageType(rawValue: header.code) == .relidReleased { keys[header.relid] = nil }
        }
    }
}
