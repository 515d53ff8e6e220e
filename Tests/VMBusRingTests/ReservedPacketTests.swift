import Testing
import VMBusRing
import VMBusWire

@Suite struct ReservedPacketTests {
    @Test(arguments: MemoryKind.allCases)
    func `a reserved packet is written in parts, has zeros as padding and refuses what is outside`(
        memory: MemoryKind
    ) throws {
        try memory.check(Reserving())
    }

    private struct Reserving: RingProperty {
        func check<Memory: RingMemory & Sendable>(_ memory: inout Memory) throws {
            for position in stride(from: UInt32(3968), through: 4088, by: 8) {
                var sender = RingSender(position: position)
                var receiver = RingReceiver(position: position)
                try sender.initialize(&memory)
                try receiver.initialize(&memory)
                let filler: [UInt8] = Array(repeating: 0xFF, count: 64)
                try memory.copyIn(filler.span.bytes, at: position < 4032 ? position : 4032)
                var batch = try sender.batch(in: memory)
                let reservation = try batch.reserve(
                    PacketInfo(.dataInBand), headerCount: 8, payloadCount: 13, in: &memory)
                guard case .packet(let packet) = reservation else {
                    Issue.record("no room at \(position)")
                    return
                }
                let (header, first, second): ([UInt8], [UInt8], [UInt8]) = (
                    [1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11, 12, 13, 14, 15, 16, 17], [18, 19, 20, 21]
                )
                try packet.writePayload(second.span.bytes, at: 9, in: &memory)
                try packet.writeHeader(header.span.bytes, in: &memory)
                try packet.writePayload(first.span.bytes, in: &memory)
                for (start, bytes) in [(10, second), (-1, first), (14, [])] {
                    let refusal = SendRefusal.outsidePart(start: start, count: bytes.count, limit: 13)
                    do {
                        try packet.writePayload(bytes.span.bytes, at: start, in: &memory)
                        Issue.record("byte \(start) is outside")
                    } catch {
                        guard case .refused(refusal) = error else {
                            Issue.record("\(error)")
                            return
                        }
                    }
                }
                #expect(try receiver.peek(in: memory) == nil)
                #expect(try sender.publish(batch, in: &memory))
                var bytes: [UInt8] = []
                let received = try #require(try receiver.next(in: memory))
                try received.appendHeader(from: memory, to: &bytes)
                try received.appendPayload(from: memory, to: &bytes)
                #expect(bytes == Array(1...21) + [0, 0, 0])
            }
        }
    }
}
