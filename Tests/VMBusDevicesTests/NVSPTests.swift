import Testing
import VMBusDevices
import VMBusWire

@Suite struct NVSPTests {
    /// Composed by hand from the table of reference §6.1.2.
    @Test(arguments: [
        (NVSP.Message(.initialize, .initialize(.init(version: .version61))), "01000000 01000600 01000600"),
        (
            NVSP.Message(
                .initializeComplete,
                .initializeComplete(.init(version: .version61, maximumChain: 34, status: .success))),
            "02000000 01000600 22000000 01000000"
        ),
        (NVSP.Message(.sendNDISVersion, .sendNDISVersion(.init(for: .version5))), "64000000 06000000 1e000000"),
        (
            NVSP.Message(.sendReceiveBuffer, .sendReceiveBuffer(.init(gpadl: 0xE1E10, id: 0xCAFE))),
            "65000000 101e0e00 feca"
        ),
        (
            NVSP.Message(
                .sendReceiveBufferComplete,
                .sendReceiveBufferComplete(
                    .init(
                        status: .success,
                        sections: [
                            .init(offset: 0, subAllocationSize: 1728, subAllocationCount: 151, endOffset: 260_928)
                        ]))),
            "66000000 01000000 01000000 00000000 c0060000 97000000 40fb0300"
        ),
        (
            NVSP.Message(.sendRNDISPacket, .sendRNDISPacket(.init(channelType: .control))),
            "6b000000 01000000 ffffffff 00000000"
        ),
        (
            NVSP.Message(.sendNDISConfig, .sendNDISConfig(.init(mtu: 1500, capabilities: [.vlan, .virtualFunction]))),
            "7d000000 ea050000 00000000 0c00000000000000"
        ),
        (NVSP.Message(.subchannel, .subchannelRequest(.init(count: 3))), "85000000 01000000 03000000"),
    ])
    func `messages are what the table says`(message: NVSP.Message, digits: String) throws {
        #expect(message.encoded() == bytes(digits))
        #expect(message.encoded(version: .version6, sender: .guestToHost).count == 28)
        let sent = message.encoded(version: .version61, sender: .guestToHost)
        #expect(sent.count == 40)
        #expect(try NVSP.Message.decode(sent) == message)
    }

    @Test func `a request and its answer of the same number are told apart by who sent them`() throws {
        let digits = bytes("85000000 01000000 03000000")
        #expect(
            try NVSP.Message.decode(digits, context: .newest(sender: .hostToGuest)).body
                == .subchannelComplete(.init(status: .success, granted: 3)))
    }

    @Test(arguments: [UInt32(40), 12, 0, 4, 0xFFFF_FFF0])
    func `a table is found where it really is`(offset: UInt32) throws {
        var message = NVSP.Message(
            .sendIndirectionTable, .sendIndirectionTable(.init((0..<16).map { UInt32($0 % 4) }))
        ).encoded()
        #expect(message.count == 40 + 64)
        for index in 0..<4 { message[8 + index] = UInt8(truncatingIfNeeded: offset >> UInt32(index * 8)) }
        guard case .sendIndirectionTable(let table) = try NVSP.Message.decode(message).body else {
            Issue.record("not a table")
            return
        }
        // An offset inside the message is believed; only one that cannot be is replaced.
        let expected = (0..<16).map { offset == 12 && $0 < 7 ? 0 : UInt32(($0 + (offset == 12 ? 1 : 0)) % 4) }
        #expect(table.entries.map { $0.channel } == expected)
    }

    @Test func `every number from 100 to 136 has a name`() {
        for number in UInt32(100)...136 { #expect(NVSP.MessageType(rawValue: number).meaning != nil) }
        #expect(NVSP.MessageType(rawValue: 125).name == "SEND_NDIS_CONFIG")
        #expect(NVSP.MessageType(rawValue: 134).name == "SEND_INDIRECTION_TABLE")
        #expect(NVSP.MessageType(rawValue: 99).name == "UNKNOWN_99")
    }
}
