import BusModel
import VMBusWire

/// The conditions of one channel with their since-times.
struct ChannelWatch: Sendable, Hashable {
    /// The channel's number when it was watched; another offer starts everything again.
    var relid: UInt32
    /// When it was seen first.
    let firstSeen: UInt64
    var phase: Steady?
    var inUsed: Steady?
    var outUsed: Steady?
    var inMask: Steady?
    var outMask: Steady?
    /// The fewest bytes that were seen to wait in the guest→host ring.
    var outUsedLeast: UInt64?
    /// The channel's own bit of its monitor group.
    var monitorBit: Steady?
    var interrupts: Steady?
    var signals: Steady?
    var outEmpty: Steady?
    /// Interrupts and packets as the log itself shows them.
    var packetsIn: Steady?
    var packetsOut: Steady?
    var fullEpisodes: GrowthWindow?
    var fullWrites: GrowthWindow?
    var interruptGrowth: GrowthWindow?
    var signalGrowth: GrowthWindow?
    var outEmptyGrowth: GrowthWindow?
    var inFullGrowth: GrowthWindow?
    /// 1 while more than nine tenths of the ring wait.
    var inNearlyFull: Steady?
    var outNearlyFull: Steady?
    /// Interrupts that were taken before the channel was open.
    var interruptsBeforeOpen: UInt64 = 0
    /// Bytes that were in the rings when the channel was closed last.
    var leftAtClose: UInt64 = 0
    var closedAt: UInt64?
}

/// The conditions of one device.
struct DeviceWatch: Sendable, Hashable {
    var firstSeen: UInt64
    var state: Steady?
    var driver: String?
    var driverSince: UInt64
    /// How long it took until a channel of the device was looked at again; nil while none was. Sources look at the device as often.
    var turn: UInt64?
    /// Counters whose growth means something, by name.
    var counters: [String: GrowthWindow] = [:]
    /// Values that can stand still, by attribute.
    var steady: [UInt16: Steady] = [:]
}

/// Since when what is what: updated with every record that can change it, read by the rules.
struct WatchBook: Sendable {
    // Only looked up, never walked.
    private(set) var channels: [ChannelKey: ChannelWatch] = [:]
    private(set) var devices: [DeviceName: DeviceWatch] = [:]
    private(set) var partitions: [UInt16: DeviceWatch] = [:]
    /// Offers and ends of offers by device, the last few.
    private(set) var comings: [DeviceName: [Coming]] = [:]
    /// The moments of the last looks, oldest first.
    private var lookTimes: [UInt64] = []
    /// When a counter of a channel was seen to move last, by partition.
    private(set) var moved: [UInt16: UInt64] = [:]
    /// Whether counters were looked at, as a text or a log of messages never tells them.
    private(set) var hasSamples = false
    /// When it looked first and last.
    private(set) var firstLook: UInt64?
    private(set) var lastLook: UInt64 = 0

    struct DeviceName: Hashable, Sendable {
        let partition: UInt16
        let device: GUID
    }

    /// A device came or went.
    struct Coming: Hashable, Sendable {
        var time: UInt64
        var isArrival: Bool
        var kind: DeviceKind
    }

    private static let lookLimit = 128
    /// Moments that are closer to each other than this belong to one look, in nanoseconds.
    private static let leastPause: UInt64 = 40_000_000
    /// The most comings and goings that are kept of one device, and the most devices.
    private static let comingLimit = 32
    private static let deviceLimit = 4096

    func channel(_ key: ChannelKey) -> ChannelWatch? { channels[key] }
    func device(_ partition: UInt16, _ instance: GUID) -> DeviceWatch? {
        devices[DeviceName(partition: partition, device: instance)]
    }

    /// A live source has looked, whether there was news or not.
    mutating func look(at time: UInt64) {
        guard firstLook == nil || time > lastLook else { return }
        if firstLook == nil { firstLook = time }
        let isSame = !lookTimes.isEmpty && time - lastLook < Self.leastPause
        lastLook = time
        // The records of a look and its end are one look.
        if isSame { return }
        lookTimes.append(time)
        if lookTimes.count > Self.lookLimit { lookTimes.removeFirst(Self.lookLimit / 2) }
    }

    /// How often the source has looked since a moment, that one included.
    func looks(since time: UInt64) -> Int {
        var place = lookTimes.endIndex
        while place > 0, lookTimes[place - 1] >= time { place -= 1 }
        return lookTimes.endIndex - place
    }

    /// Takes in one record; `snapshot` is what is known after it.
    mutating func follow(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, after snapshot: BusSnapshot) {
        switch header.kind {
        case .sample: hasSamples = true
        case .state, .keyframe: break
        case .message:
            followMessage(header, payload, snapshot)
            return
        case .interrupt:
            guard let key = header.channel, channels[key]?.phase?.value == ChannelPhase.opening.rawValue else {
                return
            }
            channels[key]?.interruptsBeforeOpen += 1
            return
        default: return
        }
        if header.time > lastLook { look(at: header.time) }
        if header.kind == .keyframe {
            followAll(snapshot, at: header.time)
            return
        }
        if header.kind == .state, StateCode(rawValue: header.code) == .removed {
            remove(header)
            return
        }
        guard header.device != .zero else {
            if let partition = snapshot.partition(header.partition) {
                see(partition.evidence, in: &partitions[header.partition], at: header.time)
            }
            return
        }
        guard let device = snapshot.device(header.partition, header.device) else { return }
        guard header.relid != 0 else {
            see(device, partition: header.partition, at: header.time)
            return
        }
        guard let channel = device.channels.first(where: { $0.subchannel == header.subchannel }) else { return }
        see(channel, of: device, partition: header.partition, at: header.time)
    }

    // MARK: Messages

    private mutating func followMessage(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, _ snapshot: BusSnapshot
    ) {
        switch MessageType(rawValue: header.code) {
        case .initiateContact, .unloadComplete:
            for key in channels.keys where key.partition == header.partition { channels[key] = nil }
            for name in devices.keys where name.partition == header.partition { devices[name] = nil }
        case .offerChannel, .rescindChannelOffer, .openChannel, .openChannelResult, .closeChannel, .relidReleased:
            // A message may name its channel by number only; these are few.
            followAll(snapshot, at: header.time, partition: header.partition)
        default: break
        }
    }

    private mutating func followAll(_ snapshot: BusSnapshot, at time: UInt64, partition wanted: UInt16? = nil) {
        for partition in snapshot.partitions where wanted == nil || partition.number == wanted {
            for device in partition.devices {
                for channel in device.channels {
                    seePhase(channel, of: device, partition: partition.number, at: time)
                }
                if wanted == nil { see(device, partition: partition.number, at: time) }
            }
            if wanted == nil { see(partition.evidence, in: &partitions[partition.number], at: time) }
        }
        let present = wanted.flatMap { snapshot.partition($0) }?.devices.map(\.instance)
        guard let wanted, let present else { return }
        for name in devices.keys where name.partition == wanted && !present.contains(name.device) {
            leave(name, at: time)
        }
        for key in channels.keys where key.partition == wanted && snapshot.channel(key) == nil {
            channels[key] = nil
        }
    }

    // MARK: Channels

    private mutating func seePhase(
        _ channel: ChannelSnapshot, of device: DeviceSnapshot, partition: UInt16, at time: UInt64
    ) {
        arrive(device, partition, at: time)
        let key = ChannelKey(partition: partition, device: device.instance, subchannel: channel.subchannel)
        if channels[key]?.relid != channel.relid {
            channels[key] = ChannelWatch(relid: channel.relid, firstSeen: time)
        }
        guard let phase = channel.phase.value else { return }
        let before = channels[key]?.phase?.value
        if before == ChannelPhase.open.rawValue, phase == .closed {
            let (used, free) = (channels[key]?.inUsed?.value ?? 0, channels[key]?.outUsed?.value ?? 0)
            channels[key]?.leftAtClose = used &+ free
            channels[key]?.closedAt = time
            channels[key]?.endRings()
        }
        channels[key]?.phase.see(phase.rawValue, at: time)
    }

    private mutating func see(
        _ channel: ChannelSnapshot, of device: DeviceSnapshot, partition: UInt16, at time: UInt64
    ) {
        seePhase(channel, of: device, partition: partition, at: time)
        let key = ChannelKey(partition: partition, device: device.instance, subchannel: channel.subchannel)
        guard var watch = channels[key] else { return }
        let name = DeviceName(partition: partition, device: device.instance)
        if watch.firstSeen < time, devices[name]?.turn == nil { devices[name]?.turn = time - watch.firstSeen }
        channels[key] = nil
        let before = watch.counterSum
        watch.see(channel, at: time)
        if let before, before != watch.counterSum { moved[partition] = time }
        channels[key] = watch
    }

    // MARK: Devices

    private mutating func arrive(_ device: DeviceSnapshot, _ partition: UInt16, at time: UInt64) {
        let name = DeviceName(partition: partition, device: device.instance)
        guard devices[name] == nil, devices.count < Self.deviceLimit else { return }
        devices[name] = DeviceWatch(firstSeen: time, driverSince: time)
        note(Coming(time: time, isArrival: true, kind: device.deviceClass.kind), name)
    }

    private mutating func leave(_ name: DeviceName, at time: UInt64) {
        guard devices.removeValue(forKey: name) != nil else { return }
        let kind = comings[name]?.last?.kind ?? .unknown
        note(Coming(time: time, isArrival: false, kind: kind), name)
    }

    private mutating func note(_ coming: Coming, _ name: DeviceName) {
        guard comings[name] != nil || comings.count < Self.deviceLimit else { return }
        comings[name, default: []].append(coming)
        if let count = comings[name]?.count, count > Self.comingLimit {
            comings[name]?.removeFirst(count - Self.comingLimit)
        }
    }

    private mutating func remove(_ header: FlowRecordHeader) {
        guard header.device != .zero else { return }
        let name = DeviceName(partition: header.partition, device: header.device)
        for key in channels.keys where key.partition == header.partition && key.device == header.device {
            if header.relid == 0 || key.subchannel == header.subchannel { channels[key] = nil }
        }
        if header.relid == 0 { leave(name, at: header.time) }
    }

    private mutating func see(_ device: DeviceSnapshot, partition: UInt16, at time: UInt64) {
        arrive(device, partition, at: time)
        let name = DeviceName(partition: partition, device: device.instance)
        if let state = device.state.value { devices[name]?.state.see(state, at: time) }
        if case .known(let driver) = device.driver.outcome, devices[name]?.driver != driver {
            devices[name]?.driver = driver
            devices[name]?.driverSince = time
        }
        see(device.evidence, in: &devices[name], at: time)
    }

    private func see(_ evidence: Evidence, in watch: inout DeviceWatch?, at time: UInt64) {
        if watch == nil { watch = DeviceWatch(firstSeen: time, driverSince: time) }
        for item in evidence.items where item.time == time {
            let attribute = item.attribute
            switch attribute {
            case .interfaceCounters:
                for counter in evidence.counters(attribute) where NetworkRules.watchedCounters.contains(counter.name) {
                    watch?.counters[counter.name].see(counter.count, at: time)
                }
            case .carrierChanges, .diskErrors, .diskTimeouts, .diskCompleted, .diskRequested:
                guard let name = attribute.meaning, let value = evidence.number(attribute) else { continue }
                watch?.counters[name].see(value, at: time)
                watch?.steady[attribute.rawValue].see(value, at: time)
            case .diskInFlight, .linkCarrier, .virtualFunctionActive, .balloonedPages:
                guard let value = evidence.number(attribute) else { continue }
                watch?.steady[attribute.rawValue].see(value, at: time)
            default: break
            }
        }
    }
}

extension ChannelWatch {
    /// Rings that are gone have no since-times.
    mutating func endRings() {
        (inUsed, outUsed, inMask, outMask) = (nil, nil, nil, nil)
        (inNearlyFull, outNearlyFull) = (nil, nil)
    }

    /// Changes whenever a counter does; nil while none is known.
    var counterSum: UInt64? {
        let counters = [interrupts, signals, outEmpty].compactMap { $0?.value }
        return counters.isEmpty ? nil : counters.reduce(0, &+)
    }

    mutating func see(_ channel: ChannelSnapshot, at time: UInt64) {
        func isNow(_ reading: Reading<UInt64>) -> UInt64? { reading.time == time ? reading.value : nil }
        inUsed.see(channel.inbound.used, at: time)
        outUsed.see(channel.outbound.used, at: time)
        inMask.see(channel.inbound.masked, at: time)
        outMask.see(channel.outbound.masked, at: time)
        if let value = outUsed?.value { outUsedLeast = min(outUsedLeast ?? value, value) }
        if let pending = isNow(channel.monitorPending), let id = channel.monitorID.value, id < 128 {
            monitorBit.see(pending >> (id % 32) & 1, at: time)
        }
        interrupts.see(channel.interrupts, at: time)
        signals.see(channel.events, at: time)
        outEmpty.see(channel.interruptsOutEmpty, at: time)
        if let value = isNow(channel.interrupts) { interruptGrowth.see(value, at: time) }
        if let value = isNow(channel.events) { signalGrowth.see(value, at: time) }
        if let value = isNow(channel.interruptsOutEmpty) { outEmptyGrowth.see(value, at: time) }
        if let value = isNow(channel.interruptsInFull) { inFullGrowth.see(value, at: time) }
        if let value = isNow(channel.outFullFirst) { fullEpisodes.see(value, at: time) }
        if let value = isNow(channel.outFullTotal) { fullWrites.see(value, at: time) }
        packetsIn.see(channel.traffic.packetsIn, at: time)
        packetsOut.see(channel.traffic.packetsOut, at: time)
        if isNow(channel.inbound.used) != nil { inNearlyFull.see(channel.inbound.isNearlyFull, at: time) }
        if isNow(channel.outbound.used) != nil { outNearlyFull.see(channel.outbound.isNearlyFull, at: time) }
    }
}

extension RingSnapshot {
    fileprivate var isNearlyFull: UInt64 { (fill ?? 0) > 0.9 ? 1 : 0 }
}
