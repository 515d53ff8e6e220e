/// What a device is, in one word: the closed set that decoders, rules and screens switch over.
///
/// Raw values are kept in recordings, so a case never changes its number; new ones are added at the end.
public enum DeviceKind: UInt8, CaseIterable, Sendable, Hashable {
    /// A class that the catalogue does not list.
    case unknown = 0
    /// Synthetic network adapter: NVSP and RNDIS.
    case network = 1
    /// SCSI controller.
    case scsi = 2
    /// IDE accelerator, one per disk.
    case ide = 3
    /// Fibre Channel host bus adapter.
    case fibreChannel = 4
    /// Network Direct.
    case rdma = 5
    /// PCI Express pass-through, one per function.
    case pci = 6
    /// Synthetic framebuffer.
    case video = 7
    /// Synthetic keyboard.
    case keyboard = 8
    /// Synthetic mouse, a HID device.
    case mouse = 9
    /// Key/value data exchange.
    case keyValueExchange = 10
    /// Time synchronisation.
    case timeSync = 11
    /// Heartbeat.
    case heartbeat = 12
    /// Operating system shutdown.
    case shutdown = 13
    /// File copy, which hosts call guest services.
    case fileCopy = 14
    /// Backup by volume checkpoint (VSS).
    case backup = 15
    /// Dynamic memory.
    case balloon = 16
    /// Automatic virtual machine activation, in either of its two classes.
    case activation = 17
    /// Remote desktop virtualisation control.
    case remoteDesktop = 18
    /// File server of the initial machine configuration (IMC), which OpenVMM and WSL2 call vmbfs.
    case fileServer = 19
    /// GPU paravirtualisation, the one channel of the whole guest.
    case graphicsGlobal = 20
    /// GPU paravirtualisation, one virtual GPU.
    case graphicsProcessor = 21
    /// An hv_sock connection or listener; the class holds the port.
    case socket = 22
    /// Serial port to a higher virtual trust level (OpenVMM).
    case serial = 23
    /// Guest emulation transport to a higher virtual trust level.
    case guestEmulationTransport = 24
    /// Guest emulation device (OpenHCL).
    case guestEmulationDevice = 25
    /// Crash dump (OpenHCL).
    case crashDump = 26
    /// The crash dump's log (OpenHCL).
    case crashLog = 27
    /// Shared folders of Windows containers (VSMB).
    case sharedFolders = 28

    /// The word that JSON, filters and screens use; lower case, stable.
    public var word: String {
        switch self {
        case .unknown: "unknown"
        case .network: "network"
        case .scsi: "scsi"
        case .ide: "ide"
        case .fibreChannel: "fibre_channel"
        case .rdma: "rdma"
        case .pci: "pci"
        case .video: "video"
        case .keyboard: "keyboard"
        case .mouse: "mouse"
        case .keyValueExchange: "kvp"
        case .timeSync: "timesync"
        case .heartbeat: "heartbeat"
        case .shutdown: "shutdown"
        case .fileCopy: "fcopy"
        case .backup: "vss"
        case .balloon: "balloon"
        case .activation: "avma"
        case .remoteDesktop: "rdv"
        case .fileServer: "vmbfs"
        case .graphicsGlobal: "dxg_global"
        case .graphicsProcessor: "dxg_vgpu"
        case .socket: "hvsock"
        case .serial: "serial"
        case .guestEmulationTransport: "get"
        case .guestEmulationDevice: "ged"
        case .crashDump: "crash_dump"
        case .crashLog: "crash_log"
        case .sharedFolders: "vsmb"
        }
    }

    /// The kind with that word, exactly as `word` spells it.
    public init?(word: some StringProtocol) {
        guard let kind = Self.allCases.first(where: { $0.word == word }) else { return nil }
        self = kind
    }
}
