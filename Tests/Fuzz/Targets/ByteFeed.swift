/// The bytes of a run, taken from the front: numbers that decide what is done, and pieces that it is done with.
///
/// When they are used up, numbers are 0 and pieces are empty, so that every input means something.
struct ByteFeed {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// Whether all bytes are used up.
    var isEmpty: Bool { rest.isEmpty }

    /// The next number, little-endian.
    mutating func next<Number: FixedWidthInteger & UnsignedInteger>(_: Number.Type = Number.self) -> Number {
        let bytes = rest.prefix(Number.bitWidth / 8)
        rest = rest.dropFirst(bytes.count)
        return bytes.reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    /// A number below a limit.
    mutating func next(below limit: Int) -> Int { limit > 0 ? Int(next(UInt8.self)) % limit : 0 }

    /// One of some values; nil if there are none.
    mutating func choose<Values: RandomAccessCollection>(_ values: Values) -> Values.Element? {
        let index = next(below: min(values.count, 256))
        return values.isEmpty ? nil : values[values.index(values.startIndex, offsetBy: index)]
    }

    /// As many bytes, or what is left of them.
    mutating func take(_ count: Int) -> [UInt8] {
        let piece = Array(rest.prefix(max(0, count)))
        rest = rest.dropFirst(piece.count)
        return piece
    }

    /// A piece whose length comes first, in one byte.
    mutating func piece() -> [UInt8] { take(Int(next(UInt8.self))) }

    /// Everything that is left.
    mutating func remainder() -> [UInt8] { take(rest.count) }
}
