public import BusModel
import VMBusWire

/// Takes records out of a recording that comes in pieces, such as through a pipe. Whatever the bytes are: what is whole comes
/// out, what is not is told with its place.
///
/// Of the file's keyframes those come out as records that are needed to know what is: the first, where the log does not begin
/// with it, the next one behind damage, and one that stands directly behind a gap.
public struct RecordingReader: Sendable {
    /// What the recording says of itself, as soon as it was read.
    public private(set) var manifest: RecordingManifest?
    private var walk = RecordWalk()
    private var waiting: [UInt8] = []
    /// Where the waiting bytes begin in the stream.
    private var start = 0
    private var isWhole = false
    private var filter = KeyframeFilter()

    /// Nothing has come yet.
    public init() {}

    /// What could not be read so far.
    public var damages: RecordingDamages { walk.walk.damages }
    /// How many records of the log came out.
    public var recordCount: UInt64 { walk.count }
    /// The interfaces that were described so far.
    public var interfaces: [RecordingInterface] { walk.walk.interfaces }

    /// Takes in the next piece.
    public mutating func append(_ bytes: [UInt8]) { waiting += bytes }

    /// No more pieces will come.
    public mutating func finish() { isWhole = true }

    /// Adds records that are whole to a batch, at most so many; when it adds fewer, there are no more yet.
    public mutating func read(into batch: inout FlowBatch, limit: Int) {
        let end = batch.headers.count + min(limit, .max - batch.headers.count)
        do {
            let held = waiting
            held.withBytes { read($0, into: &batch, until: end) }
        }
        forget()
    }

    private mutating func read(_ bytes: RawSpan, into batch: inout FlowBatch, until end: Int) {
        while batch.headers.count < end,
            case .record(let place) = walk.next(in: bytes, from: start, isWhole: isWhole)
        {
            if place.isManifest {
                manifest = manifest ?? RecordingManifest.decode(bytes.array(place.payload))?.manifest
            } else if filter.passes(place, damages: walk.walk.damages.count),
                !place.append(to: &batch, from: bytes, walk.walk)
            {
                walk.walk.damage(.record, start + place.packet.block.start, place.packet.block.count)
            }
        }
    }

    /// Lets the bytes go that no record needs any more.
    private mutating func forget() {
        let passed = walk.neededStart - start
        guard passed >= min(1 << 16, waiting.count), passed > 0 else { return }
        waiting.removeFirst(min(passed, waiting.count))
        start += passed
    }
}

/// Says which of the file's own records are told as records of the log.
struct KeyframeFilter: Sendable {
    private var hasTold: Bool
    private var isBehindGap = false
    private var damages: UInt64 = 0

    /// From the beginning of a file, or from a place where everything is known.
    init(hasTold: Bool = false) { self.hasTold = hasTold }

    /// Whether a record is told.
    ///
    /// - Parameter count: how many damages were met before it.
    mutating func passes(_ place: RecordPlace, damages count: UInt64) -> Bool {
        if place.isOfLog {
            hasTold = true
            isBehindGap = place.kind == FlowKind.gap.rawValue
            return true
        }
        guard place.isKeyframe, !hasTold && !place.payload.isEmpty || isBehindGap || count > damages else {
            return false
        }
        (hasTold, damages) = (true, count)
        return true
    }
}
