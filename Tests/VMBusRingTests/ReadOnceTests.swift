import Testing
import VMBusRing
import VMBusWire

/// A ring that counts how often each word and byte is loaded. A class, because loads count too.
private final class CountingRing: RingMemory {
    typealias Failure = Never

    private var image: RingCopy
    private(set) var words: [RingWord: Int] = [:]
    private(set) var bytes: [UInt32: Int] = [:]

    init(_ image: RingCopy) { self.image = image }

    var dataSize: UInt32 { image.dataSize }

    /// Forgets what was counted.
    func reset() {
        words = [:]
        bytes = [:]
    }

    private func count(_ offset: UInt32, _ count: Int) {
        for byte in 0..<UInt32(count) { bytes[(offset + byte) % dataSize, default: 0] += 1 }
    }

    func loadAcquiring(_ word: RingWord) -> UInt32 {
        words[word, default: 0] += 1
        return image.loadAcquiring(word)
    }

    func loadData(at offset: UInt32) -> UInt64 {
        count(offset, 8)
        return image.loadData(at: offset)
    }

    func copyOut(from offset: UInt32, into buffer: UnsafeMutableRawBufferPointer) {
        count(offset, buffer.count)
        image.copyOut(from: offset, into: buffer)
    }

    func storeReleasing(_ value: UInt32, to word: RingWord) { image.storeReleasing(value, to: word) }
    func storeData(_ value: UInt64, at offset: UInt32) { image.storeData(value, at: offset) }
    func copyIn(_ bytes: UnsafeRawBufferPointer, at offset: UInt32) { image.copyIn(bytes, at: offset) }
    func fence() {}
}

/// What the peer wrote is loaded once, so that what was checked is what is used (reference §9, 10).
@Suite struct ReadOnceTests {
    private func ring(_ start: UInt32, _ settings: RingSettings = RingSettings()) throws -> CountingRing {
        var memory = CountingRing(try imageRing(dataPages: 1))
        try RingSender(settings, position: start).initialize(&memory)
        try RingReceiver(settings, position: start).initialize(&memory)
        return memory
    }

    @Test func `each word of a received packet is loaded once, ranges and payload included`() throws {
        for start in stride(from: UInt32(3904), through: 4088, by: 8) {
            var memory = try ring(start)
            var sender = RingSender(position: start)
            let payload = [UInt8](repeating: 3, count: 77)
            _ = try sender.send(
                guestPages: [
                    GPARange(byteCount: 5000, byteOffset: 8, pages: [4, 5]),
                    GPARange(byteCount: 4096, byteOffset: 0, pages: [6]),
                ], payload: payload.span.bytes, in: &memory)
            _ = try sender.send(
                transferPageSet: 1, ranges: [TransferPageRange(byteCount: 1, byteOffset: 2)],
                payload: payload.span.bytes, in: &memory)
            _ = try sender.sendMessage(payload.span.bytes, in: &memory)
            memory.reset()

            var receiver = RingReceiver(position: start)
            let direct = try #require(try receiver.next(in: memory))
            #expect(try direct.guestPageRanges(in: memory).count == 2)
            var copy: [UInt8] = []
            direct.appendPayload(from: memory, to: &copy)
            let transfer = try #require(try receiver.next(in: memory))
            #expect(try transfer.transferPageRanges(in: memory).ranges.count == 1)
            transfer.appendPayload(from: memory, to: &copy)
            let message = try #require(try receiver.next(in: memory)).pipeFrame(in: memory)
            message.appendData(from: memory, to: &copy)
            #expect(copy.count == 80 + 80 + 77)
            #expect(memory.words == [.writeIndex: 1])
            #expect(memory.bytes.values.allSatisfy { $0 == 1 })
            // Everything but the message's padding.
            #expect(memory.bytes.count == Int(direct.ringBytes + transfer.ringBytes) + 16 + 8 + 77 + 8)
        }
    }

    @Test func `a copy of a whole packet does not load its descriptor again`() throws {
        var memory = try ring(4072)
        var sender = RingSender(position: 4072)
        _ = try sender.send(PacketInfo(.completion), header: [1, 2, 3, 4, 5, 6, 7, 8], payload: [9], in: &memory)
        memory.reset()
        var receiver = RingReceiver(position: 4072)
        var bytes: [UInt8] = []
        #expect(try receiver.next(in: memory, appendingTo: &bytes) != nil)
        #expect(bytes.count == 32)
        #expect(memory.words == [.writeIndex: 1])
        #expect(memory.bytes.count == 40)
        #expect(memory.bytes.values.allSatisfy { $0 == 1 })
    }

    @Test func `a byte pipe loads a frame once however many parts it is read in`() throws {
        var memory = try ring(4000)
        var sender = BytePipeSender(RingSender(position: 4000))
        let data = [UInt8](repeating: 1, count: 100)
        _ = try sender.write(data.span.bytes, in: &memory)
        memory.reset()
        var receiver = BytePipeReceiver(RingReceiver(position: 4000))
        var buffer = [UInt8](repeating: 0, count: 10)
        for _ in 0..<10 {
            #expect(try buffer.withUnsafeMutableBytes { try receiver.read(into: $0, in: memory) } == .bytes(10))
        }
        #expect(memory.words == [.writeIndex: 1])
        #expect(memory.bytes.values.allSatisfy { $0 == 1 })
    }

    @Test func `each operation loads each control word as often as its rule needs`() throws {
        var memory = try ring(0)
        var sender = RingSender()
        // The read index for the space, and again behind the barrier for the signal (reference §4.7).
        _ = try sender.send(PacketInfo(.dataInBand), payload: [1], in: &memory)
        #expect(memory.words == [.readIndex: 2, .interruptMask: 1])
        memory.storeReleasing(1, to: .interruptMask)
        memory.reset()
        _ = try sender.send(PacketInfo(.dataInBand), payload: [1], in: &memory)
        #expect(memory.words == [.readIndex: 1, .interruptMask: 1])
        memory.reset()
        _ = try sender.waitForSpace(4088, in: &memory)
        #expect(memory.words == [.readIndex: 1])
        memory.reset()
        var receiver = RingReceiver()
        _ = try receiver.next(in: memory)
        _ = try receiver.next(in: memory)
        #expect(memory.words == [.writeIndex: 1])
        memory.reset()
        _ = try receiver.commit(in: &memory)
        #expect(memory.words == [.featureBits: 1, .pendingSendSize: 1, .writeIndex: 1])
        memory.reset()
        #expect(try !receiver.commit(in: &memory))
        #expect(try receiver.finishDraining(in: &memory) == DrainOutcome(signal: false, hasMore: false))
        #expect(memory.words == [.writeIndex: 1])
        #expect(memory.bytes.isEmpty)
    }

    @Test func `a write index that falls back into what was taken is damage`() throws {
        for start: UInt32 in [0, 4000, 4088] {
            var memory = try imageRing(dataPages: 1)
            var sender = RingSender(position: start)
            var receiver = RingReceiver(position: start)
            try sender.initialize(&memory)
            try receiver.initialize(&memory)
            for _ in 0..<3 { _ = try sender.send(PacketInfo(.dataInBand), payload: [1], in: &memory) }
            for _ in 0..<3 { _ = try receiver.next(in: memory) }
            for back in stride(from: UInt32(8), through: 96, by: 8) {
                let write = (start + 96 - back) % 4096
                memory.storeReleasing(write, to: .writeIndex)
                let before = receiver
                let damage = RingDamage(
                    field: .writeIndex, value: write, rule: .behindTaken, limit: (start + 96) % 4096)
                #expect(throws: RingError<Never>.damage(damage)) { try receiver.next(in: memory) }
                #expect(receiver == before)
            }
            receiver.revert()
            memory.storeReleasing((start + 96) % 4096, to: .writeIndex)
            #expect(try receiver.next(in: memory)?.offset == start, "what was taken is taken again")
        }
    }
}
