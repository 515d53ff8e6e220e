import Testing

@testable import VMBusWire

@Suite struct SynICTests {
    @Test func `monitor id 77 lies where appendix A.15 says`() throws {
        let place = try #require(MonitorPage.place(of: 77))
        #expect(place == MonitorPage.Place(pendingOffset: 0x018, bit: 13, latencyOffset: 0x2DA, parameterOffset: 0x6A8))
        #expect(MonitorPage.place(of: 128) == nil)
    }

    @Test func `event flag and send-half bit of relid 1000 lie where appendix A.16 says`() throws {
        let flag = try #require(ChannelBit.eventFlag(1000))
        #expect(flag == (0x27D, 0))
        let half = try #require(ChannelBit.sendHalf(1000))
        #expect(half == (0x87D, 0))
        #expect(ChannelBit.eventFlag(2048) == nil)
    }

    @Test func `a monitor page is one page, and its parts lie at the reference's offsets`() throws {
        var page = MonitorPage()
        page.triggerGroups[2].pending = 1 << 13
        page.latency[77].hundredNanoseconds = 1000
        page.parameters[77].connectionID = 0x2005
        let bytes = page.encoded()
        #expect(bytes.count == 4096)
        #expect(bytes[0x018 + 1] == 0x20)
        #expect(bytes[0x2DA] == 0xE8)
        #expect(bytes[0x6A8] == 0x05)
        #expect(try MonitorPage.decode(bytes) == page)
    }

    @Test func `a message slot holds 240 bytes and refuses to claim more`() throws {
        let slot = MessageSlot(payload: [1, 2, 3], pending: true)
        var bytes = slot.encoded()
        #expect(bytes.count == 256)
        #expect(try MessageSlot.decode(bytes).isPending)
        bytes[4] = 241
        #expect(throws: WireError.self) { try MessageSlot.decode(bytes) }
    }
}

@Suite struct GUIDTests {
    @Test func `the first three groups are little-endian`() throws {
        let text = "f8615163-df3e-46c5-913f-f2d2f965ed0e"
        let guid = try #require(GUID(text))
        #expect(guid.bytes == bytes("63 51 61 f8 3e df c5 46 91 3f f2 d2 f9 65 ed 0e"))
        #expect(guid.description == text)
        #expect(GUID("{\(text.uppercased())}") == guid)
        #expect(GUID(0xF861_5163, 0xDF3E, 0x46C5, 0x913F_F2D2_F965_ED0E) == guid)
    }

    @Test(arguments: [
        "", "f8615163", "f8615163-df3e-46c5-913f-f2d2f965ed0", "g8615163-df3e-46c5-913f-f2d2f965ed0e", "{}",
    ])
    func `other text is no GUID`(_ text: String) { #expect(GUID(text) == nil) }

    @Test func `the order is that of the printed form`() throws {
        let small = try #require(GUID("00000000-0000-0000-0000-000000000002"))
        let large = try #require(GUID("01000000-0000-0000-0000-000000000001"))
        #expect(small < large)
    }
}

@Suite struct ProtocolVersionTests {
    @Test func `eleven versions, oldest first, with their wire values`() {
        #expect(ProtocolVersion.all.count == 11)
        #expect(ProtocolVersion.all == ProtocolVersion.all.sorted())
        #expect(ProtocolVersion.windows2008.rawValue == 0x0000_000D)
        #expect(ProtocolVersion.iron.rawValue == 0x0005_0003)
        #expect(ProtocolVersion("5.3") == .iron)
        #expect(ProtocolVersion("5") == nil)
    }
}
