import ArgumentParser
import Platform
import VMBusDevices
import VMMBridge

/// The options of `host` that serve a device to programs as `/dev/uioN` does.
struct UIOOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Instead of --listen: serve one device to programs as a kernel with uio_hv_generic does, by files in this \
            directory: uio0.map0 to uio0.map4 and uio0.sock.
            """, valueName: "directory"))
    var uioDir: String?

    @Option(
        help: ArgumentHelp(
            "With --uio-dir: where the kernel's files of the device are, channels/RELID among them.",
            valueName: "directory"))
    var sysfs: String?

    @Option(help: ArgumentHelp("With --uio-dir: the device; network is the only one.", valueName: "kind"))
    var device: UIODeviceKind?

    @Option(
        help: ArgumentHelp("Size of one ring with its control page, at least 8K; 2M by default.", valueName: "size"))
    var ring: ByteSize?

    @Option(help: ArgumentHelp("Size of the receive buffer; 16M by default.", valueName: "size"))
    var recv: ByteSize?

    @Option(help: ArgumentHelp("Size of the send buffer; 15M by default.", valueName: "size"))
    var send: ByteSize?

    @Option(help: ArgumentHelp("The primary channel's number, 1 to 2047; 14 by default.", valueName: "n"))
    var relid: UInt32?

    @Option(
        help: ArgumentHelp("The primary channel's bit in the monitor page, 0 to 127; none by default.", valueName: "n"))
    var monitor: UInt8?

    @Flag(help: "Each frame comes back with its two addresses exchanged.")
    var echo = false

    @Option(
        help: ArgumentHelp(
            "After the client's first frame, this many numbered frames to its address from 02:00:00:00:00:01.",
            valueName: "n"))
    var inject: Int?

    @Flag(help: "With --inject: at most 64 frames ahead of the client's own.")
    var paced = false

    @Flag(help: "Look at a ring only when the client has signalled.")
    var doorbellOnly = false

    @Flag(help: "When the client's ring is full, ask for its signal by the pending-send size instead of looking again.")
    var pendingSend = false

    @Option(help: ArgumentHelp("Channels that the client may have, 1 to 64; 1 by default.", valueName: "n"))
    var queues: Int?

    @Option(
        help: ArgumentHelp(
            "RNDIS messages that the client may put into one send section, 1 to 64; 8 by default.", valueName: "n"))
    var aggregate: Int?

    @Flag(help: "Do not complete RNDIS control messages; their answer has to do.")
    var noControlCompletion = false

    @Option(help: ArgumentHelp("The newest NVSP version to accept: 1, 2, 4, 5, 6 or 6.1.", valueName: "version"))
    var maxNvsp: NVSPVersion?

    func validate() throws {
        guard uioDir != nil else {
            let others: [(String, Bool)] = [
                ("--sysfs", sysfs != nil), ("--device", device != nil), ("--ring", ring != nil),
                ("--recv", recv != nil), ("--send", send != nil), ("--relid", relid != nil),
                ("--monitor", monitor != nil), ("--echo", echo), ("--inject", inject != nil), ("--paced", paced),
                ("--doorbell-only", doorbellOnly), ("--pending-send", pendingSend), ("--queues", queues != nil),
                ("--aggregate", aggregate != nil), ("--no-control-completion", noControlCompletion),
                ("--max-nvsp", maxNvsp != nil),
            ]
            if let (name, _) = others.first(where: { $0.1 }) { throw ValidationError("\(name) goes with --uio-dir") }
            return
        }
        guard sysfs != nil else { throw ValidationError("--uio-dir goes with --sysfs DIRECTORY") }
        if let ring, ring.bytes < 8192 || ring.bytes > 1 << 29 {
            throw ValidationError("--ring \(ring.bytes): choose 8K to 512M")
        }
        if let recv, recv.bytes > 31 << 20 { throw ValidationError("--recv \(recv.bytes): choose at most 31M") }
        if let send, send.bytes > 31 << 20 { throw ValidationError("--send \(send.bytes): choose at most 31M") }
        try Self.check("--queues", queues, 1...64)
        try Self.check("--aggregate", aggregate, 1...64)
        try Self.check("--inject", inject, 0...Int(UInt32.max))
        try Self.check("--monitor", monitor.map { Int($0) }, 0...127)
        try Self.check("--relid", relid.map { Int($0) }, 1...(2048 - (queues ?? 1)))
    }

    private static func check(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws {
        guard let value, !range.contains(value) else { return }
        throw ValidationError("\(name) \(value): choose \(range.lowerBound) to \(range.upperBound)")
    }

    private var configuration: UIOHostConfiguration {
        var result = UIOHostConfiguration()
        if let ring { result.ringBytes = ring.bytes }
        if let recv { result.receiveBytes = recv.bytes }
        if let send { result.sendBytes = send.bytes }
        if let relid { result.relid = relid }
        result.monitorID = monitor
        result.queues = queues ?? 1
        result.echoes = echo
        result.injectedFrames = inject ?? 0
        result.isPaced = paced
        result.waitsForDoorbells = doorbellOnly
        result.asksForSpace = pendingSend
        if let aggregate { result.network.maximumPacketsPerMessage = aggregate }
        result.network.completesControlMessages = !noControlCompletion
        if let maxNvsp { result.network.maximumVersion = maxNvsp.version }
        return result
    }

    /// The most violations that are told one by one.
    private static let most = 20

    /// Serves until a signal ends it; then one line of JSON.
    func serve(_ directory: String) throws {
        let signals = try SignalSource([.terminate, .interrupt, .hangUp])
        var server = try UIOServer(configuration, directory: directory, sysfs: sysfs ?? directory)
        try Output.write("ready\n")
        var told = 0
        try server.serve(until: signals.fileDescriptor) { violation in
            told += 1
            if told <= Self.most { Output.complain("\(violation)") }
            if told == Self.most { Output.complain("further violations are only counted") }
        }
        // Kept until here, so that a signal is something to read all the while.
        _ = try signals.next()
        try Output.write(server.counts.json)
    }
}

/// What `--device` takes.
enum UIODeviceKind: String, ExpressibleByArgument, CaseIterable {
    case network
}

/// A number of bytes in whole pages: plain, or with K or M behind it.
struct ByteSize: ExpressibleByArgument {
    let bytes: Int

    init?(argument: String) {
        let units = ["K": 1 << 10, "M": 1 << 20, "KiB": 1 << 10, "MiB": 1 << 20]
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        let suffix = String(argument.dropFirst(digits.count))
        guard let number = Int(digits), number > 0, number <= 1 << 40, suffix.isEmpty || units[suffix] != nil else {
            return nil
        }
        // Nothing here is smaller than a page, so that a small number is one of KiB.
        let unit = units[suffix] ?? (number < 4096 ? 1 << 10 : 1)
        bytes = (number * unit + 4095) / 4096 * 4096
    }
}

/// A version of NVSP as people write it.
struct NVSPVersion: ExpressibleByArgument {
    let version: NVSP.Version

    init?(argument: String) {
        let known = NVSP.Version.newestFirst.first {
            $0.meaning == "NVSP \(argument)" || "0x" + String($0.rawValue, radix: 16) == argument
        }
        guard let known else { return nil }
        version = known
    }

    static var allValueStrings: [String] { ["1", "2", "4", "5", "6", "6.1"] }
}
