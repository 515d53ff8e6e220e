import ArgumentParser
import BusModel
import Inspector
import InspectorTUI
import LinuxGuest
import Platform

/// `live`: the inspector on a live guest.
struct LiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live",
        abstract: "Open the inspector on this guest, or on a copied tree.",
        discussion: """
            It only reads, on a thread of its own: a file that hangs delays the values, never the screen. For output without \
            a screen see 'show', 'watch' and 'ls'.

            EXAMPLES
              vmbusscope live
              vmbusscope live --interval 0.2
              vmbusscope live --sysroot DIR   a tree copied from another guest
              vmbusscope live --remote web-1 --remote root@web-2   other guests side by side, through ssh
              vmbusscope live --trace         every control message is a record of Flow
              vmbusscope live --trace --headless --json   the same as lines of JSON, until Ctrl-C

            With --trace (or the key T, after a question) tracepoints of hv_vmbus are switched on through \
            perf_event_open(2), which patches the kernel's text on all CPUs for as long as it lasts. Nothing is written, and \
            all of it ends with the program, however that ends.
            """)

    @OptionGroup var source: SourceOptions
    @OptionGroup var sampling: SamplingOptions
    @OptionGroup var remote: RemoteOptions
    @OptionGroup var screen: ScreenOptions

    @Flag(help: "Trace the bus's control messages from the start.")
    var trace = false

    @Flag(
        name: .customLong("trace-io"),
        help: "Trace what network and storage drivers ask for as well; hv_netvsc cannot be unloaded meanwhile.")
    var traceIO = false

    @Flag(help: "Print the records of Flow instead of showing a screen, until Ctrl-C.")
    var headless = false

    @Flag(help: "With --headless: one JSON object per record, schema vmbusscope.flow/1.")
    var json = false

    @Option(help: ArgumentHelp("With --headless: end after so many looks.", valueName: "n"))
    var count: Int?

    /// What the program of somebody who looks at this machine from another one asks for.
    @Flag(help: .hidden)
    var stream = false

    func validate() throws {
        if !headless, json || count != nil { throw ValidationError("--json and --count: add --headless") }
        if let count, count < 1 { throw ValidationError("--count \(count): choose at least 1") }
        if stream, !remote.hosts.isEmpty { throw ValidationError("--stream: it takes no --remote") }
        if !remote.hosts.isEmpty, trace || traceIO || headless {
            throw ValidationError("--remote: it takes no --trace, --trace-io or --headless; use them on that machine")
        }
    }

    func run() throws {
        if stream { return try RecordStream.send(source.source(), every: sampling.duration) }
        if !remote.hosts.isEmpty {
            return try RemoteView(remote, source, sampling.interval).show(screen.inspectorOptions)
        }
        let request = TraceRequest(isWanted: trace || traceIO, includesTransfers: traceIO)
        if headless { return try print(source.source(tracing: request)) }
        let watch = source.watch()
        var options = screen.inspectorOptions
        options.tracing = request.isWanted
        try Screen.show(
            live: source.source(watch, tracing: request), watch: watch, tracing: request, every: sampling.duration,
            options)
    }

    private func print(_ source: some BusSource) throws {
        var source = source
        // What happened is printed and not kept, so that a long watch costs no more memory than a short one.
        var state = InspectorState(
            capabilities: source.capabilities, title: source.title, limits: HistoryLimits(records: 65_536))
        var lines = FlowLines(isJSON: json)
        var pace = Pace(sampling.duration)
        var left = count
        while true {
            state.ingest(try source.advance(.steps(1)))
            try Output.write(lines.new(in: state))
            left = left.map { $0 - 1 }
            if left == 0 { return }
            try pace.wait()
        }
    }
}
