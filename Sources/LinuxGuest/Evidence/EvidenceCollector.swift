import BusModel
public import Platform
import VMBusWire

/// Looks at everything that tells of a guest besides its bus: hypervisor, processors, the network interfaces and disks behind the
/// channels, the kernel's log, daemons.
///
/// Each kind has its own pace and is read for itself: one that fails says so in its own values. Everything is only read, and
/// for a copied tree nothing but its files.
public struct EvidenceCollector: Sendable {
    private struct Paced: Sendable {
        var kind: any EvidenceKind
        /// When it was read last; nil for never.
        var last: UInt64?
    }

    private let files: any FileLayer
    private let machine: (any MachineProbe)?
    private let hypervisor: HypervisorIdentity?
    private var kinds: [Paced]
    private var book = EvidenceBook()
    private var devices: [WatchedDevice] = []
    private var lastLook: UInt64?

    /// A collector for the guest whose files these are; `machine` is nil for a copied tree.
    public init(files: any FileLayer, machine: (any MachineProbe)?) {
        self.init(files: files, machine: machine, kinds: Self.allKinds)
    }

    init(files: any FileLayer, machine: (any MachineProbe)?, kinds: [any EvidenceKind]) {
        self.files = files
        self.machine = machine
        hypervisor = machine.flatMap { HypervisorIdentity($0) }
        self.kinds = kinds.map { Paced(kind: $0) }
    }

    private static var allKinds: [any EvidenceKind] {
        [
            HypervisorEvidence(), FirmwareEvidence(), OnlineProcessorEvidence(), ProcessorLayoutEvidence(),
            InterruptEvidence(), UptimeEvidence(), DriverEvidence(), BalloonEvidence(), DebugEvidence(),
            DaemonEvidence(), InterfaceEvidence(), DiskEvidence(), DependencyEvidence(),
            KernelLogEvidence(),
        ]
    }

    /// Reads what is due.
    ///
    /// - Parameters:
    ///   - devices: The bus's devices at this look.
    ///   - time: The moment of the look.
    mutating func look(_ devices: [WatchedDevice], at time: UInt64) -> EvidenceNews {
        var news = EvidenceNews()
        let isChanged = devices != self.devices
        self.devices = devices
        if isChanged { book.forget(allBut: Set(devices.map(\.instance))) }
        let guest = WatchedGuest(files: files, machine: machine, hypervisor: hypervisor, devices: devices)
        for place in kinds.indices {
            let isDue = kinds[place].last.map { last in
                kinds[place].kind.pace.isDue(at: time, last: last) || isChanged && kinds[place].kind.isAboutDevices
            }
            guard isDue ?? true else { continue }
            kinds[place].last = time
            book.take(kinds[place].kind.read(guest), from: place, at: time, after: lastLook, into: &news)
            for line in kinds[place].kind.lines { line.tell(at: time, into: &news.now) }
        }
        lastLook = time
        return news
    }
}
