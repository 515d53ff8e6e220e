public import BusModel
public import VMBusWire

/// A filter of records by what stands in front of their bytes, so that nothing has to be decoded.
public struct RecordingFilter: Sendable, Hashable {
    /// Only these kinds; nil for all.
    public var kinds: [FlowKind]?
    /// Only of this sender.
    public var direction: Direction?
    /// Only of this partition.
    public var partition: UInt16?
    /// Only of this device.
    public var device: GUID?
    /// Only of this channel number.
    public var relid: UInt32?
    /// Only with this code: message type, packet type.
    public var code: UInt32?
    /// Only in this time.
    public var times: ClosedRange<UInt64>?

    /// All records.
    public init() {}
}

extension RecordingIndex {
    /// The records of which a filter holds, by their number in the file from 0 on.
    ///
    /// - Parameters:
    ///   - bytes: the whole file, from its beginning.
    ///   - first: the first record to look at.
    ///   - limit: the most that are found.
    public func matches(
        _ filter: RecordingFilter, in bytes: RawSpan, from first: UInt64 = 0, limit: Int = .max
    ) -> [UInt64] {
        var found: [UInt64] = []
        let test = HeaderTest(filter, interfaces)
        var index = entry(ofNumber: first) ?? 0
        while index < entries.count, found.count < limit {
            // Neighbours that can hold something are walked in one go.
            guard test.canHold(entries[index]) else {
                index += 1
                continue
            }
            var end = index + 1
            while end < entries.count, test.canHold(entries[end]) { end += 1 }
            let last = end < entries.count ? entries[end].number : count
            var walk = walk(toNumber: entries[index].number)
            while walk.count < last, found.count < limit, case .record(let place) = walk.next(in: bytes, isWhole: true)
            {
                if place.isOfLog, place.number >= first, test.holds(of: place, bytes) { found.append(place.number) }
            }
            index = end
        }
        return found
    }
}

/// A filter with what it says of each interface worked out.
private struct HeaderTest {
    private enum Answer: UInt8 { case no, yes, look }

    private let filter: RecordingFilter
    private let kinds: UInt32
    private let otherKinds: [UInt8]
    private let answers: [Answer]
    private let interfaces: UInt64

    init(_ filter: RecordingFilter, _ known: [RecordingInterface]) {
        self.filter = filter
        let numbers = filter.kinds?.map(\.rawValue)
        kinds = numbers.map { $0.reduce(0) { $0 | RecordingIndex.bit(ofKind: $1) } } ?? .max
        otherKinds = numbers ?? []
        answers = known.map { interface in
            switch interface.role {
            case .bus: filter.device == nil ? .yes : .no
            case .channel(let key, _): filter.device == nil || filter.device == key.device ? .yes : .no
            case .channels: filter.device == nil ? .yes : .look
            case .frames, .streams, .foreign: .no
            }
        }
        interfaces = answers.enumerated().reduce(0) {
            $1.element == .no ? $0 : $0 | 1 << UInt64($1.offset & 63)
        }
    }

    func canHold(_ entry: RecordingIndex.Entry) -> Bool {
        guard entry.kinds & kinds != 0, entry.interfaces & interfaces != 0 else { return false }
        // Times need not count up, so only their highest says something.
        return filter.times.map { $0.lowerBound <= entry.lastTime } ?? true
    }

    @inline(__always)
    func holds(of place: RecordPlace, _ bytes: RawSpan) -> Bool {
        guard RecordingIndex.bit(ofKind: place.kind) & kinds != 0, answers[place.interface] != .no else { return false }
        if place.kind >= 31, kinds != .max, !otherKinds.contains(place.kind) { return false }
        if let relid = filter.relid, relid != place.relid { return false }
        if let code = filter.code, code != place.code { return false }
        if let partition = filter.partition, partition != place.partition { return false }
        if let direction = filter.direction, direction.rawValue != place.direction { return false }
        if let times = filter.times, !times.contains(place.time) { return false }
        return answers[place.interface] == .yes || filter.device == place.toldChannel(in: bytes)?.device
    }
}
