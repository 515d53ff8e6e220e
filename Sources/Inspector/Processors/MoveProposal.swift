public import BusModel
import VMBusWire

/// What moving a channel to another processor would do, and what it would take. Nothing here writes anything.
public struct MoveProposal: Sendable, Hashable {
    /// How unevenly interrupts lie before and after; nil where there are none.
    public struct Change: Sendable, Hashable {
        /// Now.
        public let before: Imbalance?
        /// As it would be.
        public let after: Imbalance?
    }

    /// The channel.
    public let channel: ChannelKey
    /// What people call it.
    public let label: String
    /// Its processor now.
    public let from: Int?
    /// The processor that is tried.
    public let target: Int
    /// How unevenly all interrupts of the partition lie now and then.
    public let whole: Change
    /// How unevenly the device's interrupts lie now and then.
    public let device: Change
    /// The command that makes the move, with ``path`` behind it.
    public let command: String
    /// The one file that it writes.
    public let path: String
    /// What keeps it from being made; empty when nothing is known to.
    public let obstacles: [String]
    /// What is worth knowing before it is made.
    public let notes: [String]
}

extension InspectorState {
    /// What moving a channel to another processor would do; nil when the channel is gone.
    public func moveProposal(_ key: ChannelKey, to target: Int, on map: ProcessorMap) -> MoveProposal? {
        guard let place = map.place(of: key), let partition = snapshot.partition(key.partition),
            let device = snapshot.device(key.partition, key.device), let channel = snapshot.channel(key)
        else { return nil }
        let after = map.moving(key, to: target)
        let own = map.channels[place]
        let relid = String(channel.relid)
        return MoveProposal(
            channel: key, label: own.label, from: own.processor, target: target,
            whole: MoveProposal.Change(
                before: map.partition(key.partition)?.imbalance, after: after.partition(key.partition)?.imbalance),
            device: MoveProposal.Change(
                before: map.devices[own.device].imbalance, after: after.devices[own.device].imbalance),
            command: "echo \(target) | sudo tee",
            path: "/sys/bus/vmbus/devices/\(PlainText.clean(device.name))/channels/\(relid)/cpu",
            obstacles: obstacles(own, channel, partition, target, map),
            notes: notes(own, partition, target, map))
    }

    /// The kernel's own conditions (vmbus-protocol §7.3, linux-guest-data §2).
    private func obstacles(
        _ own: ProcessorMap.Channel, _ channel: ChannelSnapshot, _ partition: PartitionSnapshot, _ target: Int,
        _ map: ProcessorMap
    ) -> [String] {
        var obstacles: [String] = []
        if capabilities.kind != .live { obstacles.append("only a live guest's channels can be moved") }
        if own.processor == target { obstacles.append("it is there already") }
        if channel.phase.value != .open { obstacles.append("the channel is not open (EIO)") }
        if let version = partition.version.value, version < .redstone3 {
            obstacles.append("protocol \(version) is below 4.1 (EIO)")
        }
        if let topology = map.partition(own.key.partition)?.topology {
            if !topology.isOnline(target) { obstacles.append("CPU \(target) is offline (EINVAL)") }
            if topology.isolated.contains(target) { obstacles.append("CPU \(target) is isolated (EINVAL)") }
        }
        return obstacles
    }

    private func notes(
        _ own: ProcessorMap.Channel, _ partition: PartitionSnapshot, _ target: Int, _ map: ProcessorMap
    ) -> [String] {
        var notes: [String] = []
        if partition.version.value == nil {
            notes.append("which protocol was negotiated is not known here; it must be 4.1 or newer")
        }
        if let node = own.deviceNode, let there = map.partition(own.key.partition)?.topology.node(of: target),
            there != node
        {
            notes.append("CPU \(target) is on node \(there), the device on node \(node)")
        }
        let others = map.channels[map.devices[own.device].channels].filter {
            $0.key != own.key && $0.isOpen && $0.processor == target
        }
        if let other = others.first { notes.append("\(other.label) of the same device is there already") }
        return notes
    }
}
