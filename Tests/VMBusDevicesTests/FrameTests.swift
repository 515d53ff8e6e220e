import Testing
import VMBusDevices
import VMBusWire

/// The fields of a frame by the names of their layers and their own.
private func fields(_ frame: [UInt8]) -> [String: FieldNode] {
    var found: [String: FieldNode] = [:]
    for layer in EthernetFrame.fields(frame[...]) {
        found[layer.name] = layer
        for field in layer.children { found["\(layer.name).\(field.name)"] = field }
    }
    return found
}

private let sender = FrameWriter(hardware: Frames.guest, internet: InternetAddress([10, 0, 0, 1]))
private let target = InternetAddress([10, 0, 0, 2])

private func ping(_ count: Int) -> [UInt8] {
    sender.message(to: Frames.other, target, ICMPHeader(), (0..<count).map { UInt8(truncatingIfNeeded: $0) })
}

@Suite struct `The fields of a frame` {
    static let samples: [[UInt8]] = [
        Frames.arp, Frames.echo(1), Frames.connect(port: 1), ping(0), ping(1400), sender.question(target),
        sender.datagram(to: Frames.other, target, from: 68, to: 67, DHCPMessage().encoded()),
        bytes("333300000002 00155d000101 86dd 6000000000083aff") + bytes("fe80000000000000 02155dfffe000101")
            + bytes("ff02000000000000 0000000000000002") + bytes("8500000000000000"),
        bytes("00155d000102 00155d000101 8100 2005 0806") + [UInt8](repeating: 0, count: 28),
        Frames.other + Frames.guest + [0x88, 0xCC, 1, 2, 3],
    ]

    @Test(arguments: samples)
    func `cover every byte of it, however it is cut`(frame: [UInt8]) {
        for count in 0...frame.count {
            let tree = FieldTree(name: "FRAME", fields: EthernetFrame.fields(frame.prefix(count), base: 7))
            var next = 7
            for leaf in tree.leaves {
                #expect(leaf.offset == next && leaf.size > 0, "\(leaf.name) of \(count) bytes")
                #expect(!leaf.help.isEmpty)
                next = leaf.offset + leaf.size
            }
            #expect(next == 7 + count)
        }
    }

    @Test func `say what an ARP question asks`() {
        let found = fields(Frames.arp)
        #expect(found["arp.operation"]?.text == "request")
        #expect(found["arp.target"]?.value == .text("10.0.0.2"))
        #expect(found["ethernet.destination"]?.text == "ff:ff:ff:ff:ff:ff")
    }

    @Test func `say of a checksum whether it is right`() {
        var frame = ping(56)
        #expect(fields(frame)["icmp.checksum"]?.text == "right")
        #expect(fields(frame)["ipv4.checksum"]?.text == "right")
        frame[50] ^= 1
        #expect(fields(frame)["icmp.checksum"]?.text == "wrong")
        frame[24] ^= 1
        #expect(fields(frame)["ipv4.checksum"]?.text == "wrong")
    }

    @Test func `know a checksum that is left to the host`() {
        var frame = sender.datagram(to: Frames.other, target, from: 9, to: 7, [1, 2, 3])
        #expect(fields(frame)["udp.checksum"]?.text == "right")
        let sum = InternetSum(source: sender.internet, destination: target, carries: .udp, count: 11).folded
        frame[40] = UInt8(sum >> 8)
        frame[41] = UInt8(sum & 0xFF)
        #expect(fields(frame)["udp.checksum"]?.text == "of the addresses alone: the host is to finish it")
    }

    @Test func `name the padding behind a short packet`() {
        #expect(fields(sender.question(target))["padding"]?.size == 18)
        #expect(fields(ping(0))["padding"]?.size == 18)
        #expect(fields(ping(100))["padding"] == nil)
    }

    @Test func `decode a tag and what is behind it`() {
        let found = fields(Self.samples[8])
        #expect(found["vlan.tci"]?.text == "VLAN 5, priority 1")
        #expect(found["arp"] != nil)
    }

    @Test func `decode DHCP with the words of its options`() throws {
        var message = DHCPMessage()
        message.clientHardware = Frames.guest
        message.options = [
            DHCPMessage.Option(.messageType, [1]), DHCPMessage.Option(.requestedAddress, [10, 0, 0, 9]),
            DHCPMessage.Option(.hostName, Array("a\u{1B}b".utf8)), DHCPMessage.Option(.end),
        ]
        let again = try DHCPMessage.decode(message.encoded())
        #expect(again.options == message.options && again.kind == .discover)
        #expect(again.clientHardware == Frames.guest)
        let frame = sender.datagram(to: Frames.other, target, from: 68, to: 67, message.encoded())
        let options = fields(frame)["dhcp"]?.children.filter { $0.name == "option" } ?? []
        let texts = options.compactMap { option in option.children.first { $0.name == "data" }?.text }
        #expect(texts == ["DISCOVER", "10.0.0.9", "a.b"])
    }
}

@Suite struct `The internet's sum` {
    /// RFC 1071, section 3.
    @Test func `is that of the standard's example`() {
        #expect(InternetSum(bytes("0001f203f4f5f6f7")).folded == 0xDDF2)
    }

    @Test func `a sum is that of its bytes two by two, however many there are`() {
        let data = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 / 7) }
        for start in 0..<9 {
            for end in start...data.count {
                var sum = stride(from: start, to: end, by: 2).reduce(0) {
                    $0 + Int(data[$1]) << 8 + ($1 + 1 < end ? Int(data[$1 + 1]) : 0)
                }
                while sum > 0xFFFF { sum = sum >> 16 + sum & 0xFFFF }
                #expect(Int(InternetSum(data[start..<end]).folded) == sum)
            }
        }
        #expect(InternetSum([UInt8](repeating: 0, count: 40)).folded == 0)
        #expect(InternetSum([UInt8](repeating: 0xFF, count: 40)).folded == 0xFFFF)
    }

    @Test func `is the same in pieces of any size`() {
        let data = (0..<301).map { UInt8(truncatingIfNeeded: $0 * 37) }
        let whole = InternetSum(data).folded
        for cut in 0...data.count {
            var sum = InternetSum(data.prefix(cut))
            sum.add(data.dropFirst(cut))
            #expect(sum.folded == whole)
        }
    }
}

@Suite struct `The hash of a flow` {
    /// From the verification suite of receive side scaling, with the key that is common.
    @Test(arguments: [(UInt8(6), UInt32(0x51CC_C178)), (17, 0x323E_8FC2)])
    func `is the published one, with the ports of TCP alone`(_ carries: UInt8, _ hash: UInt32) {
        var frame = [UInt8](repeating: 0, count: 12) + [0x08, 0x00]
        frame += [0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, carries, 0, 0, 66, 9, 149, 187, 161, 142, 100, 80]
        frame += [0x0A, 0xEA, 0x06, 0xE6] + [UInt8](repeating: 0, count: 16)
        #expect(FlowHash.hash(frame[...]) == hash)
        #expect(FlowHash.hash(([1, 2, 3] + frame)[3...]) == hash)
        #expect(FlowHash.hash(frame[..<33]) == 0)
    }
}
