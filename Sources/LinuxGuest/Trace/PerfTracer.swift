import BusModel
import Platform

/// Tracepoints through perf, on all processors that are online: nothing of it outlives the process (ecosystem §3.3).
struct PerfTracer: Sendable {
    /// Records that one look takes at most; what is more is told as a gap.
    static let budget = 20_000
    /// Pages of all processors' buffers together.
    private static let allPages = 2048

    private let files: TracingFiles
    private let tracepoints: [PerfTracepoint]
    // Looked up only, never walked.
    private let formats: [UInt16: TraceFormat]
    private var buffers: [PerfBuffer] = []
    /// Fired after the moment up to which the last look told.
    private var waiting = FiredOrder()

    /// What a look has found, oldest first.
    struct Look: Sendable {
        /// What fired.
        var fired: [FiredTracepoint] = []
        /// Losses: when they were noticed, and a sentence.
        var gaps: [(time: UInt64, text: String)] = []
    }

    /// How many tracepoints are watched.
    var eventCount: Int { tracepoints.count }
    /// On how many processors.
    var processorCount: Int { buffers.count }

    /// Switches tracepoints on.
    ///
    /// - Parameter filters: what the kernel is to keep of an event, by its name.
    /// - Throws: what is missing.
    init(_ files: TracingFiles, events: [String], filters: [String: String] = [:]) throws(TracingObstacle) {
        self.files = files
        let root = try files.root()
        var tracepoints: [PerfTracepoint] = []
        var formats: [UInt16: TraceFormat] = [:]
        var missing: TracingObstacle?
        for event in events {
            // Older kernels have fewer tracepoints.
            do throws(TracingObstacle) {
                let format = try files.format(TracePlan.system(of: event), event, below: root)
                formats[format.id] = format
                tracepoints.append(PerfTracepoint(id: format.id, filter: filters[event]))
            } catch {
                missing = error
            }
        }
        if tracepoints.isEmpty { throw missing ?? TracingObstacle("no tracepoint was named") }
        (self.tracepoints, self.formats) = (tracepoints, formats)
        // Beside what else is open.
        DescriptorLimit.makeRoom(for: tracepoints.count * files.onlineProcessors().count + 1024)
        do throws(SystemError) {
            try followProcessors()
        } catch {
            throw files.obstacle() ?? Self.obstacle(error)
        }
    }

    private static func obstacle(_ error: SystemError) -> TracingObstacle {
        switch error.symbol {
        case "EMFILE":
            TracingObstacle(
                "there are too few file descriptors for all tracepoints on all processors (\(error)); "
                    + "raise the limit with 'ulimit -n'")
        case "EACCES", "EPERM": TracingObstacle("\(error); run it as root, or give the program CAP_PERFMON")
        default: TracingObstacle("\(error)")
        }
    }

    /// Watches processors that have come, and lets go of those that are gone.
    private mutating func followProcessors() throws(SystemError) {
        let online = files.onlineProcessors()
        guard online != buffers.map(\.processor) else { return }
        var pages = 8
        while pages < 128, pages * 2 * online.count <= Self.allPages { pages *= 2 }
        var kept = buffers.filter { online.contains($0.processor) }
        for processor in online where !kept.contains(where: { $0.processor == processor }) {
            let buffer = try PerfBuffer(processor: processor, tracepoints, pages: pages)
            try buffer.enable()
            kept.append(buffer)
        }
        buffers = kept.sorted { $0.processor < $1.processor }
    }

    /// Everything that fired up to a moment; what fired later waits for the next look, so that the log stays in order.
    mutating func look(upTo moment: UInt64) -> Look {
        var look = Look()
        var excess: UInt64 = 0
        for buffer in buffers {
            guard let bytes = buffer.takeAll() else {
                look.gaps.append((moment, "the buffer of processor \(buffer.processor) was not readable"))
                continue
            }
            var reader = PerfRecordReader(bytes)
            while let record = reader.next() {
                switch record {
                case .sample(let sample):
                    guard let id = TraceFormat.id(of: sample.raw), let format = formats[id] else { continue }
                    guard waiting.count < Self.budget else {
                        excess += 1
                        continue
                    }
                    let told = format.decode(
                        sample.raw, cpu: UInt16(truncatingIfNeeded: sample.processor), thread: sample.thread)
                    waiting.add(FiredTracepoint(time: sample.time, record: told))
                case .lost(let count, _):
                    look.gaps.append(
                        (moment, "\(count) trace records lost: the buffer of processor \(buffer.processor) was full"))
                case .other: break
                }
            }
            if reader.isDamaged {
                look.gaps.append((moment, "unreadable trace records on processor \(buffer.processor)"))
            }
        }
        if excess > 0 { look.gaps.append((moment, "\(excess) trace records left out: too many for one look")) }
        look.fired = waiting.take(upTo: moment)
        // A processor that cannot be followed now is tried again with the next look.
        try? followProcessors()
        return look
    }
}
