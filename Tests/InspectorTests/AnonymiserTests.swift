import BusModel
import Inspector
import Testing
import VMBusSimulator
import VMBusWire

@Suite struct AnonymiserTests {
    private static let key = SecretKey(1, 2)

    private static func log(_ name: String, steps: Int = 500) throws -> FlowBatch {
        let scenario = try #require(try Scenarios.named(name))
        var source = SimulatorSource(scenario, seed: 5)
        return source.advance(.steps(steps))
    }

    @Test(arguments: ["network", "storage", "utilities", "hvsock"])
    func `sizes, order and kinds stay, and what was in the records is gone`(_ name: String) throws {
        let log = try Self.log(name)
        var anonymiser = Anonymiser(key: Self.key)
        let other = anonymiser.replace(log)
        #expect(other.headers.count == log.headers.count)
        var before = InspectorState(
            capabilities: GuestLog.capabilities, title: "", limits: HistoryLimits(records: 1 << 16))
        var after = before
        before.ingest(log)
        after.ingest(other)
        // Instances and transactions of the devices that are not the same everywhere.
        var (secrets, sorts) = (Set<[UInt8]>(), 0)
        for (number, header) in log.headers.enumerated() {
            let changed = other.headers[number]
            #expect(changed.kind == header.kind && changed.time == header.time && changed.sequence == header.sequence)
            #expect(changed.relid == header.relid && changed.attachmentLength == header.attachmentLength)
            if header.kind == .message || header.kind == .packet {
                #expect(changed.payloadLength == header.payloadLength)
                let (old, new) = (before.history[number]?.name, after.history[number]?.name)
                #expect(old == new, "record \(header.sequence)")
                sorts += 1
            }
            if header.device != .zero, changed.device != header.device { secrets.insert(header.device.bytes) }
        }
        #expect(sorts > 100)
        let bytes = other.arena
        for secret in secrets { #expect(!bytes.contains(secret)) }
    }

    @Test func `equal things are replaced by equal ones, in every file with the same key`() throws {
        let log = try Self.log("network")
        var (one, two, third) = (Anonymiser(key: Self.key), Anonymiser(key: Self.key), Anonymiser(key: SecretKey(3, 4)))
        let first = one.replace(log)
        let isSame = two.replace(log) == first
        let isOther = third.replace(log) != first
        #expect(isSame && isOther)
        #expect(one.report.transactions > 0 && one.report.hardwareAddresses > 0 && one.report.internetAddresses > 0)
        #expect(one.report.identifiers > 0 && one.report.pages > 0 && one.report.checksums > 0)
        #expect(one.report.contentBytes > 0 && one.report.texts > 0)
    }

    @Test func `completions still answer their requests, and offers still belong to their channels`() throws {
        let log = try Self.log("storage")
        var anonymiser = Anonymiser(key: Self.key)
        var before = InspectorState(
            capabilities: GuestLog.capabilities, title: "", limits: HistoryLimits(records: 1 << 16))
        var after = before
        before.ingest(log)
        after.ingest(anonymiser.replace(log))
        #expect(after.snapshot.partitions.map(\.devices.count) == before.snapshot.partitions.map(\.devices.count))
        let (mine, theirs) = (
            try HeadlessShow.render(.ledger, after, format: .csv),
            try HeadlessShow.render(.ledger, before, format: .csv)
        )
        #expect(mine.split(separator: "\n").count == theirs.split(separator: "\n").count)
    }

    @Test func `names and texts are replaced wherever they are`() throws {
        var log = GuestLog()
        log.add(
            .state,
            AttributeList([
                AttributeReading(.name, text: "customer-7"), AttributeReading(.networkInterfaces, text: "eth0 dmz9"),
            ])
            .encoded(), code: 1)
        log.boot()
        log.add(.note, Array("seen by customer-7".utf8))
        log.add(.fault, Array("customer-7 at ffff88801234".utf8))
        log.add(FlowKind(rawValue: 77), Array("customer-7".utf8))
        var snapshot = BusSnapshot()
        snapshot.apply(log.batch)
        var batch = log.take()
        batch.append(snapshot.keyframeRecord)
        var anonymiser = Anonymiser(key: Self.key)
        let other = anonymiser.replace(batch)
        let text = String(decoding: other.arena, as: UTF8.self)
        for secret in ["customer-7", "dmz9", "ffff88801234"] { #expect(!text.contains(secret), "\(secret)") }
        #expect(text.contains("eth0") && text.contains("name-"))
    }

    @Test func `damaged records are cleared and never end it`() throws {
        let log = try Self.log("network", steps: 120)
        var generator = SystemSeed(state: 9)
        for _ in 0..<8 {
            var damaged = FlowBatch()
            for header in log.headers {
                var payload = Array(log.payload(of: header))
                if !payload.isEmpty {
                    payload[Int(generator.next() % UInt64(payload.count))] ^= UInt8(generator.next() & 0xFF)
                }
                if generator.next() % 4 == 0 { payload.removeLast(Int(generator.next() % UInt64(payload.count + 1))) }
                damaged.append(header, payload)
            }
            var anonymiser = Anonymiser(key: Self.key)
            #expect(anonymiser.replace(damaged).headers.count == log.headers.count)
        }
    }

    @Test func `the hash is the published one`() {
        // The reference's test vector: key 00…0f, message 00…0e.
        let key = SecretKey(0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)
        #expect(key.hash(0..<15) == 0xA129_CA61_49BE_45E5)
    }
}

private struct SystemSeed {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }
}
