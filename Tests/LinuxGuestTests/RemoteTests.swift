import BusModel
import Testing
import VMBusWire

@testable import LinuxGuest

@Suite struct `Remote guests` {
    private static let second: UInt64 = 1_000_000_000
    private static let device = GUID(low: 1, high: 2)

    /// One machine with its log so far.
    private struct Run {
        var link: RemoteLink
        var snapshot = BusSnapshot()
        var records = FlowBatch()

        init(name: String = "web-2") throws {
            link = RemoteLink(try #require(RemoteHost(name)), partition: 2)
            take(link.appearance(at: 0))
        }

        mutating func take(_ batch: FlowBatch) {
            snapshot.apply(batch)
            records.append(batch)
        }

        mutating func hear(_ batch: FlowBatch = FlowBatch(), sent: UInt64, at now: UInt64) {
            take(link.received(FlowFrame.bytes(of: batch, sentAt: sent), at: now))
        }

        var partition: PartitionSnapshot? { snapshot.partition(2) }

        /// The texts of the notes and gaps so far.
        var texts: [String] {
            records.headers.filter { $0.kind == .note || $0.kind == .gap }.map {
                String(decoding: records.payload(of: $0), as: UTF8.self)
            }
        }
    }

    /// What the other machine's first look tells: itself, its host and a device with one channel.
    private static func everything(interrupts: UInt64 = 5, at time: UInt64 = 0) -> FlowBatch {
        var batch = FlowBatch()
        func add(_ partition: UInt16, device: GUID = .zero, relid: UInt32 = 0, readings: [AttributeReading]) {
            let header = FlowRecordHeader(
                kind: .state, time: time, partition: partition, device: device, relid: relid,
                code: StateCode.appeared.rawValue)
            batch.append(header, AttributeList(readings).encoded())
        }
        add(0, readings: [AttributeReading(.name, text: "host")])
        add(
            1,
            readings: [
                AttributeReading(.name, text: "inner-name"), AttributeReading(.role, 1),
                AttributeReading(.connectionPhase, ConnectionPhase.connected.rawValue),
            ])
        add(1, device: device, readings: [AttributeReading(.driver, text: "hv_netvsc")])
        add(1, device: device, relid: 14, readings: [AttributeReading(.interrupts, interrupts)])
        return batch
    }

    // MARK: Names and commands

    @Test(arguments: ["web-2", "root@web-2", "10.0.0.7", "ssh://root@web:2222", "fe80::1%eth0", "a_b.example"])
    func `have the names that ssh takes`(name: String) { #expect(RemoteHost(name)?.name == name) }

    @Test(arguments: ["", "-oProxyCommand=sh", "root@-x", "a b", "a;b", "$(x)", "a\nb", "@web", "web@", "é"])
    func `have no name that ssh or a shell could take for something else`(name: String) {
        #expect(RemoteHost(name) == nil)
    }

    @Test func `are reached by ssh that asks nothing`() throws {
        let host = try #require(RemoteHost("web-2"))
        let words = RemoteCommand(interval: 0.5).words(for: host)
        #expect(words.first == "ssh" && words.contains("BatchMode=yes"))
        #expect(words.suffix(6) == ["web-2", "vmbusscope", "live", "--stream", "--interval", "0.5"])
        let other = RemoteCommand(shell: ["in", "here"], program: ["sudo", "v"], interval: 1).words(for: host)
        #expect(other == ["in", "here", "web-2", "sudo", "v", "live", "--stream", "--interval", "1.0"])
    }

    // MARK: Records

    @Test func `become a partition with the name by which they were asked for`() throws {
        var run = try Run()
        #expect(run.partition?.connection.value == .connecting)
        run.link.started(at: 0)
        run.hear(Self.everything(at: 100 * Self.second), sent: 101 * Self.second, at: 7 * Self.second)
        #expect(run.snapshot.partitions.map(\.number) == [2] && run.partition?.name == "web-2")
        #expect(run.partition?.connection.value == .connected)
        #expect(run.partition?.devices.first?.channels.first?.interrupts == .known(5, at: 6 * Self.second))
        #expect(
            run.texts.count == 1 && run.texts[0].contains("its clock stood at 101.000 s when ours stood at 7.000 s"))
    }

    @Test func `have times of our clock that never lie ahead of it or before its start`() throws {
        var run = try Run()
        run.link.started(at: 0)
        run.hear(sent: 100 * Self.second, at: 7 * Self.second)
        for (time, expected) in [(101, 8), (0, 0), (500, 10), (97, 4)] as [(UInt64, UInt64)] {
            var batch = FlowBatch()
            batch.append(FlowRecordHeader(kind: .note, time: time * Self.second, partition: 1), [])
            run.hear(batch, sent: 103 * Self.second, at: 10 * Self.second)
            #expect(run.records.headers.last?.time == expected * Self.second)
        }
        var batch = FlowBatch()
        batch.append(FlowRecordHeader(kind: .note, time: .max, partition: 1), [])
        run.hear(batch, sent: .max, at: 11 * Self.second)
        #expect(run.records.headers.last?.time == 11 * Self.second)
    }

    @Test func `change nothing of other partitions, of the bus and of what this machine cannot read`() throws {
        var run = try Run()
        run.snapshot.problems = [SnapshotProblem(path: "ours", error: "EIO")]
        run.link.started(at: 0)
        var batch = Self.everything()
        batch.append(
            FlowRecordHeader(kind: .state, time: 0, partition: 7, code: StateCode.appeared.rawValue),
            AttributeList([AttributeReading(.name, text: "intruder")]).encoded())
        batch.append(
            FlowRecordHeader(kind: .state, time: 0, partition: 1, code: StateCode.removed.rawValue), [])
        batch.append(
            FlowRecordHeader(kind: .state, time: 0, partition: 1, code: StateCode.changed.rawValue),
            AttributeList([AttributeReading(problem: SnapshotProblem(path: "devices", error: "EACCES"))]).encoded())
        run.hear(batch, sent: 0, at: 1)
        #expect(run.snapshot.partitions.map(\.number) == [2] && run.snapshot.busAvailable)
        #expect(run.partition?.devices.count == 1)
        #expect(run.snapshot.problems == [SnapshotProblem(path: "ours", error: "EIO")])
        #expect(run.texts.last == "cannot be read there: devices, EACCES")
    }

    @Test func `without a bus are disconnected and leave ours where it is`() throws {
        var run = try Run()
        run.link.started(at: 0)
        var batch = FlowBatch()
        batch.append(
            FlowRecordHeader(kind: .state, time: 0, partition: 0, code: StateCode.busMissing.rawValue), [])
        run.hear(batch, sent: 0, at: 1)
        #expect(run.snapshot.busAvailable && run.partition?.connection.value == .disconnected)
        #expect(run.texts.last == "web-2 has no VMBus")
    }

    @Test func `may send a keyframe, which replaces nothing but their own`() throws {
        var run = try Run()
        run.take(
            {
                var batch = FlowBatch()
                batch.append(
                    FlowRecordHeader(kind: .state, time: 0, partition: 1, code: StateCode.appeared.rawValue),
                    AttributeList([AttributeReading(.name, text: "here")]).encoded())
                return batch
            }())
        var theirs = BusSnapshot()
        theirs.apply(Self.everything())
        var batch = FlowBatch()
        batch.append(FlowRecordHeader(kind: .keyframe, time: 0, partition: 0), theirs.keyframe)
        run.link.started(at: 0)
        run.hear(batch, sent: 0, at: 1)
        #expect(run.snapshot.partitions.map(\.name) == ["here", "web-2"])
        #expect(run.partition?.devices.first?.channels.first?.interrupts.value == 5)
    }

    @Test func `cannot tell of more channels than there are numbers for`() {
        var translation = RemoteTranslation(partition: 2, name: "web-2", limit: 10)
        translation.begin(sent: 0, now: 0)
        func told(_ index: UInt64, code: StateCode = .appeared) -> [FlowRecordHeader] {
            var batch = FlowBatch()
            let device = GUID(low: index, high: 9)
            batch.append(
                FlowRecordHeader(kind: .state, time: 0, partition: 1, device: device, code: code.rawValue), [])
            return translation.records(batch, now: 1).headers
        }
        for index in 1...10 as ClosedRange<UInt64> { #expect(told(index).map(\.kind) == [.state]) }
        #expect(told(11).map(\.kind) == [.gap] && told(12).isEmpty)
        #expect(told(3).map(\.kind) == [.state])
        #expect(told(3, code: .removed).count == 1 && told(12).map(\.kind) == [.state] && told(3).isEmpty)
    }

    // MARK: Trouble

    @Test func `stay as a stale partition with the reason, and are tried again later each time`() throws {
        var run = try Run()
        var now: UInt64 = 0
        for pause in [1, 2, 4, 8, 16, 30, 30] as [UInt64] {
            #expect(run.link.action(at: now) == .start && !run.link.takeSayings().contains("x"))
            run.link.started(at: now)
            run.link.complained(Array("first\nssh: \u{1B}[31mrefused\r\n".utf8))
            run.take(run.link.ended("status 255", at: now))
            let saying = "web-2: ssh: \u{FFFD}[31mrefused (status 255); next try in \(pause) s"
            #expect(run.link.takeSayings() == [saying])
            #expect(run.texts.last == saying)
            #expect(run.partition?.evidence.text(.remoteTrouble) == saying)
            #expect(run.partition?.connection.error == "STALE")
            #expect(run.link.deadline == now + pause * Self.second && run.link.action(at: now) == nil)
            now = run.link.deadline
        }
    }

    @Test func `that come back tell of everything anew, and what was known before is gone`() throws {
        var run = try Run()
        run.link.started(at: 0)
        run.hear(Self.everything(), sent: 0, at: 1)
        run.take(run.link.ended("status 1", at: 2))
        #expect(run.partition?.devices.count == 1 && run.partition?.connection.error == "STALE")
        run.link.started(at: 2 * Self.second)
        run.hear(FlowBatch(), sent: 50 * Self.second, at: 3 * Self.second)
        #expect(run.partition?.devices.isEmpty == true && run.partition?.evidence.text(.remoteTrouble) == nil)
        #expect(run.link.takeSayings().last == "web-2 is connected")
        // A machine that was heard is tried again soon.
        run.take(run.link.ended("status 1", at: 4 * Self.second))
        #expect(run.link.deadline == 5 * Self.second)
    }

    @Test func `that say nothing are stale, then heard again, or ended`() throws {
        var run = try Run()
        run.link.started(at: 0)
        run.hear(Self.everything(), sent: 0, at: 0)
        run.take(run.link.passed(to: 5 * Self.second - 1))
        #expect(run.partition?.connection.value == .connected)
        #expect(run.link.deadline == 5 * Self.second)
        run.take(run.link.passed(to: 5 * Self.second))
        #expect(run.partition?.connection.error == "STALE" && run.link.action(at: 6 * Self.second) == nil)
        run.hear(sent: 0, at: 7 * Self.second)
        #expect(run.partition?.connection.value == .connected && run.partition?.devices.count == 1)
        #expect(run.partition?.evidence.text(.remoteTrouble) == "")
        run.take(run.link.passed(to: 20 * Self.second))
        #expect(run.link.action(at: 27 * Self.second) == .end)
        run.take(run.link.ended("ended by signal 15", at: 27 * Self.second))
        #expect(run.texts.last == "web-2: ended, as it says nothing; next try in 1 s")
    }

    @Test func `that never send a record are ended after a while`() throws {
        var run = try Run()
        run.link.started(at: 0)
        run.take(run.link.received(Array("Welcome\n".utf8), at: 1))
        #expect(run.link.action(at: 20 * Self.second - 1) == nil && run.link.action(at: 20 * Self.second) == .end)
        run.take(run.link.ended("status 0", at: 20 * Self.second))
        #expect(run.texts.last == "web-2: no records came within 20 s; next try in 1 s")
    }

    @Test func `that talk nonsense are ended with the reason, whatever else they say`() throws {
        var run = try Run()
        run.link.started(at: 0)
        run.hear(Self.everything(), sent: 0, at: 1)
        run.take(run.link.received([UInt8](repeating: 0x55, count: 100), at: 2))
        #expect(run.link.action(at: 2) == .end)
        run.hear(Self.everything(), sent: 0, at: 3)
        run.take(run.link.ended("ended by signal 15", at: 4))
        #expect(run.texts.last == "web-2: something else than records stands between records; next try in 1 s")
    }

    /// Any bytes, cut and joined anyhow.
    @Test(arguments: 0..<100) func `never lead astray by any bytes`(seed: UInt64) throws {
        var run = try Run()
        run.link.started(at: 0)
        var state = seed &* 2_862_933_555_777_941_757 &+ 1
        var bytes = FlowFrame.bytes(of: Self.everything(), sentAt: 3)
        for _ in 0..<4 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 20)
        }
        for now in 1...3 as ClosedRange<UInt64> { run.take(run.link.received(bytes, at: now)) }
        #expect(run.snapshot.partitions.allSatisfy { $0.number == 2 } && run.snapshot.busAvailable)
        #expect(run.records.headers.allSatisfy { $0.time <= 3 && $0.partition == 2 })
    }
}
