import VMBusWire

/// The devices whose packets are messages of one kind, whatever was said before.
extension ChannelDissector {
    /// What a device speaks in; nil for one whose packets need more than that.
    static func messages(of kind: DeviceKind) -> (any DeviceMessage.Type)? {
        switch kind {
        case .keyboard: KeyboardMessage.self
        case .mouse: MouseMessage.self
        case .video: VideoMessage.self
        default: nil
        }
    }

    static func summarise<Message: DeviceMessage>(_ type: Message.Type, _ parts: PacketParts) -> PacketSummary {
        do throws(WireError) {
            let message = try Message.decode(parts.payload)
            return PacketSummary(name: "\(Message.layer).\(message.name)", info: message.info)
        } catch {
            return PacketSummary(name: "\(Message.layer).MALFORMED", info: "\(error)")
        }
    }

    static func tree<Message: DeviceMessage>(_ type: Message.Type, _ parts: PacketParts) -> FieldTree {
        let base = parts.offset(of: parts.payload)
        let (fields, message, problem) = Message.fields(parts.payload, base: base)
        let node = FieldNode(
            name: Message.layer.lowercased(), offset: base, size: parts.payload.count, value: .composite,
            text: message.map(\.info), help: "a message of the device", children: fields)
        return FieldTree(
            name: "\(Message.layer).\(message?.name ?? "MALFORMED")",
            fields: parts.header + (fields.isEmpty ? [] : [node])
                + parts.leaf("padding", parts.surplus, "bytes behind the packet")
                + parts.leaf("attachment", parts.attachment, "what the packet points to"), problem: problem)
    }
}
