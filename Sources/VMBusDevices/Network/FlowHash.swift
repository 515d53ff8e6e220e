/// The hash by which frames are spread over channels, so that one connection stays on one channel (reference §6.1.5).
public enum FlowHash {
    /// A key for those who have none of their own: the one that drivers commonly use.
    public static let commonKey: [UInt8] = [
        0x6D, 0x5A, 0x56, 0xDA, 0x25, 0x5B, 0x0E, 0xC2, 0x41, 0x67, 0x25, 0x3D, 0x43, 0xA3, 0x8F, 0xB0, 0xD0, 0xCA,
        0x2B, 0xCB, 0xAE, 0x7B, 0x30, 0xB4, 0x77, 0xCB, 0x2D, 0xA3, 0x80, 0x30, 0xF2, 0x0C, 0x6A, 0x42, 0xB7, 0x3B,
        0xBE, 0xAC, 0x01, 0xFA,
    ]

    /// Toeplitz over the addresses, and the ports of TCP, of an IPv4 or IPv6 frame; 0 for other frames.
    public static func hash(_ frame: ArraySlice<UInt8>, key: [UInt8] = commonKey) -> UInt32 {
        guard let (addresses, ports) = input(frame) else { return 0 }
        var hash = Toeplitz(key)
        hash.add(addresses)
        hash.add(ports)
        return hash.value
    }

    /// The Toeplitz hash: for each set bit of the input, the 32 bits of the key that begin there.
    static func toeplitz(_ input: ArraySlice<UInt8>, key: [UInt8]) -> UInt32 {
        var hash = Toeplitz(key)
        hash.add(input)
        return hash.value
    }

    private struct Toeplitz {
        private let key: [UInt8]
        private var window: UInt64
        private var next = 8
        private(set) var value: UInt32 = 0

        init(_ key: [UInt8]) {
            self.key = key
            window = (0..<8).reduce(0) { $0 << 8 | (($1 < key.count) ? UInt64(key[$1]) : 0) }
        }

        mutating func add(_ input: ArraySlice<UInt8>) {
            for byte in input {
                var rest = byte
                while rest != 0 {
                    let bit = rest.leadingZeroBitCount
                    value ^= UInt32(truncatingIfNeeded: window >> UInt64(32 - bit))
                    rest &= ~(0x80 >> UInt8(bit))
                }
                window = window << 8 | (next < key.count ? UInt64(key[next]) : 0)
                next += 1
            }
        }
    }

    /// The addresses of a frame, and its ports where they count, too; nil for a frame without addresses.
    private static func input(_ frame: ArraySlice<UInt8>) -> (addresses: ArraySlice<UInt8>, ports: ArraySlice<UInt8>)? {
        func byte(_ offset: Int) -> UInt8 { frame[frame.startIndex + offset] }
        func bytes(_ range: Range<Int>) -> ArraySlice<UInt8> {
            frame[frame.startIndex + range.lowerBound..<frame.startIndex + range.upperBound]
        }
        guard frame.count >= 14 else { return nil }
        switch (byte(12), byte(13)) {
        case (0x08, 0x00) where frame.count >= 34:
            let header = Int(byte(14) & 0xF) * 4
            let ports = 14 + header
            let isWhole = byte(20) & 0x3F == 0 && byte(21) == 0
            let hasPorts = byte(23) == 6 && isWhole && header >= 20 && frame.count >= ports + 4
            return (bytes(26..<34), hasPorts ? bytes(ports..<ports + 4) : [])
        case (0x86, 0xDD) where frame.count >= 54:
            return (bytes(22..<54), byte(20) == 6 && frame.count >= 58 ? bytes(54..<58) : [])
        default: return nil
        }
    }
}
