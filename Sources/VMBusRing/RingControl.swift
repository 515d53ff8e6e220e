/// The five words of a ring's control page as they were read, unchecked (reference §4.1).
public struct RingControl: Hashable, Sendable {
    /// Byte offset in the data area where the next packet will start.
    public var writeIndex: UInt32
    /// Byte offset in the data area of the next packet to read.
    public var readIndex: UInt32
    /// Not zero: no signal when the ring becomes non-empty.
    public var interruptMask: UInt32
    /// Bytes that a blocked sender needs free, 0 while it is not blocked.
    public var pendingSendSize: UInt32
    /// Bit 0: the sender uses `pendingSendSize`.
    public var featureBits: UInt32

    /// Bytes in a control page.
    @inlinable public static var byteCount: Int { 4096 }

    /// Feature bit 0: the ring's sender uses the pending-send size and honours the peer's.
    @inlinable public static var pendingSendSizeFeature: UInt32 { 1 }

    /// Takes the words; those left out are 0, as a fresh ring has them.
    @inlinable
    public init(
        writeIndex: UInt32 = 0, readIndex: UInt32 = 0, interruptMask: UInt32 = 0, pendingSendSize: UInt32 = 0,
        featureBits: UInt32 = 0
    ) {
        self.writeIndex = writeIndex
        self.readIndex = readIndex
        self.interruptMask = interruptMask
        self.pendingSendSize = pendingSendSize
        self.featureBits = featureBits
    }

    /// Reads the words from the bytes of a control page; nil if they end before the feature bits do (68 bytes).
    public init?(bytes: some RandomAccessCollection<UInt8>) {
        guard bytes.count >= Int(RingWord.featureBits.rawValue) + 4 else { return nil }
        func word(_ word: RingWord) -> UInt32 {
            let first = bytes.index(bytes.startIndex, offsetBy: Int(word.rawValue))
            return bytes[first...].prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        self.init(
            writeIndex: word(.writeIndex), readIndex: word(.readIndex), interruptMask: word(.interruptMask),
            pendingSendSize: word(.pendingSendSize), featureBits: word(.featureBits))
    }

    /// Bytes waiting to be read in a data area of `dataSize` bytes (reference §4.2).
    /// - Throws: which of the two indices is impossible.
    public func usedBytes(dataSize: UInt32) throws(RingDamage) -> UInt32 {
        let write = try RingDamage.checkedIndex(writeIndex, .writeIndex, dataSize: dataSize)
        let read = try RingDamage.checkedIndex(readIndex, .readIndex, dataSize: dataSize)
        return ringDistance(from: read, to: write, dataSize: dataSize)
    }

    /// Every index that is impossible in a data area of `dataSize` bytes: none, one or both.
    public func damage(dataSize: UInt32) -> [RingDamage] {
        [(writeIndex, RingDamage.Field.writeIndex), (readIndex, .readIndex)].compactMap { value, field in
            do throws(RingDamage) {
                _ = try RingDamage.checkedIndex(value, field, dataSize: dataSize)
                return nil
            } catch {
                return error
            }
        }
    }
}

/// Bytes from one offset of the data area forward to another, round the end where needed; both are below `dataSize`.
@inlinable @inline(__always)
func ringDistance(from start: UInt32, to end: UInt32, dataSize: UInt32) -> UInt32 {
    end >= start ? end &- start : dataSize &- start &+ end
}

/// The offset `count` bytes further, round the end where needed; `offset` is below `dataSize` and `count` not above it.
@inlinable @inline(__always)
func ringOffset(_ offset: UInt32, advancedBy count: UInt32, dataSize: UInt32) -> UInt32 {
    let sum = offset &+ count
    return sum >= dataSize ? sum &- dataSize : sum
}
