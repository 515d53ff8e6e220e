import VMBusDevices
import VMBusEngine

/// A host that is replaced while its guest runs: what it knows of the connection goes through bytes (reference §8.7). The
/// devices' own machines and rings stay as they are.
extension HostPartition {
    /// The connection as bytes.
    public func saved() -> [UInt8] { connection.saved() }

    /// A new connection takes up what an old one has saved.
    public mutating func restore<Memory>(_ bytes: [UInt8], _ activity: inout PartitionActivity<Memory>) {
        var restored = self
        restored.connection = Self.makeConnection(configuration)
        do {
            for device in devices.indices {
                let order = UInt64(devices[device].generation)
                for channel in devices[device].channels.indices {
                    let subchannel = devices[device].channels[channel].subchannel
                    let (key, _) = try restored.connection.addOffer(
                        devices[device].offer(subchannel: subchannel), order: subchannel == 0 ? order : nil)
                    restored.devices[device].channels[channel] = HostDevice.Channel(
                        key: key, subchannel: subchannel, port: devices[device].channels[channel].port)
                }
            }
            let effects = try restored.connection.restore(bytes)
            self = restored
            // The sockets' times go on as they were.
            perform(effects.filter { if case .connected = $0 { false } else { true } }, &activity)
        } catch {
            activity.effects.append(.note("the saved host cannot be taken up: \(error)"))
        }
    }
}
