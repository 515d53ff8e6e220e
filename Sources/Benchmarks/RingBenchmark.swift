import VMBusRing

/// How fast the ring is, beside a ring in C with the same rules and beside memcpy of the same bytes.
public struct RingBenchmark: Sendable {
    /// Which mapping of the data area is measured; a process that has the choice maps it twice.
    public var isMappedTwice: Bool
    /// Slices of each contestant in each case.
    public var rounds: Int

    private static let roundTripsPerSlice = 512

    /// A benchmark that takes `rounds` slices of each contestant.
    public init(isMappedTwice: Bool = true, rounds: Int = 101) {
        self.isMappedTwice = isMappedTwice
        self.rounds = rounds
    }

    /// What is measured once: how many threads, which ring, which packets.
    public struct Case: Hashable, Sendable {
        /// 1: sends, then receives. 2: one sends, the other receives.
        public var threads: Int
        /// Bytes of the ring with its control page.
        public var ringBytes: Int
        /// Bytes of payload in a packet.
        public var payloadBytes: Int
        /// Packets that are published together, and whose space is given back together.
        public var batch: Int

        /// Packets in a slice: half a millisecond's work of one thread. Two threads get shorter slices, so that some of them
        /// fall where both threads have a processor from begin to end.
        var packetsPerSlice: Int { (payloadBytes <= 64 ? 16384 : 8192) / (threads == 1 ? 1 : 8) }

        /// All cases, in the order in which they are measured and reported.
        public static let all: [Case] = [1, 2].flatMap { threads in
            [64 << 10, 512 << 10, 2 << 20].flatMap { ringBytes in
                [64, 1500].flatMap { payloadBytes in
                    [1, 16].map {
                        Case(threads: threads, ringBytes: ringBytes, payloadBytes: payloadBytes, batch: $0)
                    }
                }
            }
        }
    }

    /// Nanoseconds for a packet sent and received.
    public struct Result: Hashable, Sendable {
        /// What was measured.
        public var `case`: Case
        /// Our ring.
        public var ours: SliceSummary
        /// The ring in C.
        public var c: SliceSummary
        /// Each payload copied in and out again, by one thread, without any rule.
        public var memcpy: SliceSummary
        /// With two threads: what it takes to hand a word to the other thread and get it back.
        public var coreRoundTrip: SliceSummary?

        /// A result.
        public init(
            case measured: Case, ours: SliceSummary, c: SliceSummary, memcpy: SliceSummary,
            coreRoundTrip: SliceSummary?
        ) {
            self.case = measured
            self.ours = ours
            self.c = c
            self.memcpy = memcpy
            self.coreRoundTrip = coreRoundTrip
        }
    }

    /// Measures one case.
    public func measure(_ measured: Case) throws(BenchmarkFailure) -> Result {
        let ours = try BenchmarkRing(ringBytes: measured.ringBytes, isMappedTwice: isMappedTwice)
        let c = try BenchmarkRing(ringBytes: measured.ringBytes, isMappedTwice: isMappedTwice)
        let floor = try BenchmarkRing(ringBytes: measured.ringBytes, isMappedTwice: isMappedTwice)
        let contestants = measured.threads == 1 ? 3 : 4
        let summaries = try InterleavedSlices(rounds: rounds).compare(contestants) {
            (contestant) throws(BenchmarkFailure) in
            let time =
                switch contestant {
                case 0: measured.threads == 1 ? try ours.exchangeOurs(measured) : try ours.passOurs(measured)
                case 1: measured.threads == 1 ? try c.exchangeC(measured) : try c.passC(measured)
                case 2: floor.copy(measured)
                default: try floor.roundTrips(Self.roundTripsPerSlice)
                }
            return Double(time) / Double(contestant < 3 ? measured.packetsPerSlice : Self.roundTripsPerSlice)
        }
        return Result(
            case: measured, ours: summaries[0], c: summaries[1], memcpy: summaries[2],
            coreRoundTrip: contestants == 4 ? summaries[3] : nil)
    }
}

/// Why a benchmark has no result: the system refused something, or a ring lost something, which makes its speed worthless.
public struct BenchmarkFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence for people.
    public let description: String
}
