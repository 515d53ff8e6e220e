import Testing
import VMBusDevices
import VMBusWire

@Suite struct RNDISTests {
    /// Composed by hand from the tables of reference §6.1.5: checksum and hash info in front of a 14-byte frame.
    static let packet = bytes(
        """
        01000000 5a000000
        44000000 0e000000 00000000 00000000 00000000 24000000 20000000 00000000 00000000
        10000000 00000000 0c000000 38000000
        10000000 08000000 0c000000 78c1cc51
        ffffffffffff 00155d000101 0800
        """)

    @Test func `reads a packet with two elements of info`() throws {
        let message = try RNDIS.Message.decode(Self.packet, context: .newest(sender: .hostToGuest))
        #expect(message.type == .packet)
        #expect(message.length == UInt32(Self.packet.count))
        guard case .packet(let packet) = message.body else {
            Issue.record("not a packet")
            return
        }
        #expect(packet.frame == Array(Self.packet.suffix(14)))
        #expect(packet.info.map { $0.type } == [.checksum, .hash])
        #expect(packet.info.map { $0.value } == [.receiveChecksum(.init(rawValue: 0x38)), .hash(0x51CC_C178)])
    }

    @Test func `writes the same bytes again`() throws {
        let message = try RNDIS.Message.decode(Self.packet, context: .newest(sender: .hostToGuest))
        #expect(message.encoded(context: .newest(sender: .hostToGuest)) == Self.packet)
        let built = RNDIS.Message(
            .packet,
            .packet(
                RNDIS.Packet(
                    frame: Array(Self.packet.suffix(14)),
                    info: [
                        RNDIS.PerPacketInfo(.checksum, .receiveChecksum(.init(rawValue: 0x38))),
                        RNDIS.PerPacketInfo(.hash, .hash(0x51CC_C178)),
                    ])))
        #expect(built.encoded(context: .newest(sender: .hostToGuest)) == Self.packet)
    }

    @Test func `the meaning of checksum bits follows the sender`() {
        let fromHost = RNDIS.Message.fields(Self.packet[...], context: .newest(sender: .hostToGuest)).fields
        let fromGuest = RNDIS.Message.fields(Self.packet[...], context: .newest(sender: .guestToHost)).fields
        #expect(FieldTree(name: "", fields: fromHost).first(named: "checksum")?.text == "TCP ok|UDP ok|IP ok")
        #expect(FieldTree(name: "", fields: fromGuest).first(named: "checksum")?.text == "UDP|IP header|0x20")
    }

    @Test func `the tree names every byte in order`() {
        let (fields, _, problem) = RNDIS.Message.fields(Self.packet[...], context: .newest(sender: .hostToGuest))
        #expect(problem == nil)
        let leaves = FieldTree(name: "", fields: fields).leaves
        #expect(
            leaves.map { $0.name } == [
                "ndis_msg_type", "msg_len", "data_offset", "data_len", "oob_data_offset", "oob_data_len",
                "num_oob_data_elements", "per_pkt_info_offset", "per_pkt_info_len", "vc_handle", "reserved", "size",
                "type", "ppi_offset", "checksum", "size", "type", "ppi_offset", "hash", "frame",
            ])
        var next = 0
        for leaf in leaves {
            #expect(leaf.offset == next)
            next = leaf.offset + leaf.size
        }
        #expect(next == Self.packet.count)
    }

    /// Each is the packet above with four bytes changed: where, to what, and the field that must be blamed.
    @Test(arguments: [
        (4, UInt32(91), "body"), (4, 7, "msg_len"), (8, 0x45, "data"), (8, 20, "data_offset"),
        (28, 0xFFFF_FFF0, "info"), (32, 0x21, "size"), (44, 0, "size"), (44, 0x21, "size"), (44, 11, "size"),
        (52, 16, "ppi_offset"), (52, 8, "ppi_offset"), (52, 0xFFFF_FFFF, "ppi_offset"),
    ])
    func `refuses places outside the message`(place: Int, value: UInt32, field: String) {
        var bytes = Self.packet
        for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt32(index * 8)) }
        do throws(WireError) {
            let message = try RNDIS.Message.decode(bytes, context: .newest(sender: .hostToGuest))
            Issue.record("accepted \(message)")
        } catch {
            #expect(error.field == field, "\(error)")
        }
        let tree = FieldTree(name: "", fields: RNDIS.Message.fields(bytes[...]).fields)
        #expect(tree.first(named: "malformed") != nil || tree.leaves.last?.name == "frame")
    }

    @Test func `reads and writes a query and its answer`() throws {
        let query = RNDIS.Message(.query, .request(RNDIS.Request(requestID: 7, object: .permanentAddress)))
        #expect(query.encoded() == bytes("04000000 1c000000 07000000 01010101 00000000 00000000 00000000"))
        let answer = RNDIS.Message(
            RNDIS.MessageType.query.completion,
            .answer(
                RNDIS.Answer(
                    requestID: 7, status: .success, object: .permanentAddress,
                    information: .address(Frames.guest))))
        let expected = bytes("04000080 1e000000 07000000 00000000 06000000 10000000 00155d000101")
        #expect(answer.encoded() == expected)
        let subject = RNDIS.ObjectIdentifier.permanentAddress.rawValue
        let read = try RNDIS.Message.decode(expected, context: .newest(sender: .hostToGuest, subject: subject))
        #expect(read == answer)
        guard case .answer(let blind) = try RNDIS.Message.decode(expected).body else {
            Issue.record("not an answer")
            return
        }
        #expect(blind.information == .bytes(Frames.guest))
    }

    @Test func `RSS parameters lie where their offsets say`() throws {
        let table: [UInt32] = [0, 1, 2, 3]
        let parameters = RNDIS.ReceiveScaleParameters(table: table, key: FlowHash.commonKey, enabled: true)
        let encoded = parameters.encoded()
        #expect(encoded.count == 40 + 16 + 40)
        #expect(
            Array(encoded.prefix(40))
                == bytes(
                    "89022800 0000 0000 01170000 1000 0000 28000000 2800 0000 38000000 00000000 00000000 00000000"))
        #expect(try RNDIS.ReceiveScaleParameters.decode(encoded) == parameters)
    }

    @Test func `a configuration parameter is two texts`() throws {
        let parameter = RNDIS.ConfigurationParameter(name: "NetworkAddress", value: "00155D000101")
        let read = try RNDIS.ConfigurationParameter.decode(parameter.encoded())
        #expect(UTF16Text.text(read.name) == "NetworkAddress")
        #expect(UTF16Text.text(read.value) == "00155D000101")
    }

    @Test func `schemas walk every branch`() {
        let paths = Set(RNDIS.Message.schema.map { $0.path })
        for path in ["body.info.per_pkt_info.data.vlan", "body.data.frame", "body.information.info.packet_filter"] {
            #expect(paths.contains(path), "\(path) is missing")
        }
        #expect(NVSP.Message.schema.contains { $0.path == "table.entry.channel_index" })
    }

    /// The vectors that Microsoft publishes for the hash.
    @Test func `the flow hash is Toeplitz over addresses and ports`() {
        var frame = Frames.connect(port: 2794)
        frame.replaceSubrange(26..<34, with: [66, 9, 149, 187, 161, 142, 100, 80])
        frame.replaceSubrange(36..<38, with: [0x06, 0xE6])
        #expect(FlowHash.hash(frame[...]) == 0x51CC_C178)
        frame[23] = 17
        #expect(FlowHash.hash(frame[...]) == 0x323E_8FC2)
        #expect(FlowHash.hash(Frames.arp[...]) == 0)
    }
}

@Suite struct EthernetFrameTests {
    @Test func `says what people look for`() {
        #expect(EthernetFrame.summary(Frames.arp[...]) == "ARP who-has 10.0.0.2 tell 10.0.0.1, 42 bytes")
        #expect(
            EthernetFrame.summary(Frames.echo(7)[...]) == "IPv4 10.0.0.1 > 10.0.0.2 ICMP echo request seq 7, 98 bytes")
        #expect(
            EthernetFrame.summary(Frames.connect(port: 4711)[...])
                == "IPv4 10.0.0.1 > 10.0.0.2 TCP 4711 > 80 SYN, 54 bytes")
        let lldp = Frames.other + Frames.guest + [0x88, 0xCC]
        #expect(
            EthernetFrame.summary(lldp[...])
                == "Ethernet type 0x88cc 00:15:5d:00:01:01 > 00:15:5d:00:01:02, 14 bytes")
        let solicitation =
            bytes("333300000002 00155d000101 86dd 6000000000083aff") + bytes("fe80000000000000 02155dfffe000101")
            + bytes("ff02000000000000 0000000000000002") + bytes("8500000000000000")
        #expect(
            EthernetFrame.summary(solicitation[...])
                == "IPv6 fe80::215:5dff:fe00:101 > ff02::2 ICMPv6 type 133, 62 bytes")
    }

    @Test func `every cut of a frame has a text`() {
        for frame in [Frames.arp, Frames.echo(1), Frames.connect(port: 1)] {
            for length in 0...frame.count { #expect(!EthernetFrame.summary(frame.prefix(length)).isEmpty) }
        }
    }
}
