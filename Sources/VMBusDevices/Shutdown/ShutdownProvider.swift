/// The host's end of shutdown: asks the guest to end (reference §6.4).
public struct ShutdownProvider: IntegrationProvider {
    public var link: IntegrationHost

    /// Waits for its channel.
    public init(service: IntegrationComponent.Service = .shutdown) { link = IntegrationHost(service) }

    public mutating func began(time: UInt64) -> [DeviceEffect] { [] }

    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard case .shutdown(let command) = command else { return nil }
        return link.ask(.shutdown(command.message))
    }

    public mutating func answered(
        _ answer: IntegrationComponent.Message, to asked: IntegrationComponent.Message.Body, time: UInt64
    ) -> [DeviceEffect] {
        guard case .shutdown(let request) = asked, let ending = request.ending else { return [] }
        return [
            .note(
                answer.status == .success
                    ? "shutdown: the guest begins its \(ending.rawValue)"
                    : "shutdown: the guest refuses the \(ending.rawValue): \(answer.status.words)")
        ]
    }

    public mutating func ended() {}
}
