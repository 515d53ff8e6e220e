/// A value that may not be had, with the moment when it was last looked at.
public struct Reading<Value: Sendable & Hashable>: Sendable, Hashable {
    /// What looking gave.
    public enum Outcome: Sendable, Hashable {
        /// The value.
        case known(Value)
        /// There is none here: the source does not tell it.
        case unavailable
        /// There is one, but not for us.
        case denied
        /// Looking failed, with the error's symbol such as `EINVAL`.
        case failed(String)
    }

    /// What looking gave.
    public var outcome: Outcome
    /// When, in the log's nanoseconds.
    public var time: UInt64

    /// An outcome at a moment.
    public init(_ outcome: Outcome, at time: UInt64 = 0) {
        self.outcome = outcome
        self.time = time
    }

    /// A known value.
    public static func known(_ value: Value, at time: UInt64 = 0) -> Reading { Reading(.known(value), at: time) }
    /// Nothing has been said of it.
    public static var unavailable: Reading { Reading(.unavailable) }

    /// The value, if it is known.
    public var value: Value? {
        if case .known(let value) = outcome { value } else { nil }
    }

    /// The error's symbol, if looking failed.
    public var error: String? {
        switch outcome {
        case .known, .unavailable: nil
        case .denied: "EACCES"
        case .failed(let symbol): symbol
        }
    }

    /// The same reading of another type.
    public func map<Other>(_ transform: (Value) -> Other) -> Reading<Other> {
        switch outcome {
        case .known(let value): Reading<Other>(.known(transform(value)), at: time)
        case .unavailable: Reading<Other>(.unavailable, at: time)
        case .denied: Reading<Other>(.denied, at: time)
        case .failed(let symbol): Reading<Other>(.failed(symbol), at: time)
        }
    }
}
