public import VMBusWire

/// Says what the packets of one channel mean; it follows the conversation, as some answers do not say what they answer.
public struct ChannelDissector: Sendable, Hashable {
    /// Who asked, and under which number.
    struct Request: Hashable, Sendable {
        var sender: Direction
        var id: UInt64
    }

    /// What kind of device the channel belongs to.
    public let kind: DeviceKind
    /// The NVSP message or storage request that was sent under a transaction id.
    var requests = RecentTable<Request>(capacity: 1024)
    /// What the ends of a network adapter agreed on.
    var network = NetworkAgreement()
    /// The object that an RNDIS request is about.
    var objects = RecentTable<UInt32>(capacity: 256)

    /// Follows a channel of a device from its first packet on; later is possible and knows less.
    public init(kind: DeviceKind) { self.kind = kind }

    /// One line for a packet, which is remembered as far as later ones refer to it.
    ///
    /// - Parameters:
    ///   - packet: a ring packet from its descriptor, without its trailer, then what it points to.
    ///   - attachmentLength: how many bytes at the end of `packet` it points to.
    ///   - direction: who sent it.
    public mutating func summarise(
        _ packet: ArraySlice<UInt8>, attachmentLength: Int, direction: Direction
    ) -> PacketSummary {
        let parts = PacketParts(packet, attachmentLength: attachmentLength)
        guard let descriptor = parts.descriptor else {
            return PacketSummary(name: "PACKET.MALFORMED", info: parts.problem.map { "\($0)" } ?? "")
        }
        switch kind {
        case .network: return summariseNetwork(parts, descriptor, direction)
        case .scsi, .ide, .fibreChannel: return summariseStorage(parts, descriptor, direction)
        case .heartbeat, .shutdown, .timeSync, .keyValueExchange, .backup, .fileCopy:
            if descriptor.type == .dataInBand { return Self.summariseIntegration(parts, direction) }
        case .socket where descriptor.type == .dataInBand: return Self.summariseSocket(parts)
        case .balloon where descriptor.type == .dataInBand: return Self.summariseBalloon(parts)
        case .pci where parts.isPlain: return summariseVPCI(parts, descriptor, direction)
        default:
            if descriptor.type == .dataInBand, let messages = Self.messages(of: kind) {
                return Self.summarise(messages, parts)
            }
        }
        return Self.summariseUnknown(parts, descriptor)
    }

    /// All fields of a packet, covering every byte of it and of what it points to.
    ///
    /// - Parameters:
    ///   - packet: as in `summarise`.
    ///   - attachmentLength: as in `summarise`.
    ///   - direction: who sent it.
    ///   - kind: what kind of device the channel belongs to.
    ///   - hint: what `summarise` gave for this packet.
    public static func tree(
        _ packet: ArraySlice<UInt8>, attachmentLength: Int, direction: Direction, kind: DeviceKind, hint: UInt32
    ) -> FieldTree {
        let parts = PacketParts(packet, attachmentLength: attachmentLength)
        guard let descriptor = parts.descriptor else {
            return FieldTree(
                name: "PACKET.MALFORMED",
                fields: parts.header + parts.leaf("attachment", parts.attachment, "what the packet points to"),
                problem: parts.problem)
        }
        var tree: FieldTree
        switch kind {
        case .network: tree = networkTree(parts, direction, hint)
        case .scsi, .ide, .fibreChannel: tree = storageTree(parts, direction, hint)
        case .heartbeat, .shutdown, .timeSync, .keyValueExchange, .backup, .fileCopy:
            tree =
                descriptor.type == .dataInBand
                ? integrationTree(parts, direction) : unknownTree(parts, descriptor)
        case .socket where descriptor.type == .dataInBand: tree = socketTree(parts)
        case .balloon where descriptor.type == .dataInBand: tree = balloonTree(parts)
        case .pci where parts.isPlain: tree = vpciTree(parts, direction, hint)
        default:
            let messages = descriptor.type == .dataInBand ? messages(of: kind) : nil
            tree = messages.map { Self.tree($0, parts) } ?? unknownTree(parts, descriptor)
        }
        tree.problem = parts.problem ?? tree.problem
        return tree
    }

    private static func name(_ type: PacketType) -> String {
        guard let name = type.name else { return "PACKET.TYPE_\(type.rawValue)" }
        return "PACKET." + name.uppercased().map { $0 == " " || $0 == "-" ? "_" : String($0) }.joined()
    }

    private static func summariseUnknown(_ parts: PacketParts, _ descriptor: PacketDescriptor) -> PacketSummary {
        var info = "\(parts.payload.count) bytes of payload"
        if !parts.attachment.isEmpty { info += ", \(parts.attachment.count) bytes in shared memory" }
        return PacketSummary(name: name(descriptor.type), info: info)
    }

    private static func unknownTree(_ parts: PacketParts, _ descriptor: PacketDescriptor) -> FieldTree {
        FieldTree(
            name: name(descriptor.type),
            fields: parts.header
                + parts.leaf("payload", parts.payload, "what the device says, in a language that is not known here")
                + parts.leaf("padding", parts.surplus, "bytes behind the packet")
                + parts.leaf("attachment", parts.attachment, "what the packet points to"))
    }
}
