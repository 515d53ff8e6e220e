import BusModel
import VMBusWire

/// One channel with everything that is known of it.
struct ChannelCase {
    let partition: PartitionSnapshot
    let device: DeviceSnapshot
    let channel: ChannelSnapshot
    let key: ChannelKey
    let watch: ChannelWatch?

    var kind: DeviceKind { device.deviceClass.kind }
    var subject: FindingSubject { .channel(key) }
    var isOpen: Bool { channel.phase.value == .open }
    var label: String { ChannelLabel.text(device, subchannel: key.subchannel, in: partition) }
    /// The driver; empty where it is not known.
    var driver: String { device.driver.value ?? "" }
    /// Whether a program in the guest reads the rings, not the kernel.
    var isForProgram: Bool { driver == "uio_hv_generic" }
    /// Whether a daemon or an application decides when bytes are read, so that waiting says nothing of the bus.
    var waitsForProgram: Bool { [.socket, .keyValueExchange, .backup, .fileCopy].contains(kind) || isForProgram }
}

/// One device with everything that is known of it.
struct DeviceCase {
    let partition: PartitionSnapshot
    let device: DeviceSnapshot
    let watch: DeviceWatch?

    var kind: DeviceKind { device.deviceClass.kind }
    var subject: FindingSubject { .device(partition.number, device.instance) }
    var label: String { ChannelLabel.text(device, subchannel: 0, in: partition) }
    var evidence: Evidence { device.evidence }
}

/// What the rules look at: all that is known at one moment.
struct DoctorContext {
    let snapshot: BusSnapshot
    let watch: WatchBook
    let ledger: ControlLedger
    let transactions: TransactionBook
    let log: LogBook
    let breaches: BreachBook
    let graph: WaitGraph
    let kind: SourceKind
    /// The moment, in the log's nanoseconds.
    let now: UInt64
    /// Records that the log itself says nothing of.
    let missingRecords: UInt64
    let channels: [ChannelCase]
    let devices: [DeviceCase]

    init(
        snapshot: BusSnapshot, watch: WatchBook, ledger: ControlLedger, transactions: TransactionBook, log: LogBook,
        breaches: BreachBook,
        kind: SourceKind, now: UInt64, missingRecords: UInt64
    ) {
        self.snapshot = snapshot
        self.watch = watch
        self.ledger = ledger
        self.transactions = transactions
        self.log = log
        self.breaches = breaches
        self.kind = kind
        self.now = now
        self.missingRecords = missingRecords
        graph = WaitGraph(ledger, at: now)
        var channels: [ChannelCase] = []
        var devices: [DeviceCase] = []
        for partition in snapshot.partitions {
            for device in partition.devices {
                devices.append(
                    DeviceCase(
                        partition: partition, device: device, watch: watch.device(partition.number, device.instance)))
                for channel in device.channels {
                    let key = ChannelKey(
                        partition: partition.number, device: device.instance, subchannel: channel.subchannel)
                    channels.append(
                        ChannelCase(
                            partition: partition, device: device, channel: channel, key: key, watch: watch.channel(key))
                    )
                }
            }
        }
        self.channels = channels
        self.devices = devices
    }

    // MARK: Time

    static let second: UInt64 = 1_000_000_000

    /// Since when all of some conditions have held, if that is at least so many seconds ago and each was looked at three times;
    /// nil otherwise, and where one of them is not known.
    func held(_ conditions: [Steady?], seconds: UInt64) -> UInt64? {
        var since: UInt64 = 0
        for condition in conditions {
            guard let condition, condition.hasThreeLooks(at: now) else { return nil }
            since = max(since, condition.since)
        }
        return held(since, seconds: seconds)
    }

    /// Since when something of a device that is told only when it changes is what it is, if that is at least so many seconds and
    /// three looks at the device ago.
    func held(since: UInt64, of device: DeviceWatch, seconds: UInt64) -> UInt64? {
        age(since) / 2 >= device.turn ?? 0 ? held(since, seconds: seconds) : nil
    }

    private func held(_ since: UInt64, seconds: UInt64) -> UInt64? {
        hasLasted(seconds, since: since) && watch.looks(since: since) >= 3 ? since : nil
    }

    func age(_ time: UInt64) -> UInt64 { now >= time ? now - time : 0 }

    /// Whether a moment is at least so many seconds ago.
    func hasLasted(_ seconds: UInt64, since time: UInt64) -> Bool { age(time) >= seconds * Self.second }

    /// Whether a moment is at most so many seconds ago.
    func isWithin(_ seconds: UInt64, _ time: UInt64) -> Bool { age(time) <= seconds * Self.second }

    /// Whether anything of a guest's bus has been seen to move while it was watched. Nothing moves in a copied tree, of which no
    /// rule about time may judge.
    func isAlive(_ partition: UInt16) -> Bool { watch.moved[partition] != nil }

    /// `12.3 s`, as findings say it.
    func text(since time: UInt64) -> String { Self.text(age(time)) }

    static func text(_ nanoseconds: UInt64) -> String {
        let tenths = nanoseconds / 100_000_000
        if tenths >= 10 { return "\(tenths / 10).\(tenths % 10) s" }
        return nanoseconds >= 1_000_000 ? "\(nanoseconds / 1_000_000) ms" : "\(nanoseconds / 1000) us"
    }

    /// `unchanged for 6.0 s`.
    func unchanged(_ value: Steady) -> String { "unchanged for \(text(since: value.since))" }

    // MARK: The log of the kernel

    /// Lines of a fact whose last is at most so many seconds old; all of them where a text is read, of which nobody can say how
    /// old it is.
    func lines(_ fact: KernelLogFact, within seconds: UInt64? = nil) -> [LogEntry] {
        log.entries(fact).filter { entry in kind == .file || seconds.map { isWithin($0, entry.last) } ?? true }
    }

    /// What a line is about: the device, where it names one that is there, else the partition.
    func subject(_ entry: LogEntry) -> (subject: FindingSubject, label: String) {
        let device = devices.first { $0.device.instance == entry.device && $0.partition.number == entry.partition }
        if let device { return (device.subject, device.label) }
        let partition = snapshot.partition(entry.partition)
        return (.partition(entry.partition), PlainText.clean(partition?.name ?? ""))
    }

    /// The numbers and times of a log entry as evidence.
    func evidence(_ entry: LogEntry) -> [String] {
        let lines = ["kernel log: \(entry.text)"]
        let count = "\(entry.count) line\(entry.count == 1 ? "" : "s")"
        // A text without times says nothing of ages.
        guard age(entry.first) > 0 else { return lines + [count] }
        let span = entry.first == entry.last ? "" : ", the first \(text(since: entry.first)) ago"
        return lines + ["\(count), the last \(text(since: entry.last)) ago\(span)"]
    }
}
