import ArgumentParser
import Benchmarks
import Platform
import VMBusRing

/// `bench`: how fast the parts are, beside C or the physical floor.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure how fast this program's parts are, side by side with C in the same run.",
        discussion: """
            The contestants take turns in short slices, so that what disturbs the machine disturbs them alike. Times are the \
            median of all slices and the best one. Build with -c release before you compare anything.

            EXAMPLES
              vmbusscope bench ring                     our ring, a ring in C with the same rules, memcpy
              vmbusscope bench ring --json | jq '.results[] | .ours_ns / .c_ns'
              vmbusscope bench engine                   control messages, page lists, saved states
              vmbusscope bench net                      frames through a network adapter, both of whose ends are here
              vmbusscope bench sample --sysroot DIR     a look at all channels of a guest
              vmbusscope bench storage                  requests of a guest's disk, end to end
              vmbusscope bench record                   records a second that are written
              vmbusscope bench open --records 10000000  a recording looked through, filtered, shown
              vmbusscope bench sim                      steps of the simulator, and journeys through a session
            """,
        subcommands: [
            Ring.self, Engine.self, Network.self, Sample.self, Storage.self, SimulationBenchCommand.self,
            RecordBenchCommand.self, OpenBenchCommand.self, RingPeer.self,
        ])

    /// Measures the cases one by one; each is a line as soon as it is there, or all are one document at the end.
    static func report<Case, Result>(
        _ name: String, _ cases: [Case], isJSON: Bool, heading: String, row: (Result) -> String,
        json: ([Result]) -> String, measure: (Case) throws(BenchmarkFailure) -> Result
    ) throws {
        if !isJSON { try Output.write(heading) }
        var results: [Result] = []
        for measured in cases {
            do throws(BenchmarkFailure) {
                results.append(try measure(measured))
            } catch {
                throw CommandFailure(.failure, "bench \(name): \(error)")
            }
            if !isJSON, let result = results.last { try Output.write(row(result)) }
        }
        if isJSON { try Output.write(json(results)) }
    }

    /// What every measuring can be told.
    struct MeasuringOptions: ParsableArguments {
        @Flag(help: "One JSON document.")
        var json = false

        @Option(help: ArgumentHelp("Slices of each contestant in each case (default: 31; ring: 101).", valueName: "n"))
        var rounds: Int?

        /// How many slices, where nothing else is asked for.
        func rounds(usually count: Int) -> Int { rounds ?? count }

        func validate() throws {
            if let rounds, rounds < 1 { throw ValidationError("--rounds \(rounds): choose at least 1") }
        }
    }

    /// `bench ring`.
    struct Ring: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Our ring, a ring in C with the same rules, and memcpy of the same bytes.",
            discussion: """
                Nanoseconds a packet sent and received. With one thread it sends a batch and receives it again; with two \
                one sends and the other receives, both waiting actively on processors of their own, and the time of handing \
                one word to the other processor and getting it back stands beside it. memcpy is one thread's, in and out.
                """)

        @OptionGroup var options: MeasuringOptions

        @Flag(help: "Map the data of the rings once instead of twice back to back.")
        var mappedOnce = false

        func run() throws {
            let benchmark = RingBenchmark(isMappedTwice: !mappedOnce, rounds: options.rounds(usually: 101))
            try BenchCommand.report(
                "ring", RingBenchmark.Case.all, isJSON: options.json, heading: RingBenchmark.heading,
                row: RingBenchmark.row,
                json: RingBenchmark.json,
                measure: benchmark.measure)
        }
    }

    /// `bench engine`.
    struct Engine: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The engine's host end, and a copy of the same bytes.",
            discussion: """
                Nanoseconds for one control message among \(EngineBenchmark.channelCount) open channels (dispatch), one page \
                list of \(EngineBenchmark.pageCount) pages with its teardown (page_list), and the state of \
                \(EngineBenchmark.channelCount) open channels saved (save) and taken up again (restore).
                """)

        @OptionGroup var options: MeasuringOptions

        func run() throws {
            let benchmark = EngineBenchmark(rounds: options.rounds(usually: 31))
            try BenchCommand.report(
                "engine", EngineBenchmark.Case.allCases, isJSON: options.json, heading: EngineBenchmark.heading,
                row: EngineBenchmark.row, json: EngineBenchmark.json,
                measure: benchmark.measure)
        }
    }

    /// `bench net`.
    struct Network: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "net",
            abstract:
                "A network adapter's driver and host in one process, the rings alone, and a copy of the same bytes.",
            discussion: """
                Nanoseconds for a frame from the driver to the host and its completion (to_host), from the host to the driver \
                and its completion (to_guest), and there and back (both), over real rings and shared buffers, 32 frames at a \
                time. Beside them stand the same number of packets through the rings without a machine at either end, and each \
                frame copied in and out.
                """)

        @Flag(help: "One JSON document.")
        var json = false

        @Option(help: ArgumentHelp("Slices of each contestant in each case.", valueName: "n"))
        var rounds = 31

        func validate() throws {
            guard rounds >= 1 else { throw ValidationError("--rounds \(rounds): choose at least 1") }
        }

        func run() throws {
            let benchmark = NetworkBenchmark(rounds: rounds)
            try BenchCommand.report(
                "net", NetworkBenchmark.Case.all, isJSON: json, heading: NetworkBenchmark.heading,
                row: NetworkBenchmark.row, json: NetworkBenchmark.json, measure: benchmark.measure)
        }
    }

    /// `bench sample`.
    struct Sample: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A look at the channels of a guest, and a bare loop in C of the same system calls.",
            discussion: """
                Nanoseconds of processor time for one file of all channels, of which the files of some are kept open. In a copied \
                tree every file is asked what it is before it is opened, by both. Beside it stands what as many kept files of \
                this machine's sysfs take of the kernel's slab memory.
                """)

        @OptionGroup var source: SourceOptions

        @OptionGroup var options: MeasuringOptions

        func run() throws {
            _ = try source.files()
            let benchmark = SampleBenchmark(sysroot: source.sysroot, rounds: options.rounds(usually: 31))
            try BenchCommand.report(
                "sample", SampleBenchmark.Case.allCases, isJSON: options.json, heading: SampleBenchmark.heading,
                row: SampleBenchmark.row, json: SampleBenchmark.json, measure: benchmark.measure)
        }
    }

    /// `bench storage`.
    struct Storage: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Requests of a guest's storage driver, answered by the host's controller and a disk in memory.",
            discussion: """
                Nanoseconds for one request, \(StorageBenchmark.depth) of them at a time, through both rings of a channel in one \
                process. Beside it the same without rings, the disk alone, and a copy of the same bytes in and out.
                """)

        @Flag(help: "One JSON document.")
        var json = false

        @Option(help: ArgumentHelp("Slices of each contestant in each case.", valueName: "n"))
        var rounds = 31

        func validate() throws {
            guard rounds >= 1 else { throw ValidationError("--rounds \(rounds): choose at least 1") }
        }

        func run() throws {
            let benchmark = StorageBenchmark(rounds: rounds)
            try BenchCommand.report(
                "storage", StorageBenchmark.Case.all, isJSON: json, heading: StorageBenchmark.heading,
                row: StorageBenchmark.row, json: StorageBenchmark.json, measure: benchmark.measure)
        }
    }

    /// `bench ring-peer`: one end of a ring in a file whose other end is the process that started this one.
    struct RingPeer: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ring-peer",
            abstract: "One end of a ring in a file that the caller has the other end of.",
            discussion: """
                Descriptor 3 is the file, 4 an eventfd that wakes this end, 5 an eventfd that wakes the other one. Prints how \
                often it slept and signalled.
                """,
            shouldDisplay: false)

        @Flag(help: "Send instead of receive.")
        var send = false

        @Option(help: ArgumentHelp("Packets that travel.", valueName: "n"))
        var packets: Int

        @Option(help: ArgumentHelp("Bytes in the file: a control page and the data.", valueName: "n"))
        var ringBytes: Int

        @Flag(help: "Wake the sender by the rule of OpenVMM instead of that of Linux.")
        var atLeast = false

        @Flag(help: "Map the data once instead of twice back to back.")
        var mappedOnce = false

        func run() throws {
            let settings = RingSettings(wakeRule: atLeast ? .atLeast : .strictlyMore)
            let outcome: RingExercise.Outcome
            do throws(BenchmarkFailure) {
                outcome = try RingExercise(send ? .send : .receive, packets: packets, settings: settings).run(
                    file: 3, ringBytes: ringBytes, isMappedTwice: !mappedOnce, own: Bell(owning: 4),
                    other: Bell(owning: 5))
            } catch {
                throw CommandFailure(.failure, "bench ring-peer: \(error)")
            }
            try Output.write("\(outcome.sleeps) \(outcome.signals)\n")
        }
    }
}
