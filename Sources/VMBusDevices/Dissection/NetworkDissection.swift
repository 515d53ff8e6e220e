import VMBusWire

/// What the two ends of a network adapter agreed on, as far as later packets are read by it.
struct NetworkAgreement: Sendable, Hashable {
    /// The version that the guest proposed last.
    var proposal: NVSP.Version?
    /// The version that the host took.
    var version: NVSP.Version?
    /// Logarithm of the alignment of messages in one send section.
    var alignment: UInt32 = usualAlignment

    /// What hosts ask for.
    static let usualAlignment: UInt32 = 3

    /// The alignment as a hint for a field tree: no object has such a number.
    var hint: UInt32 { alignment == Self.usualAlignment ? 0 : 0x100 | alignment }

    /// The alignment that a hint tells, in bytes.
    static func alignment(hint: UInt32) -> Int {
        1 << ((0x100..<0x110).contains(hint) ? hint & 0xF : usualAlignment)
    }

    /// The object that a hint tells; 0 for none.
    static func object(hint: UInt32) -> UInt32 { (0x100..<0x110).contains(hint) ? 0 : hint }

    /// Follows what is agreed on.
    mutating func follow(_ message: NVSP.Message) {
        switch message.body {
        case .initialize(let proposed): proposal = proposed.maximum
        case .initializeComplete(let answer): version = answer.status == .success ? proposal : nil
        default: break
        }
    }

    /// Follows what is agreed on.
    mutating func follow(_ message: RNDIS.Message) {
        if case .initializeComplete(let answer) = message.body { alignment = min(answer.alignmentFactor, 15) }
    }
}

extension ChannelDissector {
    mutating func summariseNetwork(
        _ parts: PacketParts, _ descriptor: PacketDescriptor, _ direction: Direction
    ) -> PacketSummary {
        let isCompletion = descriptor.type == .completion
        if isCompletion, parts.payload.isEmpty {
            let asked = requests[Request(sender: direction.opposite, id: descriptor.transactionID)] ?? 0
            return PacketSummary(name: Self.emptyName(asked), info: "completion without a body", hint: asked)
        }
        let message: NVSP.Message
        do throws(WireError) {
            message = try .decode(
                parts.payload, context: .newest(sender: direction, subject: network.version?.rawValue ?? 0))
        } catch {
            return PacketSummary(name: Self.nvspName(parts.payload), info: "\(error)")
        }
        if !isCompletion, descriptor.flags.contains(.completionRequested) {
            requests.insert(message.type.rawValue, for: Request(sender: direction, id: descriptor.transactionID))
        }
        network.follow(message)
        if case .sendRNDISPacket(let place) = message.body, !parts.attachment.isEmpty {
            return summariseRNDIS(parts, place, direction)
        }
        var info = Self.info(message)
        if let version = network.version, version < message.type.since {
            info += ", which \(version.meaning ?? "the version") does not have"
        }
        // Where old hosts put the table, its message does not say.
        let hint = message.type == .sendIndirectionTable ? network.version?.rawValue ?? 0 : 0
        return PacketSummary(name: "NVSP.\(message.type.name)", info: info, hint: hint)
    }

    /// The first message decides; how many more there are is told.
    private mutating func summariseRNDIS(
        _ parts: PacketParts, _ place: NVSP.RNDISPacket, _ direction: Direction
    ) -> PacketSummary {
        var summary: PacketSummary?
        var count = 0
        for slice in Self.messages(parts, alignment: 1 << Int(network.alignment)) {
            count += 1
            var subject: UInt32 = 0
            if let head = try? RNDIS.RequestHead.decode(slice) {
                subject = head.type.rawValue & RNDIS.MessageType.completionBit != 0 ? objects[head.requestID] ?? 0 : 0
            }
            do throws(WireError) {
                let message = try RNDIS.Message.decode(slice, context: .newest(sender: direction, subject: subject))
                if case .request(let request) = message.body {
                    objects.insert(request.object.rawValue, for: request.requestID)
                }
                network.follow(message)
                if summary == nil {
                    var hint: UInt32 = 0
                    switch message.body {
                    case .answer, .result: hint = subject
                    default: break
                    }
                    summary = PacketSummary(
                        name: "RNDIS.\(message.type.name)", info: Self.info(message, subject: hint),
                        hint: hint == 0 ? network.hint : hint)
                }
            } catch {
                if summary == nil { summary = PacketSummary(name: Self.rndisName(slice), info: "\(error)") }
            }
        }
        guard var summary else {
            return PacketSummary(name: "NVSP.SEND_RNDIS_PACKET", info: "\(parts.attachment.count) bytes")
        }
        if count > 1 { summary.info += " (and \(count - 1) more)" }
        return summary
    }

    static func networkTree(_ parts: PacketParts, _ direction: Direction, _ hint: UInt32) -> FieldTree {
        let base = parts.offset(of: parts.payload)
        var fields = parts.header
        if parts.payload.isEmpty, parts.descriptor?.type == .completion {
            return FieldTree(
                name: emptyName(hint),
                fields: fields + parts.leaf("padding", parts.surplus, "bytes behind the packet")
                    + parts.leaf("attachment", parts.attachment, "what the packet points to"))
        }
        let (inner, message, problem) = NVSP.Message.fields(
            parts.payload, base: base, context: .newest(sender: direction, subject: hint))
        if !inner.isEmpty {
            fields.append(
                FieldNode(
                    name: "nvsp", offset: base, size: parts.payload.count, value: .composite,
                    text: message.map { info($0) }, help: "network service message", children: inner))
        }
        fields += parts.leaf("padding", parts.surplus, "bytes behind the packet")
        var tree = FieldTree(
            name: message.map { "NVSP.\($0.type.name)" } ?? nvspName(parts.payload), fields: fields, problem: problem)
        guard case .sendRNDISPacket = message?.body else {
            tree.fields += parts.leaf("attachment", parts.attachment, "what the packet points to")
            return tree
        }
        var end = parts.offset(of: parts.attachment)
        let subject = NetworkAgreement.object(hint: hint)
        for slice in messages(parts, alignment: NetworkAgreement.alignment(hint: hint)) {
            let offset = parts.offset(of: slice)
            tree.fields += gap(parts, from: end, to: offset)
            let (inner, message, problem) = RNDIS.Message.fields(
                slice, base: offset, context: .newest(sender: direction, subject: subject))
            let name = message.map { "RNDIS.\($0.type.name)" } ?? rndisName(slice)
            if tree.name.hasPrefix("NVSP.") { tree.name = name }
            if tree.problem == nil { tree.problem = problem }
            tree.fields.append(
                FieldNode(
                    name: "rndis", offset: offset, size: slice.count, value: .composite,
                    text: message.map { info($0, subject: subject) }, help: "remote NDIS message, in shared memory",
                    children: inner))
            end = offset + slice.count
        }
        tree.fields += gap(parts, from: end, to: parts.offset(of: parts.attachment) + parts.attachment.count)
        return tree
    }

    private static func gap(_ parts: PacketParts, from: Int, to: Int) -> [FieldNode] {
        guard to > from else { return [] }
        let start = parts.attachment.startIndex + from - parts.offset(of: parts.attachment)
        return parts.leaf("padding", parts.attachment[start..<start + to - from], "bytes between two messages")
    }

    /// The RNDIS messages that a packet points to: one in each range of the receive buffer; in a send section one behind the
    /// other, each aligned as the host asked for.
    private static func messages(_ parts: PacketParts, alignment: Int) -> [ArraySlice<UInt8>] {
        var slices: [ArraySlice<UInt8>] = []
        for part in parts.attachmentParts {
            var rest = part
            while !rest.isEmpty {
                let length = (try? RNDIS.RequestHead.Length.decode(rest))?.length ?? 0
                guard length >= 8, Int(length) <= rest.count else {
                    slices.append(rest)
                    break
                }
                slices.append(rest.prefix(Int(length)))
                rest = rest.dropFirst((Int(length) + alignment - 1) / alignment * alignment)
                // What is left of a range and too short for a message is padding.
                if rest.count < RNDIS.headerSize { break }
            }
        }
        return slices
    }

    private static func emptyName(_ asked: UInt32) -> String {
        asked == 0 ? "NVSP.COMPLETION" : "NVSP.\(NVSP.MessageType(rawValue: asked).name)"
    }

    private static func nvspName(_ payload: ArraySlice<UInt8>) -> String {
        guard let first = try? NVSP.ChannelIndex.decode(payload) else { return "NVSP.MALFORMED" }
        return "NVSP.\(NVSP.MessageType(rawValue: first.channel).name)"
    }

    private static func rndisName(_ bytes: ArraySlice<UInt8>) -> String {
        guard let head = try? RNDIS.RequestHead.Length.decode(bytes) else { return "RNDIS.MALFORMED" }
        return "RNDIS.\(head.type.name)"
    }
}

extension Direction {
    /// The other way.
    var opposite: Direction { self == .guestToHost ? .hostToGuest : .guestToHost }
}

extension RNDIS.RequestHead {
    /// The start of any message: type and length.
    struct Length: WireStructure {
        static let structureName: StaticString = "RNDIS"
        var type = RNDIS.MessageType(rawValue: 0)
        var length: UInt32 = 0
        init() {}
        mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("ndis_msg_type", &type, .hexadecimal, "which message it is")
            try visitor.field("msg_len", &length, "bytes of the message")
        }
    }
}
