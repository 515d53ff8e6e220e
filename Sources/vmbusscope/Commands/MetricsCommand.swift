public import ArgumentParser
public import Inspector
import Platform

/// `metrics`: what monitoring systems collect.
struct MetricsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print metrics of the bus for Prometheus and its like.",
        discussion: """
            Prints OpenMetrics 1.0 once. With --textfile it writes the older Prometheus form, the only one that the textfile \
            collector of node_exporter reads, to FILE and nowhere else: beside it first, then renamed, so that no reader sees \
            half a file. What cannot be read is absent and counted, never a number that means something else. Connections of \
            hv_sock, which come and go by the thousand, are summed.

            Without a VMBus vmbus_available is 0, and the status is 3 all the same. Rules, their tests and a dashboard: see \
            'vmbusscope print'.

            EXAMPLES
              vmbusscope metrics
              vmbusscope metrics --textfile /var/lib/prometheus/node-exporter/vmbus.prom
              vmbusscope metrics --textfile FILE --interval 30   go on until a signal
              vmbusscope metrics --channels aggregate            one series per device instead of one per channel
            """)

    @Option(help: ArgumentHelp("Write this file instead, atomically.", valueName: "file"))
    var textfile: String?

    @Option(help: "openmetrics or prometheus; by default openmetrics, and prometheus for a text file.")
    var format: MetricsFormat?

    @Option(help: "all: series for each channel; aggregate: for each device.")
    var channels = MetricsOptions.Channels.all

    @Option(
        help: ArgumentHelp("The most channels that get series of their own; the others are counted.", valueName: "n"))
    var maxChannels = 512

    @Option(help: ArgumentHelp("Write the text file again every so many seconds, until a signal.", valueName: "s"))
    var interval: Double?

    @OptionGroup var source: SourceOptions

    func validate() throws {
        if maxChannels < 0 { throw ValidationError("--max-channels \(maxChannels): choose 0 or more") }
        guard let interval else { return }
        if textfile == nil { throw ValidationError("--interval: add --textfile FILE; standard output is written once") }
        if !SamplingOptions.range.contains(interval) {
            throw ValidationError("--interval \(interval): choose from 0.05 to 86400 seconds")
        }
    }

    func run() throws {
        var history = MetricsHistory()
        guard let interval else {
            if let failure = try collect(&history) { throw failure }
            return
        }
        var pace = Pace(.milliseconds(Int64(interval * 1000)))
        while true {
            // A bus that is not there yet may come; the file says 0 until then.
            _ = try collect(&history)
            try pace.wait()
        }
    }

    /// Looks once and writes what it finds; gives back why there was nothing to find.
    private func collect(_ history: inout MetricsHistory) throws(CommandFailure) -> CommandFailure? {
        // A look of its own each time: nothing here is older than the scrape.
        var guest = try LiveGuest(source)
        var failure: CommandFailure?
        let start = MonotonicClock.now()
        do throws(CommandFailure) {
            try guest.look()
        } catch {
            failure = error
        }
        let facts = ExporterFacts(
            version: ProgramVersion.text, swift: ProgramVersion.swift,
            duration: Double(MonotonicClock.now() &- start) / 1e9)
        history.observe(guest.state.snapshot)
        let options = MetricsOptions(channels: channels, maximumChannels: maxChannels)
        let report = MetricsReport(guest.state.snapshot, history, facts, options: options)
        guard let textfile else {
            try Output.write(report.text(format ?? .openmetrics))
            return failure
        }
        do throws(SystemError) {
            try ReplacedFile.write(textfile, Array(report.text(format ?? .prometheus).utf8))
        } catch {
            throw CommandFailure(.failure, error.description)
        }
        return failure
    }
}

extension MetricsFormat: ExpressibleByArgument {}
extension MetricsOptions.Channels: ExpressibleByArgument {}
