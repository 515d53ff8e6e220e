public import BusModel
public import Query
import VMBusWire

/// A record of the log as filters see it. It is decoded only when a filter names a decoded field.
public struct RecordSubject: QuerySubject {
    private let entry: FlowEntry
    private let payload: ArraySlice<UInt8>

    /// A record with its bytes.
    public init(_ entry: FlowEntry, _ payload: ArraySlice<UInt8>) {
        self.entry = entry
        self.payload = payload
    }

    public func value(of field: QueryField) -> QueryValue? {
        let header = entry.header
        return switch RecordField(rawValue: field.number) {
        case .sequence: QueryValue(header.sequence)
        case .time: QueryValue(header.time)
        case .kind: .text(header.kind.word)
        case .name: .text(entry.name)
        case .direction: .text(entry.directionWord ?? "none")
        case .partition: .text(entry.partitionName)
        case .device: header.device == .zero ? nil : .guid(header.device)
        case .deviceClass: entry.deviceClass == .unknown && header.device == .zero ? nil : .text(entry.deviceClass.word)
        case .relid: header.relid == 0 ? nil : QueryValue(header.relid)
        case .subchannel: header.device == .zero ? nil : QueryValue(header.subchannel)
        case .length: QueryValue(header.payloadLength)
        case .info: .text(entry.info)
        case .channel: entry.channelLabel.isEmpty ? nil : .text(entry.channelLabel)
        case nil: nil
        }
    }

    public func decoded(_ path: DecodedPath) -> [QueryValue] {
        guard let name = path.parts.last else { return [] }
        var around = Array(path.parts.dropLast())
        // The first part may be the layer, as in nvsp.type.
        if let layer = entry.name.split(separator: ".").first?.lowercased(), around.first == layer {
            around.removeFirst()
        }
        var values: [QueryValue] = []
        func collect(_ nodes: [FieldNode], _ missing: ArraySlice<String>) {
            for node in nodes {
                let nodeName = node.name.lowercased()
                if missing.isEmpty, nodeName == name { values += node.queryValues }
                collect(node.children, missing.first == nodeName ? missing.dropFirst() : missing)
            }
        }
        collect(RecordDissector.tree(entry, payload).fields, around[...])
        return values
    }
}

extension FieldNode {
    /// What a filter can compare the field with: its value, and the name of its value where it has one.
    var queryValues: [QueryValue] {
        let value: QueryValue? =
            switch value {
            case .unsigned(let number), .identifier(let number): QueryValue(number)
            case .signed(let number): QueryValue(number)
            case .guid(let guid): .guid(guid)
            case .bytes(let bytes): .bytes(bytes)
            case .text(let text): .text(text)
            case .composite: nil
            }
        return [value, text.map { .text($0) }].compactMap { $0 }
    }
}

/// A channel as filters see it.
public struct ChannelSubject: QuerySubject {
    private let partition: PartitionSnapshot
    private let device: DeviceSnapshot
    private let channel: ChannelSnapshot
    private let rates: FlowRates

    private let interrupts: UInt64?
    private let events: UInt64?
    private let signals: UInt64?
    private let now: UInt64

    /// A channel as a state shows it; nil when it is gone.
    public init?(_ state: InspectorState, _ key: ChannelKey) {
        guard let partition = state.snapshot.partition(key.partition),
            let device = state.snapshot.device(key.partition, key.device), let channel = state.snapshot.channel(key)
        else { return nil }
        self.init(state, partition, device, channel)
    }

    init(
        _ state: InspectorState, _ partition: PartitionSnapshot, _ device: DeviceSnapshot, _ channel: ChannelSnapshot
    ) {
        self.partition = partition
        self.device = device
        self.channel = channel
        rates = state.rates(
            ChannelKey(partition: partition.number, device: device.instance, subchannel: channel.subchannel))
        interrupts = state.interruptCount(channel).value
        events = state.eventCount(channel).value
        signals = state.signalCount(channel).value
        now = state.snapshot.position.time
    }

    public func value(of field: QueryField) -> QueryValue? {
        switch ChannelField(rawValue: field.number) {
        case .partition: .text(partition.name)
        case .device: .guid(device.instance)
        case .deviceClass: .text(device.deviceClass.kind.word)
        case .relid: QueryValue(channel.relid)
        case .subchannel: QueryValue(channel.subchannel)
        case .state: channel.phase.value.map { .text($0.word) }
        case .driver: device.driver.value.map { .text($0) }
        case .cpu: number(channel.cpu)
        case .kernelName: device.kernel.all.isEmpty ? nil : .text(device.kernel.all.joined(separator: " "))
        case .opened: channel.phase.value.map { .truth($0 == .open) }
        case .inUsed: number(channel.inbound.used)
        case .inSize: number(channel.inbound.size)
        case .inFill: channel.inbound.fill.map { .real($0) }
        case .inMasked: channel.inbound.masked.value.map { .truth($0 != 0) }
        case .outUsed: number(channel.outbound.used)
        case .outSize: number(channel.outbound.size)
        case .outFill: channel.outbound.fill.map { .real($0) }
        case .outMasked: channel.outbound.masked.value.map { .truth($0 != 0) }
        case .interrupts: interrupts.map { QueryValue($0) }
        case .events: events.map { QueryValue($0) }
        case .outFullFirst: number(channel.outFullFirst)
        case .outFullTotal: number(channel.outFullTotal)
        case .interruptRate: rates.interrupts.map { .real($0) }
        case .eventRate: rates.events.map { .real($0) }
        case .packetRate: rates.packets.map { .real($0) }
        case .byteRate: rates.bytes.map { .real($0) }
        case .signals: signals.map { QueryValue($0) }
        case .signalRate: rates.signals.map { .real($0) }
        case .refusedRate: rates.refusedWrites.map { .real($0) }
        case .recentEpisodes: rates.history.map { QueryValue($0.summary(at: now)[.fullEpisodes]) }
        case .greatestFill: rates.history?.summary(at: now).fillMaximum.map { .real(Double($0)) }
        case .verdict: .text(Verdict(channel, of: device, rates, at: now).word.rawValue)
        case nil: nil
        }
    }

    public func decoded(_ path: DecodedPath) -> [QueryValue] { [] }

    private func number(_ reading: Reading<UInt64>) -> QueryValue? { reading.value.map { QueryValue($0) } }
}

/// A partition as filters see it.
public struct PartitionSubject: QuerySubject {
    private let partition: PartitionSnapshot

    /// A partition.
    public init(_ partition: PartitionSnapshot) { self.partition = partition }

    public func value(of field: QueryField) -> QueryValue? {
        let traffic = partition.traffic
        return switch PartitionField(rawValue: field.number) {
        case .number: QueryValue(partition.number)
        case .name: .text(partition.name)
        case .role: .text(partition.role == .root ? "root" : "guest")
        case .state: partition.connection.value.map { .text($0.word) }
        case .version: partition.version.value.flatMap { Double($0.description) }.map { .real($0) }
        case .processors: partition.virtualProcessors.value.map { QueryValue($0) }
        case .devices: QueryValue(partition.devices.count)
        case .channels: QueryValue(partition.channelCount)
        case .opened: QueryValue(partition.openChannelCount)
        case .messageCount: QueryValue(traffic.messages)
        case .packetCount: QueryValue(traffic.packetsIn &+ traffic.packetsOut)
        case nil: nil
        }
    }

    public func decoded(_ path: DecodedPath) -> [QueryValue] { [] }
}
