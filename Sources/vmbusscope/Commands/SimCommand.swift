public import ArgumentParser
public import BusModel
import Configuration
import Inspector
import Platform
import VMBusPartitions
import VMBusSimulator

/// `sim`: a root partition and its guests in software.
struct SimCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sim",
        abstract: "Run a simulated root partition with its guests.",
        discussion: """
            The same scenario and seed give the same records, byte for byte, on every machine. A step is one event of the \
            simulator. With --json every record is one line of schema vmbusscope.flow/1. A session that was written with \
            --record-session or --export session is opened like a scenario.

            EXAMPLES
              vmbusscope sim
              vmbusscope sim --headless --steps 200
              vmbusscope sim --headless --until 2s --seed 7 --json > flow.jsonl
              vmbusscope sim --headless --until 'name == VMBUS.OPEN_CHANNEL and partition == wheezy'
              vmbusscope sim --headless --steps 9000 --break 'watch ring(bookworm/network/0).out.mask'
              vmbusscope sim ./mine.toml --steps 1000 --export mermaid > chart.mmd
              vmbusscope sim two-guests --steps 3000 --record two.pcapng --headless
              vmbusscope sim two-guests --steps 3000 --record-session two.session --headless
              vmbusscope sim two.session
              vmbusscope sim storage --check-determinism
              vmbusscope sim --from guest.pcapng       a simulation as busy as that guest
            """)

    @OptionGroup var scenario: ScenarioOptions

    @Option(
        help: ArgumentHelp(
            "Run a scenario with the devices, channels and rates of a recording, a copied tree or a text. It is not what "
                + "happened there; 'open' steps through that.", valueName: "file"),
        completion: .file())
    var from: String?

    @Flag(help: "Print the records instead of showing a screen.")
    var headless = false

    @Option(
        help: ArgumentHelp(
            "End at a time of the virtual clock, a number with ns, us, ms or s, or at a record of which a filter holds.",
            valueName: "t|expr"))
    var until: SimulationEnd?

    @Option(help: ArgumentHelp("End after that many steps.", valueName: "n"))
    var steps: Int?

    @Option(
        name: .customLong("break"),
        help: ArgumentHelp(
            "End where a filter holds, 'fault', 'invariant ID', or 'watch ring(GUEST/DEVICE/0).out.write_index' changes.",
            valueName: "expr"))
    var breakpoints: [String] = []

    @Flag(help: "Run it in two processes and compare every record and the states; exit 1 at the first difference.")
    var checkDeterminism = false

    @Option(help: ArgumentHelp("Write the session at the end, to be opened again.", valueName: "file"))
    var recordSession: String?

    @Option(
        help: ArgumentHelp(
            "Keep the records in a file that 'open' and Wireshark read, and do not print them; - for standard output.",
            valueName: "file"),
        completion: .file())
    var record: String?

    @OptionGroup(title: "The recording") var recording: RecordingOptions

    @Option(help: "Print the whole run as this at the end, instead of its records: mermaid, session or test.")
    var export: SessionExport?

    @Flag(help: "One JSON object per record.")
    var json = false

    @Flag(help: .hidden)
    var stream = false

    @OptionGroup var screen: ScreenOptions

    /// Records come in pieces, so that a long run costs no more memory than a short one.
    private static let piece = 256
    private static let checkedSteps = 20_000

    func validate() throws {
        if let steps, steps < 0 { throw ValidationError("--steps \(steps): choose 0 or more") }
        if until != nil, steps != nil { throw ValidationError("--until and --steps: choose one of them") }
        if recording.duration != nil { throw ValidationError("--duration: say --until T") }
        if record == nil, recording.isGiven {
            throw ValidationError("--snaplen, --payload, --records, --files: add --record")
        }
        if let record { try recording.check(record, option: "--record") }
        if checkDeterminism || stream {
            guard until == nil, breakpoints.isEmpty, export == nil else {
                throw ValidationError("--check-determinism: only --steps goes with it")
            }
            return
        }
        let isHeadless = headless || export != nil
        if isHeadless, until == nil, steps == nil, breakpoints.isEmpty, !scenario.isSession {
            throw ValidationError("--headless: add --steps N, --until T or --break EXPR")
        }
        if !isHeadless, until != nil || steps != nil || json || recordSession != nil || record != nil {
            throw ValidationError("--steps, --until, --record, --record-session and --json: add --headless")
        }
        if record != nil, json || export != nil {
            throw ValidationError("--record: it goes without --json and --export")
        }
        if export != nil, json { throw ValidationError("--export and --json: choose one of them") }
    }

    func run() throws {
        var source = try from.map { (path) throws in try sketch(path) } ?? scenario.source()
        if stream { return try DeterminismCheck.stream(source, steps: steps ?? Self.checkedSteps) }
        if checkDeterminism {
            return try DeterminismCheck.run(source, scenario.words, steps: steps ?? Self.checkedSteps)
        }
        for text in breakpoints {
            do throws(CommandRefusal) {
                try source.perform(.addBreakpoint(text, ignoring: 0))
            } catch {
                throw CommandFailure(.usage, "--break \(error)")
            }
        }
        guard headless || export != nil else { return try Screen.show(source, screen.inspectorOptions) }
        if let record {
            try keep(&source, in: record)
        } else {
            try goOn(&source)
        }
        if let recordSession { try ReplacedFile.write(recordSession, Array(source.file.text.utf8)) }
        guard let export else { return }
        let text: String
        do throws(CommandRefusal) {
            text = try source.export(export, 1...max(1, source.position.sequence))
        } catch {
            throw CommandFailure(.failure, "--export: \(error)")
        }
        try Output.write(text)
    }

    /// A scenario as a recording has it.
    private func sketch(_ path: String) throws(CommandFailure) -> SimulatorSource {
        let picture = try BusPicture(path)
        let text = ScenarioSketch.text(picture.first, picture.last, name: path)
        Output.complain(
            "\(path): a scenario of the same devices and rates, not what happened there"
                + (picture.hasMessages ? "; 'open' steps through that" : ""))
        do throws(ConfigurationError) {
            let bytes = Array(text.utf8)
            let scenario = try Scenario(ConfigurationDocument(parsing: bytes, file: path))
            return SimulatorSource(
                scenario, seed: self.scenario.seed, reader: FlowReader(), origin: .text(bytes, file: path),
                memoryOrder: self.scenario.memory)
        } catch {
            throw CommandFailure(.failure, "\(path): \(error)")
        }
    }

    /// Runs to the end that is asked for, and records what happens.
    private func keep(_ source: inout SimulatorSource, in path: String) throws {
        // Whoever waits for the reader of a pipe, which needs no end, must be ended by them at once.
        let signals = try SignalSource(path == "-" ? [] : [.terminate, .interrupt, .hangUp])
        var file = try CompleteRecording(path, recording, of: source)
        let start = source.steps
        running: while !file.isOver, try signals.next() == nil, let goal = nextGoal(source, since: start) {
            let travel = try travel(&source, goal)
            try file.keep(travel.records)
            switch travel.arrival {
            case .limit: continue
            case .reached where steps != nil: continue
            case .breakpoint(let number):
                tellStop(source, at: number, travel)
                break running
            default: break running
            }
        }
        try file.finish()
    }

    /// Runs to the end that is asked for, and prints what happens if that is.
    private func goOn(_ source: inout SimulatorSource) throws {
        var state = InspectorState(
            capabilities: source.capabilities, title: source.title, limits: HistoryLimits(records: 65_536))
        var lines = FlowLines(isJSON: json)
        let start = source.steps
        ingestPast(of: source, &state)
        _ = lines.new(in: state)
        while let goal = nextGoal(source, since: start) {
            let travel = try travel(&source, goal)
            if export == nil {
                state.ingest(travel.records)
                try Output.write(lines.new(in: state))
            }
            switch travel.arrival {
            case .limit: continue
            case .reached where steps != nil: continue
            case .breakpoint(let number): return tellStop(source, at: number, travel)
            default: return
            }
        }
    }

    private func tellStop(_ source: SimulatorSource, at number: Int, _ travel: Travel) {
        let text = source.session?.breakpoints.first { $0.number == number }?.text ?? ""
        let place = "record \(travel.place.sequence), step \(source.steps)"
        Output.complain("breakpoint \(number), \(text): stopped behind \(place)")
    }

    /// What a session's records say behind its place depends on those before.
    private func ingestPast(of source: SimulatorSource, _ state: inout InspectorState) {
        let end = source.position.sequence
        guard end > 0 else { return }
        var past = source
        past.goToBeginning()
        while past.position.sequence < end {
            var batch = FlowBatch()
            let (before, all) = (past.steps, past.advance(.steps(Self.piece)))
            for header in all.headers where header.sequence <= end { batch.append(header, from: all) }
            state.ingest(batch)
            guard past.steps > before || !all.isEmpty else { return }
        }
    }

    private func travel(_ source: inout SimulatorSource, _ goal: TravelGoal) throws(CommandFailure) -> Travel {
        do throws(SourceError) {
            return try source.travel(goal, .forward, limit: Self.piece)
        } catch {
            throw CommandFailure(.usage, "\(error)")
        }
    }

    private func nextGoal(_ source: SimulatorSource, since start: UInt64) -> TravelGoal? {
        if let steps {
            let left = UInt64(steps) - min(source.steps - start, UInt64(steps))
            return left == 0 ? nil : .steps(Int(clamping: left))
        }
        switch until {
        case .time(let time): return .time(time.nanoseconds)
        case .expression(let text): return .expression(text)
        case nil: return breakpoints.isEmpty ? nil : .breakpoint
        }
    }
}

extension SessionExport: ExpressibleByArgument {}

/// Where a run without a screen ends.
enum SimulationEnd: ExpressibleByArgument {
    case time(VirtualTime)
    /// A filter of records.
    case expression(String)

    init?(argument: String) {
        // What begins like a number is one, so that a slip in it is not looked for in the records.
        if let time = VirtualTime(argument: argument) {
            self = .time(time)
            return
        }
        let isNumber = argument.first.map { $0.isNumber || $0 == "-" || $0 == "." } ?? true
        guard !isNumber, argument != "inf" else { return nil }
        self = .expression(argument)
    }
}

/// A moment of the virtual clock as people write it: `250ms`, `2s`, `1.5s`; seconds where no unit is given.
struct VirtualTime: ExpressibleByArgument {
    /// Nanoseconds since the start.
    let nanoseconds: UInt64

    init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// As it is written, for help texts.
    var defaultValueDescription: String { "\(nanoseconds / 1000)us" }

    init?(argument: String) {
        let units: [(suffix: String, size: Double)] = [("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)]
        let unit = units.first { argument.hasSuffix($0.suffix) } ?? ("", 1e9)
        let digits = argument.dropLast(unit.suffix.count)
        // Double would also take hexadecimal numbers, infinity and what is no number.
        guard digits.allSatisfy({ $0.isASCII && $0.isNumber || $0 == "." }), let number = Double(digits),
            number * unit.size < 9e18
        else { return nil }
        nanoseconds = UInt64((number * unit.size).rounded())
    }
}
