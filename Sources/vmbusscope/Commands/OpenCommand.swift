import ArgumentParser
import BusModel
import CaptureFiles
import Inspector
import InspectorTUI
import LinuxGuest
import Platform
import Query
import VMBusSimulator

/// `open`: recordings, and texts that a guest, its host or a tool wrote.
struct OpenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open",
        abstract: "Open a recording, or kernel logs, traces and listings that were kept in files.",
        discussion: """
            The format is known by the content, whatever the name: \(formats), and recordings of 'vmbusscope record', which \
            are opened one by one, also pcap and pcapng of other programs, whose packets are shown as frames. What is compressed \
            with gzip or zstd is taken apart first, as far as that makes it at most a thousand times longer. Several texts become one log by their times; what has no time comes first.

            With a terminal it opens the inspector, also for what comes through a pipe: a recording is shown while it comes, and \
            kept in a file without a name in $TMPDIR for as long as the inspector is open, so that all of it can be gone through. \
            Without a terminal, or with --text, it prints partitions, channels and records; --view chooses one of \
            them. With --json every record is one line of schema vmbusscope.flow/1, or the view that --view names one document.

            Lines that are of no form are counted in a note at the start. The status is 2 if a file is damaged or could not be \
            taken while others could, 1 if none could. A file may have \(TextFile.maximumByteCount >> 20) MiB.

            EXAMPLES
              vmbusscope open dmesg.txt trace.txt lsvmbus-vv.txt
              ssh guest dmesg | vmbusscope open -
              vmbusscope open trace.txt --json | jq 'select(.name == "TRACE.vmbus_onoffer")'
              vmbusscope open lsvmbus-vv.txt --view channels --text
              vmbusscope open guest.pcapng
              vmbusscope open guest.pcapng.zst
              vmbusscope open guest.pcapng --follow        while 'record' still writes it
              ssh guest vmbusscope record -o - | vmbusscope open -
              ssh guest vmbusscope record -o - | vmbusscope open - --json
            """)

    private static let formats = TextFormat.allCases.map(\.title).joined(separator: ", ")

    @Argument(help: ArgumentHelp("The files; - for standard input.", valueName: "file"), completion: .file())
    var files: [String]

    @Flag(help: "One JSON object per record, or one document of the view.")
    var json = false

    @Flag(help: "Print, even with a terminal.")
    var text = false

    @Flag(help: "Go on with what is written to a recording while it is open; without a screen with --json only.")
    var follow = false

    @OptionGroup var screen: ScreenOptions

    /// Records are printed in pieces, so that a long log costs no more memory than a short one.
    private static let piece = 1024

    func validate() throws {
        if files.isEmpty { throw ValidationError("name a file, or - for standard input") }
        if follow, files.count > 1 || files.first == "-" {
            throw ValidationError("--follow: name one recording; what comes through a pipe is followed anyway")
        }
        if follow, text || !json && !Screen.hasTerminal || screen.view.map({ $0 != .flow }) ?? false {
            throw ValidationError("--follow: without a terminal add --json")
        }
        if files.count(where: { $0 == "-" }) > 1 { throw ValidationError("-: name standard input once") }
    }

    func run() throws {
        if let recording = try RecordingFile.open(files, isFollowed: follow) {
            return try open(recording, isGrowing: follow)
        }
        if follow { throw CommandFailure(.usage, "--follow: \(files[0]) is no recording that grows") }
        let input = files == ["-"] ? try StandardInput() : nil
        if let input, input.isRecording { return try open(input) }
        let (files, refused) = try TextFiles.read(files, input)
        let source = TextFileSource(files)
        if !json, !text, input == nil ? Screen.hasTerminal : Screen.takesTerminal() {
            var options = screen.inspectorOptions
            options.limits = limits(source)
            try Screen.show(source, options)
        } else {
            try print(source)
        }
        let damaged = files.filter(\.isDamaged)
        if refused == 0, damaged.isEmpty { return }
        let reasons = damaged.map { "\($0.name): \($0.gaps ?? "")" }
        throw CommandFailure(.damagedInput, reasons.isEmpty ? nil : reasons.joined(separator: "; "))
    }

    private func open(_ recording: RecordingFile.Opened, isGrowing: Bool) throws {
        var source = recording.source
        if !json, !text, Screen.hasTerminal {
            var options = screen.inspectorOptions
            // What comes is what one wants to see of a file that grows.
            options.startsAtEnd = isGrowing
            try Screen.show(RecordingFile.replay(source), options)
        } else {
            try print(source.title) { () throws in
                var batch = try source.advance(.steps(Self.piece))
                while follow, batch.isEmpty {
                    try Self.wait()
                    batch = try source.advance(.steps(Self.piece))
                }
                return batch.isEmpty ? nil : batch
            }
        }
        if let damage = recording.damage(source.damages) { throw CommandFailure(.damagedInput, damage) }
    }

    /// A moment, as writers write a few times a second.
    private static func wait() throws(SystemError) {
        var loop = PollLoop<Void>()
        _ = try loop.wait(timeout: .milliseconds(100))
    }

    /// Shows a recording while it comes, or prints it until its writer ends.
    private func open(_ input: StandardInput) throws {
        guard !json, !text, Screen.takesTerminal() else { return try print(input) }
        try open(RecordingFile.Opened(source: RecordingFile.spool(input)), isGrowing: true)
        if let problem = input.problem { throw CommandFailure(.damagedInput, problem) }
    }

    private func print(_ input: StandardInput) throws {
        var reader = RecordingReader()
        reader.append(input.beginning)
        var hasEnded = false
        try print("standard input") { () throws in
            var batch = FlowBatch()
            reader.read(into: &batch, limit: Self.piece)
            guard batch.isEmpty, !hasEnded else { return batch.isEmpty ? nil : batch }
            if let more = try input.next() {
                reader.append(more)
            } else {
                reader.finish()
                hasEnded = true
            }
            return batch
        }
        if let damage = input.problem ?? reader.damages.summary { throw CommandFailure(.damagedInput, damage) }
    }

    /// Prints all batches, of which nil is the end.
    private func print(_ title: String, _ next: () throws -> FlowBatch?) throws {
        let view = screen.view
        let isStream = json && (view == nil || view == .flow)
        var stream = try stream(screen.filter.isEmpty ? nil : screen.filter)
        var writer = JSONWriter()
        var state = InspectorState(
            capabilities: Capabilities(kind: .file, canStep: false, canSeek: false, hasRingImages: false),
            title: title, limits: HistoryLimits(records: 65_536))
        while let batch = try next() {
            if isStream {
                stream.write(batch, to: &writer)
                try Output.write(writer.take())
            } else {
                state.ingest(batch)
            }
        }
        if !isStream { try print(state, title) }
    }

    private func print(_ source: TextFileSource) throws {
        let view = screen.view
        let filter = screen.filter.isEmpty ? nil : screen.filter
        if json, view == nil || view == .flow {
            var stream = try stream(filter)
            var writer = JSONWriter()
            try forPieces(of: source.batch) { piece throws(CommandFailure) in
                stream.write(piece, to: &writer)
                try Output.write(writer.take())
            }
            return
        }
        var state = InspectorState(
            capabilities: source.capabilities, title: source.title, limits: limits(source))
        state.ingest(source.batch)
        try print(state, source.title)
    }

    private func print(_ state: InspectorState, _ title: String) throws {
        let filter = screen.filter.isEmpty ? nil : screen.filter
        if let view = screen.view {
            return try Output.write(ShowCommand.render(view, state, json ? .json : .text, filter, nil))
        }
        try Output.write("FILE  \(PrintableText.harmless(title))\n\n")
        for view in [InspectorView.partitions, .channels] {
            try Output.write(ShowCommand.render(view, state, .text, nil, nil) + "\n")
        }
        try Output.write(ShowCommand.render(.flow, state, .text, filter, nil))
    }

    /// The whole log, which the size of the files bounds.
    private func limits(_ source: TextFileSource) -> HistoryLimits {
        HistoryLimits(records: source.batch.headers.count, bytes: .max)
    }

    private func stream(_ filter: String?) throws(CommandFailure) -> FlowStream {
        guard let filter else { return FlowStream() }
        do throws(QueryError) {
            return try FlowStream(filter: filter)
        } catch {
            throw CommandFailure(.usage, "filter: \(error)")
        }
    }

    private func forPieces(
        of batch: FlowBatch, _ body: (FlowBatch) throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        var piece = FlowBatch()
        for header in batch.headers {
            piece.append(header, from: batch)
            guard piece.headers.count == Self.piece else { continue }
            try body(piece)
            piece.removeAll()
        }
        try body(piece)
    }
}
