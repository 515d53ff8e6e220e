/// The host's end of time synchronisation: sets the guest's clock once, then sends samples (reference §6.4).
///
/// It has no clock of its own: the time that it is given counts from a moment whose wall clock it is told.
public struct TimeSyncProvider: IntegrationProvider {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// The host's wall clock at time 0; 2026-01-01 unless somebody who has a clock says otherwise.
        public var wallClock = WindowsTime(unixNanoseconds: 1_767_225_600_000_000_000)
        /// When the guest's machine was reset, in nanoseconds: its reference counter was 0 then.
        public var resetTime: UInt64 = 0
        /// Nanoseconds between two samples; 0 for none.
        public var period: UInt64 = 5_000_000_000
        /// The host's defaults.
        public init() {}
    }

    /// What was chosen.
    public let configuration: Configuration
    public var link: IntegrationHost
    private var resetTime: UInt64

    /// Waits for its channel.
    public init(
        service: IntegrationComponent.Service = .timeSync, configuration: Configuration = Configuration()
    ) {
        self.configuration = configuration
        link = IntegrationHost(service)
        resetTime = configuration.resetTime
    }

    public mutating func began(time: UInt64) -> [DeviceEffect] { sample(.sync, time: time) + nextWake }

    private var nextWake: [DeviceEffect] {
        configuration.period == 0 ? [] : [.wake(afterNanoseconds: configuration.period, token: link.generation)]
    }

    /// Says what time it is, at once: a sample that has waited is wrong.
    private mutating func sample(_ flags: TimeSyncFlags, time: UInt64) -> [DeviceEffect] {
        guard let agreement = link.agreement else {
            return [.note("time sync: the guest has not agreed on a version, so it is told nothing")]
        }
        let now = WindowsTime(rawValue: configuration.wallClock.rawValue &+ time / 100)
        guard agreement.messages >= IntegrationComponent.Version(4, 0) else {
            return link.send(.timeSample(TimeSample(hostTime: now, flags: flags)))
        }
        let reference = (time - min(time, resetTime)) / 100
        return link.send(.timeReference(TimeReference(hostTime: now, referenceTime: reference, flags: flags)))
    }

    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard case .timeSync(let command) = command else { return nil }
        switch command {
        case .reset:
            resetTime = time
            return []
        case .probe: return sample([], time: time)
        case .sync: return sample(.sync, time: time)
        case .sample: return sample(.sample, time: time)
        }
    }

    public mutating func answered(
        _ answer: IntegrationComponent.Message, to asked: IntegrationComponent.Message.Body, time: UInt64
    ) -> [DeviceEffect] {
        answer.status == .success ? [] : [.note("time sync: the guest refuses a sample: \(answer.status.words)")]
    }

    public mutating func ended() { resetTime = configuration.resetTime }

    public mutating func wake<Memory: DeviceMemory>(
        token: UInt64, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        token == link.generation && link.isAgreed ? sample(.sample, time: time) + nextWake : []
    }
}
