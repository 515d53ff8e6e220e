import Testing
import VMBusRing
import VMBusWire

/// Ranges that packets list travel through every memory, wherever the packet starts.
@Suite struct RangeTests {
    static let guestRanges = [
        GPARange(byteCount: 4096, byteOffset: 0, pages: [0x1234]),
        GPARange(byteCount: 0, byteOffset: 0, pages: []),
        GPARange(byteCount: 8192, byteOffset: 4095, pages: [7, 1 << 40, .max]),
        GPARange(byteCount: 1, byteOffset: 4095, pages: [9]),
    ]
    static let transferRanges = [
        TransferPageRange(byteCount: 60, byteOffset: 0), TransferPageRange(byteCount: 1514, byteOffset: 0x2000),
        TransferPageRange(byteCount: .max, byteOffset: .max),
    ]

    private struct RoundTrip: RingProperty {
        func check<Memory: RingMemory & Sendable>(_ memory: inout Memory) throws {
            let payload: [UInt8] = Array(1...13)
            for position in stride(from: UInt32(0), to: memory.dataSize, by: 8) {
                var sender = RingSender(position: position)
                var receiver = RingReceiver(position: position)
                try sender.initialize(&memory)
                try receiver.initialize(&memory)
                let first = try sender.send(
                    flags: .completionRequested, transactionID: 5, guestPages: guestRanges, payload: payload.span.bytes,
                    in: &memory)
                let second = try sender.send(
                    transactionID: 6, transferPageSet: 0xCAFE, ranges: transferRanges, payload: payload.span.bytes,
                    in: &memory)
                let direct = try #require(try receiver.next(in: memory))
                let transfer = try #require(try receiver.next(in: memory))
                let (setID, ranges) = try transfer.transferPageRanges(in: memory)
                var bytes: [UInt8] = []
                try direct.appendHeader(from: memory, to: &bytes)
                let declared = GPADirectHeader(ranges: guestRanges).encoded()
                try transfer.appendHeader(from: memory, to: &bytes)
                let other = TransferPageHeader(setID: 0xCAFE, ranges: transferRanges).encoded()
                var payloads: [UInt8] = []
                try direct.appendPayload(from: memory, to: &payloads)
                try transfer.appendPayload(from: memory, to: &payloads)
                guard first == .sent(signal: true), second == .sent(signal: false), bytes == declared + other,
                    direct.descriptor.info
                        == PacketInfo(.dataUsingGPADirect, flags: .completionRequested, transactionID: 5),
                    try direct.guestPageRanges(in: memory) == guestRanges, setID == 0xCAFE,
                    ranges == transferRanges, payloads == (payload + [0, 0, 0]) + (payload + [0, 0, 0])
                else {
                    Issue.record("position \(position): \(bytes)")
                    return
                }
            }
        }
    }

    @Test(arguments: MemoryKind.allCases)
    func `ranges arrive as they were sent, from every position`(memory: MemoryKind) throws {
        try memory.check(RoundTrip())
    }

    private struct Types: RingProperty {
        func check<Memory: RingMemory & Sendable>(_ memory: inout Memory) throws {
            var sender = RingSender(position: 4000)
            var receiver = RingReceiver(position: 4000)
            try sender.initialize(&memory)
            try receiver.initialize(&memory)
            for number: UInt16 in 0...0xD {
                let type = PacketType(rawValue: number)
                // The header that reference §4.3 gives each type, behind the descriptor.
                let headerCount = [2: 8, 3: 8, 4: 8, 5: 8, 7: 8, 8: 8, 9: 8, 0xD: 16][number] ?? 0
                let header = (0..<headerCount).map { UInt8($0 + 1) }
                let payload = [UInt8](repeating: UInt8(number), count: 8 * Int(number))
                let info = PacketInfo(type, flags: PacketFlags(rawValue: number & 1), transactionID: UInt64(number))
                _ = try sender.send(info, header: header, payload: payload, in: &memory)
                let packet = try #require(try receiver.next(in: memory))
                var bytes: [UInt8] = []
                try packet.appendHeader(from: memory, to: &bytes)
                try packet.appendPayload(from: memory, to: &bytes)
                _ = try receiver.commit(in: &memory)
                #expect(packet.descriptor.info == info)
                #expect(packet.headerCount == headerCount)
                #expect(bytes == header + payload)
            }
        }
    }

    @Test(arguments: MemoryKind.allCases)
    func `every packet type arrives with its header and payload`(memory: MemoryKind) throws {
        try memory.check(Types())
    }

    /// A packet of a type with a header of these words, at `start`, and what the receiver makes of its ranges.
    private func damage(
        _ type: PacketType, start: UInt32, _ words: [UInt64]
    ) throws -> (failure: RingError<Never>?, taken: Int) {
        var memory = try imageRing(dataPages: 1)
        var sender = RingSender(position: start)
        var receiver = RingReceiver(position: start)
        try sender.initialize(&memory)
        try receiver.initialize(&memory)
        let header = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) } }
        _ = try sender.send(PacketInfo(type), header: header, payload: [1, 2, 3], in: &memory)
        let packet = try #require(try receiver.next(in: memory))
        var taken = 0
        do throws(RingError<Never>) {
            var walk =
                type == .dataUsingTransferPages
                ? try packet.transferPages(in: memory) : try packet.guestPages(in: memory)
            while try walk.nextGuestPages(in: memory) != nil { taken += 1 }
            while try walk.nextTransferPages(in: memory) != nil { taken += 1 }
        } catch {
            return (error, taken)
        }
        return (nil, taken)
    }

    private func expectDamage(
        _ type: PacketType, _ words: [UInt64], taken: Int, _ field: RingDamage.Field, _ value: UInt32,
        _ rule: RingDamage.Rule, limit: UInt32, range: UInt32? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for start: UInt32 in [0, 2048, 4072, 4080, 4088] {
            let expected = RingDamage(
                field: field, value: value, rule: rule, limit: limit, offset: start, range: range)
            let (failure, count) = try damage(type, start: start, words)
            #expect(failure == .damage(expected), sourceLocation: sourceLocation)
            #expect(count == taken, sourceLocation: sourceLocation)
        }
    }

    private func head(_ byteCount: UInt32, _ byteOffset: UInt32) -> UInt64 {
        UInt64(byteCount) | UInt64(byteOffset) << 32
    }

    @Test func `malformed guest pages are damage that names the field and the range`() throws {
        let type = PacketType.dataUsingGPADirect
        try expectDamage(type, [], taken: 0, .dataOffset, 16, .rangesHeaderInside, limit: 24)
        try expectDamage(type, [0], taken: 0, .rangeCount, 0, .atLeastOneRange, limit: 1)
        try expectDamage(type, [1 << 32], taken: 0, .rangeCount, 1, .rangesInside, limit: 24)
        try expectDamage(type, [.max, head(0, 0)], taken: 0, .rangeCount, .max, .rangesInside, limit: 32)
        try expectDamage(
            type, [1 << 32, head(1, 4096), 5], taken: 0, .rangeByteOffset, 4096, .insidePage, limit: 4096, range: 0)
        try expectDamage(
            type, [1 << 32, head(1, .max), 5], taken: 0, .rangeByteOffset, .max, .insidePage, limit: 4096, range: 0)
        try expectDamage(
            type, [1 << 32, head(4096, 1), 5], taken: 0, .rangeByteCount, 4096, .rangesInside, limit: 40, range: 0)
        try expectDamage(
            type, [1 << 32, head(.max, 4095), 5], taken: 0, .rangeByteCount, .max, .pagesInRange, limit: 0xFFFFF,
            range: 0)
        try expectDamage(
            type, [2 << 32, head(4096, 0), 5, head(8192, 0), 6], taken: 1, .rangeByteCount, 8192, .rangesInside,
            limit: 56, range: 1)
        try expectDamage(
            type, [2 << 32, head(8192, 0), 5, 6], taken: 1, .rangeCount, 2, .rangesInside, limit: 48, range: 1)
    }

    @Test func `garbage before the range count and words behind the last range are allowed`() throws {
        let (failure, taken) = try damage(
            .dataUsingGPADirect, start: 8, [1 << 32 | 0xDEAD_BEEF, head(4096, 0), 5, .max])
        #expect(failure == nil)
        #expect(taken == 1)
    }

    @Test func `malformed transfer pages are damage that names the field`() throws {
        let type = PacketType.dataUsingTransferPages
        try expectDamage(type, [], taken: 0, .dataOffset, 16, .rangesHeaderInside, limit: 24)
        try expectDamage(type, [0xCAFE | 1 << 32], taken: 0, .rangeCount, 1, .rangesInside, limit: 24)
        try expectDamage(
            type, [0xCAFE | 3 << 32, 1, 2], taken: 0, .rangeCount, 3, .rangesInside, limit: 40)
        let (failure, taken) = try damage(type, start: 8, [0xCAFE])
        #expect(failure == nil && taken == 0)
    }

    @Test func `a packet of another type lists no ranges`() throws {
        var memory = try imageRing(dataPages: 1)
        var sender = RingSender()
        _ = try sender.send(PacketInfo(.dataInBand), header: [1, 0, 0, 0, 1, 0, 0, 0], payload: [], in: &memory)
        let packet = try #require(try RingReceiver().peek(in: memory))
        let direct = RingDamage(field: .type, value: 6, rule: .otherType, limit: 9, offset: 0)
        let transfer = RingDamage(field: .type, value: 6, rule: .otherType, limit: 7, offset: 0)
        #expect(throws: RingError<Never>.damage(direct)) { try packet.guestPages(in: memory) }
        #expect(throws: RingError<Never>.damage(transfer)) { try packet.transferPages(in: memory) }
    }

    @Test func `ranges that cannot be are refused before anything is written`() throws {
        var memory = try imageRing(dataPages: 1)
        var sender = RingSender()
        let untouched = memory
        let wrong: [(GPARange, Int)] = [
            (GPARange(byteCount: 4096, byteOffset: 1, pages: [1]), 2),
            (GPARange(byteCount: 4096, byteOffset: 0, pages: [1, 2]), 1),
            (GPARange(byteCount: 1, byteOffset: 4096, pages: [1, 2]), 2),
            (GPARange(byteCount: 0, byteOffset: 0, pages: [1]), 0),
        ]
        for (range, needed) in wrong {
            let refusal = SendRefusal.range(
                index: 1, byteCount: range.byteCount, byteOffset: range.byteOffset, pages: range.pages.count,
                needed: needed)
            let good = Self.guestRanges[0]
            #expect(throws: RingError<Never>.refused(refusal)) {
                try sender.send(guestPages: [good, range], payload: RawSpan(), in: &memory)
            }
        }
        #expect(throws: RingError<Never>.refused(.noRanges)) {
            try sender.send(guestPages: [], payload: RawSpan(), in: &memory)
        }
        #expect(memory == untouched)
        let full = try sender.send(
            transferPageSet: 1, ranges: Array(repeating: TransferPageRange(), count: 300), payload: RawSpan(),
            in: &memory)
        #expect(full == .sent(signal: true))
        let second = try sender.send(
            transferPageSet: 1, ranges: Array(repeating: TransferPageRange(), count: 300), payload: RawSpan(),
            in: &memory)
        #expect(second == .full(needed: 2432, free: 1664))
    }
}
