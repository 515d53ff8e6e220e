import BusModel

/// The formats of text that are known by what is in them.
public enum TextFormat: String, CaseIterable, Sendable, Hashable {
    // In the order in which they are asked for a line: the strictest first.
    /// Tracepoints, as the kernel, trace-cmd or perf print them.
    case trace
    /// lsvmbus, plain, with `-v` or `-vv`.
    case lsvmbus
    /// `udevadm monitor`.
    case udevMonitor
    /// `udevadm info --attribute-walk`.
    case udevAttributes
    /// OpenVMM's log.
    case openVMMLog
    /// What a host wrote down of a session.
    case hostSession
    /// Names of devices and counters on Windows.
    case windowsNames
    /// `driverctl list-devices`.
    case driverctl
    /// /proc/interrupts.
    case interrupts
    /// A kernel log in any spelling.
    case kernelLog
    /// `ethtool -S` or DPDK's extended statistics.
    case interfaceCounters
    /// `udevadm info`, properties.
    case udevProperties
    /// A tree of OpenVMM's inspect.
    case openVMMInspect
    /// Paths below /sys.
    case pathList

    /// What people call it.
    public var title: String {
        switch self {
        case .trace: "trace"
        case .lsvmbus: "lsvmbus listing"
        case .udevMonitor: "udevadm monitor"
        case .udevAttributes: "udevadm attribute walk"
        case .openVMMLog: "OpenVMM log"
        case .hostSession: "host session log"
        case .windowsNames: "Windows device and counter names"
        case .driverctl: "driverctl listing"
        case .interrupts: "/proc/interrupts"
        case .kernelLog: "kernel log"
        case .interfaceCounters: "interface counters (ethtool -S, DPDK)"
        case .udevProperties: "udevadm properties"
        case .openVMMInspect: "OpenVMM inspect tree"
        case .pathList: "list of sysfs paths"
        }
    }

    /// The format of a text by its first lines; nil where fewer than one line in five is of any one known form.
    public static func recognise(_ bytes: ArraySlice<UInt8>) -> TextFormat? {
        var counts = [Int](repeating: 0, count: allCases.count)
        var total = 0
        for line in TextLines(bytes.prefix(sampleSize)) where !line.isRemark && !line.trimmed.isEmpty {
            let line = line.prefix(KernelLogLine.longestLine)
            total += 1
            if let place = allCases.firstIndex(where: { $0.fits(line) }) { counts[place] += 1 }
            if total == sampleLines { break }
        }
        guard let most = counts.max(), most > 0, most * 5 >= total, let place = counts.firstIndex(of: most) else {
            return nil
        }
        return allCases[place]
    }

    private static let sampleSize = 256 << 10
    private static let sampleLines = 500

    /// Whether a line has a form that the format has.
    private func fits(_ line: ArraySlice<UInt8>) -> Bool {
        let trimmed = line.trimmed
        switch self {
        case .trace: return TraceLine(line) != nil
        case .lsvmbus: return trimmed.starts(with: "VMBUS ID ".utf8) || trimmed.starts(with: "Rel_ID=".utf8)
        case .udevMonitor: return UdevMonitorText.event(line) != nil
        case .udevAttributes: return UdevAttributesText.isForm(trimmed)
        case .openVMMLog: return OpenVMMLogText.line(line) != nil
        case .hostSession: return HostSessionText.isArrow(line)
        case .windowsNames: return WindowsNamesText.name(trimmed) != nil
        case .driverctl: return DriverctlText.device(line) != nil
        case .interrupts:
            return InterruptsText.heading(line) != nil
                || InterruptsText.row(line, columns: .max).map { !$0.words.isEmpty } == true
        case .kernelLog:
            let log = KernelLogLine(parsing: line)
            return log.hasPrefix || KernelLogWords.beginsAsKernel(log.text)
        case .interfaceCounters:
            return InterfaceCountersText.isHeading(trimmed) || InterfaceCountersText.isQueueName(trimmed)
                || InterfaceCountersText.counter(trimmed)?.name.contains("_") == true
        case .udevProperties: return UdevPropertiesText.property(trimmed) != nil
        case .openVMMInspect: return OpenVMMInspectText.isNamed(trimmed)
        case .pathList: return PathListText.isForm(trimmed)
        }
    }

    /// What takes a text of this format apart.
    var reader: any TextReader.Type {
        switch self {
        case .trace: TraceText.self
        case .lsvmbus: LsvmbusText.self
        case .udevMonitor: UdevMonitorText.self
        case .udevAttributes: UdevAttributesText.self
        case .openVMMLog: OpenVMMLogText.self
        case .hostSession: HostSessionText.self
        case .windowsNames: WindowsNamesText.self
        case .driverctl: DriverctlText.self
        case .interrupts: InterruptsText.self
        case .kernelLog: KernelLogText.self
        case .interfaceCounters: InterfaceCountersText.self
        case .udevProperties: UdevPropertiesText.self
        case .openVMMInspect: OpenVMMInspectText.self
        case .pathList: PathListText.self
        }
    }
}
