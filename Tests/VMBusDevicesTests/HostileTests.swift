import TestSupport
import Testing
import VMBusDevices
import VMBusWire

/// What the other side of a network adapter may say, and what comes of it.
@Suite struct HostileTests {
    static func running() -> NetworkPair {
        var pair = NetworkPair.network()
        pair.open()
        pair.settle()
        return pair
    }

    static func rndis(_ place: NVSP.RNDISPacket) -> [UInt8] {
        NVSP.Message(.sendRNDISPacket, .sendRNDISPacket(place)).encoded(version: .version61, sender: .guestToHost)
    }

    @Test(arguments: [UInt32(11), 0x7FFF_FFFF, 10])
    func `a section that is not there is a violation and is completed`(section: UInt32) {
        var pair = Self.running()
        let place = NVSP.RNDISPacket(channelType: .data, sectionIndex: section, sectionSize: 60)
        pair.inject(
            ChannelPacket(flags: .completionRequested, transactionID: 77, payload: Self.rndis(place)),
            from: .guestToHost)
        #expect(pair.violations.map { $0.rule } == ["nvsp-send-section"])
        _ = pair.deliver()
        #expect(pair.log.last?.bytes.prefix(1) == [0xB])
    }

    @Test func `a section's size is bounded`() {
        var pair = Self.running()
        let place = NVSP.RNDISPacket(channelType: .data, sectionIndex: 0, sectionSize: 6145)
        pair.inject(ChannelPacket(payload: Self.rndis(place)), from: .guestToHost)
        #expect(pair.violations.map { $0.rule } == ["nvsp-send-section"])
    }

    @Test func `pages that the guest does not have are a violation`() {
        var pair = Self.running()
        for pages in [[UInt64(0xDEAD_BEEF)], [0x1000, 0xDEAD_BEEF]] {
            let range = GPARange(byteCount: UInt32(pages.count) * 4096, byteOffset: 0, pages: pages)
            pair.inject(
                ChannelPacket(
                    type: .dataUsingGPADirect, bulk: .guestPages([range]),
                    payload: Self.rndis(.init(channelType: .data))), from: .guestToHost)
        }
        #expect(pair.violations.map { $0.rule } == ["gpa-range", "gpa-range"])
    }

    @Test(arguments: [
        (UInt16(0xCAFE), UInt32(1729), UInt32(0)), (0xCAFE, 100, 262_143), (0xCAFE, 0xFFFF_FFFF, 0xFFFF_FFFF),
        (0xCAFF, 60, 0),
    ])
    func `ranges outside the receive buffer are refused and completed`(set: UInt16, count: UInt32, offset: UInt32) {
        var pair = Self.running()
        pair.inject(
            ChannelPacket(
                type: .dataUsingTransferPages, flags: .completionRequested, transactionID: 5,
                bulk: .transferPages(setID: set, ranges: [TransferPageRange(byteCount: count, byteOffset: offset)]),
                payload: Self.rndis(.init(channelType: .data))), from: .hostToGuest)
        #expect(pair.violations.map { $0.rule } == ["nvsp-receive-range"])
        #expect(pair.guestFrames.isEmpty)
        // The completion that follows answers nothing that the provider knows of.
        pair.settle()
        #expect(pair.violations.count == 2)
    }

    @Test func `completions of nothing are violations at both ends`() {
        var pair = Self.running()
        let done = NVSP.Message(.sendRNDISPacketComplete, .sendRNDISPacketComplete(.init(status: .success)))
        for id in [UInt64(0), 1, 152, .max] {
            let packet = ChannelPacket(type: .completion, transactionID: id, payload: done.encoded())
            pair.inject(packet, from: .guestToHost)
            pair.inject(packet, from: .hostToGuest)
        }
        #expect(pair.violations.count == 8)
        #expect(pair.violations.allSatisfy { $0.rule == "completion-known" })
    }

    @Test func `a completion through another channel does not free a place`() {
        var pair = Self.running()
        pair.deliver(Frames.arp)
        #expect(pair.host.outstandingReceives == 1)
        let done = NVSP.Message(.sendRNDISPacketComplete, .sendRNDISPacketComplete(.init(status: .success)))
        pair.inject(
            ChannelPacket(type: .completion, transactionID: 1, payload: done.encoded()), from: .guestToHost, on: 1)
        #expect(pair.host.outstandingReceives == 1)
    }

    @Test(arguments: [
        NVSP.Message(.initialize, .initialize(.init(version: .version61))),
        NVSP.Message(.sendReceiveBuffer, .sendReceiveBuffer(.init(gpadl: 1, id: 0xCAFE))),
        NVSP.Message(.sendSendBuffer, .sendSendBuffer(.init(gpadl: 1, id: 0))),
        NVSP.Message(.subchannel, .subchannelRequest(.init(count: 9))),
        NVSP.Message(.sendIndirectionTable, .sendIndirectionTable(.init([0]))),
        NVSP.Message(.init(rawValue: 109), .other(.init())),
    ])
    func `nothing is set up twice or by the wrong side`(message: NVSP.Message) {
        var pair = Self.running()
        pair.inject(ChannelPacket(payload: message.encoded()), from: .guestToHost)
        #expect(pair.violations.count == 1)
        pair.transmit(Frames.arp)
        pair.settle()
        #expect(pair.hostFrames == [Frames.arp])
    }

    @Test func `nothing works before a version is agreed on`() {
        var pair = NetworkPair.network()
        _ = pair.host.opened(subchannel: 0, time: 0, memory: &pair.memory)
        for message in [
            NVSP.Message(.sendReceiveBuffer, .sendReceiveBuffer(.init(gpadl: 1, id: 0xCAFE))),
            NVSP.Message(.sendRNDISPacket, .sendRNDISPacket(.init(channelType: .control))),
            NVSP.Message(.subchannel, .subchannelRequest(.init(count: 1))),
        ] {
            pair.inject(ChannelPacket(payload: message.encoded()), from: .guestToHost)
        }
        #expect(pair.violations.map { $0.rule } == Array(repeating: "nvsp-init-first", count: 3))
        pair.inject(ChannelPacket(payload: [1, 0, 0, 0]), from: .guestToHost, on: 1)
        #expect(pair.violations.last?.rule == "channel-open")
    }

    static let brokenRules: [(NVSP.Message, String)] = [
        (NVSP.Message(.sendReceiveBuffer, .sendReceiveBuffer(.init(gpadl: 1, id: 0xCAFE))), "nvsp-buffer-once"),
        (NVSP.Message(.sendSendBuffer, .sendSendBuffer(.init(gpadl: 1, id: 0))), "nvsp-buffer-once"),
        (NVSP.Message(.revokeReceiveBuffer, .revokeReceiveBuffer(.init(id: 1))), "nvsp-revoke"),
        (NVSP.Message(.revokeSendBuffer, .revokeSendBuffer(.init(id: 0xCAFE))), "nvsp-revoke"),
        (NVSP.Message(.sendNDISVersion, .sendNDISVersion(.init())), "nvsp-ndis-version"),
        (NVSP.Message(.subchannel, .subchannelRequest(.init(count: 1))), "nvsp-subchannel"),
        (NVSP.Message(.switchDataPath, .switchDataPath(.init(.init(rawValue: 9)))), "nvsp-data-path"),
        (NVSP.Message(.initialize, .initialize(.init(version: .version1))), "nvsp-init-once"),
        (NVSP.Message(.sendVFAssociation, .sendVFAssociation(.init(serial: 1))), "nvsp-type"),
        (NVSP.Message(.init(rawValue: 135), .other(.init())), "nvsp-type"),
        (NVSP.Message(.init(rawValue: 0xFFFF), .other(.init())), "nvsp-type"),
    ]

    /// Each message breaks one rule at a host whose guest runs: which, and whether the guest still works.
    @Test(arguments: brokenRules)
    func `each broken rule has its name`(message: NVSP.Message, rule: String) {
        var pair = Self.running()
        let payload = message.encoded(version: .version61, sender: .guestToHost)
        pair.inject(
            ChannelPacket(flags: .completionRequested, transactionID: 9, payload: payload), from: .guestToHost)
        #expect(pair.violations.map { $0.rule } == [rule])
    }

    static let refusedBuffers: [(NVSP.Message, String)] = [
        (NVSP.Message(.sendReceiveBuffer, .sendReceiveBuffer(.init(gpadl: 1, id: 7))), "nvsp-receive-buffer"),
        (.init(.sendReceiveBuffer, .sendReceiveBuffer(.init(gpadl: 99, id: 0xCAFE))), "nvsp-receive-buffer"),
        (.init(.sendSendBuffer, .sendSendBuffer(.init(gpadl: 99, id: 0))), "nvsp-send-buffer"),
        (.init(.sendSendBuffer, .sendSendBuffer(.init(gpadl: 99, id: 3))), "nvsp-send-buffer"),
        (.init(.revokeReceiveBuffer, .revokeReceiveBuffer(.init(id: 0xCAFE))), "nvsp-revoke"),
        (.init(.revokeSendBuffer, .revokeSendBuffer(.init(id: 0))), "nvsp-revoke"),
        (.init(.sendRNDISPacket, .sendRNDISPacket(.init(channelType: .control))), "nvsp-receive-buffer-first"),
    ]

    @Test(arguments: refusedBuffers)
    func `buffers are refused that cannot be`(message: NVSP.Message, rule: String) {
        var pair = NetworkPair.network()
        _ = pair.host.opened(subchannel: 0, time: 0, memory: &pair.memory)
        let start = NVSP.Message(.initialize, .initialize(.init(version: .version61)))
        for message in [start, message] {
            pair.inject(
                ChannelPacket(flags: .completionRequested, transactionID: 9, payload: message.encoded()),
                from: .guestToHost)
        }
        #expect(pair.violations.map { $0.rule } == [rule])
        #expect(pair.host.version == .version61)
    }

    @Test func `a guest may take its buffers back and share them again`() {
        var pair = Self.running()
        pair.deliver(Frames.arp)
        for message in [
            NVSP.Message(.revokeReceiveBuffer, .revokeReceiveBuffer(.init(id: 0xCAFE))),
            .init(.revokeSendBuffer, .revokeSendBuffer(.init(id: 0))),
        ] {
            pair.inject(ChannelPacket(payload: message.encoded()), from: .guestToHost)
        }
        // What was under way is still completed, and nothing more comes.
        pair.settle()
        #expect(pair.host.outstandingReceives == 0)
        pair.deliver(Frames.arp)
        #expect(pair.host.counters.noBuffer == 1)
        for message in [
            NVSP.Message(.sendReceiveBuffer, .sendReceiveBuffer(.init(gpadl: 0xE1E11, id: 0xCAFE))),
            .init(.sendSendBuffer, .sendSendBuffer(.init(gpadl: 0xE1E12, id: 0))),
        ] {
            pair.inject(ChannelPacket(payload: message.encoded()), from: .guestToHost)
        }
        pair.deliver(Frames.arp)
        pair.transmit(Frames.arp)
        pair.settle()
        #expect(pair.guestFrames.count == 2 && pair.hostFrames.count == 1)
        #expect(pair.violations.isEmpty)
    }

    @Test func `a buffer is not shared while places of an older one are held`() {
        var pair = Self.running()
        pair.deliver(Frames.arp)
        #expect(pair.host.outstandingReceives == 1)
        for message in [
            NVSP.Message(.revokeReceiveBuffer, .revokeReceiveBuffer(.init(id: 0xCAFE))),
            .init(.sendReceiveBuffer, .sendReceiveBuffer(.init(gpadl: 0xE1E11, id: 0xCAFE))),
        ] {
            pair.inject(ChannelPacket(payload: message.encoded()), from: .guestToHost)
        }
        #expect(pair.violations.map { $0.rule } == ["nvsp-buffer-once"])
        #expect(pair.host.outstandingReceives == 1)
        pair.settle()
        #expect(pair.host.outstandingReceives == 0)
    }

    @Test func `a packet that waits for room in the ring cannot be completed`() {
        var pair = Self.running()
        pair.room = 1
        pair.deliver(Frames.arp)
        pair.deliver(Frames.arp)
        let done = NVSP.Message(.sendRNDISPacketComplete, .sendRNDISPacketComplete(.init(status: .success)))
        pair.inject(ChannelPacket(type: .completion, transactionID: 2, payload: done.encoded()), from: .guestToHost)
        #expect(pair.violations.map { $0.rule } == ["completion-known"])
        #expect(pair.host.outstandingReceives == 2)
        pair.settle()
        #expect(pair.guestFrames.count == 2 && pair.violations.count == 1)
        #expect(pair.host.outstandingReceives == 0)
    }

    static let hostRules: [(NVSP.Message, UInt16, String)] = [
        (NVSP.Message(.sendIndirectionTable, .sendIndirectionTable(.init([0, 1]))), UInt16(0), "nvsp-send-table"),
        (.init(.sendIndirectionTable, .sendIndirectionTable(.init([0]))), 1, "nvsp-primary"),
        (.init(.initialize, .initialize(.init(version: .version61))), 0, "nvsp-type"),
        (.init(.init(rawValue: 200), .other(.init())), 0, "nvsp-type"),
    ]

    /// What hosts must not say to a guest that runs.
    @Test(arguments: hostRules)
    func `a host's broken rules have names too`(message: NVSP.Message, channel: UInt16, rule: String) {
        var pair = Self.running()
        pair.inject(ChannelPacket(payload: message.encoded()), from: .hostToGuest, on: channel)
        #expect(pair.violations.map { $0.rule } == [rule])
        #expect(pair.guest.isRunning)
    }

    static let frameParts: [([(UInt8, UInt16)], Int, Int)] = [
        ([(UInt8(3), UInt16(1)), (1, 1), (5, 1)], 1, 0), ([(7, 1)], 1, 0), ([(1, 1)], 0, 1), ([(3, 1), (5, 2)], 0, 1),
        ([(3, 1), (3, 2), (5, 2)], 1, 0), ([(3, 1), (5, 1), (5, 1)], 1, 1),
    ]

    /// Parts of a frame that the host put into several places: first 2, last 4, part of several 1.
    @Test(arguments: frameParts)
    func `parts of a frame are joined in order`(parts: [(UInt8, UInt16)], frames: Int, violations: Int) {
        var pair = Self.running()
        for (flags, id) in parts {
            var part = RNDIS.PacketID()
            part.flags = .init(rawValue: flags)
            part.id = id
            let message = RNDIS.Message(
                .packet, .packet(RNDIS.Packet(frame: Frames.arp, info: [.init(.packetID, .packetID(part))]))
            ).encoded(context: .newest(sender: .hostToGuest))
            pair.inject(
                ChannelPacket(
                    type: .dataUsingTransferPages,
                    bulk: .transferPages(
                        setID: 0xCAFE, ranges: [TransferPageRange(byteCount: UInt32(message.count), byteOffset: 0)]),
                    payload: Self.rndis(.init(channelType: .data))), attachment: message, from: .hostToGuest)
        }
        #expect(pair.guestFrames.count == frames)
        #expect(pair.violations.map { $0.rule } == Array(repeating: "rsc-order", count: violations))
        if parts.count == 3, frames == 1, violations == 0, parts[1].1 == 1 {
            #expect(pair.guestFrames == [Frames.arp + Frames.arp + Frames.arp])
        }
    }

    /// The completion of the receive buffer with one value changed.
    @Test(arguments: [(8, UInt32(2)), (8, 0), (12, 1), (16, 67), (16, 0xFFFF_FFFF), (20, 0xFFFF_FFFF), (4, 2)])
    func `a receive buffer that is divided in an impossible way stops the guest`(place: Int, value: UInt32) {
        var guest = NetworkConsumer()
        var memory = FakeMemory()
        var id: UInt64 = 0
        func track(_ effects: [DeviceEffect]) {
            for case .send(_, let packet, _) in effects where packet.transactionID != 0 { id = packet.transactionID }
        }
        track(guest.opened(subchannel: 0, time: 0, memory: &memory))
        let taken = NVSP.Message(
            .initializeComplete, .initializeComplete(.init(version: .version61, maximumChain: 34, status: .success)))
        track(
            guest.receive(
                ChannelPacket(type: .completion, transactionID: id, payload: taken.encoded()), attachment: [],
                subchannel: 0, time: 0, memory: &memory))
        let buffer = memory.allocate(256 << 10, .receive)
        track(guest.bufferCreated(purpose: .receive, buffer: buffer, memory: &memory))
        var payload = NVSP.Message(
            .sendReceiveBufferComplete,
            .sendReceiveBufferComplete(
                .init(
                    status: .success,
                    sections: [.init(offset: 0, subAllocationSize: 1728, subAllocationCount: 151, endOffset: 260_928)]))
        ).encoded()
        payload += Array(repeating: 0, count: 12)
        for index in 0..<4 { payload[place + index] = UInt8(truncatingIfNeeded: value >> UInt32(index * 8)) }
        let effects = guest.receive(
            ChannelPacket(type: .completion, transactionID: id, payload: payload), attachment: [], subchannel: 0,
            time: 0, memory: &memory)
        #expect(guest.phase == .failed)
        #expect(
            effects.contains {
                if case .failed = $0 { true } else { false }
            })
    }

    @Test func `a request that is not readable is answered all the same`() {
        var pair = Self.running()
        pair.log = []
        var message = RNDIS.Message(
            .set,
            .request(
                RNDIS.Request(
                    requestID: 99, object: .receiveScaleParameters,
                    information: .receiveScaleParameters(
                        .init(table: [0, 1], key: FlowHash.commonKey, enabled: true))))
        ).encoded()
        message[28 + 12] = 7
        let buffer = pair.memory.allocate(4096, .frame)
        let range = GPARange(byteCount: UInt32(message.count), byteOffset: 0, pages: buffer.pages)
        let isWritten = pair.memory.write(range, message)
        #expect(isWritten)
        pair.inject(
            ChannelPacket(
                type: .dataUsingGPADirect, bulk: .guestPages([range]),
                payload: Self.rndis(.init(channelType: .control))), from: .guestToHost)
        #expect(pair.violations.map { $0.place }.first?.contains("indirect_tabsize") == true)
        _ = pair.deliver()
        #expect(pair.log.last?.attachment == bytes("05000080 10000000 63000000 150001c0"))
    }

    @Test func `a host that asks without end gets answers while there is room`() {
        var pair = Self.running()
        let message = RNDIS.Message(.keepalive, .keepalive(.init(requestID: 1))).encoded(
            context: .newest(sender: .hostToGuest))
        for _ in 0..<1000 {
            pair.inject(
                ChannelPacket(
                    type: .dataUsingTransferPages,
                    bulk: .transferPages(
                        setID: 0xCAFE, ranges: [TransferPageRange(byteCount: UInt32(message.count), byteOffset: 0)]),
                    payload: Self.rndis(.init(channelType: .control))), attachment: message, from: .hostToGuest)
        }
        // All sixteen slots of pages and ten sections are taken, and the guest still runs.
        #expect(pair.guest.outstandingCount == 26)
        #expect(pair.guest.isRunning)
        #expect(pair.violations.isEmpty)
    }

    /// Real packets with a few bytes changed, at both ends: nothing traps and what is kept stays bounded.
    @Test func `changed packets never trap`() {
        var original = Self.running()
        for index in 0..<8 {
            original.transmit(Frames.echo(UInt16(index), size: 60 + index * 200))
            original.deliver(Frames.arp)
        }
        original.settle()
        var numbers = SeededNumbers(seed: 7)
        var violations = 0
        for round in 0..<40 {
            var pair = round % 2 == 0 ? Self.running() : NetworkPair.network()
            if round % 2 == 1 { pair.open() }
            for _ in 0..<100 {
                guard var record = original.log.randomElement(using: &numbers) else { return }
                for _ in 0..<Int.random(in: 0...3, using: &numbers) {
                    let place = Int.random(in: 0..<record.bytes.count, using: &numbers)
                    record.bytes[place] = UInt8.random(in: .min ... .max, using: &numbers)
                }
                guard let packet = try? ChannelPacket.decode(record.bytes[...]) else { continue }
                var attachment = record.attachment
                if !attachment.isEmpty, Bool.random(using: &numbers) {
                    attachment[Int.random(in: 0..<min(64, attachment.count), using: &numbers)] =
                        UInt8.random(in: .min ... .max, using: &numbers)
                }
                pair.inject(
                    packet, attachment: attachment, from: record.direction,
                    on: UInt16.random(in: 0...1, using: &numbers))
            }
            pair.settle(limit: 2000)
            violations += pair.violations.count
        }
        #expect(violations > 500)
    }
}
