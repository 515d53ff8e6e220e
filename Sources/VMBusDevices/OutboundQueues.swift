import VMBusWire

/// Packets that wait for room in a ring, by channel, in the order in which they were sent.
///
/// A channel that had no room for one packet gets no other until it is writable again, so that the order stays.
struct OutboundQueues: Sendable, Hashable {
    /// The most packets kept for one channel. What endpoints send is bounded by what they have outstanding, so that only
    /// a peer that never reads and always writes gets here.
    let capacity: Int

    private struct Entry: Sendable, Hashable {
        var packet: ChannelPacket
        var attachment: [UInt8]
    }

    private struct Channel: Sendable, Hashable {
        var isBlocked = false
        var waiting: [Entry] = []
    }

    private var channels: [UInt16: Channel] = [:]

    /// Queues of at most `capacity` packets each.
    init(capacity: Int) { self.capacity = capacity }

    /// A packet as an effect, or kept behind those that wait already; a violation when too many do.
    mutating func send(_ packet: ChannelPacket, attachment: [UInt8] = [], subchannel: UInt16) -> [DeviceEffect] {
        guard isBlocked(subchannel) else { return [.send(subchannel: subchannel, packet, attachment: attachment)] }
        return wait(packet, attachment, subchannel)
    }

    /// Whether packets for a channel wait.
    func isBlocked(_ subchannel: UInt16) -> Bool {
        // Nearly always nobody waits, and then nothing is to be looked up.
        !channels.isEmpty && channels[subchannel]?.isBlocked == true
    }

    private mutating func wait(_ packet: ChannelPacket, _ attachment: [UInt8], _ subchannel: UInt16) -> [DeviceEffect] {
        guard keep(packet, attachment: attachment, subchannel: subchannel) else {
            return [
                .violation(
                    ProtocolViolation(
                        rule: "reader-drains", place: "sub-channel \(subchannel)", value: "\(capacity) packets wait",
                        explanation: "a side that writes reads too; the packet is lost"))
            ]
        }
        return []
    }

    /// The same, behind other effects.
    mutating func send(
        _ packet: ChannelPacket, attachment: [UInt8] = [], subchannel: UInt16, _ effects: inout [DeviceEffect]
    ) {
        if isBlocked(subchannel) {
            effects += wait(packet, attachment, subchannel)
        } else {
            effects.append(.send(subchannel: subchannel, packet, attachment: attachment))
        }
    }

    /// Keeps a packet that the ring refused.
    mutating func refused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        channels[subchannel, default: Channel()].isBlocked = true
        _ = keep(packet, attachment: attachment, subchannel: subchannel)
    }

    private mutating func keep(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) -> Bool {
        guard channels[subchannel, default: Channel()].waiting.count < capacity else { return false }
        channels[subchannel, default: Channel()].waiting.append(Entry(packet: packet, attachment: attachment))
        return true
    }

    /// Everything that waits for a channel, to be tried again.
    mutating func writable(subchannel: UInt16) -> [DeviceEffect] {
        guard let channel = channels.removeValue(forKey: subchannel) else { return [] }
        return channel.waiting.map {
            .send(subchannel: subchannel, $0.packet, attachment: $0.attachment)
        }
    }

    /// Forgets what waits for a channel.
    mutating func closed(subchannel: UInt16) { channels[subchannel] = nil }
}
