import Configuration
public import VMBusDevices

/// How a virtual PCI bus is made, at both ends.
public struct PCIConfiguration: Sendable, Hashable {
    /// The host's end, with the function.
    public var host = VPCIProvider.Configuration()
    /// The guest's end.
    public var guest = VPCIConsumer.Configuration()

    /// Reads what a scenario says of it.
    init(_ table: ConfigurationTable) throws(ConfigurationError) {
        let versions = VPCI.Version.newestFirst
        let newest = try table.choiceIfPresent("version", versions.map { $0.meaning ?? "" }) ?? 0
        host.maximumVersion = versions[newest]
        if let vendor = try table.integerIfPresent("vendor", in: 1...0xFFFE) { host.function.vendor = UInt16(vendor) }
        if let device = try table.integerIfPresent("device", in: 0...0xFFFF) { host.function.device = UInt16(device) }
        if let size = try table.integerIfPresent("memory_kib", in: 1...65_536) {
            guard size & (size - 1) == 0 else {
                throw table.unacceptable("memory_kib", value: "\(size)", expected: "a power of two")
            }
            host.memorySize = UInt32(size) << 10
        }
    }
}
