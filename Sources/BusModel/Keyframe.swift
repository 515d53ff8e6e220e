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

    /// The bytes of a keyframe record from which `apply` builds this snapshot again, traffic and page lists excepted, which
    /// count from the keyframe on.
    public var keyframe: [UInt8] {
        var frame = KeyframeEntries()
        func add(
            _ partition: UInt16, _ device: GUID = .zero, _ subchannel: UInt16 = 0, _ relid: UInt32 = 0,
            code: StateCode = .appeared, time: UInt64, _ readings: [AttributeReading]
        ) {
            let header = FlowRecordHeader(
                kind: .state, time: time, partition: partition, device: device, subchannel: subchannel, relid: relid,
                code: code.rawValue)
            frame.entries.append(KeyframeEntry(header, AttributeList(readings).encoded()))
        }
        for partition in partitions {
            add(partition.number, time: position.time, partition.attributeReadings)
            for item in partition.evidence.items {
                add(partition.number, code: .changed, time: item.time, [item.reading])
            }
            for device in partition.devices {
                add(partition.number, device.instance, time: position.time, device.attributeReadings)
                for item in device.evidence.items {
                    add(partition.number, device.instance, code: .changed, time: item.time, [item.reading])
                }
                for channel in device.channels where channel.relid != 0 {
                    add(
                        partition.number, device.instance, channel.subchannel, channel.relid, time: position.time,
                        channel.attributeReadings)
                }
            }
        }
        // Last, as everything that is told of the bus says that there is one.
        if !busAvailable { add(0, code: .busMissing, time: position.time, []) }
        return frame.encoded()
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
}

extension DeviceSnapshot {
    /// The device's own values as a state record holds them.
    public var attributeReadings: [AttributeReading] {
        var readings: [AttributeReading] = [
            AttributeReading(.name, text: name), AttributeReading(.classID, guid: classID),
            AttributeReading(.deviceState, reading: state),
            AttributeReading(.numaNode, reading: numaNode.map { UInt64(bitPattern: $0) }),
        ]
        if let driver = driver.value {
            readings.append(AttributeReading(.driver, text: driver))
        } else {
            readings.append(AttributeReading(.driver, reading: driver.map { _ in 0 }))
        }
        if !kernel.net.isEmpty { readings.append(AttributeReading(.networkInterfaces, text: joined(kernel.net))) }
        if let host = kernel.scsiHost { readings.append(AttributeReading(.scsiHost, text: host)) }
        if !kernel.block.isEmpty { readings.append(AttributeReading(.blockDevices, text: joined(kernel.block))) }
        if !kernel.pci.isEmpty { readings.append(AttributeReading(.pciFunctions, text: joined(kernel.pci))) }
        readings += problems.map { AttributeReading(problem: $0) }
        return readings
    }

    private func joined(_ names: [String]) -> String { names.joined(separator: " ") }
}

extension ChannelSnapshot {
    /// The channel's own values as a state record holds them.
    public var attributeReadings: [AttributeReading] {
        var readings: [AttributeReading] = [
            AttributeReading(.channelPhase, reading: phase.map(\.rawValue)), AttributeReading(.cpu, reading: cpu),
            AttributeReading(.monitorID, reading: monitorID),
            AttributeReading(.monitorLatency, reading: monitorLatency),
            AttributeReading(.monitorPending, reading: monitorPending),
            AttributeReading(.interrupts, reading: interrupts), AttributeReading(.events, reading: events),
            AttributeReading(.interruptsInFull, reading: interruptsInFull),
            AttributeReading(.interruptsOutEmpty, reading: interruptsOutEmpty),
            AttributeReading(.outFullFirst, reading: outFullFirst),
            AttributeReading(.outFullTotal, reading: outFullTotal),
            AttributeReading(.inSize, reading: inbound.size), AttributeReading(.inUsed, reading: inbound.used),
            AttributeReading(.inMask, reading: inbound.masked),
            AttributeReading(.inWriteIndex, reading: inbound.writeIndex),
            AttributeReading(.inReadIndex, reading: inbound.readIndex),
            AttributeReading(.outSize, reading: outbound.size), AttributeReading(.outUsed, reading: outbound.used),
            AttributeReading(.outMask, reading: outbound.masked),
            AttributeReading(.outWriteIndex, reading: outbound.writeIndex),
            AttributeReading(.outReadIndex, reading: outbound.readIndex),
        ]
        for (attribute, reading) in [
            (Attribute.inUsedMaximum, inbound.usedMaximum), (.outUsedMaximum, outbound.usedMaximum),
            (.usedLooks, inbound.usedLooks), (.staleSince, staleSince),
        ] where reading.value != nil {
            readings.append(AttributeReading(attribute, reading: reading))
        }
        if let source = inbound.sizeSource { readings.append(AttributeReading(.inSizeSource, source.rawValue)) }
        if let source = outbound.sizeSource { readings.append(AttributeReading(.outSizeSource, source.rawValue)) }
        return readings
    }
}
