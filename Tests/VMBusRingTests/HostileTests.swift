import TestSupport
import Testing
import VMBusRing
import VMBusWire

@Suite struct HostileTests {
    /// A ring of one page with one packet of 64 bytes (header 8, payload 32) at `start`.
    private func ring(start: UInt32) throws -> (RingCopy, RingSender, RingReceiver) {
        var memory = try imageRing(dataPages: 1)
        var sender = RingSender(position: start)
        try sender.initialize(&memory)
        try RingReceiver(position: start).initialize(&memory)
        _ = try sender.send(
            PacketInfo(.dataUsingTransferPages, transactionID: 3), header: Array(repeating: 1, count: 8),
            payload: Array(repeating: 2, count: 32), in: &memory)
        return (memory, sender, RingReceiver(position: start))
    }

    static let impossibleIndices: [(UInt32, RingDamage.Rule, UInt32)] = [
        (4096, .belowDataSize, 4096), (4104, .belowDataSize, 4096), (.max, .belowDataSize, 4096),
        (.max - 7, .belowDataSize, 4096), (0x8000_0000, .belowDataSize, 4096), (1, .multipleOfEight, 8),
        (4, .multipleOfEight, 8), (4095, .multipleOfEight, 8), (100, .multipleOfEight, 8),
    ]

    @Test func `an impossible read index stops every operation of the sender`() throws {
        for (value, rule, limit) in Self.impossibleIndices {
            var (memory, sender, _) = try ring(start: 0)
            let batch = try sender.batch(in: memory)
            memory.storeReleasing(value, to: .readIndex)
            let before = sender
            let damage = RingError<Never>.damage(RingDamage(field: .readIndex, value: value, rule: rule, limit: limit))
            #expect(throws: damage) { try sender.send(PacketInfo(.dataInBand), payload: [], in: &memory) }
            #expect(throws: damage) { try sender.freeBytes(in: memory) }
            #expect(throws: damage) { try sender.waitForSpace(64, in: &memory) }
            #expect(throws: damage) { try RingReceiver(resuming: memory) }
            #expect(sender == before)
            #expect(batch.packetCount == 0)
        }
    }

    @Test func `a read index that becomes impossible while a batch is written is seen at the publication`() throws {
        for (value, rule, limit) in Self.impossibleIndices {
            var (memory, sender, _) = try ring(start: 4088)
            var batch = try sender.batch(in: memory)
            #expect(try batch.append(PacketInfo(.dataInBand), payload: [1], in: &memory) == nil)
            memory.storeReleasing(value, to: .readIndex)
            let damage = RingError<Never>.damage(RingDamage(field: .readIndex, value: value, rule: rule, limit: limit))
            #expect(throws: damage) { try sender.publish(batch, in: &memory) }
            #expect(sender.position == batch.start)
        }
    }

    @Test func `an impossible write index stops every operation of the receiver`() throws {
        for (value, rule, limit) in Self.impossibleIndices {
            var (memory, _, receiver) = try ring(start: 0)
            let fresh = receiver
            _ = try receiver.next(in: memory)
            memory.storeReleasing(value, to: .writeIndex)
            memory.storeReleasing(256, to: .pendingSendSize)
            let damage = RingError<Never>.damage(RingDamage(field: .writeIndex, value: value, rule: rule, limit: limit))
            #expect(throws: damage) { try fresh.peek(in: memory) }
            #expect(throws: damage) { try receiver.waitingBytes(in: memory) }
            #expect(throws: damage) { try RingSender(resuming: memory) }
            let before = receiver
            #expect(throws: damage) { try receiver.commit(in: &memory) }
            #expect(throws: damage) { try receiver.finishDraining(in: &memory) }
            #expect(receiver == before)
            #expect(
                RingListing(of: memory).damage == RingDamage(field: .writeIndex, value: value, rule: rule, limit: limit)
            )
        }
    }

    @Test func `a write index that announces less than a descriptor and a trailer is damage`() throws {
        for start: UInt32 in [0, 4080, 4088] {
            for announced: UInt32 in [8, 16] {
                var (memory, _, receiver) = try ring(start: start)
                let write = (start + announced) % 4096
                memory.storeReleasing(write, to: .writeIndex)
                let damage = RingDamage(field: .writeIndex, value: write, rule: .descriptorAndTrailer, limit: 24)
                #expect(throws: RingError<Never>.damage(damage)) { try receiver.next(in: memory) }
                #expect(receiver == RingReceiver(position: start))
            }
        }
    }

    @Test func `every data offset and length is taken only within the rules`() throws {
        var problems = 0
        for start: UInt32 in [0, 2048, 4040, 4088] {
            let original = try ring(start: start)
            for dataOffset in Array(0...12) + [0x7FFF, 0x8000, 0xFFFF] {
                for length in Array(0...12) + [0x7FFF, 0x8000, 0xFFFF] {
                    var memory = original.0
                    memory.storeData(7 | UInt64(dataOffset) << 16 | UInt64(length) << 32, at: start)
                    var receiver = original.2
                    let result = Result { () throws(RingError<Never>) in try receiver.next(in: memory) }
                    let header = UInt32(dataOffset * 8)
                    let total = UInt32(length * 8)
                    let expected: RingDamage? =
                        dataOffset < 2
                        ? RingDamage(
                            field: .dataOffset, value: header, rule: .descriptorInside, limit: 16, offset: start)
                        : length < dataOffset
                            ? RingDamage(
                                field: .length, value: total, rule: .headerInside, limit: header, offset: start)
                            : length > 7
                                ? RingDamage(
                                    field: .length, value: total, rule: .beforeWriteIndex, limit: 56, offset: start)
                                : length < 7
                                    ? RingDamage(
                                        field: .trailer, value: length == 2 ? 0x0101_0101 : 0x0202_0202,
                                        rule: .packetStart, limit: start, offset: start)
                                    : nil
                    switch result {
                    case .success(let packet):
                        if expected != nil || packet?.headerCount != dataOffset * 8 - 16
                            || packet?.payloadCount != (length - dataOffset) * 8
                        {
                            problems += 1
                        }
                    case .failure(let error):
                        if error
                            != .damage(
                                expected ?? RingDamage(field: .position, value: 0, rule: .belowDataSize, limit: 0))
                            || receiver != original.2
                        {
                            problems += 1
                        }
                    }
                }
            }
        }
        #expect(problems == 0)
    }

    @Test func `a trailer that does not name its packet's offset is damage unless trailers are not checked`() throws {
        for start: UInt32 in [0, 2048, 4040, 4088] {
            for value: UInt32 in [start + 8, start ^ 1, .max, 0x8000_0000 | start] {
                var (memory, _, receiver) = try ring(start: start)
                let trailer = try #require(try receiver.peek(in: memory)).trailerOffset(dataSize: 4096)
                // The other half is reserved and may be anything.
                memory.storeData(UInt64(start) << 32 | 0xFFFF_FFFF, at: trailer)
                #expect(try receiver.peek(in: memory) != nil)
                memory.storeData(UInt64(value) << 32, at: trailer)
                let damage = RingDamage(field: .trailer, value: value, rule: .packetStart, limit: start, offset: start)
                #expect(throws: RingError<Never>.damage(damage)) { try receiver.next(in: memory) }
                #expect(receiver == RingReceiver(position: start))
                var lenient = RingReceiver(RingSettings(checksTrailers: false), position: start)
                #expect(try lenient.next(in: memory)?.payloadCount == 32)
            }
        }
    }

    @Test func `what the peer changes after the descriptor was copied has no effect`() throws {
        var (memory, _, receiver) = try ring(start: 4072)
        let packet = try #require(try receiver.next(in: memory))
        memory.storeData(.max, at: 4072)
        memory.storeData(.max, at: 4080)
        var bytes: [UInt8] = []
        packet.appendPacket(from: memory, to: &bytes)
        #expect(bytes.count == 56)
        #expect(Array(bytes[..<16]) == [7, 0, 3, 0, 7, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0])
        #expect(receiver.position == (4072 + 64) % 4096)
    }

    @Test func `random bytes never trap and what is listed lies between the indices`() throws {
        var generator = SeededNumbers(seed: 11)
        var damaged = 0
        var listed = 0
        for round in 0..<3000 {
            var memory = try imageRing(dataPages: 1)
            let start = UInt32.random(in: 0..<512, using: &generator) * 8
            var sender = RingSender(position: start)
            try sender.initialize(&memory)
            try RingReceiver(position: start).initialize(&memory)
            for _ in 0..<Int.random(in: 0...6, using: &generator) {
                let count = Int.random(in: 0...500, using: &generator)
                _ = try sender.send(PacketInfo(.dataInBand), payload: Array(repeating: 5, count: count), in: &memory)
            }
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                let place = (start + UInt32.random(in: 0..<40, using: &generator) * 8) % 4096
                let shift = UInt64.random(in: 0..<64, using: &generator)
                memory.storeData(memory.loadData(at: place) ^ (1 << shift), at: place)
            }
            if round % 5 == 0 { memory.storeReleasing(.random(in: 0..<520, using: &generator) * 8, to: .writeIndex) }
            let listing = RingListing(of: memory)
            let sum = listing.packets.reduce(0) { $0 + $1.ringBytes }
            if listing.damage != nil { damaged += 1 }
            listed += listing.packets.count
            guard let used = listing.usedBytes else { continue }
            guard sum <= used, listing.damage != nil || sum == used else {
                Issue.record("round \(round): \(sum) bytes of packets in \(used)")
                return
            }
        }
        #expect(damaged > 300)
        #expect(listed > 5000)
    }

    @Test func `damage says field, place, value and rule`() {
        #expect(
            RingDamage(field: .length, value: 8, rule: .headerInside, limit: 16, offset: 64).description
                == "length of the packet at offset 64 is 8: it must not be less than the data offset (16)")
        #expect(
            RingError<Never>.damage(RingDamage(field: .readIndex, value: 3, rule: .multipleOfEight, limit: 8))
                .description
                == "read index is 3: it must be a multiple of 8 (8)")
    }

    @Test func `memory that cannot be a ring is refused by name`() {
        #expect(throws: RingShapeError.dataSize(0)) { try RingShape.checkedDataSize(0) }
        #expect(throws: RingShapeError.dataSize(4097)) { try RingShape.checkedDataSize(4097) }
        #expect(throws: RingShapeError.dataSize(-4096)) { try RingShape.checkedDataSize(-4096) }
        #expect(throws: RingShapeError.dataSize(.max)) { try RingShape.checkedDataSize(UInt64.max) }
        #expect(throws: RingShapeError.dataSize(1 << 31)) { try RingShape.checkedDataSize(UInt32(1) << 31) }
        #expect(throws: RingShapeError.pageCount(1)) { try RingPages([5]) }
        #expect(throws: RingShapeError.pageFrameNumber(1 << 52, index: 1)) { try RingPages([5, 1 << 52]) }
        #expect(throws: RingShapeError.pageCount(0)) { try RingCopy(bytes: [1, 2, 3]) }
        #expect(throws: RingShapeError.dataSize(100)) { try RingCopy(bytes: Array(repeating: 0, count: 4196)) }
    }

    @Test func `a position of another ring is damage, not a trap`() throws {
        var memory = try imageRing(dataPages: 1)
        var sender = RingSender(position: 4096)
        var receiver = RingReceiver(position: 8192)
        let ours = RingDamage(field: .position, value: 4096, rule: .belowDataSize, limit: 4096)
        let theirs = RingDamage(field: .position, value: 8192, rule: .belowDataSize, limit: 4096)
        #expect(throws: RingError<Never>.damage(ours)) {
            try sender.send(PacketInfo(.dataInBand), payload: [], in: &memory)
        }
        #expect(throws: RingError<Never>.damage(ours)) { try sender.initialize(&memory) }
        #expect(throws: RingError<Never>.damage(theirs)) { try receiver.next(in: memory) }
        #expect(throws: RingError<Never>.damage(theirs)) { try receiver.initialize(&memory) }
    }
}
