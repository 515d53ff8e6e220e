import VMBusDevices
public import VMBusEngine
import VMBusRing
import VMBusWire

/// A guest as one value: its end of the bus, its drivers, its rings and its own work. Its memory is lent to it.
public struct GuestPartition: Sendable {
    /// How the guest is made.
    public let configuration: GuestConfiguration
    /// Its end of the bus.
    public private(set) var connection: GuestConnection
    /// The devices that it has been offered, in order of their first offer.
    public private(set) var devices: [GuestDevice] = []
    private var allocator: PageAllocator
    private var network: [GuestNetworkStack]
    private var generation: UInt32 = 0

    /// The guest's page for the legacy interrupt bitmap.
    private static let interruptPage: UInt64 = 1
    /// Guest-physical address of that page.
    public static let interruptPageAddress = interruptPage * 4096
    /// The host's monitor page.
    static let parentToChildMonitorPage: UInt64 = 2
    /// The guest's monitor page.
    static let childToParentMonitorPage: UInt64 = 3
    private static let firstFreePage: UInt64 = 16

    /// A guest that has not booted.
    public init(_ configuration: GuestConfiguration) {
        self.configuration = configuration
        var connection = GuestConnection.Configuration()
        connection.versions = ProtocolVersion.all.reversed().filter { $0 <= configuration.maximumVersion }
        connection.interruptPage = Self.interruptPageAddress
        connection.parentToChildMonitorPage = Self.parentToChildMonitorPage * 4096
        connection.childToParentMonitorPage = Self.childToParentMonitorPage * 4096
        connection.clientID = configuration.clientID
        self.connection = GuestConnection(connection)
        allocator = PageAllocator(first: Self.firstFreePage, end: configuration.memoryPages)
        network = configuration.addresses.map { GuestNetworkStack($0) }
    }

    /// Boots: starts to negotiate.
    public mutating func boot<Memory>(_ activity: inout PartitionActivity<Memory>) {
        perform(connection.connect(), &activity)
    }

    /// The hypervisor did not take a post.
    public mutating func postRefused<Memory>(_ activity: inout PartitionActivity<Memory>) {
        perform(connection.postRefused(), &activity)
    }

    /// A message of the host was in the slot: its valid bytes.
    public mutating func receive<Memory>(message: [UInt8], _ activity: inout PartitionActivity<Memory>) {
        perform(connection.receive(message), &activity)
    }

    /// Ends the connection as an operating system does: closes what is open, then says goodbye.
    public mutating func unload<Memory>(_ activity: inout PartitionActivity<Memory>) {
        for relid in connection.channels.map(\.relid).reversed() { closeChannel(relid, &activity) }
        perform(connection.unload(), &activity)
    }

    /// Moves a channel's interrupts to another processor.
    ///
    /// - Throws: why it cannot be moved.
    public mutating func moveChannel<Memory>(
        relid: UInt32, targetVP: UInt32, _ activity: inout PartitionActivity<Memory>
    ) throws(GuestRefusal) {
        perform(try connection.modify(relid: relid, targetVP: targetVP), &activity)
    }

    /// The channel's event flag was set: takes packets out of its host→guest ring.
    public mutating func interrupted<Memory>(relid: UInt32, _ activity: inout PartitionActivity<Memory>) {
        guard let (device, channel) = position(relid: relid), var port = devices[device].channels[channel].port else {
            return
        }
        let place = devices[device].place(channel)
        devices[device].channels[channel].counters.interrupts += 1
        let drained: ChannelPort.Drained
        do throws(ProtocolViolation) {
            drained = try port.drain(&activity.memory)
        } catch {
            activity.effects.append(.violation(error))
            return
        }
        devices[device].channels[channel].port = port
        if drained.signal {
            devices[device].channels[channel].counters.interruptsInFull += 1
            signal(place, &activity)
        }
        activity.effects += drained.violations.map { .violation($0) }
        for packet in drained.packets { deliver(packet, place, &activity) }
        if port.isBlocked { sendAgain(relid, &activity) }
        if drained.hasMore { activity.effects.append(.wake(afterNanoseconds: 1000, .drain(relid: relid))) }
    }

    /// Time that was asked for has passed.
    public mutating func wake<Memory>(_ token: WakeToken, _ activity: inout PartitionActivity<Memory>) {
        switch token {
        case .drain(let relid): interrupted(relid: relid, &activity)
        case .workload(let index):
            guard network.indices.contains(index) else { return }
            let frames = network[index].tick(time: activity.time)
            activity.effects.append(.wake(afterNanoseconds: network[index].interval, .workload(index)))
            transmit(frames, interface: index, &activity)
        case .device(let instance, let token, let generation):
            guard let index = devices.firstIndex(where: { $0.instance == instance && $0.generation == generation })
            else { return }
            act(index, &activity) { (end, memory, time) in end.wake(token: token, time: time, memory: &memory) }
        }
    }

    /// The channel that a page list belongs to, from its first message to GPADL_TORNDOWN.
    public func channel(pageList handle: UInt32) -> ChannelPlace? {
        connection.pageLists.first { $0.handle == handle }.flatMap { list in
            position(relid: list.relid).map { devices[$0.device].place($0.channel) }
        }
    }

    private func position(relid: UInt32) -> (device: Int, channel: Int)? {
        for device in devices.indices {
            if let channel = devices[device].channels.firstIndex(where: { $0.relid == relid }) {
                return (device, channel)
            }
        }
        return nil
    }
}

// MARK: - The connection's effects

extension GuestPartition {
    private mutating func perform<Memory>(_ effects: [GuestEffect], _ activity: inout PartitionActivity<Memory>) {
        for effect in effects {
            switch effect {
            case .post(let bytes, let connectionID):
                activity.effects.append(.post(bytes: bytes, connectionID: connectionID))
            case .offered(let offer): offered(offer, &activity)
            case .pageListCreated(let handle, let relid): pageListCreated(handle, relid, &activity)
            case .pageListRefused(let handle, let relid, _): pageListEnded(handle, relid, &activity)
            case .pageListTorndown(let handle, let relid): pageListEnded(handle, relid, &activity)
            case .opened(let relid): opened(relid, &activity)
            case .openRefused(let relid, _):
                guard let (device, channel) = position(relid: relid) else { continue }
                let handle = devices[device].channels[channel].ringList
                perform((try? connection.tearDownPageList(handle)) ?? [], &activity)
            case .rescinded(let relid): rescinded(relid, &activity)
            case .connectFailed: activity.effects.append(.disconnected)
            case .unloaded: unloaded(&activity)
            case .violation(let violation): activity.effects.append(.violation(violation))
            case .connected, .allOffersDelivered, .modified, .socketRefused: break
            }
        }
    }

    /// A driver takes the device: it shares the rings' pages and opens the channel once the host holds them.
    private mutating func offered<Memory>(_ offer: OfferChannel, _ activity: inout PartitionActivity<Memory>) {
        let kind = DeviceClass.of(offer.interfaceType).kind
        if offer.subchannelIndex == 0 {
            generation += 1
            devices.append(
                GuestDevice(
                    instance: offer.interfaceInstance, kind: kind, generation: generation,
                    consumer: configuration.consumer(for: kind, instance: offer.interfaceInstance)))
        }
        guard let index = devices.firstIndex(where: { $0.instance == offer.interfaceInstance }) else { return }
        var channel = GuestDevice.Channel(subchannel: offer.subchannelIndex, relid: offer.relid)
        channel.connectionID = connection.agreement.version >= .windows7 ? offer.connectionID : ConnectionID.event
        channel.monitorID = offer.isMonitored ? offer.monitorID : nil
        devices[index].channels.append(channel)
        guard devices[index].consumer != nil else { return }
        let ringPages = configuration.ringPages(for: kind)
        guard let pages = allocator.allocate(ringPages * 2), let list = PageList(pages: pages),
            let outgoing = try? RingPages(pages[..<ringPages]), let incoming = try? RingPages(pages[ringPages...]),
            activity.memory.clear(pages),
            ChannelPort.prepare(outgoing, &activity.memory), ChannelPort.prepare(incoming, &activity.memory)
        else {
            activity.effects.append(.note("no memory for the rings of channel \(offer.relid)"))
            return
        }
        do {
            let (handle, effects) = try connection.createPageList(relid: offer.relid, list)
            let last = devices[index].channels.count - 1
            devices[index].channels[last].ringList = handle
            devices[index].channels[last].rings = (outgoing, incoming)
            devices[index].lists.append(GuestDevice.List(handle: handle, pages: pages, purpose: nil))
            perform(effects, &activity)
        } catch {
            activity.effects.append(.note("\(error)"))
        }
    }

    private mutating func pageListCreated<Memory>(
        _ handle: UInt32, _ relid: UInt32, _ activity: inout PartitionActivity<Memory>
    ) {
        guard let (device, channel) = position(relid: relid),
            let list = devices[device].lists.first(where: { $0.handle == handle })
        else { return }
        if let purpose = list.purpose {
            act(device, &activity) { (end, memory, _) in
                end.bufferCreated(
                    purpose: purpose,
                    buffer: GuestBuffer(gpadl: handle, byteCount: list.pages.count * 4096, pages: list.pages),
                    memory: &memory)
            }
            return
        }
        let targetVP = configuration.targetVP(
            performance: devices[device].isPerformanceDevice, ordinal: devices[device].channels[channel].subchannel)
        devices[device].channels[channel].targetVP = targetVP
        perform(
            (try? connection.open(
                relid: relid, pageList: handle, targetVP: targetVP,
                downstreamPageOffset: UInt32(list.pages.count / 2))) ?? [], &activity)
    }

    private mutating func opened<Memory>(_ relid: UInt32, _ activity: inout PartitionActivity<Memory>) {
        guard let (device, channel) = position(relid: relid), let rings = devices[device].channels[channel].rings else {
            return
        }
        devices[device].channels[channel].port = ChannelPort(outgoing: rings.outgoing, incoming: rings.incoming)
        let subchannel = devices[device].channels[channel].subchannel
        act(device, &activity) { (end, memory, time) in
            end.opened(subchannel: subchannel, time: time, memory: &memory)
        }
        // The host may have written and interrupted before its answer to the open was read: no second interrupt would come.
        interrupted(relid: relid, &activity)
        if let (device, _) = position(relid: relid) {
            activity.effects.append(.deviceChanged(device: devices[device].instance))
        }
    }

    /// The pages of a list are the guest's own again.
    private mutating func pageListEnded<Memory>(
        _ handle: UInt32, _ relid: UInt32, _ activity: inout PartitionActivity<Memory>
    ) {
        for device in devices.indices {
            guard let index = devices[device].lists.firstIndex(where: { $0.handle == handle }) else { continue }
            let list = devices[device].lists.remove(at: index)
            allocator.release(list.pages)
            if let purpose = list.purpose {
                act(device, &activity) { (end, memory, _) in
                    end.bufferCreated(purpose: purpose, buffer: nil, memory: &memory)
                }
            }
            return
        }
    }

    private mutating func closeChannel<Memory>(_ relid: UInt32, _ activity: inout PartitionActivity<Memory>) {
        guard let (device, channel) = position(relid: relid), devices[device].channels[channel].port != nil else {
            return
        }
        let subchannel = devices[device].channels[channel].subchannel
        devices[device].channels[channel].port = nil
        // Buffers go before the close on hosts older than 4.0 and after it from 4.0 on (reference §9 number 18).
        let buffersFirst = connection.agreement.version < .windows10
        if buffersFirst { act(device, &activity) { (end, _, _) in end.closed(subchannel: subchannel) } }
        perform((try? connection.close(relid: relid)) ?? [], &activity)
        if !buffersFirst { act(device, &activity) { (end, _, _) in end.closed(subchannel: subchannel) } }
        for list in connection.pageLists where list.relid == relid {
            perform((try? connection.tearDownPageList(list.handle)) ?? [], &activity)
        }
    }

    private mutating func rescinded<Memory>(_ relid: UInt32, _ activity: inout PartitionActivity<Memory>) {
        closeChannel(relid, &activity)
        guard let (device, channel) = position(relid: relid) else { return }
        for list in connection.pageLists where list.relid == relid { pageListEnded(list.handle, relid, &activity) }
        devices[device].channels.remove(at: channel)
        if devices[device].channels.isEmpty {
            for list in devices[device].lists { allocator.release(list.pages) }
            devices.remove(at: device)
        }
        perform((try? connection.release(relid: relid)) ?? [], &activity)
    }

    private mutating func unloaded<Memory>(_ activity: inout PartitionActivity<Memory>) {
        devices = []
        allocator = PageAllocator(first: Self.firstFreePage, end: configuration.memoryPages)
        activity.effects.append(.disconnected)
    }
}

// MARK: - The drivers' effects

extension GuestPartition {
    /// Lets a driver act on the guest's memory, and does what it wants done.
    private mutating func act<Memory>(
        _ device: Int, _ activity: inout PartitionActivity<Memory>,
        _ body: (inout any DeviceEndpoint, inout SharedMemory<Memory>, UInt64) -> [DeviceEffect]
    ) {
        guard var consumer = devices[device].consumer else { return }
        let instance = devices[device].instance
        let time = activity.time
        let effects = activity.withSharedMemory(devices[device].lists.map { ($0.handle, $0.pages) }) { memory in
            body(&consumer, &memory, time)
        }
        devices[device].consumer = consumer
        for effect in effects {
            guard let index = devices.firstIndex(where: { $0.instance == instance }) else { return }
            perform(effect, device: index, &activity)
        }
    }

    private mutating func perform<Memory>(
        _ effect: DeviceEffect, device: Int, _ activity: inout PartitionActivity<Memory>
    ) {
        switch effect {
        case .send(let subchannel, let packet, let attachment):
            guard let channel = devices[device].channels.firstIndex(where: { $0.subchannel == subchannel }),
                var port = devices[device].channels[channel].port
            else { return }
            let place = devices[device].place(channel)
            let wasBlocked = port.isBlocked
            do throws(ProtocolViolation) {
                let sent = try port.send(packet, &activity.memory)
                devices[device].channels[channel].port = port
                guard case .written(let bytes, let signal) = sent else {
                    devices[device].channels[channel].counters.outFullTotal += 1
                    if !wasBlocked { devices[device].channels[channel].counters.outFullFirst += 1 }
                    devices[device].consumer?.sendRefused(packet, attachment: attachment, subchannel: subchannel)
                    return
                }
                activity.effects.append(
                    .packet(place, .guestToHost, packet.type, bytes: bytes, attachment: attachment))
                if signal {
                    devices[device].channels[channel].counters.interruptsOutEmpty += 1
                    self.signal(place, &activity)
                }
            } catch {
                activity.effects.append(.violation(error))
            }
        case .createBuffer(let purpose, let byteCount): createBuffer(purpose, byteCount, device, &activity)
        case .destroyBuffer(let purpose):
            for list in devices[device].lists where list.purpose == purpose {
                perform((try? connection.tearDownPageList(list.handle)) ?? [], &activity)
            }
        case .wake(let after, let token):
            activity.effects.append(
                .wake(
                    afterNanoseconds: after,
                    .device(devices[device].instance, token: token, generation: devices[device].generation)))
        case .frame(let frame):
            let interface = devices[device].interface
            guard network.indices.contains(interface) else { return }
            transmit(network[interface].receive(frame, time: activity.time), interface: interface, &activity)
        case .ready:
            guard devices[device].kind == .network,
                let interface = network.indices.first(where: { index in !devices.contains { $0.interface == index } })
            else { return }
            devices[device].interface = interface
            activity.effects.append(.deviceChanged(device: devices[device].instance))
            activity.effects.append(.wake(afterNanoseconds: network[interface].interval, .workload(interface)))
        case .violation(let violation): activity.effects.append(.violation(violation))
        case .failed(let reason): activity.effects.append(.note("\(devices[device].kind.word): \(reason)"))
        case .offerSubchannels: break
        }
    }

    private mutating func createBuffer<Memory>(
        _ purpose: BufferPurpose, _ byteCount: Int, _ device: Int, _ activity: inout PartitionActivity<Memory>
    ) {
        let count = (max(0, byteCount) + 4095) / 4096
        guard let relid = devices[device].channels.first?.relid, let pages = allocator.allocate(count),
            activity.memory.clear(pages)
        else {
            act(device, &activity) { (end, memory, _) in
                end.bufferCreated(purpose: purpose, buffer: nil, memory: &memory)
            }
            return
        }
        guard purpose.needsPageList, let list = PageList(pages: pages) else {
            devices[device].lists.append(GuestDevice.List(handle: 0, pages: pages, purpose: purpose))
            act(device, &activity) { (end, memory, _) in
                end.bufferCreated(
                    purpose: purpose, buffer: GuestBuffer(gpadl: 0, byteCount: pages.count * 4096, pages: pages),
                    memory: &memory)
            }
            return
        }
        do {
            let (handle, effects) = try connection.createPageList(relid: relid, list)
            devices[device].lists.append(GuestDevice.List(handle: handle, pages: pages, purpose: purpose))
            perform(effects, &activity)
        } catch {
            activity.effects.append(.note("\(error)"))
        }
    }

    private mutating func deliver<Memory>(
        _ packet: ChannelPacket, _ place: ChannelPlace, _ activity: inout PartitionActivity<Memory>
    ) {
        guard let index = devices.firstIndex(where: { $0.instance == place.device }) else { return }
        act(index, &activity) { (end, memory, time) in
            let attachment = end.attachment(of: packet, memory: memory)
            return end.receive(
                packet, attachment: attachment, subchannel: place.subchannel, time: time, memory: &memory)
        }
    }

    private mutating func sendAgain<Memory>(_ relid: UInt32, _ activity: inout PartitionActivity<Memory>) {
        guard let (device, channel) = position(relid: relid) else { return }
        devices[device].channels[channel].port?.unblock()
        let subchannel = devices[device].channels[channel].subchannel
        act(device, &activity) { (end, _, _) in end.channelWritable(subchannel: subchannel) }
    }

    /// Signals the host the way the channel's offer says (reference §1.9).
    private mutating func signal<Memory>(_ place: ChannelPlace, _ activity: inout PartitionActivity<Memory>) {
        guard let (device, channel) = position(relid: place.relid) else { return }
        if let monitorID = devices[device].channels[channel].monitorID, let bit = MonitorPage.place(of: monitorID) {
            let address = Self.childToParentMonitorPage * 4096 + UInt64(bit.pendingOffset)
            if let word = try? activity.memory.load32(address),
                (try? activity.memory.store32(word | 1 << UInt32(bit.bit), at: address)) != nil
            {
                activity.effects.append(.monitorSignal(place, monitorID: monitorID))
                return
            }
        }
        devices[device].channels[channel].counters.events += 1
        activity.effects.append(.signal(place, connectionID: devices[device].channels[channel].connectionID))
    }

    private mutating func transmit<Memory>(
        _ frames: [[UInt8]], interface: Int, _ activity: inout PartitionActivity<Memory>
    ) {
        for frame in frames {
            guard let device = devices.firstIndex(where: { $0.interface == interface }) else { return }
            act(device, &activity) { (end, memory, _) in
                guard var adapter = end as? NetworkConsumer else { return [] }
                defer { end = adapter }
                return adapter.transmit(frame: frame, memory: &memory)
            }
        }
    }
}

extension PhysicalMemory {
    /// Fills pages with zeros, as a guest must before it shares them; false when a page is not there.
    mutating func clear(_ pages: [UInt64]) -> Bool {
        write(pages, offset: 0, [UInt8](repeating: 0, count: pages.count * 4096))
    }
}
