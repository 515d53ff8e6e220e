public import VMBusWire

/// A guest physical address descriptor list (GPADL): guest pages under a handle, which the guest shares with the host.
public struct PageList: Sendable, Hashable {
    /// The most pages that one range can have, as the message counts its bytes in 16 bits (reference §3.9).
    public static let maximumPagesPerRange = 8190

    /// The ranges, in the order of the messages.
    public var ranges: [GPARange]

    /// A list of ranges.
    public init(ranges: [GPARange]) { self.ranges = ranges }

    /// A list of whole pages in one range, as all known guests make them.
    ///
    /// Nil for no page, or for more than fit into one range.
    public init?(pages: [UInt64]) {
        guard !pages.isEmpty, pages.count <= Self.maximumPagesPerRange else { return nil }
        ranges = [GPARange(byteCount: UInt32(pages.count * 4096), byteOffset: 0, pages: pages)]
    }

    /// All page frame numbers, in order.
    public var pages: [UInt64] { ranges.flatMap { $0.pages.map(\.number) } }

    /// Whether it is one range of whole pages, as a ring needs (reference §3.6).
    public var isWholePages: Bool {
        ranges.count == 1 && ranges[0].byteOffset == 0 && ranges[0].byteCount % 4096 == 0
    }

    /// The ranges as the 8-byte words that the messages carry.
    var words: [UInt64] {
        ranges.flatMap { range in
            [UInt64(range.byteCount) | UInt64(range.byteOffset) << 32] + range.pages.map(\.number)
        }
    }

    /// The messages that share this list: a header, then as many bodies as it needs (reference §3.9).
    ///
    /// Nil when the list is too long for the header's 16-bit length.
    public func messages(relid: UInt32, handle: UInt32) -> [ChannelMessage]? {
        let words = words
        guard let length = UInt16(exactly: words.count * 8), let count = UInt16(exactly: ranges.count) else {
            return nil
        }
        let first = words.prefix(GPADLHeader.capacity / 8)
        var messages: [ChannelMessage] = [
            .gpadlHeader(
                GPADLHeader(
                    relid: relid, gpadl: handle, rangeBufferLength: length, rangeCount: count, words: Array(first)))
        ]
        var rest = words.dropFirst(first.count)
        while !rest.isEmpty {
            let part = rest.prefix(GPADLBody.capacity / 8)
            messages.append(.gpadlBody(GPADLBody(gpadl: handle, words: Array(part))))
            rest = rest.dropFirst(part.count)
        }
        return messages
    }
}
