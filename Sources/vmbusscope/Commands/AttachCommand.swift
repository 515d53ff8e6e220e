import ArgumentParser
import Glibc
import Inspector
import LinuxGuest
import Platform
import VMBusDevices
import VMBusWire

/// `attach`: runs our own consumer on a device that uio_hv_generic has.
struct AttachCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach",
        abstract: "Run the guest's end of a device that uio_hv_generic gives to programs: file copy.",
        discussion: """
            Opens the node, which opens the channel, and answers the host until the device goes away or a signal comes; then \
            the channel is closed again. The host's files are put below --into and nowhere else, each at once when it is \
            whole; what is there already stays, unless --overwrite is given and the host asks for it, too. Nothing else is \
            changed. Only file copy is served, and only where a person has given it to uio_hv_generic before, as root:
              modprobe uio_hv_generic
              echo 34d14be3-dee4-41c8-9ae7-6b174977c192 > /sys/bus/vmbus/drivers/uio_hv_generic/new_id

            EXAMPLES
              vmbusscope attach /dev/uio0 --into /srv/from-host
              vmbusscope attach /dev/uio0 --into /srv/from-host --dry-run   only say what would be done
            """)

    @Argument(help: ArgumentHelp("The node, such as /dev/uio0.", valueName: "node"))
    var node: String

    @Option(help: ArgumentHelp("The directory below which files are put.", valueName: "directory"))
    var into: String

    @Flag(help: "Let the host replace files that are there.")
    var overwrite = false

    @Option(help: ArgumentHelp("The most bytes of a file, at most 256M; 64M by default.", valueName: "size"))
    var limit: ByteSize?

    @Flag(help: "Say what would be done, and end.")
    var dryRun = false

    private var maximumSize: Int { limit?.bytes ?? 64 << 20 }

    func validate() throws {
        if maximumSize > FileCopyOrder.maximumSize {
            throw ValidationError("--limit \(maximumSize): choose at most 256M")
        }
    }

    func run() throws {
        let device = try find()
        var status = stat()
        guard stat(into, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw CommandFailure(.failure, "--into \(into) is no directory; make it first")
        }
        try say(
            "\(node) is file copy: opens its channel and puts what the host copies below \(into), at most \(maximumSize) "
                + "bytes a file; \(overwrite ? "the host may replace files" : "no file is replaced")")
        guard !dryRun else { return }
        let signals = try SignalSource([.terminate, .interrupt, .hangUp])
        do throws(SystemError) {
            try serve(.kernel(node: node, sysfs: device), signals)
        } catch {
            throw CommandFailure(error.code == EACCES ? .permissionMissing : .failure, error.description)
        }
        // The channel is closed by now; a signal is passed on.
        if let signal = try signals.next() { SignalSource.die(of: signal) }
    }

    /// The device's directory in sysfs.
    private func find() throws -> String {
        let name = node.hasPrefix("/dev/") ? String(node.dropFirst(5)) : ""
        guard name.hasPrefix("uio"), name.dropFirst(3).allSatisfy(\.isNumber), name.count > 3 else {
            throw CommandFailure(
                .failure,
                "attach \(node): not a node like /dev/uio0; give the device to uio_hv_generic first, see attach --help")
        }
        let device = "/sys/class/uio/\(name)/device"
        guard let bytes = try? SystemFiles().read("\(device)/class_id", limit: 64),
            let classID = try? AttributeText.identifier(bytes)
        else {
            throw CommandFailure(
                .failure,
                "attach \(node): no VMBus device has this node (no \(device)/class_id); see attach --help")
        }
        let kind = DeviceClass.of(classID).kind
        guard kind == .fileCopy else {
            throw CommandFailure(.failure, "attach \(node): it is \(kind.word), and only fcopy is served")
        }
        return device
    }

    private func serve(_ place: UIOPlace, _ signals: borrowing SignalSource) throws(SystemError) {
        let sink = FileCopySink(root: into, maximumSize: UInt64(maximumSize), replaces: overwrite)
        var driver = try UIODriver(FileCopyReceiver(into: sink), at: place)
        var waiting = PollLoop<Void>()
        waiting.add(signals.fileDescriptor, token: ())
        while try waiting.wait(timeout: .zero).isEmpty {
            for event in try driver.run(patience: .milliseconds(100)) {
                switch event {
                case .ready: try say("the host copies files from now on")
                case .note(let text): try say(text)
                case .violation(let violation): try say("\(violation)")
                case .failed(let reason): return try say(reason)
                case .gone: return try say("the device is gone")
                case .frame: break
                }
            }
        }
    }

    private func say(_ text: String) throws(SystemError) {
        try DescriptorAccess.write(STDOUT_FILENO, Array("\(PrintableText.harmless(text))\n".utf8))
    }
}
