/// Numbers at known places, for the few structures that every frame passes. Everything else is read by its declaration.
extension ArraySlice<UInt8> {
    /// The 32-bit number at an offset from the slice's start; the caller has checked that its bytes are there.
    @inline(__always)
    func word32(_ offset: Int) -> UInt32 {
        let place = startIndex + offset
        return UInt32(self[place]) | UInt32(self[place + 1]) << 8 | UInt32(self[place + 2]) << 16
            | UInt32(self[place + 3]) << 24
    }

    /// The 64-bit number at an offset from the slice's start; the caller has checked that its bytes are there.
    @inline(__always)
    func word64(_ offset: Int) -> UInt64 { UInt64(word32(offset)) | UInt64(word32(offset + 4)) << 32 }
}

extension [UInt8] {
    /// Appends a 32-bit number.
    @inline(__always)
    mutating func append(word32 value: UInt32) {
        append(UInt8(truncatingIfNeeded: value))
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value >> 16))
        append(UInt8(truncatingIfNeeded: value >> 24))
    }

    /// Appends a 64-bit number.
    @inline(__always)
    mutating func append(word64 value: UInt64) {
        append(word32: UInt32(truncatingIfNeeded: value))
        append(word32: UInt32(truncatingIfNeeded: value >> 32))
    }
}
