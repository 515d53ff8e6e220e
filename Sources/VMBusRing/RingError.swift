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

    /// One sentence for people.
    public var description: String {
        switch self {
        case .headerLength(let bytes): "a packet header of \(bytes) bytes: it must be a multiple of 8"
        case .tooLong(let total, let limit): "a packet of \(total) bytes: this ring carries at most \(limit)"
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
    }

    /// The rule that the value breaks.
    public enum Rule: String, Sendable, CaseIterable {
        /// Indices count whole units of 8 bytes.
        case multipleOfEight = "it must be a multiple of 8"
        /// An index points into the data area.
        case belowDataSize = "it must be below the data size"
        /// What the write index announces has room for at least one descriptor and one trailer (24 bytes).
        case descriptorAndTrailer = "it must announce at least a descriptor and a trailer"
        /// A data offset counts the descriptor (16 bytes).
        case descriptorInside = "it must not be less than the descriptor"
        /// A length counts everything before the payload.
        case headerInside = "it must not be less than the data offset"
        /// A packet and its trailer end at the write index at the latest.
        case beforeWriteIndex = "the packet and its trailer must end before the write index"
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

    /// Names a damage.
    public init(field: Field, value: UInt32, rule: Rule, limit: UInt32, offset: UInt32? = nil) {
        self.field = field
        self.value = value
        self.rule = rule
        self.limit = limit
        self.offset = offset
    }

    /// One sentence for people.
    public var description: String {
        let place = offset.map { " of the packet at offset \($0)" } ?? ""
        return "\(field.rawValue)\(place) is \(value): \(rule.rawValue) (\(limit))"
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
