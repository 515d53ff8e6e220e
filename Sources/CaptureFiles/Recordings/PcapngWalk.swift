import VMBusWire

/// Goes from packet to packet through a pcapng file, whatever is in it, and follows sections and interfaces. What cannot be read
/// is passed by and told.
struct PcapngWalk: Sendable {
    /// What there is next.
    enum Step {
        /// A packet of an interface that is described.
        case packet(PcapngPacket, interface: Int)
        /// The rest is no whole block, and more may come.
        case waits
        /// Nothing is behind this.
        case ended
    }

    /// Where the next block begins.
    private(set) var offset = 0
    /// The interfaces of all sections.
    private(set) var interfaces: [RecordingInterface] = []
    /// The number of the first interface of each section.
    private var sections: [Int] = []
    /// What could not be read.
    var damages = RecordingDamages()
    /// The number of the first interface of this section.
    private var base = 0
    /// Since where blocks are looked for byte by byte, as the bytes there are none.
    private var lostAt: Int?
    /// The first block behind the last damage.
    private(set) var found = Mark(offset: 0, section: 0, interfaces: 0)

    /// From the beginning of a file.
    init() {}

    /// From a block on that another walk has passed.
    init(again walk: PcapngWalk, from mark: Mark) {
        offset = mark.offset
        sections = Array(walk.sections.prefix(mark.section))
        interfaces =
            mark.interfaces == walk.interfaces.count ? walk.interfaces : Array(walk.interfaces.prefix(mark.interfaces))
        base = sections.last ?? 0
    }

    /// A block to which one can come back.
    struct Mark: Sendable {
        /// Where it begins.
        let offset: Int
        /// How many sections have begun before it.
        let section: Int
        /// How many interfaces were described before it.
        let interfaces: Int
    }

    /// The next block.
    var mark: Mark { Mark(offset: offset, section: sections.count, interfaces: interfaces.count) }

    /// How many interfaces this section has so far.
    private var ownInterfaces: Int { interfaces.count - base }

    /// The next packet.
    ///
    /// - Parameters:
    ///   - bytes: bytes of the file; those before `offset` are not looked at.
    ///   - start: where `bytes` begin in the file.
    ///   - isWhole: whether no more bytes will come.
    mutating func next(in bytes: RawSpan, from start: Int = 0, isWhole: Bool) -> Step {
        while true {
            let place = offset - start
            guard place < bytes.byteCount else { return isWhole ? finish() : .waits }
            switch PcapngBlock.at(place, in: bytes) {
            case .whole(let block) where lostAt == nil || isPlausible(block, bytes):
                findAgain()
                offset += block.count
                guard block.type == RecordingFormat.enhancedPacket else {
                    follow(block, bytes, start)
                    continue
                }
                let packet = PcapngPacket(block, in: bytes)
                if let packet, interfaces.isEmpty { adopt(packet, bytes) }
                guard let packet, packet.interface < ownInterfaces else {
                    damage(.packet, start + block.start, block.count)
                    continue
                }
                return .packet(packet, interface: base + packet.interface)
            case .cut where !isWhole && (lostAt == nil || Self.canBeBlock(place, bytes)): return .waits
            case .cut where lostAt == nil && !hasBlockBehind(place, bytes):
                damage(.cutShort, offset, bytes.byteCount - place)
                offset = start + bytes.byteCount
            case .otherByteOrder where lostAt == nil:
                damage(.byteOrder, offset, bytes.byteCount - place)
                offset = start + bytes.byteCount
            default:
                if lostAt == nil { lostAt = offset }
                offset += 1
            }
        }
    }

    private mutating func finish() -> Step {
        findAgain()
        return .ended
    }

    /// A packet's record could not be read.
    mutating func damage(_ kind: RecordingDamage.Kind, _ offset: Int, _ count: Int) {
        damages.add(kind, at: offset, length: count)
    }

    /// Blocks can be told apart again.
    private mutating func findAgain() {
        guard let lost = lostAt else { return }
        lostAt = nil
        found = mark
        damage(lost == 0 ? .beginning : .blocks, lost, offset - lost)
    }

    /// Whether what looks like a block in the midst of damage is one.
    private func isPlausible(_ block: PcapngBlock, _ bytes: RawSpan) -> Bool {
        switch block.type {
        case RecordingFormat.sectionHeader: return true
        case RecordingFormat.interfaceDescription: return block.count >= 20 && bytes.word16(block.start + 10) == 0
        case RecordingFormat.interfaceStatistics:
            return block.count >= 24 && Int(bytes.word32(block.start + 8)) < max(1, ownInterfaces)
        case RecordingFormat.enhancedPacket:
            guard let packet = PcapngPacket(block, in: bytes) else { return false }
            return packet.interface < ownInterfaces || interfaces.isEmpty && Self.isManifest(packet, bytes)
        default: return false
        }
    }

    /// Whether what begins at a place and is not there as a whole can be a block that is read here.
    private static func canBeBlock(_ place: Int, _ bytes: RawSpan) -> Bool {
        guard bytes.byteCount - place >= 4 else { return true }
        switch bytes.word32(place) {
        case RecordingFormat.sectionHeader, RecordingFormat.interfaceDescription, RecordingFormat.interfaceStatistics,
            RecordingFormat.enhancedPacket:
            return true
        default: return false
        }
    }

    /// Whether a block stands in the bytes behind a place, so that what is there is broken and not merely cut.
    private func hasBlockBehind(_ place: Int, _ bytes: RawSpan) -> Bool {
        var next = place + 1
        while next + 12 <= bytes.byteCount {
            if case .whole(let block) = PcapngBlock.at(next, in: bytes), isPlausible(block, bytes) { return true }
            next += 1
        }
        return false
    }

    private static func isManifest(_ packet: PcapngPacket, _ bytes: RawSpan) -> Bool {
        packet.captured > RecordHeader.byteCount && bytes.byte(packet.bytes.lowerBound) == RecordingFormat.version
            && bytes.byte(packet.bytes.lowerBound + 1) == RecordingFormat.manifest
    }

    private mutating func follow(_ block: PcapngBlock, _ bytes: RawSpan, _ start: Int) {
        switch block.type {
        case RecordingFormat.sectionHeader:
            base = interfaces.count
            sections.append(base)
        // Without the section's beginning nobody knows which number it has.
        case RecordingFormat.interfaceDescription where !sections.isEmpty || !interfaces.isEmpty:
            guard let interface = Self.interface(block, bytes) else {
                damage(.interface, start + block.start, block.count)
                // Those behind it keep their numbers.
                interfaces.append(
                    RecordingInterface(linkType: 0, name: "", description: "", isUsable: false))
                return
            }
            interfaces.append(interface)
        default: break
        }
    }

    /// A file that has lost its beginning has its interfaces from a manifest.
    private mutating func adopt(_ packet: PcapngPacket, _ bytes: RawSpan) {
        guard Self.isManifest(packet, bytes) else { return }
        let text = bytes.array(packet.bytes.lowerBound + RecordHeader.byteCount..<packet.bytes.upperBound)
        interfaces = RecordingManifest.decode(text)?.interfaces ?? []
    }

    private static func interface(_ block: PcapngBlock, _ bytes: RawSpan) -> RecordingInterface? {
        guard block.count >= 20 else { return nil }
        let (first, end) = (block.start + 16, block.end - 4)
        func text(_ code: UInt16) -> String {
            PcapngOptions.find(code, in: bytes, first, end).map {
                RecordingManifest.line(String(decoding: bytes.array($0), as: UTF8.self))
            } ?? ""
        }
        // Times in another unit than nanoseconds are none of ours.
        let resolution = PcapngOptions.find(9, in: bytes, first, end).map { $0.isEmpty ? 0 : bytes.byte($0.lowerBound) }
        return RecordingInterface(
            linkType: bytes.word16(block.start + 8), name: text(2), description: text(3), isUsable: resolution == 9)
    }
}
