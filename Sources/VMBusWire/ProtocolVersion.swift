/// A VMBus protocol version: major in the upper, minor in the lower sixteen bits (reference §2.1). Unknown values survive.
public struct ProtocolVersion: NamedScalar, Comparable, CustomStringConvertible {
    /// major << 16 | minor.
    public let rawValue: UInt32

    /// Any version, known or not.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Makes a version from its two numbers.
    public init(_ major: UInt16, _ minor: UInt16) { rawValue = UInt32(major) << 16 | UInt32(minor) }

    /// 0.13, Windows Server 2008: base messages, shared interrupt bitmap.
    public static let windows2008 = ProtocolVersion(0, 13)
    /// 1.1, Windows Server 2008 R2: dedicated interrupts, connection ids, UNLOAD_COMPLETE.
    public static let windows7 = ProtocolVersion(1, 1)
    /// 2.4, Windows Server 2012: sub-channels, target processor, flow control.
    public static let windows8 = ProtocolVersion(2, 4)
    /// 3.0, Windows Server 2012 R2: unload and reconnect.
    public static let windows8_1 = ProtocolVersion(3, 0)
    /// 4.0, Windows 10: reserved channels, hv_sock.
    public static let windows10 = ProtocolVersion(4, 0)
    /// 4.1, Windows 10 RS3: MODIFY_CHANNEL.
    public static let redstone3 = ProtocolVersion(4, 1)
    /// 5.0, Windows 10 RS3: the multi-client connection.
    public static let redstone3MultiClient = ProtocolVersion(5, 0)
    /// 5.1, Windows 10 RS4: target VTL.
    public static let redstone4 = ProtocolVersion(5, 1)
    /// 5.2, Windows 10 RS5: silo ids.
    public static let redstone5 = ProtocolVersion(5, 2)
    /// 5.3, Windows Server 2022: MODIFY_CHANNEL_RESPONSE.
    public static let iron = ProtocolVersion(5, 3)
    /// 6.0: feature flags, client id, messages 25 to 29.
    public static let copper = ProtocolVersion(6, 0)

    /// All eleven versions, oldest first.
    public static let all: [ProtocolVersion] = [
        .windows2008, .windows7, .windows8, .windows8_1, .windows10, .redstone3, .redstone3MultiClient, .redstone4,
        .redstone5, .iron, .copper,
    ]

    /// Reads "5.3". Anything else is nil.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let major = UInt16(parts[0]), let minor = UInt16(parts[1]) else { return nil }
        self.init(major, minor)
    }

    /// "major.minor".
    public var description: String { "\(rawValue >> 16).\(rawValue & 0xFFFF)" }
    /// "major.minor".
    public var meaning: String? { description }

    /// Older is less.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What a 6.0 connection can do beyond the base; the agreed set is what both sides have (reference §2.3).
public struct FeatureFlags: OptionSet, NamedScalar {
    /// The 32 bits of the message.
    public let rawValue: UInt32

    /// Any set, with unknown bits kept.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// OPEN_CHANNEL carries a connection id and event flag that the guest chose.
    public static let guestSpecifiedSignalParameters = FeatureFlags(rawValue: 0x01)
    /// OPEN_CHANNEL carries flags; bit 0 redirects the interrupt.
    public static let channelInterruptRedirection = FeatureFlags(rawValue: 0x02)
    /// Messages 25 and 26.
    public static let modifyConnection = FeatureFlags(rawValue: 0x04)
    /// INITIATE_CONTACT carries a client GUID.
    public static let clientID = FeatureFlags(rawValue: 0x08)
    /// Offer flags 0x2 and 0x4 speak of confidential memory.
    public static let confidentialChannels = FeatureFlags(rawValue: 0x10)
    /// Messages 27 to 29.
    public static let pauseResume = FeatureFlags(rawValue: 0x20)
    /// The host may give the monitor pages.
    public static let serverSpecifiedMonitorPages = FeatureFlags(rawValue: 0x40)
    /// Offer flag 0x8 asks for pinned memory.
    public static let gpaPinning = FeatureFlags(rawValue: 0x80)
    /// Every flag that is known.
    public static let all = FeatureFlags(rawValue: 0xFF)

    /// The flags' names, lowest bit first.
    public var meaning: String? {
        BitNames.text(
            rawValue,
            [
                "guest_specified_signal_parameters", "channel_interrupt_redirection", "modify_connection", "client_id",
                "confidential_channels", "pause_resume", "server_specified_monitor_pages", "gpa_pinning",
            ])
    }
}

/// Names for the bits of a flag word.
public enum BitNames {
    /// The names of the bits that are set, lowest first, joined by `|`; a bit without a name shows as its value. `none` for no bit.
    public static func text(_ value: some FixedWidthInteger & UnsignedInteger, _ names: [String]) -> String {
        if value == 0 { return "none" }
        var parts: [String] = []
        for bit in 0..<value.bitWidth where value & (1 << bit) != 0 {
            parts.append(
                bit < names.count && !names[bit].isEmpty ? names[bit] : Hexadecimal.prefixed(UInt64(1) << UInt64(bit)))
        }
        return parts.joined(separator: "|")
    }
}
