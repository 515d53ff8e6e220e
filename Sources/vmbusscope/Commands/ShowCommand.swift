import ArgumentParser
import BusModel
import Inspector
import VMBusWire

/// `show`: the headless twin of a view.
struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Print a view of the inspector: partitions, channels, rings, flow, ledger, doctor, cpus or session.",
        discussion: """
            Prints what the view of the same name shows. A filter is written as behind '/' in the inspector. Rates need two \
            looks: give --interval for a second one that many seconds later.

            EXAMPLES
              vmbusscope show channels                     every channel, once
              vmbusscope show channels --interval 2 --filter 'class == network' --csv
              vmbusscope show rings --json --sysroot DIR   a tree copied from a guest
            """)

    /// How to print it.
    enum Format: String, CaseIterable, EnumerableFlag {
        case text, csv, json

        static func help(for value: Format) -> ArgumentHelp? {
            switch value {
            case .text: "Columns, for people."
            case .csv: "Comma-separated values with exact numbers."
            case .json: "One JSON document; of flow one line per record."
            }
        }

        var showFormat: ShowFormat {
            switch self {
            case .text: .text
            case .csv: .csv
            case .json: .json
            }
        }
    }

    @Argument(help: "The view: partitions, channels, rings, flow, ledger, doctor, cpus or session.")
    var view: InspectorView

    @Flag(help: "The form of the output.")
    var format = Format.text

    @Option(help: ArgumentHelp("Show only what fits.", valueName: "expression"))
    var filter: String?

    @Option(help: ArgumentHelp("Show the moment right behind this record of the flow.", valueName: "seq"))
    var at: UInt64?

    @Option(help: ArgumentHelp("Look a second time after so many seconds, which gives rates.", valueName: "s"))
    var interval: Double?

    @OptionGroup var source: SourceOptions
    @OptionGroup var remote: RemoteOptions

    func validate() throws {
        if let interval, !SamplingOptions.range.contains(interval) {
            throw ValidationError("--interval \(interval): choose from 0.05 to 86400 seconds")
        }
    }

    func run() throws {
        var guest = try LiveGuest(source, remote, every: interval)
        try guest.look()
        if let interval {
            var pace = Pace(.milliseconds(Int64(interval * 1000)))
            try pace.wait()
            try guest.look()
        }
        try Output.write(Self.render(view, guest.state, format, filter, at, image: guest.ringImage))
    }

    /// The view as text; a filter that is not understood is a wrong command line.
    static func render(
        _ view: InspectorView, _ state: InspectorState, _ format: Format, _ filter: String?, _ sequence: UInt64?,
        image: (ChannelKey, Direction) -> RingImage? = { _, _ in nil }
    ) throws(CommandFailure) -> String {
        do throws(ShowError) {
            return try HeadlessShow.render(
                view, state, format: format.showFormat, filter: filter, at: sequence, image: image)
        } catch {
            throw CommandFailure(.usage, error.description)
        }
    }
}
