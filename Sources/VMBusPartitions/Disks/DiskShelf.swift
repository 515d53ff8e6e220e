public import VMBusDevices
public import VMBusWire

/// The disks of one guest, by controller and unit.
public struct DiskShelf: Sendable {
    private struct Place: Sendable, Hashable {
        var device: GUID
        var lun: UInt8
    }

    // Only looked up, never walked.
    private var disks: [Place: any DiskBackend] = [:]

    /// A shelf without disks.
    public init() {}

    /// The disks of a guest, all in memory, wherever their bytes are said to be.
    public init(inMemory guest: GuestConfiguration) {
        for device in guest.host.devices {
            for disk in device.storage?.disks ?? [] {
                insert(MemoryDisk(disk), device: device.instance, lun: disk.lun)
            }
        }
    }

    /// Puts a disk in its place; one that was there is gone.
    public mutating func insert(_ disk: any DiskBackend, device: GUID, lun: UInt8) {
        disks[Place(device: device, lun: lun)] = disk
    }

    /// Takes a disk away.
    public mutating func remove(device: GUID, lun: UInt8) { disks[Place(device: device, lun: lun)] = nil }

    /// Whether there is such a disk.
    public func contains(device: GUID, lun: UInt8) -> Bool { disks[Place(device: device, lun: lun)] != nil }

    /// Lets a disk do something.
    public mutating func perform(_ request: DiskRequest, device: GUID) -> DiskCompletion {
        // Taken out, so that it is not copied when it changes.
        let place = Place(device: device, lun: request.lun)
        guard var disk = disks.removeValue(forKey: place) else {
            return DiskCompletion(token: request.token, result: .failure(.gone))
        }
        let result = disk.perform(request.operation, blockSize: request.blockSize)
        disks[place] = disk
        return DiskCompletion(token: request.token, result: result)
    }
}
