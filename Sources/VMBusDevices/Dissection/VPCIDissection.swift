import VMBusWire

extension ChannelDissector {
    mutating func summariseVPCI(
        _ parts: PacketParts, _ descriptor: PacketDescriptor, _ direction: Direction
    ) -> PacketSummary {
        let isAnswer = descriptor.type == .completion
        let asked = isAnswer ? requests[Request(sender: direction.opposite, id: descriptor.transactionID)] ?? .max : 0
        do throws(WireError) {
            let message = try VPCI.Message.decode(parts.payload, context: .newest(sender: direction, subject: asked))
            if !isAnswer, descriptor.flags.contains(.completionRequested) {
                requests.insert(message.type.rawValue, for: Request(sender: direction, id: descriptor.transactionID))
            }
            return PacketSummary(name: Self.name(message), info: Self.info(message, isAnswer), hint: asked)
        } catch {
            return PacketSummary(name: "VPCI.MALFORMED", info: "\(error)", hint: asked)
        }
    }

    static func vpciTree(_ parts: PacketParts, _ direction: Direction, _ hint: UInt32) -> FieldTree {
        let base = parts.offset(of: parts.payload)
        let isAnswer = parts.descriptor?.type == .completion
        let (fields, message, problem) = VPCI.Message.fields(
            parts.payload, base: base,
            context: .newest(sender: direction, subject: isAnswer ? (hint == 0 ? .max : hint) : 0))
        let node = FieldNode(
            name: "vpci", offset: base, size: parts.payload.count, value: .composite,
            text: message.map { info($0, isAnswer) }, help: "message of a virtual PCI bus", children: fields)
        return FieldTree(
            name: message.map { name($0) } ?? "VPCI.MALFORMED",
            fields: parts.header + (fields.isEmpty ? [] : [node])
                + parts.leaf("padding", parts.surplus, "bytes behind the packet")
                + parts.leaf("attachment", parts.attachment, "what the packet points to"), problem: problem)
    }

    private static func name(_ message: VPCI.Message) -> String {
        message.type.rawValue == .max ? "VPCI.ANSWER" : "VPCI.\(message.type.name)"
    }

    private static func info(_ message: VPCI.Message, _ isAnswer: Bool) -> String {
        let slot = message.slot.meaning ?? ""
        if isAnswer {
            guard message.status == .success else { return message.status.words }
            return message.type.creates ? "success, \(text(message.translated))" : "success"
        }
        switch message.type {
        case .busRelations, .busRelations2:
            let list = message.allFunctions.prefix(4).map(\.text).joined(separator: ", ")
            return "\(message.functionCount) functions" + (list.isEmpty ? "" : ": \(list)")
        case .queryBusRelations: return "which functions are there?"
        case .busD0Entry: return "power on, window at \(Hexadecimal.prefixed(message.window))"
        case .busD0Exit: return "power off"
        case .queryProtocolVersion: return "version \(message.version.meaning ?? "")"
        case .powerStateChange: return "function \(slot), \(message.power.meaning ?? "\(message.power.rawValue)")"
        case .readBlock, .writeBlock: return "function \(slot), block \(message.blockID), \(message.byteCount) bytes"
        case .ejectionComplete: return "function \(slot), \(message.status.words)"
        case .invalidateBlock: return "function \(slot), blocks \(Hexadecimal.prefixed(message.blockMask))"
        case .deleteInterrupt, .deleteInterrupt2: return "function \(slot), \(text(message.translated))"
        default: break
        }
        if message.type.creates {
            return "function \(slot), \(message.interrupt.vectorCount) vectors from \(message.interrupt.vector)"
        }
        if message.type.assigns { return "function \(slot), \(message.interruptCount) interrupt messages" }
        return message.type.meaning == nil ? "\(message.rest.count) bytes" : "function \(slot)"
    }

    private static func text(_ message: VPCI.Translated) -> String {
        "message \(Hexadecimal.prefixed(message.data)) to \(Hexadecimal.prefixed(message.address))"
    }
}
