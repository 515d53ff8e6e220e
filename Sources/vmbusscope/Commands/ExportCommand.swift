import ArgumentParser
import BusModel
import CaptureFiles
import Glibc
import Inspector
import Platform
import Query

/// `export`: a log in the form of another tool.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a recording for other tools: pcapng, JSON lines, CSV, Perfetto, Mermaid or one HTML page.",
        discussion: """
            FILE is a recording, or a text that 'vmbusscope open' takes; - is standard input. However long it is, it costs no \
            more memory. Ctrl-C ends it with a document that is whole up to there.

            FORMS
              pcapng     a recording again: with --filter, --from or --to-time a smaller one
              jsonl      a line of schema vmbusscope.flow/1 for each record
              csv        a line for each record; the first names the columns
              perfetto   for ui.perfetto.dev: requests are slices, signals instants, ring fills counters
              mermaid    a sequence chart, of at most \(SequenceChart.maximumRecords) records
              html       one page with list, filter and fields, which needs nothing from elsewhere

            Times are those of the log, since boot or since the start; a filter is written as behind '/' in the inspector. What \
            a record means is worked out from all records before it, whichever are written.

            The status is 2 if the file is damaged: everything whole is written.

            EXAMPLES
              vmbusscope export guest.pcapng --to perfetto -o guest.perfetto-trace
              vmbusscope export guest.pcapng --to csv --filter 'class == storage' > storage.csv
              vmbusscope export guest.pcapng --to pcapng --from 10s --to-time 12.5s -o two-seconds.pcapng
              vmbusscope record --sim boot --steps 400 -o - | vmbusscope export - --to mermaid > boot.mmd
            """)

    /// In which form.
    enum Form: String, CaseIterable, ExpressibleByArgument {
        case pcapng, jsonl, csv, perfetto, mermaid, html

        /// Whether people can read it as it is.
        var isText: Bool { self != .pcapng && self != .perfetto }
    }

    @Argument(help: ArgumentHelp("A recording; - for standard input.", valueName: "file"), completion: .file())
    var file: String

    @Option(name: .customLong("to"), help: ArgumentHelp("The form.", valueName: "form"))
    var form: Form

    @Option(help: ArgumentHelp("Only what fits.", valueName: "expression"))
    var filter: String?

    @Option(help: ArgumentHelp("Only from this time on: a number with ns, us, ms or s.", valueName: "t"))
    var from: VirtualTime?

    @Option(help: ArgumentHelp("Only up to this time.", valueName: "t"))
    var toTime: VirtualTime?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The file, which is replaced; standard output if it is not given.", valueName: "file"),
        completion: .file())
    var output: String?

    func validate() throws {
        if let from, let toTime, from.nanoseconds > toTime.nanoseconds {
            throw ValidationError("--from: it is later than --to-time")
        }
        if !form.isText, output == nil || output == "-", DescriptorAccess.isTerminal(STDOUT_FILENO) {
            throw ValidationError("--to \(form.rawValue): that is not for a terminal; add -o FILE, or pipe it")
        }
        if let output, output != "-", output == file {
            throw ValidationError("-o \(output): this is the file that is read")
        }
    }

    func run() throws {
        var input = try LogInput(file)
        let sieve = try FlowSieve.asked(
            filter, from: from?.nanoseconds ?? 0, to: toTime?.nanoseconds ?? .max)
        var run = try LongRun(writing: output)
        var out = try OutputFile(output)
        let refusal =
            switch FlowExport.Format(rawValue: form.rawValue) {
            case let format?:
                try write(&input, FlowExport(format, title: input.title, sieve: sieve), &run, &out)
            case nil: try writeRecording(&input, sieve, &run, &out)
            }
        try out.flush()
        try run.finish()
        if let refusal { throw CommandFailure(.failure, refusal.reason) }
        try input.tellDamage()
    }

    private func write(
        _ input: inout LogInput, _ export: FlowExport, _ run: inout LongRun, _ out: inout OutputFile
    ) throws -> CommandRefusal? {
        var export = export
        var bytes: [UInt8] = []
        var refusal: CommandRefusal?
        while refusal == nil, try run.goesOn(input.progress, count: export.count), let batch = try input.next() {
            do throws(CommandRefusal) {
                try export.write(batch, to: &bytes)
            } catch {
                refusal = error
            }
            try out.write(bytes)
            bytes.removeAll(keepingCapacity: true)
        }
        export.finish(&bytes)
        try out.write(bytes)
        return refusal
    }

    private func writeRecording(
        _ input: inout LogInput, _ sieve: FlowSieve, _ run: inout LongRun, _ out: inout OutputFile
    ) throws -> CommandRefusal? {
        var sieve = sieve
        var writer: RecordingWriter?
        while try run.goesOn(input.progress, count: sieve.count), let batch = try input.next() {
            // What a stream says of itself is known with its first records.
            var next = writer ?? RecordingWriter(input.manifest)
            writer = nil
            for header in batch.headers {
                if sieve.next(header, batch.payload(of: header)) != nil {
                    next.append(header, of: batch)
                } else {
                    next.leaveOut(header, batch.payload(of: header))
                }
            }
            try out.write(next.take())
            writer = next
        }
        var last = writer ?? RecordingWriter(input.manifest)
        last.finish()
        try out.write(last.take())
        return nil
    }
}

extension FlowSieve {
    /// What the command line asks for.
    static func asked(_ filter: String?, from: UInt64 = 0, to: UInt64 = .max) throws(CommandFailure) -> FlowSieve {
        do throws(QueryError) {
            return try FlowSieve(filter: filter ?? "", times: from...to)
        } catch {
            throw CommandFailure(.usage, "filter: \(error)")
        }
    }
}
