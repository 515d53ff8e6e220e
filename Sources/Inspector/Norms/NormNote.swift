/// What a note is about. The raw value is its lasting name.
public enum NormSubject: String, CaseIterable, Sendable, Hashable {
    /// How large the rings are.
    case ringSize = "ring-size"
    /// How many channels the device has.
    case channelCount = "channel-count"
    /// Two channels of the device on one processor while another has none.
    case sharedProcessor = "shared-processor"
    /// A channel whose processor is not online.
    case offlineProcessor = "offline-processor"
    /// A channel whose processor the scheduler leaves alone.
    case isolatedProcessor = "isolated-processor"
    /// More interrupts than a channel should need.
    case interruptStorm = "interrupt-storm"
    /// Signals that the ring did not ask for.
    case needlessSignals = "needless-signals"
    /// One processor has much more of the device's interrupts than others.
    case imbalance

    /// In words, for headings.
    public var title: String {
        switch self {
        case .ringSize: "Ring size"
        case .channelCount: "Channels"
        case .sharedProcessor: "Shared CPU"
        case .offlineProcessor: "Offline CPU"
        case .isolatedProcessor: "Isolated CPU"
        case .interruptStorm: "Interrupt storm"
        case .needlessSignals: "Needless signals"
        case .imbalance: "Balance"
        }
    }
}

/// How something about a device compares with what is normal for its kind.
public struct NormNote: Sendable, Hashable {
    /// What it is about.
    public let subject: NormSubject
    /// How much attention it asks for.
    public let weight: NormWeight
    /// What is, in few words and numbers.
    public let finding: String
    /// What is normal, and where that is known from.
    public let norm: String
    /// The channels that it is about, by their sub-channel numbers; empty for the whole device.
    public let subchannels: [UInt16]

    /// A note.
    public init(
        _ subject: NormSubject, _ weight: NormWeight, _ finding: String, norm: String, subchannels: [UInt16] = []
    ) {
        (self.subject, self.weight, self.finding, self.norm) = (subject, weight, finding, norm)
        self.subchannels = subchannels
    }
}
