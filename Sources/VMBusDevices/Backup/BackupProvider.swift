import VMBusWire

/// The host's end of a backup: asks for one step after another (reference §6.6).
public struct BackupProvider: IntegrationProvider {
    public var link: IntegrationHost
    /// Whether the guest's file systems are frozen, as far as it has said so.
    public private(set) var isFrozen = false

    /// Waits for its channel.
    public init(service: IntegrationComponent.Service = .backup) { link = IntegrationHost(service) }

    public mutating func began(time: UInt64) -> [DeviceEffect] { [] }

    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard case .backup(let command) = command else { return nil }
        if command.operation == .queryClusterInfo, let agreement = link.agreement,
            agreement.messages < IntegrationComponent.Version(6, 0)
        {
            return [.note("backup: clusters are asked about from 6.0 on, and the guest speaks \(agreement.messages)")]
        }
        return link.ask(.backup(BackupMessage(command.operation, set: Self.set)))
    }

    /// The one set of snapshots that a host without snapshots has.
    private static let set = GUID(0x7363_6F70, 0x7673, 0x4000, 0x8000_0000_0000_0001)

    public mutating func answered(
        _ answer: IntegrationComponent.Message, to asked: IntegrationComponent.Message.Body, time: UInt64
    ) -> [DeviceEffect] {
        guard case .backup(let question) = asked, case .backup(let message) = answer.body else { return [] }
        guard message.operation == question.operation else {
            return [
                link.service.broken(
                    "vss-answer", message.operation.word, "an answer repeats the step of its question")
            ]
        }
        let step = question.operation
        guard answer.status == .success else {
            return [.note("backup: the guest's \(step.word) failed: \(answer.status.words)")]
        }
        switch step {
        case .freeze: isFrozen = true
        case .thaw: isFrozen = false
        case .hotBackup, .getDeviceInfo:
            return [.note("backup: \(step.word) is done, flags \(Hexadecimal.prefixed(message.flags))")]
        default: break
        }
        return [.note("backup: \(step.word) is done")]
    }

    public mutating func ended() { isFrozen = false }
}
