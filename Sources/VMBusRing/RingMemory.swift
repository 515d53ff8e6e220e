/// A 32-bit word of a ring's control page; the raw value is its byte offset there (reference §4.1).
public enum RingWord: UInt32, Sendable, CaseIterable {
    /// Byte offset in the data area where the next packet will start; the sender writes it.
    case writeIndex = 0x00
    /// Byte offset in the data area of the next packet to read; the receiver writes it.
    case readIndex = 0x04
    /// Not zero: the receiver asks for no signal when the ring becomes non-empty.
    case interruptMask = 0x08
    /// Bytes that a blocked sender needs free, 0 while it is not blocked; the sender writes it.
    case pendingSendSize = 0x0C
    /// Bit 0: the sender uses `pendingSendSize` and honours the peer's; the sender writes it.
    case featureBits = 0x40
}

/// One ring: a control page of 4096 bytes and a data area (reference §4.1).
///
/// The sender and the receiver never see an address. They promise that `offset` is below `dataSize` and that no access is
/// longer than the data area; an access that reaches its end goes on at its start, which is the memory's business.
///
/// Where each row of reference §4.9 is fulfilled:
///
/// | row | by |
/// |---|---|
/// | data stores before the write index | ``storeReleasing(_:to:)`` in ``RingSender/publish(_:in:)`` |
/// | write index before data loads | ``loadAcquiring(_:)`` in ``RingReceiver/next(in:)`` |
/// | data loads before the read index | ``storeReleasing(_:to:)`` in ``RingReceiver/commit(in:)`` |
/// | read index before space is used again | ``loadAcquiring(_:)`` in ``RingSender/batch(in:)`` |
/// | write index, then mask and read index | ``fence()`` in ``RingSender/publish(_:in:)`` |
/// | read index, then pending-send size | ``fence()`` in ``RingReceiver/commit(in:)`` |
/// | pending-send size before write index | ``loadAcquiring(_:)`` in ``RingReceiver/commit(in:)`` |
/// | mask taken back, then write index | ``fence()`` in ``RingReceiver/finishDraining(in:)`` |
/// | pending-send size, then read index | ``fence()`` in ``RingSender/waitForSpace(_:in:)`` |
///
/// Where memory cannot fail, `Failure` is `Never` and the compiler leaves nothing of the error paths.
public protocol RingMemory {
    /// What an access can end in; `Never` for mapped memory.
    associatedtype Failure: Error

    /// Bytes in the data area: a multiple of 4096, not 0, at most ``RingShape/maximumDataSize``. It never changes.
    var dataSize: UInt32 { get }

    /// Loads a control word once, with acquire ordering: no later access is done before it.
    func loadAcquiring(_ word: RingWord) throws(Failure) -> UInt32

    /// Stores a control word with release ordering: every earlier access is done before it.
    mutating func storeReleasing(_ value: UInt32, to word: RingWord) throws(Failure)

    /// Orders every access before it, stores included, before every access after it (the "full barrier" of reference §4.9).
    mutating func fence() throws(Failure)

    /// Loads eight bytes of the data area, little-endian, exactly once. `offset` is a multiple of 8.
    func loadData(at offset: UInt32) throws(Failure) -> UInt64

    /// Stores eight bytes into the data area, little-endian. `offset` is a multiple of 8.
    mutating func storeData(_ value: UInt64, at offset: UInt32) throws(Failure)

    /// Fills `buffer` from the data area.
    func copyOut(from offset: UInt32, into buffer: UnsafeMutableRawBufferPointer) throws(Failure)

    /// Puts `bytes` into the data area.
    mutating func copyIn(_ bytes: UnsafeRawBufferPointer, at offset: UInt32) throws(Failure)

    /// Where `count` bytes from `offset` on lie side by side in this process, so that a whole packet can be reached without
    /// asking for each of its parts; nil where they do not, or where every access must go through the memory.
    func address(of offset: UInt32, count: UInt32) -> UnsafeMutableRawPointer?
}

extension RingMemory {
    /// Nil: every access goes through the memory.
    @inlinable @inline(__always)
    public func address(of offset: UInt32, count: UInt32) -> UnsafeMutableRawPointer? { nil }
}

extension RingMemory {
    /// Appends `count` bytes of the data area to `bytes`; on failure `bytes` is as before.
    ///
    /// For callers that never touch a pointer.
    @inlinable
    public func appendBytes(from offset: UInt32, count: Int, to bytes: inout [UInt8]) throws(Failure) {
        if let place = address(of: offset, count: UInt32(truncatingIfNeeded: count)) {
            bytes.append(contentsOf: UnsafeRawBufferPointer(start: place, count: count))
        } else {
            try appendParts(from: offset, count: count, to: &bytes)
        }
    }

    /// The same for bytes that may lie round the end or behind a memory that counts.
    @inlinable
    func appendParts(from offset: UInt32, count: Int, to bytes: inout [UInt8]) throws(Failure) {
        var failure: Failure?
        withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { buffer in
            do throws(Failure) {
                try copyOut(from: offset, into: buffer)
                bytes.append(contentsOf: UnsafeRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// Puts `bytes` into the data area; for callers that never touch a pointer.
    @inlinable
    public mutating func copyIn(_ bytes: RawSpan, at offset: UInt32) throws(Failure) {
        try bytes.withUnsafeBytes { (buffer) throws(Failure) in try copyIn(buffer, at: offset) }
    }

    /// All five control words, each loaded once. They are of one moment only where nobody else writes.
    @inlinable
    public func control() throws(Failure) -> RingControl {
        RingControl(
            writeIndex: try loadAcquiring(.writeIndex), readIndex: try loadAcquiring(.readIndex),
            interruptMask: try loadAcquiring(.interruptMask), pendingSendSize: try loadAcquiring(.pendingSendSize),
            featureBits: try loadAcquiring(.featureBits))
    }
}
