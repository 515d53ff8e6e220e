public import VMBusWire

extension Balloon {
    /// A message about dynamic memory: a header of eight bytes, then what its type says (reference §6.11).
    public struct Message: WireStructure {
        public static let structureName: StaticString = "DM"
        /// Bytes in front of what depends on the type.
        static let headerSize = 8

        /// What it is for.
        public var type = MessageType.error
        /// Bytes of the message, its header included.
        public var size: UInt16 = 0
        /// Which message of its sender it is.
        public var transactionID: UInt32 = 0
        /// VERSION_REQUEST: the version that the guest proposes.
        public var version = Version(rawValue: 0)
        /// VERSION_REQUEST: whether it is the last one.
        public var attempt: Attempt = []
        /// VERSION_RESPONSE and CAPABILITIES_RESPONSE: whether the host takes what was proposed.
        public var acceptance: Acceptance = []
        /// CAPABILITIES: what the guest can do.
        public var abilities = Abilities()
        /// STATUS: how the guest's memory is.
        public var status = Status()
        /// BALLOON_REQUEST: how many pages the host wants. HOT_ADD_RESPONSE: how many the guest has taken.
        public var pageCount: UInt32 = 0
        /// BALLOON_RESPONSE: how many ranges there are. UNBALLOON_REQUEST: its bit 0, more pages, alone.
        public var rangeCount = RangeCount(rawValue: 0)
        /// UNBALLOON_REQUEST: how many ranges there are.
        public var unballoonCount: UInt32 = 0
        /// BALLOON_RESPONSE, UNBALLOON_REQUEST: which pages.
        public var ranges: [Range] = []
        /// HOT_ADD_REQUEST: which pages come.
        public var added = PageRange(rawValue: 0)
        /// HOT_ADD_REQUEST: the room that they are a part of, where the host says one.
        public var region: PageRange?
        /// HOT_ADD_RESPONSE: 1 for success.
        public var result: UInt32 = 0
        /// INFO: what the host tells.
        public var info = Info()
        /// What other messages carry.
        public var rest: [UInt8] = []

        public init() {}

        /// A message; its size is set when it is finished.
        public init(_ type: MessageType) { self.type = type }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("type", &type, "which message it is")
            try visitor.field("size", &size, "bytes of the message, its header included")
            try visitor.require(
                size >= Self.headerSize && size <= Balloon.maximumMessageSize, "size", UInt64(size), "8 to 4096")
            try visitor.field("trans_id", &transactionID, "which message of its sender it is")
            try visitor.choice("VERSION_REQUEST", when: type == .versionRequest) { visitor throws(WireError) in
                try visitor.field("version", &version, .hexadecimal, "the version that the guest proposes")
                try visitor.field("is_last_attempt", &attempt, .hexadecimal, "bit 0: there is no other to propose")
            }
            try visitor.choice(
                "VERSION_RESPONSE, CAPABILITIES_RESPONSE",
                when: type == .versionResponse || type == .capabilitiesResponse
            ) { visitor throws(WireError) in
                try visitor.field("is_accepted", &acceptance, .hexadecimal, "bit 0: the host takes what was proposed")
            }
            try visitor.choice("CAPABILITIES", when: type == .capabilities) { visitor throws(WireError) in
                try visitor.structure("capabilities", &abilities, "what the guest can do")
            }
            try visitor.choice("STATUS", when: type == .status) { visitor throws(WireError) in
                try visitor.structure("status", &status, "how the guest's memory is")
            }
            try visitor.choice("BALLOON_REQUEST", when: type == .balloonRequest) { visitor throws(WireError) in
                try visitor.field("num_pages", &pageCount, "how many pages the host wants")
                try visitor.reserved(4)
            }
            try visitor.choice("BALLOON_RESPONSE", when: type == .balloonResponse) { visitor throws(WireError) in
                try visitor.reserved(4)
                try visitor.field(
                    "more_pages_range_count", &rangeCount, "bit 0: more follow; bits 31:1: how many ranges there are")
                try visitor.repeated("range", &ranges, count: rangeCount.count, "pages that the guest gives")
            }
            try visitor.choice("UNBALLOON_REQUEST", when: type == .unballoonRequest) { visitor throws(WireError) in
                try visitor.field("more_pages", &rangeCount, "bit 0: more follow")
                try visitor.field("range_count", &unballoonCount, "how many ranges there are")
                try visitor.repeated("range", &ranges, count: Int(unballoonCount), "pages that the host gives back")
            }
            try visitor.choice("HOT_ADD_REQUEST", when: type == .hotAddRequest) { visitor throws(WireError) in
                try visitor.field("range", &added, .hexadecimal, "pages that come")
                try visitor.choice("larger than 16 bytes", when: size > 16) { visitor throws(WireError) in
                    var room = region ?? PageRange(rawValue: 0)
                    try visitor.field("region", &room, .hexadecimal, "the room that they are a part of")
                    region = room
                }
            }
            try visitor.choice("HOT_ADD_RESPONSE", when: type == .hotAddResponse) { visitor throws(WireError) in
                try visitor.field("page_count", &pageCount, "how many pages the guest has taken")
                try visitor.field("result", &result, "1 for success")
            }
            try visitor.choice("INFO", when: type == .info) { visitor throws(WireError) in
                try visitor.structure("info", &info, "what the host tells of itself")
            }
            try visitor.choice("any other message", when: type == .error || type.meaning == nil) {
                visitor throws(WireError) in
                try visitor.bytes("rest", &rest, count: nil, "is not known")
            }
        }

        /// The message in full, under a number.
        func finished(_ transactionID: UInt32) -> [UInt8] {
            var message = self
            message.transactionID = transactionID
            if message.region != nil { message.size = 24 }
            message.size = UInt16(clamping: message.encoded().count)
            return message.encoded()
        }
    }

    /// Pages side by side, in a list.
    public struct Range: WireStructure {
        public static let structureName: StaticString = "DM_PAGE_RANGE"
        /// Which pages.
        public var pages = PageRange(rawValue: 0)
        public init() {}
        /// These pages.
        public init(_ pages: PageRange) { self.pages = pages }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field(
                "page_range", &pages, .hexadecimal, "bits 39:0 the first page's number, 63:40 how many pages")
        }
    }

    /// What a guest can do, and the memory that it can have.
    public struct Abilities: WireStructure {
        public static let structureName: StaticString = "DM_CAPABILITIES"
        /// What it can do.
        public var capabilities = Capabilities(rawValue: 0)
        /// Pages below which it cannot go.
        public var minimumPages: UInt64 = 0
        /// The highest number of a page that it can have.
        public var maximumPage: UInt64 = 0
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field(
                "caps", &capabilities, .hexadecimal,
                "bit 0 balloon, bit 1 hot add, bits 5:2 the alignment of added memory, as a power of two of MiB")
            try visitor.field("min_page_cnt", &minimumPages, "pages below which the guest cannot go")
            try visitor.field("max_page_number", &maximumPage, "the highest number of a page that the guest can have")
        }
    }

    /// How a guest's memory is, in pages.
    public struct Status: WireStructure {
        public static let structureName: StaticString = "DM_STATUS"
        /// Pages that nobody needs.
        public var available: UInt64 = 0
        /// Pages that were promised to somebody.
        public var committed: UInt64 = 0
        /// Pages of the file that memory is swapped to.
        public var pageFile: UInt64 = 0
        /// Pages that are free or zero.
        public var zeroFree: UInt64 = 0
        /// Pages written to that file since the last report.
        public var pageFileWrites: UInt32 = 0
        /// Input and output since the last report.
        public var ioDifference: UInt32 = 0
        public init() {}

        /// How much of its memory the guest needs, in percent: what was promised, of that and what nobody needs.
        public var pressure: Int {
            let all = available.addingReportingOverflow(committed)
            guard !all.overflow, all.partialValue > 0 else { return committed > 0 ? 100 : 0 }
            return Int((Double(committed) * 100 / Double(all.partialValue)).rounded())
        }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("num_avail", &available, "pages that nobody needs")
            try visitor.field("num_committed", &committed, "pages that were promised to somebody")
            try visitor.field("page_file_size", &pageFile, "pages of the file that memory is swapped to")
            try visitor.field("zero_free", &zeroFree, "pages that are free or zero")
            try visitor.field("page_file_writes", &pageFileWrites, "pages written to it since the last report")
            try visitor.field("io_diff", &ioDifference, "input and output since the last report")
        }
    }

    /// What a host tells of itself: the most pages that the guest can ever have.
    public struct Info: WireStructure {
        public static let structureName: StaticString = "DM_INFO"
        /// Bytes of the fact with its own header.
        public var size: UInt32 = 16
        /// What kind of fact it is; 0 for the most pages.
        public var kind: UInt32 = 0
        /// Bytes of the fact.
        public var dataSize: UInt32 = 8
        /// The most pages that the guest can ever have.
        public var maximumPages: UInt64 = 0
        /// Facts that are not known.
        public var data: [UInt8] = []
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.reserved(4)
            try visitor.field("info_size", &size, "bytes of the fact with its own header")
            try visitor.field("info_type", &kind, "which fact; 0 for the most pages")
            try visitor.field("data_size", &dataSize, "bytes of the fact")
            try visitor.choice("the most pages", when: kind == 0) { visitor throws(WireError) in
                try visitor.field("max_page_count", &maximumPages, "the most pages that the guest can ever have")
            }
            try visitor.choice("another fact", when: kind != 0) { visitor throws(WireError) in
                try visitor.bytes("data", &data, count: Int(dataSize), "a fact that is not known")
            }
        }
    }
}
