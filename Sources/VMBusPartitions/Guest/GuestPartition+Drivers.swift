import VMBusDevices
import VMBusEngine
import VMBusRing
import VMBusWire

/// What the drivers want done: packets, buffers, timers and frames.
extension GuestPartition {
    /// Lets a driver act on the guest's memory, and does what it wants done.
    mutating func act<Memory>(
        _ device: Int, _ activity: inout PartitionActivity<Memory>,
        _ body: (inout any DeviceEndpoint, inout SharedMemory<Memory>, UInt64) -> [DeviceEffect]
    ) {
        guard !devices[device].consumer.isEmpty else { return }
        let instance = devices[device].instance
        let time = activity.time
        let effects = activity.withSharedMemory(devices[device].lists) { memory in
            body(&devices[device].consumer[0], &memory, time)
        }
        for effect in effects {
            guard let index = place(of: instance) else { return }
            perform(effect, device: index, &activity)
        }
    }

    mutating func perform<Memory>(
        _ effect: DeviceEffect, device: Int, _ activity: inout PartitionActivity<Memory>
    ) {
        switch effect {
        case .send(let subchannel, let packet, let attachment):
            guard let channel = channel(device, subchannel) else { return }
            let wasBlocked = devices[device].channels[channel].port?.isBlocked == true
            do throws(ProtocolViolation) {
                let spare = devices[device].consumer.first?.spareRingBytes(behind: packet) ?? 0
                guard
                    let sent = try devices[device].channels[channel].port?
                        .send(packet, spare: spare, &activity.memory)
                else { return }
                guard case .written(let signal) = sent else {
                    devices[device].channels[channel].counters.outFullTotal += 1
                    if !wasBlocked { devices[device].channels[channel].counters.outFullFirst += 1 }
                    devices[device].consumer[0].sendRefused(packet, attachment: attachment, subchannel: subchannel)
                    return
                }
                let place = name(device, channel)
                activity.effects.append(
                    .packet(
                        place, .guestToHost, packet.type, bytes: packet.encoded ?? [], attachment: attachment))
                if signal || configuration.profile.signalsNeedlessly {
                    devices[device].channels[channel].counters.interruptsOutEmpty += 1
                    self.signal(place, &activity)
                }
            } catch {
                activity.effects.append(.violation(error))
            }
        case .createBuffer(let purpose, let byteCount): createBuffer(purpose, byteCount, device, &activity)
        case .destroyBuffer(let purpose):
            for list in devices[device].lists where list.purpose == purpose {
                guard purpose.needsPageList else {
                    devices[device].lists.removeAll { $0.purpose == purpose }
                    allocator.release(list.pages)
                    continue
                }
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
        case .ready where configuration.work(on: devices[device].instance) != nil:
            guard let work = configuration.work(on: devices[device].instance) else { return }
            devices[device].work = work
            activity.effects.append(.deviceChanged(device: devices[device].instance))
            activity.effects.append(
                .wake(
                    afterNanoseconds: work.interval,
                    .diskWork(devices[device].instance, generation: devices[device].generation)))
            submit(device, &activity) { $0.look() }
        case .submitted(let result): submit(device, &activity) { $0.take(result) }
        case .disksChanged: submit(device, &activity) { $0.look() }
        case .disk, .plugged, .unplugged: break
        case .ready:
            guard devices[device].kind == .network,
                let interface = network.indices.first(where: { index in !devices.contains { $0.interface == index } })
            else { return }
            devices[device].interface = interface
            activity.effects.append(.deviceChanged(device: devices[device].instance))
            activity.effects.append(
                .wake(
                    afterNanoseconds: network[interface].interval,
                    .workload(interface: interface, generation: devices[device].generation)))
        case .violation(let violation): activity.effects.append(.violation(violation))
        case .failed(let reason): activity.effects.append(.note("\(devices[device].kind.word): \(reason)"))
        case .note(let text): activity.effects.append(.note("guest's \(text)"))
        case .finished: if let relid = devices[device].channels.first?.relid { closeChannel(relid, &activity) }
        case .utility(let event): carryOut(event, &activity)
        case .offerSubchannels, .interruptMessage: break
        }
    }

    /// What an integration component wants of its guest, which has no file systems: what is written is told and forgotten.
    private func carryOut<Memory>(_ event: UtilityEvent, _ activity: inout PartitionActivity<Memory>) {
        switch event {
        case .end(let ending): activity.effects.append(.ends(restarts: ending == .restart))
        case .clock(let time):
            activity.effects.append(.note("the guest's clock is set to \(time.meaning ?? "\(time.rawValue)")"))
        case .frozen(let isFrozen):
            activity.effects.append(.note("the guest's file systems are \(isFrozen ? "frozen" : "thawed")"))
        case .file(.begin(let file)): activity.effects.append(.note("the guest takes the file \(file.name)"))
        case .file(.complete): activity.effects.append(.note("the guest has the whole file"))
        case .file(.cancel): activity.effects.append(.note("the guest drops what it has of the file"))
        case .key(let stroke): activity.effects.append(.note("the guest's keyboard: \(stroke)"))
        case .pointer(let report): activity.effects.append(.note("the guest's pointer: \(report)"))
        case .file(.data), .fact, .memory: break
        }
    }

    /// Lets the guest's own work go on, and sends what it wants of the disks.
    mutating func submit<Memory>(
        _ device: Int, _ activity: inout PartitionActivity<Memory>,
        _ body: (inout GuestDiskWork) -> [StorageRequest]
    ) {
        guard var work = devices[device].work else { return }
        let instance = devices[device].instance
        let requests = body(&work)
        if let complaint = work.complaint {
            activity.effects.append(.violation(complaint))
            work.complaint = nil
        }
        devices[device].work = work
        for request in requests {
            guard let index = place(of: instance) else { return }
            act(index, &activity) { (end, memory, _) in end.submit(request, memory: &memory) }
        }
    }

    mutating func createBuffer<Memory>(
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
            devices[device].lists.append(SharedPages(handle: 0, pages: pages, purpose: purpose))
            act(device, &activity) { (end, memory, _) in
                end.bufferCreated(
                    purpose: purpose, buffer: GuestBuffer(gpadl: 0, byteCount: pages.count * 4096, pages: pages),
                    memory: &memory)
            }
            return
        }
        do {
            let (handle, effects) = try connection.createPageList(relid: relid, list)
            devices[device].lists.append(SharedPages(handle: handle, pages: pages, purpose: purpose))
            perform(effects, &activity)
        } catch {
            activity.effects.append(.note("\(error)"))
        }
    }

    mutating func deliver<Memory>(
        _ packet: ChannelPacket, _ place: ChannelPlace, _ activity: inout PartitionActivity<Memory>
    ) {
        guard let index = self.place(of: place.device) else { return }
        act(index, &activity) { (end, memory, time) in
            let attachment = end.attachment(of: packet, memory: memory)
            return end.receive(
                packet, attachment: attachment, subchannel: place.subchannel, time: time, memory: &memory)
        }
    }

    mutating func sendAgain<Memory>(_ relid: UInt32, _ activity: inout PartitionActivity<Memory>) {
        guard let (device, channel) = position(relid: relid) else { return }
        devices[device].channels[channel].port?.unblock()
        let subchannel = devices[device].channels[channel].subchannel
        act(device, &activity) { (end, _, _) in end.channelWritable(subchannel: subchannel) }
    }

    /// Signals the host the way the channel's offer says (reference §1.9).
    mutating func signal<Memory>(_ place: ChannelPlace, _ activity: inout PartitionActivity<Memory>) {
        guard let (device, channel) = position(relid: place.relid),
            let path = connection.signalPath(relid: place.relid)
        else { return }
        if path.setsSendHalf, let bit = ChannelBit.sendHalf(place.relid) {
            let offset = bit.byte * 8 + bit.bit
            activity.memory.setBit(UInt32(offset % 32), at: Self.interruptPageAddress + UInt64(offset / 32 * 4))
        }
        switch path.action {
        case .monitor(let monitorID, let page):
            guard let bit = MonitorPage.place(of: monitorID) else { return }
            activity.memory.setBit(UInt32(bit.bit), at: page + UInt64(bit.pendingOffset))
            activity.effects.append(.monitorSignal(place, monitorID: monitorID))
        case .hypercall(let connectionID):
            devices[device].channels[channel].counters.events += 1
            activity.effects.append(.signal(place, connectionID: connectionID))
        }
    }

    mutating func transmit<Memory>(
        _ frames: [[UInt8]], interface: Int, _ activity: inout PartitionActivity<Memory>
    ) {
        for frame in frames {
            guard let device = devices.indices.first(where: { devices[$0].interface == interface }) else { return }
            act(device, &activity) { (end, memory, _) in end.transmit(frame: frame, memory: &memory) }
        }
    }
}
