import VMBusWire

/// Little-endian numbers in the bytes of a record; nil where the bytes end before.
extension ArraySlice<UInt8> {
    func number16(_ offset: Int) -> UInt16? { offset >= 0 && offset <= count - 2 ? word16(offset) : nil }

    func number32(_ offset: Int) -> UInt32? { offset >= 0 && offset <= count - 4 ? word32(offset) : nil }

    func number64(_ offset: Int) -> UInt64? { offset >= 0 && offset <= count - 8 ? word64(offset) : nil }

    /// A part of the bytes; nil where it is not all there.
    func part(_ offset: Int, _ length: Int) -> ArraySlice<UInt8>? {
        guard offset >= 0, length >= 0, offset <= count, length <= count - offset else { return nil }
        return self[(startIndex + offset)..<(startIndex + offset + length)]
    }
}

/// The descriptor of a packet (reference §4.3), read by hand as every packet of a log passes here; nothing is checked.
struct DescriptorWords {
    /// What the packet is.
    let type: UInt16
    /// Bytes until the payload.
    let offset: Int
    /// Bytes of the packet without its trailer.
    let length: Int
    /// Whether a completion is asked for.
    let asksForCompletion: Bool
    /// The requester's number.
    let id: UInt64

    /// Nil for fewer than 16 bytes.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard let first = bytes.number64(0), let id = bytes.number64(8) else { return nil }
        type = UInt16(truncatingIfNeeded: first)
        offset = Int(first >> 16 & 0xFFFF) * 8
        length = Int(first >> 32 & 0xFFFF) * 8
        asksForCompletion = first >> 48 & 1 != 0
        self.id = id
    }

    /// What is wrong with it where `available` bytes of ring are announced, trailer included; nil for nothing.
    func problem(available: Int) -> (field: String, value: Int, explanation: String)? {
        if !(1...0xD).contains(type) { return ("type", Int(type), "a type from 1 to 13") }
        if offset < 16 { return ("offset", offset, "at least the 16 bytes of the descriptor") }
        if length < offset { return ("length", length, "at least the \(offset) bytes before the payload") }
        if length + 8 > available {
            return ("length", length, "with the trailer at most the \(available) bytes written")
        }
        return nil
    }
}

/// A number for the bytes of a packet, so that they can be compared later without being kept.
struct ByteDigest: Sendable {
    /// Equal for equal bytes; made without the seeds of the process.
    static func of(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var digest = UInt64(truncatingIfNeeded: bytes.count) &* 0x9E37_79B9_7F4A_7C15
        var place = 0
        while bytes.count - place >= 8 {
            digest = (digest ^ bytes.word64(place)) &* 0xD134_2543_DE82_EF95
            digest ^= digest >> 32
            place += 8
        }
        for byte in bytes.dropFirst(place) { digest = (digest ^ UInt64(byte)) &* 0xD134_2543_DE82_EF95 }
        return digest
    }
}
