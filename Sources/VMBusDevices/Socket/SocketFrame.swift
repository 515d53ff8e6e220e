public import VMBusWire

/// A packet's payload on an hv_sock channel: a stretch of the byte stream, or nothing, which is the stream's end
/// (reference §4.6, §6.12).
public struct SocketFrame: WireStructure {
    public static let structureName: StaticString = "HVSOCK"

    /// The most bytes in a frame.
    public static let maximumByteCount = 16384
    /// What Linux puts into a frame, so that a packet fits a page.
    public static let usualByteCount = 4088
    /// Bytes of ring that the end of a stream takes, trailer included. Data leaves them free, so that a full ring never keeps
    /// the end back (reference §9, 48).
    public static let endRingBytes: UInt32 = 32

    /// In front of everything; its length counts what is behind it.
    public var pipe = PipeHeader()
    /// The bytes; none at the end of the stream.
    public var data: [UInt8] = []

    public init() {}
    /// A frame around some bytes.
    public init(_ data: [UInt8]) {
        self.data = data
        pipe = PipeHeader(length: data.count)
    }

    /// Whether the sender's half of the connection ends with it.
    public var isEnd: Bool { pipe.length == 0 }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.structure("pipe", &pipe, "in front of everything on this channel")
        try visitor.require(pipe.type == 1, "pipe_type", UInt64(pipe.type), "1, data")
        try visitor.require(
            pipe.length <= UInt32(Self.maximumByteCount), "pipe_length", UInt64(pipe.length), "at most 16384 bytes")
        try visitor.bytes("data", &data, count: Int(pipe.length), "a stretch of the byte stream")
    }
}

/// CRC-32 as zip files have it, over a stream that comes in pieces: both ends of a connection, and any tool beside them, get the
/// same number for the same bytes.
public struct StreamChecksum: Sendable, Hashable {
    private var state: UInt32 = .max

    /// Of no bytes.
    public init() {}

    /// The number.
    public var value: UInt32 { ~state }

    /// Adds the next bytes, four bits at a time.
    public mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            state ^= UInt32(byte)
            for _ in 0..<2 { state = state >> 4 ^ Self.table[Int(state & 15)] }
        }
    }

    private static let table: [UInt32] = (0..<16).map { index in
        (0..<4).reduce(UInt32(index)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
    }
}
