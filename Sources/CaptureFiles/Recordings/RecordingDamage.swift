/// Bytes of a recording that are not what the format says.
public struct RecordingDamage: Sendable, Hashable, CustomStringConvertible {
    /// What is wrong with them.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The file does not begin like a pcapng file.
        case beginning
        /// A section has the other byte order.
        case byteOrder = "byte_order"
        /// The file ends inside a block.
        case cutShort = "cut_short"
        /// Blocks cannot be told apart.
        case blocks
        /// A packet is longer than its block, or names an interface that nobody described.
        case packet
        /// An interface's description cannot be read.
        case interface
        /// A record's header breaks a rule.
        case record
        /// A record's header has a version that came later.
        case version

        /// The rule in words.
        public var explanation: String {
            switch self {
            case .beginning: "the file does not begin with a section header of pcapng"
            case .byteOrder: "a section is written with the highest byte first, which this program does not read"
            case .cutShort: "the file ends inside a block"
            case .blocks: "no block is here, or its two lengths differ"
            case .packet: "a packet is longer than its block, or its interface is not described"
            case .interface: "the description of an interface breaks the rules of pcapng"
            case .record: "the header of a record breaks the rules of the format"
            case .version: "a record has a newer version; use the program that wrote it"
            }
        }
    }

    /// What is wrong.
    public let kind: Kind
    /// Where, in bytes from the start of the file.
    public let offset: UInt64
    /// How many bytes are not read because of it.
    public let length: UInt64

    /// Damage at a place.
    public init(_ kind: Kind, at offset: UInt64, length: UInt64) {
        (self.kind, self.offset, self.length) = (kind, offset, length)
    }

    /// One line.
    public var description: String { "byte \(offset), \(length) bytes: \(kind.explanation)" }
}

/// The damage that was found, as much as people look at, and how much there is in all.
public struct RecordingDamages: Sendable, Hashable {
    /// The first ones.
    public private(set) var first: [RecordingDamage] = []
    /// How many there are.
    public private(set) var count: UInt64 = 0
    /// How many bytes are not read because of them.
    public private(set) var byteCount: UInt64 = 0

    private static let limit = 256

    /// None.
    public init() {}

    /// Whether everything could be read.
    public var isEmpty: Bool { count == 0 }

    mutating func add(_ kind: RecordingDamage.Kind, at offset: Int, length: Int) {
        count += 1
        byteCount &+= UInt64(clamping: length)
        guard first.count < Self.limit else { return }
        first.append(RecordingDamage(kind, at: UInt64(clamping: offset), length: UInt64(clamping: length)))
    }

    /// One line; nil where there is none.
    public var summary: String? {
        guard let one = first.first else { return nil }
        return count == 1 ? one.description : "\(count) places are damaged, the first: \(one)"
    }
}
