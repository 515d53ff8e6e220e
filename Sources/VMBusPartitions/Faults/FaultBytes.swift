import VMBusWire

/// Little-endian numbers in bytes.
enum LittleEndian {
    /// The number of `width` bytes at an offset; nil where the bytes end before.
    static func number(_ bytes: some RandomAccessCollection<UInt8>, at offset: Int, _ width: Int) -> UInt64? {
        guard offset >= 0, offset <= bytes.count - width else { return nil }
        return bytes.dropFirst(offset).prefix(width).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    static func bytes(_ number: UInt64, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: number >> UInt64($0 * 8)) }
    }
}

extension [UInt8] {
    /// The bytes with one number changed; nil where they end before it.
    func changing(_ value: FaultValue, at offset: Int, _ width: Int) -> [UInt8]? {
        guard let old = LittleEndian.number(self, at: offset, width) else { return nil }
        var changed = self
        changed.replaceSubrange(
            offset..<offset + width, with: LittleEndian.bytes(value.applied(to: old, size: 0), width))
        return changed
    }
}

extension Collection<UInt8> {
    var hexadecimal: String { map { Hexadecimal.digits(UInt64($0), count: 2) }.joined() }
}

extension FaultValue {
    /// The number itself when one was named.
    func or(_ number: UInt64?) -> FaultValue { number.map { .set($0) } ?? self }

    /// What a number becomes; `size` is the size of the ring that an index is of.
    func applied(to old: UInt64, size: UInt64) -> UInt64 {
        switch self {
        case .set(let value): value
        case .add(let value): old &+ value
        case .flip(let mask): old ^ mask
        case .outside: size &+ 8
        case .back: size < 8 ? 0 : (old &+ (size &- 8)) % size
        }
    }
}

/// Where the parts of a packet are.
struct PacketImage {
    private let bytes: ArraySlice<UInt8>
    private let isAttachment: Bool

    init(_ bytes: [UInt8]) {
        self.bytes = bytes[...]
        isAttachment = false
    }

    init(attachment: [UInt8]) {
        bytes = attachment[...]
        isAttachment = true
    }

    func range(of part: PacketPart) -> Range<Int> {
        guard !isAttachment else { return 0..<bytes.count }
        let payload = min(bytes.count, max(16, Int(LittleEndian.number(bytes, at: 2, 2) ?? 2) * 8))
        return switch part {
        case .descriptor: 0..<min(16, bytes.count)
        case .header: min(16, bytes.count)..<payload
        case .payload, .attachment: payload..<bytes.count
        case .trailer: bytes.count..<bytes.count + 8
        }
    }

    func number(_ part: PacketPart, at offset: Int, _ width: Int) -> UInt64? {
        let range = range(of: part)
        guard range.upperBound <= bytes.count, offset <= range.count - width else { return nil }
        return LittleEndian.number(bytes[range], at: offset, width)
    }
}

extension FaultPlace: CustomStringConvertible {
    init(_ place: ChannelPlace) { self.init(device: place.device, subchannel: place.subchannel) }

    /// Which, in words.
    public var description: String {
        "device \(device.map(\.description) ?? "any")" + (subchannel.map { ", sub-channel \($0)" } ?? "")
    }
}
