public import BusModel
import VMBusWire

/// Where the records of a recording lie: a look at one in 1024 of them, so that any is reached in a moment and a filter passes by
/// what cannot hold it. It is made again from the file at any time, in pieces, and grows with it.
public struct RecordingIndex: Sendable {
    /// What is known of 1024 records.
    struct Entry: Sendable {
        /// Where the packets of the first one begin.
        let mark: PcapngWalk.Mark
        /// How many records of the log are before it.
        let number: UInt64
        /// The number that it has in the log.
        let sequence: UInt64
        /// Its time.
        let time: UInt64
        /// The highest time in it.
        var lastTime: UInt64
        /// The kinds in it, a bit for each; the highest stands for all others.
        var kinds: UInt32
        /// The interfaces in it, a bit for each number modulo 64.
        var interfaces: UInt64
    }

    /// A keyframe of the file.
    struct Keyframe: Sendable {
        let mark: PcapngWalk.Mark
        /// How many records of the log are before it.
        let number: UInt64
    }

    static let recordsPerEntry: UInt64 = 1024

    private(set) var entries: [Entry] = []
    private(set) var keyframes: [Keyframe] = []
    private var walk = RecordWalk()
    /// What the recording says of itself, as soon as it was read.
    public private(set) var manifest: RecordingManifest?
    /// The last record so far.
    public private(set) var end = Position(sequence: 0, time: 0)
    /// The lowest and highest time so far.
    public private(set) var times: ClosedRange<UInt64>?
    /// Whether all bytes were looked at.
    public private(set) var isComplete = false

    /// Of a file of which nothing was looked at.
    public init() {}

    /// How many records of the log were found so far.
    public var count: UInt64 { walk.count }
    /// Packets of interfaces that are none of ours.
    public var foreignCount: UInt64 { walk.foreignCount }
    /// What could not be read so far.
    public var damages: RecordingDamages { walk.walk.damages }
    /// How many bytes were looked at so far.
    public var byteCount: Int { walk.walk.offset }
    /// The interfaces that were described so far.
    public var interfaces: [RecordingInterface] { walk.walk.interfaces }
    /// How many bytes of memory the index takes.
    public var memoryByteCount: Int {
        entries.capacity * MemoryLayout<Entry>.stride + keyframes.capacity * MemoryLayout<Keyframe>.stride
    }

    /// The file may have become longer.
    mutating func reopen() { isComplete = false }

    /// Looks at the next records, at most so many.
    ///
    /// - Parameters:
    ///   - bytes: the whole file, from its beginning.
    ///   - isWhole: false for a file that somebody is writing, whose last block may be half there.
    public mutating func extend(_ bytes: RawSpan, isWhole: Bool = true, limit: Int = .max) {
        var left = limit
        isComplete = false
        while left > 0 {
            switch walk.next(in: bytes, isWhole: isWhole) {
            case .waits, .ended:
                isComplete = true
                return
            case .record(let place):
                left -= 1
                add(place, bytes)
            }
        }
    }

    @inline(__always)
    private mutating func add(_ place: RecordPlace, _ bytes: RawSpan) {
        guard place.isOfLog else { return addOwn(place, bytes) }
        let last = entries.count - 1
        if last < 0 || place.number >= entries[last].number + Self.recordsPerEntry {
            entries.append(
                Entry(
                    mark: walk.mark, number: place.number, sequence: place.sequence,
                    time: place.time, lastTime: place.time, kinds: Self.bit(ofKind: place.kind),
                    interfaces: 1 << UInt64(place.interface & 63)))
        } else {
            entries[last].kinds |= Self.bit(ofKind: place.kind)
            entries[last].interfaces |= 1 << UInt64(place.interface & 63)
            if place.time > entries[last].lastTime { entries[last].lastTime = place.time }
        }
        end = Position(sequence: place.sequence, time: place.time)
        let known = times ?? place.time...place.time
        if !known.contains(place.time) || times == nil {
            times = min(known.lowerBound, place.time)...max(known.upperBound, place.time)
        }
    }

    private mutating func addOwn(_ place: RecordPlace, _ bytes: RawSpan) {
        if place.isManifest {
            manifest = manifest ?? RecordingManifest.decode(bytes.array(place.payload))?.manifest
        } else if place.isKeyframe {
            keyframes.append(
                Keyframe(mark: walk.mark, number: place.number))
        }
    }

    static func bit(ofKind kind: UInt8) -> UInt32 { 1 << UInt32(min(kind, 31)) }

    // MARK: Finding

    /// The entry that holds the record of a number in the file.
    func entry(ofNumber number: UInt64) -> Int? {
        let behind = firstEntry { $0.number > number }
        return behind == 0 ? nil : behind - 1
    }

    /// A walk that begins at a record or a little before it.
    func walk(toNumber number: UInt64) -> RecordWalk {
        guard let index = entry(ofNumber: number) else { return RecordWalk() }
        return RecordWalk(again: walk.walk, from: entries[index].mark, number: entries[index].number)
    }

    /// How many records of the file have a sequence number up to this one, as far as they count up.
    func number(behind sequence: UInt64, in bytes: RawSpan) -> UInt64 {
        number(firstEntry { $0.sequence > sequence }, in: bytes) { $0.sequence > sequence }
    }

    /// How many records of the file have a time up to this one, as far as times count up.
    func number(behindTime time: UInt64, in bytes: RawSpan) -> UInt64 {
        number(firstEntry { $0.time > time }, in: bytes) { $0.time > time }
    }

    /// The first record that is behind something, in the entry before the first that is.
    private func number(_ behind: Int, in bytes: RawSpan, _ isBehind: (RecordPlace) -> Bool) -> UInt64 {
        guard behind > 0 else { return 0 }
        var walk = walk(toNumber: entries[behind - 1].number)
        let end = behind < entries.count ? entries[behind].number : count
        while walk.count < end, case .record(let place) = walk.next(in: bytes, isWhole: true) {
            if place.isOfLog, isBehind(place) { return place.number }
        }
        return end
    }

    /// A walk that begins with the last keyframe that is not behind a record of the file.
    func walk(toKeyframeBefore number: UInt64) -> RecordWalk {
        var (low, high) = (0, keyframes.count)
        while low < high {
            let middle = (low + high) / 2
            if keyframes[middle].number > number { high = middle } else { low = middle + 1 }
        }
        guard low > 0 else { return RecordWalk() }
        return RecordWalk(again: walk.walk, from: keyframes[low - 1].mark, number: keyframes[low - 1].number)
    }

    /// The first entry that is so, where all behind it are.
    private func firstEntry(_ isBehind: (Entry) -> Bool) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if isBehind(entries[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
