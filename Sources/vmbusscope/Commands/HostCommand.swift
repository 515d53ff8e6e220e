public import ArgumentParser
import Glibc
import Platform
public import VMBusEngine
import VMBusPartitions
public import VMBusWire
import VMMBridge

/// `host`: the host's end of the bus for a virtual machine.
struct HostCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host",
        abstract: "Serve the host's end of the bus to a virtual machine.",
        discussion: """
            Listens at a unix socket for a virtual machine monitor that shares its guest's memory and hands on its \
            hypercalls. One guest is served after another; one that reboots, crashes or sends garbage leaves a record and \
            the host running. The devices are those of the scenario's first guest, and so is what happens when: its events \
            count from the moment when the guest asks for offers.

            In a terminal the inspector shows the guest, its traffic and its rings. Otherwise, or with --json, every record \
            is one line, with --json of schema vmbusscope.flow/1. With --control lines on standard input do something to \
            the guest: 'rescind DEVICE', 'offer DEVICE', 'quit'; a device is a kind or an instance.

            EXAMPLES
              vmbusscope host --listen /tmp/bus.sock
              vmbusscope host --listen /tmp/bus.sock heartbeat-and-network --max-version 4.1
              vmbusscope host --listen /tmp/bus.sock --profile windows-host
              vmbusscope host --listen /tmp/bus.sock --disk root.img --disk 64M --cd install.iso
              vmbusscope host --listen /tmp/bus.sock --json | jq -c 'select(.kind == "message") | .name'
              echo 'rescind heartbeat' | vmbusscope host --listen /tmp/bus.sock --json --control
            """)

    @Option(help: ArgumentHelp("The socket; it is made, and removed at the end.", valueName: "socket"))
    var listen: String

    @Argument(
        help: "A scenario that is shipped (see 'vmbusscope print scenario') or a TOML file; heartbeat by default.")
    var scenario = "heartbeat"

    @Option(help: ArgumentHelp("The newest protocol version to accept, such as 4.1.", valueName: "version"))
    var maxVersion: ProtocolVersion?

    @Option(
        help: ArgumentHelp(
            "Behave like this host: \(HostProfile.all.map(\.name).joined(separator: ", ")); as the scenario says by default.",
            valueName: "name"))
    var profile: HostProfile?

    @Flag(help: "Write the guest's message and event pages here instead of asking the monitor to.")
    var raw = false

    @Flag(help: "One JSON object per record.")
    var json = false

    @Flag(help: "Take commands from standard input, one per line.")
    var control = false

    @Option(
        help: ArgumentHelp(
            "Give the guest a disk: a file, a file to be made and its size, or a size in memory.",
            valueName: "PATH|SIZE[,SIZE][,read-only]"))
    var disk: [String] = []

    @Option(help: ArgumentHelp("Give the guest a drive with this disc image.", valueName: "path"))
    var cd: [String] = []

    @OptionGroup var screen: ScreenOptions

    func run() throws {
        let scenario = try ScenarioFile.read(scenario)
        guard var guest = scenario.guests.first else {
            throw CommandFailure(.failure, "the scenario '\(self.scenario)' has no guest")
        }
        if let profile {
            guest.host.profile = profile
            guest.host.maximumVersion = profile.maximumVersion
        }
        if let maxVersion { guest.host.maximumVersion = maxVersion }
        if let wrong = guest.addDisks(disk, discs: cd) {
            throw CommandFailure(.usage, "'\(wrong)' is no disk: give PATH, PATH,64M, 64M or PATH,read-only")
        }
        let disks: DiskShelf
        do throws(SystemError) {
            disks = try DiskShelf(opening: &guest)
        } catch {
            throw CommandFailure(.failure, error.description)
        }
        let service = HostService(
            scenario: scenario, guest: guest, mode: raw ? .ownPages : .monitorPages, path: listen, disks: disks)
        if json || control || !Screen.hasTerminal {
            try service.print(isJSON: json, takesCommands: control)
        } else {
            try service.show(screen.inspectorOptions)
        }
    }
}

extension HostProfile: ExpressibleByArgument {
    public init?(argument: String) {
        guard let profile = Self.named(argument) else { return nil }
        self = profile
    }

    public static var allValueStrings: [String] { all.map(\.name) }
}

extension ProtocolVersion: ExpressibleByArgument {
    public init?(argument: String) {
        guard let version = Self(argument), Self.all.contains(version) else { return nil }
        self = version
    }

    public static var allValueStrings: [String] { all.map(\.description) }
}
