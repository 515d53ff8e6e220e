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

    /// A live guest's log holds no single signals, so that none in the log says nothing there.
    private func counted(_ reading: Reading<UInt64>, _ seen: UInt64) -> Reading<UInt64> {
        guard reading.outcome == .unavailable, seen > 0 || capabilities.kind != .live else { return reading }
        return .known(seen, at: snapshot.position.time)
    }
}
