import ArgumentParser
import Inspector
import Platform

/// `watch`: one line per channel and sample.
struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Print one line per channel, again and again.",
        discussion: """
            Columns: seconds since the first sample, the channel as people know it, relid, state, target CPU, bytes waiting \
            of bytes that fit in the host to guest ring and in the guest to host ring, interrupts taken and per second, \
            signals sent and per second, and how often a writer first met a full ring. A dash says that it is not known; \
            rates begin with the second sample. With --json every line is an object of schema vmbusscope.watch/1.

            EXAMPLES
              vmbusscope watch                           every second until Ctrl-C
              vmbusscope watch --interval 10 --count 6   a minute
              vmbusscope watch --json | jq -c 'select(.out_full_first > 0) | .kernel'
            """)

    @OptionGroup var source: SourceOptions
    @OptionGroup var sampling: SamplingOptions
    @OptionGroup var remote: RemoteOptions

    @Option(help: ArgumentHelp("End after that many samples.", valueName: "n"))
    var count: Int?

    @Flag(help: "One JSON object per line.")
    var json = false

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count \(count): choose at least 1") }
    }

    func run() throws {
        var guest = try LiveGuest(source, remote, every: sampling.interval)
        var lines = WatchLines(isJSON: json)
        var pace = Pace(sampling.duration)
        var left = count
        while true {
            try guest.look()
            try Output.write(lines.sample(guest.state, at: MonotonicClock.now()))
            left = left.map { $0 - 1 }
            if left == 0 { return }
            try pace.wait()
        }
    }
}
