import BusModel
import VMBusRing
import VMBusWire

/// How many frames a network adapter carries when both of its ends are in one process, beside the rings alone and beside
/// copying the same bytes.
public struct NetworkBenchmark: Sendable {
    /// Slices of each contestant in each case.
    public var rounds: Int

    /// A benchmark that takes `rounds` slices of each contestant.
    public init(rounds: Int = 31) { self.rounds = rounds }

    /// Which way frames go.
    public enum Way: String, Sendable, CaseIterable {
        /// From the guest's driver, in send sections, and completed.
        case toHost = "to_host"
        /// Into the receive buffer, and completed.
        case toGuest = "to_guest"
        /// To the host and back.
        case both
    }

    /// What is measured once.
    public struct Case: Hashable, Sendable {
        /// Which way frames go.
        public var way: Way
        /// Bytes of a frame.
        public var frameBytes: Int

        /// All cases, in the order in which they are measured.
        public static let all: [Case] = Way.allCases.flatMap { way in
            [60, 1514].map { Case(way: way, frameBytes: $0) }
        }
    }

    /// Nanoseconds for a frame.
    public struct Result: Hashable, Sendable {
        /// What was measured.
        public var `case`: Case
        /// Driver, rings and host.
        public var ours: SliceSummary
        /// The packets that a frame costs, through the rings without the machines at their ends.
        public var rings: SliceSummary
        /// The frame copied in and out of shared memory once each way.
        public var memcpy: SliceSummary

        /// Frames a second, by the median.
        public var framesPerSecond: Double { 1e9 / ours.median }
    }

    private static let framesPerSlice = 1024

    /// Measures one case.
    public func measure(_ measured: Case) throws(BenchmarkFailure) -> Result {
        var frame = [UInt8](repeating: 0x5A, count: measured.frameBytes)
        frame.replaceSubrange(0..<14, with: [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xB5])
        var pair = try NetworkPair()
        pair.isEcho = measured.way == .both
        let rings = try BenchmarkRing(ringBytes: 512 << 10, isMappedTwice: true)
        // A packet of a frame carries a message of 40 bytes, and so does its completion.
        let packets = RingBenchmark.Case(threads: 1, ringBytes: 512 << 10, payloadBytes: 40, batch: NetworkPair.batch)
        let packetsPerFrame = measured.way == .both ? 4.0 : 2.0
        var shared = [UInt8](repeating: 0, count: frame.count)
        let summaries = try InterleavedSlices(rounds: rounds).compare(3) { (contestant) throws(BenchmarkFailure) in
            switch contestant {
            case 0:
                let before = pair.arrived
                let time = InterleavedSlices.time {
                    pair.send(frame, count: Self.framesPerSlice, toHost: measured.way != .toGuest)
                }
                try pair.check()
                guard pair.arrived - before == Self.framesPerSlice else {
                    throw BenchmarkFailure(
                        description: "\(pair.arrived - before) of \(Self.framesPerSlice) frames arrived")
                }
                return Double(time) / Double(Self.framesPerSlice)
            case 1:
                return Double(try rings.exchangeOurs(packets)) / Double(packets.packetsPerSlice) * packetsPerFrame
            default:
                let time = InterleavedSlices.time {
                    for repetition in 0..<Self.framesPerSlice * Int(packetsPerFrame) {
                        if repetition % 2 == 0 {
                            shared.withUnsafeMutableBytes { $0.copyBytes(from: frame) }
                        } else {
                            frame.withUnsafeMutableBytes { $0.copyBytes(from: shared) }
                        }
                        // Something of each copy is used, so that none can be left out.
                        shared[14] ^= UInt8(truncatingIfNeeded: repetition)
                    }
                }
                return Double(time) / Double(Self.framesPerSlice)
            }
        }
        return Result(case: measured, ours: summaries[0], rings: summaries[1], memcpy: summaries[2])
    }

    // MARK: Report

    /// All results as one JSON document of schema `vmbusscope.bench.net/1`; times in nanoseconds a frame.
    public static func json(_ results: [Result]) -> String {
        BenchmarkDocument.json("vmbusscope.bench.net/1", results) { result, writer in
            writer.object { writer in
                writer.member("way", result.case.way.rawValue)
                writer.member("frame_bytes", result.case.frameBytes)
                writer.member("frames_per_second", result.framesPerSecond.rounded())
                writer.member("ours_ns", result.ours.median.inHundredths)
                writer.member("ours_best_ns", result.ours.best.inHundredths)
                writer.member("rings_ns", result.rings.median.inHundredths)
                writer.member("rings_best_ns", result.rings.best.inHundredths)
                writer.member("memcpy_ns", result.memcpy.median.inHundredths)
                writer.member("memcpy_best_ns", result.memcpy.best.inHundredths)
            }
        }
    }

    private static let table = BenchmarkTable(widths: [9, 6, 12, 9, 9, 9, 9, 9, 9])

    /// The lines above the table of results.
    public static var heading: String {
        table.line(["", "", "frames a", "ours", "", "rings", "", "memcpy", ""])
            + table.line(["way", "bytes", "second", "median", "best", "median", "best", "median", "best"])
    }

    /// One result as a line of the table.
    public static func row(_ result: Result) -> String {
        table.line(
            [
                result.case.way.rawValue, "\(result.case.frameBytes)", "\(Int(result.framesPerSecond.rounded()))",
            ]
                + [result.ours, result.rings, result.memcpy].flatMap {
                    [table.decimal($0.median, 1), table.decimal($0.best, 1)]
                })
    }
}
