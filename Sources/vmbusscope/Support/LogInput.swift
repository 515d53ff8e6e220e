import BusModel
import CaptureFiles
import LinuxGuest
import Platform

/// A log from a file or from standard input, read piece by piece: a recording, or texts that a guest or its host wrote.
struct LogInput {
    private enum Form {
        case recording(RecordingSource)
        case stream(RecordingReader, StandardInput)
        case batch(FlowBatch, next: Int)
    }

    /// What it is called.
    let name: String
    private var form: Form
    private var hasEnded = false
    /// What was wrong with the file in which the recording lies, such as one that is compressed; nil for nothing.
    private var problem: String?

    /// How many records come at a time.
    static let piece = 1024

    /// Opens what is named; `-` is standard input.
    ///
    /// - Throws: `CommandFailure` where it is no log.
    init(_ path: String) throws(CommandFailure) {
        name = path == "-" ? "standard input" : path
        if let recording = try RecordingFile.open([path]) {
            form = .recording(recording.source)
            problem = recording.problem
            return
        }
        let input = path == "-" ? try StandardInput() : nil
        if let input, input.isRecording {
            var reader = RecordingReader()
            reader.append(input.beginning)
            form = .stream(reader, input)
            return
        }
        let (files, _) = try TextFiles.read([path], input)
        form = .batch(TextFileSource(files).batch, next: 0)
    }

    /// Opens a recording and nothing else.
    init(recording path: String) throws(CommandFailure) {
        try self.init(path)
        if case .batch = form { throw CommandFailure(.failure, "\(name): is no recording of 'vmbusscope record'") }
    }

    /// What the recording says of itself.
    var manifest: RecordingManifest {
        let told: RecordingManifest? =
            switch form {
            case .recording(let source): source.manifest
            case .stream(let reader, _): reader.manifest
            case .batch: nil
            }
        return told ?? RecordingManifest(.file, title: name)
    }

    /// What the log is called.
    var title: String {
        let told = manifest.title
        return PrintableText.harmless(told.isEmpty ? name : told)
    }

    /// What could not be read so far.
    var damages: RecordingDamages {
        switch form {
        case .recording(let source): source.damages
        case .stream(let reader, _): reader.damages
        case .batch: RecordingDamages()
        }
    }

    /// Which part was read, from 0 to 1; nil where nobody knows how much there is.
    var progress: Double? {
        switch form {
        case .recording(let source): source.progress
        case .stream: nil
        case .batch(let batch, let next): batch.headers.isEmpty ? 1 : Double(next) / Double(batch.headers.count)
        }
    }

    /// The next records; nil at the end.
    mutating func next() throws -> FlowBatch? {
        var batch = FlowBatch()
        switch form {
        case .recording(var source):
            form = .batch(batch, next: 0)
            defer { form = .recording(source) }
            batch = try source.advance(.steps(Self.piece))
            return batch.isEmpty ? nil : batch
        case .stream(var reader, let input):
            form = .batch(batch, next: 0)
            defer { form = .stream(reader, input) }
            while true {
                reader.read(into: &batch, limit: Self.piece)
                guard batch.isEmpty, !hasEnded else { return batch.isEmpty ? nil : batch }
                if let more = try input.next() {
                    reader.append(more)
                } else {
                    reader.finish()
                    (hasEnded, problem) = (true, input.problem)
                }
            }
        case .batch(let whole, let first):
            let end = min(first + Self.piece, whole.headers.count)
            for header in whole.headers[first..<end] { batch.append(header, from: whole) }
            form = .batch(whole, next: end)
            return batch.isEmpty ? nil : batch
        }
    }

    /// Ends the command with the status of damaged input, where there is damage.
    func tellDamage() throws(CommandFailure) {
        if let damage = problem ?? damages.summary { throw CommandFailure(.damagedInput, "\(name): \(damage)") }
    }
}
