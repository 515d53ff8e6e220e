import ArgumentParser
import BusModel
import CaptureFiles
import Glibc
import Inspector
import Platform
import VMBusWire

/// `capture`: what can be done with recordings as files.
struct CaptureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capture",
        abstract: "Look at recordings as files, put them together, cut them, and make them fit to be shown to others.",
        discussion: """
            EXAMPLES
              vmbusscope capture info guest.pcapng
              vmbusscope capture merge one.pcapng two.pcapng -o both.pcapng
              vmbusscope capture split guest.pcapng --time 60s -o minute.pcapng
              vmbusscope capture anonymise guest.pcapng -o public.pcapng
            """,
        subcommands: [Info.self, Merge.self, Split.self, Anonymise.self])

    /// Where a recording goes.
    struct Target: ParsableArguments {
        @Option(
            name: .shortAndLong,
            help: ArgumentHelp("The file, which is replaced; - for standard output.", valueName: "file"),
            completion: .file())
        var output: String

        func validate() throws {
            if output == "-", DescriptorAccess.isTerminal(STDOUT_FILENO) {
                throw ValidationError("-o -: a recording is not for a terminal; pipe it, or name a file")
            }
        }

        /// A file that is read cannot be written at the same time.
        func check(_ inputs: [String]) throws(CommandFailure) {
            if output != "-", inputs.contains(output) {
                throw CommandFailure(.usage, "-o \(output): this is a file that is read")
            }
        }
    }
}

extension CaptureCommand {
    /// `capture info`.
    struct Info: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Counts, times, interfaces, gaps and damage of recordings.",
            discussion: """
                Packets, times and interfaces are counted as capinfos counts them. The status is 2 if a file is damaged: \
                everything whole is counted.
                """)

        @Argument(help: ArgumentHelp("The recordings.", valueName: "file"), completion: .file())
        var files: [String]

        @Flag(help: "One JSON document for each file, schema vmbusscope.capture/1.")
        var json = false

        func run() throws {
            var damage: CommandFailure?
            for (number, path) in files.enumerated() {
                let file: MappedFile
                do throws(SystemError) {
                    file = try MappedFile(path)
                } catch {
                    let isDenied = error.code == EACCES || error.code == EPERM
                    throw CommandFailure(isDenied ? .permissionMissing : .failure, "\(error)")
                }
                let summary = file.withBytes { RecordingSummary($0) }
                guard summary.packetCount > 0 || summary.manifest != nil else {
                    throw CommandFailure(.failure, "\(path): is no recording and no capture of pcapng")
                }
                let report = CaptureReport(name: path, byteCount: file.byteCount, summary: summary)
                try Output.write(json ? report.json : (number > 0 ? "\n" : "") + report.text)
                if let text = summary.damages.summary {
                    damage = damage ?? CommandFailure(.damagedInput, "\(path): \(text)")
                }
            }
            if let damage { throw damage }
        }

        func validate() throws {
            if files.isEmpty { throw ValidationError("name a recording") }
        }
    }

    /// `capture merge`.
    struct Merge: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put recordings together by their times.",
            discussion: """
                Pieces of one log become that log again. Recordings of several machines become one log: each guest gets a \
                partition of its own and every record a new number; where all know the wall clock, they are laid side by side by \
                it, else by the times of their logs.
                """)

        @Argument(help: ArgumentHelp("The recordings.", valueName: "file"), completion: .file())
        var files: [String]

        @OptionGroup var target: Target

        func validate() throws {
            if files.count < 2 { throw ValidationError("name two recordings or more") }
        }

        func run() throws {
            try target.check(files)
            var inputs: [LogInput] = []
            for file in files { inputs.append(try LogInput(recording: file)) }
            let manifests = inputs.map(\.manifest)
            let isOneLog = try Self.areOneLog(files, manifests)
            let epochs = manifests.compactMap(\.epoch)
            let first = epochs.count == inputs.count ? epochs.min() : nil
            var merge = LogMerge(
                manifests.map { manifest in
                    LogMerge.Log(
                        delay: isOneLog ? 0 : first.flatMap { first in manifest.epoch.map { $0 - first } } ?? 0)
                }, isOneLog: isOneLog)
            var manifest = manifests[0]
            if !isOneLog {
                let title = manifests.map(\.title).joined(separator: " + ")
                manifest = RecordingManifest(.file, title: title, epoch: first)
                manifest.snapLength = manifests.compactMap(\.snapLength).min()
            }
            var writer = RecordingWriter(manifest)
            var run = try LongRun(writing: target.output)
            var out = try OutputFile(target.output)
            while try run.goesOn(nil, count: writer.recordCount) {
                guard let wanted = merge.wanted else {
                    let batch = merge.take()
                    if batch.isEmpty, merge.wanted == nil { break }
                    writer.append(batch)
                    try out.write(writer.take())
                    continue
                }
                merge.add(try inputs[wanted].next(), to: wanted)
            }
            writer.finish()
            try out.write(writer.take())
            try out.flush()
            try run.finish()
            for input in inputs { try input.tellDamage() }
        }

        /// Whether they say the same of themselves and no record is in two of them.
        private static func areOneLog(
            _ files: [String], _ manifests: [RecordingManifest]
        ) throws -> Bool {
            guard manifests.allSatisfy({ $0 == manifests[0] }) else { return false }
            var ranges: [ClosedRange<UInt64>] = []
            for file in files {
                let summary = try MappedFile(file).withBytes { RecordingSummary($0) }
                guard let range = summary.sequences, !ranges.contains(where: { $0.overlaps(range) }) else {
                    return false
                }
                ranges.append(range)
            }
            return true
        }
    }

    /// `capture split`.
    struct Split: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Cut a recording into pieces, each of which explains itself.",
            discussion: """
                Pieces are called after the file that -o names: out.pcapng gives out-0001.pcapng and so on. With --filter there \
                are two: out-fits.pcapng and out-rest.pcapng. Records keep their numbers, so that 'capture merge' puts the \
                pieces together again.
                """)

        @Argument(help: ArgumentHelp("The recording; - for standard input.", valueName: "file"), completion: .file())
        var file: String

        @Option(help: ArgumentHelp("Records in a piece.", valueName: "n"))
        var records: UInt64?

        @Option(help: ArgumentHelp("Bytes of a piece, about: a number with k, M or G.", valueName: "size"))
        var size: ByteCount?

        @Option(help: ArgumentHelp("Time in a piece: a number with ns, us, ms or s.", valueName: "t"))
        var time: VirtualTime?

        @Option(help: ArgumentHelp("What fits into one, everything else into the other.", valueName: "expression"))
        var filter: String?

        @OptionGroup var target: Target

        func validate() throws {
            guard [records != nil, size != nil, time != nil, filter != nil].count(where: { $0 }) == 1 else {
                throw ValidationError("choose one of --records, --size, --time and --filter")
            }
            if records == 0 || time?.nanoseconds == 0 || size?.bytes == 0 {
                throw ValidationError("a piece of nothing: choose more than 0")
            }
            if target.output == "-" { throw ValidationError("-o -: there are several pieces; name a file") }
        }

        func run() throws {
            var input = try LogInput(recording: file)
            var run = try LongRun(writing: target.output)
            if let filter {
                try divide(&input, FlowSieve.asked(filter), &run)
            } else {
                try cut(&input, &run)
            }
            try run.finish()
            try input.tellDamage()
        }

        private func path(_ part: String) -> String {
            let name = target.output
            guard let dot = name.lastIndex(of: "."), !name[dot...].contains("/"), dot != name.startIndex else {
                return "\(name)-\(part)"
            }
            return "\(name[..<dot])-\(part)\(name[dot...])"
        }

        private func piece(_ number: Int) throws(CommandFailure) -> OutputFile {
            let digits = String(number)
            return try OutputFile(path(String(repeating: "0", count: max(0, 4 - digits.count)) + digits))
        }

        private func cut(_ input: inout LogInput, _ run: inout LongRun) throws {
            var known = BusSnapshot()
            var (number, count, start, written) = (1, UInt64(0), UInt64?.none, UInt64(0))
            var writer: RecordingWriter?
            var out = try piece(number)
            while try run.goesOn(input.progress, count: known.position.sequence), let batch = try input.next() {
                var next = writer ?? RecordingWriter(input.manifest, from: known.keyframeRecord)
                writer = nil
                for header in batch.headers {
                    let isFull =
                        records.map { count >= $0 } ?? size.map { written + UInt64(next.bytes.count) >= $0.bytes }
                        ?? time.map { time in
                            start.map { header.time - min($0, header.time) >= time.nanoseconds } ?? false
                        }
                        ?? false
                    if isFull {
                        next.finish()
                        try out.write(next.take())
                        try out.flush()
                        number += 1
                        out = try piece(number)
                        (count, start, written) = (0, nil, 0)
                        next = RecordingWriter(input.manifest, from: known.keyframeRecord)
                    }
                    next.append(header, of: batch)
                    known.apply(header, batch.payload(of: header))
                    count += 1
                    start = start ?? header.time
                }
                written += UInt64(next.bytes.count)
                try out.write(next.take())
                writer = next
            }
            var last = writer ?? RecordingWriter(input.manifest)
            last.finish()
            try out.write(last.take())
            try out.flush()
        }

        private func divide(_ input: inout LogInput, _ sieve: FlowSieve, _ run: inout LongRun) throws {
            var sieve = sieve
            var writers: (fits: RecordingWriter, rest: RecordingWriter)?
            var fits = try OutputFile(path("fits"))
            var rest = try OutputFile(path("rest"))
            while try run.goesOn(input.progress, count: sieve.count), let batch = try input.next() {
                var next = writers ?? (RecordingWriter(input.manifest), RecordingWriter(input.manifest))
                writers = nil
                for header in batch.headers {
                    let payload = batch.payload(of: header)
                    if sieve.next(header, payload) != nil {
                        next.fits.append(header, of: batch)
                        next.rest.leaveOut(header, payload)
                    } else {
                        next.rest.append(header, of: batch)
                        next.fits.leaveOut(header, payload)
                    }
                }
                try fits.write(next.fits.take())
                try rest.write(next.rest.take())
                writers = next
            }
            var last = writers ?? (RecordingWriter(input.manifest), RecordingWriter(input.manifest))
            last.fits.finish()
            last.rest.finish()
            try fits.write(last.fits.take())
            try rest.write(last.rest.take())
            try fits.flush()
            try rest.flush()
        }
    }

    /// `capture anonymise`.
    struct Anonymise: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replace what tells whose machine a recording is from.",
            discussion: """
                Instances, Ethernet and IP addresses, transaction ids (which can be addresses of the kernel), page numbers, \
                names and texts are replaced, equal ones by equal ones; contents become zeros, and so do checksums of frames. \
                Classes, well-known instances, sizes, times, channel numbers and the order of everything stay. What was replaced \
                is listed.

                Without --key the key is made by chance and forgotten. With it the same names come out for several files, and \
                whoever knows it can tell which name stands for which.
                """)

        @Argument(help: ArgumentHelp("The recording; - for standard input.", valueName: "file"), completion: .file())
        var file: String

        @Option(help: ArgumentHelp("A secret text, of which the replacements are made.", valueName: "text"))
        var key: String?

        @OptionGroup var target: Target

        func run() throws {
            try target.check([file])
            var input = try LogInput(recording: file)
            var anonymiser = Anonymiser(key: secret)
            var writer: RecordingWriter?
            var run = try LongRun(writing: target.output)
            var out = try OutputFile(target.output)
            var count: UInt64 = 0
            while try run.goesOn(input.progress, count: count), let batch = try input.next() {
                var next = writer ?? RecordingWriter(Self.manifest(of: input))
                writer = nil
                next.append(anonymiser.replace(batch))
                count = next.recordCount
                try out.write(next.take())
                writer = next
            }
            var last = writer ?? RecordingWriter(Self.manifest(of: input))
            last.finish()
            try out.write(last.take())
            try out.flush()
            let text = CaptureReport.text(of: anonymiser.report)
            if target.output == "-" {
                try? DescriptorAccess.write(STDERR_FILENO, Array(text.utf8))
            } else {
                try Output.write(text)
            }
            try run.finish()
            try input.tellDamage()
        }

        private static func manifest(of input: LogInput) -> RecordingManifest {
            var manifest = input.manifest
            manifest.title = "anonymised"
            manifest.reason =
                "anonymised: contents, checksums and texts were taken out, identifiers and addresses replaced"
            return manifest
        }

        private var secret: SecretKey {
            guard let key else {
                var random = SystemRandomNumberGenerator()
                return SecretKey(random.next(), random.next())
            }
            let digest = SHA256.digest(Array(key.utf8))[...]
            return SecretKey(digest.word64(0), digest.word64(8))
        }
    }
}

/// A number of bytes as people write it: `100M`.
struct ByteCount: ExpressibleByArgument {
    /// How many.
    let bytes: UInt64

    init?(argument: String) {
        let units: [(suffix: Character, size: UInt64)] = [("k", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)]
        let unit = units.first { argument.last == $0.suffix }
        guard let number = UInt64(unit == nil ? argument[...] : argument.dropLast()) else { return nil }
        let (value, isTooLong) = number.multipliedReportingOverflow(by: unit?.size ?? 1)
        guard !isTooLong else { return nil }
        bytes = value
    }
}
