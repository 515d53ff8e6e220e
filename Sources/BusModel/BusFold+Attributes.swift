import VMBusWire

extension BusSnapshot {
    /// What a state or sample record changes. Values that cannot be read change nothing.
    mutating func applyAttributes(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        let readings = (try? AttributeList.decode(payload))?.readings ?? []
        let code = StateCode(rawValue: header.code)
        if header.kind == .state, code == .busMissing {
            busAvailable = false
            return
        }
        if header.kind == .state, code == .removed {
            remove(header)
            return
        }
        // A bus that can be missing can come.
        if header.kind == .state { busAvailable = true }
        guard header.device != .zero else {
            withPartition(header.partition) { partition in
                for reading in readings { partition.apply(reading, at: header.time) }
            }
            problems = SnapshotProblem.list(readings) ?? problems
            return
        }
        withPartition(header.partition) { partition in
            partition.applyDevice(header, readings)
        }
    }

    private mutating func remove(_ header: FlowRecordHeader) {
        if header.device == .zero {
            partitions.removeAll { $0.number == header.partition }
            return
        }
        withPartition(header.partition) { partition in
            guard header.relid != 0 else {
                partition.devices.removeAll { $0.instance == header.device }
                return
            }
            guard let index = partition.devices.firstIndex(where: { $0.instance == header.device }) else { return }
            partition.devices[index].channels.removeAll { $0.subchannel == header.subchannel }
        }
    }
}

extension SnapshotProblem {
    /// A problem travels as the path, a line feed, and the error's symbol.
    fileprivate init(_ reading: AttributeReading) {
        let parts = reading.string.split(separator: "\n", maxSplits: 1)
        self.init(path: String(parts.first ?? ""), error: parts.count > 1 ? String(parts[1]) : "")
    }

    /// All problems that a record tells of, which stand for those told before; nil if it tells nothing about problems.
    fileprivate static func list(_ readings: [AttributeReading]) -> [SnapshotProblem]? {
        let told = readings.filter { $0.attribute == .problemPath }
        return told.isEmpty ? nil : told.filter { $0.form == .text }.map(SnapshotProblem.init)
    }
}

extension AttributeReading {
    /// A file that could not be read.
    public init(problem: SnapshotProblem) {
        self.init(.problemPath, text: problem.path + "\n" + problem.error)
    }

    /// Says that every file can be read (again).
    public static var noProblems: AttributeReading { AttributeReading(.problemPath, reading: .unavailable) }
}

extension PartitionSnapshot {
    fileprivate mutating func apply(_ reading: AttributeReading, at time: UInt64) {
        switch reading.attribute {
        case .name: name = reading.string
        case .role: role = PartitionRole(rawValue: reading.number) ?? role
        case .virtualProcessors: virtualProcessors = reading.reading(at: time)
        case .protocolVersion:
            version = reading.reading(at: time).map { ProtocolVersion(rawValue: UInt32(truncatingIfNeeded: $0)) }
        case .featureFlags:
            features = reading.reading(at: time).map { FeatureFlags(rawValue: UInt32(truncatingIfNeeded: $0)) }
        case .connectionPhase:
            connection = reading.reading(at: time).map { ConnectionPhase(rawValue: $0) ?? .disconnected }
        case .requestedVersion:
            requestedVersion = ProtocolVersion(rawValue: UInt32(truncatingIfNeeded: reading.number))
        case .kernelRelease: kernelRelease = reading.textReading(at: time)
        case .pageList: if let list = reading.pageList { pageLists.append(list) }
        case _ where reading.attribute.isEvidence: evidence.take(reading, at: time)
        default: traffic.take(reading)
        }
    }

    fileprivate mutating func applyDevice(_ header: FlowRecordHeader, _ readings: [AttributeReading]) {
        if header.relid != 0 {
            withOfferedChannel(header.device, classID: nil, subchannel: header.subchannel, relid: header.relid) {
                channel in
                if channel.relid != header.relid {
                    channel.relid = header.relid
                    channel.generation &+= 1
                }
                for reading in readings { channel.apply(reading, at: header.time) }
            }
            return
        }
        if !devices.contains(where: { $0.instance == header.device }) {
            devices.append(DeviceSnapshot(instance: header.device, classID: .zero))
        }
        guard let index = devices.firstIndex(where: { $0.instance == header.device }) else { return }
        for reading in readings { devices[index].apply(reading, at: header.time) }
        devices[index].problems = SnapshotProblem.list(readings) ?? devices[index].problems
    }
}

extension Traffic {
    /// What was counted, as readings; zeros are left out.
    var readings: [AttributeReading] {
        let counts: [(Attribute, UInt64)] = [
            (.seenMessages, messages), (.seenPacketsOut, packetsOut), (.seenPacketsIn, packetsIn),
            (.seenBytesOut, bytesOut), (.seenBytesIn, bytesIn), (.seenSignals, signals), (.seenInterrupts, interrupts),
        ]
        return counts.compactMap { $0.1 == 0 ? nil : AttributeReading($0.0, $0.1) }
    }

    /// Takes a count in; a reading of something else changes nothing.
    fileprivate mutating func take(_ reading: AttributeReading) {
        switch reading.attribute {
        case .seenMessages: messages = reading.number
        case .seenPacketsOut: packetsOut = reading.number
        case .seenPacketsIn: packetsIn = reading.number
        case .seenBytesOut: bytesOut = reading.number
        case .seenBytesIn: bytesIn = reading.number
        case .seenSignals: signals = reading.number
        case .seenInterrupts: interrupts = reading.number
        default: break
        }
    }
}

extension AttributeReading {
    /// A page list.
    init(pageList list: PageListSnapshot) {
        self.init(.pageList, text: "\(list.handle) \(list.relid) \(list.pageCount) \(list.isCreated ? 1 : 0)")
    }

    /// The page list that it tells of; nil for another form.
    fileprivate var pageList: PageListSnapshot? {
        let words = words
        guard form == .text, words.count == 4, let handle = UInt32(words[0]), let relid = UInt32(words[1]),
            let pages = Int(words[2]), pages >= 0
        else { return nil }
        return PageListSnapshot(handle: handle, relid: relid, pageCount: pages, isCreated: words[3] == "1")
    }

    fileprivate func textReading(at time: UInt64) -> Reading<String> {
        form == .text ? .known(string, at: time) : reading(at: time).map { String($0) }
    }

    fileprivate var words: [String] { string.split(separator: " ").map(String.init) }
}

extension DeviceSnapshot {
    fileprivate mutating func apply(_ reading: AttributeReading, at time: UInt64) {
        switch reading.attribute {
        case .name: name = reading.string
        case .classID: classID = reading.guid
        case .deviceState: state = reading.reading(at: time)
        case .driver: driver = reading.textReading(at: time)
        case .numaNode: numaNode = reading.reading(at: time).map { Int64(bitPattern: $0) }
        case .networkInterfaces: kernel.net = reading.words
        case .scsiHost: kernel.scsiHost = reading.words.first
        case .blockDevices: kernel.block = reading.words
        case .pciFunctions: kernel.pci = reading.words
        case _ where reading.attribute.isEvidence: evidence.take(reading, at: time)
        default: break
        }
    }
}

extension ChannelSnapshot {
    fileprivate mutating func apply(_ attribute: AttributeReading, at time: UInt64) {
        let reading = attribute.reading(at: time)
        switch attribute.attribute {
        case .channelPhase: phase = reading.map { ChannelPhase(rawValue: $0) ?? .closed }
        case .cpu: cpu = reading
        case .connectionID: connectionID = reading
        case .ringPageList: ringPageList = reading.value.map { UInt32(truncatingIfNeeded: $0) }
        case .generation: generation = reading.value.map { Int(clamping: $0) } ?? generation
        case .monitorID: monitorID = reading
        case .monitorLatency: monitorLatency = reading
        case .monitorPending: monitorPending = reading
        case .interrupts: interrupts = reading
        case .events: events = reading
        case .interruptsInFull: interruptsInFull = reading
        case .interruptsOutEmpty: interruptsOutEmpty = reading
        case .outFullFirst: outFullFirst = reading
        case .outFullTotal: outFullTotal = reading
        case .inSize: inbound.size = reading
        case .inUsed: inbound.used = reading
        case .inUsedMaximum: inbound.usedMaximum = reading
        case .outUsedMaximum: outbound.usedMaximum = reading
        case .usedLooks: (inbound.usedLooks, outbound.usedLooks) = (reading, reading)
        case .staleSince: staleSince = reading
        case .inMask: inbound.masked = reading
        case .inWriteIndex: inbound.writeIndex = reading
        case .inReadIndex: inbound.readIndex = reading
        case .inSizeSource: inbound.sizeSource = reading.value.flatMap { RingSizeSource(rawValue: $0) }
        case .outSize: outbound.size = reading
        case .outUsed: outbound.used = reading
        case .outMask: outbound.masked = reading
        case .outWriteIndex: outbound.writeIndex = reading
        case .outReadIndex: outbound.readIndex = reading
        case .outSizeSource: outbound.sizeSource = reading.value.flatMap { RingSizeSource(rawValue: $0) }
        default: traffic.take(attribute)
        }
    }
}
