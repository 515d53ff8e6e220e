public import VMBusWire

/// A ring packet as a device sees it, without the ring: what it carries and where its bulk lies.
public struct ChannelPacket: Sendable, Hashable {
    /// Where the bulk of a packet's data lies.
    public enum Bulk: Sendable, Hashable {
        /// All of it is in the payload.
        case inBand
        /// In guest pages that the packet lists (reference §4.4).
        case guestPages([GPARange])
        /// In a page list agreed on before (reference §4.5).
        case transferPages(setID: UInt16, ranges: [TransferPageRange])
    }

    /// Data in-band, completion, …
    public var type: PacketType
    /// Whether an answer is wanted.
    public var flags: PacketFlags
    /// Chosen by who asks; the answer repeats it.
    public var transactionID: UInt64
    /// Where the bulk lies.
    public var bulk: Bulk
    /// The bytes behind the packet's header, with their padding to a multiple of eight when received.
    public var payload: [UInt8]

    /// A packet.
    public init(
        type: PacketType = .dataInBand, flags: PacketFlags = [], transactionID: UInt64 = 0, bulk: Bulk = .inBand,
        payload: [UInt8]
    ) {
        self.type = type
        self.flags = flags
        self.transactionID = transactionID
        self.bulk = bulk
        self.payload = payload
    }

    /// The answer to this packet.
    public func completion(_ payload: [UInt8]) -> ChannelPacket {
        ChannelPacket(type: .completion, transactionID: transactionID, payload: payload)
    }
}
