public import VMBusWire

/// A page list on its way: header and bodies are joined strictly in order of arrival (reference §3.9, §9 number 25).
public struct PageListAssembly: Sendable, Hashable {
    /// The channel that the list belongs to.
    public let relid: UInt32
    /// The guest's handle.
    public let handle: UInt32
    let rangeCount: Int
    let wordCount: Int
    private(set) var words: [UInt64]

    /// Pages that the header announces, in all messages together.
    var announcedPages: Int { max(0, wordCount - rangeCount) }

    /// Begins with a header.
    ///
    /// - Throws: the rule that the header breaks; the list cannot become complete then.
    public init(_ header: GPADLHeader) throws(ProtocolViolation) {
        let place = "GPADL_HEADER \(Hexadecimal.prefixed(header.gpadl))"
        guard header.gpadl != 0 else {
            throw ProtocolViolation(
                rule: "gpadl-handle", place: place, value: "0", explanation: "a page list's handle is not zero")
        }
        guard header.rangeBufferLength % 8 == 0, header.rangeBufferLength >= 16, header.rangeCount > 0 else {
            throw ProtocolViolation(
                rule: "gpadl-complete", place: "\(place).range_buffer_length", value: String(header.rangeBufferLength),
                explanation: "each of the \(header.rangeCount) ranges has 8 bytes and 8 more for each of its pages")
        }
        relid = header.relid
        handle = header.gpadl
        rangeCount = Int(header.rangeCount)
        wordCount = Int(header.rangeBufferLength) / 8
        words = Array(header.words.prefix(wordCount))
    }

    /// Takes in the next part. Bytes beyond the announced length are ignored, as senders pad.
    public mutating func append(_ body: GPADLBody) {
        words.append(contentsOf: body.words.prefix(wordCount - words.count))
    }

    /// Whether everything that the header announced has come.
    public var isComplete: Bool { words.count == wordCount }

    /// The list, once it is complete.
    ///
    /// - Throws: the rule that a range breaks.
    public func pageList() throws(ProtocolViolation) -> PageList {
        var ranges: [GPARange] = []
        var rest = words[...]
        let place = "GPADL \(Hexadecimal.prefixed(handle))"
        for index in 0..<rangeCount {
            guard let head = rest.popFirst() else {
                throw ProtocolViolation(
                    rule: "gpadl-complete", place: place, value: "\(index) ranges",
                    explanation: "the header announces \(rangeCount) ranges")
            }
            let byteCount = UInt32(truncatingIfNeeded: head)
            let byteOffset = UInt32(truncatingIfNeeded: head >> 32)
            let pageCount = (UInt64(byteOffset) + UInt64(byteCount) + 4095) / 4096
            guard byteCount > 0, byteOffset < 4096, pageCount <= UInt64(rest.count) else {
                throw ProtocolViolation(
                    rule: "gpadl-complete", place: "\(place) range \(index)",
                    value: "\(byteCount) bytes at offset \(byteOffset)",
                    explanation: "a range is not empty, starts inside its first page and brings all its pages")
            }
            ranges.append(
                GPARange(byteCount: byteCount, byteOffset: byteOffset, pages: Array(rest.prefix(Int(pageCount)))))
            rest = rest.dropFirst(Int(pageCount))
        }
        return PageList(ranges: ranges)
    }
}
