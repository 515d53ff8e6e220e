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
        toeplitz(input(frame), key: key)
    }

    /// The Toeplitz hash: for each set bit of the input, the 32 bits of the key that begin there.
    static func toeplitz(_ input: ArraySlice<UInt8>, key: [UInt8]) -> UInt32 {
        func keyByte(_ index: Int) -> UInt64 { index < key.count ? UInt64(key[index]) : 0 }
        var window = (0..<8).reduce(0) { $0 << 8 | keyByte($1) }
        var next = 8
        var result: UInt32 = 0
        for byte in input {
            for bit in 0..<8 where byte & (0x80 >> UInt8(bit)) != 0 {
                result ^= UInt32(truncatingIfNeeded: window >> UInt64(32 - bit))
            }
            window = window << 8 | keyByte(next)
            next += 1
        }
        return result
    }

    private static func input(_ frame: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let bytes = Array(frame)
        guard bytes.count >= 14 else { return [] }
        switch (bytes[12], bytes[13]) {
        case (0x08, 0x00) where bytes.count >= 34:
            let header = Int(bytes[14] & 0xF) * 4
            let ports = 14 + header
            let isWhole = bytes[20] & 0x3F == 0 && bytes[21] == 0
            guard bytes[23] == 6, isWhole, header >= 20, bytes.count >= ports + 4 else { return bytes[26..<34] }
            return bytes[26..<34] + bytes[ports..<ports + 4]
        case (0x86, 0xDD) where bytes.count >= 54:
            guard bytes[20] == 6, bytes.count >= 58 else { return bytes[22..<54] }
            return bytes[22..<58]
        default: return []
        }
    }
}
