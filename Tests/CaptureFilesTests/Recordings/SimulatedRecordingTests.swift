import BusModel
import CaptureFiles
import Testing
import VMBusSimulator

/// Sessions of the simulator, recorded and opened.
@Suite struct SimulatedRecordingTests {
    @Test(arguments: ["two-guests", "network", "hvsock", "rescind", "sub-channels", "hibernate"])
    func `a recorded session knows at every record what the simulator knew`(_ name: String) throws {
        let scenario = try #require(try Scenarios.named(name))
        var simulator = SimulatorSource(scenario, seed: 7)
        var writer = RecordingWriter(
            RecordingManifest(tool: "test", source: .simulator, title: name), from: simulator.keyframe, interval: 100)
        var log = FlowBatch()
        for _ in 0..<60 {
            let batch = simulator.advance(.steps(20))
            log.append(batch)
            writer.append(batch)
        }
        writer.finish()
        let bytes = writer.take()
        #expect(log.headers.count > 300)

        var recording = RecordingSource(bytes, name: name)
        var (ours, theirs) = (BusSnapshot(), BusSnapshot())
        for header in log.headers {
            ours.apply(header, log.payload(of: header))
            theirs.apply(try recording.advance(.steps(1)))
            let isEqual = ours == theirs
            try #require(isEqual, "record \(header.sequence)")
            // Every 37th, and both sides of keyframes, also by going there at once.
            guard header.sequence % 37 == 0 || header.sequence % 100 < 2 else { continue }
            var jumped = recording
            try jumped.seek(Position(sequence: header.sequence, time: 0))
            let isSame = jumped.snapshot == ours
            #expect(isSame, "record \(header.sequence)")
        }
        #expect(try recording.advance(.steps(10)).isEmpty)
        #expect(recording.damages.isEmpty)
    }

    @Test func `the same session is the same file`() throws {
        func recorded() throws -> [UInt8] {
            let scenario = try #require(try Scenarios.named("network"))
            var simulator = SimulatorSource(scenario, seed: 3)
            var writer = RecordingWriter(RecordingManifest(tool: "test", source: .simulator, title: "network"))
            writer.append(simulator.advance(.steps(800)))
            writer.finish()
            return writer.take()
        }
        #expect(try recorded() == recorded())
    }
}
