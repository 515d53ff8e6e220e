public import VMBusDevices
public import VMBusWire

extension HostPartition {
    /// What the guest shows on a display now; nil where the host has no such device.
    public func picture<Memory>(
        of device: GUID, _ activity: inout PartitionActivity<Memory>
    ) -> Result<VideoPicture, VideoPictureError>? {
        guard let found = devices.first(where: { $0.configuration.instance == device }),
            let display = found.provider.first as? VideoProvider
        else { return nil }
        return activity.withSharedMemory(found.lists) { memory in
            do throws(VideoPictureError) {
                return .success(try display.picture(memory))
            } catch {
                return .failure(error)
            }
        }
    }
}
