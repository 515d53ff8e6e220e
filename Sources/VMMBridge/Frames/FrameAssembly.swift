import VMBusWire

/// Cuts a stream of bytes into frames. It never holds more than one frame and what came with it.
struct FrameAssembly: Sendable {
    private var bytes: [UInt8] = []
    private var start = 0

    /// Takes in what came.
    mutating func append(_ more: [UInt8]) {
        if start > 0 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes += more
    }

    /// The next whole frame; nil while there is none.
    ///
    /// - Throws: a length that no frame has. Where the next one would start cannot be known then.
    mutating func next() throws(WireError) -> (header: FrameHeader, body: ArraySlice<UInt8>)? {
        let rest = bytes[start...]
        guard rest.count >= FrameHeader.byteCount else { return nil }
        let header = try FrameHeader.decode(rest)
        guard rest.count >= Int(header.length) else { return nil }
        let end = start + Int(header.length)
        defer { start = end }
        return (header, bytes[start + FrameHeader.byteCount..<end])
    }

    /// Whether a frame has begun and not ended.
    var isInsideFrame: Bool { start < bytes.count }
}
