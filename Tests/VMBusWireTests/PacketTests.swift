import TestSupport
import Testing
import VMBusWire

@Suite struct PacketHeaderTests {
    @Test func `a storage read points to one page, as in appendix A.12`() throws {
        let packet = bytes(
            """
            09 00 05 00 0d 00 01 00 02 00 00 00 00 00 00 00
            00 00 00 00 01 00 00 00 00 10 00 00 00 00 00 00
            34 12 00 00 00 00 00 00 03 00 00 00 01 00 00 00
            00 00 00 00 34 00 00 00 00 00 00 00 0a 14 01 00
            00 10 00 00 28 00 00 00 00 00 00 00 08 00 00 00
            00 00 00 00 00 00 00 00 00 00 ff 20 42 00 00 00
            3c 00 00 00 00 00 00 00
            """)
        let header = FieldNode.packetHeader(packet[...])
        let descriptor = try #require(header.descriptor)
        #expect(descriptor.type == .dataUsingGPADirect)
        #expect(descriptor.transactionID == 2)
        #expect(header.payload == 40..<104)
        let tree = FieldTree(name: "", fields: header.fields)
        #expect(tree.first(named: "byte_count")?.value == .unsigned(4096))
        #expect(tree.leaves.first { $0.name == "pfn" }?.value == .identifier(0x1234))
        #expect(tree.leaves.reduce(0) { $0 + $1.size } == 40)
    }

    @Test func `a range that claims more pages than there are bytes is an error, not memory`() {
        var header = GPADirectHeader(ranges: [GPARange(byteCount: 4096, byteOffset: 0, pages: [1])])
        header.ranges[0].byteCount = 0xFFFF_FFFF
        #expect(throws: WireError.self) { try GPADirectHeader.decode(header.encoded()) }
    }

    @Test(
        arguments: [
            (PacketType.addTransferPageSet, "07 00 00 00 fe ca 00 00", "transfer_page_set", "transfer_page_set_id"),
            (.removeTransferPageSet, "07 00 00 00 fe ca 00 00", "transfer_page_set", "gpadl"),
            (
                .establishGPADL, "07 00 00 00 01 00 00 00 00 10 00 00 00 00 00 00 09 00 00 00 00 00 00 00",
                "establish_gpadl", "pfn"
            ),
            (.teardownGPADL, "07 00 00 00 00 00 00 00", "gpadl_reference", "gpadl"),
            (.dataUsingGPADL, "07 00 00 00 00 00 00 00", "gpadl_reference", "gpadl"),
            (.additionalData, "00 10 00 00 00 00 00 00 08 00 00 00 10 00 00 00", "additional_data", "byte_offset"),
        ])
    func `a header that nobody sends today is read all the same`(
        type: PacketType, text: String, name: String, field: String
    ) throws {
        let header = bytes(text)
        var descriptor = PacketDescriptor()
        descriptor.type = type
        descriptor.offset8 = UInt16(2 + header.count / 8)
        descriptor.length8 = descriptor.offset8 + 1
        let packet = descriptor.encoded() + header + [1, 2, 3, 4, 5, 6, 7, 8]
        let read = FieldNode.packetHeader(packet[...])
        #expect(read.problem == nil)
        #expect(read.payload == packet.count - 8..<packet.count)
        #expect(read.fields.last?.name == name)
        let tree = FieldTree(name: "", fields: read.fields)
        #expect(tree.first(named: field) != nil)
        #expect(tree.leaves.reduce(0) { $0 + $1.size } == packet.count - 8)
    }

    @Test func `garbage is a tree that covers every byte`() {
        var generator = SeededNumbers(seed: 7)
        for _ in 0..<5000 {
            let packet = (0..<Int(generator.next() % 80)).map { _ in UInt8(truncatingIfNeeded: generator.next() >> 17) }
            let header = FieldNode.packetHeader(packet[...])
            #expect(header.payload.upperBound <= packet.count)
            let tree = ChannelMessage.tree(packet[...])
            #expect(tree.leaves.reduce(0) { $0 + $1.size } == packet.count)
        }
    }
}
