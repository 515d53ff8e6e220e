import ArgumentParser
import Inspector
import Platform

/// `doctor`: what is wrong with the bus, and who must act next.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what is wrong with this guest's bus, and who must act next.",
        discussion: """
            Looks four times within six seconds, as what stands still shows only in time, and prints the findings, worst first. \
            A tree that was copied from a guest stands still, so it is looked at once. With --watch it goes on until Ctrl-C \
            and prints whenever the findings have changed. Exit code 5 says that something is stuck or lost now.

            EXAMPLES
              vmbusscope doctor                             this guest
              vmbusscope doctor --interval 5 --count 13     a minute of it
              vmbusscope doctor --json | jq '.findings[] | select(.severity == "critical")'
              vmbusscope doctor --explain inbound-stalled   what a rule means
              vmbusscope doctor --coverage                  all rules, and the known problems that they name
            """)

    @OptionGroup var source: SourceOptions

    @Option(help: ArgumentHelp("Seconds between two looks.", valueName: "s"))
    var interval = 2.0

    @Option(help: ArgumentHelp("How many looks.", valueName: "n"))
    var count: Int?

    @Flag(help: "Look once, whatever stands still.")
    var once = false

    @Flag(help: "Go on until Ctrl-C, and print whenever the findings have changed.")
    var watch = false

    @Flag(help: "One JSON document; with --watch one a line.")
    var json = false

    @Option(help: ArgumentHelp("Print what a rule means, how it finds, its cause and remedy.", valueName: "rule"))
    var explain: String?

    @Flag(help: "Print all rules, and the known problems that they cover or cannot see.")
    var coverage = false

    func validate() throws {
        guard SamplingOptions.range.contains(interval) else {
            throw ValidationError("--interval \(interval): choose from 0.05 to 86400 seconds")
        }
        if let count, count < 1 { throw ValidationError("--count \(count): choose at least 1") }
        if once, watch || count != nil { throw ValidationError("--once goes with neither --watch nor --count") }
    }

    func run() throws {
        if coverage { return try Output.write(DoctorReport.coverage()) }
        if let explain {
            guard let rule = DoctorRules.rule(explain) else {
                throw CommandFailure(.usage, "there is no rule '\(explain)'; --coverage lists all")
            }
            return try Output.write(DoctorReport.explanation(rule))
        }
        var guest = try LiveGuest(source)
        try guest.look()
        if watch {
            try keepWatching(&guest)
        } else {
            var pace = Pace(.milliseconds(Int64(interval * 1000)))
            for _ in 1..<looks {
                try pace.wait()
                try guest.look()
            }
            let diagnosis = guest.state.diagnosed()
            try Output.write(report(guest.state, diagnosis))
            if diagnosis.worst == .critical { throw CommandFailure(.badNews) }
        }
    }

    private var looks: Int { once ? 1 : count ?? (source.sysroot == nil ? 4 : 1) }

    private func report(_ state: InspectorState, _ diagnosis: Diagnosis) -> String {
        json ? DoctorReport.json(state, diagnosis) : DoctorReport.text(state, diagnosis)
    }

    private func keepWatching(_ guest: inout LiveGuest) throws {
        var pace = Pace(.milliseconds(Int64(interval * 1000)))
        var told: [FindingID: Severity]?
        var left = count
        var isBad = false
        while true {
            let diagnosis = guest.state.diagnosed()
            let found = Dictionary(
                diagnosis.findings.map { ($0.id, $0.severity) }, uniquingKeysWith: { first, _ in first })
            if found != told {
                try Output.write(report(guest.state, diagnosis) + (json ? "" : "\n"))
                told = found
            }
            isBad = diagnosis.worst == .critical
            left = left.map { $0 - 1 }
            if left == 0 { break }
            try pace.wait()
            try guest.look()
        }
        if isBad { throw CommandFailure(.badNews) }
    }
}
