public import VMBusWire

/// What a line of the guest's kernel log tells of the bus, whatever its spelling (reference §7.8, linux-guest-data §1).
public struct KernelLogFact: NamedScalar {
    /// The number in recordings.
    public let rawValue: UInt16

    /// Any fact.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// A line about the bus whose meaning is not known more exactly.
    public static let other = KernelLogFact(rawValue: 0)
    /// The version was agreed: `first` major, `second` minor.
    public static let versionAgreed = KernelLogFact(rawValue: 1)
    /// The host's or hypervisor's build; it stands in the text.
    public static let hypervisorBuild = KernelLogFact(rawValue: 2)
    /// Privileges and hints of the hypervisor.
    public static let hypervisorFeatures = KernelLogFact(rawValue: 3)
    /// No version was agreed on.
    public static let connectionFailed = KernelLogFact(rawValue: 4)
    /// A message could not be posted: `first` the error.
    public static let postFailed = KernelLogFact(rawValue: 5)
    /// A driver was registered; its name stands in the text.
    public static let driverRegistered = KernelLogFact(rawValue: 6)
    /// A driver was unregistered.
    public static let driverUnregistered = KernelLogFact(rawValue: 7)
    /// A driver could not take a device: `first` the errno, negative.
    public static let probeFailed = KernelLogFact(rawValue: 8)
    /// A device of an unknown class was offered.
    public static let unknownClass = KernelLogFact(rawValue: 9)
    /// A device could not be added: `first` its relid.
    public static let addFailed = KernelLogFact(rawValue: 10)
    /// An offer was refused for isolation or confidentiality: `first` its relid.
    public static let offerRefused = KernelLogFact(rawValue: 11)
    /// The offers could not be asked for: `first` the error.
    public static let offersRequestFailed = KernelLogFact(rawValue: 12)
    /// A page list was refused: `first` the status.
    public static let pageListFailed = KernelLogFact(rawValue: 13)
    /// A channel could not be closed: `first` the error.
    public static let closeFailed = KernelLogFact(rawValue: 14)
    /// A ring's indices are out of range: `first` the relid.
    public static let ringCorrupt = KernelLogFact(rawValue: 15)
    /// A message that the kernel does not know or cannot take: `first` its type.
    public static let messageUnknown = KernelLogFact(rawValue: 16)
    /// The guest waits for the answer to its UNLOAD.
    public static let unloadWaiting = KernelLogFact(rawValue: 17)
    /// The answer to UNLOAD never came.
    public static let unloadUnanswered = KernelLogFact(rawValue: 18)
    /// Something went wrong around hibernation.
    public static let hibernationTrouble = KernelLogFact(rawValue: 19)
    /// An integration service agreed on a version: `first` major, `second` minor.
    public static let serviceVersion = KernelLogFact(rawValue: 20)
    /// The balloon's protocol version: `first` major, `second` minor.
    public static let balloonVersion = KernelLogFact(rawValue: 21)
    /// Memory could not be added.
    public static let hotAddFailed = KernelLogFact(rawValue: 22)
    /// A storage request failed: `first` the SCSI status, `second` the SRB status.
    public static let storageError = KernelLogFact(rawValue: 23)
    /// A write met a full ring (`error -11`).
    public static let ringFull = KernelLogFact(rawValue: 24)
    /// The network's packets went over to the virtual function (`first` 1) or back (`first` 0).
    public static let dataPathSwitched = KernelLogFact(rawValue: 25)
    /// A virtual function came (`first` 1) or went (`first` 0).
    public static let virtualFunctionChanged = KernelLogFact(rawValue: 26)
    /// A PCI device is being ejected or is gone.
    public static let deviceEjected = KernelLogFact(rawValue: 27)
    /// A task has been blocked for long: `first` the seconds.
    public static let taskBlocked = KernelLogFact(rawValue: 28)
    /// A service waits for its daemon, or lost it.
    public static let daemonTrouble = KernelLogFact(rawValue: 29)
    /// A device did not answer in time.
    public static let requestTimedOut = KernelLogFact(rawValue: 30)
    /// A network request ended with an error: `first` the status.
    public static let networkError = KernelLogFact(rawValue: 31)
    /// The guest runs isolated or its control plane is confidential.
    public static let isolation = KernelLogFact(rawValue: 32)
    /// The kernel says that it runs on Hyper-V.
    public static let hypervisorDetected = KernelLogFact(rawValue: 33)
    /// A driver could not open its channel: `first` the errno, negative.
    public static let channelOpenFailed = KernelLogFact(rawValue: 34)
    /// The host announced a virtual function for an interface (`first` 1) or took it back (`first` 0): `second` its slot.
    public static let virtualFunctionSlot = KernelLogFact(rawValue: 35)
    /// The link of a virtual function came up (`first` 1) or went down (`first` 0).
    public static let virtualFunctionLink = KernelLogFact(rawValue: 36)
    /// The version of a device's protocol was agreed: `first` major, `second` minor.
    public static let deviceVersion = KernelLogFact(rawValue: 37)
    /// The most memory that the host may give: `first` in MB.
    public static let memoryLimit = KernelLogFact(rawValue: 38)
    /// The guest could not give back all memory that the host asked for: `first` and `second` as the line says.
    public static let balloonLimited = KernelLogFact(rawValue: 39)
    /// Something failed that has no fact of its own: `first` the errno, negative, or 0 where the line does not say.
    public static let operationFailed = KernelLogFact(rawValue: 40)

    private static let names: [UInt16: String] = [
        0: "OTHER", 1: "VERSION_AGREED", 2: "HYPERVISOR_BUILD", 3: "HYPERVISOR_FEATURES", 4: "CONNECTION_FAILED",
        5: "POST_FAILED", 6: "DRIVER_REGISTERED", 7: "DRIVER_UNREGISTERED", 8: "PROBE_FAILED", 9: "UNKNOWN_CLASS",
        10: "ADD_FAILED", 11: "OFFER_REFUSED", 12: "OFFERS_REQUEST_FAILED", 13: "PAGE_LIST_FAILED",
        14: "CLOSE_FAILED", 15: "RING_CORRUPT", 16: "MESSAGE_UNKNOWN", 17: "UNLOAD_WAITING", 18: "UNLOAD_UNANSWERED",
        19: "HIBERNATION_TROUBLE", 20: "SERVICE_VERSION", 21: "BALLOON_VERSION", 22: "HOT_ADD_FAILED",
        23: "STORAGE_ERROR", 24: "RING_FULL", 25: "DATA_PATH_SWITCHED", 26: "VIRTUAL_FUNCTION_CHANGED",
        27: "DEVICE_EJECTED", 28: "TASK_BLOCKED", 29: "DAEMON_TROUBLE", 30: "REQUEST_TIMED_OUT", 31: "NETWORK_ERROR",
        32: "ISOLATION", 33: "HYPERVISOR_DETECTED", 34: "CHANNEL_OPEN_FAILED", 35: "VIRTUAL_FUNCTION_SLOT",
        36: "VIRTUAL_FUNCTION_LINK", 37: "DEVICE_VERSION", 38: "MEMORY_LIMIT", 39: "BALLOON_LIMITED",
        40: "OPERATION_FAILED",
    ]

    /// The name, spelled as the records' names are.
    public var meaning: String? { Self.names[rawValue] }
}

/// The bytes of a kernel log record: one line that tells something of the bus. The header's `code` is the fact as well, and its
/// device is the one that the line names, where it names one that is known.
public struct KernelLogRecord: WireStructure {
    public static let structureName: StaticString = "KERNEL_LOG"

    /// What it tells.
    public var fact = KernelLogFact.other
    /// How bad the kernel says it is: 0 emergency to 7 debugging; 255 where the line does not say.
    public var level: UInt8 = 255
    /// What the fact says of it.
    public var first: UInt64 = 0
    /// What the fact says of it.
    public var second: UInt64 = 0
    /// Nanoseconds since boot as the line says; all ones where it does not.
    public var bootTime = UInt64.max
    /// The line without time and level, made harmless for a terminal.
    public var text: [UInt8] = []

    public init() {}

    /// A line of the log; the text is cut at 1024 bytes.
    public init(
        _ fact: KernelLogFact, first: Int64 = 0, second: Int64 = 0, level: UInt8 = 255, bootTime: UInt64? = nil,
        text: String
    ) {
        self.fact = fact
        self.first = UInt64(bitPattern: first)
        self.second = UInt64(bitPattern: second)
        self.level = level
        self.bootTime = bootTime ?? .max
        self.text = Array(text.utf8.prefix(1024))
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("fact", &fact, "what the line tells")
        try visitor.field("level", &level, "how bad the kernel says it is; 255 for unknown")
        try visitor.reserved(1, "padding")
        try visitor.field("first", &first, "what the fact says of it")
        try visitor.field("second", &second, "what the fact says of it")
        try visitor.field("boot_time", &bootTime, "nanoseconds since boot")
        var length = UInt16(truncatingIfNeeded: text.count)
        try visitor.field("text_length", &length, "bytes of the text")
        try visitor.bytes("text", &text, count: Int(length), "the line")
    }

    /// The line.
    public var line: String { String(decoding: text, as: UTF8.self) }

    private static let standsFor = " more like this: "

    /// The record for so many lines of this fact and device that are only counted, of which this is the last.
    public func standing(for count: UInt64) -> KernelLogRecord {
        var record = self
        record.text = Array("\(count)\(Self.standsFor)\(line)".utf8.prefix(1024))
        return record
    }

    /// How many lines it stands for: 1, or as many as were only counted.
    public var lineCount: UInt64 {
        let number = text.prefix { (0x30...0x39).contains($0) }
        guard text.dropFirst(number.count).starts(with: Self.standsFor.utf8) else { return 1 }
        return UInt64(String(decoding: number, as: UTF8.self)) ?? 1
    }
}
