import BusModel
import CaptureFiles
import Testing

@Suite struct TravelTests {
    private static let log = RecordedLog(records: 3000)
    private static let bytes = log.recorded(interval: 500)

    private func source(at sequence: UInt64) throws -> RecordingSource {
        var source = RecordingSource(Self.bytes, name: "x")
        try source.seek(Position(sequence: sequence, time: 0))
        return source
    }

    @Test(
        arguments: [
            (.steps(5), .forward, 105), (.steps(5), .backward, 95), (.sequence(2900), .forward, 2900),
            (.sequence(3), .backward, 3),
        ] as [(TravelGoal, TravelDirection, UInt64)])
    func `goes where it is told`(_ goal: TravelGoal, _ direction: TravelDirection, _ end: UInt64) throws {
        var source = try source(at: 100)
        let travel = try source.travel(goal, direction, limit: 1000)
        #expect(travel.place.sequence == end && travel.arrival == .reached)
        #expect(source.position == travel.place)
        let next = try source.advance(.steps(1))
        #expect(next.headers.map(\.sequence) == [end + 1])
    }

    @Test func `a unit is found in both directions, however far`() throws {
        let notes = Self.log.batch.headers.filter { $0.kind == .packet }.map(\.sequence)
        var source = try source(at: 2500)
        let forward = try source.travel(.unit(.packet, 3), .forward, limit: 1000)
        #expect(forward.place.sequence == notes.filter { $0 > 2500 }[2])
        let back = try source.travel(.unit(.packet, 1), .backward, limit: 1000)
        #expect(back.place.sequence == forward.place.sequence - 1)
        let message = Self.log.batch.headers.last { $0.kind == .message }?.sequence ?? 0
        let far = try source.travel(.unit(.message, 1), .backward, limit: 1000)
        #expect(far.place.sequence == message - 1)
        let none = try source.travel(.unit(.interrupt, 1), .backward, limit: 1000)
        #expect(none.arrival == .beginning && none.place.sequence == 0)
    }

    @Test func `a time is gone to from either side, and the end`() throws {
        var source = try source(at: 100)
        let header = Self.log.batch.headers[2222]
        let later = try source.travel(.time(header.time), .forward, limit: .max)
        #expect(later.place.time == header.time && later.records.headers.first?.sequence == 101)
        let earlier = try source.travel(.time(Self.log.batch.headers[50].time), .backward, limit: 10)
        #expect(earlier.place.time == Self.log.batch.headers[50].time && earlier.records.isEmpty)
        let end = try source.travel(.end, .forward, limit: 10)
        #expect(end.place.sequence == UInt64(Self.log.batch.headers.count))
        #expect(try source.travel(.steps(1), .forward, limit: 10).arrival == .end)
    }
}
