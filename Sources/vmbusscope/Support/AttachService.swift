import BusModel
import Glibc
import LinuxGuest
import Platform
import VMBusDevices
import VMBusWire

/// Takes a device, lets its consumer run, and gives the device back, also when the program is killed.
struct AttachService {
    let device: SpareDevice
    let plan: AttachPlan
    let files: SystemFiles
    let source: SourceOptions
    let options: AttachedConsumerOptions
    let record: (path: String, options: RecordingOptions)?
    /// Nanoseconds until it ends by itself; nil for not before it is told to.
    let duration: UInt64?

    /// How long the node may take to appear, in steps of 20 ms.
    private static let patience = 500

    func run() throws {
        // Before the first thread, which inherits that these signals are blocked.
        let signals = try SignalSource([.terminate, .interrupt, .hangUp])
        var watchdog: Watchdog?
        if let end = plan.end {
            let files = files
            watchdog = try Watchdog.start(speaks: true) { entrusted in
                guard let end = Undoing(encoded: entrusted) else { return }
                Output.complain("the program is gone; \(end.perform(in: files))")
            }
            try watchdog?.entrust(end.encoded)
        }
        let result = Result { try take(signals) }
        // The node is closed by now, and with it the channel.
        let outcome = plan.end?.perform(in: files)
        watchdog.take()?.dismiss()
        if let outcome { say("\(outcome)") }
        let ending: AttachedDevice.Ending
        do {
            ending = try result.get()
        } catch let error as SystemError {
            let isForbidden = error.code == EACCES || error.code == EPERM
            throw CommandFailure(
                isForbidden ? .permissionMissing : .failure,
                isForbidden ? "\(error); run it as root" : error.description)
        }
        if let outcome, !outcome.isDone { throw CommandFailure(.failure) }
        if let signal = try signals.next() { SignalSource.die(of: signal) }
        if case .failed(let reason) = ending { throw CommandFailure(.failure, reason) }
    }

    private func take(_ signals: borrowing SignalSource) throws -> AttachedDevice.Ending {
        try plan.perform(device, in: files) { say("\($0)") }
        guard let node = try find(signals) else {
            return .failed("\(device.name) has no node in /dev; is uio_hv_generic its driver?")
        }
        guard let entry = AttachedConsumers.entry(device.kind) else {
            return .failed("\(device.kind.word) is not served")
        }
        var attached = try AttachedDevice(
            device, node: node, files: files, source: source, options: options, record: record, signals: signals,
            end: duration.map { MonotonicClock.now() &+ $0 })
        let ending = try entry.run(&attached)
        try attached.finish()
        return ending
    }

    /// The node, which appears a moment after the driver has taken the device; nil when it does not, or a signal comes.
    private func find(_ signals: borrowing SignalSource) throws -> String? {
        var loop = PollLoop<Void>()
        loop.add(signals.fileDescriptor, token: ())
        for _ in 0..<Self.patience {
            if let node = SpareDevice.node(of: device.directory, files), (try? files.kind(of: node)) != nil {
                return node
            }
            if try !loop.wait(timeout: .milliseconds(20)).isEmpty { return nil }
        }
        return nil
    }

    private func say(_ text: String) { AttachedDevice.say(text, isError: record?.path == "-") }
}

/// A device that was taken over, for its consumer: the loop that waits, tells and records.
struct AttachedDevice {
    /// How a consumer ends.
    enum Ending {
        case done
        case failed(String)
    }

    let options: AttachedConsumerOptions
    let files: SystemFiles
    let instance: GUID
    private let place: UIOPlace
    private let signals: Int32
    private let end: UInt64?
    private let isRecording: Bool
    private let speaksOnErrors: Bool
    private var keeper: RecordingKeeper?
    private var guest: TracedSource<LinuxGuestSource>?
    private var nextSequence: UInt64 = 1
    private var nextLook: UInt64 = 0
    private var nextLine: UInt64 = 0
    private var lastLine: String?

    private static let second: UInt64 = 1_000_000_000

    init(
        _ device: SpareDevice, node: String, files: SystemFiles, source: SourceOptions,
        options: AttachedConsumerOptions, record: (path: String, options: RecordingOptions)?,
        signals: borrowing SignalSource, end: UInt64?
    ) throws {
        var root = source.sysroot ?? ""
        while root.hasSuffix("/") { root.removeLast() }
        place = .kernel(node: root + node, sysfs: root + device.directory)
        (self.options, self.files, instance, self.end) = (options, files, device.instance, end)
        self.signals = signals.fileDescriptor
        isRecording = record != nil
        speaksOnErrors = record?.path == "-"
        if let record {
            let guest = try source.source(tracing: TraceRequest())
            keeper = try RecordingKeeper(
                record.path, record.options, .live, title: guest.title, logTime: MonotonicClock.now())
            self.guest = guest
            // What packets are about comes before them.
            keep(FlowBatch())
        }
    }

    /// One line for people, on standard error where standard output is a recording.
    static func say(_ text: String, isError: Bool) {
        // Somebody who does not read any more must not keep the device from being given back.
        try? DescriptorAccess.write(
            isError ? STDERR_FILENO : STDOUT_FILENO, Array("\(PrintableText.harmless(text))\n".utf8))
    }

    func say(_ text: String) { Self.say(text, isError: speaksOnErrors) }

    /// Runs a consumer until the device, the time or somebody's patience ends.
    ///
    /// - Parameter state: how it stands, in a few words; told at most once a second, when it has changed.
    mutating func serve<Endpoint: DeviceEndpoint>(
        _ endpoint: Endpoint, state: (Endpoint) -> String?
    ) throws -> Ending {
        var driver = try UIODriver(endpoint, at: place, records: isRecording ? UIOPacketRecords(device: instance) : nil)
        while true {
            if let ending = try ending() { return ending }
            for event in try driver.run(patience: .milliseconds(100)) {
                if let ending = hear(event) { return ending }
            }
            keep(driver.takeRecords())
            tell(state(driver.endpoint))
        }
    }

    /// Opens the device for a consumer that has a loop of its own.
    func open<Endpoint: DeviceEndpoint>(_ endpoint: Endpoint) throws(SystemError) -> UIODriver<Endpoint> {
        try UIODriver(endpoint, at: place, records: isRecording ? UIOPacketRecords(device: instance) : nil)
    }

    /// What ends it from outside, if anything does.
    func ending() throws -> Ending? {
        var set = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
        if poll(&set, 1, 0) > 0 { return .done }
        if let end, MonotonicClock.now() >= end { return .done }
        if let keeper, keeper.isOver { return .done }
        return nil
    }

    /// Tells what a consumer came to.
    func hear<Endpoint>(_ event: UIODriver<Endpoint>.Event) -> Ending? {
        switch event {
        case .ready: say("it works from now on")
        case .note(let text): say(text)
        case .violation(let violation): say("\(violation)")
        case .failed(let reason): return .failed(reason)
        case .gone:
            say("the device is gone")
            return .done
        case .frame, .utility: break
        }
        return nil
    }

    /// Records packets, and what the guest looks like every second.
    mutating func keep(_ packets: FlowBatch) {
        guard let keeper else { return }
        var batch = packets
        let now = MonotonicClock.now()
        if now >= nextLook, var guest {
            // Packets are recorded also while the rest of the guest cannot be looked at.
            if let look = try? guest.advance(.steps(1)) { batch.append(look) }
            self.guest = guest
            nextLook = now &+ Self.second
        }
        guard !batch.isEmpty else { return }
        batch.number(from: &nextSequence)
        keeper.keep(batch)
    }

    /// Tells how it stands where that is new.
    mutating func tell(_ line: String?) {
        let now = MonotonicClock.now()
        guard let line, line != lastLine, now >= nextLine else { return }
        (lastLine, nextLine) = (line, now &+ Self.second)
        say(line)
    }

    /// Waits until everything is recorded.
    func finish() throws { try keeper?.finish() }
}
