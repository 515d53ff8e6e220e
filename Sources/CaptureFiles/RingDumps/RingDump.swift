import VMBusRing

/// The bytes of one ring or of two, as a crash dump or a mapping gives them.
public struct RingDump: Hashable, Sendable {
    /// How many rings to look for.
    public enum Layout: Sendable, Hashable, CaseIterable {
        /// Two where the bytes leave no doubt, else one.
        case automatic
        /// One ring.
        case single
        /// Two rings of the same size back to back, the guest's sending ring first (reference §7.6).
        case pair
    }

    /// The rings in the order of the bytes.
    public let rings: [DumpedRing]

    /// The most bytes that are read: two rings of twice the largest that one GPADL range can list (reference §9, 27).
    public static let maximumByteCount = 2 * (RingControl.byteCount + 64 << 20)

    /// Decodes a dump.
    /// - Throws: ``RingDumpError`` if bytes of this number cannot be a ring or two.
    public init(_ bytes: [UInt8], layout: Layout = .automatic) throws(RingDumpError) {
        guard bytes.count <= Self.maximumByteCount else { throw .tooLong }
        let page = RingControl.byteCount
        guard bytes.count.isMultiple(of: page), bytes.count >= 2 * page else { throw .byteCount(bytes.count) }
        let halves: [DumpedRing]? =
            (bytes.count / page).isMultiple(of: 2) && bytes.count >= 4 * page
            ? [try Self.ring(bytes.prefix(bytes.count / 2)), try Self.ring(bytes.suffix(bytes.count / 2))] : nil
        switch layout {
        case .single: rings = [try Self.ring(bytes[...])]
        case .pair:
            guard let halves else { throw .noPair(pages: bytes.count / page) }
            rings = halves
        case .automatic:
            let whole = try Self.ring(bytes[...])
            if let halves, Self.arePair(halves, insteadOf: whole, bytes) { rings = halves } else { rings = [whole] }
        }
    }

    private static func ring(_ bytes: ArraySlice<UInt8>) throws(RingDumpError) -> DumpedRing {
        do throws(RingShapeError) {
            return DumpedRing(try RingCopy(bytes: Array(bytes)))
        } catch {
            throw .byteCount(bytes.count)
        }
    }

    /// Whether both halves begin with a control page, and the second is none by chance: its sender has set the feature bit,
    /// packets lie where its indices say, or the whole makes no sense as one ring while the halves do.
    private static func arePair(_ halves: [DumpedRing], insteadOf whole: DumpedRing, _ bytes: [UInt8]) -> Bool {
        let starts = [0, bytes.count / 2]
        guard starts.allSatisfy({ hasControlPage(bytes[$0..<$0 + RingControl.byteCount]) }) else { return false }
        let second = halves[1]
        return second.listing.control.featureBits == RingControl.pendingSendSizeFeature || second.hasPacketsInPlace
            || !whole.damage.isEmpty && halves.allSatisfy(\.damage.isEmpty)
    }

    /// Whether the words are such as rings have and everything reserved is zero, but for the last 8 bytes, in which FreeBSD
    /// keeps a count (reference §4.1).
    private static func hasControlPage(_ page: ArraySlice<UInt8>) -> Bool {
        guard let control = RingControl(bytes: page), control.interruptMask <= 1,
            control.featureBits & ~RingControl.pendingSendSizeFeature == 0
        else { return false }
        let reserved = [0x10..<0x40, 0x44..<0xFF8]
        return reserved.allSatisfy { range in
            page[page.startIndex + range.lowerBound..<page.startIndex + range.upperBound].allSatisfy { $0 == 0 }
        }
    }
}

/// Why bytes are not a dump of a ring.
public enum RingDumpError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A number of bytes that no ring has.
    case byteCount(Int)
    /// So many pages are not two rings of the same size.
    case noPair(pages: Int)
    /// More bytes than any ring has.
    case tooLong

    /// One sentence for people: what is wrong and what to do.
    public var description: String {
        switch self {
        case .byteCount(let bytes):
            "\(bytes) bytes are no ring: it has a control page of 4096 bytes and whole pages of data; cut the dump so"
        case .noPair(let pages):
            "\(pages) pages are no two rings of the same size, which have an even number of pages, at least 4"
        case .tooLong:
            "more than \(RingDump.maximumByteCount) bytes, which no ring has; cut the ring out of the dump first"
        }
    }
}
