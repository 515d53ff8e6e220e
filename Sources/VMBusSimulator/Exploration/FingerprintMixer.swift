/// Sums up numbers in 64 bits, the same on every machine and in every process.
struct FingerprintMixer {
    private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// Takes a number in; order counts. Wrapping is what a mixer is made of.
    mutating func add(_ number: UInt64) {
        state = (state ^ number) &* 0xFF51_AFD7_ED55_8CCD
        state ^= state >> 32
    }

    /// Takes several numbers in, and how many they are.
    mutating func add(_ numbers: [UInt64]) {
        add(UInt64(numbers.count))
        for number in numbers { add(number) }
    }

    /// The sum of all that was taken in.
    var value: UInt64 {
        let mixed = (state ^ state >> 29) &* 0xC4CE_B9FE_1A85_EC53
        return mixed ^ mixed >> 32
    }
}
