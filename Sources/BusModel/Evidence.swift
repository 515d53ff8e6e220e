/// What else is known of a partition or device besides the bus itself: the hypervisor's build, processors that are offline, a
/// network interface's counters, errors of a disk.
///
/// Every value is optional and has its age. Attributes from `Attribute.evidenceRange` land here by themselves, so that one more
/// kind of evidence costs a name and a reader, and no change of the fold.
public struct Evidence: Sendable, Hashable {
    /// One value that was looked at.
    public struct Item: Sendable, Hashable {
        /// Which value.
        public let attribute: Attribute
        /// What looking gave: a number or text, or why there is none.
        public fileprivate(set) var reading: AttributeReading
        /// When it was looked at, in the log's nanoseconds.
        public fileprivate(set) var time: UInt64
    }

    /// The values, by the number of their attribute.
    public private(set) var items: [Item] = []

    /// Nothing is known.
    public init() {}

    /// Takes a value in, in place of the one before.
    mutating func take(_ reading: AttributeReading, at time: UInt64) {
        let place = items.firstIndex { $0.attribute.rawValue >= reading.attribute.rawValue } ?? items.endIndex
        if place < items.endIndex, items[place].attribute == reading.attribute {
            items[place].reading = reading
            items[place].time = time
        } else {
            items.insert(Item(attribute: reading.attribute, reading: reading, time: time), at: place)
        }
    }

    /// One value as it was looked at; nil if nobody has.
    public subscript(attribute: Attribute) -> Item? { items.first { $0.attribute == attribute } }

    /// A number; nil where it is not known.
    public func number(_ attribute: Attribute) -> UInt64? {
        guard let reading = self[attribute]?.reading, reading.form == .number else { return nil }
        return reading.number
    }

    /// A text; nil where it is not known.
    public func text(_ attribute: Attribute) -> String? {
        guard let reading = self[attribute]?.reading, reading.form == .text else { return nil }
        return reading.string
    }

    /// Names and numbers that travel as one text, `name=number name=number`; what has another form is left out.
    public func counters(_ attribute: Attribute) -> [NamedCount] {
        (text(attribute) ?? "").split(separator: " ").compactMap { NamedCount(parsing: $0) }
    }
}

/// A name with a count, such as one line of `ethtool -S`.
public struct NamedCount: Sendable, Hashable {
    /// The name, without blanks.
    public var name: String
    /// The count.
    public var count: UInt64

    /// A name and its count.
    public init(_ name: String, _ count: UInt64) {
        self.name = name
        self.count = count
    }

    /// `name=number`; nil for another form.
    public init?(parsing text: some StringProtocol) {
        guard let split = text.lastIndex(of: "="), let count = UInt64(text[text.index(after: split)...]) else {
            return nil
        }
        self.init(String(text[..<split]), count)
    }

    /// The form in which it travels.
    public static func text(_ counts: [NamedCount]) -> String {
        counts.map { "\($0.name.map { $0 == " " ? "_" : String($0) }.joined())=\($0.count)" }.joined(separator: " ")
    }
}

extension Attribute {
    /// The attributes that are evidence: what is known of a partition or device besides the bus.
    public static let evidenceRange: ClosedRange<UInt16> = 100...199
    /// Whether it is evidence.
    public var isEvidence: Bool { Self.evidenceRange.contains(rawValue) }

    /// Text: the hypervisor's (older kernels: the host's) build, such as `10.0.26100.7462-7-0`.
    public static let hypervisorBuild = Attribute(rawValue: 100)
    /// Number: the partition's privileges, low word in the lower half (CPUID 0x40000003).
    public static let hypervisorPrivileges = Attribute(rawValue: 101)
    /// Number: what the hypervisor advises (CPUID 0x40000004).
    public static let hypervisorHints = Attribute(rawValue: 102)
    /// Number: further features (CPUID 0x40000003, EDX).
    public static let hypervisorFeatures = Attribute(rawValue: 103)
    /// Number: 0 not isolated, 1 VBS, 2 SNP, 3 TDX (CPUID 0x4000000C).
    public static let isolationType = Attribute(rawValue: 104)
    /// Number: 1 when the hypervisor itself runs below another one (CPUID 0x40000004, bit 12).
    public static let nestedHypervisor = Attribute(rawValue: 105)
    /// Number: 1 when a paravisor stands between the guest and the host.
    public static let paravisor = Attribute(rawValue: 106)
    /// Text: DMI product UUID.
    public static let productUUID = Attribute(rawValue: 107)
    /// Text: DMI chassis asset tag, which tells Azure.
    public static let chassisTag = Attribute(rawValue: 108)
    /// Text: DMI system vendor and product.
    public static let systemProduct = Attribute(rawValue: 109)
    /// Text: processors that are online, as the kernel lists them: `0-3,6`.
    public static let onlineProcessors = Attribute(rawValue: 110)
    /// Text: processors that could be online.
    public static let possibleProcessors = Attribute(rawValue: 111)
    /// Text: processors that are isolated from the scheduler.
    public static let isolatedProcessors = Attribute(rawValue: 112)
    /// Text: NUMA nodes with their processors: `0:0-3 1:4-7`.
    public static let processorNodes = Attribute(rawValue: 113)
    /// Text: VMBus interrupts by processor since boot, 32 bit, as `cpu0=12 cpu1=3`.
    public static let processorInterrupts = Attribute(rawValue: 114)
    /// Text: the daemons of the integration services that run, separated by blanks.
    public static let daemons = Attribute(rawValue: 115)
    /// Text: tracing instances that a dead program of ours left behind, separated by blanks.
    public static let tracingLeftovers = Attribute(rawValue: 116)
    /// Text: devices whose debugging delays (debugfs) are switched on, separated by blanks.
    public static let debugDelays = Attribute(rawValue: 117)
    /// Number: nanoseconds since boot at which the values were read.
    public static let uptime = Attribute(rawValue: 118)
    /// Text: the highest version that the driver was told to ask for.
    public static let maximumVersion = Attribute(rawValue: 119)
    /// Number: 1 when the bus can hibernate.
    public static let hibernation = Attribute(rawValue: 120)
    /// Text: the version that the kernel log says was negotiated, such as `5.3`.
    public static let loggedVersion = Attribute(rawValue: 121)
    /// Text: lockdown mode in force, such as `none`, `integrity`, `confidentiality`.
    public static let lockdown = Attribute(rawValue: 122)
    /// Text: what keeps tracing from being had, with what would give it; empty when it can be had.
    public static let tracingObstacle = Attribute(rawValue: 123)
    /// Number: balloon pages that the guest gave back to the host, in 4 KiB pages.
    public static let balloonedPages = Attribute(rawValue: 124)
    /// Number: pages that the host added, in 4 KiB pages.
    public static let balloonAddedPages = Attribute(rawValue: 125)
    /// Text: state of the balloon driver, as it spells it.
    public static let balloonState = Attribute(rawValue: 126)

    /// Text: the virtual function that carries the interface's traffic; empty for none.
    public static let virtualFunction = Attribute(rawValue: 130)
    /// Text: `operstate` of the interface.
    public static let linkState = Attribute(rawValue: 131)
    /// Number: 1 with carrier.
    public static let linkCarrier = Attribute(rawValue: 132)
    /// Number: 1 while the virtual function is up and packets take it.
    public static let virtualFunctionActive = Attribute(rawValue: 133)
    /// Text: the interface's counters as `name=number`, those of single queues and processors left out.
    public static let interfaceCounters = Attribute(rawValue: 134)
    /// Text: the interface's counters of single queues, `tx_queue_0_packets=12`.
    public static let queueCounters = Attribute(rawValue: 135)
    /// Number: how often the carrier went or came since the interface exists.
    public static let carrierChanges = Attribute(rawValue: 136)
    /// Text: the UIO node of the device, such as `uio0`; empty for none.
    public static let uioNode = Attribute(rawValue: 137)

    /// Number: requests that all disks of the controller have in flight.
    public static let diskInFlight = Attribute(rawValue: 140)
    /// Number: requests that they have completed.
    public static let diskCompleted = Attribute(rawValue: 141)
    /// Number: requests that ended with an error.
    public static let diskErrors = Attribute(rawValue: 142)
    /// Number: requests that timed out.
    public static let diskTimeouts = Attribute(rawValue: 143)
    /// Number: requests handed to the disks.
    public static let diskRequested = Attribute(rawValue: 144)
    /// Text: what depends on the device, in words, such as `root file system`; empty for nothing.
    public static let carries = Attribute(rawValue: 145)

    /// Number: 1 while the guest's tracepoints are switched on by this program, 0 after that.
    public static let tracing = Attribute(rawValue: 160)
    /// Text: lines of the kernel's log that were counted and not told, as too many told the same: `STORAGE_ERROR=118`.
    public static let withheldLogLines = Attribute(rawValue: 165)
    /// Text: why nothing is heard of a guest that is looked at through another machine; empty while it is heard.
    public static let remoteTrouble = Attribute(rawValue: 190)

    /// Text: what the guest calls itself, as it told its host.
    public static let guestName = Attribute(rawValue: 150)
    /// Text: the name of the guest's operating system, as it told its host.
    public static let operatingSystem = Attribute(rawValue: 151)
    /// Text: the version of it.
    public static let systemVersion = Attribute(rawValue: 152)
    /// Text: the guest's IPv4 addresses, as it told its host, separated by semicolons.
    public static let addressesV4 = Attribute(rawValue: 153)
    /// Text: the guest's IPv6 addresses, as it told its host, separated by semicolons.
    public static let addressesV6 = Attribute(rawValue: 154)

    static let evidenceNames: [UInt16: String] = [
        100: "hypervisor_build", 101: "hypervisor_privileges", 102: "hypervisor_hints", 103: "hypervisor_features",
        104: "isolation_type", 105: "nested_hypervisor", 106: "paravisor", 107: "product_uuid", 108: "chassis_tag",
        109: "system_product", 110: "online_processors", 111: "possible_processors", 112: "isolated_processors",
        113: "processor_nodes", 114: "processor_interrupts", 115: "daemons", 116: "tracing_leftovers",
        117: "debug_delays", 118: "uptime_ns", 119: "maximum_version", 120: "hibernation", 121: "logged_version",
        122: "lockdown", 123: "tracing_obstacle", 124: "ballooned_pages", 125: "balloon_added_pages",
        126: "balloon_state", 130: "virtual_function", 131: "link_state", 132: "link_carrier",
        133: "virtual_function_active", 134: "interface_counters", 135: "queue_counters", 136: "carrier_changes",
        137: "uio_node", 140: "disk_in_flight", 141: "disk_completed", 142: "disk_errors", 143: "disk_timeouts",
        144: "disk_requested", 145: "carries", 150: "guest_name", 151: "operating_system",
        152: "system_version", 153: "addresses_v4", 154: "addresses_v6", 160: "tracing", 165: "withheld_log_lines",
        190: "remote_trouble",
    ]
}
