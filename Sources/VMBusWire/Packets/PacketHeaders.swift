extension PacketType: NamedScalar {
    /// The name as the reference spells it.
    public var meaning: String? { name }
}

extension PacketFlags: NamedScalar {
    /// The flags' names.
    public var meaning: String? { BitNames.text(rawValue, ["completion requested"]) }
}

/// The 16 bytes at the start of every ring packet (reference §4.3).
public struct PacketDescriptor: WireStructure {
    public static let structureName: StaticString = "PACKET"

    /// Bytes of the descriptor.
    public static let byteCount = 16

    /// What kind of packet it is.
    public var type = PacketType.invalid
    /// Where the payload starts, in 8-byte units; at least 2.
    public var offset8: UInt16 = 2
    /// Header and payload together, in 8-byte units, without the trailer.
    public var length8: UInt16 = 2
    /// Whether an answer is wanted.
    public var flags: PacketFlags = []
    /// Chosen by who asks; the answer repeats it.
    public var transactionID: UInt64 = 0

    public init() {}

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("type", &type, "what kind of packet it is")
        try visitor.field("data_offset", &offset8, "where the payload starts, in 8-byte units")
        try visitor.require(offset8 >= 2, "data_offset", UInt64(offset8), "at least 2, behind the descriptor")
        try visitor.field("length", &length8, "header and payload, in 8-byte units")
        try visitor.require(length8 >= offset8, "length", UInt64(length8), "at least the data offset")
        try visitor.field("flags", &flags, .hexadecimal, "bit 0: an answer is wanted")
        try visitor.field("transaction_id", &transactionID, .hexadecimal, "chosen by who asks; the answer repeats it")
    }
}

/// Guest pages that a packet points to: byte count, offset in the first page, page frame numbers (reference §3.9, §4.4).
public struct GPARange: WireStructure {
    public static let structureName: StaticString = "GPA_RANGE"

    /// The most pages that one range may have (reference §4.4).
    public static let maximumPages = 0xFFFFF

    /// Bytes in the range.
    public var byteCount: UInt32 = 0
    /// Where they begin in the first page.
    public var byteOffset: UInt32 = 0
    /// The pages.
    public var pages: [PageFrameNumber] = []

    public init() {}
    /// A range over pages.
    public init(byteCount: UInt32, byteOffset: UInt32, pages: [UInt64]) {
        self.byteCount = byteCount
        self.byteOffset = byteOffset
        self.pages = pages.map { PageFrameNumber(number: $0) }
    }

    /// How many pages the byte count and offset need.
    public var pageCount: Int { (Int(byteOffset) + Int(byteCount) + 4095) / 4096 }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("byte_count", &byteCount, "bytes in the range")
        try visitor.field("byte_offset", &byteOffset, "where they begin in the first page")
        try visitor.require(byteOffset < 4096, "byte_offset", UInt64(byteOffset), "less than a page of 4096 bytes")
        try visitor.require(pageCount <= Self.maximumPages, "byte_count", UInt64(byteCount), "at most 0xFFFFF pages")
        try visitor.repeated("pfn", &pages, count: pageCount, "page frame number")
    }
}

/// The number of a 4096-byte guest page.
public struct PageFrameNumber: WireStructure {
    public static let structureName: StaticString = "PFN"
    /// The number: address divided by 4096.
    public var number: UInt64 = 0
    public init() {}
    /// Names a page.
    public init(number: UInt64) { self.number = number }
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("pfn", &number, .hexadecimal, "guest address divided by 4096")
    }
}

/// The header of a packet whose bulk lies in guest pages (reference §4.4), behind the descriptor.
public struct GPADirectHeader: WireStructure {
    public static let structureName: StaticString = "GPA_DIRECT"
    /// The ranges; at least one.
    public var ranges: [GPARange] = []
    public init() {}
    /// Points to ranges.
    public init(ranges: [GPARange]) { self.ranges = ranges }
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.reserved(4)
        var count = UInt32(truncatingIfNeeded: ranges.count)
        try visitor.field("range_count", &count, "how many ranges follow")
        try visitor.require(count > 0, "range_count", 0, "at least one range")
        try visitor.repeated("range", &ranges, count: Int(count), "guest pages that hold the bulk")
    }
}

/// Part of a page list that was agreed on before.
public struct TransferPageRange: WireStructure {
    public static let structureName: StaticString = "TRANSFER_PAGE_RANGE"
    /// Bytes in the range.
    public var byteCount: UInt32 = 0
    /// Where they begin in the list.
    public var byteOffset: UInt32 = 0
    public init() {}
    /// A part of a list.
    public init(byteCount: UInt32, byteOffset: UInt32) {
        self.byteCount = byteCount
        self.byteOffset = byteOffset
    }
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("byte_count", &byteCount, "bytes in the range")
        try visitor.field("byte_offset", &byteOffset, "where they begin in the page list")
    }
}

/// The header of a packet whose bulk lies in a page list agreed on before (reference §4.5), behind the descriptor.
public struct TransferPageHeader: WireStructure {
    public static let structureName: StaticString = "TRANSFER_PAGES"
    /// Which list; 0xCAFE for the network's receive buffer.
    public var setID: UInt16 = 0
    /// Who owns the list.
    public var senderOwnsSet: UInt8 = 0
    /// The ranges.
    public var ranges: [TransferPageRange] = []
    public init() {}
    /// Points into a list.
    public init(setID: UInt16, ranges: [TransferPageRange]) {
        self.setID = setID
        self.ranges = ranges
    }
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("transfer_page_set_id", &setID, .hexadecimal, "which page list it is")
        try visitor.field("sender_owns_set", &senderOwnsSet, "who owns the list")
        try visitor.reserved(1)
        var count = UInt32(truncatingIfNeeded: ranges.count)
        try visitor.field("range_count", &count, "how many ranges follow")
        try visitor.repeated("range", &ranges, count: Int(count), "parts of the list that hold the bulk")
    }
}

/// The eight bytes in front of the payload on a pipe channel (reference §4.6).
public struct PipeHeader: WireStructure {
    public static let structureName: StaticString = "PIPE_HEADER"
    /// Bytes of the header.
    public static let byteCount = 8
    /// 1 for data.
    public var type: UInt32 = 1
    /// Bytes behind the header.
    public var length: UInt32 = 0
    public init() {}
    /// Frames data.
    public init(length: Int) { self.length = UInt32(truncatingIfNeeded: length) }
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("pipe_type", &type, "1 for data")
        try visitor.field("pipe_length", &length, "bytes behind this header")
    }
}

extension FieldNode {
    /// A packet's descriptor and type-specific header as fields, up to where the payload starts, and the decoded descriptor.
    ///
    /// The payload is left to whoever knows the device.
    public static func packetHeader(
        _ packet: ArraySlice<UInt8>
    ) -> (fields: [FieldNode], descriptor: PacketDescriptor?, payload: Range<Int>, problem: WireError?) {
        let end = packet.startIndex + min(PacketDescriptor.byteCount, packet.count)
        let (fields, value, problem) = PacketDescriptor.fields(packet[packet.startIndex..<end])
        guard let descriptor = value else { return (fields, nil, packet.endIndex..<packet.endIndex, problem) }
        let payloadStart = packet.startIndex + min(Int(descriptor.offset8) * 8, packet.count)
        let payload =
            payloadStart..<packet.startIndex
            + min(packet.count, max(Int(descriptor.length8) * 8, payloadStart - packet.startIndex))
        var nodes = [
            FieldNode(
                name: "descriptor", offset: 0, size: PacketDescriptor.byteCount, value: .composite,
                text: descriptor.type.description, help: "the start of every ring packet", children: fields)
        ]
        let header = packet[end..<max(end, payloadStart)]
        guard !header.isEmpty else { return (nodes, descriptor, payload, nil) }
        let inner: (fields: [FieldNode], problem: WireError?, name: String)
        switch descriptor.type {
        case .dataUsingGPADirect: inner = tree(GPADirectHeader.self, header, "gpa_direct")
        case .dataUsingTransferPages: inner = tree(TransferPageHeader.self, header, "transfer_pages")
        case .addTransferPageSet, .removeTransferPageSet:
            inner = tree(TransferPageSetHeader.self, header, "transfer_page_set")
        case .establishGPADL: inner = tree(EstablishGPADLHeader.self, header, "establish_gpadl")
        case .teardownGPADL, .dataUsingGPADL: inner = tree(GPADLReferenceHeader.self, header, "gpadl_reference")
        case .additionalData: inner = tree(AdditionalDataHeader.self, header, "additional_data")
        default:
            nodes.append(
                FieldNode(
                    name: "type_specific_header", offset: PacketDescriptor.byteCount, size: header.count,
                    value: .bytes(Array(header)), help: "header of a packet type that is not in use today"))
            return (nodes, descriptor, payload, nil)
        }
        nodes.append(
            FieldNode(
                name: inner.name, offset: PacketDescriptor.byteCount, size: header.count, value: .composite,
                help: "where the bulk of the data lies", children: inner.fields))
        return (nodes, descriptor, payload, inner.problem)
    }

    private static func tree<Header: WireStructure>(
        _ type: Header.Type, _ header: ArraySlice<UInt8>, _ name: String
    ) -> (fields: [FieldNode], problem: WireError?, name: String) {
        let tree = type.fields(header, base: PacketDescriptor.byteCount)
        return (tree.fields, tree.problem, name)
    }
}
