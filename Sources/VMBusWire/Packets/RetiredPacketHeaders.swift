/// The header of a packet that adds or removes a transfer-page set (types 0x2 and 0x3; reference §4.3), behind the
/// descriptor. Nobody sends it today.
public struct TransferPageSetHeader: WireStructure {
    public static let structureName: StaticString = "TRANSFER_PAGE_SET"
    /// The GPADL that the set lies in.
    public var gpadl: UInt32 = 0
    /// Which set it is.
    public var setID: UInt16 = 0
    public init() {}
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("gpadl", &gpadl, .hexadecimal, "the page list that the set lies in")
        try visitor.field("transfer_page_set_id", &setID, .hexadecimal, "which set it is")
        try visitor.reserved(2)
    }
}

/// The header of a packet that makes a GPADL inside the ring (type 0x4; reference §4.3), behind the descriptor. Nobody sends
/// it today.
public struct EstablishGPADLHeader: WireStructure {
    public static let structureName: StaticString = "ESTABLISH_GPADL"
    /// The GPADL.
    public var gpadl: UInt32 = 0
    /// The guest pages in it.
    public var ranges: [GPARange] = []
    public init() {}
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("gpadl", &gpadl, .hexadecimal, "the page list that is made")
        var count = UInt32(truncatingIfNeeded: ranges.count)
        try visitor.field("range_count", &count, "how many ranges follow")
        try visitor.repeated("range", &ranges, count: Int(count), "guest pages in the list")
    }
}

/// The header of a packet that ends a GPADL made inside the ring, or whose bulk lies in a GPADL (types 0x5 and 0x8; reference
/// §4.3), behind the descriptor. Nobody sends it today.
public struct GPADLReferenceHeader: WireStructure {
    public static let structureName: StaticString = "GPADL_REFERENCE"
    /// The GPADL.
    public var gpadl: UInt32 = 0
    public init() {}
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("gpadl", &gpadl, .hexadecimal, "the page list that is meant")
        try visitor.reserved(4)
    }
}

/// The header of a packet that goes on with an earlier one's data (type 0xD; reference §4.3), behind the descriptor. Nobody
/// sends it today.
public struct AdditionalDataHeader: WireStructure {
    public static let structureName: StaticString = "ADDITIONAL_DATA"
    /// Bytes in all packets of the data together.
    public var totalByteCount: UInt64 = 0
    /// Where this packet's part begins.
    public var offset: UInt32 = 0
    /// Bytes of this packet's part.
    public var byteCount: UInt32 = 0
    public init() {}
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("total_byte_count", &totalByteCount, "bytes in all packets of the data")
        try visitor.field("byte_offset", &offset, "where this part begins")
        try visitor.field("byte_count", &byteCount, "bytes in this part")
    }
}
