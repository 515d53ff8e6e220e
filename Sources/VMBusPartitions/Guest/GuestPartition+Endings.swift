import VMBusDevices
import VMBusEngine
import VMBusRing
import VMBusWire

/// How a guest's run ends other than by shutting down: crash and hibernation (reference §2.7, §8.1).
extension GuestPartition {
    /// The guest crashes: its devices are left as they are, and it says goodbye without interrupts.
    public mutating func crash<Memory>(_ activity: inout PartitionActivity<Memory>) {
        isCrashing = true
        perform(connection.crash(), &activity)
    }

    /// The guest closes its channels, and ends the connection once the host has given back all pages.
    public mutating func hibernate<Memory>(_ activity: inout PartitionActivity<Memory>) {
        isHibernating = true
        for index in devices.indices { devices[index].work = nil }
        for relid in connection.channels.map(\.relid).reversed() { closeChannel(relid, &activity) }
        suspendWhenQuiet(&activity)
    }

    mutating func suspendWhenQuiet<Memory>(_ activity: inout PartitionActivity<Memory>) {
        guard isHibernating, connection.state == .connected, connection.pageLists.isEmpty else { return }
        isHibernating = false
        do {
            perform(try connection.suspend(), &activity)
        } catch {
            activity.effects.append(.note("\(error)"))
        }
    }

    /// Nothing is shared with the host any more. What the devices are is kept, until they are offered again.
    mutating func suspended<Memory>(_ activity: inout PartitionActivity<Memory>) {
        sockets = []
        allocator = PageAllocator(first: Self.firstFreePage, end: configuration.memoryPages)
        activity.effects.append(.suspended)
    }

    /// The guest is there again, with its memory as it was, and looks for its devices.
    public mutating func resume<Memory>(_ activity: inout PartitionActivity<Memory>) {
        do {
            perform(try connection.resume(), &activity)
        } catch {
            activity.effects.append(.note("\(error)"))
        }
    }

    /// A device is there again, perhaps with another number: its driver opens it as if it were new.
    mutating func readopted<Memory>(_ offer: OfferChannel, _ activity: inout PartitionActivity<Memory>) {
        guard let index = devices.firstIndex(where: { $0.instance == offer.interfaceInstance }) else { return }
        let device = devices[index]
        if let before = device.channels.first?.relid, before != offer.relid {
            activity.effects.append(
                .note("\(device.kind.word) was channel \(before) and is channel \(offer.relid) now"))
        }
        generation += 1
        devices[index] = GuestDevice(
            instance: device.instance, kind: device.kind, generation: generation,
            consumer: configuration.consumer(for: device.kind, instance: device.instance, resetTime: resetTime))
        devices[index].channels = [GuestDevice.Channel(subchannel: 0, relid: offer.relid)]
        shareRings(index, offer, &activity)
    }

    /// A device did not come back: its driver lets go of it.
    mutating func missing<Memory>(_ offer: OfferChannel, _ activity: inout PartitionActivity<Memory>) {
        let kind = DeviceClass.of(offer.interfaceType).kind
        activity.effects.append(
            .note("\(kind.word) \(offer.interfaceInstance) did not come back after the hibernation"))
        devices.removeAll { $0.instance == offer.interfaceInstance }
    }
}
