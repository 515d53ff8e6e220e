import ArgumentParser
import BusModel
import CaptureFiles
import Glibc
import Inspector
import LinuxGuest
import Platform
import ProtocolRules
import Synchronization
import VMBusSimulator
import VMBusWire

/// Recordings that the command line names.
enum RecordingFile {
    /// The bytes with which every section of pcapng begins.
    static let beginning: UInt32 = 0x0A0D_0D0A

    /// A recording that was opened.
    struct Opened {
        let source: RecordingSource
        /// What was wrong with the file in which it lies; nil for nothing.
        var problem: String?

        /// Everything that could not be read of it so far.
        func damage(_ damages: RecordingDamages) -> String? { problem ?? damages.summary }
    }

    /// The recording that is named, or the capture of another program as one; nil where something else is.
    ///
    /// - Parameter isFollowed: whether somebody still writes to it.
    static func open(_ paths: [String], isFollowed: Bool = false) throws(CommandFailure) -> Opened? {
        guard paths.count == 1, let path = paths.first, path != "-" else { return nil }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        if SystemFiles.kind(ofArgument: path) == .directory {
            return Opened(source: try tree(path, name))
        }
        guard var file = try? MappedFile(path) else { return nil }
        var problem: String?
        let compression = Compression(beginning: file.withBytes { $0.array(0..<min(4, $0.byteCount)) })
        do throws(SystemError) {
            if let compression { (file, problem) = try decompressed(file, compression) }
            guard var source = recording(file, name, isFollowed ? path : nil) else { return nil }
            source.extendIndex(limit: 1024)
            if source.manifest == nil, source.recordCount == 0, !isFollowed {
                guard let (translated, damages) = try translated(file) else { return nil }
                return Opened(source: RecordingSource(translated, name: name), problem: problem ?? damages.summary)
            }
            if isFollowed, compression != nil {
                throw SystemError(call: "--follow", code: EOPNOTSUPP, path: path)
            }
            return Opened(source: source, problem: problem)
        } catch {
            throw CommandFailure(.failure, "\(path): \(error)")
        }
    }

    private static func recording(_ file: MappedFile, _ name: String, _ followed: String?) -> RecordingSource? {
        let magic = file.withBytes { $0.byteCount >= 4 ? $0.word32(0) : 0 }
        guard magic == beginning || file.withBytes({ ForeignCapture($0) != nil }) else { return nil }
        guard let path = followed else { return RecordingSource(file, name: name) }
        let known = Mutex(file.byteCount)
        return RecordingSource(file, name: name) {
            guard let now = try? MappedFile(path), now.byteCount > known.withLock({ $0 }) else { return nil }
            known.withLock { $0 = now.byteCount }
            return now
        }
    }

    /// The recording that is named, or the one that standard input is up to its end. Nil where something else is.
    static func whole(_ path: String, _ input: StandardInput?) throws(CommandFailure) -> Opened? {
        guard let input else { return try open([path]) }
        guard input.isRecording else { return nil }
        let spool = try RecordingSpool()
        try spool.fill(input)
        return Opened(source: RecordingSource(try spool.mapped(), name: "standard input"), problem: input.problem)
    }

    /// The recording that comes through standard input, which is kept in a file without a name for as long as somebody looks.
    static func spool(_ input: StandardInput) throws(CommandFailure) -> RecordingSource {
        let spool = try RecordingSpool()
        try spool.begin(input)
        return RecordingSource(try spool.mapped(), name: "standard input") { spool.mappedIfLonger() }
    }

    // MARK: Copied trees

    /// What a copied tree says at one look.
    private static func tree(_ path: String, _ name: String) throws(CommandFailure) -> RecordingSource {
        guard let options = try? SourceOptions.parse(["--sysroot", path]) else {
            throw CommandFailure(.usage, "\(path): cannot be the name of a directory here")
        }
        var guest = try options.source()
        let batch: FlowBatch
        do throws(SourceError) {
            batch = try guest.advance(.steps(1))
        } catch {
            throw CommandFailure(.failure, "\(path): \(error)")
        }
        var known = BusSnapshot()
        known.apply(batch)
        guard known.busAvailable else {
            throw CommandFailure(
                .noBus, "\(path): is a directory and holds no VMBus; name files, or the directory that holds sys/")
        }
        var writer = RecordingWriter(RecordingManifest(.live, title: "a copied tree"))
        writer.append(batch)
        writer.finish()
        return RecordingSource(writer.take(), name: name)
    }

    // MARK: Compressed files

    private static func decompressed(
        _ file: MappedFile, _ compression: Compression
    ) throws(SystemError) -> (MappedFile, problem: String?) {
        let temporary = try TemporaryFile()
        let output = try temporary.writer()
        var decompressor = try Decompressor(
            compression, limit: Decompressor.likelyLimit(of: UInt64(file.byteCount)))
        var problem: DecompressionError?
        var place = 0
        while problem == nil, place < file.byteCount {
            let end = min(place + 1 << 20, file.byteCount)
            let piece = file.withBytes { $0.array(place..<end) }
            problem = try decompressor.append(piece) { (bytes) throws(SystemError) in try output.write(bytes) }
            place = end
        }
        if problem == nil, decompressor.isInside { problem = .cutShort }
        return (try temporary.mapped(), problem?.description)
    }

    // MARK: Captures of other programs

    private static func translated(_ file: MappedFile) throws(SystemError) -> (MappedFile, RecordingDamages)? {
        guard var capture = file.withBytes({ ForeignCapture($0) }) else { return nil }
        let temporary = try TemporaryFile()
        var output = RecordingOutput(try temporary.writer())
        var batch = file.withBytes { capture.read($0, limit: piece) }
        var writer = RecordingWriter(RecordingManifest(.file, title: "no VMBus", epoch: capture.epoch))
        while !batch.isEmpty {
            try output.write(batch, &writer)
            batch = file.withBytes { capture.read($0, limit: piece) }
        }
        try output.finish(&writer)
        return (try temporary.mapped(), capture.damages)
    }

    private static let piece = 4096

    /// The recording as a session that can be stepped through, whose rules are checked on the way.
    static func replay(_ source: RecordingSource) -> ReplaySource<RecordingSource> {
        ReplaySource(source, evidence: evidence(source.manifest), reader: FlowReader())
    }

    /// What a recording shows of the bus.
    static func evidence(_ manifest: RecordingManifest?) -> EvidenceKinds {
        switch manifest?.source {
        case .simulator, .host, nil:
            manifest?.snapLength == nil ? [.messages, .packets, .signals] : [.messages, .signals]
        // Tracepoints have no bytes of messages, and the kernel tells some of them late.
        case .live, .file: []
        }
    }

    /// Why a recording shows less than there was; empty where it does not.
    static func notes(_ manifest: RecordingManifest?) -> [String] {
        var notes: [String] = []
        if let length = manifest?.snapLength {
            notes.append(
                "packets were cut behind \(length) bytes, so that they are not checked (\(manifest?.reason ?? ""))")
        }
        if manifest?.source == .live || manifest?.source == .file {
            notes.append(
                "counters and tracepoints have no bytes of messages, and the kernel tells of some requests after their answer"
            )
        }
        return notes
    }
}
