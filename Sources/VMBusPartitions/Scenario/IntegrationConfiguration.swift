import Configuration
public import VMBusDevices
import VMBusWire

/// How an integration component is made, at both ends.
public struct IntegrationConfiguration: Sendable, Hashable {
    /// The service with the versions that the host offers.
    public var service: IntegrationComponent.Service
    /// Time synchronisation: the host's clock.
    public var timeSync = TimeSyncProvider.Configuration()
    /// Whether the scenario itself says what the host's clock shows.
    public var hasWallClock = false
    /// Time synchronisation: the guest's clock.
    public var guestClock = WindowsTime.unixEpoch
    /// Backup: the steps that fail once in the guest.
    public var script: [BackupConsumer.Result] = []
    /// Shutdown: whether the guest can hibernate.
    public var canHibernate = false

    /// The host's end of a service.
    func makeProvider() -> any DeviceEndpoint {
        switch service.type {
        case .shutdown: ShutdownProvider(service: service)
        case .timeSync: TimeSyncProvider(service: service, configuration: timeSync)
        case .keyValue: KeyValueProvider(service: service)
        case .backup: BackupProvider(service: service)
        case .fileCopy: FileCopyProvider(service: service)
        default: HeartbeatProvider(service: service)
        }
    }

    /// The guest's end of it, in a machine that was reset at a moment in nanoseconds. A guest speaks every version.
    func makeConsumer(in guest: String, resetTime: UInt64) -> any DeviceEndpoint {
        switch service.type {
        case .shutdown: return ShutdownConsumer(canHibernate: canHibernate)
        case .timeSync:
            var configuration = TimeSyncConsumer.Configuration()
            configuration.wallClock = guestClock
            configuration.resetTime = resetTime
            return TimeSyncConsumer(configuration: configuration)
        case .keyValue: return KeyValueConsumer(facts: KeyValueConsumer.facts(of: guest))
        case .backup: return BackupConsumer(script: script)
        case .fileCopy: return FileCopyConsumer()
        default: return HeartbeatConsumer()
        }
    }

    /// A service as hosts have it; nil for a device that is none.
    init?(_ kind: DeviceKind) {
        switch kind {
        case .heartbeat: service = .heartbeat
        case .shutdown: service = .shutdown
        case .timeSync: service = .timeSync
        case .keyValueExchange: service = .keyValue
        case .backup: service = .backup
        case .fileCopy: service = .fileCopy
        default: return nil
        }
    }

    /// Hyper-V gives these devices the same instance in every guest (linux-guest-data §5).
    static func usualInstance(of kind: DeviceKind) -> GUID? {
        switch kind {
        case .heartbeat: GUID(0xFD14_9E91, 0x82E0, 0x4A7D, 0xAFA6_2A41_66CB_D7C0)
        case .keyValueExchange: GUID(0x242F_F919, 0x07DB, 0x4180, 0x9C2E_B86C_B68C_8C55)
        case .shutdown: GUID(0xB665_0FF7, 0x33BC, 0x4840, 0x8048_E067_6786_F393)
        case .timeSync: GUID(0x2DD1_CE17, 0x079E, 0x403C, 0xB352_A192_1EE2_07EE)
        case .backup: GUID(0x2450_EE40, 0x33BF, 0x4FBD, 0x892E_9FB0_6E92_14CF)
        case .keyboard: GUID(0xD34B_2567, 0xB9B6, 0x42B9, 0x8778_0A4E_C0B9_55BF)
        case .mouse: GUID(0x58F7_5A6D, 0xD949, 0x4320, 0x99E1_A2A2_576D_581C)
        case .video: GUID(0x5620_E0C7, 0x8062, 0x4DCE, 0xAEB7_520C_7EF7_6171)
        case .fileCopy: GUID(0xEB76_5408, 0x105F, 0x49B6, 0xB4AA_C123_B64D_17D4)
        default: nil
        }
    }

    /// Reads what a scenario says of it.
    mutating func read(_ table: ConfigurationTable) throws(ConfigurationError) {
        if let text = try table.stringIfPresent("version") {
            let known = service.messages.map { "\($0)" }
            guard let version = service.messages.first(where: { "\($0)" == text }) else {
                throw table.unacceptable("version", value: text, expected: "one of \(known.joined(separator: ", "))")
            }
            service = service.limited(to: version)
        }
        if let seconds = try table.integerIfPresent("wall_clock", in: 0...100_000_000_000) {
            timeSync.wallClock = WindowsTime(rawValue: WindowsTime.unixEpoch.rawValue + UInt64(seconds) * 10_000_000)
            hasWallClock = true
        }
        if let seconds = try table.integerIfPresent("guest_clock", in: 0...100_000_000_000) {
            guestClock = WindowsTime(rawValue: WindowsTime.unixEpoch.rawValue + UInt64(seconds) * 10_000_000)
        }
        timeSync.period = try table.durationIfPresent("sample_interval") ?? timeSync.period
        canHibernate = try table.booleanIfPresent("hibernates") ?? false
        guard table.contains("fails") else { return }
        for word in try table.strings("fails") {
            guard let operation = BackupOperation(word: word) else {
                throw table.unacceptable("fails", value: word, expected: "a step of a backup such as freeze")
            }
            script.append(BackupConsumer.Result(operation, .failure))
        }
    }
}

extension GuestConfiguration {
    /// The same guest of a host whose wall clock showed so many nanoseconds after 1970 at time 0, unless the scenario says
    /// what it showed.
    public func with(wallClock: UInt64) -> GuestConfiguration {
        var guest = self
        for index in guest.host.devices.indices where guest.host.devices[index].integration?.hasWallClock == false {
            guest.host.devices[index].integration?.timeSync.wallClock = WindowsTime(unixNanoseconds: wallClock)
        }
        return guest
    }
}
