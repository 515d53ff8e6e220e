public import BusModel
import VMBusDevices
import VMBusWire

/// Gives records their names and one-line summaries as they come, which needs what came before them.
struct RecordDescriber: Sendable {
    // Both dictionaries are only looked up, so their order reaches nobody.
    private var dissectors: [ChannelKey: ChannelDissector] = [:]
    private var labels: [ChannelKey: String] = [:]

    /// As many as there are channel numbers (reference §1.3). When there are more, all start again.
    private static let maximumDissectors = 2048

    /// Describes a record; `snapshot` is what was known before it.
    mutating func describe(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, before snapshot: BusSnapshot
    ) -> FlowEntry {
        var entry = FlowEntry(
            header: header, name: "", info: "", deviceClass: .unknown, channelLabel: "",
            partitionName: "", context: .newest, hint: 0)
        let partition = snapshot.partition(header.partition)
        entry.context = partition?.wireContext ?? .newest
        entry.partitionName = PlainText.clean(
            RecordNames.partitionName(header, payload) ?? partition?.name
                ?? PartitionSnapshot.defaultName(header.partition))
        if let key = channel(of: header, in: partition),
            let device = partition?.devices.first(where: { $0.instance == key.device })
        {
            entry.deviceClass = device.deviceClass.kind
            entry.channelLabel = label(key, device, in: partition)
        }
        switch header.kind {
        case .message: describeMessage(&entry, payload, partition)
        case .packet: describePacket(&entry, payload)
        case .trace:
            RecordNames.describe(&entry, payload)
            if MessageType(rawValue: header.code) == .offerChannel,
                let classID = (try? TraceRecord.decode(payload))?.guid("if_type")
            {
                nameOffered(&entry, classID, header.subchannel)
            }
        case .sample where header.relid != 0:
            RecordNames.describe(&entry, payload)
            entry.info = SampleSummary.text(payload, since: header.channel.flatMap { snapshot.channel($0) })
        default: RecordNames.describe(&entry, payload)
        }
        return entry
    }

    /// Takes note of what a record changes for those behind it.
    mutating func follow(_ header: FlowRecordHeader, before snapshot: BusSnapshot) {
        switch header.kind {
        case .message where RecordNames.changesChannels(MessageType(rawValue: header.code)),
            .trace where RecordNames.changesChannels(MessageType(rawValue: header.code)), .state:
            labels.removeAll(keepingCapacity: true)
        case .keyframe: labels.removeAll(keepingCapacity: true)
        default: break
        }
        // A channel that is opened, or whose device goes, starts its device's protocol from the beginning.
        guard let key = channel(of: header, in: snapshot.partition(header.partition)) else { return }
        if header.kind == .message, MessageType(rawValue: header.code) == .openChannel { dissectors[key] = nil }
        if header.kind == .state, StateCode(rawValue: header.code) == .removed { dissectors[key] = nil }
    }

    /// The channel that a record is about; a message may name it by number only.
    private func channel(of header: FlowRecordHeader, in partition: PartitionSnapshot?) -> ChannelKey? {
        if let key = header.channel { return key }
        guard header.relid != 0 else { return nil }
        for device in partition?.devices ?? [] {
            guard let channel = device.channels.first(where: { $0.relid == header.relid }) else { continue }
            return ChannelKey(partition: header.partition, device: device.instance, subchannel: channel.subchannel)
        }
        return nil
    }

    private mutating func describePacket(_ entry: inout FlowEntry, _ payload: ArraySlice<UInt8>) {
        let kind = entry.deviceClass
        let direction = entry.header.direction ?? .guestToHost
        let attachment = Int(entry.header.attachmentLength)
        let summary: PacketSummary
        // Packets of devices that nobody offered are read one by one, so that they cannot fill the memory.
        if let key = entry.header.channel, !entry.channelLabel.isEmpty {
            if dissectors[key] == nil, dissectors.count >= Self.maximumDissectors { dissectors.removeAll() }
            // Changed in place: a copy for every packet would copy all that the dissector remembers.
            if dissectors[key]?.kind != kind { dissectors[key] = ChannelDissector(kind: kind) }
            summary =
                dissectors[key]?.summarise(payload, attachmentLength: attachment, direction: direction)
                ?? PacketSummary(name: "PACKET.UNKNOWN", info: "")
        } else {
            var dissector = ChannelDissector(kind: kind)
            summary = dissector.summarise(payload, attachmentLength: attachment, direction: direction)
        }
        (entry.name, entry.info, entry.hint) = (
            PlainText.clean(summary.name), PlainText.clean(summary.info), summary.hint
        )
    }

    private func describeMessage(
        _ entry: inout FlowEntry, _ payload: ArraySlice<UInt8>, _ partition: PartitionSnapshot?
    ) {
        guard let message = try? ChannelMessage.decode(Array(payload), context: entry.context) else {
            let tree = ChannelMessage.tree(payload, context: entry.context)
            entry.name = tree.name
            entry.info = tree.problem?.description ?? ""
            return
        }
        entry.name = "VMBUS." + (message.type.facts?.name ?? "UNKNOWN_\(message.type.rawValue)")
        entry.info = MessageSummary.text(message)
        // A message speaks of its channel by number only, and an offer comes before the channel is known.
        if case .offerChannel(let offer) = message { nameOffered(&entry, offer.interfaceType, offer.subchannelIndex) }
    }

    private func nameOffered(_ entry: inout FlowEntry, _ classID: GUID, _ subchannel: UInt16) {
        entry.deviceClass = DeviceClass.of(classID).kind
        guard entry.channelLabel.isEmpty else { return }
        entry.channelLabel = ChannelLabel.text(
            names: [], kind: entry.deviceClass, ordinal: 1, subchannel: subchannel)
    }

    private mutating func label(_ key: ChannelKey, _ device: DeviceSnapshot, in partition: PartitionSnapshot?) -> String
    {
        if let label = labels[key] { return label }
        let label = ChannelLabel.text(device, subchannel: key.subchannel, in: partition)
        labels[key] = label
        return label
    }
}

/// What people call a channel.
public enum ChannelLabel {
    /// The kernel's name of the device, else its class with a number where the partition has several; `:1` for a sub-channel.
    public static func text(_ device: DeviceSnapshot, subchannel: UInt16, in partition: PartitionSnapshot?) -> String {
        let kind = device.deviceClass.kind
        let equals = partition?.devices.filter { $0.deviceClass.kind == kind } ?? []
        let ordinal = (equals.firstIndex { $0.instance == device.instance } ?? 0) + 1
        return text(names: device.kernel.all, kind: kind, ordinal: ordinal, subchannel: subchannel)
    }

    static func text(names: [String], kind: DeviceKind, ordinal: Int, subchannel: UInt16) -> String {
        let device = names.first.map(PlainText.clean) ?? kind.word + (ordinal > 1 ? "-\(ordinal)" : "")
        return subchannel == 0 ? device : "\(device):\(subchannel)"
    }
}
