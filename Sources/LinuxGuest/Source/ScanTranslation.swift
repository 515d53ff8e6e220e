import BusModel
import VMBusWire

/// Puts scans into the log's terms.
///
/// The log names devices and channels by what outlives a change of relid: instance and sub-channel index. Where a scan could not
/// read these, the same directory keeps the name that it had, and a new one gets a stand-in; the problem that hides the true
/// one is in the device's list already.
struct ScanTranslation: Sendable {
    /// The partition that the host is in the log.
    static let host: UInt16 = 0
    /// The partition that the guest is in the log.
    static let guest: UInt16 = 1

    private struct ChannelName: Hashable, Sendable {
        let device: GUID
        let relid: UInt32
    }

    // Looked up only, never walked.
    private var instances: [String: GUID] = [:]
    private var indices: [ChannelName: UInt16] = [:]
    private var places: [ChannelKey: WatchedChannel] = [:]

    /// Where a channel is in sysfs; nil if it was not there at the last look.
    func place(of channel: ChannelKey) -> WatchedChannel? { places[channel] }

    /// Everything that the scan tells: partitions first, then each device with its channels behind it.
    mutating func entities(_ scan: GuestScan, _ identity: GuestIdentity) -> [LogEntity] {
        var entities: [LogEntity] = []
        if scan.busAvailable { entities.append(Self.hostEntity) }
        entities.append(Self.guestEntity(scan, identity))
        var instances: [String: GUID] = [:]
        var indices: [ChannelName: UInt16] = [:]
        var places: [ChannelKey: WatchedChannel] = [:]
        var taken: Set<GUID> = [.zero]
        for device in scan.devices {
            let (instance, isDuplicate) = instance(of: device, taken)
            taken.insert(instance)
            instances[device.name] = instance
            var problems = device.problems.map(SnapshotProblem.init)
            if isDuplicate { problems.append(SnapshotProblem(path: "device_id", error: "DUPLICATE")) }
            if device.channels == nil { problems.append(SnapshotProblem(path: "channels", error: "UNKNOWN")) }
            let place = entities.count
            for (channel, index) in numbered(device, instance, &problems) {
                indices[ChannelName(device: instance, relid: channel.relid)] = index
                let key = ChannelKey(partition: Self.guest, device: instance, subchannel: index)
                places[key] = WatchedChannel(device: device.name, relid: channel.relid)
                var entity = channel.entity(
                    LogSubject(partition: Self.guest, device: instance, subchannel: index))
                entity.readTime = device.isFresh ? device.readTime : nil
                entities.append(entity)
            }
            var entity = device.entity(LogSubject(partition: Self.guest, device: instance))
            entity.problems = problems
            entity.isReplacement = device.isReplacement
            entity.readTime = device.isFresh ? device.readTime : nil
            entities.insert(entity, at: place)
        }
        self.instances = instances
        self.indices = indices
        self.places = places
        return entities
    }

    // MARK: Partitions

    private static var hostEntity: LogEntity {
        LogEntity(
            subject: LogSubject(partition: host),
            state: [
                AttributeReading(.name, text: "host"), AttributeReading(.role, PartitionRole.root.rawValue),
                AttributeReading(.connectionPhase, ConnectionPhase.connected.rawValue),
            ])
    }

    private static func guestEntity(_ scan: GuestScan, _ identity: GuestIdentity) -> LogEntity {
        // Nothing in sysfs tells the negotiated version; only the kernel log does (linux-guest-data §8).
        let phase: ConnectionPhase = scan.busAvailable ? .connected : .disconnected
        return LogEntity(
            subject: LogSubject(partition: guest),
            state: [
                AttributeReading(.name, text: identity.hostName.value ?? "guest"),
                AttributeReading(.role, PartitionRole.guest.rawValue),
                AttributeReading(.connectionPhase, phase.rawValue),
                AttributeReading(.protocolVersion, reading: .unavailable),
                AttributeReading(.virtualProcessors, reading: identity.onlineCPUs.reading { $0 }),
                AttributeReading(.kernelRelease, text: identity.kernelRelease),
            ],
            problems: scan.problems.map(SnapshotProblem.init))
    }

    // MARK: Names that last

    private func instance(of device: DeviceScan, _ taken: Set<GUID>) -> (GUID, isDuplicate: Bool) {
        let candidates = [device.instance.value, instances[device.name], GUID(device.name)].compactMap(\.self)
        if let free = candidates.first(where: { !taken.contains($0) }) {
            return (free, device.instance.value.map { $0 != free } ?? false)
        }
        var salt: UInt64 = 0
        while true {
            let standIn = GUID(low: Self.mix(device.name, salt), high: Self.mix(device.name, ~salt))
            if !taken.contains(standIn) { return (standIn, device.instance.value != nil) }
            salt += 1
        }
    }

    /// FNV-1a of the name's bytes: the same in every run.
    private static func mix(_ name: String, _ salt: UInt64) -> UInt64 {
        name.utf8.reduce(0xCBF2_9CE4_8422_2325 ^ salt) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    private func numbered(
        _ device: DeviceScan, _ instance: GUID, _ problems: inout [SnapshotProblem]
    ) -> [(ChannelScan, UInt16)] {
        var taken: Set<UInt16> = []
        var indices: [UInt16?] = []
        let channels = (device.channels ?? device.primaryAlone).filter { channel in
            if channel.relid == 0 { problems.append(SnapshotProblem(path: "channels/0", error: "INVALID")) }
            return channel.relid != 0
        }
        for channel in channels {
            let told = channel.isPrimary ? 0 : channel.subchannel.value.flatMap { UInt16(exactly: $0) }
            indices.append(told.flatMap { taken.insert($0).inserted ? $0 : nil })
        }
        var next: UInt16 = 1
        for (place, channel) in channels.enumerated() where indices[place] == nil {
            if channel.subchannel.value != nil {
                problems.append(SnapshotProblem(path: "channels/\(channel.relid)/subchannel_id", error: "DUPLICATE"))
            }
            if let earlier = self.indices[ChannelName(device: instance, relid: channel.relid)],
                taken.insert(earlier).inserted
            {
                indices[place] = earlier
                continue
            }
            while next < .max, taken.contains(next) { next += 1 }
            if taken.insert(next).inserted { indices[place] = next }
        }
        return zip(channels, indices).compactMap { channel, index in index.map { (channel, $0) } }
    }
}

extension SnapshotProblem {
    /// A problem of a scan; the log separates path and error by a line feed, which no path may bring along.
    init(_ problem: ScanProblem) {
        self.init(path: PrintableText.harmless(problem.path), error: problem.failure.symbol)
    }
}

extension AttributeReading {
    /// A text that may not be had.
    init(_ attribute: Attribute, text: Readout<String>) {
        if let value = text.value {
            self.init(attribute, text: value)
        } else {
            self.init(attribute, reading: text.reading { _ in 0 })
        }
    }

    /// A number that is nil where it is not known.
    fileprivate init(_ attribute: Attribute, optional: UInt64?) {
        self.init(attribute, reading: optional.map { .known($0) } ?? .unavailable)
    }
}

extension DeviceScan {
    /// The primary as far as the device's own files tell, which every device has.
    fileprivate var primaryAlone: [ChannelScan] {
        guard let relid = relid.value else { return [] }
        var channel = ChannelScan(relid: relid, isPrimary: true)
        channel.isOpened = isOpened
        return [channel]
    }

    fileprivate func entity(_ subject: LogSubject) -> LogEntity {
        LogEntity(
            subject: subject,
            state: [
                AttributeReading(.name, text: PrintableText.harmless(name)), classReading,
                AttributeReading(
                    .deviceState,
                    reading: state.value.map { $0 < 0 } == true ? Reading(.failed("INVALID")) : stateReading),
                AttributeReading(.driver, text: driver),
                AttributeReading(.numaNode, reading: numaNode.reading { UInt64(bitPattern: Int64($0)) }),
                AttributeReading(.networkInterfaces, text: joined(kernelNames.net)),
                AttributeReading(.scsiHost, text: joined([kernelNames.scsiHost].compactMap(\.self))),
                AttributeReading(.blockDevices, text: joined(kernelNames.block)),
                AttributeReading(.pciFunctions, text: joined(kernelNames.pci)),
            ])
    }

    private var stateReading: Reading<UInt64> { state.reading { UInt64($0.magnitude) } }

    private var classReading: AttributeReading {
        if let value = classID.value { return AttributeReading(.classID, guid: value) }
        return AttributeReading(.classID, reading: classID.reading { _ in 0 })
    }

    /// Names with blanks between them. The kernel lets no blank into these names; a copied tree can hold anything.
    private func joined(_ names: [String]) -> String {
        names.map { name in String(PrintableText.harmless(name).map { $0 == " " ? "_" : $0 }) }.joined(separator: " ")
    }
}

extension ChannelScan {
    fileprivate func entity(_ subject: LogSubject) -> LogEntity {
        var entity = LogEntity(
            subject: subject, relid: relid,
            state: [
                AttributeReading(.channelPhase, optional: isOpened.map { ($0 ? ChannelPhase.open : .closed).rawValue }),
                AttributeReading(.cpu, reading: cpu.reading { UInt64($0) }),
                AttributeReading(.monitorID, reading: monitorID.reading { UInt64($0) }),
                AttributeReading(.monitorLatency, reading: latency.reading { UInt64($0) }),
                AttributeReading(.inSize, optional: inbound.size),
                AttributeReading(.inSizeSource, optional: inbound.sizeSource?.rawValue),
                AttributeReading(.outSize, optional: outbound.size),
                AttributeReading(.outSizeSource, optional: outbound.sizeSource?.rawValue),
                AttributeReading(.staleSince, optional: staleSince),
            ],
            counters: [
                AttributeReading(.interrupts, reading: interrupts.reading { $0 }),
                AttributeReading(.events, reading: events.reading { $0 }),
                AttributeReading(.interruptsInFull, reading: interruptsInFull.reading { $0 }),
                AttributeReading(.interruptsOutEmpty, reading: interruptsOutEmpty.reading { $0 }),
                AttributeReading(.outFullFirst, reading: outFullFirst.reading { $0 }),
                AttributeReading(.outFullTotal, reading: outFullTotal.reading { $0 }),
                AttributeReading(.inUsed, optional: inbound.used),
                AttributeReading(.inMask, optional: inbound.isMasked.map { $0 ? 1 : 0 }),
                AttributeReading(.outUsed, optional: outbound.used),
                AttributeReading(.outMask, optional: outbound.isMasked.map { $0 ? 1 : 0 }),
                AttributeReading(.monitorPending, reading: groupPending.reading { UInt64($0) }),
                AttributeReading(.inReadIndex, optional: inbound.readIndex.map { UInt64($0) }),
                AttributeReading(.inWriteIndex, optional: inbound.writeIndex.map { UInt64($0) }),
                AttributeReading(.outReadIndex, optional: outbound.readIndex.map { UInt64($0) }),
                AttributeReading(.outWriteIndex, optional: outbound.writeIndex.map { UInt64($0) }),
                AttributeReading(.inUsedMaximum, optional: burst?.inboundMaximum),
                AttributeReading(.outUsedMaximum, optional: burst?.outboundMaximum),
                AttributeReading(.usedLooks, optional: burst.map { UInt64($0.looks) }),
            ])
        entity.isFresh = isFresh
        return entity
    }
}
