import TestSupport
import Testing
import VMBusDevices
import VMBusWire

/// What the host does to frames in the guest's place, and what it tells of frames that it gives.
@Suite struct OffloadTests {
    static func running(
        channels: Int = 1, change: (inout NetworkProvider.Configuration) -> Void = { _ in },
        guest: (inout NetworkConsumer.Configuration) -> Void = { _ in }
    ) -> NetworkPair {
        var consumer = NetworkConsumer.Configuration()
        consumer.channels = channels
        consumer.largestSegment = 32_000
        consumer.receiveBufferSize = 1 << 20
        guest(&consumer)
        var provider = NetworkProvider.Configuration(address: Frames.guest)
        change(&provider)
        var pair = NetworkPair(
            guest: NetworkConsumer(configuration: consumer), host: NetworkProvider(configuration: provider))
        pair.open()
        pair.settle()
        pair.log = []
        return pair
    }

    /// An RNDIS message that the consumer would not write, from guest pages.
    static func inject(_ pair: inout NetworkPair, _ frame: [UInt8], _ info: [RNDIS.PerPacketInfo]) {
        let message = RNDIS.Message(.packet, .packet(RNDIS.Packet(frame: frame, info: info))).encoded(
            context: .newest(sender: .guestToHost))
        pair.inject(
            ChannelPacket(
                type: .dataUsingGPADirect, flags: .completionRequested, transactionID: 99,
                bulk: .guestPages([GPARange(byteCount: UInt32(message.count), byteOffset: 0, pages: [0x1000])]),
                payload: HostileTests.rndis(.init(channelType: .data))), attachment: message, from: .guestToHost)
    }

    @Test(arguments: OffloadFrames.Kind.allCases, [false, true])
    func `the host makes the checksums that the guest leaves to it`(kind: OffloadFrames.Kind, isVersion6: Bool) {
        var pair = Self.running()
        let whole = (0..<40).map {
            OffloadFrames.frame(kind, isVersion6: isVersion6, payload: $0 * 31, to: Frames.other, from: Frames.guest)
        }
        for frame in whole {
            pair.transmit(OffloadFrames.unfinished(frame))
            pair.settle()
        }
        #expect(pair.hostFrames == whole)
        #expect(pair.host.counters.checksumsMade == 40)
        #expect(pair.violations.isEmpty)
    }

    @Test func `a guest without offload sends its own checksums`() {
        var pair = Self.running(guest: { $0.usesChecksumOffload = false })
        let frame = OffloadFrames.unfinished(OffloadFrames.frame(.tcp, isVersion6: false, payload: 10))
        pair.transmit(frame)
        pair.settle()
        #expect(pair.hostFrames == [frame])
        #expect(pair.host.counters.checksumsMade == 0)
    }

    @Test func `the IPv4 header's checksum is made when it is asked for`() {
        var pair = Self.running()
        let whole = OffloadFrames.frame(.udp, isVersion6: false, payload: 100)
        var frame = whole
        frame[24] = 0
        frame[25] = 1
        Self.inject(
            &pair, frame, [.init(.checksum, .transmitChecksum(.init(rawValue: 0x19)))])
        #expect(pair.hostFrames == [whole])
    }

    /// Each wish does not fit the frame: another protocol, another family, another place.
    @Test(arguments: [UInt32(0x08), 0x06, 0x0023_0004, 0x0A] as [UInt32])
    func `a wish that does not fit its frame is a violation`(bits: UInt32) {
        var pair = Self.running()
        let frame = OffloadFrames.frame(.tcp, isVersion6: false, payload: 10)
        Self.inject(&pair, frame, [.init(.checksum, .transmitChecksum(.init(rawValue: bits)))])
        #expect(pair.violations.map { $0.rule } == ["offload-checksum"])
        #expect(pair.hostFrames.isEmpty)
        _ = pair.deliver()
        #expect(pair.log.last?.bytes.dropFirst(16).prefix(8) == [108, 0, 0, 0, 2, 0, 0, 0])
    }

    @Test(arguments: [false, true], [0, 12])
    func `large segments are cut into whole frames`(isVersion6: Bool, options: Int) {
        var pair = Self.running()
        let payload = 20_000
        let large = OffloadFrames.frame(
            .tcp, isVersion6: isVersion6, payload: payload, options: options, flags: 0x99, sequence: 0xFFFF_F000,
            id: 0xFFFE, to: Frames.other, from: Frames.guest)
        var wish = NetworkConsumer.FrameOptions()
        wish.segmentSize = 1400
        pair.perform(
            pair.guest.transmit(frame: OffloadFrames.unfinished(large), options: wish, memory: &pair.memory),
            from: .guestToHost)
        pair.settle()
        #expect(pair.violations.isEmpty)
        #expect(pair.hostFrames.count == 15)
        #expect(pair.host.counters.segmentsCut == 15)
        let header = (isVersion6 ? 54 : 34) + 20 + options
        #expect(pair.hostFrames.flatMap { $0.dropFirst(header) } == Array(large.dropFirst(header)))
        for (index, frame) in pair.hostFrames.enumerated() {
            let isLast = index == 14
            #expect(frame.count == header + (isLast ? payload - 14 * 1400 : 1400))
            // All checksums are those that the slow way finds.
            #expect(frame == OffloadFrames.complete(frame))
            let tcp = isVersion6 ? 54 : 34
            let sequence = frame[tcp + 4..<tcp + 8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            #expect(sequence == 0xFFFF_F000 &+ UInt32(index * 1400))
            // FIN and PSH come last, CWR comes first, ACK always.
            #expect(frame[tcp + 13] == (index == 0 ? 0x90 : isLast ? 0x19 : 0x10))
            if !isVersion6 {
                let id = UInt16(frame[18]) << 8 | UInt16(frame[19])
                #expect(id == 0xFFFE &+ UInt16(index))
            }
        }
    }

    /// Linux leaves the length of a large segment to whoever cuts it.
    @Test func `a large segment may have no length`() {
        var pair = Self.running()
        var frame = OffloadFrames.frame(.tcp, isVersion6: false, payload: 3000)
        frame[16] = 0
        frame[17] = 0
        Self.inject(
            &pair, frame,
            [.init(.largeSend, .largeSend(.init(segmentSize: 1460, headerOffset: 34, isVersion6: false)))])
        #expect(pair.hostFrames.map { $0.count } == [1514, 1514, 134])
        #expect(pair.hostFrames.allSatisfy { $0 == OffloadFrames.complete($0) })
    }

    @Test(arguments: [
        RNDIS.LargeSend(segmentSize: 0, headerOffset: 34, isVersion6: false),
        .init(segmentSize: 1, headerOffset: 34, isVersion6: false),
        .init(segmentSize: 1000, headerOffset: 33, isVersion6: false),
        .init(segmentSize: 1000, headerOffset: 34, isVersion6: true),
    ])
    func `a large segment that is not what the info says is a violation`(wish: RNDIS.LargeSend) {
        var pair = Self.running()
        let frame = OffloadFrames.frame(.tcp, isVersion6: false, payload: 3000)
        Self.inject(&pair, frame, [.init(.largeSend, .largeSend(wish))])
        #expect(pair.violations.map { $0.rule } == ["offload-large-send"])
        #expect(pair.hostFrames.isEmpty)
    }

    @Test func `segments longer than the largest frame are a violation`() {
        var pair = Self.running()
        let frame = OffloadFrames.frame(.tcp, isVersion6: false, payload: 3000)
        Self.inject(
            &pair, frame,
            [.init(.largeSend, .largeSend(.init(segmentSize: 1465, headerOffset: 34, isVersion6: false)))])
        #expect(pair.violations.map { $0.rule } == ["frame-size"])
    }

    @Test func `tags go beside frames in both directions`() {
        var pair = Self.running()
        let frame = OffloadFrames.frame(.udp, isVersion6: false, payload: 50)
        let tagged = Array(frame[0..<12]) + [0x81, 0, 0xB0, 0x64] + frame[12...]
        var wish = NetworkConsumer.FrameOptions()
        wish.tag = 0xB064
        pair.perform(pair.guest.transmit(frame: frame, options: wish, memory: &pair.memory), from: .guestToHost)
        pair.settle()
        #expect(pair.hostFrames == [tagged])
        #expect(pair.host.counters.tagsInserted == 1)
        pair.deliver(tagged)
        pair.settle()
        #expect(pair.guestFrames == [tagged])
        let received = pair.log.last { $0.direction == .hostToGuest && $0.bytes[0] == 7 }
        let message = try? RNDIS.Message.decode(received?.attachment ?? [], context: .newest(sender: .hostToGuest))
        guard case .packet(let packet) = message?.body else {
            Issue.record("not a packet")
            return
        }
        #expect(packet.frame == frame)
        #expect(packet.info.map { $0.type } == [.checksum, .vlan])
        #expect(packet.info.last?.value == .vlan(.init(control: 0xB064)))
    }

    /// IPv4: UDP ok; TCP ok; IPv6 the same. The guest does IPv4 headers itself, so that nothing is said of them.
    @Test(arguments: OffloadFrames.Kind.allCases, [false, true])
    func `received frames say whether their checksums are right`(kind: OffloadFrames.Kind, isVersion6: Bool) {
        var pair = Self.running()
        let frame = OffloadFrames.frame(kind, isVersion6: isVersion6, payload: 101)
        let right: UInt32 = kind == .tcp ? 0x08 : 0x10
        for (sent, bits) in [(frame, right), (OffloadFrames.unfinished(frame), right >> 3)] {
            pair.log = []
            pair.deliver(sent)
            pair.settle()
            #expect(Self.told(pair) == .receiveChecksum(.init(rawValue: bits)))
        }
        #expect(pair.guestFrames.count == 2)
        #expect(pair.guest.counters.badChecksums == 1)
    }

    static func told(_ pair: NetworkPair) -> RNDIS.PerPacketInfo.Value? {
        let received = pair.log.first { $0.bytes[0] == 7 }
        let message = try? RNDIS.Message.decode(received?.attachment ?? [], context: .newest(sender: .hostToGuest))
        guard case .packet(let packet) = message?.body else { return nil }
        return packet.info.first?.value
    }

    @Test func `nothing is said of frames without checksums`() {
        var pair = Self.running()
        var bare = OffloadFrames.frame(.udp, isVersion6: false, payload: 10)
        OffloadFrames.put(0, &bare, 40)
        var fragment = OffloadFrames.frame(.udp, isVersion6: false, payload: 10)
        fragment[20] = 0x20
        for frame in [Frames.arp, bare, fragment] {
            pair.log = []
            pair.deliver(frame)
            pair.settle()
            #expect(Self.told(pair) == nil)
        }
        #expect(pair.guestFrames.count == 3)
    }

    @Test func `a host without offloads offers none and says nothing`() {
        var pair = Self.running(change: { $0.offersOffloads = false })
        #expect(pair.guest.isRunning)
        #expect(pair.guest.hostOffloads?.checksums.allSatisfy { $0.abilities.isEmpty } == true)
        pair.transmit(OffloadFrames.frame(.tcp, isVersion6: false, payload: 10))
        pair.deliver(OffloadFrames.frame(.tcp, isVersion6: false, payload: 10))
        pair.settle()
        #expect(pair.host.counters.checksumsMade == 0)
        #expect(Self.told(pair) == nil)
    }

    @Test func `frames with a hash say which, and what it was made from`() {
        var pair = Self.running(channels: 4)
        pair.deliver(OffloadFrames.frame(.tcp, isVersion6: false, payload: 10))
        pair.settle()
        let received = pair.log.first { $0.bytes[0] == 7 }
        let message = try? RNDIS.Message.decode(received?.attachment ?? [], context: .newest(sender: .hostToGuest))
        guard case .packet(let packet) = message?.body else {
            Issue.record("not a packet")
            return
        }
        let hash = FlowHash.hash(packet.frame[...])
        #expect(packet.info.map { $0.type } == [.checksum, .hash, .hashInformation])
        #expect(packet.info[1].value == .hash(hash))
        #expect(packet.info[2].value == .hashInformation(.toeplitz))
    }

    @Test func `short frames that are ready together share a section`() {
        var pair = Self.running { $0.maximumPacketsPerMessage = 4 }
        let frames = (0..<10).map { Frames.echo(UInt16($0), size: 61 + $0) }
        pair.perform(pair.guest.transmit(frames: frames, memory: &pair.memory), from: .guestToHost)
        pair.settle()
        #expect(pair.hostFrames == frames)
        #expect(pair.log.filter { $0.direction == .guestToHost }.count == 3)
        #expect(pair.guest.counters.framesSent == 10)
        #expect(pair.violations.isEmpty && pair.guest.outstandingCount == 0)
    }

    @Test func `more messages than the host allows are a violation`() {
        var pair = Self.running { $0.maximumPacketsPerMessage = 2 }
        let one = RNDIS.Message(.packet, .packet(RNDIS.Packet(frame: Frames.echo(1, size: 60)))).encoded()
        pair.inject(
            ChannelPacket(
                payload: HostileTests.rndis(.init(channelType: .data, sectionIndex: 0, sectionSize: 312))),
            attachment: one + one + one, from: .guestToHost)
        #expect(one.count == 104)
        #expect(pair.hostFrames.count == 2)
        #expect(pair.violations.map { $0.rule } == ["rndis-batch"])
    }

    /// What is read in place is what the general reader finds, for real and for changed messages.
    @Test func `messages read in place are those that the declaration reads`() {
        var numbers = SeededNumbers(seed: 3)
        var pair = Self.running()
        var violations = 0
        for round in 0..<3000 {
            let frame = OffloadFrames.frame(.tcp, isVersion6: false, payload: round % 40)
            var message = RNDIS.Message(
                .packet,
                .packet(
                    RNDIS.Packet(
                        frame: frame,
                        info: [
                            .init(.hash, .hash(7)), .init(.init(rawValue: 77), .bytes([1, 2, 3, 4])),
                        ]))
            ).encoded(context: .newest(sender: .guestToHost))
            for _ in 0..<Int.random(in: 0...2, using: &numbers) {
                message[Int.random(in: 0..<76, using: &numbers)] = UInt8.random(in: 0...80, using: &numbers)
            }
            let expected = try? RNDIS.Message.decode(message, context: .newest(sender: .guestToHost))
            pair.hostFrames = []
            pair.violations = []
            pair.inject(
                ChannelPacket(
                    payload: HostileTests.rndis(
                        .init(channelType: .data, sectionIndex: 0, sectionSize: UInt32(message.count)))),
                attachment: message, from: .guestToHost)
            if case .packet(let packet) = expected?.body {
                let hasWork = packet.info.contains { [.checksum, .largeSend, .vlan].contains($0.type) }
                if packet.frame.count >= 14, !hasWork { #expect(pair.hostFrames.first == packet.frame) }
            } else {
                #expect(pair.hostFrames.isEmpty)
                violations += pair.violations.isEmpty ? 0 : 1
            }
        }
        #expect(violations > 300)
    }
}
