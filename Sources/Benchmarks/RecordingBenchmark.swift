import BusModel
import CaptureFiles
import Platform
import VMBusWire

/// How fast recordings are written, opened and filtered, beside what the machine can do at best and other programs on the same
/// file.
public struct RecordingBenchmark: Sendable {
    /// Records of the file.
    public var records: Int
    /// How often each thing is measured.
    public var rounds: Int

    /// A benchmark of a file of so many records.
    public init(records: Int, rounds: Int) { (self.records, self.rounds) = (max(1, records), max(1, rounds)) }

    /// Bytes of a record.
    public static let recordBytes = 100

    /// What was measured, in nanoseconds.
    public struct Result: Hashable, Sendable {
        /// Its lasting name.
        public let name: String
        /// What it is.
        public let words: String
        /// Nanoseconds in all.
        public let time: SliceSummary
        /// Records that were handled; nil where the time is not for each of them.
        public let records: Int?
        /// Bytes that were handled; nil where they do not count.
        public var bytes: Int?

        /// What was measured.
        public init(name: String, words: String, time: SliceSummary, records: Int?, bytes: Int? = nil) {
            (self.name, self.words, self.time, self.records, self.bytes) = (name, words, time, records, bytes)
        }

        /// Records a second, by the median.
        public var recordsPerSecond: Double? { records.map { Double($0) * 1e9 / time.median } }
    }

    // MARK: A log

    private static let batchRecords = 1024

    /// Records as a busy guest has them: packets of eight channels, requests and completions in turn.
    private static func batch(from first: UInt64, _ count: Int) -> FlowBatch {
        var batch = FlowBatch()
        var payload = [UInt8](repeating: 0x5A, count: recordBytes)
        // A descriptor: inband, 2 groups of 8 bytes in front of the payload, 12 in all.
        payload.replaceSubrange(0..<6, with: [6, 0, 2, 0, 12, 0])
        for number in 0..<count {
            let place = first + UInt64(number)
            let channel = UInt32(truncatingIfNeeded: place / 2 % 8)
            payload[0] = place % 2 == 0 ? 6 : 11
            payload[6] = place % 2 == 0 ? 1 : 0
            payload[8] = UInt8(truncatingIfNeeded: place / 16)
            var header = FlowRecordHeader(
                kind: .packet, time: place * 500, partition: 1, device: GUID(channel + 1, 2, 3, 4), relid: channel + 1,
                direction: place % 2 == 0 ? .guestToHost : .hostToGuest, code: UInt32(payload[0]))
            header.sequence = place + 1
            batch.append(header, payload)
        }
        return batch
    }

    private static let manifest = RecordingManifest(tool: "vmbusscope", source: .simulator, title: "bench")

    /// Hands the log over in batches.
    private func forBatches(_ body: (FlowBatch) throws(BenchmarkFailure) -> Void) throws(BenchmarkFailure) {
        var place = 0
        while place < records {
            let count = min(Self.batchRecords, records - place)
            try body(Self.batch(from: UInt64(place), count))
            place += count
        }
    }

    private static func failure(_ error: SystemError) -> BenchmarkFailure { BenchmarkFailure(description: "\(error)") }

    private func summary(_ measure: () throws(BenchmarkFailure) -> UInt64) throws(BenchmarkFailure) -> SliceSummary {
        var times: [Double] = []
        for _ in 0..<rounds { times.append(Double(try measure())) }
        return SliceSummary(times)
    }

    // MARK: Writing

    /// Measures how fast records are written.
    public func measureWriting() throws(BenchmarkFailure) -> [Result] {
        var results: [Result] = []
        var byteCount = 0
        let writer = try summary { () throws(BenchmarkFailure) in
            var writer = RecordingWriter(Self.manifest)
            byteCount = 0
            var time: UInt64 = 0
            try forBatches { (batch) throws(BenchmarkFailure) in
                time += InterleavedSlices.time {
                    writer.append(batch)
                    byteCount += writer.take().count
                }
            }
            return time
        }
        results.append(
            Result(name: "writer", words: "records to bytes", time: writer, records: records, bytes: byteCount))
        var lost: UInt64 = 0
        let file = try summary { () throws(BenchmarkFailure) in
            var batches: [FlowBatch] = []
            try forBatches { (batch) throws(BenchmarkFailure) in batches.append(batch) }
            do throws(SystemError) {
                let temporary = try TemporaryFile()
                let start = MonotonicClock.now()
                // All may wait, so that what is measured is how fast the waiting goes down.
                let thread = try RecordingThread(
                    RecordingWriter(Self.manifest), to: RecordingOutput(try temporary.writer()), limit: .max)
                for batch in batches { thread.record(batch) { FlowBatch() } }
                let outcome = thread.finish()
                lost += outcome.lostCount
                if let failure = outcome.failure { throw failure }
                return MonotonicClock.now() - start
            } catch {
                throw Self.failure(error)
            }
        }
        guard lost == 0 else { throw BenchmarkFailure(description: "\(lost) records were lost") }
        results.append(
            Result(
                name: "file", words: "records to a file, through a thread", time: file, records: records,
                bytes: byteCount))
        let size = byteCount
        let floor = try summary { () throws(BenchmarkFailure) in
            let piece = [UInt8](repeating: 0x5A, count: 1 << 17)
            do throws(SystemError) {
                let file = try TemporaryFile().writer()
                return try InterleavedSlices.time { () throws(SystemError) in
                    var left = size
                    while left > 0 {
                        try file.write(left < piece.count ? Array(piece.prefix(left)) : piece)
                        left -= min(left, piece.count)
                    }
                }
            } catch {
                throw Self.failure(error)
            }
        }
        results.append(
            Result(name: "write", words: "as many bytes with write(2)", time: floor, records: records, bytes: byteCount)
        )
        return results
    }

    // MARK: Opening

    /// Measures how fast a recording is opened. A file is made for that, whose path others can open as well.
    ///
    /// - Parameter others: measures other programs with the path of the file.
    public func measureOpening(
        _ others: (String) throws(BenchmarkFailure) -> [Result] = { _ in [] }
    ) throws(BenchmarkFailure) -> [Result] {
        let temporary = try madeFile()
        let file: MappedFile
        do throws(SystemError) {
            file = try temporary.mapped()
        } catch {
            throw Self.failure(error)
        }
        return try measureOpening(file) + others(temporary.path)
    }

    private func madeFile() throws(BenchmarkFailure) -> TemporaryFile {
        do throws(SystemError) {
            return try writeFile()
        } catch {
            throw Self.failure(error)
        }
    }

    private func writeFile() throws(SystemError) -> TemporaryFile {
        let temporary = try TemporaryFile()
        var output = RecordingOutput(try temporary.writer())
        var writer = RecordingWriter(Self.manifest)
        var place = 0
        while place < records {
            let count = min(Self.batchRecords, records - place)
            try output.write(Self.batch(from: UInt64(place), count), &writer)
            place += count
        }
        try output.finish(&writer)
        return temporary
    }

    private func measureOpening(_ file: MappedFile) throws(BenchmarkFailure) -> [Result] {
        var results: [Result] = []
        let size = file.byteCount
        let floor = try summary { () in
            InterleavedSlices.time {
                var sum: UInt64 = 0
                file.withBytes { bytes in
                    for place in stride(from: 0, to: bytes.byteCount - 8, by: 64) { sum &+= bytes.word64(place) }
                }
                Self.use(sum)
            }
        }
        results.append(
            Result(name: "touch", words: "a word of each 64 bytes", time: floor, records: records, bytes: size))
        var index = RecordingIndex()
        let indexing = try summary { () in
            InterleavedSlices.time {
                var made = RecordingIndex()
                file.withBytes { made.extend($0) }
                index = made
            }
        }
        guard index.count == UInt64(records), index.damages.isEmpty else {
            throw BenchmarkFailure(description: "the index has \(index.count) records of \(records)")
        }
        results.append(
            Result(
                name: "index", words: "index of all records, \(index.memoryByteCount) bytes of memory", time: indexing,
                records: records, bytes: size))
        var filter = RecordingFilter()
        (filter.direction, filter.code) = (.hostToGuest, 11)
        (filter.relid, filter.kinds) = (3, [.packet])
        let filtering = try summary { () in
            InterleavedSlices.time {
                Self.use(UInt64(file.withBytes { index.matches(filter, in: $0).count }))
            }
        }
        results.append(
            Result(name: "filter", words: "four header fields of all records", time: filtering, records: records))
        let first = try summary { () throws(BenchmarkFailure) in
            do throws(SourceError) {
                return try InterleavedSlices.time { () throws(SourceError) in
                    var source = RecordingSource(file, name: "bench")
                    let batch = try source.advance(.steps(Self.screenRecords))
                    Self.use(UInt64(batch.headers.count &+ source.snapshot.partitions.count))
                }
            } catch {
                throw BenchmarkFailure(description: error.message)
            }
        }
        results.append(
            Result(
                name: "first", words: "the first \(Self.screenRecords) records and what is known", time: first,
                records: nil))
        let last = try summary { () throws(BenchmarkFailure) in
            do throws(SourceError) {
                var source = RecordingSource(file, name: "bench")
                source.extendIndex()
                return try InterleavedSlices.time { () throws(SourceError) in
                    try source.seek(Position(sequence: UInt64(records * 3 / 4), time: 0))
                    Self.use(UInt64(source.snapshot.partitions.count))
                }
            } catch {
                throw BenchmarkFailure(description: error.message)
            }
        }
        results.append(
            Result(name: "seek", words: "to three quarters of it, and what is known there", time: last, records: nil))
        return results
    }

    private static let screenRecords = 100

    /// Keeps a result from being left out.
    @inline(never)
    private static func use(_ value: UInt64) { withExtendedLifetime(value) {} }

    // MARK: Report

    private static let table = BenchmarkTable(widths: [9, 12, 12, 12, 9])

    /// The lines above the results.
    public static var heading: String {
        table.line(["", "median", "best", "records a", "bytes a"])
            + table.line(["what", "ms", "ms", "second", "record"])
    }

    /// One result as a line.
    public static func row(_ result: Result) -> String {
        let line = table.line([
            result.name, table.decimal(result.time.median / 1e6, 2), table.decimal(result.time.best / 1e6, 2),
            result.recordsPerSecond.map { "\(Int($0.rounded()))" } ?? "-",
            result.bytes.flatMap { bytes in result.records.map { table.decimal(Double(bytes) / Double($0), 1) } }
                ?? "-",
        ])
        return line.dropLast() + "  \(result.words)\n"
    }

    /// All results as one document.
    public static func json(_ schema: String, _ results: [Result]) -> String {
        BenchmarkDocument.json(schema, results) { result, writer in
            writer.object { writer in
                writer.member("case", result.name)
                writer.member("what", result.words)
                writer.member("records", result.records)
                writer.member("bytes", result.bytes)
                writer.member("median_ms", (result.time.median / 1e6).inHundredths)
                writer.member("best_ms", (result.time.best / 1e6).inHundredths)
                writer.member("records_per_second", result.recordsPerSecond?.rounded())
            }
        }
    }
}
