/// The guest's end of shutdown: answers first, then ends (reference §6.4).
public struct ShutdownConsumer: IntegrationConsumer {
    public var link: IntegrationGuest
    /// Whether the guest can hibernate.
    public let canHibernate: Bool

    /// Waits for its channel.
    public init(service: IntegrationComponent.Service = .shutdown, canHibernate: Bool = false) {
        link = IntegrationGuest(service)
        self.canHibernate = canHibernate
    }

    public mutating func answer(
        _ request: IntegrationComponent.Message.Body, _ agreement: IntegrationComponent.Agreement, time: UInt64
    ) -> IntegrationAnswer {
        guard case .shutdown(let message) = request else { return IntegrationAnswer(request, .failure) }
        guard let ending = message.ending else {
            return IntegrationAnswer(
                request, .failure,
                [
                    link.service.broken(
                        "shutdown-flags", message.flags.meaning ?? "",
                        "a guest is powered off, restarted or hibernated, each with force or without")
                ])
        }
        if ending == .hibernate, !canHibernate { return IntegrationAnswer(request, .failure) }
        return IntegrationAnswer(request, .success, [.utility(.end(ending))])
    }

    public mutating func ended() -> [DeviceEffect] { [] }
}
