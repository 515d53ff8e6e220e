import VMBusDevices
import VMBusWire

extension GuestConfiguration {
    /// Gives the guest disks and discs besides those of its scenario, on its SCSI controller; without one it gets one, with a
    /// channel for each of four processors.
    ///
    /// - Returns: the first text that is no disk, or for which there is no place any more; nil when all are well.
    public mutating func addDisks(_ disks: [String], discs: [String]) -> String? {
        guard !disks.isEmpty || !discs.isEmpty else { return nil }
        if !host.devices.contains(where: { $0.kind == .scsi }) { host.devices.append(Self.controller) }
        guard let index = host.devices.firstIndex(where: { $0.kind == .scsi }) else { return disks.first }
        for (text, medium) in disks.map({ ($0, LogicalUnit.Medium.disk) }) + discs.map({ ($0, .compactDisc) }) {
            let taken = host.devices[index].storage?.disks.map(\.lun) ?? []
            guard let lun = (UInt8(0)..<64).first(where: { !taken.contains($0) }),
                let disk = DiskDescription(text, lun: lun, medium: medium)
            else { return text }
            host.devices[index].storage?.disks.append(disk)
        }
        return nil
    }

    private static var controller: DeviceConfiguration {
        var controller = StorageProvider.Configuration()
        controller.maximumSubchannels = 3
        controller.identity = 0x7363_6F70_0000_0001
        var device = DeviceConfiguration(
            kind: .scsi, classID: DeviceClass.catalogue.first { $0.kind == .scsi }?.classID ?? .zero,
            instance: GUID(0x7363_6F70, 0x0001, 0x00FF, 0x8000_0000_0000_0000), channelCount: 4, isMonitored: false)
        device.storage = controller
        return device
    }
}
