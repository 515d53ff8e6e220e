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
    ///   - steps: of the session, of which the machine alone does as many in slices.
    ///   - journeys: of each kind.
    public init(scenario: Scenario, steps: Int = 1_000_000, journeys: Int = 400) {
        (self.scenario, self.steps, self.journeys) = (scenario, steps, journeys)
    }

    /// What is measured once.
    public enum Case: String, Sendable, CaseIterable {
        /// The machine alone, its records written and forgotten.
        case machine
        /// A session: the machine, and what is kept so that every moment can be reached again.
        case session
    }

    /// What a case came to.
    public struct Result: Hashable, Sendable {
        /// What was measured.
        public var `case`: Case
        /// Steps that were made; fewer than asked for where the scenario ended.
        public var steps: Int
        /// Nanoseconds a step.
        public var step: SliceSummary
        /// Records and packets among them, for each step.
        public var recordsPerStep: Double
        /// Packets for each step.
        public var packetsPerStep: Double
        /// KiB by which the process grew.
        public var grownKiB: Int
        /// Milliseconds of a journey to any place of the session; nil for the machine.
        public var jump: Percentiles?
        /// Milliseconds of a journey to the record before; nil for the machine.
        public var back: Percentiles?

        /// Steps a second, by the median.
        public var stepsPerSecond: Double { 1e9 / step.median }
        /// Packets a second, by the median.
        public var packetsPerSecond: Double { stepsPerSecond * packetsPerStep }
    }

    /// How long journeys took, in milliseconds.
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

    /// Measures one case.
    public func measure(_ measured: Case) throws(BenchmarkFailure) -> Result {
        switch measured {
        case .machine: try machine()
        case .session: try session()
        }
    }

    private func machine() throws(BenchmarkFailure) -> Result {
        var count = Count()
        let before = try Self.residentKiB()
        var simulation = Simulation(scenario)
        var batch = FlowBatch()
        while count.steps < steps {
            var made = 0
            let time = InterleavedSlices.time {
                while made < Self.stepsPerSlice, simulation.step(into: &batch) == .happened {
                    made += 1
                    if made % Self.stepsPerLook == 0 { count.take(&batch) }
                }
            }
            count.add(steps: made, time)
            if made < Self.stepsPerSlice { break }
        }
        return try summary(.machine, count, before)
    }

    private func session() throws(BenchmarkFailure) -> Result {
        var count = Count()
        let before = try Self.residentKiB()
        var source = SimulatorSource(scenario, checksRules: false)
        var end: UInt64 = 0
        while count.steps < steps {
            let start = source.steps
            let time = InterleavedSlices.time {
                for _ in 0..<Self.stepsPerSlice / Self.stepsPerLook {
                    var batch = source.advance(.steps(Self.stepsPerLook))
                    end = batch.headers.last?.sequence ?? end
                    count.take(&batch)
                }
            }
            let made = Int(clamping: source.steps - start)
            guard made > 0 else { break }
            count.add(steps: made, time)
        }
        var result = try summary(.session, count, before)
        var number: UInt64 = 1
        result.jump = try Self.journeys(journeys, &source) { _ in
            number = number &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return 1 + (number >> 16) % max(1, end)
        }
        result.back = try Self.journeys(journeys, &source) { end - min(end, UInt64($0)) }
        return result
    }

    private static func journeys(
        _ count: Int, _ source: inout SimulatorSource, to place: (Int) -> UInt64
    ) throws(BenchmarkFailure) -> Percentiles {
        var times: [Double] = []
        for journey in 0..<count {
            let position = Position(sequence: place(journey), time: 0)
            var failure: SourceError?
            let time = InterleavedSlices.time {
                do throws(SourceError) { try source.seek(position) } catch { failure = error }
            }
            if let failure { throw BenchmarkFailure(description: "\(failure)") }
            times.append(Double(time) / 1e6)
        }
        return Percentiles(times)
    }

    /// What went by.
    private struct Count {
        var steps = 0
        var times: [Double] = []
        var (records, packets) = (0, 0)

        mutating func take(_ batch: inout FlowBatch) {
            records += batch.headers.count
            for header in batch.headers where header.kind == .packet { packets += 1 }
            batch.removeAll()
        }

        mutating func add(steps made: Int, _ time: UInt64) {
            steps += made
            if made > 0 { times.append(Double(time) / Double(made)) }
        }
    }

    private func summary(_ measured: Case, _ count: Count, _ before: Int) throws(BenchmarkFailure) -> Result {
        guard count.steps > 0 else { throw BenchmarkFailure(description: "nothing happens in \(scenario.name)") }
        let steps = Double(count.steps)
        return Result(
            case: measured, steps: count.steps, step: SliceSummary(count.times),
            recordsPerStep: Double(count.records) / steps, packetsPerStep: Double(count.packets) / steps,
            grownKiB: try Self.residentKiB() - before)
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
