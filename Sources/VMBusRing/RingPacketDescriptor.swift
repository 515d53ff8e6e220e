public import VMBusWire

/// What a sender says about a packet besides its bytes (reference §4.3).
public struct PacketInfo: Hashable, Sendable {
    /// What the packet is.
    public var type: PacketType
    /// Whether a completion is asked for.
    public var flags: PacketFlags
    /// Chosen by the requester, repeated by the completion. Windows hosts do not complete id 0.
    public var transactionID: UInt64

    /// A packet of this kind.
    @inlinable
    public init(_ type: PacketType, flags: PacketFlags = [], transactionID: UInt64 = 0) {
        self.type = type
        self.flags = flags
        self.transactionID = transactionID
    }
}

/// The 16 bytes that every packet starts with (reference §4.3), lengths in bytes.
public struct RingPacketDescriptor: Hashable, Sendable {
    /// What the sender says about the packet.
    public var info: PacketInfo
    /// Bytes of descriptor and type-specific header: where the payload starts. A multiple of 8.
    public var headerLength: UInt32
    /// Bytes of header and padded payload, without the trailer. A multiple of 8.
    public var totalLength: UInt32

    /// Bytes of a descriptor.
    @inlinable public static var byteCount: UInt32 { 16 }
    /// Bytes of the trailer, which no length counts.
    @inlinable public static var trailerByteCount: UInt32 { 8 }
    /// The largest length that a descriptor can hold.
    @inlinable public static var maximumTotalLength: UInt32 { 65535 * 8 }

    /// Describes a packet.
    @inlinable
    public init(_ info: PacketInfo, headerLength: UInt32, totalLength: UInt32) {
        self.info = info
        self.headerLength = headerLength
        self.totalLength = totalLength
    }

    /// Takes a descriptor's bytes as two little-endian numbers; nothing is checked.
    @inlinable
    public init(first: UInt64, transactionID: UInt64) {
        info = PacketInfo(
            PacketType(rawValue: UInt16(truncatingIfNeeded: first)),
            flags: PacketFlags(rawValue: UInt16(truncatingIfNeeded: first >> 48)), transactionID: transactionID)
        headerLength = UInt32(truncatingIfNeeded: first >> 16 & 0xFFFF) * 8
        totalLength = UInt32(truncatingIfNeeded: first >> 32 & 0xFFFF) * 8
    }

    /// The first eight bytes as a little-endian number; the other eight are the transaction id.
    @inlinable
    public var first: UInt64 {
        UInt64(info.type.rawValue) | UInt64(headerLength / 8 & 0xFFFF) << 16
            | UInt64(totalLength / 8 & 0xFFFF) << 32 | UInt64(info.flags.rawValue) << 48
    }
}
