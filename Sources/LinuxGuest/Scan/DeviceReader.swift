import BusModel
import Platform
import VMBusWire

/// Reads one device with its channels.
struct DeviceReader {
    private static let openedState: Int32 = 3
    /// What old kernels show as the monitor of a channel without one.
    private static let noMonitor: UInt32 = 255
    private static let mappingLimit = 65_536

    private let files: any FileLayer
    private let directory: String
    private var reader: AttributeReader
    private var device: DeviceScan
    /// The ring sizes known from earlier scans, and afterwards also from this one.
    private(set) var sizes: RingSizes

    init(files: any FileLayer, directory: String, name: String, sizes: RingSizes) {
        self.files = files
        self.directory = directory
        self.sizes = sizes
        reader = AttributeReader(files: files, directory: directory)
        device = DeviceScan(name: name)
    }

    /// Looks at the device; nil if it was gone before anything of it could be seen.
    mutating func scan(_ finder: KernelNameFinder) -> DeviceScan? {
        device.instance = reader.read("device_id", as: AttributeText.identifier)
        device.classID = reader.read("class_id", as: AttributeText.identifier)
        device.relid = readRelid()
        device.state = reader.read("state", as: AttributeText.signed)
        if reader.log.foundGone, wasNeverSeen { return nil }
        device.driver = reader.linkName("driver")
        device.numaNode = readNumaNode()
        device.mapping = reader.read(
            "channel_vp_mapping", optional: true, limit: Self.mappingLimit, as: ChannelMapping.init(parsing:))
        var channels = readChannels()
        settleRings(&channels)
        device.channels = channels
        if let primary = channels?.first(where: \.isPrimary) {
            device.isOpened = primary.isOpened
        } else {
            device.isOpened = isPrimaryOpened(attributesAreEmpty: false, ring: [])
        }
        device.kernelNames = finder.names(of: device.name, directory: directory)
        device.problems = reader.log.problems
        // What older kernels lack as well tells nothing by its absence, so the directory itself is asked.
        device.isVanishing = reader.log.foundGone || isGone
        return device
    }

    /// Whether all of the device's identity failed and its directory is gone.
    private var wasNeverSeen: Bool {
        device.instance.value == nil && device.classID.value == nil && device.relid.value == nil
            && device.state.value == nil && isGone
    }

    private var isGone: Bool {
        do {
            _ = try files.kind(of: directory)
            return false
        } catch {
            return ReadFailure.refused(error.code).isAbsence
        }
    }

    // MARK: Device attributes

    private mutating func readRelid() -> Readout<UInt32> {
        let relid = reader.read("id", as: AttributeText.unsigned)
        // Between suspend and resume, and between a rescind and the next offer, the kernel prints -1.
        return relid.value == UInt32.max ? reader.note("id", .invalid) : relid
    }

    private mutating func readNumaNode() -> Readout<Int32> {
        let node = reader.read("numa_node", optional: true, as: AttributeText.signed)
        guard let value = node.value, value < 0 else { return node }
        return .missing
    }

    // MARK: Channels

    /// The channels by their directories, or by the mapping where a kernel has none (yet); nil if neither tells.
    private mutating func readChannels() -> [ChannelScan]? {
        let relids = channelDirectories()
        if !relids.isEmpty { return readChannels(relids) }
        guard let mapping = device.mapping.value else { return nil }
        return mapping.entries.enumerated().map { position, entry in
            var channel = ChannelScan(relid: entry.relid, isPrimary: position == 0)
            channel.cpu = .known(entry.cpu)
            if position == 0 {
                channel.subchannel = .known(0)
                readMonitor(of: &channel, from: &reader)
                channel.isOpened = isPrimaryOpened(attributesAreEmpty: false, ring: [])
            }
            return channel
        }
    }

    private mutating func channelDirectories() -> [UInt32] {
        let names: [String]
        do {
            names = try files.names(in: directory + "/channels")
        } catch {
            let failure = ReadFailure.refused(error.code)
            if !failure.isAbsence { let _: Readout<UInt32> = reader.note("channels", failure) }
            return []
        }
        var relids: [UInt32] = []
        for name in names {
            // Only the kernel's own spelling leads back to the directory.
            if let relid = UInt32(name), String(relid) == name {
                relids.append(relid)
            } else {
                let failure = FormatError.malformed(expected: "a relid", found: PrintableText.harmless(name))
                let _: Readout<UInt32> = reader.note("channels/" + name, .malformed(failure))
            }
        }
        return relids.sorted()
    }

    private mutating func readChannels(_ relids: [UInt32]) -> [ChannelScan] {
        // One channel's directory is open at a time: a device can have more channels than a process descriptors.
        let findings = relids.map { relid in
            var reader = AttributeReader(
                files: files, directory: "\(directory)/channels/\(relid)", prefix: "channels/\(relid)/")
            return readChannel(relid, from: &reader)
        }
        let primary = primaryPosition(findings.map(\.channel))
        var channels: [ChannelScan] = []
        for (position, finding) in findings.enumerated() {
            reader.adopt(finding.log)
            var channel = finding.channel
            channel.isPrimary = position == primary
            if channel.isPrimary, channel.subchannel == .missing { channel.subchannel = .known(0) }
            let isEmpty = finding.log.foundEmpty
            channel.isOpened =
                channel.isPrimary
                ? isPrimaryOpened(attributesAreEmpty: isEmpty, ring: finding.ring)
                : isSubchannelOpened(attributesAreEmpty: isEmpty, ring: finding.ring)
            channels.append(channel)
        }
        guard let primary else { return channels }
        channels.insert(channels.remove(at: primary), at: 0)
        return channels
    }

    /// Which channel is the primary: the one that says so, else the one with the device's relid, else the mapping's first.
    private func primaryPosition(_ channels: [ChannelScan]) -> Int? {
        func position(of relid: UInt32) -> Int? { channels.firstIndex { $0.relid == relid } }
        return channels.firstIndex { $0.subchannel.value == 0 }
            ?? device.relid.value.flatMap(position)
            ?? device.mapping.value?.entries.first.flatMap { position(of: $0.relid) }
    }

    /// What one channel's directory gave, before it is known which channel is the primary.
    private struct ChannelFinding {
        var channel: ChannelScan
        /// The four attributes that fail while the ring is closed.
        let ring: [Readout<UInt32>]
        let log: AttributeLog
    }

    private func readChannel(_ relid: UInt32, from reader: inout AttributeReader) -> ChannelFinding {
        var channel = ChannelScan(relid: relid, isPrimary: false)
        channel.subchannel = reader.read("subchannel_id", optional: true, as: AttributeText.unsigned)
        channel.cpu = reader.read("cpu", as: AttributeText.unsigned)
        let inMask = reader.read("in_mask", as: AttributeText.unsigned)
        let outMask = reader.read("out_mask", as: AttributeText.unsigned)
        let readable = reader.read("read_avail", as: AttributeText.unsigned)
        let writable = reader.read("write_avail", as: AttributeText.unsigned)
        channel.interrupts = reader.read("interrupts", as: AttributeText.counter)
        channel.events = reader.read("events", as: AttributeText.counter)
        channel.interruptsInFull = reader.read("intr_in_full", optional: true, as: AttributeText.counter)
        channel.interruptsOutEmpty = reader.read("intr_out_empty", optional: true, as: AttributeText.counter)
        channel.outFullFirst = reader.read("out_full_first", optional: true, as: AttributeText.counter)
        channel.outFullTotal = reader.read("out_full_total", optional: true, as: AttributeText.counter)
        readMonitor(of: &channel, from: &reader)
        channel.inbound.isMasked = inMask.value.map { $0 != 0 }
        channel.outbound.isMasked = outMask.value.map { $0 != 0 }
        channel.inbound.used = readable.value.map(UInt64.init)
        channel.outboundFree = writable.value
        return ChannelFinding(channel: channel, ring: [inMask, outMask, readable, writable], log: reader.log)
    }

    private func readMonitor(of channel: inout ChannelScan, from reader: inout AttributeReader) {
        channel.monitorID = reader.read("monitor_id", optional: true, as: AttributeText.unsigned)
        channel.latency = reader.read("latency", optional: true, as: AttributeText.unsigned)
        channel.groupPending = reader.read("pending", optional: true, as: AttributeText.unsigned)
        if channel.monitorID.value == Self.noMonitor {
            channel.monitorID = .missing
            channel.latency = .missing
            channel.groupPending = .missing
        }
    }

    // MARK: Open or closed

    private func isPrimaryOpened(attributesAreEmpty: Bool, ring: [Readout<UInt32>]) -> Bool? {
        if attributesAreEmpty || device.state == .failed(.empty) { return false }
        if ring.contains(where: { $0.failure?.isClosedRing == true }) { return false }
        return device.state.value.map { $0 == Self.openedState }
    }

    private func isSubchannelOpened(attributesAreEmpty: Bool, ring: [Readout<UInt32>]) -> Bool? {
        if attributesAreEmpty { return false }
        if ring.contains(where: { $0.failure?.isClosedRing == true }) { return false }
        // Before Linux 5.0 a closed ring gives meaningless numbers instead of an error; only the primary's state tells.
        if let state = device.state.value, state != Self.openedState { return false }
        return ring.allSatisfy { $0.value != nil } ? true : nil
    }

    // MARK: Rings

    /// Gives every open channel its ring sizes, and takes meaningless numbers from every closed one.
    private mutating func settleRings(_ channels: inout [ChannelScan]?) {
        guard var list = channels else { return }
        if let position = list.firstIndex(where: \.isPrimary), list[position].isOpened == true {
            measure(&list[position])
        }
        let primary = list.first { $0.isPrimary }
        for position in list.indices {
            if list[position].isOpened == false {
                list[position].inbound = RingScan()
                list[position].outbound = RingScan()
            } else if !list[position].isPrimary, list[position].isOpened == true {
                list[position].inferSizes(from: primary)
            }
        }
        channels = list
    }

    private mutating func measure(_ primary: inout ChannelScan) {
        // Kernels without channel directories have the masks here only.
        if primary.inbound.isMasked == nil, primary.inbound.used == nil, primary.interrupts == .missing {
            primary.inbound.isMasked = reader.read("in_intr_mask", as: AttributeText.unsigned).value.map { $0 != 0 }
            primary.outbound.isMasked = reader.read("out_intr_mask", as: AttributeText.unsigned).value.map { $0 != 0 }
        }
        let closedBefore = reader.log.problems.count
        var sizes = self.sizes
        let inbound = measure("in", &sizes.inbound)
        let outbound = measure("out", &sizes.outbound)
        self.sizes = sizes
        let failures = reader.log.problems.dropFirst(closedBefore).map(\.failure)
        guard !failures.contains(where: { $0.isClosedRing || $0 == .empty }) else {
            primary.isOpened = false
            self.sizes = RingSizes()
            return
        }
        primary.inbound.take(size: sizes.inbound.accepted, used: inbound)
        primary.outbound.take(size: sizes.outbound.accepted, used: outbound)
    }

    /// Measures one ring of the primary and returns the bytes used in it.
    private mutating func measure(_ direction: String, _ size: inout RingSize) -> UInt64? {
        let usedName = direction + "_read_bytes_avail"
        let freeName = direction + "_write_bytes_avail"
        var wasRead = false
        let used = size.settle { () -> (used: UInt32, free: UInt32)? in
            let used = reader.read(usedName, as: AttributeText.unsigned)
            let free = reader.read(freeName, as: AttributeText.unsigned)
            guard let used = used.value, let free = free.value else { return nil }
            wasRead = true
            return (used, free)
        }
        if wasRead, size.accepted == nil { let _: Readout<UInt32> = reader.note(usedName, .unsettled) }
        return used.map(UInt64.init)
    }
}

extension RingScan {
    fileprivate mutating func take(size: UInt64?, used: UInt64?) {
        self.size = size
        sizeSource = size == nil ? nil : .measured
        self.used = used ?? self.used
    }
}

extension ChannelScan {
    /// Takes the primary's sizes over unless this channel's own numbers contradict them.
    fileprivate mutating func inferSizes(from primary: ChannelScan?) {
        if let size = primary?.inbound.size, size >= inbound.used ?? 0 {
            inbound.size = size
            inbound.sizeSource = .inferred
        }
        if let size = primary?.outbound.size, size >= UInt64(outboundFree ?? 0) {
            outbound.size = size
            outbound.sizeSource = .inferred
            outbound.used = outboundFree.map { size - UInt64($0) }
        }
    }
}
