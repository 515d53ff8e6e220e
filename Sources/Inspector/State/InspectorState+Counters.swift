import BusModel

extension InspectorState {
    /// Host→guest interrupts: as the guest counts them, else as the log shows them.
    func interruptCount(_ channel: ChannelSnapshot) -> Reading<UInt64> {
        counted(channel.interrupts, channel.traffic.interrupts)
    }

    /// Guest→host signals: as the guest counts them, else as the log shows them.
    func signalCount(_ channel: ChannelSnapshot) -> Reading<UInt64> {
        counted(channel.events, channel.traffic.signals)
    }

    /// The log of a live guest holds no single signals, that of a file need not: none in the log says nothing there.
    private func counted(_ reading: Reading<UInt64>, _ seen: UInt64) -> Reading<UInt64> {
        let isWhole = capabilities.kind == .simulator || capabilities.kind == .host
        guard reading.outcome == .unavailable, seen > 0 || isWhole else { return reading }
        return .known(seen, at: snapshot.position.time)
    }
}

extension InspectorState {
    /// How much is going on in all, in words: packets per second where the log shows packets, else interrupts; nil while
    /// nothing is known.
    public var totalRate: String? {
        if capabilities.kind != .live {
            var sum: Double?
            for partition in snapshot.partitions {
                if let rate = rates(partition: partition.number).packets { sum = (sum ?? 0) + rate }
            }
            return sum.map { Quantity.rate($0) + " pkt/s" }
        }
        var sum: Double?
        for key in channelKeys {
            if let rate = rates(key).interrupts { sum = (sum ?? 0) + rate }
        }
        return sum.map { Quantity.rate($0) + " int/s" }
    }
}
