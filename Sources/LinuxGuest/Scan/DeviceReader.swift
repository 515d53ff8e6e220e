import BusModel
import Platform
import VMBusWire

/// Reads one device with its channels, again and again.
struct DeviceReader: Sendable {
    private static let openedState: Int32 = 3
    private static let mappingLimit = 65_536

    /// The name of the device's directory below that of the bus.
    let name: String
    private let files: any FileLayer
    private let directory: String
    private var reader: AttributeReader
    /// Where the device's directory is, found when it was looked at as a whole.
    private var home: (any DirectoryPlace)?
    private var device: DeviceScan
    /// Empty where the kernel has no directories for channels (yet).
    private(set) var channels: [ChannelReader] = []
    /// The ring sizes known so far.
    private(set) var sizes: RingSizes
    /// What went wrong with the device's own files at the last whole look.
    private var ownProblems: [ScanProblem] = []
    /// The bursts of the last look, by relid; looked up only.
    private var bursts: [UInt32: FillBurst] = [:]
    /// The number of the last look.
    private(set) var lastLook: UInt64 = 0

    init(files: any FileLayer, directory: String, name: String, sizes: RingSizes = RingSizes()) {
        self.files = files
        self.directory = directory
        self.name = name
        self.sizes = sizes
        reader = AttributeReader(closed: directory, files: files)
        device = DeviceScan(name: name)
    }

    /// Looks at everything; nil if the device was gone before anything of it could be seen.
    ///
    /// - Parameter look: The number of this look.
    mutating func lookAtAll(
        _ finder: KernelNameFinder, _ task: DeviceTask, _ tools: inout ReadingTools, look: UInt64
    ) -> DeviceScan? {
        home = nil
        reader = AttributeReader(files: files, directory: directory, place: tools.place)
        defer { reader.close() }
        lastLook = look
        device = DeviceScan(name: name)
        device.instance = reader.read("device_id", as: AttributeText.identifier)
        device.classID = reader.read("class_id", as: AttributeText.identifier)
        device.relid = readRelid()
        device.state = reader.read("state", as: AttributeText.signed)
        if reader.log.foundGone, wasNeverSeen { return nil }
        device.driver = reader.linkName("driver")
        device.numaNode = readNumaNode()
        device.mapping = reader.read(
            "channel_vp_mapping", optional: true, limit: Self.mappingLimit, as: ChannelMapping.init(parsing:))
        tools.place.set("channels")
        let relids = channelDirectories()
        let known = channels
        channels = relids.map { relid in
            known.first { $0.relid == relid } ?? ChannelReader(relid: relid, device: directory)
        }
        for index in channels.indices {
            _ = channels[index].readAll(files, &tools)
            channels[index].lastLook = look
        }
        // The directory itself, whose entries tell names.
        tools.place.set(".")
        device.kernelNames = finder.names(of: name, directory: directory)
        ownProblems = reader.log.problems
        reader.forgetProblems()
        burst(task, &tools)
        let scan = assemble(needsSizes: true, readsIndices: task.readsIndices)
        // What older kernels lack as well tells nothing by its absence, so the directory itself is asked.
        if isGone { device.isVanishing = true }
        return isGone ? device : scan
    }

    /// Looks again at what changes in some channels, and at the device's own number and state.
    ///
    /// - Returns: What is known now; nil where something is not as it was, so that everything must be looked at.
    mutating func lookAgain(_ task: DeviceTask, _ tools: inout ReadingTools, look: UInt64) -> DeviceScan? {
        if home == nil { home = try? files.place(of: directory) }
        guard let home else { return nil }
        reader = AttributeReader(files: files, directory: directory, home: home, place: tools.place)
        defer { reader.close() }
        let (relid, state) = (readRelid(), reader.read("state", as: AttributeText.signed))
        guard !reader.log.foundGone, relid == device.relid, !channels.isEmpty else { return nil }
        var isSame = true
        for index in channels.indices where task.channels.contains(channels[index].relid) {
            if channels[index].readChanging(files, &tools) || channels[index].isGone { isSame = false }
            channels[index].lastLook = look
        }
        guard isSame else { return nil }
        lastLook = look
        let isOtherState = device.state != state
        device.state = state
        ownProblems.removeAll { $0.path == "id" || $0.path == "state" }
        ownProblems += reader.log.problems
        reader.forgetProblems()
        burst(task, &tools)
        return assemble(needsSizes: isOtherState, readsIndices: task.readsIndices)
    }

    /// Keeps the files of some channels open and closes all others.
    ///
    /// - Returns: Whether there were descriptors enough.
    mutating func keepFiles(of relids: Set<UInt32>, _ tools: inout ReadingTools) -> Bool {
        for index in channels.indices where !relids.contains(channels[index].relid) { channels[index].letGo() }
        for index in channels.indices where relids.contains(channels[index].relid) {
            guard channels[index].keepFiles(files, &tools) else { return false }
        }
        return true
    }

    /// Looks many times at the fills of one channel, whose files are kept open.
    private mutating func burst(_ task: DeviceTask, _ tools: inout ReadingTools) {
        bursts.removeAll()
        guard let relid = task.burst, let channel = channels.first(where: { $0.relid == relid }),
            let known = device.channels?.first(where: { $0.relid == relid }), known.isOpened == true
        else { return }
        bursts[relid] = channel.burst(outboundSize: known.outbound.size, &tools, clock: task.clock)
    }

    /// What is known, put together from what was read; the sizes of rings are measured where they must be.
    private mutating func assemble(needsSizes: Bool, readsIndices: Bool) -> DeviceScan {
        var list = channels.isEmpty ? mappedChannels() : foundChannels()
        settleRings(&list, needsSizes: needsSizes, readsIndices: readsIndices)
        device.channels = list
        if let primary = list?.first(where: \.isPrimary) {
            device.isOpened = primary.isOpened
        } else {
            device.isOpened = isPrimaryOpened(nil)
        }
        if device.isOpened != true { sizes = RingSizes() }
        let logs = channels.flatMap { [$0.finding.lastingLog, $0.finding.log] }
        device.problems = ownProblems + logs.flatMap(\.problems) + reader.log.problems
        device.isVanishing = reader.log.foundGone || logs.contains(where: \.foundGone)
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

    /// The channels by the mapping, where a kernel has no directories for them (yet); nil if that does not tell either.
    private mutating func mappedChannels() -> [ChannelScan]? {
        guard let mapping = device.mapping.value else { return nil }
        return mapping.entries.enumerated().map { position, entry in
            var channel = ChannelScan(relid: entry.relid, isPrimary: position == 0)
            channel.cpu = .known(entry.cpu)
            if position == 0 {
                channel.subchannel = .known(0)
                readMonitor(of: &channel)
                channel.isOpened = isPrimaryOpened(nil)
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

    /// The channels by their directories, the primary first.
    private func foundChannels() -> [ChannelScan]? {
        let findings = channels.map(\.finding)
        let primary = primaryPosition(findings.map(\.channel))
        var list: [ChannelScan] = []
        list.reserveCapacity(findings.count)
        for (position, finding) in findings.enumerated() {
            var channel = finding.channel
            channel.isPrimary = position == primary
            channel.burst = bursts[channel.relid]
            if channel.isPrimary, channel.subchannel == .missing { channel.subchannel = .known(0) }
            channel.isOpened = channel.isPrimary ? isPrimaryOpened(finding) : isSubchannelOpened(finding)
            list.append(channel)
        }
        if let primary { list.insert(list.remove(at: primary), at: 0) }
        return list
    }

    /// Which channel is the primary: the one that says so, else the one with the device's relid, else the mapping's first.
    private func primaryPosition(_ channels: [ChannelScan]) -> Int? {
        func position(of relid: UInt32) -> Int? { channels.firstIndex { $0.relid == relid } }
        return channels.firstIndex { $0.subchannel.value == 0 }
            ?? device.relid.value.flatMap(position)
            ?? device.mapping.value?.entries.first.flatMap { position(of: $0.relid) }
    }

    private mutating func readMonitor(of channel: inout ChannelScan) {
        channel.monitorID = reader.read("monitor_id", optional: true, as: AttributeText.unsigned)
        channel.latency = reader.read("latency", optional: true, as: AttributeText.unsigned)
        channel.groupPending = reader.read("pending", optional: true, as: AttributeText.unsigned)
        if channel.monitorID.value == ChannelReader.noMonitor { channel.forgetMonitor() }
    }

    // MARK: Open or closed

    private func isPrimaryOpened(_ finding: ChannelFinding?) -> Bool? {
        if finding?.hasEmptyFile == true || device.state == .failed(.empty) { return false }
        if finding?.isRingClosed == true { return false }
        return device.state.value.map { $0 == Self.openedState }
    }

    private func isSubchannelOpened(_ finding: ChannelFinding) -> Bool? {
        if finding.hasEmptyFile || finding.isRingClosed { return false }
        // Before Linux 5.0 a closed ring gives meaningless numbers instead of an error; only the primary's state tells.
        if let state = device.state.value, state != Self.openedState { return false }
        return finding.isRingComplete ? true : nil
    }

    // MARK: Rings

    /// Gives every open channel its ring sizes, and takes meaningless numbers from every closed one.
    private mutating func settleRings(_ channels: inout [ChannelScan]?, needsSizes: Bool, readsIndices: Bool) {
        guard var list = channels else { return }
        if let position = list.firstIndex(where: \.isPrimary), list[position].isOpened == true {
            if needsSizes || !list[position].takeSizes(sizes) { measure(&list[position]) }
            if readsIndices, list[position].isOpened == true { readIndices(of: &list[position]) }
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

    /// Where is written and read next in the primary's rings; only these the kernel shows.
    private mutating func readIndices(of primary: inout ChannelScan) {
        func read(_ name: String) -> UInt32? { reader.read(name, optional: true, as: AttributeText.unsigned).value }
        primary.inbound.readIndex = read("in_read_index")
        primary.inbound.writeIndex = read("in_write_index")
        primary.outbound.readIndex = read("out_read_index")
        primary.outbound.writeIndex = read("out_write_index")
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
    /// Takes the primary's own sizes, as they were measured before; false where they are not known or its numbers contradict them.
    fileprivate mutating func takeSizes(_ sizes: RingSizes) -> Bool {
        guard let inSize = sizes.inbound.accepted, let outSize = sizes.outbound.accepted, let used = inbound.used,
            let free = outboundFree, used <= inSize, UInt64(free) <= outSize
        else { return false }
        inbound.take(size: inSize, used: nil)
        outbound.take(size: outSize, used: outSize - UInt64(free))
        return true
    }

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
