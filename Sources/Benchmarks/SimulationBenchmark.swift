import BusModel
import Platform
public import VMBusPartitions
import VMBusSimulator

/// How fast the simulator steps, what a long session takes of memory, and how long a journey through it lasts.
public struct SimulationBenchmark: Sendable {
    /// What is simulated.
    public var scenario: Scenario
    /// Steps of the session.
    public var steps: Int
    /// Journeys of each kind.
    public var journeys: Int

    /// A benchmark of a scenario.
    ///
    /// - Parameters:
    ///   - steps: of each contestant.
    ///   - journeys: of each kind.
    public init(scenario: Scenario, steps: Int = 1_000_000, journeys: Int = 400) {
        (self.scenario, self.steps, self.journeys) = (scenario, steps, journeys)
    }

    /// The contestants, which take turns in short slices.
    public enum Case: String, Sendable, CaseIterable {
        /// The machine alone, its records written and forgotten.
        case machine
        /// The machine, and all rules of the protocol checked after every step.
        case checked
        /// A session: the machine, and what is kept so that every moment can be reached again.
        case session
        /// The session that people have: all rules of the protocol are checked besides.
        case full
    }

    /// What a case came to.
    public struct Result: Hashable, Sendable {
        /// What was measured.
        public var `case`: Case
        /// Steps that were made; fewer than asked for where the scenario ended.
        public var steps: Int
        /// Nanoseconds of processor time a step.
        public var step: SliceSummary
        /// Records and packets among them, for each step.
        public var recordsPerStep: Double
        /// Packets for each step.
        public var packetsPerStep: Double
        /// KiB by which the process grew.
        public var grownKiB: Int
        /// Milliseconds of a journey to any place of a session; nil for the others.
        public var jump: Percentiles?
        /// Milliseconds of a journey to the record before; nil for the others.
        public var back: Percentiles?

        /// Steps a second, by the median.
        public var stepsPerSecond: Double { 1e9 / step.median }
        /// Packets a second, by the median.
        public var packetsPerSecond: Double { stepsPerSecond * packetsPerStep }
    }

    /// How long journeys took, in milliseconds of processor time.
    public struct Percentiles: Hashable, Sendable {
        /// Half of them took no longer.
        public let median: Double
        /// 99 of 100 took no longer.
        public let p99: Double
        /// The longest.
        public let longest: Double

        init(_ times: [Double]) {
            let sorted = times.sorted()
            func at(_ share: Double) -> Double {
                sorted.isEmpty ? .nan : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
            }
            (median, p99, longest) = (at(0.5), at(0.99), sorted.last ?? .nan)
        }
    }

    private static let stepsPerSlice = 10_000
    private static let stepsPerLook = 256

    /// Measures all contestants.
    public func measure() throws(BenchmarkFailure) -> [Result] {
        var machine = Simulation(scenario)
        var checked = machine
        checked.checkRules()
        var session = SimulatorSource(scenario, checksRules: false)
        var full = SimulatorSource(scenario)
        var counts = Case.allCases.map { Count($0) }
        while let contestant = counts.indices.filter({ counts[$0].goesOn(steps) }).min(by: { counts[$0] < counts[$1] })
        {
            switch counts[contestant].case {
            case .machine: try counts[contestant].slice { Self.run(&machine, &$0) }
            case .checked: try counts[contestant].slice { Self.run(&checked, &$0) }
            case .session: try counts[contestant].slice { Self.run(&session, &$0) }
            case .full: try counts[contestant].slice { Self.run(&full, &$0) }
            }
        }
        var results: [Result] = []
        for count in counts {
            guard count.steps > 0 else { throw BenchmarkFailure(description: "nothing happens in \(scenario.name)") }
            var result = count.result
            switch count.case {
            case .machine, .checked: break
            case .session: try travel(&session, to: UInt64(count.records), &result)
            case .full: try travel(&full, to: UInt64(count.records), &result)
            }
            results.append(result)
        }
        return results
    }

    private static func run(_ simulation: inout Simulation, _ count: inout Count) -> Int {
        var batch = FlowBatch()
        var made = 0
        while made < stepsPerSlice, simulation.step(into: &batch) == .happened {
            made += 1
            if made % stepsPerLook == 0 { count.take(&batch) }
        }
        count.take(&batch)
        return made
    }

    private static func run(_ source: inout SimulatorSource, _ count: inout Count) -> Int {
        let start = source.steps
        for _ in 0..<stepsPerSlice / stepsPerLook {
            var batch = source.advance(.steps(stepsPerLook))
            count.take(&batch)
        }
        return Int(clamping: source.steps - start)
    }

    /// Goes to records of the session chosen at random, then back record by record from its end.
    private func travel(
        _ session: inout SimulatorSource, to end: UInt64, _ result: inout Result
    ) throws(BenchmarkFailure) {
        var number: UInt64 = 1
        result.jump = try Self.journeys(journeys, &session) { _ in
            number = number &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return 1 + (number >> 16) % max(1, end)
        }
        result.back = try Self.journeys(journeys, &session) { end - min(end, UInt64($0)) }
    }

    private static func journeys(
        _ count: Int, _ source: inout SimulatorSource, to place: (Int) -> UInt64
    ) throws(BenchmarkFailure) -> Percentiles {
        var times: [Double] = []
        for journey in 0..<count {
            let position = Position(sequence: place(journey), time: 0)
            var failure: SourceError?
            let start = ProcessorClock.thread()
            do throws(SourceError) { try source.seek(position) } catch { failure = error }
            let time = ProcessorClock.thread() - start
            if let failure { throw BenchmarkFailure(description: "\(failure)") }
            times.append(Double(time) / 1e6)
        }
        return Percentiles(times)
    }

    /// What a contestant has done.
    private struct Count {
        let `case`: Case
        private(set) var steps = 0
        private var hasEnded = false
        private var times: [Double] = []
        private(set) var records = 0
        private var packets = 0
        private var grownKiB = 0

        init(_ case: Case) { self.case = `case` }

        func goesOn(_ limit: Int) -> Bool { !hasEnded && steps < limit }

        /// Whose turn is next.
        static func < (left: Count, right: Count) -> Bool { left.steps < right.steps }

        mutating func take(_ batch: inout FlowBatch) {
            records += batch.headers.count
            for header in batch.headers where header.kind == .packet { packets += 1 }
            batch.removeAll()
        }

        /// A turn: `body` makes some steps and says how many.
        mutating func slice(_ body: (inout Count) -> Int) throws(BenchmarkFailure) {
            let size = try SimulationBenchmark.residentKiB()
            let start = ProcessorClock.thread()
            let made = body(&self)
            let time = ProcessorClock.thread() - start
            grownKiB += try SimulationBenchmark.residentKiB() - size
            steps += made
            if made > 0 { times.append(Double(time) / Double(made)) }
            hasEnded = made == 0
        }

        var result: Result {
            Result(
                case: self.case, steps: steps, step: SliceSummary(times),
                recordsPerStep: Double(records) / Double(steps), packetsPerStep: Double(packets) / Double(steps),
                grownKiB: grownKiB)
        }
    }

    /// Memory that the process has, in KiB.
    private static func residentKiB() throws(BenchmarkFailure) -> Int {
        guard let bytes = try? SystemFiles().read("/proc/self/status", limit: 1 << 16) else {
            throw BenchmarkFailure(description: "/proc/self/status cannot be read")
        }
        let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0
    }
}
