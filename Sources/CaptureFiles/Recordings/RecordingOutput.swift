public import BusModel
public import Platform

/// Where a recording goes: one file or pipe, or a ring of files of which the newest stay.
///
/// What is written is whole after every call. Where the system takes no more, the file ends behind its last whole block.
public struct RecordingOutput: ~Copyable, Sendable {
    /// A ring of files.
    public struct Ring: Sendable, Hashable {
        /// The most files that stay.
        public var files: Int
        /// The bytes after which the next file begins. A file has a little more.
        public var byteCount: UInt64

        /// A ring.
        public init(files: Int, byteCount: UInt64) { (self.files, self.byteCount) = (files, byteCount) }
    }

    private var file: OwnedDescriptor
    private var series: FileSeries?
    private let limit: UInt64
    /// Bytes in this file.
    private var byteCount: UInt64 = 0
    /// Bytes in all files, those that were removed included.
    public private(set) var totalByteCount: UInt64 = 0

    /// One file, or whatever else takes bytes.
    public init(_ file: consuming OwnedDescriptor) {
        self.file = file
        limit = .max
    }

    /// A ring of files, of which the first is made at once.
    ///
    /// - Parameter path: the files' name without numbers.
    public init(_ ring: Ring, at path: String) throws(SystemError) {
        var series = try FileSeries(path, keeping: ring.files)
        file = try series.next()
        self.series = series
        limit = ring.byteCount
    }

    /// Writes records, and lets the writer begin the next file where this one is long enough.
    public mutating func write(_ batch: FlowBatch, _ writer: inout RecordingWriter) throws(SystemError) {
        for header in batch.headers {
            if byteCount >= limit { try beginFile(&writer) }
            writer.append(header, batch.payload(of: header))
            if writer.bytes.count >= Self.portion { try write(writer.take()) }
        }
        try write(writer.take())
    }

    /// Bytes that are written at once at least.
    private static let portion = 1 << 16

    /// Writes what the writer has made otherwise, such as a gap.
    public mutating func write(_ writer: inout RecordingWriter) throws(SystemError) { try write(writer.take()) }

    private mutating func beginFile(_ writer: inout RecordingWriter) throws(SystemError) {
        guard var series else { return }
        writer.finish()
        try write(writer.take())
        file = try series.next()
        self.series = series
        byteCount = 0
        writer.beginFile()
    }

    /// Writes the end.
    public mutating func finish(_ writer: inout RecordingWriter) throws(SystemError) {
        writer.finish()
        try write(writer.take())
    }

    private mutating func write(_ bytes: [UInt8]) throws(SystemError) {
        guard !bytes.isEmpty else { return }
        do throws(SystemError) {
            try file.write(bytes)
        } catch {
            // A pipe cannot be cut, and needs not.
            try? file.truncate(to: byteCount)
            throw error
        }
        byteCount += UInt64(bytes.count)
        totalByteCount += UInt64(bytes.count)
    }
}
