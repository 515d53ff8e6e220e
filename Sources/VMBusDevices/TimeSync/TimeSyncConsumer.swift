import VMBusWire

/// The guest's end of time synchronisation: a clock that is set when the host says so (reference §6.4).
///
/// A sample from 4.0 on names the moment at which it was taken by the guest's reference counter, so that the time that it
/// was on its way does not count.
public struct TimeSyncConsumer: IntegrationConsumer {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// The guest's wall clock at time 0, right or wrong.
        public var wallClock = WindowsTime.unixEpoch
        /// When the guest's machine was reset, in nanoseconds.
        public var resetTime: UInt64 = 0
        /// Whether samples set the clock too, as Linux's parameter `timesync_implicit` says.
        public var setsBySamples = false
        /// A clock that begins in 1970.
        public init() {}
    }

    /// The oldest sample that a guest takes (reference §6.4): 600 s, in 100 ns.
    public static let longestDelay: UInt64 = 6_000_000_000

    /// What was chosen.
    public let configuration: Configuration
    public var link: IntegrationGuest
    /// How far the guest's clock has been moved, in 100 ns; modulo 2⁶⁴, so that it can go back.
    private var moved: UInt64 = 0
    /// How many times the clock was set.
    public private(set) var setCount = 0
    /// How late the last sample was, in 100 ns; 0 below 4.0, which does not tell.
    public private(set) var delay: UInt64 = 0

    /// Waits for its channel.
    public init(
        service: IntegrationComponent.Service = .timeSync, configuration: Configuration = Configuration()
    ) {
        self.configuration = configuration
        link = IntegrationGuest(service)
    }

    /// The guest's wall clock.
    public func wallClock(at time: UInt64) -> WindowsTime {
        WindowsTime(rawValue: configuration.wallClock.rawValue &+ time / 100 &+ moved)
    }

    public mutating func answer(
        _ request: IntegrationComponent.Message.Body, _ agreement: IntegrationComponent.Agreement, time: UInt64
    ) -> IntegrationAnswer {
        let (hostTime, flags): (WindowsTime, TimeSyncFlags)
        switch request {
        case .timeSample(let sample): (hostTime, flags, delay) = (sample.hostTime, sample.flags, 0)
        case .timeReference(let reference):
            let counter = (time - min(time, configuration.resetTime)) / 100
            guard reference.referenceTime <= counter else {
                return refused(
                    request, "reference time \(reference.referenceTime)", "not behind the guest's \(counter)")
            }
            guard counter - reference.referenceTime <= Self.longestDelay else {
                return refused(request, "reference time \(reference.referenceTime)", "at most 600 s old")
            }
            (hostTime, flags, delay) = (reference.hostTime, reference.flags, counter - reference.referenceTime)
        default: return IntegrationAnswer(request, .failure)
        }
        guard flags.rawValue <= 2 else {
            return refused(request, "flags \(flags.rawValue)", "probe, sync or sample")
        }
        guard hostTime.rawValue >= WindowsTime.unixEpoch.rawValue, hostTime.rawValue < 1 << 62 else {
            return refused(request, "host time \(hostTime.rawValue)", "a time behind 1970 that a clock can show")
        }
        guard flags.contains(.sync) || flags.contains(.sample) && configuration.setsBySamples else {
            return IntegrationAnswer(request)
        }
        let now = WindowsTime(rawValue: hostTime.rawValue &+ delay)
        moved = moved &+ now.rawValue &- wallClock(at: time).rawValue
        setCount += 1
        return IntegrationAnswer(request, .success, [.utility(.clock(now))])
    }

    private func refused(
        _ request: IntegrationComponent.Message.Body, _ value: String, _ explanation: String
    ) -> IntegrationAnswer {
        IntegrationAnswer(request, .invalidArgument, [link.service.broken("timesync-sample", value, explanation)])
    }

    /// The clock goes on without the host.
    public mutating func ended() -> [DeviceEffect] { [] }
}
