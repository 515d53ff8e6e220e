public import BusModel
public import VMBusWire

extension InspectorState {
    /// Whether a channel is as it should be at the moment that is shown; nil when it is gone.
    public func verdict(_ key: ChannelKey) -> Verdict? {
        guard let device = snapshot.device(key.partition, key.device), let channel = snapshot.channel(key) else {
            return nil
        }
        return Verdict(channel, of: device, rates(key), at: snapshot.position.time)
    }

    /// How a device compares with what is normal for its kind; empty when it is gone.
    public func normNotes(partition number: UInt16, device instance: GUID) -> [NormNote] {
        guard let partition = snapshot.partition(number), let device = snapshot.device(number, instance) else {
            return []
        }
        return DeviceNorms(
            device, on: ProcessorTopology(partition),
            rates: device.channels.map { rates(Self.key(partition, device, $0)) }, at: snapshot.position.time
        ).notes
    }

    /// How old a channel's values are: since the source could read them last, or where they are older than three looks; nil
    /// for values of now, and of a channel that rests.
    public func staleness(_ key: ChannelKey) -> UInt64? { snapshot.channel(key).flatMap { staleness($0, rates(key)) } }

    func staleness(_ channel: ChannelSnapshot, _ rates: FlowRates) -> UInt64? {
        let now = snapshot.position.time
        if let since = channel.staleSince.value { return now - min(now, since) }
        guard !rates.isResting, let lookedAt = rates.lookedAt, now > lookedAt, now - lookedAt > 3 &* tick else {
            return nil
        }
        return now - lookedAt
    }
}
