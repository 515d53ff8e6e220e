import VMBusWire

extension ChannelDissector {
    static func summariseIntegration(_ parts: PacketParts, _ direction: Direction) -> PacketSummary {
        do throws(WireError) {
            let message = try IntegrationComponent.Message.decode(
                parts.payload, context: .newest(sender: direction))
            return PacketSummary(name: name(message), info: info(message))
        } catch {
            return PacketSummary(name: "IC.MALFORMED", info: "\(error)")
        }
    }

    static func integrationTree(_ parts: PacketParts, _ direction: Direction) -> FieldTree {
        let (fields, message, problem) = IntegrationComponent.Message.fields(
            parts.payload, base: parts.offset(of: parts.payload), context: .newest(sender: direction))
        let node = FieldNode(
            name: "ic", offset: parts.offset(of: parts.payload), size: parts.payload.count, value: .composite,
            text: message.map { info($0) }, help: "pipe header, integration component header and message",
            children: fields)
        return FieldTree(
            name: message.map { name($0) } ?? "IC.MALFORMED",
            fields: parts.header + (fields.isEmpty ? [] : [node])
                + parts.leaf("padding", parts.surplus, "bytes behind the packet")
                + parts.leaf("attachment", parts.attachment, "what the packet points to"), problem: problem)
    }

    private static func name(_ message: IntegrationComponent.Message) -> String {
        message.type == .heartbeat ? "HEARTBEAT.SEQUENCE" : "IC.\(message.type.name)"
    }

    private static func info(_ message: IntegrationComponent.Message) -> String {
        let isAnswer = message.flags.contains(.response)
        var text: String
        switch message.body {
        case .negotiate(let versions):
            let frameworks = versions.frameworks.map { "\($0)" }.joined(separator: ", ")
            let messages = versions.messages.map { "\($0)" }.joined(separator: ", ")
            text =
                versions.frameworks.isEmpty || versions.messages.isEmpty
                ? "nothing in common"
                : "\(isAnswer ? "chosen" : "offered"): framework \(frameworks); messages \(messages)"
        case .heartbeat(let beat): text = "sequence \(beat.sequence)\(isAnswer ? ", answer" : "")"
        case .other(let bytes): text = "\(isAnswer ? "answer" : "request"), \(bytes.count) bytes"
        }
        if message.status != .success {
            text += ", status \(message.status.meaning ?? Hexadecimal.prefixed(message.status.rawValue))"
        }
        return text
    }
}
