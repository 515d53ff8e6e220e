import VMBusDevices
import VMBusEngine
import VMBusWire

/// A device as the host has it: its machine and its channels.
public struct HostDevice: Sendable {
    /// How the device is made.
    public internal(set) var configuration: DeviceConfiguration
    /// Tells it from an earlier device of the same instance, and from itself before the guest went away.
    var generation: UInt32
    /// The device's machine. A list of it, or of none where the kind is not known, as with the machine inside every look at a
    /// field of the device would copy the whole device.
    var provider: [any DeviceEndpoint]
    /// Primary first.
    var channels: [Channel] = []
    var firstMonitorID: UInt8?
    /// The pages that the guest shares with it.
    var lists: [SharedPages] = []

    /// One of the device's channels.
    struct Channel: Sendable {
        let key: HostChannelKey
        let subchannel: UInt16
        var port: ChannelPort?
    }

    init(_ configuration: DeviceConfiguration, generation: UInt32) {
        self.configuration = configuration
        self.generation = generation
        provider = configuration.makeProvider().map { [$0] } ?? []
    }

    /// Begins anew, as for a guest that has just come.
    mutating func restart(generation: UInt32? = nil) {
        if var storage = provider.first as? StorageProvider {
            // Disks that came and went stay so: they are the host's.
            _ = storage.closed(subchannel: 0)
            provider = [storage]
        } else {
            provider = configuration.makeProvider().map { [$0] } ?? []
        }
        if let generation { self.generation = generation }
    }

    /// The offer of one of its channels; the number is the connection's to give.
    func offer(subchannel: UInt16) -> OfferChannel {
        var offer = OfferChannel()
        offer.interfaceType = configuration.classID
        offer.interfaceInstance = configuration.instance
        offer.flags = .enumerateDeviceInterface
        if configuration.integration != nil || [.mouse, .video].contains(configuration.kind) {
            offer.flags.insert(.namedPipeMode)
            offer.pipeType = .message
        }
        if configuration.kind == .video { offer.mmioMegabytes = configuration.video?.host.megabytes ?? 8 }
        if configuration.kind == .socket { offer.flags.insert(.tlnpiProvider) }
        // For its window, and its function's memory.
        if let pci = configuration.pci { offer.mmioMegabytes = UInt16(max(1, pci.host.memorySize >> 20)) }
        if configuration.kind == .ide, let target = configuration.storage?.target {
            offer.userData = [0, 0, 0, target, 0, 0, 0, 0, 2] + [UInt8](repeating: 0, count: 15)
        }
        offer.subchannelIndex = subchannel
        offer.isDedicatedInterrupt = 1
        if let first = firstMonitorID, Int(first) + Int(subchannel) < Int(MonitorPage.idCount) {
            offer.monitorAllocated = 1
            offer.monitorID = first + UInt8(subchannel)
        }
        return offer
    }
}
