public import BusModel
import VMBusWire

/// A capture of another program, in pcap or in pcapng of either byte order: its packets as records of the log, one after the
/// other. Ethernet frames can be looked at then as everywhere; what another link type carries is shown as bytes.
public struct ForeignCapture: Sendable {
    private enum Form { case pcap, pcapng }

    /// An interface of the capture.
    private struct Interface {
        var linkType: UInt32
        /// How many of its ticks are a second.
        var ticks: UInt64
        /// Seconds that are added to its times.
        var offset: UInt64
    }

    private let form: Form
    private var isSwapped: Bool
    private var offset: Int
    private var interfaces: [Interface]
    private var nextSequence: UInt64 = 1
    /// The time of the first packet, in nanoseconds since 1970 as a rule; nil before it.
    public private(set) var epoch: UInt64?
    /// What could not be read.
    public private(set) var damages = RecordingDamages()

    private static let pcapMicroseconds: UInt32 = 0xA1B2_C3D4
    private static let pcapNanoseconds: UInt32 = 0xA1B2_3C4D
    /// libpcap's own limit, with room.
    private static let longestPacket = 1 << 24

    /// A capture at its beginning; nil where the bytes do not begin as one.
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= 24 else { return nil }
        let magic = bytes.word32(0)
        if magic == RecordingFormat.sectionHeader {
            form = .pcapng
            isSwapped = false
            offset = 0
            interfaces = []
            return
        }
        isSwapped = magic == Self.pcapMicroseconds.byteSwapped || magic == Self.pcapNanoseconds.byteSwapped
        let own = isSwapped ? magic.byteSwapped : magic
        guard own == Self.pcapMicroseconds || own == Self.pcapNanoseconds else { return nil }
        form = .pcap
        offset = 24
        let network = isSwapped ? bytes.word32(20).byteSwapped : bytes.word32(20)
        interfaces = [
            // The upper bits say how long a frame's check sequence is.
            Interface(
                linkType: network & 0xFFFF, ticks: own == Self.pcapNanoseconds ? 1_000_000_000 : 1_000_000, offset: 0)
        ]
    }

    /// Whether all was read.
    public private(set) var isAtEnd = false

    /// The next packets, at most so many; none at the end.
    public mutating func read(_ bytes: RawSpan, limit: Int) -> FlowBatch {
        var batch = FlowBatch()
        while batch.headers.count < limit, !isAtEnd {
            switch form {
            case .pcap: readPacket(bytes, &batch)
            case .pcapng: readBlock(bytes, &batch)
            }
        }
        batch.number(from: &nextSequence)
        return batch
    }

    private func word32(_ bytes: RawSpan, _ place: Int) -> UInt32 {
        isSwapped ? bytes.word32(place).byteSwapped : bytes.word32(place)
    }

    private func word16(_ bytes: RawSpan, _ place: Int) -> UInt16 {
        isSwapped ? bytes.word16(place).byteSwapped : bytes.word16(place)
    }

    private mutating func end(_ kind: RecordingDamage.Kind?, _ bytes: RawSpan) {
        if let kind { damages.add(kind, at: offset, length: bytes.byteCount - offset) }
        isAtEnd = true
    }

    // MARK: pcap

    private mutating func readPacket(_ bytes: RawSpan, _ batch: inout FlowBatch) {
        let left = bytes.byteCount - offset
        guard left >= 16 else { return end(left == 0 ? nil : .cutShort, bytes) }
        let captured = Int(word32(bytes, offset + 8))
        guard captured <= Self.longestPacket else { return end(.blocks, bytes) }
        guard captured <= left - 16 else { return end(.cutShort, bytes) }
        let ticks = UInt64(word32(bytes, offset)) &* interfaces[0].ticks &+ UInt64(word32(bytes, offset + 4))
        add(
            bytes, offset + 16, captured, original: word32(bytes, offset + 12), at: ticks, interfaces[0], &batch)
        offset += 16 + captured
    }

    // MARK: pcapng

    private mutating func readBlock(_ bytes: RawSpan, _ batch: inout FlowBatch) {
        let left = bytes.byteCount - offset
        guard left >= 12 else { return end(left == 0 ? nil : .cutShort, bytes) }
        if bytes.word32(offset) == RecordingFormat.sectionHeader {
            let magic = bytes.word32(offset + 8)
            isSwapped = magic == RecordingFormat.byteOrderMagic.byteSwapped
            guard isSwapped || magic == RecordingFormat.byteOrderMagic else { return end(.blocks, bytes) }
            interfaces = []
        }
        let count = Int(word32(bytes, offset + 4))
        guard count >= 12, count & 3 == 0, count <= RecordingFormat.longestBlock else { return end(.blocks, bytes) }
        guard count <= left else { return end(.cutShort, bytes) }
        let body = offset + 8..<offset + count - 4
        switch word32(bytes, offset) {
        case RecordingFormat.interfaceDescription: readInterface(bytes, body)
        case RecordingFormat.enhancedPacket where body.count >= 20:
            readPacket(
                bytes, body, interface: Int(word32(bytes, body.lowerBound)), data: 20,
                captured: Int(word32(bytes, body.lowerBound + 12)), original: word32(bytes, body.lowerBound + 16),
                &batch)
        case Self.oldPacket where body.count >= 20:
            readPacket(
                bytes, body, interface: Int(word16(bytes, body.lowerBound)), data: 20,
                captured: Int(word32(bytes, body.lowerBound + 12)), original: word32(bytes, body.lowerBound + 16),
                &batch)
        case Self.simplePacket where body.count >= 4:
            let original = word32(bytes, body.lowerBound)
            readPacket(
                bytes, body, interface: 0, data: 4, captured: min(Int(original), body.count - 4), original: original,
                &batch)
        default: break
        }
        offset += count
    }

    private static let oldPacket: UInt32 = 2
    private static let simplePacket: UInt32 = 3

    /// - Parameter data: where the packet begins in the block's body; its time stands at 4 where that is 20.
    private mutating func readPacket(
        _ bytes: RawSpan, _ body: Range<Int>, interface: Int, data: Int, captured: Int, original: UInt32,
        _ batch: inout FlowBatch
    ) {
        guard interfaces.indices.contains(interface), captured <= body.count - data else {
            damages.add(.packet, at: offset, length: body.count + 12)
            return
        }
        let place = body.lowerBound
        let ticks = data == 4 ? 0 : UInt64(word32(bytes, place + 4)) << 32 | UInt64(word32(bytes, place + 8))
        add(bytes, place + data, captured, original: original, at: ticks, interfaces[interface], &batch)
    }

    private mutating func readInterface(_ bytes: RawSpan, _ body: Range<Int>) {
        guard body.count >= 8 else {
            damages.add(.interface, at: offset, length: body.count + 12)
            // Those behind it keep their numbers.
            interfaces.append(Interface(linkType: .max, ticks: 1_000_000, offset: 0))
            return
        }
        var interface = Interface(linkType: UInt32(word16(bytes, body.lowerBound)), ticks: 1_000_000, offset: 0)
        var place = body.lowerBound + 8
        while place <= body.upperBound - 4 {
            let (code, length) = (word16(bytes, place), Int(word16(bytes, place + 2)))
            guard code != 0, place + 4 + length <= body.upperBound else { break }
            if code == 9, length == 1 { interface.ticks = Self.ticks(bytes.byte(place + 4)) }
            if code == 14, length == 8 {
                let (low, high) = (word32(bytes, place + 4), word32(bytes, place + 8))
                interface.offset = isSwapped ? UInt64(low) << 32 | UInt64(high) : UInt64(high) << 32 | UInt64(low)
            }
            place += 4 + padded(length)
        }
        interfaces.append(interface)
    }

    /// How many ticks are a second: a power of 10, or of 2 where the highest bit is set.
    private static func ticks(_ resolution: UInt8) -> UInt64 {
        let exponent = Int(resolution & 0x7F)
        if resolution & 0x80 != 0 { return exponent < 63 ? 1 << UInt64(exponent) : 1 << 62 }
        return (0..<min(exponent, 18)).reduce(1) { ticks, _ in ticks * 10 }
    }

    // MARK: Records

    private mutating func add(
        _ bytes: RawSpan, _ start: Int, _ count: Int, original: UInt32, at ticks: UInt64, _ interface: Interface,
        _ batch: inout FlowBatch
    ) {
        let (seconds, rest) = ticks.quotientAndRemainder(dividingBy: interface.ticks)
        // Both factors are below 2^62; whoever says more than 584 years means something else.
        let fraction = rest.multipliedFullWidth(by: 1_000_000_000)
        let nanoseconds = interface.ticks.dividingFullWidth(fraction).quotient
        let time = (seconds &+ interface.offset) &* 1_000_000_000 &+ nanoseconds
        let first = epoch ?? time
        epoch = first
        var header = FlowRecordHeader(
            kind: .frame, time: time >= first ? time - first : 0, partition: 0, code: interface.linkType)
        header.omittedLength = UInt32(clamping: Int(original) - count)
        batch.append(header, bytes.array(start..<start + count))
    }
}
