import VMBusWire

/// The guest's end of the heartbeat: sends each message back with its answer in it (reference §6.3, §6.4).
public struct HeartbeatConsumer: DeviceEndpoint {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// Framework versions that the guest speaks.
        public var frameworks = [IntegrationComponent.Version(3, 0), IntegrationComponent.Version(1, 0)]
        /// Message versions that the guest speaks.
        public var messages = [IntegrationComponent.Version(3, 0), IntegrationComponent.Version(1, 0)]
        /// What Linux speaks.
        public init() {}
    }

    /// What was chosen.
    public let configuration: Configuration
    /// The last beat that was answered, by the host's number.
    public private(set) var sequence: UInt64?
    /// The agreed framework version.
    public private(set) var framework: IntegrationComponent.Version?
    /// The agreed version of the messages.
    public private(set) var version: IntegrationComponent.Version?
    private var isOpen = false
    private var outbound = OutboundQueues(capacity: 64)

    /// A heartbeat that waits for its channel.
    public init(configuration: Configuration = Configuration()) { self.configuration = configuration }

    public mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        if subchannel == 0 { isOpen = true }
        return []
    }

    public mutating func closed(subchannel: UInt16) -> [DeviceEffect] {
        if subchannel == 0 { self = HeartbeatConsumer(configuration: configuration) }
        return []
    }

    public mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard isOpen else { return [broken("channel-open", "\(packet.type)", "packets come on open channels")] }
        guard packet.type == .dataInBand else {
            return [broken("ic-request", "\(packet.type)", "requests come in-band")]
        }
        guard packet.payload.count <= IntegrationComponent.maximumSize else {
            return [broken("ic-size", "\(packet.payload.count) bytes", "at most 13312 bytes")]
        }
        var message: IntegrationComponent.Message
        do throws(WireError) {
            message = try .decode(packet.payload, context: .newest(sender: .hostToGuest))
        } catch {
            return [.violation(ProtocolViolation(error))]
        }
        guard !message.flags.contains(.response) else {
            return [broken("ic-request", "flags \(message.flags.rawValue)", "the host asks and the guest answers")]
        }
        var effects: [DeviceEffect] = []
        // The same buffer goes back, with the answer written over the request.
        var reply = packet.payload
        switch message.body {
        case .negotiate(let offer):
            let chosen = choose(offer)
            framework = chosen.frameworks.first
            version = chosen.messages.first
            message.body = .negotiate(chosen)
            message.size = 0x10
            // What the host wrote behind the versions that are left stays where it is (appendix A.14).
            let end =
                IntegrationComponent.Message.headerSize + 8 + 4 * (chosen.frameworks.count + chosen.messages.count)
            message.leftOver = Array(reply.prefix(PipeHeader.byteCount + Int(message.pipe.length)).dropFirst(end))
            if version != nil { effects.append(.ready) }
        case .heartbeat(var beat):
            sequence = beat.sequence
            beat.sequence &+= 1
            message.body = .heartbeat(beat)
        case .other:
            message.status = .failure
        }
        message.flags = [.transaction, .response]
        let answer = message.encoded(context: .newest(sender: .guestToHost))
        reply.replaceSubrange(0..<min(answer.count, reply.count), with: answer.prefix(reply.count))
        return outbound.send(ChannelPacket(transactionID: packet.transactionID, payload: reply), subchannel: 0)
            + effects
    }

    /// The highest of our versions that the host offers too; nothing at all when one of both kinds is missing.
    private func choose(_ offer: IntegrationComponent.Negotiate) -> IntegrationComponent.Negotiate {
        guard let framework = configuration.frameworks.filter({ offer.frameworks.contains($0) }).max(),
            let message = configuration.messages.filter({ offer.messages.contains($0) }).max()
        else { return IntegrationComponent.Negotiate() }
        return IntegrationComponent.Negotiate(frameworks: [framework], messages: [message])
    }

    public mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        outbound.refused(packet, attachment: attachment, subchannel: subchannel)
    }

    public mutating func channelWritable(subchannel: UInt16) -> [DeviceEffect] {
        outbound.writable(subchannel: subchannel)
    }

    private func broken(_ rule: String, _ value: String, _ explanation: String) -> DeviceEffect {
        .violation(ProtocolViolation(rule: rule, place: "heartbeat", value: value, explanation: explanation))
    }
}
