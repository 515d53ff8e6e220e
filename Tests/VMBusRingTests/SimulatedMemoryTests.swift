import Testing
import VMBusRing
import VMBusWire

@Suite struct SimulatedMemoryTests {
    @Test func `a copy is a checkpoint and pages come with their first write`() throws {
        var memory = SimulatedMemory(byteCount: 1 << 30)
        #expect(try memory.bytes(12345, count: 5) == [0, 0, 0, 0, 0])
        #expect(memory.residentPages == 0)
        try memory.write([1, 2, 3, 4], at: 4094)
        #expect(memory.residentPages == 2)
        let checkpoint = memory
        try memory.store32(0x0403_0201, at: 4096)
        try memory.write([9][...], at: 1 << 29)
        #expect(try memory.bytes(4094, count: 7) == [1, 2, 1, 2, 3, 4, 0])
        #expect(try checkpoint.bytes(4094, count: 7) == [1, 2, 3, 4, 0, 0, 0])
        #expect(try memory.load32(4096) == 0x0403_0201)
        #expect(checkpoint.residentPages == 2)
        #expect(checkpoint != memory)
        memory = checkpoint
        try memory.write([0, 0], at: 900_000)
        #expect(checkpoint == memory, "a page of zeros equals one never written")
    }

    @Test func `an access outside is a failure at both ends of the address space`() throws {
        var memory = SimulatedMemory(byteCount: 8192)
        #expect(throws: SimulatedMemoryFailure.outside(address: 8190, count: 4, byteCount: 8192)) {
            try memory.write([1, 2, 3, 4], at: 8190)
        }
        #expect(throws: SimulatedMemoryFailure.outside(address: .max, count: 4, byteCount: 8192)) {
            try memory.load32(.max)
        }
        #expect(throws: SimulatedMemoryFailure.outside(address: .max - 3, count: 4, byteCount: 8192)) {
            try memory.store32(1, at: .max - 3)
        }
        #expect(throws: SimulatedMemoryFailure.misaligned(address: 6)) { try memory.load32(6) }
        #expect(throws: SimulatedMemoryFailure.outside(address: 0, count: 1, byteCount: 0)) {
            try SimulatedMemory.detached.bytes(0, count: 1)
        }
        try memory.write([1, 2], at: 8190)
        var kept: [UInt8] = [7]
        #expect(throws: SimulatedMemoryFailure.self) { try memory.appendBytes(8191, count: 2, to: &kept) }
        #expect(kept == [7])
    }

    @Test func `a meter counts and stops without a trace`() throws {
        var memory = SimulatedMemory(byteCount: 8192)
        let meter = AccessMeter(stoppingAt: 3)
        memory.meter = meter
        try memory.store32(1, at: 0)
        #expect(try memory.load32(0) == 1)
        #expect(meter.count == 2)
        #expect(throws: SimulatedMemoryFailure.stopped(access: 3)) { try memory.store32(2, at: 0) }
        #expect(throws: SimulatedMemoryFailure.stopped(access: 4)) { try memory.load32(0) }
        #expect(meter.count == 2)
        memory.meter = nil
        #expect(try memory.load32(0) == 1)
    }

    @Test func `a ring borrows the memory and gives it back, also on failure`() throws {
        var memory = SimulatedMemory(byteCount: 64 * 4096)
        let pages = try RingPages([9, 4, 7])
        var sender = RingSender()
        let outcome = try memory.withRing(pages) { ring throws(RingError<SimulatedMemoryFailure>) in
            try sender.send(.init(.dataInBand), payload: [1, 2, 3], in: &ring)
        }
        #expect(outcome == .sent(signal: true))
        #expect(try memory.load32(9 * 4096) == 32)
        #expect(try memory.bytes(4 * 4096 + 16, count: 3) == [1, 2, 3])
        let before = memory
        let absent = try RingPages([9, 64])
        #expect(throws: RingError<SimulatedMemoryFailure>.self) {
            try memory.withRing(absent) { ring throws(RingError<SimulatedMemoryFailure>) in
                var sender = RingSender()
                _ = try sender.send(.init(.dataInBand), payload: [1], in: &ring)
            }
        }
        #expect(memory == before)
    }
}

/// Copies share pages: nothing that is written to one may show in another, whatever the order of copies and writes.
@Suite struct SimulatedMemoryCopyTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `a write after a copy never shows in the copy`(_ seed: UInt64) throws {
        let size = 3 * 64 * 4096
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var memories = [SimulatedMemory(byteCount: UInt64(size))]
        var models = [[UInt8](repeating: 0, count: size)]
        for step in 0..<400 {
            let chosen = random(memories.count)
            if random(10) == 0 {
                let target = random(memories.count + 1)
                if target == memories.count, memories.count < 6 {
                    memories.append(memories[chosen])
                    models.append(models[chosen])
                } else if target < memories.count {
                    memories[target] = memories[chosen]
                    models[target] = models[chosen]
                }
                continue
            }
            let count = 1 + random(step % 7 == 0 ? 9000 : 40)
            let address = random(size - count)
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random(3)) }
            try memories[chosen].write(bytes, at: UInt64(address))
            models[chosen].replaceSubrange(address..<address + count, with: bytes)
            if step % 5 == 0 {
                let word = UInt64(random(size / 4) * 4)
                try memories[chosen].store32(7, at: word)
                models[chosen].replaceSubrange(Int(word)..<Int(word) + 4, with: [7, 0, 0, 0])
            }
        }
        for (memory, model) in zip(memories, models) {
            let isSame = try memory.bytes(0, count: size) == model
            #expect(isSame)
        }
    }

    @Test func `zeros that are written to pages nobody uses cost no memory`() throws {
        var memory = SimulatedMemory(byteCount: 1 << 24)
        try memory.write([UInt8](repeating: 0, count: 1 << 20), at: 4096)
        #expect(memory.residentPages == 0)
        try memory.store32(1, at: 8192)
        try memory.write([UInt8](repeating: 0, count: 8192), at: 4096)
        #expect(memory.residentPages == 1)
        #expect(try memory.load32(8192) == 0)
    }

    @Test(arguments: [(4096, 4096), (5000, 3), (1000, 2100), (0, 1 << 20), (130_000, 140_000), (9, 0)])
    func `a part that is cleared reads as zeros, its neighbours and a copy as before`(start: Int, count: Int) throws {
        var memory = SimulatedMemory(byteCount: 1 << 20)
        for place in stride(from: 0, to: 300_000, by: 700) { try memory.write([7, 8, 9], at: UInt64(place)) }
        let copy = memory
        var expected = try memory.bytes(0, count: 1 << 20)
        for place in start..<start + count { expected[place] = 0 }
        try memory.clear(UInt64(start), count: count)
        let (cleared, kept) = (try memory.bytes(0, count: 1 << 20), try copy.bytes(0, count: 300_000))
        #expect(cleared == expected)
        #expect(kept[700] == 7 && kept[299_601] == 8)
        #expect(throws: SimulatedMemoryFailure.self) { try memory.clear(1 << 20, count: 1) }
    }
}
