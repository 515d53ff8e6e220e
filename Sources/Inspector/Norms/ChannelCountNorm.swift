public import VMBusWire

/// How many channels a kind of device usually has, primary included, by the number of online processors (linux-guest-data §3,
/// §8; the formulas of Azure's test framework LISA).
///
/// Drivers and hosts of several years are about, so every formula that was ever used is normal. The host's offer may be less.
public enum ChannelCountNorm {
    /// One formula with its result.
    public struct Expectation: Sendable, Hashable {
        /// How many channels.
        public let count: Int
        /// Who counts so, in words.
        public let source: String
    }

    /// The most channels that netvsc opens (VRSS_CHANNEL_MAX).
    public static let mostNetworkChannels = 64

    /// What the formulas give; empty for a kind of device with one channel.
    ///
    /// - Parameter processors: how many are online.
    public static func expectations(of kind: DeviceKind, processors: Int) -> [Expectation] {
        let processors = min(max(1, processors), 1 << 20)
        switch kind {
        case .network:
            let old = Expectation(count: min(processors, 8), source: "up to Linux 6.11: processors, at most 8")
            guard processors > 16 else {
                return [
                    old, Expectation(count: processors, source: "since Linux 6.12: as many as processors up to 16"),
                ]
            }
            return [
                old,
                Expectation(
                    count: min(mostNetworkChannels, max(16, processors / 4)),
                    source: "since Linux 6.12, two threads a core: half the cores, 16 to 64"),
                Expectation(
                    count: min(mostNetworkChannels, max(16, processors / 2)),
                    source: "since Linux 6.12, one thread a core: half the cores, 16 to 64"),
            ]
        case .scsi, .fibreChannel:
            return [
                Expectation(count: 1 + (processors - 1) / 4, source: "storvsc: one sub-channel for four processors"),
                Expectation(count: max(1, min(processors, 256) / 4), source: "LISA: processors / 4"),
                Expectation(count: min(processors, 64), source: "hosts of the MANA generation: processors, at most 64"),
            ]
        default: return []
        }
    }

    /// The range of what is normal; 1...1 for a kind of device with one channel.
    public static func range(of kind: DeviceKind, processors: Int) -> ClosedRange<Int> {
        let counts = expectations(of: kind, processors: processors).map(\.count)
        guard let least = counts.min(), let most = counts.max() else { return 1...1 }
        // What ethtool -L may set is normal too.
        return least...(kind == .network ? max(most, min(processors, mostNetworkChannels)) : most)
    }
}
