import VMBusRing

/// A ring's memory in which one access happens and the next one stops whoever makes it.
///
/// An operation that was stopped is run again from its start: the accesses that it has made before give what they gave then
/// and touch nothing. So the code that is shipped goes from access to access, and whatever else there is happens in between.
/// A class, as a load must be noted too.
final class SteppedRing: RingMemory {
    /// The next access is not to happen yet.
    struct Stop: Error {}
    typealias Failure = Stop

    let dataSize: UInt32
    /// The memory behind it.
    var ring: StoreBufferedRing
    /// What each access of this operation gave so far, stores and fences with 0.
    private(set) var results: [UInt64]
    /// The access that happened.
    private(set) var performed: RingAccess?
    private let end: RingEnd
    private var position = 0

    /// The memory for an operation of which some accesses have happened.
    init(_ ring: consuming StoreBufferedRing, end: RingEnd, results: [UInt64]) {
        dataSize = UInt32(ring.data.count * 8)
        self.ring = ring
        self.end = end
        self.results = results
    }

    private func access(_ access: RingAccess) throws(Stop) -> UInt64 {
        defer { position += 1 }
        if position < results.count { return results[position] }
        guard performed == nil else { throw Stop() }
        performed = access
        let result = ring.perform(access, by: end)
        results.append(result)
        return result
    }

    func loadAcquiring(_ word: RingWord) throws(Stop) -> UInt32 {
        UInt32(truncatingIfNeeded: try access(.load(word)))
    }

    func storeReleasing(_ value: UInt32, to word: RingWord) throws(Stop) {
        _ = try access(.store(value, word))
    }

    func fence() throws(Stop) {
        _ = try access(.fence)
    }

    func loadData(at offset: UInt32) throws(Stop) -> UInt64 {
        try access(.loadData(Int(offset / 8)))
    }

    func storeData(_ value: UInt64, at offset: UInt32) throws(Stop) {
        _ = try access(.storeData(value, Int(offset / 8)))
    }

    /// One access for each eight bytes, as a processor copies them; the models have no packets that are not whole units.
    func copyOut(from offset: UInt32, into buffer: UnsafeMutableRawBufferPointer) throws(Stop) {
        for start in stride(from: 0, to: buffer.count - 7, by: 8) {
            let value = try access(.loadData((Int(offset) + start) % Int(dataSize) / 8))
            buffer.storeBytes(of: value.littleEndian, toByteOffset: start, as: UInt64.self)
        }
    }

    func copyIn(_ bytes: UnsafeRawBufferPointer, at offset: UInt32) throws(Stop) {
        for start in stride(from: 0, to: bytes.count - 7, by: 8) {
            let value = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self))
            _ = try access(.storeData(value, (Int(offset) + start) % Int(dataSize) / 8))
        }
    }
}
