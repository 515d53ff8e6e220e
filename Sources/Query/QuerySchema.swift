/// What can be asked of one kind of subject: its fields, and whether decoded fields are known too.
public struct QuerySchema: Sendable, Hashable {
    /// What a subject is, in words.
    public let name: String
    /// The catalogue.
    public let fields: [QueryField]
    /// Whether any other name is a field of the decoded record.
    public let hasDecodedFields: Bool
    /// Those of the other names that are known beforehand, for completion and for finding slips.
    public let decodedNames: [QueryDecodedName]

    /// The field with that name.
    public func field(_ name: String) -> QueryField? { fields.first { $0.name == name } }
}

/// A field of a record of the log. The raw value is its place in `QuerySchema.record`.
public enum RecordField: Int, CaseIterable, Sendable, Hashable {
    case sequence, time, kind, name, direction, partition, device, deviceClass, relid, subchannel, length, info, channel
}

/// A field of a channel. The raw value is its place in `QuerySchema.channel`.
public enum ChannelField: Int, CaseIterable, Sendable, Hashable {
    case partition, device, deviceClass, relid, subchannel, state, driver, cpu, kernelName, opened
    case inUsed, inSize, inFill, inMasked, outUsed, outSize, outFill, outMasked
    case interrupts, events, outFullFirst, outFullTotal, interruptRate, eventRate, packetRate, byteRate
    case signals, signalRate, refusedRate, recentEpisodes, greatestFill, verdict
}

/// A field of a partition. The raw value is its place in `QuerySchema.partition`.
public enum PartitionField: Int, CaseIterable, Sendable, Hashable {
    case number, name, role, state, version, processors, devices, channels, opened, messageCount, packetCount
}
