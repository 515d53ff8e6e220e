/// One entry of the device catalogue: everything that follows from a class identifier alone (reference §5).
public struct DeviceClass: Sendable, Hashable {
    /// What it is, in one word.
    public let kind: DeviceKind
    /// The class that offers carry; nil for hv_sock, whose classes are a pattern, and for the unknown.
    public let classID: GUID?
    /// A name for people who do not know the abbreviation.
    public let title: String
    /// The text that lsvmbus prints, `Unknown` where its table has no such class.
    public let listingName: String
    /// The Linux drivers that bind it, as named under `/sys/bus/vmbus/drivers`, today's first; empty where Linux has none.
    public let linuxDrivers: [String]
    /// Linux's small device number, which sysfs shows as `device`; 0x10 for every class that Linux does not list.
    public let linuxDeviceNumber: UInt16
    /// Whether Linux spreads the channels of this class over the processors.
    public let isPerformanceDevice: Bool
    /// Whether Linux accepts the offer in an isolated (confidential) guest.
    public let isAllowedInIsolation: Bool

    /// Makes an entry of the catalogue; `number` is Linux's device number, `name` lsvmbus' text.
    init(
        _ kind: DeviceKind, _ classID: GUID?, _ title: String, name: String = "Unknown", drivers: [String] = [],
        number: UInt16 = 0x10, performance: Bool = false, isolation: Bool = false
    ) {
        self.kind = kind
        self.classID = classID
        self.title = title
        listingName = name
        linuxDrivers = drivers
        linuxDeviceNumber = number
        isPerformanceDevice = performance
        isAllowedInIsolation = isolation
    }

    /// What is known of a class: its entry, the hv_sock entry if it fits that pattern, or `unknown`.
    public static func of(_ classID: GUID) -> DeviceClass {
        if let index = positions[classID] { return catalogue[index] }
        return hvSocketPort(of: classID) == nil ? unknown : socket
    }

    /// The AF_VSOCK port of a class `xxxxxxxx-facb-11e6-bd58-64006a7986d3`; nil for every other class.
    public static func hvSocketPort(of classID: GUID) -> UInt32? {
        classID == hvSocketClass(port: classID.firstGroup) ? classID.firstGroup : nil
    }

    /// The class of an hv_sock service on that AF_VSOCK port.
    public static func hvSocketClass(port: UInt32) -> GUID {
        GUID(port, 0xFACB, 0x11E6, 0xBD58_6400_6A79_86D3)
    }

    /// Stands for every class that is in no table.
    public static let unknown = DeviceClass(.unknown, nil, "Unknown device")

    /// Stands for every hv_sock service.
    public static let socket = DeviceClass(.socket, nil, "Hyper-V socket", drivers: ["hv_sock"], isolation: true)

    // A dictionary is only looked up here and never walked, so its order reaches nobody.
    private static let positions = [GUID: Int](
        catalogue.enumerated().compactMap { position, entry in entry.classID.map { ($0, position) } },
        uniquingKeysWith: { first, _ in first })
}

extension DeviceClass {
    /// Every class with an identifier of its own, Linux's own classes first and in Linux's order (reference §5).
    public static let catalogue: [DeviceClass] = [
        DeviceClass(
            .ide, GUID(0x3241_2632, 0x86CB, 0x44A2, 0x9B5C_50D1_4173_54F5), "IDE accelerator",
            name: "Synthetic IDE Controller", drivers: ["hv_storvsc"], number: 0x0, performance: true),
        DeviceClass(
            .scsi, GUID(0xBA61_63D9, 0x04A1, 0x4D29, 0xB605_72E2_FFB1_DC7F), "SCSI controller",
            name: "Synthetic SCSI Controller", drivers: ["hv_storvsc"], number: 0x1, performance: true, isolation: true),
        DeviceClass(
            .fibreChannel, GUID(0x2F9B_CC4A, 0x0069, 0x4AF3, 0xB76B_6FD0_BE52_8CDA), "Fibre Channel adapter",
            name: "Synthetic fiber channel adapter", drivers: ["hv_storvsc"], number: 0x2, performance: true),
        DeviceClass(
            .network, GUID(0xF861_5163, 0xDF3E, 0x46C5, 0x913F_F2D2_F965_ED0E), "Network adapter",
            name: "Synthetic network adapter", drivers: ["hv_netvsc"], number: 0x3, performance: true, isolation: true),
        DeviceClass(
            .rdma, GUID(0x8C2E_AF3D, 0x32A7, 0x4B09, 0xAB99_BD1F_1C86_B501), "Network Direct (RDMA) adapter",
            name: "Synthetic RDMA adapter", number: 0x4, performance: true),
        DeviceClass(
            .pci, GUID(0x44C4_F61D, 0x4444, 0x4400, 0x9D52_802E_27ED_E19F), "PCI Express pass-through",
            name: "PCI Express pass-through", drivers: ["hv_pci"], number: 0x5, isolation: true),
        DeviceClass(
            .video, GUID(0xDA0A_7802, 0xE377, 0x4AAC, 0x8E77_0558_EB10_73F8), "Synthetic video",
            name: "Synthetic framebuffer adapter", drivers: ["hyperv_drm", "hyperv_fb"], number: 0x6),
        DeviceClass(
            .keyboard, GUID(0xF912_AD6D, 0x2B17, 0x48EA, 0xBD65_F927_A61C_7684), "Keyboard",
            name: "Synthetic keyboard", drivers: ["hyperv_keyboard"], number: 0x7),
        DeviceClass(
            .mouse, GUID(0xCFA8_B69E, 0x5B4A, 0x4CC0, 0xB98B_8BA1_A1F3_F95A), "Mouse",
            name: "Synthetic mouse", drivers: ["hid_hyperv"], number: 0x8),
        DeviceClass(
            .keyValueExchange, GUID(0xA9A0_F4E7, 0x5A45, 0x4D96, 0xB827_8A84_1E8C_03E6), "Data exchange (KVP)",
            name: "[Data Exchange]", drivers: ["hv_utils"], number: 0x9),
        DeviceClass(
            .timeSync, GUID(0x9527_E630, 0xD0AE, 0x497B, 0xADCE_E80A_B017_5CAF), "Time synchronisation",
            name: "[Time Synchronization]", drivers: ["hv_utils"], number: 0xA, isolation: true),
        DeviceClass(
            .heartbeat, GUID(0x5716_4F39, 0x9115, 0x4E78, 0xAB55_382F_3BD5_422D), "Heartbeat",
            name: "[Heartbeat]", drivers: ["hv_utils"], number: 0xB, isolation: true),
        DeviceClass(
            .shutdown, GUID(0x0E0B_6031, 0x5213, 0x4934, 0x818B_38D9_0CED_39DB), "Shutdown",
            name: "[Operating system shutdown]", drivers: ["hv_utils"], number: 0xC, isolation: true),
        DeviceClass(
            .fileCopy, GUID(0x34D1_4BE3, 0xDEE4, 0x41C8, 0x9AE7_6B17_4977_C192), "Guest services (file copy)",
            name: "[Guest services]", drivers: ["uio_hv_generic", "hv_utils"], number: 0xD),
        DeviceClass(
            .backup, GUID(0x35FA_2E29, 0xEA23, 0x4236, 0x96AE_3A6E_BACB_A440), "Backup (VSS)",
            name: "[Backup (volume checkpoint)]", drivers: ["hv_utils"], number: 0xE),
        DeviceClass(
            .balloon, GUID(0x5250_74DC, 0x8985, 0x46E2, 0x8057_A307_DC18_A502), "Dynamic memory",
            name: "[Dynamic Memory]", drivers: ["hv_balloon"], number: 0xF),
        DeviceClass(
            .activation, GUID(0xF8E6_5716, 0x3CB3, 0x4A06, 0x9A60_1889_C5CC_CAB5), "Virtual machine activation 1",
            name: "[Reserved system device]"),
        DeviceClass(
            .activation, GUID(0x3375_BAF4, 0x9E15, 0x4B30, 0xB765_67AC_B10D_607B), "Virtual machine activation 2",
            name: "[Reserved system device]"),
        DeviceClass(
            .remoteDesktop, GUID(0x276A_ACF4, 0xAC15, 0x426C, 0x98DD_7521_AD3F_01FE), "Remote desktop control",
            name: "[Reserved system device]"),
        DeviceClass(
            .fileServer, GUID(0xC376_C1C3, 0xD276, 0x48D2, 0x90A9_C047_4807_2C60), "Initial machine configuration"),
        DeviceClass(
            .graphicsGlobal, GUID(0xDDE9_CBC0, 0x5060, 0x4436, 0x9448_EA12_54A5_D177), "GPU paravirtualisation",
            drivers: ["dxgkrnl"]),
        DeviceClass(
            .graphicsProcessor, GUID(0x6E38_2D18, 0x3336, 0x4F4B, 0xACC4_2B77_03D4_DF4A), "Virtual GPU",
            drivers: ["dxgkrnl"]),
        DeviceClass(
            .serial, GUID(0x8B60_CCF6, 0x709F, 0x4C11, 0x90B5_229C_959A_9E6A), "Serial port to VTL2"),
        DeviceClass(
            .guestEmulationTransport, GUID(0x8DED_D1AA, 0x9056, 0x49E4, 0xBFD6_1BF9_0DC3_8EF0),
            "Guest emulation transport"),
        DeviceClass(
            .guestEmulationDevice, GUID(0x455C_0F1B, 0xD51B, 0x40B1, 0xBEAC_8737_7FE6_E041), "Guest emulation device"),
        DeviceClass(
            .crashDump, GUID(0x427B_03E7, 0x4CEB, 0x4286, 0xB5FC_486F_4A1D_D439), "Crash dump"),
        DeviceClass(
            .crashLog, GUID(0xAA5D_E534, 0xD149, 0x487A, 0x9053_0597_2BA2_0A7C), "Crash dump log"),
        DeviceClass(
            .sharedFolders, GUID(0x4D12_E519, 0x17A0, 0x4AE4, 0x8EAA_5270_FC6A_BDB7), "Shared folders (VSMB)"),
    ]
}
