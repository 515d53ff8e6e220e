/// What one end of an hv_sock connection does with its stream.
public struct SocketPlan: Sendable, Hashable {
    /// When an end closes its half.
    public enum Ending: Sendable, Hashable {
        /// As soon as everything is sent.
        case afterSending
        /// When everything is sent and the other end has closed its half.
        case afterPeer
    }

    /// Bytes that it sends, made from their places in the stream.
    public var byteCount: UInt64 = 0
    /// Whether it sends back what comes, besides.
    public var echoes = false
    /// When it closes its half.
    public var ending = Ending.afterSending
    /// Bytes in one frame, 1 to 16384.
    public var frameByteCount = SocketFrame.usualByteCount
    /// Nanoseconds between two writes of a frame.
    public var interval: UInt64 = 20_000
    /// Nanoseconds that a slow reader rests after each packet; 0 for one that reads as packets come.
    public var readPause: UInt64 = 0
    /// Nanoseconds without a byte that an end waits for the other's half to end when its own has (Linux: 8 s).
    public var patience: UInt64 = 8_000_000_000
    /// Nanoseconds that an end keeps its channel when both halves have ended: a host lets the guest close it.
    public var linger: UInt64 = 0

    /// An end that sends nothing and closes its half at once.
    public init() {}

    /// The byte at a place of a stream that is made up.
    public static func byte(at place: UInt64) -> UInt8 {
        UInt8(truncatingIfNeeded: place &* 31 &+ place >> 8 &* 7 &+ place >> 16)
    }
}
