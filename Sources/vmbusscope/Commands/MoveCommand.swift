import ArgumentParser
import BusModel
import Glibc
import Inspector
import LinuxGuest
import Platform
import VMBusWire

/// `move`: the interrupts of one channel go to another processor.
struct MoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move",
        abstract: "Let another CPU take the interrupts of a channel; this is one write into sysfs.",
        discussion: """
            Says first which CPU has which channels, with interrupts per second, now and then; how even that is; what the \
            kernel would refuse it for; and the one write that it makes. Then it makes it, as root, reads it back and prints \
            the command that moves the channel back. With --for the channel goes back by itself when the time is over or a \
            signal comes; a child does it should the program be killed.

            CHANNEL is a relid; or a device and a relid, such as 309d6b79/21; or a name as 'watch' prints it: eth0 for the \
            primary channel, eth0:1 or eth0/1 for the first sub-channel.

            The kernel asks the host to move the interrupt, which needs protocol 4.1. A later restart of the driver, or a \
            reboot, places the channels anew.

            EXAMPLES
              vmbusscope move eth0:1 3 --dry-run   what it would do, and nothing else
              vmbusscope move eth0:1 3
              vmbusscope move 21 3 --for 60        for a minute
            """)

    @Argument(help: ArgumentHelp("The channel: a relid, DEVICE/RELID, or a name such as eth0:1.", valueName: "channel"))
    var channel: String

    @Argument(help: ArgumentHelp("The CPU.", valueName: "cpu"))
    var cpu: Int

    @Flag(help: "Say what would be done, and end.")
    var dryRun = false

    @Option(name: .customLong("for"), help: ArgumentHelp("Move it back after so many seconds.", valueName: "s"))
    var time: Double?

    @OptionGroup var source: SourceOptions
    @OptionGroup var sampling: SamplingOptions

    func validate() throws {
        if !(0..<8192).contains(cpu) { throw ValidationError("CPU \(cpu): choose 0 to 8191") }
        if let time, !(0.1...86_400).contains(time) {
            throw ValidationError("--for \(time): choose 0.1 to 86400 seconds")
        }
    }

    func run() throws {
        let files = try source.files()
        // Before the first thread, which the looks may start.
        let signals = try SignalSource(time == nil ? [] : [.terminate, .interrupt, .hangUp])
        var watchdog: Watchdog?
        if time != nil, !dryRun { watchdog = try Watchdog.start(speaks: true) { Self.moveBack($0, files) } }
        let result = Result { try plan() }
        guard case .success(let plan) = result, !dryRun else {
            watchdog.take()?.dismiss()
            _ = try result.get()
            return
        }
        try? watchdog?.entrust(plan.undoing.encoded)
        do throws(SystemError) {
            try GuestWrite.line(String(cpu), path: plan.path).perform(in: files)
        } catch {
            watchdog.take()?.dismiss()
            throw CommandFailure(
                error.code == EACCES || error.code == EPERM ? .permissionMissing : .failure, Self.meaning(error, cpu))
        }
        let now = try? AttributeText.unsigned(try files.read(plan.path, limit: 64))
        let isMoved = now == UInt32(cpu)
        try Output.write(
            isMoved ? "\(plan.label) is on CPU \(cpu)\n" : "\(plan.path) says \(now.map { "\($0)" } ?? "nothing")\n")
        guard let time else {
            guard isMoved else {
                throw CommandFailure(.failure, "the kernel took the write and did not move the channel")
            }
            return
        }
        var loop = PollLoop<Void>()
        loop.add(signals.fileDescriptor, token: ())
        _ = try? loop.wait(timeout: .milliseconds(Int64(time * 1000)))
        let outcome = plan.undoing.perform(in: files)
        watchdog.take()?.dismiss()
        try Output.write("\(outcome)\n")
        if let signal = try signals.next() { SignalSource.die(of: signal) }
        guard isMoved, outcome.isDone else { throw CommandFailure(.failure) }
    }

    /// What the child does when the program is gone.
    private static func moveBack(_ entrusted: [UInt8], _ files: SystemFiles) {
        guard let undoing = Undoing(encoded: entrusted) else { return }
        Output.complain("the program is gone; \(undoing.perform(in: files))")
    }

    // MARK: What it would do

    private struct Plan {
        let label: String
        let path: String
        let undoing: Undoing
    }

    /// Looks twice for the rates, says everything, and refuses what the kernel would.
    private func plan() throws(CommandFailure) -> Plan {
        var guest = try LiveGuest(source)
        try guest.look()
        _ = poll(nil, 0, Int32(clamping: Int(sampling.interval * 1000)))
        try guest.look()
        let state = guest.state
        let key = try find(state)
        let map = state.processorMap
        guard let proposal = state.moveProposal(key, to: cpu, on: map), let from = proposal.from else {
            throw CommandFailure(.failure, "move \(channel): the kernel does not tell its CPU")
        }
        let after = map.moving(key, to: cpu)
        var text = "\(proposal.label): CPU \(from) -> CPU \(cpu)\n"
        for number in Set([from, cpu]).sorted() {
            text += "  CPU \(number) now:  \(Self.channels(of: number, map, key.partition))\n"
            text += "  CPU \(number) then: \(Self.channels(of: number, after, key.partition))\n"
        }
        for (name, change) in [("all interrupts", proposal.whole), ("the device's", proposal.device)] {
            guard let before = change.before, let then = change.after else { continue }
            text += "  \(name): \(before.summary) -> \(then.summary)\n"
        }
        for note in proposal.notes { text += "  note: \(note)\n" }
        text += "write: \(GuestWrite.line(String(cpu), path: proposal.path))\n"
        text += "undo:  vmbusscope move \(channel) \(from)\n"
        try Output.write(text)
        guard proposal.obstacles.isEmpty else {
            throw CommandFailure(.failure, "move \(channel): refused: \(proposal.obstacles.joined(separator: "; "))")
        }
        return Plan(
            label: proposal.label, path: proposal.path,
            undoing: Undoing(
                [.line(String(from), path: proposal.path)], goal: .contents(path: proposal.path, text: String(from))))
    }

    private static func channels(of processor: Int, _ map: ProcessorMap, _ partition: UInt16) -> String {
        let own = map.channels.filter { $0.isOpen && $0.processor == processor && $0.key.partition == partition }
        guard !own.isEmpty else { return "no channel" }
        return own.sorted { $0.rate > $1.rate }.map { "\($0.label) \(Quantity.rate($0.rate))/s" }.joined(
            separator: ", ")
    }

    /// The channel that is meant.
    private func find(_ state: InspectorState) throws(CommandFailure) -> ChannelKey {
        guard let partition = state.snapshot.partition(1) else {
            throw CommandFailure(.noBus, "move \(channel): no guest is known")
        }
        var found: [ChannelKey] = []
        let parts = channel.split(separator: "/", maxSplits: 1).map(String.init)
        for device in partition.devices {
            let label = ChannelLabel.text(device, subchannel: 0, in: partition)
            for own in device.channels {
                let isMeant =
                    String(own.relid) == channel
                    || ChannelLabel.text(device, subchannel: own.subchannel, in: partition) == channel
                    || parts.count == 2
                        && (parts[0] == label && parts[1] == String(own.subchannel)
                            || parts[0].utf8.count >= 4 && device.instance.description.hasPrefix(parts[0].lowercased())
                                && parts[1] == String(own.relid))
                if isMeant {
                    found.append(
                        ChannelKey(partition: partition.number, device: device.instance, subchannel: own.subchannel))
                }
            }
        }
        guard let key = found.first else {
            throw CommandFailure(.failure, "move \(channel): no such channel; 'vmbusscope watch --count 1' lists them")
        }
        guard found.count == 1 else {
            throw CommandFailure(.failure, "move \(channel): \(found.count) channels have that name; name the relid")
        }
        return key
    }

    /// What the kernel's refusal means (reference §7.3).
    private static func meaning(_ error: SystemError, _ cpu: Int) -> String {
        let reason =
            switch error.code {
            case EACCES, EPERM: "only root may move channels"
            case EROFS: "sysfs is mounted read-only here, as in a container"
            case EIO: "the channel is not open, or protocol 4.1 was not negotiated"
            case EINVAL: "CPU \(cpu) is offline, isolated, or none of this machine"
            case EBUSY: "the processor or the channel is being changed by somebody else; try again"
            case ENOENT, ENODEV: "the channel is gone"
            default: error.description
            }
        return "not moved: \(reason) (\(error.symbol))"
    }
}
