public import VMBusWire

extension EthernetFrame {
    /// All fields of a frame, layer by layer; they cover every byte. `base` is added to every offset.
    public static func fields(_ frame: ArraySlice<UInt8>, base: Int = 0) -> [FieldNode] {
        var layers = FrameLayers(frame, base: base)
        layers.read()
        return layers.nodes
    }
}

/// Walks from one header to the next, and leaves a field for each.
private struct FrameLayers {
    private(set) var nodes: [FieldNode] = []
    /// What is not read yet of the packet, and what lies behind it in the frame.
    private var rest: ArraySlice<UInt8>
    private var behind: ArraySlice<UInt8> = []
    private var offset: Int

    init(_ frame: ArraySlice<UInt8>, base: Int) {
        rest = frame
        offset = base
    }

    mutating func read() {
        if let header: EthernetHeader = layer("ethernet", "addresses and kind of the frame") {
            var type = header.type
            if type == .tagged, let tag: VLANHeader = layer("vlan", "802.1Q tag") { type = tag.type }
            switch type {
            case .resolution:
                if let _: ARPPacket = layer("arp", "who has an IPv4 address") { limit(to: 0) }
            case .internet4: internet4()
            case .internet6: internet6()
            default: break
            }
        }
        leaf("payload", rest, "what the frame carries")
        leaf("padding", behind, "fills the frame up")
    }

    /// One header of a kind; nil when it cannot be read, and then the fields say why.
    private mutating func layer<Header: WireStructure>(_ name: String, _ help: String) -> Header? {
        let size = (try? Header.decodePrefix(rest))?.byteCount
        guard !rest.isEmpty else { return nil }
        let (fields, value, _) = Header.fields(rest.prefix(size ?? rest.count), base: offset)
        let node = FieldNode(
            name: name, offset: offset, size: size ?? rest.count, value: .composite, help: help, children: fields)
        append(node)
        return value
    }

    private mutating func leaf(_ name: String, _ bytes: ArraySlice<UInt8>, _ help: String) {
        guard !bytes.isEmpty else { return }
        append(FieldNode(name: name, offset: offset, size: bytes.count, value: .bytes(Array(bytes)), help: help))
    }

    private mutating func append(_ node: FieldNode) {
        nodes.append(node)
        rest = rest.dropFirst(node.size)
        offset += node.size
    }

    /// The packet ends after as many bytes more.
    private mutating func limit(to count: Int) {
        behind = rest.dropFirst(count)
        rest = rest.prefix(count)
    }

    private mutating func internet4() {
        let packet = rest
        guard let header: IPv4Header = layer("ipv4", "header of an IPv4 packet") else { return }
        judge(InternetSum(packet.prefix(header.byteCount)))
        limit(to: Int(header.totalLength.rawValue) - header.byteCount)
        guard !header.fragment.isPiece else { return }
        let sum = InternetSum(
            source: header.source, destination: header.destination, carries: header.carries, count: rest.count)
        transport(header.carries, header.carries == .icmp ? InternetSum() : sum, sum.folded)
    }

    private mutating func internet6() {
        guard let header: IPv6Header = layer("ipv6", "header of an IPv6 packet") else { return }
        limit(to: Int(header.payloadLength.rawValue))
        let sum = InternetSum(
            addresses: (header.source + header.destination)[...], carries: header.carries.rawValue, count: rest.count)
        transport(header.carries, sum, sum.folded)
    }

    private mutating func transport(_ carries: InternetProtocol, _ sum: InternetSum, _ pseudo: UInt16) {
        var sum = sum
        sum.add(rest)
        switch carries {
        case .icmp, .icmp6:
            if let _: ICMPHeader = layer("icmp", "a message about the network itself") { judge(sum, pseudo) }
        case .tcp:
            if let _: TCPHeader = layer("tcp", "a segment of a stream") { judge(sum, pseudo) }
        case .udp:
            guard let header: UDPHeader = layer("udp", "a datagram") else { return }
            if header.checksum != 0 { judge(sum, pseudo) }
            if header.source == DHCPMessage.serverPort || header.destination == DHCPMessage.serverPort {
                let _: DHCPMessage? = layer("dhcp", "how a guest is given an address")
            }
        default: break
        }
    }

    /// Says of the last layer's checksum whether it is right.
    private mutating func judge(_ sum: InternetSum, _ pseudo: UInt16? = nil) {
        guard let last = nodes.indices.last,
            let field = nodes[last].children.firstIndex(where: { $0.name == "checksum" }),
            case .identifier(let value) = nodes[last].children[field].value
        else { return }
        let isBegun = pseudo.map { UInt64($0) } == value
        nodes[last].children[field].text =
            sum.isRight ? "right" : isBegun ? "of the addresses alone: the host is to finish it" : "wrong"
    }
}
