public import VMBusWire

/// What HvPostMessage returned (reference §1.4). Unknown values survive, and count as a failure.
public struct PostResult: NamedScalar {
    /// The 16 bits of the hypercall's status.
    public let rawValue: UInt16

    /// Any status.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The message is on its way.
    public static let success = PostResult(rawValue: 0x00)
    /// The input does not lie as it must.
    public static let invalidAlignment = PostResult(rawValue: 0x04)
    /// The input is wrong.
    public static let invalidParameter = PostResult(rawValue: 0x05)
    /// The partition may not.
    public static let accessDenied = PostResult(rawValue: 0x06)
    /// The partition may not now.
    public static let operationDenied = PostResult(rawValue: 0x08)
    /// The hypervisor has no memory left for the message.
    public static let insufficientMemory = PostResult(rawValue: 0x0B)
    /// The connection leads to no port.
    public static let invalidPortID = PostResult(rawValue: 0x11)
    /// There is no such connection; hosts also say so when messages come too fast.
    public static let invalidConnectionID = PostResult(rawValue: 0x12)
    /// The receiver's buffers are full.
    public static let insufficientBuffers = PostResult(rawValue: 0x13)
    /// The hypervisor gave up.
    public static let timeout = PostResult(rawValue: 0x78)

    /// Whether the same message may be taken later.
    public var isPassing: Bool {
        switch self {
        case .insufficientMemory, .invalidConnectionID, .insufficientBuffers: true
        default: false
        }
    }

    public var meaning: String? {
        switch self {
        case .success: "success"
        case .invalidAlignment: "invalid alignment"
        case .invalidParameter: "invalid parameter"
        case .accessDenied: "access denied"
        case .operationDenied: "operation denied"
        case .insufficientMemory: "insufficient memory"
        case .invalidPortID: "invalid port id"
        case .invalidConnectionID: "invalid connection id"
        case .insufficientBuffers: "insufficient buffers"
        case .timeout: "timeout"
        default: nil
        }
    }
}

/// A message and where it goes.
public struct GuestPost: Sendable, Hashable {
    /// The message's bytes, header included.
    public let bytes: [UInt8]
    /// The connection that it is posted to.
    public let connectionID: UInt32

    /// A message for a connection.
    public init(bytes: [UInt8], connectionID: UInt32) {
        self.bytes = bytes
        self.connectionID = connectionID
    }
}

/// How often, and after how long, a refused message is posted again.
public struct RetrySchedule: Sendable, Hashable {
    /// Attempts in all, the first included.
    public var attempts: Int
    /// Microseconds after the first failure; doubled after each further one.
    public var firstDelay: UInt64
    /// The longest delay, in microseconds.
    public var longestDelay: UInt64

    /// A schedule; delays in microseconds.
    public init(attempts: Int, firstDelay: UInt64, longestDelay: UInt64) {
        self.attempts = attempts
        self.firstDelay = firstDelay
        self.longestDelay = longestDelay
    }

    /// Microseconds until the next attempt, once `failures` have failed; nil when they were all.
    public func delay(after failures: Int) -> UInt64? {
        guard failures > 0, failures < attempts else { return nil }
        let doublings = min(failures - 1, 62)
        let (delay, overflow) = firstDelay.multipliedReportingOverflow(by: 1 << UInt64(doublings))
        return overflow ? longestDelay : min(delay, longestDelay)
    }
}
