import BusModel
public import VMBusDevices
public import VMBusEngine
import VMBusRing
public import VMBusWire

/// The root partition's end of one guest's bus as one value: its end of the connection, its devices and their rings.
///
/// The simulator gives it simulated memory, a bridge the memory of a virtual machine.
public struct HostPartition: Sendable {
    /// The host's end of the connection.
    public internal(set) var connection: HostConnection
    /// The devices that it offers.
    public internal(set) var devices: [HostDevice] = []
    let configuration: HostConfiguration
    var generation: UInt32 = 0
    /// Counts the guest's runs, and the connections that the host has begun.
    var (run, socketNumber): (UInt32, UInt16) = (0, 0)
    private var nextMonitorID: UInt8 = 0

    /// A host with the devices of the configuration on offer.
    public init(_ configuration: HostConfiguration) {
        self.configuration = configuration
        connection = Self.makeConnection(configuration)
        for device in configuration.devices { _ = add(device) }
    }

    static func makeConnection(_ configuration: HostConfiguration) -> HostConnection {
        var engine = HostConnection.Configuration(profile: configuration.profile)
        engine.maximumVersion = configuration.maximumVersion
        engine.awaits = .sockets
        #if Mutations
            engine.mutation = configuration.mutation
        #endif
        return HostConnection(engine)
    }

    /// Whether HvPostMessage finds a port behind a connection id: hosts before 5.0 have only the first (reference §1.6).
    public func accepts(connectionID: UInt32) -> Bool {
        connectionID == ConnectionID.message
            || connectionID == ConnectionID.multiClientMessage && configuration.maximumVersion >= .redstone3MultiClient
    }

    /// What was agreed on with the guest; meaningful while it is connected.
    public var agreement: WireContext { connection.agreement }

    /// Guest-physical address of the page in which monitored channels signal; 0 for none.
    public var monitorPage: UInt64 { connection.childToParentMonitorPage }

    /// The channel with a number.
    public func channel(relid: UInt32) -> ChannelPlace? {
        guard let name = connection.name(relid: relid) else { return nil }
        return ChannelPlace(device: name.device, subchannel: name.subchannel, relid: relid)
    }

    /// The channel that signals with a bit of the monitor page.
    public func channel(monitorID: UInt8) -> ChannelPlace? {
        connection.channels.first { $0.offer.isMonitored && $0.offer.monitorID == monitorID && $0.relid != 0 }
            .map { ChannelPlace($0.offer) }
    }

    /// A message of the guest came over a connection.
    @_specialize(where Memory == SimulatedMemory)
    public mutating func receive<Memory>(
        message: [UInt8], connectionID: UInt32, _ activity: inout PartitionActivity<Memory>
    ) {
        perform(connection.receive(message, connectionID: connectionID), &activity)
    }

    /// The guest is gone without a word.
    public mutating func reset<Memory>(_ activity: inout PartitionActivity<Memory>) {
        perform(connection.reset(), &activity)
    }

    /// Offers a device, now or at the next connection.
    public mutating func offer<Memory>(_ device: DeviceConfiguration, _ activity: inout PartitionActivity<Memory>) {
        perform(add(device), &activity)
    }

    /// Takes a device back, sub-channels first. False when there is none.
    public mutating func rescind<Memory>(device instance: GUID, _ activity: inout PartitionActivity<Memory>) -> Bool {
        guard let index = place(of: instance) else { return false }
        for channel in devices[index].channels.reversed() { perform(connection.revoke(channel.key), &activity) }
        devices.removeAll { $0.configuration.instance == instance }
        return true
    }

    /// The guest signalled a channel: takes packets out of its guest→host ring.
    @_specialize(where Memory == SimulatedMemory)
    public mutating func signalled<Memory>(relid: UInt32, _ activity: inout PartitionActivity<Memory>) {
        guard let key = connection.key(relid: relid), let (device, channel) = position(key) else { return }
        let appetite = devices[device].provider.first?.appetite ?? RingAppetite()
        let drained: ChannelPort.Drained
        do throws(ProtocolViolation) {
            // Where it lies, as a copy would count references to both lists of pages.
            guard
                let taken = try devices[device].channels[channel].port?
                    .drain(&activity.memory, limit: appetite.packets, keepsBytes: activity.tellsReceived)
            else { return }
            drained = taken
        } catch {
            activity.effects.append(.violation(error))
            return
        }
        let place = place(device, channel)
        let isBlocked = devices[device].channels[channel].port?.isBlocked == true
        if drained.signal { interrupt(key, place, &activity) }
        activity.effects += drained.violations.map { .violation($0) }
        for (packet, bytes) in drained.packets { deliver(packet, bytes, place, &activity) }
        if isBlocked { sendAgain(key, &activity) }
        if drained.hasMore, appetite.pause < .max {
            activity.effects.append(.wake(afterNanoseconds: appetite.pause, .drain(relid: relid)))
        }
    }

    /// A frame comes from the switch to a network device.
    @_specialize(where Memory == SimulatedMemory)
    public mutating func deliver<Memory>(
        frame: [UInt8], device instance: GUID, _ activity: inout PartitionActivity<Memory>
    ) {
        deliver(frames: [frame], device: instance, &activity)
    }

    /// Frames come together from the switch to a network device, which may hand several on in one packet.
    public mutating func deliver<Memory>(
        frames: [[UInt8]], device instance: GUID, _ activity: inout PartitionActivity<Memory>
    ) {
        guard let index = place(of: instance) else { return }
        act(index, &activity) { (end, memory, _) in end.transmit(frames: frames, memory: &memory) }
    }

    /// Something is asked of a device. False when there is none, or it does not know such a command.
    public mutating func perform<Memory>(
        _ command: DeviceCommand, device instance: GUID, _ activity: inout PartitionActivity<Memory>
    ) -> Bool {
        guard let index = place(of: instance) else { return false }
        var isKnown = false
        act(index, &activity) { (end, memory, time) in
            let effects = end.perform(command, time: time, memory: &memory)
            isKnown = effects != nil
            return effects ?? []
        }
        return isKnown
    }

    /// The guest's machine is reset: from now on its reference counter counts anew.
    public mutating func machineReset(at time: UInt64) {
        for index in devices.indices where devices[index].configuration.kind == .timeSync {
            devices[index].configuration.integration?.timeSync.resetTime = time
            if devices[index].channels.allSatisfy({ $0.port == nil }) { devices[index].restart() }
        }
    }

    /// A disk has done what a `disk` effect asked for.
    @_specialize(where Memory == SimulatedMemory)
    public mutating func completed<Memory>(
        _ completion: DiskCompletion, device instance: GUID, generation: UInt32,
        _ activity: inout PartitionActivity<Memory>
    ) {
        guard
            let index = place(of: instance, generation: generation)
        else { return }
        act(index, &activity) { (end, memory, time) in end.completed(completion, time: time, memory: &memory) }
    }

    /// Time that was asked for has passed.
    @_specialize(where Memory == SimulatedMemory)
    public mutating func wake<Memory>(_ token: WakeToken, _ activity: inout PartitionActivity<Memory>) {
        switch token {
        case .drain(let relid): signalled(relid: relid, &activity)
        case .workload, .diskWork, .connection, .interruptMessage: break
        case .socket(let index, let run): if run == self.run { connectSocket(index, &activity) }
        case .socketLimit(let instance, let generation): socketLimit(instance, generation, &activity)
        case .device(let instance, let token, let generation):
            guard
                let index = place(of: instance, generation: generation)
            else { return }
            act(index, &activity) { (end, memory, time) in end.wake(token: token, time: time, memory: &memory) }
        }
    }

    func position(_ key: HostChannelKey) -> (device: Int, channel: Int)? {
        for device in devices.indices {
            for channel in devices[device].channels.indices where devices[device].channels[channel].key == key {
                return (device, channel)
            }
        }
        return nil
    }

    /// The place of a channel among those of a device. Here and in what follows loops search, as a closure would be given a
    /// copy of the whole partition.
    private func channel(_ device: Int, _ subchannel: UInt16) -> Int? {
        for channel in devices[device].channels.indices
        where devices[device].channels[channel].subchannel == subchannel { return channel }
        return nil
    }

    /// The place of a device in `devices`. Devices are looked at where they lie, as a copy of one costs much.
    func place(of instance: GUID, generation: UInt32? = nil) -> Int? {
        for device in devices.indices
        where devices[device].configuration.instance == instance
            && (generation == nil || devices[device].generation == generation)
        { return device }
        return nil
    }

    private func place(_ device: Int, _ channel: Int) -> ChannelPlace {
        ChannelPlace(
            device: devices[device].configuration.instance,
            subchannel: devices[device].channels[channel].subchannel,
            relid: connection.relid(of: devices[device].channels[channel].key) ?? 0)
    }

    private mutating func add(_ configuration: DeviceConfiguration) -> [HostEffect] {
        generation += 1
        var configuration = configuration
        configuration.network?.stopsAtSplitHeaders = self.configuration.profile.stopsAtSplitHeaders
        #if Mutations
            configuration.network?.mutation = self.configuration.mutation
        #endif
        var device = HostDevice(configuration, generation: generation)
        if configuration.isMonitored, nextMonitorID < MonitorPage.idCount {
            device.firstMonitorID = nextMonitorID
            nextMonitorID += UInt8(min(configuration.channelCount, Int(MonitorPage.idCount) - Int(nextMonitorID)))
        }
        // A scenario has no two devices of one name, and a host no place for more channels than there are numbers.
        guard let (key, effects) = try? connection.addOffer(device.offer(subchannel: 0), order: UInt64(generation))
        else { return [] }
        device.channels = [HostDevice.Channel(key: key, subchannel: 0)]
        devices.append(device)
        return effects
    }
}

// MARK: - The connection's effects

extension HostPartition {
    mutating func perform<Memory>(_ effects: [HostEffect], _ activity: inout PartitionActivity<Memory>) {
        for effect in effects {
            switch effect {
            case .send(let bytes, let targetVP): activity.effects.append(.send(bytes: bytes, targetVP: targetVP))
            case .reply(let bytes, let target) where target.sint == SynIC.vmbusSINT:
                activity.effects.append(.send(bytes: bytes, targetVP: target.vp))
            case .reply(_, let target):
                activity.effects.append(
                    .note("an answer to source \(target.sint) of processor \(target.vp), which nobody listens to here"))
            case .forward(let request):
                activity.effects.append(.note("a contact for trust level \(request.targetVTL ?? 0), which has no host"))
            case .open(let key, let request): open(key, request, &activity)
            case .close(let key): close(key, &activity)
            case .disconnected: disconnected()
            case .violation(let violation): activity.effects.append(.violation(violation))
            case .connected: armSockets(&activity)
            case .socket(let request): connect(request, &activity)
            case .pageListCreated(let key, let handle): takeList(key, handle)
            case .pageListReleased(let key, let handle): dropList(key, handle)
            case .moved, .released, .resumed, .abandoned: break
            case .contact, .modifyConnection, .pageListOffered, .pageListTeardown, .move:
                // Asked only of a host that awaits these answers, and this one's configuration awaits none.
                break
            }
        }
    }

    private mutating func open<Memory>(
        _ key: HostChannelKey, _ request: OpenRequest, _ activity: inout PartitionActivity<Memory>
    ) {
        let pages = request.ringPages.pages
        let split = Int(request.message.downstreamPageOffset)
        guard let (device, channel) = position(key), split > 0, split < pages.count,
            let incoming = try? RingPages(pages[..<split]), let outgoing = try? RingPages(pages[split...])
        else {
            perform(connection.openCompleted(key, success: false), &activity)
            return
        }
        devices[device].channels[channel].port = ChannelPort(
            outgoing: outgoing, incoming: incoming, configuration.ringSettings)
        perform(connection.openCompleted(key, success: true), &activity)
        let subchannel = devices[device].channels[channel].subchannel
        act(device, &activity) { (end, memory, time) in
            end.opened(subchannel: subchannel, time: time, memory: &memory)
        }
    }

    private mutating func close<Memory>(_ key: HostChannelKey, _ activity: inout PartitionActivity<Memory>) {
        if let (device, channel) = position(key) {
            devices[device].channels[channel].port = nil
            let subchannel = devices[device].channels[channel].subchannel
            act(device, &activity) { (end, _, _) in end.closed(subchannel: subchannel) }
            if subchannel == 0 { withdrawSubchannels(device, &activity) }
        }
        perform(connection.closeCompleted(key), &activity)
        withdrawSocket(key, &activity)
    }

    /// A closed primary's sub-channels are taken back; the guest asks for them again when it opens it again.
    private mutating func withdrawSubchannels<Memory>(_ device: Int, _ activity: inout PartitionActivity<Memory>) {
        let withdrawn = devices[device].channels.filter { $0.subchannel > 0 }
        devices[device].channels.removeAll { $0.subchannel > 0 }
        devices[device].restart()
        for channel in withdrawn {
            let effects = connection.revoke(channel.key)
            // Nobody is there to be told; the offers must be gone all the same, or the next guest gets none of these.
            if connection.state == .connected { perform(effects, &activity) }
        }
        dropLists(device)
    }

    /// Takes over a page list for a device. Every packet needs it, so it is not looked up for each.
    private mutating func takeList(_ key: HostChannelKey, _ handle: UInt32) {
        guard let (device, _) = position(key), let list = connection.pageList(key, handle: handle) else { return }
        devices[device].lists.append(SharedPages(handle: handle, pages: list.list.pages, channel: key))
    }

    private mutating func dropList(_ key: HostChannelKey, _ handle: UInt32) {
        guard let (device, _) = position(key) else { return }
        devices[device].lists.removeAll { $0.handle == handle && $0.channel == key }
    }

    /// Lets go of the lists of channels that a device has no more.
    private mutating func dropLists(_ device: Int) {
        let keys = devices[device].channels.map(\.key)
        devices[device].lists.removeAll { list in !keys.contains { $0 == list.channel } }
    }

    private mutating func disconnected() {
        run += 1
        for device in devices where device.configuration.kind == .socket {
            for channel in device.channels { _ = connection.revoke(channel.key) }
        }
        devices.removeAll { $0.configuration.kind == .socket }
        for index in devices.indices {
            for channel in devices[index].channels where channel.subchannel > 0 { _ = connection.revoke(channel.key) }
            devices[index].channels.removeAll { $0.subchannel > 0 }
            for channel in devices[index].channels.indices { devices[index].channels[channel].port = nil }
            generation += 1
            devices[index].restart(generation: generation)
            dropLists(index)
        }
    }
}

// MARK: - The devices' effects

extension HostPartition {
    /// Lets a device act on the memory that the guest shares with it, and does what it wants done.
    private mutating func act<Memory>(
        _ device: Int, _ activity: inout PartitionActivity<Memory>,
        _ body: (inout any DeviceEndpoint, inout SharedMemory<Memory>, UInt64) -> [DeviceEffect]
    ) {
        guard !devices[device].provider.isEmpty else { return }
        let instance = devices[device].configuration.instance
        let time = activity.time
        let effects = activity.withSharedMemory(devices[device].lists) { memory in
            body(&devices[device].provider[0], &memory, time)
        }
        for effect in effects {
            guard let index = place(of: instance) else { return }
            perform(effect, device: index, &activity)
        }
    }

    private mutating func perform<Memory>(
        _ effect: DeviceEffect, device: Int, _ activity: inout PartitionActivity<Memory>
    ) {
        switch effect {
        case .send(let subchannel, let packet, let attachment):
            guard let channel = self.channel(device, subchannel) else { return }
            do throws(ProtocolViolation) {
                let spare = devices[device].provider.first?.spareRingBytes(behind: packet) ?? 0
                guard
                    let sent = try devices[device].channels[channel].port?
                        .send(packet, spare: spare, &activity.memory)
                else { return }
                guard case .written(let signal) = sent else {
                    devices[device].provider[0].sendRefused(packet, attachment: attachment, subchannel: subchannel)
                    return
                }
                let place = place(device, channel)
                activity.effects.append(
                    .packet(
                        place, .hostToGuest, packet.type, bytes: packet.encoded ?? [], attachment: attachment))
                if signal { interrupt(devices[device].channels[channel].key, place, &activity) }
            } catch {
                activity.effects.append(.violation(error))
            }
        case .offerSubchannels(let count): offerSubchannels(device, count, &activity)
        case .wake(let after, let token):
            activity.effects.append(
                .wake(
                    afterNanoseconds: after,
                    .device(
                        devices[device].configuration.instance, token: token, generation: devices[device].generation)))
        case .frame(let frame):
            activity.effects.append(.frame(device: devices[device].configuration.instance, frame))
        case .violation(let violation): activity.effects.append(.violation(violation))
        case .failed(let reason):
            activity.effects.append(.note("host's \(devices[device].configuration.kind.word): \(reason)"))
        case .note(let text): activity.effects.append(.note(text))
        case .finished: _ = rescind(device: devices[device].configuration.instance, &activity)
        case .utility(let event): learn(event, &activity)
        case .disk(let request):
            let (instance, generation) = (devices[device].configuration.instance, devices[device].generation)
            activity.effects.append(.disk(device: instance, generation: generation, request))
        case .plugged(let disk):
            activity.effects.append(.plugged(device: devices[device].configuration.instance, disk))
        case .unplugged(let lun):
            activity.effects.append(.unplugged(device: devices[device].configuration.instance, lun: lun))
        case .interruptMessage(let address, let data):
            activity.effects.append(
                .interruptMessage(device: devices[device].configuration.instance, address: address, data: data))
        case .ready, .createBuffer, .destroyBuffer, .submitted, .disksChanged: break
        }
    }

    /// Facts that a partition shows are told as its attributes.
    private func learn<Memory>(_ event: UtilityEvent, _ activity: inout PartitionActivity<Memory>) {
        if case .memory(let given, let added) = event {
            activity.effects.append(
                .learned([
                    AttributeReading(.balloonedPages, given), AttributeReading(.balloonAddedPages, added),
                ]))
        }
        guard case .fact(let name, let value) = event, !value.isEmpty else { return }
        switch name {
        case "FullyQualifiedDomainName": activity.effects.append(.learned([AttributeReading(.guestName, text: value)]))
        case "OSName": activity.effects.append(.learned([AttributeReading(.operatingSystem, text: value)]))
        case "OSVersion": activity.effects.append(.learned([AttributeReading(.systemVersion, text: value)]))
        case "NetworkAddressIPv4", "NetworkAddressIPv6":
            activity.effects.append(
                .learned([AttributeReading(name.hasSuffix("4") ? .addressesV4 : .addressesV6, text: value)]))
        default: break
        }
    }

    private mutating func offerSubchannels<Memory>(
        _ device: Int, _ count: UInt16, _ activity: inout PartitionActivity<Memory>
    ) {
        for _ in 0..<count {
            let subchannel = UInt16(devices[device].channels.count)
            guard let (key, effects) = try? connection.addOffer(devices[device].offer(subchannel: subchannel)) else {
                return
            }
            devices[device].channels.append(HostDevice.Channel(key: key, subchannel: subchannel))
            perform(effects, &activity)
        }
    }

    private mutating func deliver<Memory>(
        _ packet: ChannelPacket, _ bytes: [UInt8], _ place: ChannelPlace, _ activity: inout PartitionActivity<Memory>
    ) {
        guard let index = self.place(of: place.device) else { return }
        // What is received comes before what it leads to.
        let position = activity.effects.count
        var attachment: [UInt8] = []
        defer {
            if activity.tellsReceived {
                activity.effects.insert(
                    .received(place, packet.type, bytes: bytes, attachment: attachment), at: position)
            }
        }
        act(index, &activity) { (end, memory, time) in
            attachment = end.attachment(of: packet, memory: memory)
            let effects = end.receive(
                packet, attachment: attachment, subchannel: place.subchannel, time: time, memory: &memory)
            let limit = type(of: end).recordedAttachmentLimit
            if attachment.count > limit { attachment = Array(attachment.prefix(limit)) }
            return effects
        }
    }

    private mutating func sendAgain<Memory>(_ key: HostChannelKey, _ activity: inout PartitionActivity<Memory>) {
        guard let (device, channel) = position(key) else { return }
        devices[device].channels[channel].port?.unblock()
        let subchannel = devices[device].channels[channel].subchannel
        act(device, &activity) { (end, _, _) in end.channelWritable(subchannel: subchannel) }
    }

    private func interrupt<Memory>(
        _ key: HostChannelKey, _ place: ChannelPlace, _ activity: inout PartitionActivity<Memory>
    ) {
        guard let (targetVP, eventFlag) = connection.interrupt(of: key) else { return }
        let isOld = agreement.version < .windows8
        let delivery = isOld ? EventFlagDelivery(vp: 0, flag: 0) : EventFlagDelivery(vp: targetVP, flag: eventFlag)
        activity.effects.append(.interrupt(place, delivery, throughInterruptPage: isOld))
    }
}
