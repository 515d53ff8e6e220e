public import Synchronization

/// A ring in memory shared with the peer and mapped into this process; it cannot fail.
///
/// This is a view: whoever mapped the memory keeps it mapped as long as a view of it is in use. `@unchecked Sendable`
/// because every word that both sides touch at once is atomic, and the indices hand every data byte to one side at a time
/// (reference §4.9); the peer may be another thread, process or machine.
public struct MappedRingMemory: RingMemory, @unchecked Sendable {
    /// Mapped memory cannot fail.
    public typealias Failure = Never

    @usableFromInline let controlPage: UnsafeMutableRawPointer
    @usableFromInline let data: UnsafeMutableRawPointer
    @usableFromInline let isMappedTwice: Bool
    /// Bytes in the data area, once.
    public let dataSize: UInt32

    /// A ring of which both parts are mapped.
    /// - Parameters:
    ///   - controlPage: the first of its 4096 bytes.
    ///   - data: the first byte of the data area.
    ///   - dataSize: bytes in the data area, once.
    ///   - isMappedTwice: whether the data area is mapped a second time straight behind the first, so that no copy is split.
    /// - Throws: ``RingShapeError`` for an impossible size or an address that is not a multiple of 8.
    public init(
        controlPage: UnsafeMutableRawPointer, data: UnsafeMutableRawPointer, dataSize: Int, isMappedTwice: Bool
    ) throws(RingShapeError) {
        guard UInt(bitPattern: controlPage) % 8 == 0 else { throw .misalignedMapping(UInt(bitPattern: controlPage)) }
        guard UInt(bitPattern: data) % 8 == 0 else { throw .misalignedMapping(UInt(bitPattern: data)) }
        self.controlPage = controlPage
        self.data = data
        self.isMappedTwice = isMappedTwice
        self.dataSize = try RingShape.checkedDataSize(dataSize)
    }

    @inlinable @inline(__always)
    func control(_ word: RingWord) -> UnsafeMutablePointer<Atomic<UInt32>> {
        (controlPage + Int(word.rawValue)).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    @inlinable @inline(__always)
    func dataWord(_ offset: UInt32) -> UnsafeMutableRawPointer {
        precondition(offset & 7 == 0 && offset < dataSize)
        return data + Int(offset)
    }

    /// Loads a control word once, with acquire ordering.
    @inlinable @inline(__always)
    public func loadAcquiring(_ word: RingWord) -> UInt32 {
        UInt32(littleEndian: control(word).pointee.load(ordering: .acquiring))
    }

    /// Stores a control word with release ordering.
    @inlinable @inline(__always)
    public func storeReleasing(_ value: UInt32, to word: RingWord) {
        control(word).pointee.store(value.littleEndian, ordering: .releasing)
    }

    /// Orders every access before it before every access after it.
    @inlinable @inline(__always)
    public func fence() {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// Loads eight bytes of the data area, once.
    @inlinable @inline(__always)
    public func loadData(at offset: UInt32) -> UInt64 {
        dataWord(offset).ringWord
    }

    /// Stores eight bytes into the data area.
    @inlinable @inline(__always)
    public func storeData(_ value: UInt64, at offset: UInt32) {
        dataWord(offset).setRingWord(value)
    }

    /// Fills `buffer` from the data area, round its end where needed.
    @inlinable @inline(__always)
    public func copyOut(from offset: UInt32, into buffer: UnsafeMutableRawBufferPointer) {
        guard let target = buffer.baseAddress else { return }
        let first = bytesBeforeEnd(offset, buffer.count)
        target.copyMemory(from: data + Int(offset), byteCount: first)
        if first < buffer.count {
            (target + first).copyMemory(from: data, byteCount: buffer.count &- first)
        }
    }

    /// Puts `bytes` into the data area, round its end where needed.
    @inlinable @inline(__always)
    public func copyIn(_ bytes: UnsafeRawBufferPointer, at offset: UInt32) {
        guard let source = bytes.baseAddress else { return }
        let first = bytesBeforeEnd(offset, bytes.count)
        (data + Int(offset)).copyMemory(from: source, byteCount: first)
        if first < bytes.count {
            data.copyMemory(from: source + first, byteCount: bytes.count &- first)
        }
    }

    @inlinable @inline(__always)
    func bytesBeforeEnd(_ offset: UInt32, _ count: Int) -> Int {
        precondition(offset < dataSize && count <= Int(dataSize))
        return isMappedTwice ? count : min(count, Int(dataSize &- offset))
    }

    /// The bytes themselves, unless they go on at the start of a data area that is mapped once.
    @inlinable @inline(__always)
    public func address(of offset: UInt32, count: UInt32) -> UnsafeMutableRawPointer? {
        isMappedTwice || count <= dataSize &- offset ? data + Int(offset) : nil
    }
}
