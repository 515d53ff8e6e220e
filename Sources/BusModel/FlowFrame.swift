public import VMBusWire

/// A batch as it travels from one program of ours to another, with the moment at which it was sent.
///
/// On the wire: a head of 24 bytes with magic, version, kind, length and moment, then the body. A stream begins with a frame that
/// tells of everything, and an empty one says that the sender is alive. The version is raised only when an old reader would
/// misread; a reader skips kinds that it does not know.
public struct FlowFrame: Sendable, Hashable {
    /// The sender's clock when it sent, in nanoseconds; the times of the records are of the same clock.
    public var sentTime: UInt64
    /// What happened since the frame before.
    public var batch: FlowBatch

    /// A frame.
    public init(sentTime: UInt64, batch: FlowBatch) {
        self.sentTime = sentTime
        self.batch = batch
    }

    /// The version that is written, and the only one that is read.
    public static let version: UInt16 = 1
    /// The most bytes of a body that are written as one frame, if more than one record is in it.
    static let usualBody = 1 << 20
    /// The most bytes of a body that are read.
    static let longestBody = 1 << 23
    static let magic: UInt64 = 0x574F_4C46_5342_4D56

    /// The bytes of a batch: one frame, or several where it is long. A record that no frame can hold becomes a gap.
    public static func bytes(of batch: FlowBatch, sentAt time: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var body: [UInt8] = []
        for header in batch.headers {
            var record = FlowFrameRecord(header, batch.payload(of: header)).encoded()
            if record.count > longestBody {
                var gap = header
                gap.kind = .gap
                gap.attachmentLength = 0
                let text = "a record of \(header.payloadLength) bytes is too long to be sent"
                record = FlowFrameRecord(gap, Array(text.utf8)[...]).encoded()
            }
            if !body.isEmpty, body.count + record.count > usualBody {
                bytes += FlowFrameHead(length: body.count, time: time).encoded() + body
                body.removeAll(keepingCapacity: true)
            }
            body += record
        }
        return bytes + FlowFrameHead(length: body.count, time: time).encoded() + body
    }
}

/// Why bytes are no stream of frames. The stream cannot be read on behind it.
public enum FlowFrameError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No frame began within the first bytes; the text is how they begin.
    case noFrame(beginning: String)
    /// Behind a frame stands something else.
    case lostTrack
    /// The sender speaks another version.
    case version(UInt16)
    /// A frame says that it is longer than any that is sent.
    case tooLong(UInt32)
    /// A frame's body is not what it should be.
    case malformed(WireError)

    /// What is wrong and what would help.
    public var description: String {
        switch self {
        case .noFrame(let beginning):
            "no records come, but '\(beginning)'; the login there must print nothing and start vmbusscope"
        case .lostTrack: "something else than records stands between records"
        case .version(let version):
            "its records have version \(version), this program reads \(FlowFrame.version); use the same program on both ends"
        case .tooLong(let length): "a frame of \(length) bytes is longer than any that is sent"
        case .malformed(let error): "a frame cannot be read: \(error)"
        }
    }
}

/// Takes frames out of a stream of bytes that comes in pieces. The sender is not trusted: no piece, whatever is in it, makes it
/// keep more than one frame.
///
/// What stands before the first frame is skipped, as shells greet.
public struct FlowFrameDecoder: Sendable {
    /// The most bytes that are skipped before the first frame.
    static let longestGreeting = 1 << 16

    private var waiting: [UInt8] = []
    private var greeting: [UInt8] = []
    private var skipped = 0
    private var hasBegun = false

    /// Nothing has come yet.
    public init() {}

    /// Takes in the next piece. Take all frames out before the next one.
    public mutating func append(_ bytes: [UInt8]) { waiting += bytes }

    /// Bytes that have come and belong to no frame that is whole.
    public var waitingCount: Int { waiting.count }

    /// The next frame that is whole; nil until more comes.
    ///
    /// - Throws: why there will be none any more.
    public mutating func next() throws(FlowFrameError) -> FlowFrame? {
        while true {
            guard try findHead(), waiting.count >= FlowFrameHead.size else { return nil }
            let head: FlowFrameHead
            do throws(WireError) {
                head = try FlowFrameHead.decode(waiting)
            } catch {
                throw .malformed(error)
            }
            guard head.magic == FlowFrame.magic else { throw .lostTrack }
            guard head.version == FlowFrame.version else { throw .version(head.version) }
            guard head.length <= FlowFrame.longestBody else { throw .tooLong(head.length) }
            let end = FlowFrameHead.size + Int(head.length)
            guard waiting.count >= end else { return nil }
            let body = waiting[FlowFrameHead.size..<end]
            defer { waiting.removeFirst(end) }
            hasBegun = true
            guard head.kind == FlowFrameHead.records else { continue }
            do throws(WireError) {
                return FlowFrame(sentTime: head.sentTime, batch: try FlowFrameBody.decode(body).batch)
            } catch {
                throw .malformed(error)
            }
        }
    }

    /// Skips the greeting. False while no frame has begun.
    private mutating func findHead() throws(FlowFrameError) -> Bool {
        if hasBegun { return true }
        let mark = FlowFrame.magic.littleEndianBytes
        var start = 0
        while start < waiting.count, !mark.starts(with: waiting[start...].prefix(mark.count)) { start += 1 }
        greeting += waiting[..<start].prefix(max(0, 80 - greeting.count))
        skipped += start
        waiting.removeFirst(start)
        guard skipped <= Self.longestGreeting else {
            let signs = greeting.map { (0x20..<0x7F).contains($0) ? Character(Unicode.Scalar($0)) : "." }
            throw .noFrame(beginning: String(signs))
        }
        return waiting.count >= mark.count
    }
}

extension UInt64 {
    fileprivate var littleEndianBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> UInt64($0 * 8)) } }
}

// MARK: The structures

struct FlowFrameHead: WireStructure {
    static let structureName: StaticString = "FLOW_FRAME"
    static let size = 24
    static let records: UInt16 = 1

    var magic = FlowFrame.magic
    var version = FlowFrame.version
    var kind = FlowFrameHead.records
    var length: UInt32 = 0
    var sentTime: UInt64 = 0

    init() {}

    init(length: Int, time: UInt64) {
        self.length = UInt32(truncatingIfNeeded: length)
        sentTime = time
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("magic", &magic, .hexadecimal, "begins every frame")
        try visitor.field("version", &version, "of the frames")
        try visitor.field("kind", &kind, "1 for records")
        try visitor.field("length", &length, "bytes of the body")
        try visitor.field("sent_time", &sentTime, "the sender's clock when it sent, in nanoseconds")
    }
}

struct FlowFrameBody: WireStructure {
    static let structureName: StaticString = "FLOW_FRAME_BODY"
    var records: [FlowFrameRecord] = []
    init() {}
    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.repeated("record", &records, count: visitor.remaining == nil ? records.count : nil, "one record")
    }

    var batch: FlowBatch {
        var batch = FlowBatch()
        for record in records {
            let payload = record.entry.payload
            let split = payload.count - min(payload.count, Int(record.attachmentLength))
            batch.append(
                record.entry.header(sequence: record.sequence, direction: Direction(rawValue: record.direction)),
                payload[..<split], attachment: Array(payload[split...]))
        }
        return batch
    }
}

struct FlowFrameRecord: WireStructure {
    static let structureName: StaticString = "FLOW_RECORD"

    var sequence: UInt64 = 0
    var attachmentLength: UInt32 = 0
    var direction: UInt8 = 0
    var entry = KeyframeEntry()

    init() {}

    init(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        (sequence, attachmentLength) = (header.sequence, header.attachmentLength)
        direction = header.direction?.rawValue ?? 0
        entry = KeyframeEntry(header, payload)
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("sequence", &sequence, "counts up within the sender's log")
        try visitor.field("attachment_length", &attachmentLength, "bytes at the end that lay outside the ring")
        try visitor.field("direction", &direction, "who sent it; 0 for nobody")
        try visitor.structure("record", &entry, "the record")
    }
}
