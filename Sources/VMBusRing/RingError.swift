/// Why an operation on a ring did not happen.
public enum RingError<Failure: Error>: Error {
    /// The memory failed.
    case memory(Failure)
    /// The peer wrote what no ring can hold. The ring is of no more use: its channel must be closed.
    case damage(RingDamage)
    /// The caller asked for a packet that no ring of this size can carry. Nothing was written.
    case refused(SendRefusal)
}

extension RingError: Equatable where Failure: Equatable {}

extension RingError: CustomStringConvertible {
    /// One sentence for people.
    public var description: String {
        switch self {
        case .memory(let failure): "the ring's memory failed: \(failure)"
        case .damage(let damage): damage.description
        case .refused(let refusal): refusal.description
        }
    }
}

/// A packet that cannot be sent, whatever the peer does.
public enum SendRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// A type-specific header of so many bytes: the data offset counts in units of 8.
    case headerLength(Int)
    /// Descriptor, header and padded payload have `total` bytes; this ring carries at most `limit`.
    case tooLong(total: Int, limit: Int)
    /// A part of a reserved packet, from byte `start` on, that reaches beyond the `limit` bytes reserved for it.
    case outsidePart(start: Int, count: Int, limit: Int)
    /// A packet that lists no range of guest pages.
    case noRanges
    /// A range whose byte count and offset need `needed` pages, at most 0xFFFFF, and which lists others, or whose offset
    /// lies behind its first page.
    case range(index: Int, byteCount: UInt32, byteOffset: UInt32, pages: Int, needed: Int)
    /// A message of so many bytes on a pipe, which carries at most 16384.
    case pipeMessage(Int)

    /// One sentence for people.
    public var description: String {
        switch self {
        case .headerLength(let bytes): "a packet header of \(bytes) bytes: it must be a multiple of 8"
        case .tooLong(let total, let limit): "a packet of \(total) bytes: this ring carries at most \(limit)"
        case .outsidePart(let start, let count, let limit):
            "\(count) bytes from byte \(start) on do not lie in the \(limit) bytes reserved"
        case .noRanges: "a packet with guest pages needs at least one range"
        case .range(let index, let byteCount, let byteOffset, let pages, let needed):
            "range \(index) of \(byteCount) bytes at offset \(byteOffset) lists \(pages) pages: it needs \(needed), "
                + "at most 1048575, and an offset below 4096"
        case .pipeMessage(let bytes): "a message of \(bytes) bytes: a pipe carries at most 16384"
        }
    }
}

/// An impossible value in a ring: which field, what it was, and the rule that it breaks.
public struct RingDamage: Error, Hashable, Sendable, CustomStringConvertible {
    /// The field that holds the value.
    public enum Field: String, Sendable, CaseIterable {
        /// The control word of the sender.
        case writeIndex = "write index"
        /// The control word of the receiver.
        case readIndex = "read index"
        /// Our own position, when the memory is not the one it belongs to.
        case position = "private position"
        /// The packet's 16-bit data offset, as bytes.
        case dataOffset = "data offset"
        /// The packet's 16-bit length, as bytes.
        case length = "length"
        /// The offset in the packet's trailer.
        case trailer = "trailer"
        /// The packet's type, where only one will do.
        case type = "type"
        /// How many ranges the header of a packet lists.
        case rangeCount = "range count"
        /// The bytes of one range.
        case rangeByteCount = "byte count"
        /// Where one range begins in its first page.
        case rangeByteOffset = "byte offset"
        /// What a pipe's frame is.
        case pipeType = "pipe packet type"
        /// The bytes in a pipe's frame.
        case pipeLength = "pipe length"
        /// The bytes that were read of a pipe's frame.
        case pipeConsumed = "pipe bytes consumed"
    }

    /// The rule that the value breaks.
    public enum Rule: String, Sendable, CaseIterable {
        /// Indices count whole units of 8 bytes.
        case multipleOfEight = "it must be a multiple of 8"
        /// An index points into the data area.
        case belowDataSize = "it must be below the data size"
        /// What the write index announces has room for at least one descriptor and one trailer (24 bytes).
        case descriptorAndTrailer = "it must announce at least a descriptor and a trailer"
        /// A write index never falls back into packets that were taken and whose space was not given back.
        case behindTaken = "it must not lie in packets whose space was not given back"
        /// A data offset counts the descriptor (16 bytes).
        case descriptorInside = "it must not be less than the descriptor"
        /// A length counts everything before the payload.
        case headerInside = "it must not be less than the data offset"
        /// A packet and its trailer end at the write index at the latest.
        case beforeWriteIndex = "the packet and its trailer must end before the write index"
        /// A trailer repeats the offset at which its packet starts.
        case packetStart = "it must be the offset of the packet"
        /// Ranges are listed by one packet type for guest pages (9) and by another for transfer pages (7); pipes carry
        /// nothing but in-band data (6).
        case otherType = "it must be another packet type"
        /// A header that lists ranges begins with 8 bytes before them.
        case rangesHeaderInside = "it must leave room for the header of the ranges"
        /// Guest pages that a packet points to are at least one range.
        case atLeastOneRange = "it must be at least one"
        /// All ranges, with the page numbers that each needs, end where the payload starts at the latest.
        case rangesInside = "the ranges must end before the payload"
        /// A range has at most 0xFFFFF pages.
        case pagesInRange = "it must not need more pages than a range can have"
        /// A range begins in its first page.
        case insidePage = "it must lie inside a page"
        /// A payload on a pipe begins with 8 bytes of frame.
        case pipeHeaderInside = "it must leave room for the frame of a pipe"
        /// A frame is data, or data of which a part was read.
        case pipeData = "it must be data or partially read data"
        /// A frame holds at most 16384 bytes, and no more than its packet.
        case pipeInside = "the frame must end inside its packet"
        /// No more was read of a frame than it holds.
        case consumedInside = "it must not be more than the frame holds"
    }

    /// The field that holds the value.
    public let field: Field
    /// The value; lengths and offsets of packets as bytes.
    public let value: UInt32
    /// The rule that the value breaks.
    public let rule: Rule
    /// What the rule measures by, in bytes: 8, the data size, the least or the most allowed.
    public let limit: UInt32
    /// Where the packet starts in the data area; nil for a control word or a position.
    public let offset: UInt32?
    /// Which of the packet's ranges it is about, counted from 0; nil where it is about none.
    public let range: UInt32?

    /// Names a damage.
    public init(
        field: Field, value: UInt32, rule: Rule, limit: UInt32, offset: UInt32? = nil, range: UInt32? = nil
    ) {
        self.field = field
        self.value = value
        self.rule = rule
        self.limit = limit
        self.offset = offset
        self.range = range
    }

    /// One sentence for people.
    public var description: String {
        let place = offset.map { " of the packet at offset \($0)" } ?? ""
        let part = range.map { " of range \($0)" } ?? ""
        return "\(field.rawValue)\(part)\(place) is \(value): \(rule.rawValue) (\(limit))"
    }

    @inlinable
    static func checkedIndex(_ value: UInt32, _ field: Field, dataSize: UInt32) throws(RingDamage) -> UInt32 {
        guard value < dataSize else {
            throw RingDamage(field: field, value: value, rule: .belowDataSize, limit: dataSize)
        }
        guard value & 7 == 0 else {
            throw RingDamage(field: field, value: value, rule: .multipleOfEight, limit: 8)
        }
        return value
    }
}
