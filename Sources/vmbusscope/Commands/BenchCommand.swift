import ArgumentParser
import Benchmarks

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
            """,
        subcommands: [Ring.self])

    /// `bench ring`.
    struct Ring: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Our ring, a ring in C with the same rules, and memcpy of the same bytes.",
            discussion: """
                Nanoseconds a packet sent and received. With one thread it sends a batch and receives it again; with two \
                one sends and the other receives, both waiting actively on processors of their own, and the time of handing \
                one word to the other processor and getting it back stands beside it. memcpy is one thread's, in and out.
                """)

        @Flag(help: "One JSON document.")
        var json = false

        @Option(help: ArgumentHelp("Slices of each contestant in each case.", valueName: "n"))
        var rounds = 101

        @Flag(help: "Map the data of the rings once instead of twice back to back.")
        var mappedOnce = false

        func validate() throws {
            guard rounds >= 1 else { throw ValidationError("--rounds \(rounds): choose at least 1") }
        }

        func run() throws {
            let benchmark = RingBenchmark(isMappedTwice: !mappedOnce, rounds: rounds)
            if !json { try Output.write(RingBenchmark.heading) }
            var results: [RingBenchmark.Result] = []
            for measured in RingBenchmark.Case.all {
                do throws(BenchmarkFailure) {
                    results.append(try benchmark.measure(measured))
                } catch {
                    throw CommandFailure(.failure, "bench ring: \(error)")
                }
                if !json, let result = results.last { try Output.write(RingBenchmark.row(result)) }
            }
            if json { try Output.write(RingBenchmark.json(results)) }
        }
    }
}
