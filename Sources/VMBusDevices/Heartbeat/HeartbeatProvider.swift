/// The host's end of the heartbeat: beats every two seconds and counts the answers that stay out (reference §6.4).
public struct HeartbeatProvider: IntegrationProvider {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// Nanoseconds between two beats.
        public var period: UInt64 = 2_000_000_000
        /// As many answers must stay out before it is told.
        public var patience: UInt64 = 5
        /// The host's defaults.
        public init() {}
    }

    /// What was chosen.
    public let configuration: Configuration
    public var link: IntegrationHost
    /// The last number sent; 0 for none.
    public private(set) var sequence: UInt64 = 0
    /// Beats sent since the last answer.
    public private(set) var missed: UInt64 = 0
    /// Beats that were answered.
    public private(set) var answered: UInt64 = 0
    /// When the last answer came, in nanoseconds.
    public private(set) var lastAnswer: UInt64?

    /// A heartbeat that waits for its channel.
    public init(
        service: IntegrationComponent.Service = .heartbeat, configuration: Configuration = Configuration()
    ) {
        self.configuration = configuration
        link = IntegrationHost(service)
    }

    public mutating func began(time: UInt64) -> [DeviceEffect] { beat() }

    private mutating func beat() -> [DeviceEffect] {
        guard link.isAgreed else { return [] }
        sequence &+= 1
        missed += 1
        var effects = link.send(.heartbeat(HeartbeatMessage(sequence: sequence)))
        if missed == configuration.patience + 1 {
            effects.append(.note("heartbeat: the guest has not answered \(configuration.patience) times in a row"))
        }
        return effects + [.wake(afterNanoseconds: configuration.period, token: link.generation)]
    }

    public mutating func answered(
        _ answer: IntegrationComponent.Message, to asked: IntegrationComponent.Message.Body, time: UInt64
    ) -> [DeviceEffect] {
        guard case .heartbeat(let beat) = answer.body, case .heartbeat(let request) = asked else { return [] }
        guard beat.sequence == request.sequence &+ 1 else {
            return [
                link.service.broken(
                    "heartbeat-sequence", "\(beat.sequence)", "one more than the host's number \(request.sequence)")
            ]
        }
        let wasSilent = missed > configuration.patience
        missed = sequence - request.sequence
        answered += 1
        lastAnswer = time
        return wasSilent ? [.note("heartbeat: the guest answers again")] : []
    }

    public mutating func ended() {
        (sequence, missed, answered, lastAnswer) = (0, 0, 0, nil)
    }

    public mutating func wake<Memory: DeviceMemory>(
        token: UInt64, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        token == link.generation ? beat() : []
    }
}
