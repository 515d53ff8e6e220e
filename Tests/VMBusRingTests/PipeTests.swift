import TestSupport
import Testing
import VMBusRing
import VMBusWire

/// Message pipes and byte pipes (reference §4.6).
@Suite struct PipeTests {
    private struct Messages: RingProperty {
        func check<Memory: RingMemory & Sendable>(_ memory: inout Memory) throws {
            for position in stride(from: UInt32(0), to: memory.dataSize, by: 8) {
                var sender = RingSender(position: position)
                var receiver = RingReceiver(position: position)
                try sender.initialize(&memory)
                try receiver.initialize(&memory)
                for count in [0, 1, 8, 333, 4040 - 16] {
                    let message = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 3 &+ 1) }
                    let outcome = try sender.sendMessage(message.span.bytes, transactionID: 9, in: &memory)
                    let packet = try #require(try receiver.next(in: memory))
                    let frame = try packet.pipeFrame(in: memory)
                    var header: [UInt8] = []
                    try memory.appendBytes(
                        from: packet.payloadOffset(dataSize: memory.dataSize), count: 8, to: &header)
                    var copy: [UInt8] = []
                    try frame.appendData(from: memory, to: &copy)
                    _ = try receiver.commit(in: &memory)
                    guard outcome == .sent(signal: true), frame.byteCount == count, frame.consumed == 0,
                        header == PipeHeader(length: count).encoded(), copy == message,
                        packet.descriptor.info == PacketInfo(.dataInBand, transactionID: 9)
                    else {
                        Issue.record("position \(position), \(count) bytes: \(frame)")
                        return
                    }
                }
            }
        }
    }

    @Test(arguments: MemoryKind.allCases)
    func `messages arrive as they were sent, from every position`(memory: MemoryKind) throws {
        try memory.check(Messages())
    }

    /// A stream written and read in pieces of any size, with the end and everything before it, and readers that change.
    private struct Stream: RingProperty {
        let seed: UInt64

        func check<Memory: RingMemory & Sendable>(_ memory: inout Memory) throws {
            var generator = SeededNumbers(seed: seed)
            let start = UInt32.random(in: 0..<memory.dataSize / 8, using: &generator) * 8
            var sender = BytePipeSender(RingSender(position: start))
            var receiver = BytePipeReceiver(RingReceiver(position: start))
            try sender.ring.initialize(&memory)
            try receiver.ring.initialize(&memory)
            var (written, read, partial, full) = (0, 0, 0, 0)
            let total = 60_000
            var buffer = [UInt8](repeating: 0, count: 3000)
            while true {
                if written < total {
                    let count = min(total - written, Int.random(in: 0...5000, using: &generator))
                    let first = written
                    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: (first + $0) &* 11) }
                    let outcome = try sender.write(bytes.span.bytes, in: &memory)
                    written += outcome.count
                    if outcome.count < count {
                        full += 1
                        // However full it is, the end would fit.
                        let free = try sender.ring.freeBytes(in: memory)
                        try #require(free > BytePipeSender.endByteCount)
                    }
                } else if !sender.hasEnded {
                    #expect(try sender.end(in: &memory) != .sent(signal: true) || receiver.ring.position == start)
                }
                let wanted = Int.random(in: 0...2000, using: &generator)
                let outcome = try buffer.withUnsafeMutableBytes { bytes in
                    try receiver.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<wanted]), in: memory)
                }
                switch outcome {
                case .nothing: try #require(!sender.hasEnded)
                case .end:
                    #expect(sender.hasEnded && read == total && receiver.hasEnded)
                    #expect(partial > 5 && full > 5, "\(partial) \(full)")
                    return
                case .bytes(let count):
                    for index in 0..<count where buffer[index] != UInt8(truncatingIfNeeded: (read + index) &* 11) {
                        Issue.record("byte \(read + index) of seed \(seed) is \(buffer[index])")
                        return
                    }
                    read += count
                }
                if Int.random(in: 0...2, using: &generator) == 0 { _ = try receiver.commit(in: &memory) }
                if Int.random(in: 0...3, using: &generator) == 0 {
                    // Another reader takes over where this one has left the ring.
                    try receiver.leave(in: &memory)
                    _ = try receiver.commit(in: &memory)
                    let next = BytePipeReceiver(try RingReceiver(resuming: memory))
                    if next != receiver { partial += 1 }
                    receiver = next
                }
            }
        }
    }

    @Test(arguments: MemoryKind.allCases)
    func `a byte stream arrives whole, in parts of any size, and ends`(memory: MemoryKind) throws {
        for seed: UInt64 in 1...3 { try memory.check(Stream(seed: seed)) }
    }

    @Test func `a frame read in part is rewritten in place and goes on there`() throws {
        var memory = try imageRing(dataPages: 1)
        var sender = BytePipeSender(RingSender(position: 4080))
        try sender.ring.initialize(&memory)
        try RingReceiver(position: 4080).initialize(&memory)
        let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7]
        #expect(try sender.write(bytes.span.bytes, in: &memory) == PipeWritten(count: 7, signal: true))
        var reader = BytePipeReceiver(RingReceiver(position: 4080))
        var buffer = [UInt8](repeating: 0, count: 3)
        #expect(try buffer.withUnsafeMutableBytes { try reader.read(into: $0, in: memory) } == .bytes(3))
        #expect(buffer == [1, 2, 3])
        let before = memory
        _ = try reader.commit(in: &memory)
        #expect(memory == before, "a frame that was read in part keeps its space")
        try reader.leave(in: &memory)
        #expect(memory.loadData(at: 0) == 2 | UInt64(7 | 3 << 16) << 32)
        let frame = try #require(try RingReceiver(position: 4080).peek(in: memory)).pipeFrame(in: memory)
        #expect((frame.byteCount, frame.consumed) == (7, 3))
        var second = BytePipeReceiver(try RingReceiver(resuming: memory))
        var rest = [UInt8](repeating: 0, count: 9)
        #expect(try rest.withUnsafeMutableBytes { try second.read(into: $0, in: memory) } == .bytes(4))
        #expect(rest == [4, 5, 6, 7, 0, 0, 0, 0, 0])
        #expect(try rest.withUnsafeMutableBytes { try second.read(into: $0, in: memory) } == .nothing)
        #expect(try !second.commit(in: &memory))
        #expect(memory.control.readIndex == memory.control.writeIndex)
        // A frame of which nothing is left is no end of the stream.
        memory.storeReleasing(4080, to: .readIndex)
        memory.storeData(2 | UInt64(7 | 7 << 16) << 32, at: 0)
        var third = BytePipeReceiver(try RingReceiver(resuming: memory))
        #expect(try rest.withUnsafeMutableBytes { try third.read(into: $0, in: memory) } == .nothing)
        #expect(!third.hasEnded)
    }

    @Test func `the end is sent once, read for ever, and nothing is written after it`() throws {
        var memory = try imageRing(dataPages: 1)
        var sender = BytePipeSender(RingSender())
        let filling = [UInt8](repeating: 1, count: 9000)
        let written = try sender.write(filling.span.bytes, in: &memory)
        #expect(written == PipeWritten(count: 4024, signal: true))
        #expect(try sender.write(filling.span.bytes, in: &memory) == PipeWritten(count: 0, signal: false))
        #expect(try sender.ring.waitForSpace(BytePipeSender.spaceForMore, in: &memory) == .wait)
        #expect(try sender.end(in: &memory) == .sent(signal: false))
        #expect(try sender.end(in: &memory) == .sent(signal: false))
        #expect(try sender.write(filling.span.bytes, in: &memory) == PipeWritten(count: 0, signal: false))
        var reader = BytePipeReceiver(RingReceiver())
        var buffer = [UInt8](repeating: 0, count: 5000)
        #expect(try buffer.withUnsafeMutableBytes { try reader.read(into: $0, in: memory) } == .bytes(4024))
        for _ in 0..<3 {
            #expect(try buffer.withUnsafeMutableBytes { try reader.read(into: $0, in: memory) } == .end)
        }
        #expect(reader.hasEnded)
    }

    @Test func `malformed frames are damage that names the field`() throws {
        let table: [(type: PacketType, payload: [UInt64], field: RingDamage.Field, UInt32, RingDamage.Rule, UInt32)] = [
            (.completion, [1], .type, 0xB, .otherType, 6), (.dataInBand, [], .length, 16, .pipeHeaderInside, 24),
            (.dataInBand, [0, 7], .pipeType, 0, .pipeData, 2), (.dataInBand, [3, 7], .pipeType, 3, .pipeData, 2),
            (.dataInBand, [1 | 9 << 32, 7], .pipeLength, 9, .pipeInside, 8),
            (.dataInBand, [1 | 0xFFFF_FFFF << 32, 7], .pipeLength, .max, .pipeInside, 8),
            (.dataInBand, [2 | 9 << 32, 7], .pipeLength, 9, .pipeInside, 8),
            (.dataInBand, [2 | (4 | 5 << 16) << 32, 7], .pipeConsumed, 5, .consumedInside, 4),
        ]
        for row in table {
            for start: UInt32 in [0, 4072, 4080, 4088] {
                var memory = try imageRing(dataPages: 1)
                var sender = RingSender(position: start)
                try sender.initialize(&memory)
                try RingReceiver(position: start).initialize(&memory)
                let payload = row.payload.flatMap { word in
                    (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
                }
                _ = try sender.send(PacketInfo(row.type), payload: payload, in: &memory)
                let packet = try #require(try RingReceiver(position: start).peek(in: memory))
                let damage = RingDamage(field: row.field, value: row.3, rule: row.4, limit: row.5, offset: start)
                #expect(throws: RingError<Never>.damage(damage)) { try packet.pipeFrame(in: memory) }
                var reader = BytePipeReceiver(RingReceiver(position: start))
                let before = reader
                #expect(throws: RingError<Never>.damage(damage)) {
                    try reader.read(into: UnsafeMutableRawBufferPointer(start: nil, count: 0), in: memory)
                }
                #expect(reader == before)
            }
        }
        var wide = try imageRing(dataPages: 16)
        var sender = RingSender()
        let long = [UInt8](repeating: 3, count: 16385)
        #expect(throws: RingError<Never>.refused(.pipeMessage(16385))) {
            try sender.sendMessage(long.span.bytes, in: &wide)
        }
        #expect(try sender.sendMessage(long.span.bytes.extracting(first: 16384), in: &wide) == .sent(signal: true))
        let raw: [UInt8] = [1, 0, 0, 0, 1, 0x40, 0, 0] + long
        _ = try sender.send(PacketInfo(.dataInBand), payload: raw, in: &wide)
        var receiver = RingReceiver()
        #expect(try receiver.next(in: wide)?.pipeFrame(in: wide).byteCount == 16384)
        let damage = RingDamage(field: .pipeLength, value: 16385, rule: .pipeInside, limit: 16384, offset: 16416)
        let packet = try #require(try receiver.next(in: wide))
        #expect(throws: RingError<Never>.damage(damage)) { try packet.pipeFrame(in: wide) }
    }
}
