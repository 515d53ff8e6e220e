import BusModel
import Inspector
import Testing
import VMBusPartitions
import VMBusWire

@testable import VMBusSimulator

@Suite struct BreakpointTests {
    /// Stops at breakpoints going forward until there is none within the limit.
    private func stops(_ source: inout SimulatorSource, _ limit: Int, most: Int = 50) throws -> [UInt64] {
        var places: [UInt64] = []
        let end = source.steps + UInt64(limit)
        while source.steps < end, places.count < most {
            let left = Int(end - source.steps)
            guard case .breakpoint = try source.travel(.breakpoint, .forward, limit: left).arrival else { break }
            places.append(source.position.sequence)
        }
        return places
    }

    /// And back to the beginning.
    private func stopsBackwards(_ source: inout SimulatorSource) throws -> [UInt64] {
        var places: [UInt64] = []
        while case .breakpoint = try source.travel(.breakpoint, .backward, limit: 1_000_000).arrival {
            places.append(source.position.sequence)
        }
        return places
    }

    static let conditions = [
        "name == VMBUS.OPEN_CHANNEL", "kind == message and relid == 3",
        "version_supported == 1 or event_connection > 0",
        "watch ring(bookworm/network/0).out.write_index", "watch ring(2/network/1).in.read_index",
        "watch ring(wheezy/network/0).in.used > 0", "watch queue(bookworm/0).messages > 1",
    ]

    @Test(arguments: conditions)
    func `going back stops at the same places as going forward, in the other order`(_ condition: String) throws {
        var source = try SessionFixture.source()
        try source.perform(.addBreakpoint(condition, ignoring: 0))
        let places = try stops(&source, 2500, most: 6)
        #expect(places.count > 1, "\(condition)")
        let last = try #require(places.last)
        if source.position.sequence == last { _ = try source.travel(.steps(1), .forward, limit: 1) }
        let back = try stopsBackwards(&source)
        #expect(Array(back.reversed()).suffix(places.count) == places[...], "\(condition)")
    }

    @Test func `a watch stops where the word of the ring has changed`() throws {
        var source = try SessionFixture.source()
        try source.perform(.addBreakpoint("watch ring(bookworm/network/0).out.write_index", ignoring: 0))
        let watch = try Watch("ring(bookworm/network/0).out.write_index")
        var value: UInt64?
        for _ in 0..<5 {
            guard case .breakpoint(1) = try source.travel(.breakpoint, .forward, limit: 20_000).arrival else {
                Issue.record("nothing changed")
                return
            }
            let now = watch.value(in: source.moment.simulation)
            #expect(now != value)
            value = now
        }
    }

    @Test func `an ignored breakpoint is passed by so many times and counts all of them`() throws {
        var (every, third) = (try SessionFixture.source(), try SessionFixture.source())
        try every.perform(.addBreakpoint("kind == message", ignoring: 0))
        try third.perform(.addBreakpoint("kind == message", ignoring: 2))
        let places = try stops(&every, 2000, most: 3)
        let place = try stops(&third, 2000, most: 1)
        #expect(place == [places[2]])
        #expect(third.session?.breakpoints.first?.hits == 3)
        #expect(third.session?.breakpoints.first?.ignored == 0)
    }

    @Test func `a breakpoint that is switched off or removed stops nothing`() throws {
        var source = try SessionFixture.source()
        try source.perform(.addBreakpoint("kind == message", ignoring: 0))
        try source.perform(.addBreakpoint("kind == packet", ignoring: 0))
        try source.perform(.changeBreakpoint(1, isEnabled: false, ignoring: 0))
        let travel = try source.travel(.breakpoint, .forward, limit: 20_000)
        #expect(travel.arrival == .breakpoint(2) && travel.records.headers.last?.kind == .packet)
        try source.perform(.removeBreakpoint(2))
        #expect(try source.travel(.breakpoint, .forward, limit: 100).arrival == .limit)
        #expect(source.session?.breakpoints.map(\.number) == [1])
        #expect(throws: CommandRefusal.self) { try source.perform(.removeBreakpoint(2)) }
    }

    @Test func `running to a time stops at a breakpoint too, and goes on behind it`() throws {
        var source = try SessionFixture.source()
        try source.perform(.addBreakpoint("name == VMBUS.OPEN_CHANNEL", ignoring: 0))
        var stops = 0
        for _ in 0..<100 {
            let batch = source.advance(.time(40_000_000, limit: 50_000))
            guard case .breakpoint = source.session?.arrival else { break }
            #expect(batch.headers.last?.code == MessageType.openChannel.rawValue)
            stops += 1
        }
        #expect(stops == 10 && source.time == 40_000_000)
    }

    @Test func `a fault and a broken rule stop where the log tells of them`() throws {
        var fault = FlowRecordHeader(kind: .fault, time: 1, partition: 1, code: FaultCode(rule: 17).rawValue)
        fault.sequence = 5
        let text = Array("index-range: ring: 7: an index stays inside the ring".utf8)
        for (condition, fits) in [
            ("fault", true), ("invariant", true), ("invariant index-range", true),
            ("invariant gpadl-complete", false),
        ] {
            let breakpoint = try Breakpoint(1, condition, ignoring: 0, nil)
            #expect(breakpoint.fits(fault, text[...], nil) == fits, "\(condition)")
        }
    }

    static let wrong = [
        "", "  ", "invariant ring", "relid == banana", "relid ==", "watch", "watch ring", "watch ring(x).out.mask",
        "watch ring(a/b).up.mask",
        "watch ring(a/b/c).out.mask", "watch ring(a/b).out.colour", "watch queue(a/b).messages",
        "watch queue(a/0).all", "watch ring(a/b).out.mask > x", "watch ring(a/b).out.mask !",
    ]

    @Test(arguments: wrong)
    func `a wrong breakpoint is refused with a reason`(_ text: String) throws {
        var source = try SessionFixture.source()
        do {
            try source.perform(.addBreakpoint(text, ignoring: 0))
            Issue.record("accepted: \(text)")
        } catch {
            #expect(error.reason.count > 10)
        }
        #expect(source.session?.breakpoints.isEmpty == true)
    }
}
