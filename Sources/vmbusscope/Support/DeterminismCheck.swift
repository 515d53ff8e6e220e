import BusModel
import Platform
import VMBusSimulator
import VMBusWire

/// Runs a simulation in two processes and compares every record and the states: what depends on a process, such as the order
/// of a dictionary, differs between them.
enum DeterminismCheck {
    /// Steps between two comparisons.
    private static let piece = 2048
    /// How long the other process may be silent.
    private static let patience = Duration.seconds(60)

    /// What the other process does: writes its records as frames, each with the fingerprint behind it.
    static func stream(_ source: SimulatorSource, steps: Int) throws(CommandFailure) {
        var source = source
        for left in stride(from: steps, to: 0, by: -piece) {
            let batch = source.advance(.steps(min(left, piece)))
            try Output.write(FlowFrame.bytes(of: batch, sentAt: source.fingerprint))
        }
    }

    /// Compares; says how far on standard output.
    ///
    /// - Parameter words: the simulation as words of a command line.
    static func run(_ source: SimulatorSource, _ words: [String], steps: Int) throws {
        var source = source
        let child = try PipedChild(["/proc/self/exe", "sim"] + words + ["--steps", "\(steps)", "--stream"])
        var decoder = FlowFrameDecoder()
        var count = 0
        for left in stride(from: steps, to: 0, by: -piece) {
            let place = source
            let batch = source.advance(.steps(min(left, piece)))
            var other = try nextFrame(child, &decoder)
            // Long batches come as several frames.
            while other.batch.headers.count < batch.headers.count {
                let more = try nextFrame(child, &decoder)
                other.batch.append(more.batch)
                other.sentTime = more.sentTime
            }
            if let sequence = firstDifference(batch, other.batch) {
                throw failure(place, "record \(sequence) differs")
            }
            guard source.fingerprint == other.sentTime else {
                throw failure(place, "the state behind step \(source.steps) differs")
            }
            count += batch.headers.count
        }
        try Output.write("\(source.title): \(source.steps) steps and \(count) records are the same in two processes\n")
    }

    private static func failure(_ place: SimulatorSource, _ what: String) -> CommandFailure {
        CommandFailure(.failure, "\(what) between two runs, in the steps behind '\(place.reproduction)'")
    }

    private static func nextFrame(
        _ child: PipedChild, _ decoder: inout FlowFrameDecoder
    ) throws -> FlowFrame {
        var loop = PollLoop<Void>()
        loop.add(child.output, token: ())
        while true {
            do throws(FlowFrameError) {
                if let frame = try decoder.next() { return frame }
            } catch {
                throw CommandFailure(.failure, "the second run: \(error)")
            }
            guard try !loop.wait(timeout: patience).isEmpty else {
                throw CommandFailure(.failure, "the second run has been silent for \(patience)")
            }
            guard let bytes = try DescriptorAccess.read(child.output, atMost: 1 << 16) else { continue }
            guard !bytes.isEmpty else { throw CommandFailure(.failure, "the second run has ended early") }
            decoder.append(bytes)
        }
    }

    private static func firstDifference(_ left: FlowBatch, _ right: FlowBatch) -> UInt64? {
        guard left != right else { return nil }
        for (mine, other) in zip(left.headers, right.headers)
        where mine != other || left.payload(of: mine) != right.payload(of: other) {
            return mine.sequence
        }
        return left.headers.dropFirst(right.headers.count).first?.sequence
            ?? right.headers.dropFirst(left.headers.count).first?.sequence
    }
}
