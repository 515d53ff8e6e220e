import ArgumentParser
import BusModel
import Glibc
import Inspector
import InspectorTUI
import LinuxGuest
import Platform
import VMBusDevices
import VMBusWire

/// `attach`: takes a spare device over and runs our own consumer on it.
struct AttachCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach",
        abstract:
            "Take a spare device over through uio_hv_generic and run our own guest's end of it; give it back at the end.",
        discussion: """
            DEVICE is an instance or at least its first four digits, a network interface such as eth1, or a node such as \
            /dev/uio0. What is served:
            \(AttachedConsumers.table.map { "  \($0.kind.word): \($0.what)" }.joined(separator: "\n"))

            Every write is printed before it is made, and all of them before the first one; --dry-run makes none. A device that \
            uio_hv_generic has already, as a person has prepared it, is used as it is and nothing is written. For any other one \
            the first eight digits of its instance are asked for, or given with --confirm; without a terminal and without that \
            it is not taken. The old driver, whichever it was, gets the device back at the end, on a signal, and when the \
            program is killed: then a child does it that waits for nothing else, and says what it did on standard error.

            Refused are: disks with a mounted file system or swap; interfaces that carry a default route or your ssh connection; \
            a balloon that holds memory; a device that another program has open; and heartbeat, shutdown and time \
            synchronisation without --accept-host-action, as a host may restart or switch off a machine whose service is silent.

            With --record every packet is kept, beside what 'record' keeps of this guest; with --screen the inspector shows it \
            all while another process of this program has the device: the inspector itself writes nothing.

            EXAMPLES
              vmbusscope attach eth1 --dry-run                       every write, and what would be refused
              vmbusscope attach eth1 --screen
              vmbusscope attach fd149e91 --accept-host-action --confirm fd149e91 --duration 60
              vmbusscope attach /dev/uio0 --into /srv/from-host      file copy, which a person has prepared
              vmbusscope attach eth1 --record - --confirm 309d6b79 | vmbusscope open - --json
              vmbusscope attach eth1 --confirm 309d6b79 --datagrams 1000 --own 10.0.0.9 --peer 10.0.0.254
            """)

    @Argument(help: ArgumentHelp("The device: an instance, an interface, or a node.", valueName: "device"))
    var device: String

    @Option(
        help: ArgumentHelp(
            "The first eight digits of the instance, to say that this device is meant.", valueName: "digits"))
    var confirm: String?

    @Flag(help: "Accept what the host does to a machine whose heartbeat, shutdown or time service is silent.")
    var acceptHostAction = false

    @Flag(help: "Say what would be done, and end.")
    var dryRun = false

    @Flag(help: "Show the guest and every packet on the screen; a process of its own has the device.")
    var screen = false

    @Option(help: ArgumentHelp("Keep every packet in a recording; - for standard output.", valueName: "file"))
    var record: String?

    @OptionGroup var recording: RecordingOptions
    @OptionGroup var consumer: AttachedConsumerOptions
    @OptionGroup var source: SourceOptions
    @OptionGroup var look: ScreenOptions

    func validate() throws {
        if screen, record != nil { throw ValidationError("--screen and --record: choose one of them") }
        if let record { try recording.check(record, option: "--record") }
    }

    func run() throws {
        let files = try source.files()
        let (device, plan) = try examine(files)
        if screen {
            guard Screen.hasTerminal else { throw CommandFailure(.failure, "--screen needs a terminal; see --record") }
        }
        try say(summary(device, plan))
        let refusals = refusals(of: device, files)
        if !refusals.isEmpty {
            throw CommandFailure(.failure, "attach \(self.device): refused: \(refusals.joined(separator: "; "))")
        }
        guard !dryRun else { return }
        if !plan.begin.isEmpty { try ask(device) }
        if screen {
            var options = look.inspectorOptions
            if look.view == nil { options.view = .flow }
            return try AttachedScreen(device, words).show(options)
        }
        let service = AttachService(
            device: device, plan: plan, files: files, source: source, options: consumer,
            record: record.map { ($0, recording) }, duration: recording.duration?.nanoseconds)
        try service.run()
    }

    private func examine(_ files: SystemFiles) throws(CommandFailure) -> (SpareDevice, AttachPlan) {
        do throws(SystemError) {
            _ = try files.names(in: "/sys/bus/vmbus/devices")
        } catch {
            if error.symbol == "ENOENT" { throw LiveGuest.noBus(source.busPath) }
        }
        do throws(ChangeRefusal) {
            let device = try SpareDevice.find(device, files)
            return (device, AttachPlan(device, hasDriver: AttachPlan.hasDriver(files)))
        } catch {
            let status: ExitStatus = error.isPermission ? .permissionMissing : .failure
            throw CommandFailure(status, "attach \(device): \(error)")
        }
    }

    private func refusals(of device: SpareDevice, _ files: SystemFiles) -> [String] {
        var reasons = AttachRefusals(
            device, files, connection: ProcessEnvironment.variables()["SSH_CONNECTION"],
            acceptsHostAction: acceptHostAction
        ).reasons
        if let entry = AttachedConsumers.entry(device.kind) {
            reasons += entry.obstacle(consumer).map { [$0] } ?? []
        } else {
            let words = AttachedConsumers.table.map(\.kind.word).joined(separator: ", ")
            reasons.append("it is \(device.kind.word), and only \(words) are served")
        }
        return reasons
    }

    private func summary(_ device: SpareDevice, _ plan: AttachPlan) -> String {
        let known = device.names.all.isEmpty ? "" : " (\(device.names.all.joined(separator: ", ")))"
        let words = AttachedConsumers.entry(device.kind)?.what ?? "nothing of it is served"
        var lines = ["\(device.name) is \(device.kind.word)\(known), driver \(device.driver ?? "none"): \(words)"]
        lines += plan.notes
        if !plan.begin.isEmpty { lines += ["to be written:"] + plan.begin.map { "  \($0)" } }
        if let end = plan.end { lines += ["at the end, whatever it is:"] + end.writes.map { "  \($0)" } }
        return lines.joined(separator: "\n")
    }

    /// Lets a person say which device is meant.
    private func ask(_ device: SpareDevice) throws(CommandFailure) {
        var answer = confirm
        if answer == nil, DescriptorAccess.isTerminal(STDIN_FILENO), record != "-" {
            try Output.write("Type the first eight digits of the instance to take it over: ")
            answer = readLine()?.lowercased()
        }
        guard let answer else {
            throw CommandFailure(
                .failure, "attach \(self.device): --confirm \(device.confirmation) says that this device is meant")
        }
        guard answer.lowercased() == device.confirmation else {
            throw CommandFailure(
                .failure, "attach \(self.device): '\(answer)' is not how \(device.instance) begins; nothing was done")
        }
    }

    /// The same for a process that has the device while this one has the screen.
    private var words: [String] {
        var words = ["--record", "-"] + consumer.words
        if acceptHostAction { words.append("--accept-host-action") }
        if recording.payload { words.append("--payload") }
        if let snaplen = recording.snaplen { words += ["--snaplen", "\(snaplen)"] }
        if let duration = recording.duration { words += ["--duration", "\(duration.nanoseconds / 1_000_000)ms"] }
        if let root = source.sysroot { words += ["--sysroot", root] }
        return words
    }

    private func say(_ text: String) throws(CommandFailure) {
        let lines = text.split(separator: "\n").map { PrintableText.harmless(String($0)) + "\n" }.joined()
        // Standard output is the recording's.
        guard record == "-" else { return try Output.write(lines) }
        try? DescriptorAccess.write(STDERR_FILENO, Array(lines.utf8))
    }
}

/// What the consumers can be told.
struct AttachedConsumerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("File copy: the directory below which files are put.", valueName: "directory"))
    var into: String?

    @Flag(help: "File copy: let the host replace files that are there.")
    var overwrite = false

    @Option(help: ArgumentHelp("File copy: the most bytes of a file, at most 256M; 64M by default.", valueName: "size"))
    var limit: ByteSize?

    @Option(
        help: ArgumentHelp(
            "Network: channels to ask for, 1 to 64; 1 by default, as Linux 6.12 can crash while more are made.",
            valueName: "n"))
    var channels = 1

    @Option(
        help: ArgumentHelp(
            "Network: send so many numbered datagrams to the peer's echo port, hold what comes back against them, and end.",
            valueName: "n"))
    var datagrams: Int?

    @Option(help: ArgumentHelp("With --datagrams: the address to send from.", valueName: "address"))
    var own: Address?

    @Option(help: ArgumentHelp("With --datagrams: the address whose echo port (7) is asked.", valueName: "address"))
    var peer: Address?

    var maximumSize: Int { limit?.bytes ?? 64 << 20 }

    func validate() throws {
        if maximumSize > FileCopyOrder.maximumSize {
            throw ValidationError("--limit \(maximumSize): choose at most 256M")
        }
        if !(1...64).contains(channels) { throw ValidationError("--channels \(channels): choose 1 to 64") }
        if let datagrams, !(1...100_000_000).contains(datagrams) {
            throw ValidationError("--datagrams \(datagrams): choose 1 to 100000000")
        }
        if (datagrams != nil) != (own != nil && peer != nil) {
            throw ValidationError("--datagrams goes with --own ADDRESS and --peer ADDRESS")
        }
    }

    /// As they stand in a command line.
    var words: [String] {
        var words = ["--channels", "\(channels)"]
        if let into { words += ["--into", into] }
        if overwrite { words.append("--overwrite") }
        if let limit { words += ["--limit", "\(limit.bytes)"] }
        if let datagrams, let own, let peer {
            words += ["--datagrams", "\(datagrams)", "--own", "\(own.address)", "--peer", "\(peer.address)"]
        }
        return words
    }

    /// Four numbers joined by dots.
    struct Address: ExpressibleByArgument {
        let address: InternetAddress

        init?(argument: String) {
            guard let address = InternetAddress(argument) else { return nil }
            self.address = address
        }
    }
}
