/// What a ring packet is: the first 16 bits of its descriptor (reference §4.3). Open, because a peer may write any number.
public struct PacketType: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The number on the wire.
    public let rawValue: UInt16

    /// Takes any number; those without a name are kept as they are.
    @inlinable
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// 0x0, never sent.
    @inlinable public static var invalid: PacketType { PacketType(rawValue: 0x0) }
    /// 0x1, not used today.
    @inlinable public static var synch: PacketType { PacketType(rawValue: 0x1) }
    /// 0x2, not used today; a 24-byte header.
    @inlinable public static var addTransferPageSet: PacketType { PacketType(rawValue: 0x2) }
    /// 0x3, not used today; a 24-byte header.
    @inlinable public static var removeTransferPageSet: PacketType { PacketType(rawValue: 0x3) }
    /// 0x4, not used today: a GPADL made inside the ring.
    @inlinable public static var establishGPADL: PacketType { PacketType(rawValue: 0x4) }
    /// 0x5, not used today: the end of a GPADL made inside the ring.
    @inlinable public static var teardownGPADL: PacketType { PacketType(rawValue: 0x5) }
    /// 0x6: the payload lies in the packet.
    @inlinable public static var dataInBand: PacketType { PacketType(rawValue: 0x6) }
    /// 0x7: the payload's bulk lies in ranges of a GPADL agreed on before (network receive).
    @inlinable public static var dataUsingTransferPages: PacketType { PacketType(rawValue: 0x7) }
    /// 0x8, not used today.
    @inlinable public static var dataUsingGPADL: PacketType { PacketType(rawValue: 0x8) }
    /// 0x9: the payload's bulk lies in guest pages that the header lists.
    @inlinable public static var dataUsingGPADirect: PacketType { PacketType(rawValue: 0x9) }
    /// 0xA, not used today.
    @inlinable public static var cancelRequest: PacketType { PacketType(rawValue: 0xA) }
    /// 0xB: the answer to the request whose transaction id it repeats.
    @inlinable public static var completion: PacketType { PacketType(rawValue: 0xB) }
    /// 0xC, not used today.
    @inlinable public static var dataUsingAdditionalPackets: PacketType { PacketType(rawValue: 0xC) }
    /// 0xD, not used today.
    @inlinable public static var additionalData: PacketType { PacketType(rawValue: 0xD) }

    /// The name as reference §4.3 spells it, nil for a number without one.
    public var name: String? {
        switch self {
        case .invalid: "invalid"
        case .synch: "synch"
        case .addTransferPageSet: "add transfer-page set"
        case .removeTransferPageSet: "remove transfer-page set"
        case .establishGPADL: "establish GPADL"
        case .teardownGPADL: "teardown GPADL"
        case .dataInBand: "data in-band"
        case .dataUsingTransferPages: "data using transfer pages"
        case .dataUsingGPADL: "data using GPADL"
        case .dataUsingGPADirect: "data using GPA direct"
        case .cancelRequest: "cancel request"
        case .completion: "completion"
        case .dataUsingAdditionalPackets: "data using additional packets"
        case .additionalData: "additional data"
        default: nil
        }
    }
}

extension PacketType: CustomStringConvertible {
    /// The name, or the number where there is none.
    public var description: String { name ?? "packet type " + Hexadecimal.prefixed(rawValue) }
}

/// The flags of a ring packet, bits 48 to 63 of its descriptor (reference §4.3). Unknown bits are kept.
public struct PacketFlags: OptionSet, Hashable, Sendable, BitwiseCopyable {
    /// The bits on the wire.
    public let rawValue: UInt16

    /// Takes any bits.
    @inlinable
    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// Bit 0: the sender waits for a completion packet with the same transaction id.
    @inlinable public static var completionRequested: PacketFlags { PacketFlags(rawValue: 1) }
}
