public import VMBusWire

/// How large the rings of a kind of device usually are: data bytes of one direction, without the control page.
///
/// Drivers ask for their size in one of two ways: from Linux 5.10 on the control page is added to it; since a fix of February
/// 2024, which also went into stable kernels, rings of 32 KiB and more contain it. So a size says nothing of the release, nor a
/// release of the size (linux-guest-data §3).
public enum RingNorm {
    /// The sizes that are normal; empty where no size is known to be.
    public static func sizes(of kind: DeviceKind, driver: String? = nil) -> [UInt64] {
        if driver == "uio_hv_generic" { return userSpaceSizes(of: kind) }
        return switch kind {
        case .network: [524_288, 520_192]
        case .scsi, .ide, .fibreChannel: [131_072, 126_976]
        case .keyboard, .mouse: [36_864, 32_768]
        case .keyValueExchange, .timeSync, .heartbeat, .shutdown, .fileCopy, .backup: [12_288]
        case .balloon, .pci: [16_384]
        case .video: [258_048, 262_144]
        default: []
        }
    }

    /// Rings that a program in user space holds: 2 MiB with the control page, by class since 6.10.
    private static func userSpaceSizes(of kind: DeviceKind) -> [UInt64] {
        switch kind {
        case .fileCopy: [12_288, 16_384, 2_093_056]
        case .network: [2_093_056, 2_097_152]
        default: [65_536, 69_632, 2_093_056]
        }
    }

    /// Whether a size is normal; nil where nothing is known of the kind.
    public static func isNormal(_ size: UInt64, of kind: DeviceKind, driver: String? = nil) -> Bool? {
        let sizes = sizes(of: kind, driver: driver)
        return sizes.isEmpty ? nil : sizes.contains(size)
    }
}
