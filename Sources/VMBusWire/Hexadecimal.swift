/// Hexadecimal text without a formatter, as Foundation's would bring fifty megabytes along.
public enum Hexadecimal {
    /// `count` lower-case digits of `value`, padded with zeros on the left; higher digits are cut off.
    public static func digits(_ value: UInt64, count: Int) -> String {
        String(
            unsafeUninitializedCapacity: count
        ) { buffer in
            for position in 0..<count {
                let shift = (count - 1 - position) * 4
                let nibble = UInt8(truncatingIfNeeded: shift < 64 ? value >> UInt64(shift) & 0xF : 0)
                buffer[position] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
            }
            return count
        }
    }

    /// `0x` and as many lower-case digits as the value needs.
    public static func prefixed(_ value: some UnsignedInteger) -> String {
        "0x" + String(value, radix: 16)
    }
}
