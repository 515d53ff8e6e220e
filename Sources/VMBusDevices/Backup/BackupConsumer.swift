/// The guest's end of a backup: freezes and thaws, and fails where its script says so (reference §6.6).
public struct BackupConsumer: IntegrationConsumer {
    /// How one step is to go.
    public struct Result: Sendable, Hashable {
        /// The step.
        public var operation: BackupOperation
        /// What is answered.
        public var status: IntegrationComponent.Status

        /// A result.
        public init(_ operation: BackupOperation, _ status: IntegrationComponent.Status) {
            self.operation = operation
            self.status = status
        }
    }

    /// In the answer to HOT_BACKUP: the guest can be backed up while it runs, and no recovery is needed (reference §6.6).
    public static let withoutRecovery: UInt32 = 5

    public var link: IntegrationGuest
    /// How the next steps go; the first that fits is taken and used up. Without one a step succeeds.
    public private(set) var script: [Result]
    /// Whether file systems are frozen.
    public private(set) var isFrozen = false
    /// The steps that were asked for, the last ones.
    public private(set) var steps: [BackupOperation] = []

    /// Waits for its channel.
    public init(service: IntegrationComponent.Service = .backup, script: [Result] = []) {
        link = IntegrationGuest(service)
        self.script = script
    }

    public mutating func answer(
        _ request: IntegrationComponent.Message.Body, _ agreement: IntegrationComponent.Agreement, time: UInt64
    ) -> IntegrationAnswer {
        guard case .backup(var message) = request else { return IntegrationAnswer(request, .failure) }
        let step = message.operation
        steps = steps.suffix(63) + [step]
        if let breach = breach(step, agreement) { return IntegrationAnswer(request, .invalidArgument, [breach]) }
        var status = IntegrationComponent.Status.success
        if let index = script.firstIndex(where: { $0.operation == step }) {
            status = script.remove(at: index).status
        }
        guard status == .success else { return IntegrationAnswer(request, status) }
        switch step {
        case .hotBackup: message.flags = Self.withoutRecovery
        case .getDeviceInfo: message.flags = 0
        case .freeze, .thaw:
            isFrozen = step == .freeze
            return IntegrationAnswer(request, .success, [.utility(.frozen(isFrozen))])
        default: break
        }
        return IntegrationAnswer(.backup(message))
    }

    private func breach(_ step: BackupOperation, _ agreement: IntegrationComponent.Agreement) -> DeviceEffect? {
        if step == .queryClusterInfo, agreement.messages < IntegrationComponent.Version(6, 0) {
            return link.service.broken("vss-version", step.word, "asked from version 6.0 on")
        }
        if step == .freeze, isFrozen {
            return link.service.broken("vss-order", step.word, "file systems are frozen once, then thawed")
        }
        if step == .thaw, !isFrozen {
            return link.service.broken("vss-order", step.word, "what is thawed was frozen before")
        }
        return nil
    }

    /// Nobody is left who could thaw: file systems are not kept frozen.
    public mutating func ended() -> [DeviceEffect] {
        defer { isFrozen = false }
        return isFrozen ? [.utility(.frozen(false))] : []
    }
}
