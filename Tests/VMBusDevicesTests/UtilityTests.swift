import Testing
import VMBusDevices
import VMBusWire

@Suite struct UtilityTests {
    // MARK: Shutdown

    @Test(arguments: [
        ("power-off", [UtilityEvent.end(.powerOff)], "begins its power-off"),
        ("restart force", [.end(.restart)], "begins its restart"), ("hibernate", [], "refuses the hibernate: fail"),
    ])
    func `a guest answers and then ends`(command: String, events: [UtilityEvent], note: String) {
        let result = Utility.shutdown.converse(guest: .shutdown, host: .shutdown, [command])
        #expect(result.utilities == events)
        #expect(result.notes.count == 1 && result.notes[0].contains(note))
    }

    @Test func `a guest that can hibernate does, and mixed flags are refused`() {
        var pair = DevicePair(guest: ShutdownConsumer(canHibernate: true), host: ShutdownProvider())
        pair.open()
        pair.settle()
        pair.command("hibernate force", .shutdown)
        #expect(pair.utilities == [.end(.hibernate)])
        let mixed = ShutdownMessage(flags: [.restart, .hibernate], timeout: 0, reason: 0, text: "")
        let rules = pair.ask(.shutdown(mixed), version: .init(3, 2))
        #expect(rules == ["shutdown-flags"])
        let unknown = ShutdownMessage(flags: .init(rawValue: 8), timeout: 0, reason: 0, text: "")
        let others = pair.ask(.shutdown(unknown), version: .init(3, 2))
        #expect(others == ["shutdown-flags"])
    }

    // MARK: Time

    static let wrong = WindowsTime(unixNanoseconds: 0)

    static func clocks(delay: UInt64, version: IC.Version = .init(4, 0), reset: UInt64 = 0) -> DevicePair<
        TimeSyncConsumer, TimeSyncProvider
    > {
        var host = TimeSyncProvider.Configuration()
        var guest = TimeSyncConsumer.Configuration()
        (host.resetTime, guest.resetTime, guest.wallClock) = (reset, reset, wrong)
        var pair = DevicePair(
            guest: TimeSyncConsumer(configuration: guest),
            host: TimeSyncProvider(service: .timeSync.limited(to: version), configuration: host))
        pair.time = reset
        pair.open()
        _ = pair.deliver()
        _ = pair.deliver()
        pair.time += delay
        pair.settle()
        return pair
    }

    @Test(arguments: [UInt64(0), 1_000_000, 599_000_000_000])
    func `from 4_0 on the way of a sample does not count`(delay: UInt64) {
        let pair = Self.clocks(delay: delay, reset: 77_000_000_000)
        let host = TimeSyncProvider.Configuration().wallClock.rawValue + pair.time / 100
        #expect(pair.guest.wallClock(at: pair.time).rawValue == host)
        #expect(pair.guest.setCount == 1)
        #expect(pair.guest.delay == delay / 100)
        #expect(pair.violations.isEmpty)
    }

    @Test func `below 4_0 the guest is late by the way of the sample`() {
        let pair = Self.clocks(delay: 3_000_000, version: .init(3, 0))
        let host = TimeSyncProvider.Configuration().wallClock.rawValue + pair.time / 100
        #expect(pair.guest.wallClock(at: pair.time).rawValue == host - 30_000)
    }

    @Test func `a sample that is too old is refused`() {
        let pair = Self.clocks(delay: 601_000_000_000)
        #expect(pair.violations.map(\.rule) == ["timesync-sample"])
        #expect(pair.guest.setCount == 0)
        #expect(pair.notes == ["time sync: the guest refuses a sample: invalid argument"])
    }

    @Test func `a sample from before the reset, of no time or with other flags is refused`() {
        var pair = Self.clocks(delay: 0)
        let now = TimeSyncProvider.Configuration().wallClock
        for reference in [
            TimeReference(hostTime: now, referenceTime: 1, flags: .sync),
            TimeReference(hostTime: WindowsTime(rawValue: 5), referenceTime: 0, flags: .sync),
            TimeReference(hostTime: WindowsTime(rawValue: .max), referenceTime: 0, flags: .sync),
            TimeReference(hostTime: now, referenceTime: 0, flags: .init(rawValue: 3)),
        ] {
            let rules = pair.ask(.timeReference(reference), version: .init(4, 0))
            #expect(rules == ["timesync-sample"])
        }
        #expect(pair.guest.setCount == 1)
    }

    @Test func `samples come every five seconds and set no clock unless the guest wants it`() {
        var pair = Self.clocks(delay: 0)
        pair.tick()
        pair.settle()
        #expect(pair.time == 5_000_000_000)
        let lines = DissectorTests.summaries(pair.log, .timeSync).map(\.name)
        #expect(lines.suffix(2) == ["TIMESYNC.SAMPLE", "TIMESYNC.SAMPLE"])
        #expect(pair.guest.setCount == 1)
        var willing = TimeSyncConsumer.Configuration()
        willing.setsBySamples = true
        var other = DevicePair(guest: TimeSyncConsumer(configuration: willing), host: TimeSyncProvider())
        other.open()
        other.settle()
        other.tick()
        other.settle()
        #expect(other.guest.setCount == 2)
    }

    @Test func `a reset lets the reference counter begin anew`() {
        var pair = Self.clocks(delay: 0, reset: 0)
        pair.time = 9_000_000_000
        pair.command("reset", .timeSync)
        pair.command("sync", .timeSync)
        // The guest's own counter was not reset: the sample seems nine seconds old.
        #expect(pair.guest.delay == 90_000_000)
    }

    @Test(arguments: [
        (UInt64(0), "1970-01-01 00:00:00.000 UTC"), (1_709_208_000_123_000_000, "2024-02-29 12:00:00.123 UTC"),
        (4_102_444_799_999_000_000, "2099-12-31 23:59:59.999 UTC"),
        (946_684_800_000_000_000, "2000-01-01 00:00:00.000 UTC"),
    ])
    func `Windows' time is told as a calendar does`(nanoseconds: UInt64, words: String) {
        #expect(WindowsTime(unixNanoseconds: nanoseconds).meaning == words)
        #expect(WindowsTime(rawValue: 1).meaning == nil)
    }

    // MARK: Keys and values

    @Test func `the host learns the guest's facts as soon as they agree`() {
        let result = Utility.keyValue.converse(guest: .keyValue, host: .keyValue)
        #expect(result.utilities.count == 10)
        #expect(result.utilities.contains(.fact(name: "OSName", value: "simulated")))
        #expect(result.notes.contains("data exchange: auto ProcessorArchitecture = x86_64"))
    }

    @Test func `keys are set, read, listed and deleted`() {
        let notes = Utility.keyValue.converse(guest: .keyValue, host: .keyValue, Utility.keyValue.commands).notes
        #expect(
            notes.suffix(9) == [
                "data exchange: external Key is set", "data exchange: external Key = some value",
                "data exchange: guest Count is set", "data exchange: guest Count = 7",
                "data exchange: external Key deleted",
                "data exchange: external Key: not found", "data exchange: addresses of {a}: not found",
                "data exchange: addresses of {a} dhcp", "data exchange: addresses of {a} dhcp",
            ])
    }

    @Test func `sizes beyond their fields, pools and operations that do not exist are refused`() {
        var pair = DevicePair(guest: KeyValueConsumer(), host: KeyValueProvider())
        pair.open()
        pair.settle()
        let body = KeyValueMessage(.set, .init(rawValue: 5), .value(KeyValue(key: "k", text: "v")))
        #expect(pair.ask(.keyValue(body), version: .init(4, 0)) == ["kvp-pool"])
        let good = IC.Message(
            framework: .init(3, 0), version: .init(4, 0), transactionID: 9,
            body: .keyValue(KeyValueMessage(.set, .external, .value(KeyValue(key: "k", text: "v"))))
        ).encoded(context: .newest(sender: .hostToGuest))
        // Operation, key size, value size: each too large.
        for (place, value) in [(28, UInt8(6)), (37, 3), (41, 9)] {
            var bytes = good
            bytes[place] = value
            pair.inject(ChannelPacket(transactionID: 1, payload: bytes), from: .hostToGuest)
        }
        #expect(pair.violations.map(\.rule).suffix(3) == ["well-formed", "well-formed", "well-formed"])
        pair.inject(ChannelPacket(transactionID: 1, payload: Array(good.prefix(200))), from: .hostToGuest)
        #expect(pair.violations.last?.rule == "well-formed")
        #expect(pair.guest.pools[0].isEmpty)
    }

    @Test func `a store is bounded`() {
        var store = KeyValueConsumer()
        let agreement = IC.Agreement(framework: .init(3, 0), messages: .init(4, 0))
        var refused = 0
        for index in 0..<1100 {
            let message = KeyValueMessage(.set, .guest, .value(KeyValue(key: "\(index)", text: "v")))
            if store.answer(.keyValue(message), agreement, time: 0).status == .diskFull { refused += 1 }
        }
        #expect(store.pools[1].count == 1024)
        #expect(refused == 76)
    }

    // MARK: Backup

    @Test func `freeze and thaw follow each other`() {
        var pair = DevicePair(guest: BackupConsumer(), host: BackupProvider())
        pair.open()
        pair.settle()
        pair.command("thaw", .backup)
        #expect(pair.violations.map(\.rule) == ["vss-order"])
        pair.command("freeze", .backup)
        #expect(pair.host.isFrozen && pair.guest.isFrozen)
        pair.command("freeze", .backup)
        #expect(pair.violations.map(\.rule) == ["vss-order", "vss-order"])
        pair.command("thaw", .backup)
        #expect(!pair.host.isFrozen && !pair.guest.isFrozen)
        #expect(pair.utilities == [.frozen(true), .frozen(false)])
    }

    @Test func `a scripted step fails once`() {
        var pair = DevicePair(guest: BackupConsumer(script: [.init(.freeze, .failure)]), host: BackupProvider())
        pair.open()
        pair.settle()
        pair.command("hot-backup", .backup)
        pair.command("freeze", .backup)
        pair.command("freeze", .backup)
        #expect(
            pair.notes == [
                "backup: hot-backup is done, flags 0x5", "backup: the guest's freeze failed: fail",
                "backup: freeze is done",
            ])
    }

    @Test func `file systems are not kept frozen when the channel closes`() {
        var pair = DevicePair(guest: BackupConsumer(), host: BackupProvider())
        pair.open()
        pair.settle()
        pair.command("freeze", .backup)
        #expect(pair.guest.closed(subchannel: 0) == [.utility(.frozen(false))])
    }

    @Test func `clusters are asked about from 6_0 on`() {
        let old = IC.Service.backup.limited(to: .init(5, 0))
        let result = Utility.backup.converse(guest: old, host: .backup, ["query-cluster-info"])
        #expect(result.notes.count == 1 && result.notes[0].contains("from 6.0 on"))
        var pair = DevicePair(guest: BackupConsumer(service: old), host: BackupProvider())
        pair.open()
        pair.settle()
        #expect(pair.ask(.backup(BackupMessage(.queryClusterInfo)), version: .init(5, 0)) == ["vss-version"])
    }

    // MARK: Files

    @Test(arguments: [0, 1, 6143, 6144, 6145, 40_000])
    func `a file arrives whole and in order`(count: Int) {
        let result = Utility.fileCopy.converse(
            guest: .fileCopy, host: .fileCopy, ["pattern:\(count) /tmp/x/file overwrite create-path"])
        var bytes: [UInt8] = []
        var names: [String] = []
        for case .file(let step) in result.utilities {
            switch step {
            case .begin(let start): names.append("\(start.path)/\(start.name) \(start.flags.meaning ?? "")")
            case .data(let offset, let part):
                #expect(offset == UInt64(bytes.count))
                bytes += part
            case .complete: names.append("complete")
            case .cancel: names.append("cancel")
            }
        }
        #expect(names == ["/tmp/x/file overwrite|create path", "complete"])
        #expect(bytes == FileCopyOrder.pattern(count))
        #expect(result.notes == ["file copy: /tmp/x/file is whole, \(count) bytes"])
    }

    static func copying() -> DevicePair<FileCopyConsumer, FileCopyProvider> {
        var pair = DevicePair(guest: FileCopyConsumer(maximumSize: 10_000), host: FileCopyProvider())
        pair.open()
        pair.settle()
        return pair
    }

    static func start(_ name: String, size: UInt64 = 100) -> IC.Message.Body {
        .fileCopy(FileCopyMessage(.start, .start(.init(name: name, path: "/tmp", flags: [], size: size))))
    }

    static func part(_ offset: UInt64, _ count: Int) -> IC.Message.Body {
        .fileCopy(FileCopyMessage(.write, .write(.init(offset: offset, FileCopyOrder.pattern(count)[...]))))
    }

    @Test func `every step out of order, place or size is refused`() {
        var pair = Self.copying()
        let version = IC.Version(1, 1)
        let (complete, cancel) = (FileCopyMessage(.complete), FileCopyMessage(.cancel))
        for (body, rules) in [
            (Self.part(0, 10), ["fcopy-order"]), (.fileCopy(complete), ["fcopy-order"]),
            (.fileCopy(cancel), ["fcopy-order"]), (Self.start("a/b"), ["fcopy-name"]),
            (Self.start(".."), ["fcopy-name"]),
            (Self.start(""), ["fcopy-name"]), (Self.start("big", size: 10_001), []), (Self.start("file"), []),
            (Self.start("second"), ["fcopy-order"]), (Self.part(1, 10), ["fcopy-offset"]), (Self.part(0, 60), []),
            (Self.part(60, 41), ["fcopy-size"]), (.fileCopy(complete), ["fcopy-size"]), (Self.part(60, 40), []),
            (.fileCopy(complete), []), (.fileCopy(complete), ["fcopy-order"]),
        ] as [(IC.Message.Body, [String])] {
            #expect(pair.ask(body, version: version) == rules)
        }
        #expect(pair.utilities.count == 4)
    }

    @Test func `a file that cannot be kept or read, and one that is given up, end`() {
        var pair = Self.copying()
        pair.command("pattern:20000 /tmp/big", .fileCopy)
        #expect(pair.notes == ["file copy: the guest refuses /tmp/big at byte 0: disk full"])
        pair.command("/no/such/file /tmp/x", .fileCopy)
        #expect(pair.notes.last?.contains("nobody here reads") == true)
        pair.command("cancel", .fileCopy)
        #expect(pair.notes.last == "file copy: no file is on its way")
        guard let copy = try? DeviceCommand(["pattern:9000", "/tmp/file"], for: .fileCopy) else { return }
        for end in [true, false] {
            pair.perform(pair.host.perform(copy, time: 0, memory: &pair.memory) ?? [], from: .hostToGuest)
            for _ in 0..<2 { _ = pair.deliver() }
            if end {
                _ = pair.host.perform(.fileCopy(.cancel), time: 0, memory: &pair.memory)
            } else {
                _ = pair.guest.perform(.fileCopy(.cancel), time: 0, memory: &pair.memory)
            }
            pair.settle()
            #expect(pair.utilities.last == .file(.cancel))
        }
        #expect(pair.notes.contains("file copy: /tmp/file is given up at byte 6144"))
        #expect(pair.notes.last == "file copy: the guest refuses /tmp/file at byte 0: disk full")
        #expect(pair.violations.isEmpty)
        pair.command("pattern:9000 /tmp/file", .fileCopy)
        #expect(pair.notes.last == "file copy: /tmp/file is whole, 9000 bytes")
    }
}
