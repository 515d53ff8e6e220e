public import Synchronization

extension RingMemory {
    /// Loads an index and checks it.
    @inlinable @inline(__always)
    func index(_ word: RingWord, _ field: RingDamage.Field) throws(RingError<Failure>) -> UInt32 {
        try checked(word32(word), field)
    }

    /// Checks an index of this ring.
    @inlinable @inline(__always)
    func checked(_ value: UInt32, _ field: RingDamage.Field) throws(RingError<Failure>) -> UInt32 {
        do throws(RingDamage) {
            return try RingDamage.checkedIndex(value, field, dataSize: dataSize)
        } catch {
            throw .damage(error)
        }
    }

    @inlinable @inline(__always)
    func word32(_ word: RingWord) throws(RingError<Failure>) -> UInt32 {
        do throws(Failure) { return try loadAcquiring(word) } catch { throw .memory(error) }
    }

    @inlinable @inline(__always)
    mutating func set(_ word: RingWord, to value: UInt32) throws(RingError<Failure>) {
        do throws(Failure) { try storeReleasing(value, to: word) } catch { throw .memory(error) }
    }

    @inlinable @inline(__always)
    mutating func fullBarrier() throws(RingError<Failure>) {
        do throws(Failure) { try fence() } catch { throw .memory(error) }
    }

    @inlinable @inline(__always)
    func dataWord64(_ offset: UInt32) throws(RingError<Failure>) -> UInt64 {
        do throws(Failure) { return try loadData(at: offset) } catch { throw .memory(error) }
    }

    @inlinable @inline(__always)
    mutating func setData(_ value: UInt64, at offset: UInt32) throws(RingError<Failure>) {
        do throws(Failure) { try storeData(value, at: offset) } catch { throw .memory(error) }
    }

    @inlinable @inline(__always)
    mutating func putData(_ bytes: RawSpan, at offset: UInt32) throws(RingError<Failure>) {
        do throws(Failure) { try copyIn(bytes, at: offset) } catch { throw .memory(error) }
    }
}

extension UnsafeMutableRawPointer {
    /// Eight bytes of a data area, little-endian, loaded once: atomic although only one side at a time may touch them, as a
    /// hostile peer may not keep to that, and an atomic load is never done twice by the compiler.
    @inlinable @inline(__always)
    var ringWord: UInt64 {
        UInt64(littleEndian: assumingMemoryBound(to: Atomic<UInt64>.self).pointee.load(ordering: .relaxed))
    }

    /// Stores eight bytes of a data area, little-endian.
    @inlinable @inline(__always)
    func setRingWord(_ value: UInt64) {
        assumingMemoryBound(to: Atomic<UInt64>.self).pointee.store(value.littleEndian, ordering: .relaxed)
    }
}
