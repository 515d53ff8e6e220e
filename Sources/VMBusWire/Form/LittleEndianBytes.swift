/// Numbers at known places, for the few structures that every packet passes. Everything else is read by its declaration.
extension ArraySlice<UInt8> {
    /// The 16-bit number at an offset from the slice's start; the caller has checked that its bytes are there.
    @inlinable @inline(__always)
    public func word16(_ offset: Int) -> UInt16 { word(offset) }

    /// The 32-bit number at an offset from the slice's start; the caller has checked that its bytes are there.
    @inlinable @inline(__always)
    public func word32(_ offset: Int) -> UInt32 { word(offset) }

    /// The 64-bit number at an offset from the slice's start; the caller has checked that its bytes are there.
    @inlinable @inline(__always)
    public func word64(_ offset: Int) -> UInt64 { word(offset) }

    /// The sum of the whole 32-bit numbers from the slice's start on, and how many bytes they are.
    public func sumOfWords32() -> (sum: UInt64, byteCount: Int) {
        withUnsafeBytes { bytes in
            var sum: UInt64 = 0
            let words = bytes.count / 4
            for word in 0..<words {
                sum &+= UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: word * 4, as: UInt32.self)))
            }
            return (sum, words * 4)
        }
    }

    /// One load for all bytes of a number, behind one check like that of every other index.
    @inlinable @inline(__always)
    func word<Word: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Word {
        precondition(offset >= 0 && offset <= count - MemoryLayout<Word>.size)
        return withUnsafeBytes { Word(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Word.self)) }
    }
}

extension [UInt8] {
    /// Appends a 16-bit number.
    @inlinable @inline(__always)
    public mutating func append(word16 value: UInt16) { append(word: value) }

    /// Appends a 32-bit number.
    @inlinable @inline(__always)
    public mutating func append(word32 value: UInt32) { append(word: value) }

    /// Appends a 64-bit number.
    @inlinable @inline(__always)
    public mutating func append(word64 value: UInt64) { append(word: value) }

    /// Appends 32-bit numbers, which costs little more than one of them.
    @inlinable @inline(__always)
    public mutating func append<let count: Int>(words: InlineArray<count, UInt32>) {
        var words = words
        for index in words.indices { words[index] = words[index].littleEndian }
        words.span.bytes.withUnsafeBytes { append(contentsOf: $0) }
    }

    @inlinable @inline(__always)
    mutating func append<Word: FixedWidthInteger & BitwiseCopyable>(word value: Word) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}

/// The same in memory that is looked at in place, such as a mapped file.
extension RawSpan {
    /// The byte at an offset; the caller has checked that it is there.
    @inlinable @inline(__always)
    public func byte(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

    /// The 16-bit number at an offset; the caller has checked that its bytes are there.
    @inlinable @inline(__always)
    public func word16(_ offset: Int) -> UInt16 {
        UInt16(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// The 32-bit number at an offset; the caller has checked that its bytes are there.
    @inlinable @inline(__always)
    public func word32(_ offset: Int) -> UInt32 {
        UInt32(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// The 64-bit number at an offset; the caller has checked that its bytes are there.
    @inlinable @inline(__always)
    public func word64(_ offset: Int) -> UInt64 {
        UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// A copy of some bytes; the caller has checked that they are there.
    public func array(_ range: Range<Int>) -> [UInt8] {
        extracting(range).withUnsafeBytes { [UInt8]($0) }
    }
}

extension [UInt8] {
    /// Lets all bytes be looked at in place.
    public func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result { body(span.bytes) }
}
