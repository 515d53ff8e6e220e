/// Makes other numbers of numbers, always the same ones with the same key, and without the key nobody can tell which was which:
/// SipHash-2-4 (Aumasson and Bernstein, 2012).
public struct SecretKey: Sendable, Hashable {
    private let first: UInt64
    private let second: UInt64

    /// A key of 128 bits.
    public init(_ first: UInt64, _ second: UInt64) { (self.first, self.second) = (first, second) }

    /// 64 bits for some bytes.
    public func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var v0 = first ^ 0x736f_6d65_7073_6575
        var v1 = second ^ 0x646f_7261_6e64_6f6d
        var v2 = first ^ 0x6c79_6765_6e65_7261
        var v3 = second ^ 0x7465_6462_7974_6573
        func round() {
            v0 &+= v1
            v1 = v1 << 13 | v1 >> 51
            v1 ^= v0
            v0 = v0 << 32 | v0 >> 32
            v2 &+= v3
            v3 = v3 << 16 | v3 >> 48
            v3 ^= v2
            v0 &+= v3
            v3 = v3 << 21 | v3 >> 43
            v3 ^= v0
            v2 &+= v1
            v1 = v1 << 17 | v1 >> 47
            v1 ^= v2
            v2 = v2 << 32 | v2 >> 32
        }
        func take(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }
        var (word, count) = (UInt64(0), UInt64(0))
        for byte in bytes {
            word |= UInt64(byte) << (count % 8 * 8)
            count &+= 1
            guard count % 8 == 0 else { continue }
            take(word)
            word = 0
        }
        take(word | count << 56)
        v2 ^= 0xFF
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }
}
