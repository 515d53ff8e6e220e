public import BusModel
public import VMBusWire

/// A recording as a source of the log. Its time stands still; every place of it can be gone to.
///
/// Nothing is looked at before it is needed: records from the beginning come at once, and the index grows when a place is asked
/// for that it does not know.
public struct RecordingSource: PastSource {
    public let title: String
    private var file: any RecordingBytes
    /// Whether nobody writes to the file any more.
    private let isWhole: Bool
    private var index = RecordingIndex()
    private var walk = RecordWalk()
    private var filter = KeyframeFilter()
    private var place = Position(sequence: 0, time: 0)
    /// Says how the file is now, where it has changed.
    private let current: (@Sendable () -> (any RecordingBytes)?)?

    /// The most records that the index looks at in one go before somebody may stop it.
    private static let piece = 1 << 16

    /// A recording.
    ///
    /// - Parameters:
    ///   - file: its bytes.
    ///   - name: what the file is called.
    ///   - current: asked where all was read of a file to which somebody still writes: the file as it is now, or nil where it
    ///     has not changed. A block that is half there is waited for then. Nil for a file that is whole.
    public init(
        _ file: any RecordingBytes, name: String, following current: (@Sendable () -> (any RecordingBytes)?)? = nil
    ) {
        self.file = file
        self.current = current
        let isWhole = current == nil
        self.isWhole = isWhole
        var index = RecordingIndex()
        file.withBytes { index.extend($0, isWhole: isWhole, limit: 2) }
        let told = index.manifest?.title ?? ""
        title = told.isEmpty ? name : "\(name): \(told)"
        self.index = index
    }

    /// What the recording says of itself; nil where it says nothing.
    public var manifest: RecordingManifest? { index.manifest }
    /// What could not be read, as far as it was looked at.
    public var damages: RecordingDamages { index.isComplete ? index.damages : walk.walk.damages }
    /// Where it stands.
    public var position: Position { place }
    /// The last record, as far as the index knows.
    public var end: Position { max(index.end, place) }
    /// How many records the index knows.
    public var recordCount: UInt64 { index.count }
    /// Which part of the file's bytes is behind this place, from 0 to 1.
    public var progress: Double {
        let count = file.withBytes { $0.byteCount }
        return count == 0 ? 1 : Double(min(walk.walk.offset, count)) / Double(count)
    }
    /// Whether the index knows all records.
    public var isIndexed: Bool { index.isComplete }

    public var capabilities: Capabilities {
        Capabilities(kind: .file, canStep: true, canSeek: true, hasRingImages: false)
    }

    /// Lets the index know more records, at most so many.
    public mutating func extendIndex(limit: Int = .max) {
        // Taken out for so long, as a copy would cost its length.
        var index = RecordingIndex()
        swap(&index, &self.index)
        file.withBytes { index.extend($0, isWhole: isWhole, limit: limit) }
        self.index = index
    }

    /// Looks whether the file has become longer.
    private mutating func grow() -> Bool {
        guard let longer = current?() else { return false }
        file = longer
        index.reopen()
        return true
    }

    /// Lets the index know all records that there are now.
    mutating func lookForEnd() {
        _ = grow()
        extendIndex()
    }

    /// The next records: so many steps are so many records.
    public mutating func advance(_ budget: AdvanceBudget) throws(SourceError) -> FlowBatch {
        let batch = read(budget)
        return batch.isEmpty && grow() ? read(budget) : batch
    }

    private mutating func read(_ budget: AdvanceBudget) -> FlowBatch {
        switch budget {
        case .steps(let count): read(limit: count) { _ in false }
        case .until(let unit, let limit): read(limit: limit) { unit.isReached(by: $0) }
        case .time(let end, let limit): read(limit: limit, upTo: end) { _ in false }
        }
    }

    /// Reads records until one of which `isLast` holds.
    private mutating func read(
        limit: Int, upTo time: UInt64 = .max, _ isLast: (FlowRecordHeader) -> Bool
    ) -> FlowBatch {
        var batch = FlowBatch()
        var (walk, filter) = (walk, filter)
        let isWhole = isWhole
        file.withBytes { bytes in
            while batch.headers.count < limit {
                let before = walk
                guard case .record(let place) = walk.next(in: bytes, isWhole: isWhole) else { return }
                if place.isOfLog, place.time > time {
                    walk = before
                    return
                }
                guard filter.passes(place, damages: walk.walk.damages.count) else { continue }
                if !place.append(to: &batch, from: bytes, walk.walk) {
                    walk.walk.damage(.record, place.packet.block.start, place.packet.block.count)
                }
                if let last = batch.headers.last, isLast(last) { return }
            }
        }
        (self.walk, self.filter) = (walk, filter)
        // So that what is known here is found from the keyframe before.
        if index.count < walk.count { extendIndex(limit: 2 * batch.headers.count) }
        if let last = batch.headers.last { place = Position(sequence: last.sequence, time: last.time) }
        return batch
    }

    public func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage? { nil }

    /// Goes to just behind the record of a sequence number, or where it is missing, the last one before it.
    public mutating func seek(_ position: Position) throws(SourceError) {
        while !index.isComplete, index.end.sequence < position.sequence { extendIndex(limit: Self.piece) }
        guard position.sequence <= index.end.sequence else {
            throw SourceError("the recording ends with record \(index.end.sequence)")
        }
        let index = index
        seek(toNumber: file.withBytes { index.number(behind: position.sequence, in: $0) })
    }

    /// How many records of the file are before this place.
    public var passedCount: UInt64 { walk.count }

    public mutating func seek(toNumber number: UInt64) {
        while !index.isComplete, index.count < number { extendIndex(limit: Self.piece) }
        let index = index
        // From the record before, which tells the place.
        var walk = index.walk(toNumber: number == 0 ? 0 : number - 1)
        var found = Position(sequence: 0, time: 0)
        var filter = KeyframeFilter()
        file.withBytes { bytes in
            while walk.count < number, case .record(let place) = walk.next(in: bytes, isWhole: true) {
                guard place.isOfLog else { continue }
                found = Position(sequence: place.sequence, time: place.time)
                // So that it knows whether that is a gap.
                _ = filter.passes(place, damages: walk.walk.damages.count)
            }
        }
        (self.walk, self.filter) = (walk, filter)
        place = found
    }

    /// How many records of the file are not behind a time, as far as times count up.
    mutating func number(behindTime time: UInt64) -> UInt64 {
        while !index.isComplete, index.end.time <= time { extendIndex(limit: Self.piece) }
        let index = index
        return file.withBytes { index.number(behindTime: time, in: $0) }
    }

    /// The last record of the file before one, of which something holds; its bytes are not looked at.
    func number(before number: UInt64, where holds: (FlowRecordHeader) -> Bool) -> UInt64? {
        let index = index
        return file.withBytes { bytes in
            var end = number
            while end > 0 {
                var walk = index.walk(toNumber: end - 1)
                let start = walk.count
                var found: UInt64?
                while walk.count < end, case .record(let place) = walk.next(in: bytes, isWhole: true) {
                    guard place.isOfLog else { continue }
                    let header = FlowRecordHeader(
                        kind: FlowKind(rawValue: place.kind), time: place.time, partition: place.partition,
                        direction: Direction(rawValue: place.direction), code: place.code)
                    if holds(header) { found = place.number }
                }
                if let found { return found }
                end = min(start, end - 1)
            }
            return nil
        }
    }

    /// What is known at this place. Records from the keyframe before it on are read again for that.
    public var snapshot: BusSnapshot {
        var snapshot = BusSnapshot()
        let (end, index) = (walk.count, index)
        file.withBytes { bytes in
            var walk = index.walk(toKeyframeBefore: end)
            var filter = KeyframeFilter()
            var batch = FlowBatch()
            while case .record(let place) = walk.next(in: bytes, isWhole: true), !place.isOfLog || place.number < end {
                guard filter.passes(place, damages: walk.walk.damages.count),
                    place.append(to: &batch, from: bytes, walk.walk)
                else { continue }
                snapshot.apply(batch)
                batch.removeAll()
            }
        }
        return snapshot
    }

    public var keyframe: FlowBatch { snapshot.keyframeRecord }

    /// The record that a completion answers, by their sequence numbers; nil for another record, and where nobody knows.
    public func request(ofRecord sequence: UInt64) -> UInt64? {
        var index = index
        let isWhole = isWhole
        return file.withBytes { bytes in
            if !index.isComplete { index.extend(bytes, isWhole: isWhole) }
            let end = index.number(behind: sequence, in: bytes)
            var walk = index.walk(toNumber: end == 0 ? 0 : end - 1)
            while walk.count < end, case .record(let place) = walk.next(in: bytes, isWhole: true) {
                if place.isOfLog, place.sequence == sequence { return place.request(in: bytes) }
            }
            return nil
        }
    }

    /// Refused: what has happened cannot be changed.
    public mutating func perform(_ command: Command) throws(CommandRefusal) {
        throw CommandRefusal("a recording is only looked at")
    }
}
