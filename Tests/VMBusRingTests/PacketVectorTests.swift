import Testing
import VMBusRing
import VMBusWire

@Suite struct PacketVectorTests {
    @Test func `A.10 in-band packet at offset 0`() throws {
        var ring = try pagedRing(dataPages: 1)
        var sender = RingSender()
        let outcome = try sender.send(
            PacketInfo(.dataInBand, transactionID: 1), payload: Array("hello".utf8), in: &ring)
        #expect(outcome == .sent(signal: true))
        #expect(
            try ring.bytes(from: 0, count: 32)
                == bytes(
                    hex: """
                        06 00 02 00 03 00 00 00 01 00 00 00 00 00 00 00
                        68 65 6c 6c 6f 00 00 00 00 00 00 00 00 00 00 00
                        """))
        #expect(try ring.control() == RingControl(writeIndex: 0x20))
    }

    @Test func `A.11 completion before the end makes the write index wrap to 0`() throws {
        var ring = try pagedRing(dataPages: 1)
        try RingReceiver(position: 0xFE0).initialize(&ring)
        var sender = RingSender(position: 0xFE0)
        let outcome = try sender.send(
            PacketInfo(.completion, transactionID: 1), payload: [0, 0, 0, 0], in: &ring)
        #expect(outcome == .sent(signal: true))
        #expect(
            try ring.bytes(from: 0xFE0, count: 32)
                == bytes(
                    hex: """
                        0b 00 02 00 03 00 00 00 01 00 00 00 00 00 00 00
                        00 00 00 00 00 00 00 00 00 00 00 00 e0 0f 00 00
                        """))
        #expect(try ring.control().writeIndex == 0)
    }

    @Test func `A.12 GPA-direct packet of a disk read`() throws {
        let packet = bytes(
            hex: """
                09 00 05 00 0d 00 01 00 02 00 00 00 00 00 00 00
                00 00 00 00 01 00 00 00 00 10 00 00 00 00 00 00
                34 12 00 00 00 00 00 00 03 00 00 00 01 00 00 00
                00 00 00 00 34 00 00 00 00 00 00 00 0a 14 01 00
                00 10 00 00 28 00 00 00 00 00 00 00 08 00 00 00
                00 00 00 00 00 00 00 00 00 00 ff 20 42 00 00 00
                3c 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00
                """)
        var ring = try pagedRing(dataPages: 2)
        try RingReceiver(position: 0x100).initialize(&ring)
        var sender = RingSender(position: 0x100)
        let info = PacketInfo(.dataUsingGPADirect, flags: .completionRequested, transactionID: 2)
        let outcome = try sender.send(
            info, header: Array(packet[16..<40]), payload: Array(packet[40..<104]), in: &ring)
        #expect(outcome == .sent(signal: true))
        #expect(try ring.bytes(from: 0x100, count: 112) == packet)

        var receiver = RingReceiver(position: 0x100)
        let received = try #require(try receiver.next(in: ring))
        #expect(received.descriptor == RingPacketDescriptor(info, headerLength: 40, totalLength: 104))
        #expect((received.headerCount, received.payloadCount) == (24, 64))
        var copy: [UInt8] = []
        try received.appendPacket(from: ring, to: &copy)
        #expect(copy == Array(packet[..<104]))
        #expect(try receiver.next(in: ring) == nil)
    }

    @Test func `A.17 space before and after a write`() throws {
        var ring = try imageRing(dataPages: 1)
        try RingReceiver(position: 0x100).initialize(&ring)
        var sender = RingSender(position: 0x100)
        let first = try sender.send(
            PacketInfo(.dataInBand), payload: Array(repeating: 1, count: 40), in: &ring)
        #expect(first == .sent(signal: true))
        #expect(ring.control.writeIndex == 0x140)
        #expect(try ring.control.usedBytes(dataSize: 4096) == 64)
        #expect(try sender.freeBytes(in: ring) == 4032)
        let refused = try sender.send(
            PacketInfo(.dataInBand), payload: Array(repeating: 2, count: 4032 - 24), in: &ring)
        #expect(refused == .full(needed: 4032, free: 4032))
        let accepted = try sender.send(
            PacketInfo(.dataInBand), payload: Array(repeating: 2, count: 4024 - 24), in: &ring)
        #expect(accepted == .sent(signal: false))
        #expect(try sender.freeBytes(in: ring) == 8)
    }

    @Test func `packet types have the reference's names and unknown numbers survive`() {
        #expect(PacketType.dataUsingGPADirect.description == "data using GPA direct")
        #expect(PacketType(rawValue: 0xB) == .completion)
        #expect(PacketType(rawValue: 0xABCD).description == "packet type 0xabcd")
        #expect((0...0xD).allSatisfy { PacketType(rawValue: $0).name != nil })
        #expect(PacketType(rawValue: 0xE).name == nil)
    }
}
