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
        abstract: "Serve the host's end of the bus to a virtual machine, or one device to a program.",
        discussion: """
            Listens at a unix socket for a virtual machine monitor that shares its guest's memory and hands on its \
            hypercalls. One guest is served after another; one that reboots, crashes or sends garbage leaves a record and \
            the host running. The devices are those of the scenario's first guest, and so is what happens when: its events \
            count from the moment when the guest asks for offers. With several --listen the scenario's other guests are \
            served at the same time, each at its own socket.

            One switch joins the network devices of all guests. A responder in it, 10.0.0.254/24 unless the scenario says \
            otherwise, gives them addresses by DHCP and answers pings, TCP and UDP, the echo port 7 among them. With --tap \
            a TAP device of this machine is on the same switch.

            In a terminal the inspector shows the guest, its traffic and its rings. Otherwise, or with --json, every record \
            is one line, with --json of schema vmbusscope.flow/1. With --control lines on standard input do something to \
            the guest: 'rescind DEVICE', 'offer DEVICE', 'switch' for what the responder has met, 'quit'; a device is a kind \
            or an instance. 'DEVICE COMMAND' asks a device for something, such as 'network link down', 'shutdown power-off', \
            'timesync sync', 'kvp get guest KEY', 'vss freeze', 'fcopy FILE /tmp/copy', 'balloon up 65536', 'pci eject', \
            'keyboard type ls\\n' or 'mouse move 16384 16384'; whatever else is said lists what the device knows. \
            'video screenshot FILE' keeps what the guest shows on its display as a PNG file. 'NAME: …' does it to the guest of that name, who is the first one otherwise.

            With --fault FILE the faults of its cases are done to what passes between guest and host, as in the simulator: \
            [[case]] has a name and [[case.faults]], whose keys are those of a scenario's [[faults]]; 'vmbusscope print \
            fault-kinds' has an example and every kind. Each connection of the guest gets the next case: boot it again, or \
            unload and load hv_vmbus in it. With --ktap each case is one line: 'ok', or 'not ok' and what the kernel did, by \
            the guest's console in the file --console and by whether the guest is heard of again. The same --seed gives the \
            same faults. Exit code 5 says that the guest did not stand a case. With --control 'case NAME' begins a case at \
            once and 'case NAME contact' at the next contact, and 'end' or 'end REASON' ends it, the latter as failed.

            With --record FILE all records are kept in a recording as well, see 'vmbusscope record --help'; with --record - they \
            go to standard output in the place of lines. A guest's packets are kept only up to their headers, as what is behind \
            those belongs to whoever works in the guest; --payload keeps them whole. What ends the recording, as a full disk \
            does, ends neither the guest nor its host; the status is 1 then. With --records and --duration the guest is served \
            on as well.

            With --uio-dir D --sysfs S there is no machine: a program that drives the device in user space (DPDK does) finds \
            what /dev/uio0 and the kernel would give it. Sizes are bytes, or with K or M; a plain number below 4096 is one of KiB.
              D/uio0.map0   both rings of the size --ring, guest to host first: a control page of 4096 bytes, then the data
              D/uio0.map1   the interrupt page: a doorbell sets bit RELID of its upper half (from byte 2048)
              D/uio0.map2   the monitor page: with --monitor N a doorbell sets bit N of the trigger groups' pending words
              D/uio0.map3   the receive buffer        D/uio0.map4   the send buffer
              D/uio0.sock   SOCK_SEQPACKET, a connection for each open of the node: the count of interrupts comes as four bytes, \
            as read gives it; four bytes go, as write takes them: 1 clears the interrupt masks of the rings to the guest and \
            signals, 0 sets the masks
              S/uio/uio0/maps/mapN/{name,size,addr,offset}, S/{id,class_id,device_id,…}: as in sysfs; files that are there stay. \
            The names recv:N and send:N hold the page lists' handles; another handle in NVSP's messages means the same buffer
              S/channels/RELID/{subchannel_id,monitor_id,ring}: the primary, and sub-channels when they were asked for, with the \
            numbers behind --relid and --monitor (255 is no bit); ring comes last, when the channel is open
            The channel is open from the first connection to the end of the last; both rings' indices are 0 again when the host \
            has seen that end. Addresses of pages in packets are the \
            program's own virtual ones. 'ready' is printed when everything is there. Doorbells and rings are looked at without \
            a pause for 0.2 ms after something happened, then every 50 µs, and every millisecond after 20 ms. On SIGTERM one \
            JSON object tells what was counted; 'bad' are numbered frames that came broken and rules that the program broke.

            EXAMPLES
              vmbusscope host --uio-dir /tmp/uio --sysfs /tmp/sys --device network --echo
              vmbusscope host --listen /tmp/bus.sock
              vmbusscope host --listen /tmp/bus.sock network --max-version 4.1
              vmbusscope host --listen /tmp/bus.sock --profile windows-host
              vmbusscope host --listen /tmp/a.sock --listen /tmp/b.sock two-guests
              vmbusscope host --listen /tmp/bus.sock network --tap tap0
              vmbusscope host --listen /tmp/bus.sock --disk root.img --disk 64M --cd install.iso
              vmbusscope host --listen /tmp/bus.sock --record guest.pcapng
              vmbusscope host --listen /tmp/bus.sock --json | jq -c 'select(.kind == "message") | .name'
              echo 'rescind heartbeat' | vmbusscope host --listen /tmp/bus.sock --json --control
              vmbusscope host --listen /tmp/bus.sock --fault faults.toml --seed 7 --ktap --console /tmp/console
            """)

    @Option(
        help: ArgumentHelp(
            "The socket; it is made, and removed at the end. Once for each of the scenario's guests that is to be served.",
            valueName: "socket"))
    var listen: [String] = []

    @Option(
        help: ArgumentHelp(
            "Join the guests' network with this TAP device of the machine; it is made if there is none.",
            valueName: "name"))
    var tap: String?

    @Argument(
        help: "A scenario that is shipped (see 'vmbusscope print scenario') or a TOML file; boot by default.")
    var scenario = "boot"

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

    @Option(
        help: ArgumentHelp(
            "Try the cases of faults in this TOML file on the first guest, one per boot or reconnect.",
            valueName: "file"))
    var fault: String?

    @Option(help: ArgumentHelp("With --fault: the number that decides what is left to chance.", valueName: "n"))
    var seed: UInt64 = 1

    @Flag(help: "With --fault: one KTAP line per case in the place of records.")
    var ktap = false

    @Option(
        help: ArgumentHelp(
            "With --fault: the file in which the guest's console comes; a kernel's complaints there fail a case.",
            valueName: "file"))
    var console: String?

    @Option(
        help: ArgumentHelp(
            "Keep the records in a file that 'open' and Wireshark read; - for standard output.", valueName: "file"),
        completion: .file())
    var record: String?

    @OptionGroup(title: "The recording") var recording: RecordingOptions

    @OptionGroup(title: "A device for programs") var uio: UIOOptions

    @OptionGroup var screen: ScreenOptions

    func validate() throws {
        guard listen.isEmpty != (uio.uioDir == nil) else {
            throw ValidationError("choose --listen SOCKET for a virtual machine, or --uio-dir DIRECTORY for a program")
        }
        if record == nil, recording.isGiven {
            throw ValidationError("--snaplen, --payload, --duration, --records and --files: add --record FILE")
        }
        if let record {
            if uio.uioDir != nil { throw ValidationError("--record: it goes with --listen") }
            if record == "-", json || ktap { throw ValidationError("--record -: it goes without --json and --ktap") }
            try recording.check(record, option: "--record")
        }
        if fault == nil, ktap || console != nil {
            throw ValidationError("\(ktap ? "--ktap" : "--console") says something of --fault FILE, which is missing")
        }
    }

    func run() throws {
        if let directory = uio.uioDir { return try uio.serve(directory) }
        let scenario = try ScenarioFile.read(scenario).scenario
        guard listen.count <= scenario.guests.count else {
            throw CommandFailure(
                .usage, "the scenario '\(self.scenario)' has \(scenario.guests.count) guests, not \(listen.count)")
        }
        var entrances: [HostService.Entrance] = []
        for (path, guest) in zip(listen, scenario.guests) {
            var guest = guest
            if let profile {
                guest.host.profile = profile
                guest.host.maximumVersion = profile.maximumVersion
            }
            if let maxVersion { guest.host.maximumVersion = maxVersion }
            if entrances.isEmpty, let wrong = guest.addDisks(disk, discs: cd) {
                throw CommandFailure(.usage, "'\(wrong)' is no disk: give PATH, PATH,64M, 64M or PATH,read-only")
            }
            do throws(SystemError) {
                let disks = try DiskShelf(opening: &guest)
                entrances.append(HostService.Entrance(path: path, guest: guest, disks: disks))
            } catch {
                throw CommandFailure(.failure, error.description)
            }
        }
        var service = HostService(
            scenario: scenario, entrances: entrances, mode: raw ? .ownPages : .monitorPages, tap: tap)
        service.recording = record.map { ($0, recording) }
        if let fault {
            service.trial = try FaultTrial(
                fault, guests: entrances.prefix(1).map(\.guest), seed: seed, asKTAP: ktap, console: console)
        }
        if json || control || fault != nil || record == "-" || !Screen.hasTerminal {
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
