import ArgumentParser
import BusModel
import Inspector
import VMBusSimulator

/// `sim`: a root partition and its guests in software.
struct SimCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sim",
        abstract: "Run a simulated root partition with its guests.",
        discussion: """
            The same scenario and seed give the same records, byte for byte, on every machine. A step is one choice of the \
            simulator. With --json every record is one line of schema vmbusscope.flow/1.

            EXAMPLES
              vmbusscope sim
              vmbusscope sim --headless --steps 200
              vmbusscope sim --headless --until 2s --seed 7 --json > flow.jsonl
              vmbusscope sim ./mine.toml --headless --steps 1000
            """)

    @OptionGroup var scenario: ScenarioOptions

    @Flag(help: "Print the records instead of showing a screen.")
    var headless = false

    @Option(help: ArgumentHelp("End when the virtual clock says so: a number with ns, us, ms or s.", valueName: "t"))
    var until: VirtualTime?

    @Option(help: ArgumentHelp("End after that many steps.", valueName: "n"))
    var steps: Int?

    @Flag(help: "One JSON object per record.")
    var json = false

    @OptionGroup var screen: ScreenOptions

    /// Records come in pieces, so that a long run costs no more memory than a short one.
    private static let piece = 256

    func validate() throws {
        if let steps, steps < 0 { throw ValidationError("--steps \(steps): choose 0 or more") }
        if until != nil, steps != nil { throw ValidationError("--until and --steps: choose one of them") }
        if headless, until == nil, steps == nil {
            throw ValidationError("--headless: add --steps N or --until T")
        }
        if !headless, until != nil || steps != nil || json {
            throw ValidationError("--steps, --until and --json: add --headless")
        }
    }

    func run() throws {
        var source = try scenario.source()
        guard headless else { return try Screen.show(source, screen.inspectorOptions) }
        var state = InspectorState(
            capabilities: source.capabilities, title: source.title, limits: HistoryLimits(records: 65_536))
        var lines = FlowLines(isJSON: json)
        while let budget = nextBudget(source) {
            let before = source.steps
            state.ingest(source.advance(budget))
            try Output.write(lines.new(in: state))
            if source.steps == before { return }
        }
    }

    private func nextBudget(_ source: SimulatorSource) -> AdvanceBudget? {
        if let steps {
            let left = UInt64(steps) - min(source.steps, UInt64(steps))
            return left == 0 ? nil : .steps(Int(clamping: min(left, UInt64(Self.piece))))
        }
        return until.map { .time($0.nanoseconds, limit: Self.piece) }
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
