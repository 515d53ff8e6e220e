/// A frame that says itself what must be in it, so that either side can tell whether it came whole: type 0x88b5, a sequence
/// number, and a length and bytes that follow from it.
public enum NumberedFrame {
    /// The address that such frames come from.
    public static let source: [UInt8] = [0x02, 0, 0, 0, 0, 0x01]
    /// The least length of a frame of a sequence number.
    static let headerSize = 18

    /// Bytes of the frame with a sequence number.
    public static func byteCount(_ sequence: UInt32) -> Int { 60 + Int(UInt64(sequence) * 37 % 1455) }

    /// The frame with a sequence number, to an address.
    public static func frame(_ sequence: UInt32, to target: [UInt8], from source: [UInt8] = source) -> [UInt8] {
        var frame = [UInt8](repeating: 0, count: byteCount(sequence))
        frame.replaceSubrange(0..<6, with: target)
        frame.replaceSubrange(6..<12, with: source)
        (frame[12], frame[13]) = (0x88, 0xB5)
        for index in 0..<4 { frame[14 + index] = UInt8(truncatingIfNeeded: sequence >> UInt32(8 * index)) }
        for index in headerSize..<frame.count { frame[index] = byte(sequence, index) }
        return frame
    }

    /// What a frame is.
    public enum Verdict: Hashable, Sendable {
        /// No numbered frame.
        case other
        /// One that came whole.
        case whole(UInt32)
        /// One that did not.
        case broken(UInt32)
    }

    /// Looks at a frame. A frame of this type that has neither the length nor the bytes of its number, or that holds nothing
    /// but zeros, is somebody's own.
    public static func check(_ frame: [UInt8]) -> Verdict {
        guard frame.count > headerSize, frame[12] == 0x88, frame[13] == 0xB5 else { return .other }
        let sequence = frame[14..<18].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let hasLength = frame.count == byteCount(sequence)
        var first = headerSize
        while first < frame.count, frame[first] == byte(sequence, first) { first += 1 }
        if first == frame.count, hasLength { return .whole(sequence) }
        let isPart = first >= min(headerSize + 16, frame.count)
        guard hasLength || isPart, frame[14...].contains(where: { $0 != 0 }) else { return .other }
        return .broken(sequence)
    }

    @inline(__always)
    private static func byte(_ sequence: UInt32, _ index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: sequence &* 7 &+ UInt32(truncatingIfNeeded: index))
    }
}
