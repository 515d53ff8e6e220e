public import VMBusRing
import VMBusWire

/// The page with a bit per channel, which guests below 2.4 and hosts share (reference §1.7).
public enum InterruptPage {
    /// Where the half begins that the guest writes, in bytes; the host's is in front of it.
    public static let sendHalf: UInt64 = 0x800

    /// Where a channel's bit lies in a half: the word's place in bytes, and the bit in it.
    public static func place(of relid: UInt32) -> (offset: UInt64, bit: UInt32) {
        (UInt64(relid / 32) * 4, relid % 32)
    }

    /// Takes all bits of a half.
    ///
    /// - Parameter take: empties the word at a place in the half, in bytes, and returns what was in it; nil where it cannot.
    /// - Returns: the numbers of the channels, lowest first.
    public static func channels(_ take: (UInt64) -> UInt32?) -> [UInt32] {
        var relids: [UInt32] = []
        for first in stride(from: 0, to: SynIC.eventFlagCount, by: 32) {
            guard let word = take(place(of: first).offset), word != 0 else { continue }
            relids += (0..<32).filter { word & 1 << $0 != 0 }.map { first + $0 }
        }
        return relids
    }
}

extension PhysicalMemory {
    /// Sets a bit of a 32-bit word; a word outside the memory keeps none. Not for words that somebody else writes at the time.
    public mutating func setBit(_ bit: UInt32, at address: UInt64) {
        guard let word = try? load32(address) else { return }
        try? store32(word | 1 << bit, at: address)
    }
}
