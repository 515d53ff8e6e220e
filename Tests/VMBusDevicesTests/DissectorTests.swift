import TestSupport
import Testing
import VMBusDevices
import VMBusWire

@Suite struct DissectorTests {
    /// A whole life of an adapter: start, frames, link changes, stop.
    static func session(_ version: NVSP.Version = .version61) -> [RecordedPacket] {
        var pair = NetworkPair.network(hostVersion: version)
        pair.open()
        pair.settle()
        for index in 0..<6 {
            pair.transmit(Frames.echo(UInt16(index), size: 61 + index * 250))
            pair.deliver(Frames.connect(port: UInt16(5000 + index), to: Frames.guest, from: Frames.other))
            pair.deliver(Frames.arp)
            pair.settle()
        }
        pair.perform(pair.host.setLink(connected: false, memory: &pair.memory), from: .hostToGuest)
        pair.perform(pair.guest.shutDown(memory: &pair.memory), from: .guestToHost)
        pair.settle()
        return pair.log
    }

    static func heartbeats() -> [RecordedPacket] {
        var pair = HeartbeatPair(guest: HeartbeatConsumer(), host: HeartbeatProvider())
        pair.open()
        pair.settle()
        for _ in 0..<3 {
            pair.tick()
            pair.settle()
        }
        return pair.log
    }

    /// One line per packet, with a dissector for each channel.
    static func summaries(_ log: [RecordedPacket], _ kind: DeviceKind) -> [PacketSummary] {
        var dissectors: [UInt16: ChannelDissector] = [:]
        return log.map { packet in
            dissectors[packet.subchannel, default: ChannelDissector(kind: kind)].summarise(
                packet.record[...], attachmentLength: packet.attachment.count, direction: packet.direction)
        }
    }

    @Test func `tells the start of an adapter`() {
        let lines = Self.summaries(Self.session(), .network).map { "\($0.name) \($0.info)" }
        let expected = [
            "NVSP.INIT NVSP 6.1", "NVSP.INIT_COMPLETE success, NVSP 6.1",
            "NVSP.SEND_NDIS_CONFIG frames of 1514 bytes, SR-IOV|802.1Q|teaming", "NVSP.SEND_NDIS_VERSION NDIS 6.30",
            "NVSP.SEND_RECEIVE_BUFFER GPADL 0xe1e11, id 0xcafe",
            "NVSP.SEND_RECEIVE_BUFFER_COMPLETE success, 151 places of 1728 bytes",
            "NVSP.SEND_SEND_BUFFER GPADL 0xe1e12, id 0x0",
            "NVSP.SEND_SEND_BUFFER_COMPLETE success, sections of 6144 bytes",
            "RNDIS.INITIALIZE request 1, up to 16384 bytes", "NVSP.SEND_RNDIS_PACKET_COMPLETE success",
            "RNDIS.INITIALIZE_COMPLETE request 1, success, 8 messages per packet",
        ]
        #expect(Array(lines.prefix(expected.count)) == expected)
        for line in [
            "RNDIS.QUERY request 3, 802_3_PERMANENT_ADDRESS",
            "RNDIS.QUERY_COMPLETE request 3, 802_3_PERMANENT_ADDRESS = 00:15:5d:00:01:01",
            "RNDIS.QUERY_COMPLETE request 4, GEN_FRIENDLY_NAME = \"Network Adapter\"",
            "RNDIS.QUERY_COMPLETE request 8, GEN_LINK_SPEED = 10000 Mbit/s",
            "NVSP.SUBCHANNEL 3 sub-channels wanted", "NVSP.SUBCHANNEL success, 3 sub-channels granted",
            "NVSP.SEND_INDIRECTION_TABLE 16 entries over 4 channels",
            "RNDIS.SET request 12, GEN_CURRENT_PACKET_FILTER = directed|all multicast|broadcast",
            "RNDIS.SET_COMPLETE request 12, GEN_CURRENT_PACKET_FILTER success",
            "RNDIS.PACKET ARP who-has 10.0.0.2 tell 10.0.0.1, 42 bytes",
            "RNDIS.PACKET IPv4 10.0.0.1 > 10.0.0.2 ICMP echo request seq 5, 1311 bytes",
            "RNDIS.INDICATE_STATUS media disconnect", "RNDIS.HALT request 13", "NVSP.REVOKE_SEND_BUFFER id 0x0",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
    }

    @Test func `tells heartbeats`() {
        let lines = Self.summaries(Self.heartbeats(), .heartbeat).map { "\($0.name) \($0.info)" }
        #expect(
            lines.prefix(4) == [
                "IC.NEGOTIATE offered: framework 3.0, 1.0; messages 3.0, 1.0",
                "IC.NEGOTIATE chosen: framework 3.0; messages 3.0", "HEARTBEAT.SEQUENCE sequence 1",
                "HEARTBEAT.SEQUENCE sequence 2, answer",
            ])
    }

    @Test(arguments: [NVSP.Version.version61, .version5, .version4, .version1])
    func `trees of a session name every byte once`(version: NVSP.Version) {
        let log = Self.session(version)
        #expect(log.count > 60)
        let lines = Self.summaries(log, .network)
        for (packet, line) in zip(log, lines) { Self.check(packet, line, .network) }
    }

    @Test func `trees of heartbeats and of unknown devices name every byte once`() {
        let log = Self.heartbeats()
        for (packet, line) in zip(log, Self.summaries(log, .heartbeat)) { Self.check(packet, line, .heartbeat) }
        for (packet, line) in zip(log, Self.summaries(log, .serial)) { Self.check(packet, line, .serial) }
        let network = Self.session()
        for (packet, line) in zip(network, Self.summaries(network, .unknown)) { Self.check(packet, line, .unknown) }
    }

    static func check(_ packet: RecordedPacket, _ line: PacketSummary, _ kind: DeviceKind) {
        let tree = ChannelDissector.tree(
            packet.record[...], attachmentLength: packet.attachment.count, direction: packet.direction, kind: kind,
            hint: line.hint)
        #expect(tree.name == line.name)
        #expect(tree.problem == nil)
        var next = 0
        for leaf in tree.leaves {
            #expect(leaf.offset == next, "\(line.name) \(leaf.name)")
            #expect(!leaf.name.isEmpty && leaf.name != "malformed")
            next = leaf.offset + leaf.size
        }
        #expect(next == packet.record.count, "\(line.name)")
    }

    @Test func `a frame is a leaf with its text`() {
        let log = Self.session()
        let frames = zip(log, Self.summaries(log, .network)).filter { $0.1.name == "RNDIS.PACKET" }
        #expect(frames.count == 18)
        for (packet, line) in frames {
            let tree = ChannelDissector.tree(
                packet.record[...], attachmentLength: packet.attachment.count, direction: packet.direction,
                kind: .network, hint: line.hint)
            #expect(tree.first(named: "frame")?.text == line.info)
        }
    }

    @Test func `several messages in a section are all shown`() {
        let first = RNDIS.Message(.packet, .packet(RNDIS.Packet(frame: Frames.arp))).encoded()
        let second = RNDIS.Message(.packet, .packet(RNDIS.Packet(frame: Frames.echo(1)))).encoded()
        let attachment = first + [0, 0] + second
        let payload = NVSP.Message(
            .sendRNDISPacket,
            .sendRNDISPacket(.init(channelType: .data, sectionIndex: 0, sectionSize: UInt32(attachment.count)))
        ).encoded(version: .version61, sender: .guestToHost)
        let packet = RecordedPacket(
            bytes: ChannelPacket(payload: payload).encoded ?? [], attachment: attachment, direction: .guestToHost,
            subchannel: 0)
        let lines = Self.summaries([packet], .network)
        #expect(lines[0].info == "ARP who-has 10.0.0.2 tell 10.0.0.1, 42 bytes (and 1 more)")
        Self.check(packet, lines[0], .network)
    }

    @Test func `messages are found by the alignment that the host asked for`() {
        var log = Self.session()
        guard let place = log.firstIndex(where: { $0.attachment.starts(with: [2, 0, 0, 0x80]) }) else {
            Issue.record("no INITIALIZE_COMPLETE")
            return
        }
        log[place].attachment[40] = 5
        let first = RNDIS.Message(.packet, .packet(RNDIS.Packet(frame: Frames.arp))).encoded()
        let second = RNDIS.Message(.packet, .packet(RNDIS.Packet(frame: Frames.echo(1)))).encoded()
        let attachment = first + [UInt8](repeating: 0, count: 96 - first.count) + second
        let payload = HostileTests.rndis(
            .init(channelType: .data, sectionIndex: 0, sectionSize: UInt32(attachment.count)))
        log.append(
            RecordedPacket(
                bytes: ChannelPacket(payload: payload).encoded ?? [], attachment: attachment, direction: .guestToHost,
                subchannel: 0))
        let lines = Self.summaries(log, .network)
        #expect(first.count == 86)
        #expect(lines.last?.info == "ARP who-has 10.0.0.2 tell 10.0.0.1, 42 bytes (and 1 more)")
        if let packet = log.last, let line = lines.last { Self.check(packet, line, .network) }
    }

    @Test func `a message that the agreed version does not have is told as such`() {
        let taken = NVSP.Message(
            .initializeComplete, .initializeComplete(.init(version: .version4, maximumChain: 34, status: .success)))
        let log = [
            (NVSP.Message(.initialize, .initialize(.init(version: .version4))), Direction.guestToHost),
            (taken, .hostToGuest),
            (NVSP.Message(.subchannel, .subchannelRequest(.init(count: 3))), .guestToHost),
            (NVSP.Message(.switchDataPath, .switchDataPath(.init(.virtualFunction))), .guestToHost),
        ].map {
            RecordedPacket(
                bytes: ChannelPacket(payload: $0.encoded(version: .version61, sender: $1)).encoded ?? [],
                attachment: [], direction: $1, subchannel: 0)
        }
        let lines = Self.summaries(log, .network)
        #expect(lines[2].info == "3 sub-channels wanted, which NVSP 4 does not have")
        #expect(lines[3].info == "virtual function")
    }

    /// Hosts of NVSP 6.0 and older name a place inside the message, where there is none (reference §6.1.2).
    @Test(arguments: [(NVSP.Version.version6, true), (.version61, false)])
    func `an old host's table is read where it is`(version: NVSP.Version, isRight: Bool) {
        var pair = NetworkPair.network(hostVersion: version)
        pair.open()
        pair.settle()
        guard let place = pair.log.firstIndex(where: { $0.bytes.dropFirst(16).first == 134 }) else {
            Issue.record("no table")
            return
        }
        pair.log[place].bytes[16 + 8] = 12
        let packet = pair.log[place]
        let line = Self.summaries(Array(pair.log.prefix(place + 1)), .network)[place]
        let tree = ChannelDissector.tree(
            packet.record[...], attachmentLength: 0, direction: .hostToGuest, kind: .network, hint: line.hint)
        #expect(tree.leaves.first { $0.name == "channel_index" }?.offset == (isRight ? 56 : 28))
    }

    @Test func `every element of per-packet info is told to the last field`() {
        let info: [RNDIS.PerPacketInfo] = [
            .init(.checksum, .receiveChecksum(.init(rawValue: 0x128))), .init(.vlan, .vlan(.init(control: 0xB064))),
            .init(.hash, .hash(5)), .init(.hashInformation, .hashInformation(.toeplitz)),
            .init(.packetID, .packetID(.init())), .init(.init(rawValue: 1), .bytes([1, 2, 3, 4])),
        ]
        let message = RNDIS.Message(.packet, .packet(RNDIS.Packet(frame: Frames.arp, info: info))).encoded(
            context: .newest(sender: .hostToGuest))
        let (fields, _, problem) = RNDIS.Message.fields(message[...], context: .newest(sender: .hostToGuest))
        #expect(problem == nil)
        let tree = FieldTree(name: "", fields: fields)
        #expect(tree.first(named: "checksum")?.text == "TCP ok|IP ok|IP value not valid")
        #expect(tree.first(named: "vlan")?.text == "VLAN 100, priority 5, CFI")
        #expect(tree.first(named: "hash_info")?.text == "Toeplitz|IPv4|TCP4|IPv6|TCP6")
        #expect(tree.first(named: "pkt_id") != nil && tree.first(named: "info") != nil)
        let types = tree.leaves.filter { $0.name == "type" }.map { $0.text ?? "" }
        #expect(
            types == [
                "TCP/IP checksum", "802.1Q", "hash value", "hash information or original buffer list",
                "packet id (internal)", "IPsec",
            ])
    }

    @Test func `an empty completion is told by what it answers`() {
        let switched = NVSP.Message(.switchDataPath, .switchDataPath(.init())).encoded()
        let log = [
            ChannelPacket(flags: .completionRequested, transactionID: 5, payload: switched),
            ChannelPacket(type: .completion, transactionID: 5, payload: []),
            ChannelPacket(type: .completion, transactionID: 6, payload: []),
        ].enumerated().map {
            RecordedPacket(
                bytes: $1.encoded ?? [], attachment: [], direction: $0 == 0 ? .guestToHost : .hostToGuest, subchannel: 0
            )
        }
        let lines = Self.summaries(log, .network)
        #expect(lines.map { $0.name } == ["NVSP.SWITCH_DATA_PATH", "NVSP.SWITCH_DATA_PATH", "NVSP.COMPLETION"])
        for (packet, line) in zip(log, lines) { Self.check(packet, line, .network) }
    }

    /// Real packets cut, changed and replaced: nothing traps, and leaves never lie outside the record.
    @Test func `any bytes have a line and a tree`() {
        let log = Self.session() + Self.heartbeats()
        var numbers = SeededNumbers(seed: 11)
        var dissectors = [DeviceKind.network, .heartbeat, .shutdown, .scsi, .unknown].map { ChannelDissector(kind: $0) }
        var malformed = 0
        for round in 0..<6000 {
            guard var packet = log.randomElement(using: &numbers) else { return }
            var record = packet.record
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                record[Int.random(in: 0..<record.count, using: &numbers)] = UInt8.random(
                    in: .min ... .max, using: &numbers)
            }
            if round % 3 == 0 { record.removeLast(Int.random(in: 0...record.count, using: &numbers)) }
            if round % 50 == 0 {
                record = (0..<Int.random(in: 0...200, using: &numbers)).map { _ in
                    UInt8.random(in: .min ... .max, using: &numbers)
                }
            }
            packet.bytes = record
            let attachmentLength =
                round % 7 == 0 ? Int.random(in: -5...5000, using: &numbers) : packet.attachment.count
            let index = round % dissectors.count
            let line = dissectors[index].summarise(
                record[...], attachmentLength: attachmentLength, direction: packet.direction)
            #expect(!line.name.isEmpty)
            let tree = ChannelDissector.tree(
                record[...], attachmentLength: attachmentLength, direction: packet.direction,
                kind: dissectors[index].kind, hint: line.hint)
            var covered = [Bool](repeating: false, count: record.count)
            var outside = 0
            for leaf in tree.leaves {
                if leaf.offset < 0 || leaf.offset + leaf.size > record.count {
                    outside += 1
                } else {
                    for place in leaf.offset..<leaf.offset + leaf.size { covered[place] = true }
                }
            }
            let isCovered = outside == 0 && covered.allSatisfy { $0 }
            #expect(isCovered, "round \(round): \(tree.name)")
            #expect(tree.name == line.name, "round \(round)")
            if tree.problem != nil { malformed += 1 }
        }
        #expect(malformed > 500)
    }
}
