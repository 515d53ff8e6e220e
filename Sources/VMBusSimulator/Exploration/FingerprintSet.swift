/// Fingerprints that were seen: a table of 64-bit numbers, at most three quarters full.
struct FingerprintSet: Sendable {
    /// A fingerprint in each place, 0 in a free one.
    private var places: [UInt64] = Array(repeating: 0, count: 1024)
    /// How many there are.
    private(set) var count = 0

    /// Bytes that the table takes.
    var byteCount: Int { places.count * 8 }

    /// Adds a fingerprint; false when it was there.
    mutating func insert(_ fingerprint: UInt64) -> Bool {
        guard put(max(1, fingerprint)) else { return false }
        count += 1
        if count * 4 > places.count * 3 {
            let old = places
            places = Array(repeating: 0, count: old.count * 2)
            for fingerprint in old where fingerprint != 0 { _ = put(fingerprint) }
        }
        return true
    }

    private mutating func put(_ fingerprint: UInt64) -> Bool {
        let mask = places.count - 1
        // Whichever bits differ, the places do.
        var place = Int(truncatingIfNeeded: (fingerprint &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
        while places[place] != 0 {
            if places[place] == fingerprint { return false }
            place = (place + 1) & mask
        }
        places[place] = fingerprint
        return true
    }
}
