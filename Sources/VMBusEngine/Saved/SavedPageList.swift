import VMBusWire

/// One 8-byte word of a saved page list, as the GPADL messages carry it.
struct SavedWord: WireStructure {
    static let structureName: StaticString = "SAVED_WORD"

    var value: UInt64 = 0

    init() {}
    init(_ value: UInt64) { self.value = value }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("value", &value, .hexadecimal, "a range's byte count and offset, or a page frame number")
    }
}

/// The pages of a list in a saved state: the words that its messages would carry.
struct SavedPageList: WireStructure {
    static let structureName: StaticString = "SAVED_PAGE_LIST"

    var rangeCount: UInt16 = 0
    var words: [SavedWord] = []

    init() {}
    init(_ list: PageList) {
        rangeCount = UInt16(truncatingIfNeeded: list.ranges.count)
        words = list.words.map { SavedWord($0) }
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        var count = UInt16(truncatingIfNeeded: words.count)
        try visitor.field("range_count", &rangeCount, "how many ranges the words hold")
        try visitor.field("word_count", &count, "how many words follow")
        try visitor.repeated("words", &words, count: Int(count), "the ranges")
    }

    /// The list.
    ///
    /// - Throws: `inconsistent` when the words are not whole ranges.
    func pageList(of handle: UInt32) throws(RestoreError) -> PageList {
        let header = GPADLHeader(
            relid: 0, gpadl: handle, rangeBufferLength: UInt16(clamping: words.count * 8), rangeCount: rangeCount,
            words: words.map(\.value))
        do throws(ProtocolViolation) {
            let assembly = try PageListAssembly(header)
            guard assembly.isComplete else {
                throw ProtocolViolation(
                    rule: "gpadl-complete", place: "SAVED_PAGE_LIST.word_count", value: String(words.count),
                    explanation: "a list has at most 65535 bytes of ranges")
            }
            return try assembly.pageList()
        } catch {
            throw .inconsistent("\(error)")
        }
    }
}
