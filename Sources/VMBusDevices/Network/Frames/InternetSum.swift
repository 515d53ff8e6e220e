import VMBusWire

/// The sum that internet headers carry (RFC 1071): ones' complement, over sixteen bits at a time.
public struct InternetSum: Sendable, Hashable {
    private var sum: UInt64 = 0
    private var isOdd = false

    /// Over nothing yet.
    public init() {}

    /// Over some bytes.
    public init(_ bytes: ArraySlice<UInt8>) { add(bytes) }

    /// Over some bytes.
    public init(_ bytes: [UInt8]) { add(bytes[...]) }

    /// With the addresses of an IPv4 packet, as TCP and UDP have it.
    public init(source: InternetAddress, destination: InternetAddress, carries: InternetProtocol, count: Int) {
        sum =
            UInt64(source.rawValue) + UInt64(destination.rawValue) + UInt64(carries.rawValue)
            + UInt64(UInt16(truncatingIfNeeded: count))
    }

    /// With both addresses of an IPv4 or IPv6 packet, and of what it carries the protocol and the size: the sum is the same for
    /// both, as the rest of what IPv6 adds is zeros (RFC 8200, 8.1).
    init(addresses: ArraySlice<UInt8>, carries: UInt8, count: Int) {
        add(addresses)
        add([0, carries, UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)])
    }

    /// Goes on over more bytes, two at a time.
    public mutating func add(_ bytes: ArraySlice<UInt8>) {
        var index = bytes.startIndex
        if isOdd, index < bytes.endIndex {
            sum &+= UInt64(bytes[index])
            isOdd = false
            index += 1
        }
        // Most of it lower byte first, as it lies; the sum is turned round then, which comes to the same (RFC 1071, 2).
        let (words, count) = bytes[index...].sumOfWords32()
        var pairs = words
        while pairs > 0xFFFF { pairs = pairs >> 16 + pairs & 0xFFFF }
        sum &+= UInt64(UInt16(truncatingIfNeeded: pairs).byteSwapped)
        index &+= count
        while index &+ 1 < bytes.endIndex {
            sum &+= UInt64(bytes[index]) << 8 | UInt64(bytes[index &+ 1])
            index &+= 2
        }
        if index < bytes.endIndex {
            sum &+= UInt64(bytes[index]) << 8
            isOdd = true
        }
    }

    /// Goes on over more bytes.
    public mutating func add(_ bytes: [UInt8]) { add(bytes[...]) }

    /// The sum of all sixteen-bit words, not yet complemented.
    public var folded: UInt16 {
        var sum = sum
        while sum > 0xFFFF { sum = sum >> 16 + sum & 0xFFFF }
        return UInt16(truncatingIfNeeded: sum)
    }

    /// What the header's field is to hold, when that was zero in what was added.
    public var value: NetworkShort { NetworkShort(rawValue: ~folded) }

    /// Whether the field's own value was added and is right.
    public var isRight: Bool { folded == 0xFFFF }
}
