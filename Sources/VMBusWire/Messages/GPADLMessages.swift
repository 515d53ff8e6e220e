/// GPADL_HEADER (8): a list of guest pages begins (reference §3.9). 20 bytes and the first part of the ranges.
public struct GPADLHeader: WireStructure {
    public static let structureName: StaticString = "GPADL_HEADER"

    /// Bytes of ranges that fit behind the header of the longest message.
    public static let capacity = 216

    /// The channel that the list belongs to.
    public var relid: UInt32 = 0
    /// The handle that the guest chose, not zero.
    public var gpadl: UInt32 = 0
    /// Bytes of all ranges, in this message and its bodies together.
    public var rangeBufferLength: UInt16 = 0
    /// How many ranges they hold.
    public var rangeCount: UInt16 = 0
    /// The first part of the ranges, as 8-byte words: a range is one word of byte count and offset, then one per page.
    public var words: [UInt64] = []

    public init() {}
    /// Begins a list.
    public init(relid: UInt32, gpadl: UInt32, rangeBufferLength: UInt16, rangeCount: UInt16, words: [UInt64]) {
        self.relid = relid
        self.gpadl = gpadl
        self.rangeBufferLength = rangeBufferLength
        self.rangeCount = rangeCount
        self.words = words
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("relid", &relid, "the channel that the list belongs to")
        try visitor.field("gpadl", &gpadl, .hexadecimal, "the list's handle, which the guest chose")
        try visitor.field("range_buffer_length", &rangeBufferLength, "bytes of all ranges, bodies included")
        try visitor.field("range_count", &rangeCount, "how many ranges they hold")
        let count =
            visitor.remaining.map { min($0, Int(rangeBufferLength)) / 8 }
            ?? (visitor.walksEveryBranch ? 2 : words.count)
        var pagesLeft = 0
        var result: [UInt64] = []
        for index in 0..<count {
            var word = index < words.count ? words[index] : 0
            if pagesLeft == 0 {
                var (byteCount, byteOffset) = (UInt32(truncatingIfNeeded: word), UInt32(truncatingIfNeeded: word >> 32))
                try visitor.field("byte_count", &byteCount, "bytes in a range")
                try visitor.field("byte_offset", &byteOffset, "where they begin in the range's first page")
                word = UInt64(byteCount) | UInt64(byteOffset) << 32
                pagesLeft =
                    visitor.walksEveryBranch ? 1 : Int((UInt64(byteCount) + UInt64(byteOffset) + 4095) / 4096)
            } else {
                try visitor.field("pfn", &word, .hexadecimal, "page frame number: guest address divided by 4096")
                pagesLeft -= 1
            }
            result.append(word)
        }
        words = result
    }
}

/// GPADL_BODY (9): the list goes on (reference §3.9). 16 bytes and the next part of the ranges.
public struct GPADLBody: WireStructure {
    public static let structureName: StaticString = "GPADL_BODY"

    /// Bytes of ranges that fit behind the header of the longest message.
    public static let capacity = 224

    /// 0 from Linux and OpenVMM; receivers ignore it.
    public var messageNumber: UInt32 = 0
    /// The list's handle.
    public var gpadl: UInt32 = 0
    /// The next part of the ranges.
    public var words: [UInt64] = []

    public init() {}
    /// Continues a list.
    public init(gpadl: UInt32, words: [UInt64]) {
        self.gpadl = gpadl
        self.words = words
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("message_number", &messageNumber, "not used: parts are joined in order of arrival")
        try visitor.field("gpadl", &gpadl, .hexadecimal, "the list's handle")
        let count = visitor.remaining.map { $0 / 8 } ?? (visitor.walksEveryBranch ? 1 : words.count)
        var result: [UInt64] = []
        for index in 0..<count {
            var word = index < words.count ? words[index] : 0
            try visitor.field(
                "pfn", &word, .hexadecimal, "page frame number; or, where a further range begins, its size and offset")
            result.append(word)
        }
        words = result
    }
}

/// GPADL_CREATED (10): the host's answer to a complete list (reference §3.9). 20 bytes.
public struct GPADLCreated: WireStructure {
    public static let structureName: StaticString = "GPADL_CREATED"

    /// The channel that the list belongs to.
    public var relid: UInt32 = 0
    /// The list's handle.
    public var gpadl: UInt32 = 0
    /// Whether the host accepted the list.
    public var status = MessageStatus.success

    public init() {}
    /// Answers a list.
    public init(relid: UInt32, gpadl: UInt32, status: MessageStatus) {
        self.relid = relid
        self.gpadl = gpadl
        self.status = status
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("relid", &relid, "the channel that the list belongs to")
        try visitor.field("gpadl", &gpadl, .hexadecimal, "the list's handle")
        try visitor.field("status", &status, .hexadecimal, "0 when the host accepted the list")
    }
}

/// GPADL_TEARDOWN (11): the guest takes a list back (reference §3.9). 16 bytes.
public struct GPADLTeardown: WireStructure {
    public static let structureName: StaticString = "GPADL_TEARDOWN"

    /// The channel that the list belongs to.
    public var relid: UInt32 = 0
    /// The list's handle.
    public var gpadl: UInt32 = 0

    public init() {}
    /// Takes a list back.
    public init(relid: UInt32, gpadl: UInt32) {
        self.relid = relid
        self.gpadl = gpadl
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("relid", &relid, "the channel that the list belongs to")
        try visitor.field("gpadl", &gpadl, .hexadecimal, "the list's handle")
    }
}

/// GPADL_TORNDOWN (12): the host no longer touches the pages (reference §3.9). 12 bytes.
public struct GPADLTorndown: WireStructure {
    public static let structureName: StaticString = "GPADL_TORNDOWN"

    /// The list's handle.
    public var gpadl: UInt32 = 0

    public init() {}
    /// Lets go of a list.
    public init(gpadl: UInt32) { self.gpadl = gpadl }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("gpadl", &gpadl, .hexadecimal, "the list's handle")
    }
}
