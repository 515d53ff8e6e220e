import BusModel
import VMBusWire

/// A record where it lies in a recording: what is looked at before anything else of it is.
struct RecordPlace: Sendable {
    /// How many records of the log are before it in the file.
    let number: UInt64
    /// Its packet, by places in the bytes that were walked.
    let packet: PcapngPacket
    /// The number of its interface among all.
    let interface: Int
    /// Where the packets that are parts of it begin, in the bytes that were walked.
    let partsStart: Int
    /// `FlowKind` or a kind of the file's own.
    let kind: UInt8
    let direction: UInt8
    let flags: RecordFlags
    let headerLength: Int
    let partition: UInt16
    let relid: UInt32
    let code: UInt32
    let sequence: UInt64

    /// Nanoseconds in the log.
    var time: UInt64 { packet.time }
    /// Whether it is a record of the log.
    var isOfLog: Bool { !flags.contains(.aside) }
    /// Whether it is a keyframe of the file.
    var isKeyframe: Bool { !isOfLog && kind == FlowKind.keyframe.rawValue }
    var isManifest: Bool { !isOfLog && kind == RecordingFormat.manifest }
    /// Where the record's bytes lie.
    var payload: Range<Int> { packet.bytes.lowerBound + headerLength..<packet.bytes.upperBound }

    /// Reads the head of a record; nil when it breaks a rule.
    @inline(__always)
    init?(_ packet: PcapngPacket, interface: Int, number: UInt64, partsStart: Int, in bytes: RawSpan) {
        guard packet.captured >= RecordHeader.byteCount else { return nil }
        let start = packet.bytes.lowerBound
        (self.packet, self.interface, self.number, self.partsStart) = (packet, interface, number, partsStart)
        kind = bytes.byte(start + 1)
        direction = bytes.byte(start + 2)
        flags = RecordFlags(rawValue: bytes.byte(start + 3))
        headerLength = Int(bytes.word16(start + 4))
        partition = bytes.word16(start + 6)
        relid = bytes.word32(start + 8)
        code = bytes.word32(start + 12)
        sequence = bytes.word64(start + 16)
        guard headerLength >= RecordHeader.byteCount, headerLength <= packet.captured else { return nil }
    }
}

/// Goes from record to record through a recording, whatever is in it.
struct RecordWalk: Sendable {
    /// What there is next.
    enum Step {
        case record(RecordPlace)
        /// The rest is no whole record, and more may come.
        case waits
        case ended
    }

    var walk: PcapngWalk
    /// How many records of the log were passed.
    private(set) var count: UInt64
    /// Packets of interfaces that are none of ours.
    private(set) var foreignCount: UInt64 = 0
    /// Where the packets begin that belong to the next record.
    private var next: PcapngWalk.Mark
    /// Where the packets begin that belong to the record that was found last.
    private(set) var mark: PcapngWalk.Mark
    /// What is done with the packets of each interface.
    private var uses: [Use] = []

    private enum Use: UInt8 { case records, parts, foreign }
    /// What nothing refers to is forgotten behind so many bytes.
    private static let longestParts = 1 << 25

    /// From the beginning of a file.
    init() {
        walk = PcapngWalk()
        count = 0
        next = walk.mark
        mark = next
    }

    /// A part of a file again, from where the packets of a record begin, with so many records of the log before it.
    init(again walk: PcapngWalk, from mark: PcapngWalk.Mark, number: UInt64) {
        self.walk = PcapngWalk(again: walk, from: mark)
        count = number
        next = mark
        self.mark = mark
    }

    /// Where the bytes begin that are still needed.
    var neededStart: Int { next.offset }

    /// The next record; as `PcapngWalk.next` otherwise.
    mutating func next(in bytes: RawSpan, from start: Int = 0, isWhole: Bool) -> Step {
        while true {
            let step = walk.next(in: bytes, from: start, isWhole: isWhole)
            if walk.offset - next.offset > Self.longestParts { next = walk.mark }
            if walk.found.offset > next.offset { next = walk.found }
            switch step {
            case .waits: return .waits
            case .ended: return .ended
            case .packet(let packet, let interface):
                if interface >= uses.count { learnInterfaces() }
                switch uses[interface] {
                case .foreign: foreignCount += 1
                case .parts: continue
                case .records:
                    mark = next
                    next = walk.mark
                    let place = RecordPlace(
                        packet, interface: interface, number: count, partsStart: mark.offset - start, in: bytes)
                    guard let place else {
                        walk.damage(.record, start + packet.block.start, packet.block.count)
                        continue
                    }
                    let version = bytes.byte(packet.bytes.lowerBound)
                    guard version == RecordingFormat.version else {
                        let kind = version == 0 ? RecordingDamage.Kind.record : .version
                        walk.damage(kind, start + packet.block.start, packet.block.count)
                        continue
                    }
                    if place.isOfLog { count += 1 }
                    return .record(place)
                }
            }
        }
    }

    private mutating func learnInterfaces() {
        uses = walk.interfaces.map { $0.holdsRecords ? .records : $0.holdsParts ? .parts : .foreign }
    }
}

extension RecordPlace {
    /// Adds the record to a batch, with the bytes of its parts where they were.
    ///
    /// - Parameters:
    ///   - bytes: those that were walked.
    ///   - walk: the walk that found it.
    /// - Returns: false when its header breaks a rule; nothing is added then.
    func append(to batch: inout FlowBatch, from bytes: RawSpan, _ walk: PcapngWalk) -> Bool {
        let start = packet.bytes.lowerBound
        var place = start + RecordHeader.byteCount
        let end = start + headerLength
        var header = FlowRecordHeader(
            kind: FlowKind(rawValue: kind), time: time, partition: partition, relid: relid,
            direction: Direction(rawValue: direction), code: code)
        header.sequence = sequence
        if flags.contains(.request) { place += 8 }
        var attachmentLength = 0
        var parts: [CarriedPlace] = []
        if flags.contains(.parts), place + 8 <= end {
            attachmentLength = Int(bytes.word32(place))
            let count = Int(bytes.word32(place + 4))
            place += 8
            guard count <= (end - place) / 8 else { return false }
            for part in 0..<count {
                var carried = CarriedPlace()
                carried.offset = bytes.word32(place + 8 * part)
                carried.length = bytes.word32(place + 8 * part + 4)
                parts.append(carried)
            }
        }
        if let told = toldChannel(in: bytes) {
            (header.device, header.subchannel) = told
        } else if case .channel(let key, _) = walk.interfaces[interface].role {
            (header.device, header.subchannel) = (key.device, key.subchannel)
        }
        let kept = bytes.array(payload)
        let whole = parts.reduce(max(Int(packet.original), packet.captured) - headerLength) { $0 + Int($1.length) }
        let record = parts.isEmpty ? kept : joined(kept, parts, bytes, walk)
        let omitted = max(0, whole - record.count)
        header.omittedLength = UInt32(clamping: omitted)
        let split = record.count - min(record.count, max(0, attachmentLength - omitted))
        batch.append(header, record[..<split], attachment: Array(record[split...]))
        return true
    }

    /// The device and sub-channel in the header, where the interface is that of many channels.
    func toldChannel(in bytes: RawSpan) -> (device: GUID, subchannel: UInt16)? {
        guard flags.contains(.channel) else { return nil }
        let start = packet.bytes.lowerBound
        var place = RecordHeader.byteCount + (flags.contains(.request) ? 8 : 0)
        if flags.contains(.parts), place + 8 <= headerLength { place += 8 + 8 * Int(bytes.word32(start + place + 4)) }
        guard place + 20 <= headerLength else { return nil }
        place += start
        return (GUID(low: bytes.word64(place), high: bytes.word64(place + 8)), bytes.word16(place + 16))
    }

    /// The record that this one completes; nil where the file does not know it.
    func request(in bytes: RawSpan) -> UInt64? {
        guard flags.contains(.request), headerLength >= RecordHeader.byteCount + 8 else { return nil }
        return bytes.word64(packet.bytes.lowerBound + RecordHeader.byteCount)
    }

    /// The record's bytes as they were, as far as they were kept without a break.
    private func joined(_ kept: [UInt8], _ parts: [CarriedPlace], _ bytes: RawSpan, _ walk: PcapngWalk) -> [UInt8] {
        var carried = carriedPackets(bytes, walk, count: parts.count)[...]
        var record: [UInt8] = []
        var rest = kept[...]
        for part in parts {
            let gap = Int(part.offset) - record.count
            guard gap >= 0, gap <= rest.count, let range = carried.popFirst() else {
                return record + rest.prefix(max(0, gap))
            }
            record += rest.prefix(gap)
            rest = rest.dropFirst(gap)
            record += bytes.array(range.lowerBound..<range.lowerBound + min(range.count, Int(part.length)))
            if range.count < Int(part.length) { return record }
        }
        return record + rest
    }

    /// Where the packets lie that carry this record's number, in the order of the file.
    private func carriedPackets(_ bytes: RawSpan, _ walk: PcapngWalk, count: Int) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var place = partsStart
        while found.count < count, place < packet.block.start, case .whole(let block) = PcapngBlock.at(place, in: bytes)
        {
            place = block.end
            guard block.type == RecordingFormat.enhancedPacket, let part = PcapngPacket(block, in: bytes),
                part.packetID(in: bytes) == sequence
            else { continue }
            let interface = interface - packet.interface + part.interface
            guard walk.interfaces.indices.contains(interface) else { continue }
            switch walk.interfaces[interface].role {
            case .frames: found.append(part.bytes)
            case .streams:
                let header = RecordingFormat.vsockHeaderLength
                guard part.captured >= header else { continue }
                // A transport's own header lies between ours and the stream.
                let skipped = header + Int(bytes.word16(part.bytes.lowerBound + 28))
                if skipped <= part.captured { found.append(part.bytes.lowerBound + skipped..<part.bytes.upperBound) }
            default: continue
            }
        }
        return found
    }
}
