import BusModel
import Inspector
import Testing

/// The session of a recording.
@Suite struct ReplayRowTests {
    private func rows(_ replay: ReplaySummary) -> [[String]] {
        var state = InspectorState(
            capabilities: Capabilities(kind: .file, canStep: true, canSeek: true, hasRingImages: false), title: "x")
        var session = SessionSummary(
            scenario: "guest.pcapng", seed: 0, step: 3, place: Position(sequence: 3, time: 5), endStep: 9,
            end: Position(sequence: 9, time: 50))
        session.replay = replay
        state.session = session
        return state.sessionTable().rows.map { $0.cells.map(\.text) }
    }

    @Test func `says where it stands without a seed, and that nothing can go wrong any more`() {
        let rows = rows(ReplaySummary())
        #expect(rows[0] == ["step", "3 of 9", "record 3", "guest.pcapng"])
        #expect(rows[1].prefix(3) == ["host", "run again", "unseen"])
        #expect(!rows.contains { $0[0] == "fault" })
    }

    @Test func `says whether the host's end answers as recorded`() {
        var replay = ReplaySummary()
        (replay.requests, replay.answers) = (12, 11)
        #expect(rows(replay).contains { $0.prefix(3) == ["host", "run again", "as recorded"] })
        replay.differences = 2
        replay.first = InvariantSummary.Breach(sequence: 77, text: "something")
        #expect(rows(replay).contains { $0[2] == "2 differ" && $0[3].contains("record 77: something") })
    }
}
