public import VMBusWire

/// A record inside another structure: in a keyframe, what would have to happen for things to be as they are; in a frame, one that
/// travels.
struct KeyframeEntry: WireStructure {
    static let structureName: StaticString = "KEYFRAME_ENTRY"

    var kind: UInt8 = 0
    var partition: UInt16 = 0
    var device = GUID.zero
    var subchannel: UInt16 = 0
    var relid: UInt32 = 0
    var code: UInt32 = 0
    var time: UInt64 = 0
    var payload: [UInt8] = []

    init() {}

    init(_ header: FlowRecordHeader, _ payload: some Collection<UInt8>) {
        kind = header.kind.rawValue
        (partition, device, subchannel) = (header.partition, header.device, header.subchannel)
        (relid, code, time) = (header.relid, header.code, header.time)
        self.payload = Array(payload)
    }

    /// The header of the record inside, as far as the entry holds it.
    func header(sequence: UInt64, direction: Direction? = nil) -> FlowRecordHeader {
        var header = FlowRecordHeader(
            kind: FlowKind(rawValue: kind), time: time, partition: partition, device: device, subchannel: subchannel,
            relid: relid, direction: direction, code: code)
        header.sequence = sequence
        return header
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("kind", &kind, "what the record inside tells")
        try visitor.field("partition", &partition, "which partition")
        try visitor.field("device", &device, "which device; zero for none")
        try visitor.field("subchannel", &subchannel, "which channel of the device")
        try visitor.field("relid", &relid, "the channel's number; 0 for none")
        try visitor.field("code", &code, "what the kind numbers")
        try visitor.field("time", &time, "when the values were read, in nanoseconds")
        var length = UInt32(truncatingIfNeeded: payload.count)
        try visitor.field("payload_length", &length, "bytes of the record inside")
        try visitor.bytes("payload", &payload, count: Int(length), "the record inside")
    }
}

struct KeyframeEntries: WireStructure {
    static let structureName: StaticString = "KEYFRAME"
    var entries: [KeyframeEntry] = []
    init() {}
    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.repeated("entry", &entries, count: visitor.remaining == nil ? entries.count : nil, "one record")
    }
}

extension BusSnapshot {
    /// Everything that is known becomes what the records inside the keyframe tell.
    mutating func applyKeyframe(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        guard let records = Self.records(ofKeyframe: header, payload) else { return }
        self = BusSnapshot()
        apply(records)
        position = Position(sequence: header.sequence, time: header.time)
    }

    /// The records inside a keyframe, for those who cannot let it replace all that they know; nil if it cannot be read.
    public static func records(ofKeyframe header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) -> FlowBatch? {
        guard let keyframe = try? KeyframeEntries.decode(payload) else { return nil }
        var batch = FlowBatch()
        for entry in keyframe.entries {
            let inner = entry.header(sequence: header.sequence)
            guard inner.kind == .state || inner.kind == .sample else { continue }
            batch.append(inner, entry.payload)
        }
        return batch
    }

    /// The fields of a keyframe record's bytes.
    public static func keyframeFields(_ payload: ArraySlice<UInt8>) -> (fields: [FieldNode], problem: WireError?) {
        let (fields, _, problem) = KeyframeEntries.fields(payload)
        return (fields, problem)
    }

    /// The bytes of a keyframe record from which `apply` builds this snapshot again, every value with the moment at which it was
    /// read. A channel without a number is left out, as no record can tell of it.
    public var keyframe: [UInt8] {
        var frame = KeyframeEntries()
        func add(
            _ partition: UInt16, _ device: GUID = .zero, _ subchannel: UInt16 = 0, _ relid: UInt32 = 0,
            code: StateCode = .appeared, telling readings: [TimedReading]
        ) {
            var rest = readings[...]
            repeat {
                let time = rest.first?.time ?? position.time
                let equal = rest.prefix { $0.time == time }
                rest = rest[equal.endIndex...]
                let header = FlowRecordHeader(
                    kind: .state, time: time, partition: partition, device: device, subchannel: subchannel,
                    relid: relid, code: code.rawValue)
                frame.entries.append(KeyframeEntry(header, AttributeList(equal.map(\.reading)).encoded()))
            } while !rest.isEmpty
        }
        for partition in partitions {
            add(partition.number, telling: partition.timedReadings(at: position.time))
            if let evidence = partition.evidence.timedReadings {
                add(partition.number, code: .changed, telling: evidence)
            }
            for device in partition.devices {
                add(partition.number, device.instance, telling: device.timedReadings(at: position.time))
                if let evidence = device.evidence.timedReadings {
                    add(partition.number, device.instance, code: .changed, telling: evidence)
                }
                for channel in device.channels where channel.relid != 0 {
                    add(
                        partition.number, device.instance, channel.subchannel, channel.relid,
                        telling: channel.timedReadings(at: position.time))
                }
            }
        }
        if !problems.isEmpty, let partition = partitions.first {
            add(
                partition.number, code: .changed,
                telling: problems.map { TimedReading(AttributeReading(problem: $0), position.time) })
        }
        // Last, as everything that is told of the bus says that there is one.
        if !busAvailable { add(0, code: .busMissing, telling: []) }
        return frame.encoded()
    }
}

extension BusSnapshot {
    /// The same as a record of the log, with the number of the last one before it.
    public var keyframeRecord: FlowBatch {
        var batch = FlowBatch()
        var header = FlowRecordHeader(kind: .keyframe, time: position.time, partition: 0)
        header.sequence = position.sequence
        batch.append(header, keyframe)
        return batch
    }
}

/// A value with the moment at which it was read.
private struct TimedReading {
    let reading: AttributeReading
    let time: UInt64

    init(_ reading: AttributeReading, _ time: UInt64) { (self.reading, self.time) = (reading, time) }

    init(_ attribute: Attribute, _ reading: Reading<UInt64>) {
        self.init(AttributeReading(attribute, reading: reading), reading.time)
    }

    init(_ attribute: Attribute, text: Reading<String>) {
        let value = text.value.map { AttributeReading(attribute, text: $0) }
        self.init(value ?? AttributeReading(attribute, reading: text.map { _ in 0 }), text.time)
    }
}

extension [TimedReading] {
    /// Puts values of one moment beside each other, so that one entry tells them; the order stays otherwise.
    fileprivate var byTime: [TimedReading] {
        enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
    }
}

extension Evidence {
    fileprivate var timedReadings: [TimedReading]? {
        items.isEmpty ? nil : items.map { TimedReading($0.reading, $0.time) }.byTime
    }
}

extension PartitionSnapshot {
    /// The partition's own values as a state record holds them.
    public var attributeReadings: [AttributeReading] {
        var readings: [AttributeReading] = [
            AttributeReading(.name, text: name), AttributeReading(.role, role.rawValue),
            AttributeReading(.virtualProcessors, reading: virtualProcessors),
            AttributeReading(.protocolVersion, reading: version.map { UInt64($0.rawValue) }),
            AttributeReading(.featureFlags, reading: features.map { UInt64($0.rawValue) }),
            AttributeReading(.connectionPhase, reading: connection.map(\.rawValue)),
        ]
        if let release = kernelRelease.value { readings.append(AttributeReading(.kernelRelease, text: release)) }
        return readings
    }

    /// Everything but evidence and devices. A page list's channel need not be there, so lists belong to the partition.
    fileprivate func timedReadings(at time: UInt64) -> [TimedReading] {
        var readings = [
            TimedReading(AttributeReading(.name, text: name), time),
            TimedReading(AttributeReading(.role, role.rawValue), time),
        ]
        if let requestedVersion {
            readings.append(TimedReading(AttributeReading(.requestedVersion, UInt64(requestedVersion.rawValue)), time))
        }
        readings += traffic.readings.map { TimedReading($0, time) }
        readings += pageLists.map { TimedReading(AttributeReading(pageList: $0), time) }
        readings += [
            TimedReading(.virtualProcessors, virtualProcessors),
            TimedReading(.protocolVersion, version.map { UInt64($0.rawValue) }),
            TimedReading(.featureFlags, features.map { UInt64($0.rawValue) }),
            TimedReading(.connectionPhase, connection.map(\.rawValue)),
            TimedReading(.kernelRelease, text: kernelRelease),
        ]
        return readings.byTime
    }
}

extension DeviceSnapshot {
    fileprivate func timedReadings(at time: UInt64) -> [TimedReading] {
        var readings = [AttributeReading(.name, text: name), AttributeReading(.classID, guid: classID)]
        func add(_ attribute: Attribute, _ names: [String]) {
            if !names.isEmpty { readings.append(AttributeReading(attribute, text: names.joined(separator: " "))) }
        }
        add(.networkInterfaces, kernel.net)
        add(.scsiHost, kernel.scsiHost.map { [$0] } ?? [])
        add(.blockDevices, kernel.block)
        add(.pciFunctions, kernel.pci)
        readings += problems.map { AttributeReading(problem: $0) }
        let timed: [TimedReading] = [
            TimedReading(.deviceState, state), TimedReading(.numaNode, numaNode.map { UInt64(bitPattern: $0) }),
            TimedReading(.driver, text: driver),
        ]
        return (readings.map { TimedReading($0, time) } + timed).byTime
    }
}

extension ChannelSnapshot {
    fileprivate func timedReadings(at time: UInt64) -> [TimedReading] {
        var readings: [TimedReading] = [
            TimedReading(.channelPhase, phase.map(\.rawValue)), TimedReading(.cpu, cpu),
            TimedReading(.connectionID, connectionID), TimedReading(.monitorID, monitorID),
            TimedReading(.monitorLatency, monitorLatency), TimedReading(.monitorPending, monitorPending),
            TimedReading(.interrupts, interrupts), TimedReading(.events, events),
            TimedReading(.interruptsInFull, interruptsInFull), TimedReading(.interruptsOutEmpty, interruptsOutEmpty),
            TimedReading(.outFullFirst, outFullFirst), TimedReading(.outFullTotal, outFullTotal),
            TimedReading(.inSize, inbound.size), TimedReading(.inUsed, inbound.used),
            TimedReading(.inMask, inbound.masked), TimedReading(.inWriteIndex, inbound.writeIndex),
            TimedReading(.inReadIndex, inbound.readIndex), TimedReading(.outSize, outbound.size),
            TimedReading(.outUsed, outbound.used), TimedReading(.outMask, outbound.masked),
            TimedReading(.outWriteIndex, outbound.writeIndex), TimedReading(.outReadIndex, outbound.readIndex),
            TimedReading(.inUsedMaximum, inbound.usedMaximum), TimedReading(.outUsedMaximum, outbound.usedMaximum),
            TimedReading(.usedLooks, inbound.usedLooks), TimedReading(.staleSince, staleSince),
        ]
        // What nobody has looked at is so in a channel that is new.
        readings.removeAll { $0.time == 0 && $0.reading.form == .unavailable }
        func add(_ attribute: Attribute, _ number: UInt64?) {
            if let number { readings.append(TimedReading(AttributeReading(attribute, number), time)) }
        }
        add(.inSizeSource, inbound.sizeSource?.rawValue)
        add(.outSizeSource, outbound.sizeSource?.rawValue)
        add(.ringPageList, ringPageList.map(UInt64.init))
        add(.generation, generation == 0 ? nil : UInt64(generation))
        readings += traffic.readings.map { TimedReading($0, time) }
        return readings.byTime
    }
}
