import Testing
import VMBusRing
import VMBusWire

@Suite struct RingImageTests {
    @Test func `a listing names the packets in order and changes nothing`() throws {
        var ring = try pagedRing(dataPages: 1)
        var sender = RingSender(position: 4000)
        try sender.initialize(&ring)
        try RingReceiver(position: 4000).initialize(&ring)
        let first = PacketInfo(.dataInBand, flags: .completionRequested, transactionID: 0xFFFF_8881_0000_0001)
        _ = try sender.send(first, payload: [9, 1, 2, 3][1...], in: &ring)
        let second = PacketInfo(PacketType(rawValue: 0x99), flags: PacketFlags(rawValue: 0x8002), transactionID: 2)
        _ = try sender.send(
            second, header: Array(repeating: 4, count: 24), payload: Array(repeating: 5, count: 40), in: &ring)
        let before = ring
        let listing = try RingListing(of: ring)
        #expect(ring.guest == before.guest)
        #expect(listing.control == RingControl(writeIndex: 24, readIndex: 4000, featureBits: 1))
        #expect((listing.usedBytes, listing.freeBytes) == (120, 3976))
        #expect(listing.packets.map(\.offset) == [4000, 4032])
        #expect(listing.packets.map(\.descriptor.info) == [first, second])
        #expect(listing.packets.map(\.headerCount) == [0, 24])
        #expect(listing.packets.map(\.payloadCount) == [8, 40])
        #expect(listing.packets.map { $0.wraps(dataSize: 4096) } == [false, true])
        #expect(listing.damage == nil)

        let image = try RingCopy(copying: ring)
        #expect(RingListing(of: image) == listing)
        #expect(RingListing(of: image, limit: 1).packets.count == 1)
        var payload: [UInt8] = []
        listing.packets[1].appendPayload(from: image, to: &payload)
        listing.packets[0].appendPayload(from: image, to: &payload)
        #expect(payload == Array(repeating: 5, count: 40) + [1, 2, 3, 0, 0, 0, 0, 0])
    }

    @Test func `damage stops the list after the packets that are whole`() throws {
        var image = try imageRing(dataPages: 1)
        var sender = RingSender()
        for number: UInt64 in 1...3 {
            _ = try sender.send(PacketInfo(.dataInBand, transactionID: number), payload: [1], in: &image)
        }
        image.storeData(6 | 1 << 16 | 3 << 32, at: 64)
        let listing = RingListing(of: image)
        #expect(listing.packets.map(\.transactionID) == [1, 2])
        #expect(
            listing.damage == RingDamage(field: .dataOffset, value: 8, rule: .descriptorInside, limit: 16, offset: 64))
    }

    @Test func `an image is read from the bytes of a whole ring`() throws {
        var bytes = Array(repeating: UInt8(0), count: 8192)
        bytes.replaceSubrange(0..<16, with: [32, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0xFF, 0xFE, 0, 0])
        bytes[64] = 1
        bytes[4096 + 8] = 6
        let image = try RingCopy(bytes: bytes)
        #expect(
            image.control
                == RingControl(
                    writeIndex: 32, readIndex: 8, interruptMask: 1, pendingSendSize: 0xFEFF, featureBits: 1))
        #expect(image.loadData(at: 8) == 6)
        #expect(RingListing(of: image).damage?.field == .dataOffset)
        #expect(RingControl(bytes: bytes[..<68]) == image.control)
        #expect(RingControl(bytes: bytes[..<67]) == nil)
    }
}
