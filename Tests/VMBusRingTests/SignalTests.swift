import Testing
import VMBusRing
import VMBusWire

@Suite struct SignalTests {
    /// A ring of one page in which `used` bytes wait, from `start` on, as packets of 64 bytes.
    private func ring(
        start: UInt32, packets: Int, _ settings: RingSettings = RingSettings()
    ) throws -> (RingCopy, RingSender, RingReceiver) {
        var memory = try imageRing(dataPages: 1)
        var sender = RingSender(settings, position: start)
        let receiver = RingReceiver(settings, position: start)
        try sender.initialize(&memory)
        try receiver.initialize(&memory)
        for _ in 0..<packets {
            _ = try sender.send(PacketInfo(.dataInBand), payload: Array(repeating: 9, count: 40), in: &memory)
        }
        return (memory, sender, receiver)
    }

    @Test func `a writer signals only when the ring was empty and signals are not masked`() throws {
        let table: [(waiting: Int, mask: UInt32, signal: Bool)] = [
            (0, 0, true), (1, 0, false), (5, 0, false), (0, 1, false), (0, 0x8000_0000, false), (1, 1, false),
        ]
        for row in table {
            for start: UInt32 in [0, 64, 4032, 4088] {
                var (memory, sender, _) = try ring(start: start, packets: row.waiting)
                memory.storeReleasing(row.mask, to: .interruptMask)
                let outcome = try sender.send(PacketInfo(.dataInBand), payload: [1], in: &memory)
                #expect(outcome == .sent(signal: row.signal), "\(row) at \(start)")
            }
        }
    }

    @Test func `a batch is published once and signals by the index before it`() throws {
        var (memory, sender, receiver) = try ring(start: 4000, packets: 0)
        var batch = try sender.batch(in: memory)
        for number: UInt8 in 1...3 {
            #expect(try batch.append(PacketInfo(.dataInBand), payload: [number], in: &memory) == nil)
            #expect(memory.control.writeIndex == 4000)
            #expect(try receiver.peek(in: memory) == nil)
        }
        #expect(try sender.publish(batch, in: &memory))
        #expect(memory.control.writeIndex == 0)
        for number: UInt8 in 1...3 {
            let packet = try #require(try receiver.next(in: memory))
            var payload: [UInt8] = []
            packet.appendPayload(from: memory, to: &payload)
            #expect(payload.first == number)
        }
        var second = try sender.batch(in: memory)
        #expect(try second.append(PacketInfo(.dataInBand), payload: [], in: &memory) == nil)
        #expect(try !sender.publish(second, in: &memory), "the receiver has not committed, so it is still reading")
        #expect(try !sender.publish(try sender.batch(in: memory), in: &memory), "an empty batch is nothing")
    }

    @Test func `a dropped batch leaves no trace`() throws {
        var (memory, sender, receiver) = try ring(start: 512, packets: 1)
        do {
            var batch = try sender.batch(in: memory)
            #expect(try batch.append(PacketInfo(.completion), payload: [7, 7], in: &memory) == nil)
        }
        _ = try sender.send(PacketInfo(.dataInBand, transactionID: 44), payload: [], in: &memory)
        _ = try receiver.next(in: memory)
        #expect(try receiver.next(in: memory)?.transactionID == 44)
        #expect(try receiver.next(in: memory) == nil)
    }

    /// 60 packets of 64 bytes are 3840 used and 256 free (D − used); each packet read frees 64.
    @Test func `a reader signals by either wake rule exactly when space comes`() throws {
        let table: [(pending: UInt32, reads: Int, strictlyMore: Bool, atLeast: Bool)] = [
            (0, 1, false, false),
            // 320 free afterwards: strictly more than P, of which 8 stay free.
            (255, 1, false, false), (256, 1, true, true), (264, 1, true, true), (312, 1, true, true),
            (319, 1, true, true), (320, 1, false, false), (321, 1, false, false),
            (248, 1, false, false), (257, 1, true, true), (1, 1, false, false), (7, 60, false, false),
            // Everything read: 4096 free. Peers that store the ring's size less 1 mean an empty ring.
            (4088, 60, true, true), (4095, 60, true, true), (4096, 60, false, false), (.max, 60, false, false),
            (4095, 59, false, false), (512, 4, false, false), (512, 5, true, true),
        ]
        for row in table {
            for (rule, expected) in [(WakeRule.strictlyMore, row.strictlyMore), (.atLeast, row.atLeast)] {
                for start: UInt32 in [0, 8, 2048, 4088] {
                    var (memory, _, receiver) = try ring(start: start, packets: 60, RingSettings(wakeRule: rule))
                    memory.storeReleasing(row.pending, to: .pendingSendSize)
                    for _ in 0..<row.reads { _ = try receiver.next(in: memory) }
                    memory.storeReleasing(1, to: .interruptMask)
                    #expect(try receiver.commit(in: &memory) == expected, "\(row) \(rule) at \(start)")
                    #expect(try !receiver.commit(in: &memory), "nothing more was freed")
                }
            }
        }
    }

    @Test func `a reader never signals a sender without the feature bit`() throws {
        var (memory, sender, receiver) = try ring(
            start: 0, packets: 63, RingSettings(usesPendingSendSize: false))
        #expect(memory.control.featureBits == 0)
        #expect(try sender.waitForSpace(64, in: &memory) == .poll)
        #expect(memory.control.pendingSendSize == 0)
        memory.storeReleasing(256, to: .pendingSendSize)
        for _ in 0..<63 { _ = try receiver.next(in: memory) }
        #expect(try !receiver.commit(in: &memory))
        #expect(try sender.waitForSpace(64, in: &memory) == .free)
    }

    @Test func `a sender that filled what was just freed is not signalled`() throws {
        var (memory, _, receiver) = try ring(start: 0, packets: 63)
        memory.storeReleasing(8, to: .pendingSendSize)
        for _ in 0..<63 { _ = try receiver.next(in: memory) }
        // The sender saw the new read index before this end looked at the write index.
        memory.storeReleasing(4032 - 64, to: .writeIndex)
        #expect(try !receiver.commit(in: &memory))
    }

    @Test func `waiting for space sets the size, looks again, and sending takes it back`() throws {
        for resting: UInt32 in [0, 4120] {
            var (memory, sender, receiver) = try ring(
                start: 3000 / 8 * 8, packets: 63, RingSettings(restingPendingSendSize: resting))
            let full = try sender.send(PacketInfo(.dataInBand), payload: Array(repeating: 1, count: 40), in: &memory)
            #expect(full == .full(needed: 64, free: 64))
            #expect(try sender.waitForSpace(64, in: &memory) == .wait)
            #expect(memory.control.pendingSendSize == 64)
            _ = try receiver.next(in: memory)
            #expect(try receiver.commit(in: &memory))
            #expect(try sender.waitForSpace(64, in: &memory) == .free)
            let sent = try sender.send(PacketInfo(.dataInBand), payload: Array(repeating: 1, count: 40), in: &memory)
            #expect(sent == .sent(signal: false))
            #expect(memory.control.pendingSendSize == resting)
            #expect(try sender.waitForSpace(64, in: &memory) == .wait)
            try sender.stopWaiting(in: &memory)
            #expect(memory.control.pendingSendSize == resting)
        }
    }

    @Test func `finishing a drain commits, unmasks and finds what came in the meantime`() throws {
        var (memory, sender, receiver) = try ring(start: 4064, packets: 2)
        try receiver.mask(in: &memory)
        #expect(memory.control.interruptMask == 1)
        _ = try receiver.next(in: memory)
        #expect(try receiver.finishDraining(in: &memory) == DrainOutcome(signal: false, hasMore: true))
        #expect(memory.control.interruptMask == 1)
        _ = try receiver.next(in: memory)
        #expect(try receiver.finishDraining(in: &memory) == DrainOutcome(signal: false, hasMore: false))
        #expect(memory.control.interruptMask == 0)
        let outcome = try sender.send(PacketInfo(.dataInBand), payload: [], in: &memory)
        #expect(outcome == .sent(signal: true))
    }
}
