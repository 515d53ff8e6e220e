/// The guest's end of the heartbeat: sends each message back with the next number in it (reference §6.4).
public struct HeartbeatConsumer: IntegrationConsumer {
    public var link: IntegrationGuest
    /// The last beat that was answered, by the host's number.
    public private(set) var sequence: UInt64?

    /// A heartbeat that waits for its channel.
    public init(service: IntegrationComponent.Service = .heartbeat) { link = IntegrationGuest(service) }

    public mutating func answer(
        _ request: IntegrationComponent.Message.Body, _ agreement: IntegrationComponent.Agreement, time: UInt64
    ) -> IntegrationAnswer {
        guard case .heartbeat(var beat) = request else { return IntegrationAnswer(request, .failure) }
        sequence = beat.sequence
        beat.sequence &+= 1
        return IntegrationAnswer(.heartbeat(beat))
    }

    public mutating func ended() -> [DeviceEffect] {
        sequence = nil
        return []
    }
}
