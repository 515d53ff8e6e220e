import ArgumentParser
import BusModel
import Inspector
import LinuxGuest
import Platform

/// `trace`: every signal of a channel, through a tracing instance of its own.
struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Print every signal and interrupt of channels as they happen; this changes the guest's tracing.",
        discussion: """
            It makes a tracing instance named vmbusscope-PID-STARTTIME below tracefs, switches tracepoints on in it alone, \
            reads its buffers, and removes it at the end. A child removes it when the program is killed, and the next run \
            removes what is left of dead ones. The machine's own trace settings are not touched. Tracepoints that are on \
            cost some hundred nanoseconds each, and to switch them patches the kernel's text on all CPUs.

            Above the budget it stops by itself and says so (status 1). With --json every line is an object of schema \
            vmbusscope.trace/1. Control messages alone are cheaper to have with 'vmbusscope live --trace', which writes \
            nothing at all.

            EXAMPLES
              vmbusscope trace --dry-run                    the exact writes, and nothing else
              vmbusscope trace --relid 14 --duration 10     one channel for ten seconds
              vmbusscope trace --events control,network     groups: signals, control, network; or tracepoints by name
            """)

    @Option(help: ArgumentHelp("Tracepoints or groups of them, with commas between.", valueName: "list"))
    var events = "signals"

    @Option(help: ArgumentHelp("Only this channel; may be given more than once.", valueName: "n"))
    var relid: [UInt32] = []

    @Option(help: ArgumentHelp("Stop by itself above so many events per second.", valueName: "n"))
    var budget = 20_000

    @Option(help: ArgumentHelp("End after so many seconds.", valueName: "s"))
    var duration: Int?

    @Option(help: ArgumentHelp("KiB of buffer for each processor.", valueName: "kib"))
    var buffer = 1024

    @Flag(help: "One JSON object per line.")
    var json = false

    @Flag(help: "Print the exact writes and do nothing.")
    var dryRun = false

    func validate() throws {
        if budget < 1 { throw ValidationError("--budget \(budget): choose at least 1") }
        if let duration, !(1...86400).contains(duration) {
            throw ValidationError("--duration \(duration): choose from 1 to 86400 seconds")
        }
        if !(4...65536).contains(buffer) { throw ValidationError("--buffer \(buffer): choose from 4 to 65536 KiB") }
        if relid.count > 64 { throw ValidationError("--relid: at most 64 channels") }
        if tracepoints.isEmpty { throw ValidationError("--events \(events): name at least one") }
    }

    private static let groups = [
        "signals": TracePlan.signals, "control": TracePlan.control, "network": TracePlan.network,
    ]

    /// The tracepoints that were named, each once.
    private var tracepoints: [String] {
        var names: [String] = []
        for word in events.split(separator: ",").map(String.init) {
            for name in Self.groups[word] ?? [word] where !names.contains(name) { names.append(name) }
        }
        return names
    }

    func run() throws {
        let known = Self.groups.values.flatMap(\.self) + TracePlan.storage + TracePlan.disks
        if let unknown = tracepoints.first(where: { !known.contains($0) }) {
            throw CommandFailure(.usage, "no tracepoint or group '\(unknown)'; see 'vmbusscope trace --help'")
        }
        let files = SystemFiles()
        let tracing = TracingFiles(files: files)
        guard (try? files.kind(of: "/sys/bus/vmbus")) == .directory else {
            throw LiveGuest.noBus("/sys/bus/vmbus")
        }
        guard let stat = try? files.read("/proc/self/stat", limit: 4096), let name = TraceInstanceName(own: stat) else {
            throw CommandFailure(.failure, "/proc/self/stat does not tell the program's own start time")
        }
        var options = TraceOptions()
        (options.events, options.relids, options.bufferKilobytes) = (tracepoints, relid, buffer)
        let service: TraceService
        do throws(TracingObstacle) {
            service = TraceService(
                files: tracing, instance: try TraceInstance(tracing, name: name, options),
                leftovers: try TraceInstance.leftovers(tracing), budget: budget,
                duration: duration.map { .seconds($0) })
        } catch {
            throw CommandFailure(error.isPermission ? .permissionMissing : .failure, error.description)
        }
        if dryRun { return try Output.write(service.plan.joined(separator: "\n") + "\n") }
        Output.complain(
            "tracing \(tracepoints.joined(separator: ", ")) on all CPUs, at most \(budget) events/s, through "
                + "\(service.instance.directory.path), which goes with the program; --dry-run prints every write")
        try service.run(TraceLines(isJSON: json, labels: Self.labels()))
    }

    /// What people call the channels, as one look tells.
    private static func labels() -> [UInt32: String] {
        guard let options = try? SourceOptions.parse([]), var guest = try? LiveGuest(options),
            (try? guest.look()) != nil, let partition = guest.state.snapshot.partition(1)
        else { return [:] }
        var labels: [UInt32: String] = [:]
        for device in partition.devices {
            for channel in device.channels {
                labels[channel.relid] = ChannelLabel.text(device, subchannel: channel.subchannel, in: partition)
            }
        }
        return labels
    }
}
