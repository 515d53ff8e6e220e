import VMBusDevices
import VMBusEngine
import VMBusRing
import VMBusWire

/// What follows from the host's messages: drivers take devices, share pages, open channels and let go of them.
extension GuestPartition {
    mutating func perform<Memory>(_ effects: [GuestEffect], _ activity: inout PartitionActivity<Memory>) {
        for effect in effects {
            switch effect {
            case .post(let bytes, let connectionID):
                activity.effects.append(.post(bytes: bytes, connectionID: connectionID))
            case .offered(let offer): offered(offer, &activity)
            case .pageListCreated(let handle, let relid): pageListCreated(handle, relid, &activity)
            case .pageListRefused(let handle, _, _): pageListEnded(handle, &activity)
            case .pageListTorndown(let handle, _): pageListEnded(handle, &activity)
            case .pageListLeaked(let handle, _): pageListEnded(handle, leaks: true, &activity)
            case .opened(let relid): opened(relid, &activity)
            case .openRefused(let relid, _):
                guard let (device, channel) = position(relid: relid) else { continue }
                let handle = devices[device].channels[channel].ringList
                perform((try? connection.tearDownPageList(handle)) ?? [], &activity)
            case .rescinded(let relid): rescinded(relid, &activity)
            case .connectFailed: activity.effects.append(.disconnected)
            case .unloaded: unloaded(&activity)
            case .violation(let violation): activity.effects.append(.violation(violation))
            case .wake(let token, let delay):
                let (nanoseconds, overflow) = delay.multipliedReportingOverflow(by: 1000)
                activity.effects.append(
                    .wake(afterNanoseconds: overflow ? .max : nanoseconds, .connection(token)))
            case .postFailed(let type, let result):
                activity.effects.append(
                    .note("\(type.meaning ?? "a message") was not posted: \(result.meaning ?? "unknown failure")"))
            case .connected: armSockets(&activity)
            case .socketRefused(let result):
                socketFailed(result.endpointID, "nobody listens (\(result.status.meaning ?? "refused"))", &activity)
            case .socketTimedOut(let request): socketFailed(request.endpointID, "no answer in time", &activity)
            case .suspended: suspended(&activity)
            case .readopted(let offer): readopted(offer, &activity)
            case .offersMissing(let offers): for offer in offers { missing(offer, &activity) }
            case .pollMessagePages: activity.effects.append(.pollMessages)
            case .unloadAbandoned:
                activity.effects.append(.note("the host has not answered the crashing guest's goodbye"))
            case .allOffersDelivered, .modified, .reservedClosed, .socketConnected, .connectionModified,
                .messagesPaused, .clearMessageSlots:
                break
            }
        }
    }

    /// A driver takes the device: it shares the rings' pages and opens the channel once the host holds them.
    mutating func offered<Memory>(_ offer: OfferChannel, _ activity: inout PartitionActivity<Memory>) {
        let kind = DeviceClass.of(offer.interfaceType).kind
        if offer.subchannelIndex == 0 {
            generation += 1
            devices.append(
                GuestDevice(
                    instance: offer.interfaceInstance, kind: kind, generation: generation,
                    consumer: kind == .socket
                        ? socketConsumer(offer)
                        : configuration.consumer(for: kind, instance: offer.interfaceInstance, resetTime: resetTime)))
        }
        guard let index = devices.firstIndex(where: { $0.instance == offer.interfaceInstance }) else { return }
        let channel = GuestDevice.Channel(subchannel: offer.subchannelIndex, relid: offer.relid)
        devices[index].channels.append(channel)
        shareRings(index, offer, &activity)
    }

    /// Gives the pages of both rings of a device's newest channel to the host.
    mutating func shareRings<Memory>(
        _ index: Int, _ offer: OfferChannel, _ activity: inout PartitionActivity<Memory>
    ) {
        guard !devices[index].consumer.isEmpty else { return }
        let kind = devices[index].kind
        // hv_sock's rings are 24 KiB below 5.0 and 28 KiB from it on (reference §4.11).
        let ringPages =
            kind == .socket
            ? connection.agreement.version < .redstone3MultiClient ? 6 : 7 : configuration.ringPages(for: kind)
        guard let pages = allocator.allocate(ringPages * 2), let list = PageList(pages: pages),
            let outgoing = try? RingPages(pages[..<ringPages]), let incoming = try? RingPages(pages[ringPages...]),
            activity.memory.clear(pages),
            ChannelPort.prepare(outgoing, &activity.memory, configuration.ringSettings),
            ChannelPort.prepare(incoming, &activity.memory)
        else {
            activity.effects.append(.note("no memory for the rings of channel \(offer.relid)"))
            return
        }
        do {
            let (handle, effects) = try connection.createPageList(relid: offer.relid, list)
            let last = devices[index].channels.count - 1
            devices[index].channels[last].ringList = handle
            devices[index].channels[last].rings = (outgoing, incoming)
            devices[index].lists.append(SharedPages(handle: handle, pages: pages, purpose: nil))
            perform(effects, &activity)
        } catch {
            activity.effects.append(.note("\(error)"))
        }
    }

    mutating func pageListCreated<Memory>(
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
        let targetVP = targetVP(of: channel, device)
        devices[device].channels[channel].targetVP = targetVP
        perform(
            (try? connection.open(
                relid: relid, pageList: handle, targetVP: targetVP,
                downstreamPageOffset: UInt32(list.pages.count / 2))) ?? [], &activity)
        #if Mutations
            if configuration.mutation == .trafficBeforeAccept { opened(relid, &activity) }
        #endif
    }

    /// The processor for a channel's interrupts: as its driver says, or as the guest's profile spreads them (reference §8.2).
    private mutating func targetVP(of channel: Int, _ device: Int) -> UInt32 {
        let isPerformance = devices[device].isPerformanceDevice
        return spread.next(
            isPerformance: isPerformance, used: devices[device].channels.filter { $0.port != nil }.map(\.targetVP),
            given: configuration.targetVP(
                performance: isPerformance, ordinal: devices[device].channels[channel].subchannel))
    }

    mutating func opened<Memory>(_ relid: UInt32, _ activity: inout PartitionActivity<Memory>) {
        guard let (device, channel) = position(relid: relid), let rings = devices[device].channels[channel].rings else {
            return
        }
        devices[device].channels[channel].port = ChannelPort(
            outgoing: rings.outgoing, incoming: rings.incoming, configuration.ringSettings)
        let subchannel = devices[device].channels[channel].subchannel
        act(device, &activity) { (end, memory, time) in
            end.opened(subchannel: subchannel, time: time, memory: &memory)
        }
        // The host may have written and interrupted before its answer to the open was read: no second interrupt would come.
        #if Mutations
            let isForgotten = configuration.mutation == .interruptBeforeResultIgnored
        #else
            let isForgotten = false
        #endif
        if configuration.profile.remembersEarlyInterrupts, !isForgotten { interrupted(relid: relid, &activity) }
        if let (device, _) = position(relid: relid) {
            activity.effects.append(.deviceChanged(device: devices[device].instance))
        }
    }

    /// A list is gone: its pages are the guest's own again, unless the host may touch them for ever.
    mutating func pageListEnded<Memory>(
        _ handle: UInt32, leaks: Bool = false, _ activity: inout PartitionActivity<Memory>
    ) {
        for device in devices.indices {
            guard let index = devices[device].lists.firstIndex(where: { $0.handle == handle }) else { continue }
            let list = devices[device].lists.remove(at: index)
            if leaks {
                activity.effects.append(.note("\(list.pages.count) pages are given up: the host may hold them"))
            } else {
                allocator.release(list.pages)
            }
            if let purpose = list.purpose {
                act(device, &activity) { (end, memory, _) in
                    end.bufferCreated(purpose: purpose, buffer: nil, memory: &memory)
                }
            }
            suspendWhenQuiet(&activity)
            return
        }
    }

    mutating func closeChannel<Memory>(_ relid: UInt32, _ activity: inout PartitionActivity<Memory>) {
        guard let (device, channel) = position(relid: relid), devices[device].channels[channel].port != nil else {
            return
        }
        let subchannel = devices[device].channels[channel].subchannel
        devices[device].channels[channel].port = nil
        #if Mutations
            if configuration.mutation == .teardownBeforeClose {
                for list in connection.pageLists(of: relid) {
                    perform((try? connection.tearDownPageList(list.handle)) ?? [], &activity)
                }
            }
        #endif
        // Buffers go before the close on hosts older than 4.0 and after it from 4.0 on (reference §9 number 18).
        let buffersFirst = connection.agreement.version < .windows10
        if buffersFirst { act(device, &activity) { (end, _, _) in end.closed(subchannel: subchannel) } }
        perform((try? connection.close(relid: relid)) ?? [], &activity)
        if !buffersFirst { act(device, &activity) { (end, _, _) in end.closed(subchannel: subchannel) } }
        for list in connection.pageLists(of: relid) {
            perform((try? connection.tearDownPageList(list.handle)) ?? [], &activity)
        }
        #if Mutations
            if configuration.mutation == .reopenBeforeTorndown, let (device, channel) = position(relid: relid) {
                let handle = devices[device].channels[channel].ringList
                if let list = devices[device].lists.first(where: { $0.handle == handle }),
                    let pages = PageList(pages: list.pages)
                {
                    perform((try? connection.createPageList(relid: relid, pages))?.1 ?? [], &activity)
                }
            }
        #endif
    }

    mutating func rescinded<Memory>(_ relid: UInt32, _ activity: inout PartitionActivity<Memory>) {
        closeChannel(relid, &activity)
        guard let (device, channel) = position(relid: relid) else { return }
        for list in connection.pageLists(of: relid) { pageListEnded(list.handle, &activity) }
        devices[device].channels.remove(at: channel)
        if devices[device].channels.isEmpty {
            for list in devices[device].lists { allocator.release(list.pages) }
            devices.remove(at: device)
        }
        perform((try? connection.release(relid: relid)) ?? [], &activity)
    }

    mutating func unloaded<Memory>(_ activity: inout PartitionActivity<Memory>) {
        devices = []
        allocator = PageAllocator(first: Self.firstFreePage, end: configuration.memoryPages)
        activity.effects.append(.disconnected)
    }
}
