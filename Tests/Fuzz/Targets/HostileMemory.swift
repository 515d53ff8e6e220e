import VMBusRing

/// A ring whose other end rewrites anything between any two accesses, as the bytes of the run say.
///
/// It also holds the ends to their promise: no access outside the data area.
struct HostileMemory: RingMemory {
    /// What an access ends in that breaks the promise.
    typealias Failure = Finding

    private let state: State

    private final class State {
        var image: RingCopy
        var script: ByteFeed
        var accesses = 0

        init(_ image: RingCopy, _ script: ByteFeed) {
            self.image = image
            self.script = script
        }

        /// Lets the other end act; most bytes let it rest.
        func otherEndActs() {
            accesses += 1
            guard !script.isEmpty else { return }
            let words = RingWord.allCases
            let choice = script.next(UInt8.self)
            switch choice {
            case 0..<10: image.storeReleasing(script.next(), to: words[Int(choice) % words.count])
            case 10..<20:
                // An index as a peer that knows the rules would choose it.
                let index = UInt32(script.next(UInt16.self)) * 8 % image.dataSize
                image.storeReleasing(index, to: choice < 15 ? .writeIndex : .readIndex)
            case 20..<30: image.storeData(script.next(), at: UInt32(script.next(UInt16.self)) * 8 % image.dataSize)
            default: break
            }
        }
    }

    /// A ring whose other end follows a script.
    init(_ image: RingCopy, script: ByteFeed) { state = State(image, script) }

    /// How often the memory was touched.
    var accesses: Int { state.accesses }

    var dataSize: UInt32 { state.image.dataSize }

    func loadAcquiring(_ word: RingWord) throws(Finding) -> UInt32 {
        state.otherEndActs()
        return state.image.loadAcquiring(word)
    }

    mutating func storeReleasing(_ value: UInt32, to word: RingWord) throws(Finding) {
        state.otherEndActs()
        state.image.storeReleasing(value, to: word)
    }

    mutating func fence() throws(Finding) { state.otherEndActs() }

    func loadData(at offset: UInt32) throws(Finding) -> UInt64 {
        state.otherEndActs()
        try requireWord(offset)
        return state.image.loadData(at: offset)
    }

    mutating func storeData(_ value: UInt64, at offset: UInt32) throws(Finding) {
        state.otherEndActs()
        try requireWord(offset)
        state.image.storeData(value, at: offset)
    }

    func copyOut(from offset: UInt32, into buffer: UnsafeMutableRawBufferPointer) throws(Finding) {
        state.otherEndActs()
        try requireBytes(offset, buffer.count)
        state.image.copyOut(from: offset, into: buffer)
    }

    mutating func copyIn(_ bytes: UnsafeRawBufferPointer, at offset: UInt32) throws(Finding) {
        state.otherEndActs()
        try requireBytes(offset, bytes.count)
        state.image.copyIn(bytes, at: offset)
    }

    private func requireWord(_ offset: UInt32) throws(Finding) {
        try require(offset < dataSize && offset % 8 == 0, "a word at offset \(offset) of \(dataSize)")
    }

    private func requireBytes(_ offset: UInt32, _ count: Int) throws(Finding) {
        try require(offset < dataSize && count <= Int(dataSize), "\(count) bytes at offset \(offset) of \(dataSize)")
    }
}
