/// Writes messages of Protocol Buffers by hand, field after field.
struct ProtobufWriter: Sendable {
    private(set) var bytes: [UInt8] = []

    /// A number of variable length; false and 0 are written as well.
    mutating func field(_ number: Int, _ value: UInt64) {
        varint(UInt64(truncatingIfNeeded: number) << 3)
        varint(value)
    }

    /// A number of eight bytes.
    mutating func fixed(_ number: Int, _ value: UInt64) {
        varint(UInt64(truncatingIfNeeded: number) << 3 | 1)
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// A text.
    mutating func field(_ number: Int, _ text: String) { write(number, Array(text.utf8)) }

    /// A message inside the message.
    mutating func field(_ number: Int, _ body: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        body(&inner)
        write(number, inner.bytes)
    }

    private mutating func write(_ number: Int, _ content: [UInt8]) {
        varint(UInt64(truncatingIfNeeded: number) << 3 | 2)
        varint(UInt64(content.count))
        bytes += content
    }

    private mutating func varint(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: value))
    }
}
