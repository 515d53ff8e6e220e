import VMBusRing
import VMBusWire

/// Something in a dumped ring that no ring can hold.
public struct RingDumpDamage: Hashable, Sendable {
    /// Which rule is broken; the raw values are the words of `vmbusscope.ring/1`.
    public enum Kind: String, CaseIterable, Sendable {
        /// The write index cannot be an offset of a packet.
        case writeIndex = "write_index"
        /// The read index cannot be an offset of a packet.
        case readIndex = "read_index"
        /// What is left before the write index is too short for a packet.
        case remainder
        /// A packet's payload would start inside its descriptor.
        case dataOffset = "data_offset"
        /// A packet would end before its payload starts.
        case length
        /// A packet or its trailer would go beyond the write index.
        case overrun
        /// A trailer names another place than its packet's start.
        case trailer
        /// A header cannot hold as many ranges as it counts, or counts none.
        case rangeCount = "range_count"
        /// A range is cut off or begins beyond its first page.
        case range

        /// The rule in words.
        public var explanation: String {
            switch self {
            case .writeIndex: "the write index is no multiple of 8 or not below the data size"
            case .readIndex: "the read index is no multiple of 8 or not below the data size"
            case .remainder: "fewer than 24 bytes are left before the write index"
            case .dataOffset: "a packet's payload would start inside its descriptor"
            case .length: "a packet would end before its payload starts"
            case .overrun: "a packet or its trailer would go beyond the write index"
            case .trailer: "a trailer does not name the offset where its packet starts"
            case .rangeCount: "a header counts no ranges, or more than it has room for"
            case .range: "a range's pages are cut off, or it begins beyond its first page"
            }
        }
    }

    /// Where the damaged packet starts in the data area; nil for a control word.
    public let offset: UInt32?
    /// The rule that is broken.
    public let kind: Kind
    /// What was found, in one sentence.
    public let message: String

    /// Names a damage.
    public init(offset: UInt32?, kind: Kind, message: String) {
        self.offset = offset
        self.kind = kind
        self.message = message
    }

    /// What a receiver would say, which stops at `position`.
    init(_ damage: RingDamage, position: UInt32) {
        switch damage.field {
        case .writeIndex where damage.rule == .descriptorAndTrailer:
            self.init(
                offset: position, kind: .remainder,
                message: "too few bytes at offset \(position) before the write index \(damage.value): "
                    + "a packet takes at least \(damage.limit)")
        case .writeIndex: self.init(offset: nil, kind: .writeIndex, message: damage.description)
        case .readIndex, .position: self.init(offset: nil, kind: .readIndex, message: damage.description)
        case .dataOffset: self.init(offset: damage.offset, kind: .dataOffset, message: damage.description)
        case .length where damage.rule == .beforeWriteIndex:
            self.init(offset: damage.offset, kind: .overrun, message: damage.description)
        // A listing reads no pipes, so their frames cannot be what is wrong in it; a frame is a length in any case.
        case .length, .pipeType, .pipeLength, .pipeConsumed:
            self.init(offset: damage.offset, kind: .length, message: damage.description)
        case .trailer: self.init(offset: damage.offset, kind: .trailer, message: damage.description)
        case .type, .rangeCount: self.init(offset: damage.offset, kind: .rangeCount, message: damage.description)
        case .rangeByteCount, .rangeByteOffset:
            self.init(offset: damage.offset, kind: .range, message: damage.description)
        }
    }
}
