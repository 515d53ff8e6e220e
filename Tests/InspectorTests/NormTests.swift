import BusModel
import Query
import Testing
import VMBusWire

@testable import Inspector

@Suite struct NormTests {
    private let second = CounterLog.second

    // MARK: Sizes and counts

    @Test func `rings of both generations of drivers are normal, whatever the release`() {
        #expect(RingNorm.isNormal(524_288, of: .network) == true && RingNorm.isNormal(520_192, of: .network) == true)
        #expect(RingNorm.isNormal(131_072, of: .scsi) == true && RingNorm.isNormal(126_976, of: .scsi) == true)
        #expect(RingNorm.isNormal(36_864, of: .keyboard) == true && RingNorm.isNormal(32_768, of: .mouse) == true)
        #expect(RingNorm.isNormal(12_288, of: .heartbeat) == true)
        #expect(RingNorm.isNormal(262_144, of: .network) == false)
        #expect(RingNorm.isNormal(2_093_056, of: .network) == false)
        #expect(RingNorm.isNormal(2_093_056, of: .network, driver: "uio_hv_generic") == true)
        #expect(RingNorm.isNormal(1, of: .graphicsProcessor) == nil)
    }

    @Test(arguments: [
        (1, 1...1, 1...1), (4, 4...4, 1...4), (8, 8...8, 2...8), (16, 8...16, 4...16), (32, 8...32, 8...32),
        (128, 8...64, 32...64), (416, 8...64, 64...104), (0, 1...1, 1...1),
    ])
    func `how many channels are normal follows the processors`(
        processors: Int, network: ClosedRange<Int>, storage: ClosedRange<Int>
    ) {
        #expect(ChannelCountNorm.range(of: .network, processors: processors) == network)
        #expect(ChannelCountNorm.range(of: .scsi, processors: processors) == storage)
        #expect(ChannelCountNorm.range(of: .heartbeat, processors: processors) == 1...1)
    }

    // MARK: Verdicts

    private func log(
        _ class: GUID = GuestLog.network, phase: ChannelPhase = .open, driver: String = "hv_netvsc",
        evidence: [AttributeReading] = []
    ) -> CounterLog {
        var log = CounterLog()
        log.tell(
            [
                AttributeReading(.classID, guid: `class`), AttributeReading(.deviceState, 3),
                AttributeReading(.driver, text: driver),
            ] + evidence, at: 1, kind: .state, code: StateCode.appeared.rawValue, relid: 0)
        log.tell(
            [AttributeReading(.channelPhase, phase.rawValue), AttributeReading(.cpu, 2)], at: 1, kind: .state,
            code: StateCode.appeared.rawValue)
        return log
    }

    /// Looks once a second; the readings say what the counters are at each.
    private func verdict(
        _ log: CounterLog, looks: Int = 3, _ readings: (UInt64) -> [AttributeReading]
    ) throws -> Verdict {
        var log = log
        for tick in 1...looks { log.tell(readings(UInt64(tick)), at: UInt64(tick) * second) }
        return try #require(log.state.verdict(GuestLog.nicChannel))
    }

    @Test func `nothing is said before there are two looks`() throws {
        let verdict = try verdict(log(), looks: 1) { _ in [AttributeReading(.interrupts, 7)] }
        #expect(verdict.word == .unknown && verdict.weight == .normal)
    }

    @Test func `idle, quiet and busy differ by what moves`() throws {
        #expect(try verdict(log()) { _ in [AttributeReading(.interrupts, 7)] }.word == .idle)
        #expect(try verdict(log()) { [AttributeReading(.interrupts, 2 * $0)] }.word == .quiet)
        #expect(try verdict(log()) { [AttributeReading(.interrupts, $0 < 3 ? 100 * $0 : 200)] }.word == .quiet)
        let busy = try verdict(log()) { [AttributeReading(.interrupts, 900 * $0)] }
        #expect(busy.word == .busy && busy.weight == .normal)
        #expect(busy.why == "It carries traffic: 900 interrupts/s.")
    }

    @Test func `writes that met a full ring press a channel for a minute`() throws {
        var log = log()
        for tick in UInt64(1)...200 {
            log.tell(
                [
                    AttributeReading(.interrupts, tick * 100),
                    AttributeReading(.outFullTotal, tick < 10 ? 0 : 12),
                    AttributeReading(.outFullFirst, tick < 10 ? 0 : 3),
                ], at: tick * second)
            let verdict = try #require(log.state.verdict(GuestLog.nicChannel))
            switch tick {
            case 3..<10, 66...: #expect(verdict.word == .busy, "\(tick)")
            case 10...65: #expect(verdict.word == .pressed && verdict.weight == .notable, "\(tick)")
            default: break
            }
            if tick == 20 {
                #expect(
                    verdict.why
                        == "12 writes met a full ring in 3 episodes in the last 60 s: the host reads more slowly than the "
                        + "guest writes.")
            }
        }
    }

    @Test func `a reader that masks and moves is polling, one that leaves bytes is not`() throws {
        let polling = try verdict(log()) {
            [AttributeReading(.interrupts, 5 * $0), AttributeReading(.inMask, 1), AttributeReading(.inUsed, 300)]
        }
        #expect(polling.word == .polling && polling.weight == .normal)
        let masked = { (_: UInt64) in
            [AttributeReading(.interrupts, 5), AttributeReading(.inMask, 1), AttributeReading(.inUsed, 300)]
        }
        #expect(try verdict(log(), looks: 50, masked).word == .idle)
        let stuck = try verdict(log(), looks: 70, masked)
        #expect(stuck.word == .stuck && stuck.weight == .wrong)
    }

    @Test func `bytes that wait unmoved for a reader who wants interrupts may be stuck`() throws {
        let readings = { (_: UInt64) in
            [AttributeReading(.interrupts, 5), AttributeReading(.inMask, 0), AttributeReading(.inUsed, 300)]
        }
        #expect(try verdict(log(), looks: 9, readings).word == .idle)
        let stuck = try verdict(log(), looks: 13, readings)
        #expect(stuck.word == .stuck)
        #expect(stuck.why.contains("300B for the guest have not moved for 12 s"))
        // Whatever moves shows that somebody reads.
        #expect(
            try verdict(log(), looks: 30) {
                [AttributeReading(.interrupts, 5 * $0), AttributeReading(.inMask, 0), AttributeReading(.inUsed, 300)]
            }.word == .quiet)
        let outbound = { (source: RingSizeSource) in
            { (_: UInt64) in
                [
                    AttributeReading(.interrupts, 5), AttributeReading(.outUsed, 300),
                    AttributeReading(.outSizeSource, source.rawValue),
                ]
            }
        }
        #expect(try verdict(log(), looks: 13, outbound(.measured)).word == .stuck)
        #expect(try verdict(log(), looks: 13, outbound(.inferred)).word == .idle)
    }

    @Test func `more interrupts than a channel should need are a storm`() throws {
        #expect(try verdict(log()) { [AttributeReading(.interrupts, 150_000 * $0)] }.word == .busy)
        #expect(try verdict(log()) { [AttributeReading(.interrupts, 150_001 * $0)] }.word == .storm)
    }

    @Test func `a virtual function that carries the traffic explains a quiet interface`() throws {
        let evidence = [
            AttributeReading(.virtualFunction, text: "enP1s1"), AttributeReading(.virtualFunctionActive, 1),
        ]
        let verdict = try verdict(log(evidence: evidence)) { [AttributeReading(.interrupts, $0)] }
        #expect(verdict.word == .byVF)
        #expect(verdict.why.hasPrefix("enP1s1 carries the interface's traffic"))
        #expect(try self.verdict(log(evidence: evidence)) { [AttributeReading(.interrupts, 500 * $0)] }.word == .busy)
        let down = [AttributeReading(.virtualFunctionActive, 0)]
        #expect(try self.verdict(log(evidence: down)) { [AttributeReading(.interrupts, $0)] }.word == .quiet)
    }

    @Test func `an unbound device is normal where Linux has no driver for its class`() {
        func unbound(_ class: GUID) -> Verdict? {
            log(`class`, phase: .closed, driver: "").state.verdict(GuestLog.nicChannel)
        }
        let activation = GUID(0x3375_BAF4, 0x9E15, 0x4B30, 0xB765_67AC_B10D_607B)
        #expect(unbound(activation)?.word == .unbound)
        #expect(unbound(activation)?.weight == .normal)
        #expect(unbound(GuestLog.network)?.weight == .wrong)
        #expect(unbound(GuestLog.heartbeat)?.weight == .notable)
        #expect(unbound(GUID(1, 2, 3, 4))?.weight == .normal)
    }

    @Test func `life comes before traffic`() throws {
        for (phase, word) in [
            (ChannelPhase.closed, VerdictWord.closed), (.opening, .opening), (.rescinded, .rescinded),
        ] {
            #expect(try verdict(log(phase: phase)) { [AttributeReading(.interrupts, 9000 * $0)] }.word == word)
        }
    }

    @Test func `a channel whose files do not answer says so and since when, in a dim row`() throws {
        var log = log()
        log.tell([AttributeReading(.interrupts, 1)], at: second)
        log.tell([AttributeReading(.staleSince, second)], at: 2 * second)
        log.tell([AttributeReading(.events, 1)], at: 31 * second, relid: 0)
        let verdict = try #require(log.state.verdict(GuestLog.nicChannel))
        #expect(verdict.word == .hanging && verdict.weight == .wrong)
        #expect(verdict.why.hasPrefix("Reading its files in sysfs has not come back for 30 s"), "\(verdict.why)")
        let table = log.state.channelsTable(isWhole: true)
        let place = try #require(table.columns.firstIndex { $0.id == "age" })
        #expect(table.rows.map { $0.cells[place].text } == ["30s", "30s"])
        #expect(table.rows.allSatisfy { $0.cells[0].tone == .dim && $0.cells[3].tone == .bad })
    }

    @Test func `filters know every verdict`() throws {
        var state = log().state
        for word in VerdictWord.allCases {
            try state.setFilter(.channels, "verdict == \(word.rawValue)")
        }
        try state.setFilter(.channels, "verdict == unknown")
        #expect(state.channelsTable(isWhole: true).rows.count == 2)
    }

    // MARK: Devices

    private func device(
        channels cpus: [UInt64], processors: Int, size: UInt64 = 520_192, online: String? = nil, isolated: String = "",
        rate: (Int) -> UInt64 = { _ in 100 }
    ) -> [NormNote] {
        var log = CounterLog()
        var evidence = [
            AttributeReading(.virtualProcessors, UInt64(processors)),
            AttributeReading(.isolatedProcessors, text: isolated),
        ]
        if let online { evidence.append(AttributeReading(.onlineProcessors, text: online)) }
        log.tell(evidence, at: 1, kind: .state, code: StateCode.appeared.rawValue, device: .zero, relid: 0)
        log.tell(
            [AttributeReading(.classID, guid: GuestLog.network), AttributeReading(.driver, text: "hv_netvsc")], at: 1,
            kind: .state, code: StateCode.appeared.rawValue, relid: 0)
        for tick in UInt64(1)...2 {
            for (place, cpu) in cpus.enumerated() {
                log.tell(
                    [
                        AttributeReading(.channelPhase, ChannelPhase.open.rawValue), AttributeReading(.cpu, cpu),
                        AttributeReading(.interrupts, tick * rate(place)), AttributeReading(.outSize, size),
                        AttributeReading(.outSizeSource, place == 0 ? 0 : 1),
                    ], at: tick * second, relid: 14 + UInt32(place), subchannel: UInt16(place))
            }
        }
        return log.state.normNotes(partition: 1, device: GuestLog.nic)
    }

    private func weight(_ notes: [NormNote], _ subject: NormSubject) -> NormWeight? {
        notes.first { $0.subject == subject }?.weight
    }

    @Test func `a healthy interface has nothing to be noted`() {
        let notes = device(channels: Array(0..<8), processors: 16)
        #expect(notes.allSatisfy { $0.weight == .normal })
        #expect(notes.map(\.subject) == [.ringSize, .channelCount, .imbalance])
    }

    @Test func `what is not as usual is noted with its numbers`() throws {
        #expect(weight(device(channels: [0, 1], processors: 2, size: 65_536), .ringSize) == .notable)
        let few = device(channels: [0, 1], processors: 8)
        #expect(weight(few, .channelCount) == .notable)
        #expect(few.first { $0.subject == .channelCount }?.finding == "2 open on 8 processors")
        let shared = try #require(
            device(channels: [0, 1, 1, 2], processors: 4).first { $0.subject == .sharedProcessor })
        #expect(shared.finding == "2 channels on CPU 1" && shared.subchannels == [1, 2])
        // Where every processor has one, sharing cannot be helped.
        #expect(weight(device(channels: [0, 1, 0, 1], processors: 2), .sharedProcessor) == nil)
        let offline = device(channels: [0, 1, 2, 3], processors: 4, online: "0-2")
        #expect(weight(offline, .offlineProcessor) == .wrong)
        #expect(offline.first { $0.subject == .offlineProcessor }?.subchannels == [3])
        #expect(weight(device(channels: [0, 1, 2, 3], processors: 4, isolated: "2"), .isolatedProcessor) == .notable)
        #expect(weight(device(channels: [0, 1], processors: 2, rate: { _ in 200_000 }), .interruptStorm) == .notable)
        #expect(
            weight(device(channels: [0, 1, 2, 3], processors: 4, rate: { $0 == 0 ? 9000 : 1 }), .imbalance) == .notable)
    }
}
