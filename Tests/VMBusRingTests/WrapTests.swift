import Testing
import VMBusRing
import VMBusWire

@Suite struct WrapTests {
    static let sizes = [(0, 0), (0, 1), (0, 8), (8, 13), (24, 64), (0, 1500), (16, 4048 - 16)]

    @Test func `every start position, mapped once`() throws {
        let mapping = try Mapping(dataSize: 4096, twice: false)
        var memory = mapping.memory
        try everyPosition(&memory)
    }

    @Test func `every start position, mapped twice`() throws {
        let mapping = try Mapping(dataSize: 4096, twice: true)
        var memory = mapping.memory
        try everyPosition(&memory)
    }

    @Test func `every start position, scattered pages`() throws {
        var memory = try pagedRing(dataPages: 2)
        try everyPosition(&memory)
    }

    @Test func `every start position, image`() throws {
        var memory = try imageRing(dataPages: 1)
        try everyPosition(&memory)
    }

    private func everyPosition<Memory: RingMemory>(_ memory: inout Memory) throws {
        var wrapped = 0
        let contents = Self.sizes.enumerated().map { index, sizes in
            (0..<2).map { part in
                (0..<(part == 0 ? sizes.0 : sizes.1)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ index &+ part &+ 1) }
            }
        }
        for position in stride(from: UInt32(0), to: memory.dataSize, by: 8) {
            for (index, (headerCount, payloadCount)) in Self.sizes.enumerated() {
                let header = contents[index][0]
                let payload = contents[index][1]
                var sender = RingSender(position: position)
                var receiver = RingReceiver(position: position)
                try sender.initialize(&memory)
                try receiver.initialize(&memory)
                let info = PacketInfo(
                    .dataInBand, flags: .completionRequested, transactionID: UInt64(position) << 40 | 5)
                let outcome = try sender.send(info, header: header, payload: payload, in: &memory)
                guard let packet = try receiver.next(in: memory) else {
                    Issue.record("nothing to read at \(position)")
                    return
                }
                var copy: [UInt8] = []
                try packet.appendHeader(from: memory, to: &copy)
                try packet.appendPayload(from: memory, to: &copy)
                let padding = Array(repeating: UInt8(0), count: -payloadCount & 7)
                let trailer = try memory.loadData(at: packet.trailerOffset(dataSize: memory.dataSize))
                let ended = try receiver.next(in: memory)
                _ = try receiver.commit(in: &memory)
                let control = try memory.control()
                if packet.wraps(dataSize: memory.dataSize) { wrapped += 1 }
                guard outcome == .sent(signal: true), packet.descriptor.info == info,
                    copy == header + payload + padding,
                    trailer == UInt64(position) << 32, ended == nil, control.readIndex == control.writeIndex,
                    control.writeIndex == (position + packet.ringBytes) % memory.dataSize
                else {
                    Issue.record("position \(position), header \(headerCount), payload \(payloadCount): \(packet)")
                    return
                }
            }
        }
        #expect(wrapped > 700)
    }

    @Test func `a packet that would fill the ring to the last byte is refused at every position`() throws {
        var memory = try imageRing(dataPages: 1)
        for position in stride(from: UInt32(0), to: 4096, by: 8) {
            var sender = RingSender(position: position)
            try sender.initialize(&memory)
            try RingReceiver(position: position).initialize(&memory)
            let first = try sender.send(PacketInfo(.dataInBand), payload: Array(repeating: 1, count: 2000), in: &memory)
            let exact = try sender.send(PacketInfo(.dataInBand), payload: Array(repeating: 1, count: 2048), in: &memory)
            let before = sender
            let largest = try sender.send(
                PacketInfo(.dataInBand), payload: Array(repeating: 1, count: 2040), in: &memory)
            guard first == .sent(signal: true), exact == .full(needed: 2072, free: 2072),
                largest == .sent(signal: false),
                before.position == (position + 2024) % 4096
            else {
                Issue.record("position \(position): \(first) \(exact) \(largest)")
                return
            }
        }
    }

    @Test func `what no ring of this size carries is refused by name`() throws {
        var memory = try imageRing(dataPages: 1)
        var sender = RingSender()
        let untouched = memory
        #expect(throws: RingError<Never>.refused(.tooLong(total: 4088, limit: 4080))) {
            try sender.send(PacketInfo(.dataInBand), payload: Array(repeating: 1, count: 4065), in: &memory)
        }
        #expect(throws: RingError<Never>.refused(.headerLength(12))) {
            try sender.send(PacketInfo(.dataInBand), header: Array(repeating: 1, count: 12), payload: [], in: &memory)
        }
        #expect(throws: SendRefusal.tooLong(total: 524_288, limit: 524_280)) {
            try SendBatch.ringBytes(headerCount: 0, payloadCount: 524_265, dataSize: 1 << 21)
        }
        #expect(throws: SendRefusal.tooLong(total: .max, limit: 524_280)) {
            try SendBatch.ringBytes(headerCount: 8, payloadCount: .max, dataSize: 1 << 21)
        }
        #expect(try SendBatch.ringBytes(headerCount: 0, payloadCount: 524_264, dataSize: 1 << 21) == 524_288)
        #expect(memory == untouched)
        let largest = try sender.send(PacketInfo(.dataInBand), payload: Array(repeating: 1, count: 4064), in: &memory)
        #expect(largest == .sent(signal: true))
        #expect(try sender.freeBytes(in: memory) == 8)
    }
}
