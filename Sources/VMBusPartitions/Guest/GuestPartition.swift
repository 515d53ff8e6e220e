import VMBusDevices
public import VMBusEngine
import VMBusRing
import VMBusWire

/// A guest as one value: its end of the bus, its drivers, its rings and its own work. Its memory is lent to it.
public struct GuestPartition: Sendable {
    /// How the guest is made.
    public let configuration: GuestConfiguration
    /// Its end of the bus.
    public internal(set) var connection: GuestConnection
    /// The devices that it has been offered, in order of their first offer.
    public internal(set) var devices: [GuestDevice] = []
    var allocator: PageAllocator
    var network: [GuestNetworkStack]
    var generation: UInt32 = 0
    var spread: ChannelSpread
    /// When the machine was reset, in nanoseconds: its reference counter was 0 then.
    var resetTime: UInt64 = 0
    /// The connections that were asked for and not answered, with their place in the scenario; and how many there ever were.
    var sockets: [(endpoint: GUID, index: Int)] = []
    var socketNumber: UInt16 = 0
    /// Channels are being closed before the connection ends for hibernation.
    var isHibernating = false
    /// Whether the guest has crashed: it takes no interrupts any more.
    public internal(set) var isCrashing = false

    /// The guest's page for the legacy interrupt bitmap.
    private static let interruptPage: UInt64 = 1
    /// Guest-physical address of that page.
    public static let interruptPageAddress = interruptPage * 4096
    /// The host's monitor page.
    static let parentToChildMonitorPage: UInt64 = 2
    /// The guest's monitor page.
    static let childToParentMonitorPage: UInt64 = 3
    static let firstFreePage: UInt64 = 16

    /// A guest that has not booted.
    public init(_ configuration: GuestConfiguration) {
        self.configuration = configuration
        var connection = GuestConnection.Configuration(profile: configuration.profile)
        connection.versions = configuration.profile.versions.filter { $0 <= configuration.maximumVersion }
        connection.interruptPage = Self.interruptPageAddress
        connection.parentToChildMonitorPage = Self.parentToChildMonitorPage * 4096
        connection.childToParentMonitorPage = Self.childToParentMonitorPage * 4096
        connection.clientID = configuration.clientID
        #if Mutations
            connection.mutation = configuration.mutation
        #endif
        self.connection = GuestConnection(connection)
        spread = ChannelSpread(configuration.profile.spread, nodes: [Array(0..<configuration.processors)])
        allocator = PageAllocator(first: Self.firstFreePage, end: configuration.memoryPages)
        network = configuration.addresses.map { GuestNetworkStack($0) }
    }

    /// Boots: starts to negotiate.
    public mutating func boot<Memory>(_ activity: inout PartitionActivity<Memory>) {
        resetTime = activity.time
        perform(connection.connect(), &activity)
    }

    /// The hypervisor did not take a post. Those behind it were not tried, and come back with it.
    public mutating func postRefused<Memory>(
        _ result: PostResult, _ posts: [GuestPost], _ activity: inout PartitionActivity<Memory>
    ) {
        perform(connection.postRefused(result, posts), &activity)
    }

    /// A message of the host was in the slot: its valid bytes.
    @_specialize(where Memory == SimulatedMemory)
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

    /// An event flag was set. One that no open channel waits for is nobody's: it may be left from a channel that was closed.
    @_specialize(where Memory == SimulatedMemory)
    public mutating func interrupted<Memory>(eventFlag: UInt32, _ activity: inout PartitionActivity<Memory>) {
        guard let flag = UInt16(exactly: eventFlag), let relid = connection.relid(eventFlag: flag) else { return }
        interrupted(relid: relid, &activity)
    }

    /// The channel's event flag was set: takes packets out of its host→guest ring.
    @_specialize(where Memory == SimulatedMemory)
    public mutating func interrupted<Memory>(relid: UInt32, _ activity: inout PartitionActivity<Memory>) {
        guard let (device, channel) = position(relid: relid), devices[device].channels[channel].port != nil else {
            return
        }
        devices[device].channels[channel].counters.interrupts += 1
        let appetite = devices[device].consumer.first?.appetite ?? RingAppetite()
        let drained: ChannelPort.Drained
        do throws(ProtocolViolation) {
            // Where it lies, as a copy would count references to both lists of pages.
            guard
                let taken = try devices[device].channels[channel].port?
                    .drain(&activity.memory, limit: appetite.packets)
            else { return }
            drained = taken
        } catch {
            activity.effects.append(.violation(error))
            return
        }
        let place = name(device, channel)
        let isBlocked = devices[device].channels[channel].port?.isBlocked == true
        if drained.signal, configuration.profile.wakesForSpace {
            devices[device].channels[channel].counters.interruptsInFull += 1
            signal(place, &activity)
        }
        activity.effects += drained.violations.map { .violation($0) }
        for (packet, _) in drained.packets { deliver(packet, place, &activity) }
        if isBlocked { sendAgain(relid, &activity) }
        if drained.hasMore {
            activity.effects.append(.wake(afterNanoseconds: appetite.pause, .drain(relid: relid)))
        }
    }

    /// Time that was asked for has passed.
    @_specialize(where Memory == SimulatedMemory)
    public mutating func wake<Memory>(_ token: WakeToken, _ activity: inout PartitionActivity<Memory>) {
        // Who has crashed does nothing but look for the answer to its goodbye.
        if isCrashing {
            if case .connection(let token) = token { perform(connection.wake(token), &activity) }
            return
        }
        switch token {
        case .connection(let token): perform(connection.wake(token), &activity)
        case .drain(let relid): interrupted(relid: relid, &activity)
        case .socket(let index, _): connectSocket(index, &activity)
        case .socketLimit: break
        case .interruptMessage(let instance, let address, let data):
            guard let index = place(of: instance) else { return }
            act(index, &activity) { (end, memory, time) in
                end.perform(.pci(.interrupted(address: address, data: data)), time: time, memory: &memory) ?? []
            }
        case .workload(let index, let generation):
            guard network.indices.contains(index),
                devices.indices.contains(where: {
                    devices[$0].interface == index && devices[$0].generation == generation
                })
            else { return }
            let frames = network[index].tick(time: activity.time)
            activity.effects.append(.wake(afterNanoseconds: network[index].interval, token))
            transmit(frames, interface: index, &activity)
        case .diskWork(let instance, let generation):
            guard let index = place(of: instance, generation: generation),
                let work = devices[index].work
            else { return }
            activity.effects.append(.wake(afterNanoseconds: work.interval, token))
            submit(index, &activity) { $0.tick() }
        case .device(let instance, let token, let generation):
            guard let index = place(of: instance, generation: generation)
            else { return }
            act(index, &activity) { (end, memory, time) in end.wake(token: token, time: time, memory: &memory) }
        }
    }

    /// The channel that a page list belongs to, from its first message to GPADL_TORNDOWN.
    public func channel(pageList handle: UInt32) -> ChannelPlace? {
        connection.pageList(handle).flatMap { list in
            position(relid: list.relid).map { name($0.device, $0.channel) }
        }
    }

    func position(relid: UInt32) -> (device: Int, channel: Int)? {
        for device in devices.indices {
            for channel in devices[device].channels.indices where devices[device].channels[channel].relid == relid {
                return (device, channel)
            }
        }
        return nil
    }

    /// The place of a channel among those of a device. Here and in what follows loops search, as a closure would be given a
    /// copy of the whole partition.
    func channel(_ device: Int, _ subchannel: UInt16) -> Int? {
        for channel in devices[device].channels.indices
        where devices[device].channels[channel].subchannel == subchannel { return channel }
        return nil
    }

    /// What a channel is called.
    func name(_ device: Int, _ channel: Int) -> ChannelPlace {
        ChannelPlace(
            device: devices[device].instance, subchannel: devices[device].channels[channel].subchannel,
            relid: devices[device].channels[channel].relid)
    }

    /// The place of a device in `devices`. Devices are looked at where they lie, as a copy of one costs much.
    func place(of instance: GUID, generation: UInt32? = nil) -> Int? {
        for device in devices.indices
        where devices[device].instance == instance && (generation == nil || devices[device].generation == generation) {
            return device
        }
        return nil
    }
}
