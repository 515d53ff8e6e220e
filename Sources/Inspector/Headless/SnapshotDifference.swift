public import BusModel
public import VMBusWire

/// How two pictures of a bus differ: what came, what went and what is another now. Devices are known by their instance, channels
/// by their place in the device; counters and fills, which always change, do not count.
public struct SnapshotDifference: Sendable, Hashable {
    /// What became of something.
    public enum Change: String, Sendable, Hashable {
        case came
        case went
        case changed
    }

    /// One difference.
    public struct Item: Sendable, Hashable {
        /// What became of it.
        public let change: Change
        /// The partition's name.
        public let partition: String
        /// The device's instance; nil for the partition itself.
        public let device: GUID?
        /// The channel; nil for the device itself.
        public let subchannel: UInt16?
        /// What it is, for people.
        public let name: String
        /// Which value is another; nil for what came or went.
        public let field: String?
        /// The value before; nil where nothing was known.
        public let before: String?
        /// The value now; nil where nothing is known.
        public let after: String?
    }

    /// In order of partitions, devices and channels.
    public private(set) var items: [Item] = []

    /// What is different in the second one.
    public init(_ before: BusSnapshot, _ after: BusSnapshot) {
        for partition in before.partitions where after.partition(partition.number) == nil {
            add(.went, partition, name: "partition")
        }
        for partition in after.partitions {
            guard let former = before.partition(partition.number) else {
                add(.came, partition, name: "partition")
                for device in partition.devices { add(.came, partition, device) }
                continue
            }
            compare(Self.values(former), Self.values(partition)) { field, old, new in
                add(.changed, partition, name: "partition", (field, old, new))
            }
            compareDevices(former, partition)
        }
    }

    private mutating func compareDevices(_ former: PartitionSnapshot, _ partition: PartitionSnapshot) {
        let order = (former.devices + partition.devices).map(\.instance).sorted()
        var last: GUID?
        for instance in order where instance != last {
            last = instance
            let old = former.devices.first { $0.instance == instance }
            let new = partition.devices.first { $0.instance == instance }
            switch (old, new) {
            case (let device?, nil): add(.went, partition, device)
            case (nil, let device?): add(.came, partition, device)
            case (let old?, let new?):
                compare(Self.values(old), Self.values(new)) { field, before, after in
                    add(.changed, partition, new, nil, (field, before, after))
                }
                compareChannels(old, new, partition)
            case (nil, nil): break
            }
        }
    }

    private mutating func compareChannels(
        _ former: DeviceSnapshot, _ device: DeviceSnapshot, _ partition: PartitionSnapshot
    ) {
        let indices = Set((former.channels + device.channels).map(\.subchannel)).sorted()
        for index in indices {
            let old = former.channels.first { $0.subchannel == index }
            let new = device.channels.first { $0.subchannel == index }
            switch (old, new) {
            case (_?, nil): add(.went, partition, device, index)
            case (nil, _?): add(.came, partition, device, index)
            case (let old?, let new?):
                compare(Self.values(old), Self.values(new)) { field, before, after in
                    add(.changed, partition, device, index, (field, before, after))
                }
            case (nil, nil): break
            }
        }
    }

    private typealias Value = (field: String, text: String?)

    private static func number(_ field: String, _ reading: Reading<UInt64>) -> Value {
        (field, reading.value.map { "\($0)" })
    }

    private static func values(_ partition: PartitionSnapshot) -> [Value] {
        [
            ("name", partition.name), ("connection", partition.connection.value?.word),
            ("version", partition.version.value?.description),
            ("features", partition.features.value.map { Hexadecimal.prefixed($0.rawValue) }),
            number("processors", partition.virtualProcessors), ("kernel", partition.kernelRelease.value),
        ]
    }

    private static func values(_ device: DeviceSnapshot) -> [Value] {
        [
            ("class", device.classID.description), ("driver", device.driver.value),
            ("kernel names", device.kernel.all.joined(separator: " ")), number("state", device.state),
            ("numa node", device.numaNode.value.map { "\($0)" }),
        ]
    }

    private static func values(_ channel: ChannelSnapshot) -> [Value] {
        [
            ("relid", "\(channel.relid)"), ("phase", channel.phase.value?.word), number("cpu", channel.cpu),
            number("connection", channel.connectionID), number("monitor", channel.monitorID),
            number("ring in", channel.inbound.size), number("ring out", channel.outbound.size),
        ]
    }

    private func compare(_ before: [Value], _ after: [Value], _ differ: (String, String?, String?) -> Void) {
        for (old, new) in zip(before, after) where old.text != new.text {
            // What one of them does not know is no difference; a driver that is not told is none.
            if old.text == nil || new.text == nil, new.field != "driver" { continue }
            differ(new.field, old.text, new.text)
        }
    }

    private mutating func add(
        _ change: Change, _ partition: PartitionSnapshot, name: String,
        _ value: (field: String, before: String?, after: String?)? = nil
    ) {
        items.append(
            Item(
                change: change, partition: partition.name, device: nil, subchannel: nil, name: name,
                field: value?.field, before: value?.before, after: value?.after))
    }

    private mutating func add(
        _ change: Change, _ partition: PartitionSnapshot, _ device: DeviceSnapshot, _ subchannel: UInt16? = nil,
        _ value: (field: String, before: String?, after: String?)? = nil
    ) {
        let kernel = device.kernel.all.joined(separator: " ")
        items.append(
            Item(
                change: change, partition: partition.name, device: device.instance, subchannel: subchannel,
                name: device.deviceClass.kind.word + (kernel.isEmpty ? "" : " \(kernel)"), field: value?.field,
                before: value?.before, after: value?.after))
    }

    // MARK: Report

    /// One line for each.
    public func text() -> String {
        guard !items.isEmpty else { return "nothing came, went or changed\n" }
        return items.map { item in
            var line = item.change.rawValue
            line += String(repeating: " ", count: 8 - line.count) + PlainText.clean(item.partition)
            if let device = item.device { line += " \(device)" }
            if let subchannel = item.subchannel { line += "/\(subchannel)" }
            line += " \(PlainText.clean(item.name))"
            if let field = item.field {
                line += ": \(field) \(PlainText.clean(item.before ?? "-")) -> \(PlainText.clean(item.after ?? "-"))"
            }
            return line + "\n"
        }.joined()
    }

    /// One document of schema `vmbusscope.difference/1`, ended by a line feed.
    public func json() -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("schema", "vmbusscope.difference/1")
            writer.memberArray("differences") { writer in
                for item in items {
                    writer.object { writer in
                        writer.member("change", item.change.rawValue)
                        writer.member("partition", item.partition)
                        writer.member("device", item.device?.description)
                        writer.member("subchannel", item.subchannel)
                        writer.member("name", item.name)
                        writer.member("field", item.field)
                        writer.member("before", item.before)
                        writer.member("after", item.after)
                    }
                }
            }
        }
        writer.endLine()
        return writer.text
    }
}
