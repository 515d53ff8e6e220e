import Testing
import VMBusDevices
import VMBusWire

typealias IC = IntegrationComponent

/// The six services, each with both its ends.
enum Utility: CaseIterable {
    case heartbeat, shutdown, timeSync, keyValue, backup, fileCopy

    var service: IC.Service {
        switch self {
        case .heartbeat: .heartbeat
        case .shutdown: .shutdown
        case .timeSync: .timeSync
        case .keyValue: .keyValue
        case .backup: .backup
        case .fileCopy: .fileCopy
        }
    }

    var kind: DeviceKind {
        switch self {
        case .heartbeat: .heartbeat
        case .shutdown: .shutdown
        case .timeSync: .timeSync
        case .keyValue: .keyValueExchange
        case .backup: .backup
        case .fileCopy: .fileCopy
        }
    }

    /// A pair whose ends speak these services.
    func converse(guest: IC.Service, host: IC.Service, _ commands: [String] = []) -> Conversation {
        switch self {
        case .heartbeat:
            Conversation(HeartbeatConsumer(service: guest), HeartbeatProvider(service: host), kind, commands)
        case .shutdown: Conversation(ShutdownConsumer(service: guest), ShutdownProvider(service: host), kind, commands)
        case .timeSync: Conversation(TimeSyncConsumer(service: guest), TimeSyncProvider(service: host), kind, commands)
        case .keyValue: Conversation(KeyValueConsumer(service: guest), KeyValueProvider(service: host), kind, commands)
        case .backup: Conversation(BackupConsumer(service: guest), BackupProvider(service: host), kind, commands)
        case .fileCopy: Conversation(FileCopyConsumer(service: guest), FileCopyProvider(service: host), kind, commands)
        }
    }

    /// One command of each sort that the service knows.
    var commands: [String] {
        switch self {
        case .heartbeat: []
        case .shutdown: ["power-off", "restart force", "hibernate"]
        case .timeSync: ["probe", "sample", "sync"]
        case .keyValue:
            [
                "set external Key some value", "get external Key", "set guest Count u32:7", "enumerate guest",
                "delete external Key", "get external Key", "get-ip {a}", "set-ip {a} dhcp", "get-ip {a}",
            ]
        case .backup:
            ["create", "hot-backup", "get-dm-info", "freeze", "thaw", "auto-recover", "backup-complete", "delete"]
        case .fileCopy: ["pattern:14000 /tmp/x/file overwrite create-path"]
        }
    }
}

/// What came of a whole conversation.
struct Conversation {
    var log: [RecordedPacket]
    var violations: [ProtocolViolation]
    var failures: [String]
    var notes: [String]
    var utilities: [UtilityEvent]
    var readyCount: Int

    init<Guest: DeviceEndpoint, Host: DeviceEndpoint>(
        _ guest: Guest, _ host: Host, _ kind: DeviceKind, _ commands: [String]
    ) {
        var pair = DevicePair(guest: guest, host: host)
        pair.time = 5_000_000
        pair.open()
        pair.settle()
        for command in commands { pair.command(command, kind) }
        (log, violations, failures) = (pair.log, pair.violations, pair.failures)
        (notes, utilities, readyCount) = (pair.notes, pair.utilities, pair.readyCount)
    }
}

extension DevicePair {
    /// Asks the host's end for something, and delivers what comes of it.
    mutating func command(_ words: String, _ kind: DeviceKind) {
        do {
            let command = try DeviceCommand(words.split(separator: " ").map(String.init), for: kind)
            guard let effects = host.perform(command, time: time, memory: &memory) else {
                Issue.record("\(kind) does not know '\(words)'")
                return
            }
            perform(effects, from: .hostToGuest)
            settle()
        } catch {
            Issue.record("\(error)")
        }
    }

    /// A message of the host that the provider did not write.
    @discardableResult
    mutating func ask(_ body: IC.Message.Body, framework: IC.Version = .init(3, 0), version: IC.Version) -> [String] {
        let before = violations.count
        let message = IC.Message(framework: framework, version: version, transactionID: 9, body: body)
        inject(
            ChannelPacket(transactionID: 9, payload: message.encoded(context: .newest(sender: .hostToGuest))),
            from: .hostToGuest)
        return violations[before...].map(\.rule)
    }
}

@Suite struct IntegrationTests {
    @Test(arguments: Utility.allCases)
    func `every pair of versions agrees on the newest of both`(utility: Utility) {
        for guest in utility.service.messages {
            for host in utility.service.messages {
                let result = utility.converse(
                    guest: utility.service.limited(to: guest), host: utility.service.limited(to: host), utility.commands
                )
                #expect(result.readyCount == 2)
                #expect(result.violations.isEmpty, "\(guest) \(host): \(result.violations)")
                let answer = try? IC.Message.decode(
                    ChannelPacket.decode((result.log.dropFirst().first?.bytes ?? [])[...]).payload)
                #expect(answer?.body == .negotiate(.init(frameworks: [.init(3, 0)], messages: [min(guest, host)])))
            }
        }
    }

    @Test(arguments: Utility.allCases)
    func `versions that have nothing in common end the service without a broken rule`(utility: Utility) {
        var other = utility.service
        other.messages = [.init(99, 0)]
        let messages = utility.converse(guest: other, host: utility.service)
        #expect(messages.failures.count == 1 && messages.readyCount == 0 && messages.violations.isEmpty)
        other = utility.service
        other.frameworks = [.init(99, 0)]
        let frameworks = utility.converse(guest: utility.service, host: other)
        #expect(frameworks.failures.count == 1 && frameworks.readyCount == 0 && frameworks.violations.isEmpty)
    }

    @Test(arguments: Utility.allCases)
    func `trees of a conversation name every byte once`(utility: Utility) {
        let result = utility.converse(guest: utility.service, host: utility.service, utility.commands)
        #expect(result.log.count >= 4 + utility.commands.count)
        for (packet, line) in zip(result.log, DissectorTests.summaries(result.log, utility.kind)) {
            DissectorTests.check(packet, line, utility.kind)
        }
    }

    @Test func `an older guest gets samples of the older form`() {
        let old = IC.Service.timeSync.limited(to: .init(3, 0))
        let lines = DissectorTests.summaries(
            Utility.timeSync.converse(guest: old, host: .timeSync).log, .timeSync
        ).map { "\($0.name) \($0.info)" }
        #expect(lines.last == "TIMESYNC.SYNC 2026-01-01 00:00:00.005 UTC, answer")
        let new = DissectorTests.summaries(
            Utility.timeSync.converse(guest: .timeSync, host: .timeSync).log, .timeSync
        ).map { "\($0.name) \($0.info)" }
        #expect(new.last == "TIMESYNC.SYNC 2026-01-01 00:00:00.005 UTC at reference 5 ms, answer")
    }

    @Test func `a guest answers no other service, no other version and nothing before the versions`() {
        var pair = DevicePair(guest: ShutdownConsumer(), host: ShutdownProvider())
        let request = IC.Message.Body.shutdown(.init(flags: [], timeout: 1, reason: 0, text: ""))
        #expect(pair.ask(request, version: .init(3, 2)) == ["channel-open"])
        _ = pair.guest.opened(subchannel: 0, time: 0, memory: &pair.memory)
        #expect(pair.ask(request, version: .init(3, 2)) == ["ic-order"])
        _ = pair.guest.closed(subchannel: 0)
        pair.open()
        pair.settle()
        #expect(pair.ask(request, version: .init(3, 1)) == ["ic-version"])
        #expect(pair.ask(request, framework: .init(1, 0), version: .init(3, 2)) == ["ic-version"])
        #expect(pair.ask(.heartbeat(.init(sequence: 1)), version: .init(3, 2)) == ["ic-type"])
        #expect(pair.utilities.isEmpty)
        #expect(pair.ask(request, version: .init(3, 2)) == [])
        #expect(pair.utilities == [.end(.powerOff)])
    }

    @Test(arguments: [0, 4, 19])
    func `a message whose length leaves no room for its header is refused by both ends`(length: UInt8) {
        var pair = DevicePair(guest: ShutdownConsumer(), host: ShutdownProvider())
        pair.open()
        pair.settle()
        let payload: [UInt8] = [1, 0, 0, 0, length, 0, 0, 0] + [UInt8](repeating: 0, count: Int(length))
        pair.inject(ChannelPacket(transactionID: 1, payload: payload), from: .hostToGuest)
        pair.inject(ChannelPacket(transactionID: 1, payload: payload), from: .guestToHost)
        #expect(pair.violations.count == 2)
        #expect(pair.violations.allSatisfy { $0.place.contains("pipe_len") })
    }

    @Test func `a host takes each answer once, under its number and with its type`() {
        var pair = DevicePair(guest: ShutdownConsumer(), host: ShutdownProvider())
        pair.open()
        pair.settle()
        pair.command("power-off", .shutdown)
        #expect(pair.notes == ["shutdown: the guest begins its power-off"])
        guard let record = pair.log.last, let answer = try? ChannelPacket.decode(record.bytes[...]) else {
            Issue.record("no answer")
            return
        }
        pair.inject(answer, from: .guestToHost)
        #expect(pair.violations.map(\.rule) == ["ic-reply"])
        var pending = DevicePair(guest: ShutdownConsumer(), host: ShutdownProvider())
        pending.open()
        pending.settle()
        guard let command = try? DeviceCommand(["restart"], for: .shutdown) else { return }
        let asked = pending.host.perform(command, time: 0, memory: &pending.memory) ?? []
        #expect(asked.count == 1)
        for (place, value) in [(12, UInt8(1)), (24, 77), (25, 2)] {
            var wrong = answer
            wrong.payload[place] = value
            pending.inject(wrong, from: .guestToHost)
        }
        #expect(pending.violations.map(\.rule) == ["ic-reply", "ic-reply", "ic-reply"])
        pending.inject(answer, from: .guestToHost)
        #expect(pending.violations.count == 3)
        #expect(pending.notes == ["shutdown: the guest begins its restart"])
    }

    @Test func `questions wait for each other and are bounded`() {
        var pair = DevicePair(guest: KeyValueConsumer(), host: KeyValueProvider())
        pair.open()
        pair.settle()
        pair.log = []
        for index in 0..<70 {
            guard let command = try? DeviceCommand(["get", "guest", "k\(index)"], for: .keyValueExchange) else {
                return
            }
            pair.perform(pair.host.perform(command, time: 0, memory: &pair.memory) ?? [], from: .hostToGuest)
        }
        #expect(pair.notes.filter { $0.contains("left out") }.count == 5)
        pair.settle()
        #expect(pair.log.count == 130)
        let directions = pair.log.map(\.direction)
        #expect(directions.prefix(4) == [.hostToGuest, .guestToHost, .hostToGuest, .guestToHost])
        #expect(pair.notes.filter { $0.contains("not found") }.count == 65)
    }

    @Test(arguments: [
        (DeviceKind.shutdown, "now"), (.shutdown, "restart gently"), (.timeSync, ""), (.timeSync, "sync now"),
        (.keyValueExchange, "get nowhere Key"), (.keyValueExchange, "set external Key u32:4294967296"),
        (.keyValueExchange, "set-ip {a} colour=red"), (.backup, "melt"), (.fileCopy, "file"),
        (.fileCopy, "file name-without-path"), (.fileCopy, "pattern:-1 /x"), (.heartbeat, "beat"),
    ])
    func `a command that is not known says what is`(kind: DeviceKind, words: String) {
        do {
            let command = try DeviceCommand(words.split(separator: " ").map(String.init), for: kind)
            Issue.record("\(command)")
        } catch {
            #expect(error.description.contains("is no command for a"))
        }
    }
}
