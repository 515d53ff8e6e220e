import VMBusWire

/// The host's end of the heartbeat: agrees on versions, then beats every two seconds and counts the answers that stay out
/// (reference §6.3, §6.4).
public struct HeartbeatProvider: DeviceEndpoint {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// Nanoseconds between two beats.
        public var period: UInt64 = 2_000_000_000
        /// Framework versions that the host offers.
        public var frameworks = [IntegrationComponent.Version(3, 0), IntegrationComponent.Version(1, 0)]
        /// Message versions that the host offers.
        public var messages = [IntegrationComponent.Version(3, 0), IntegrationComponent.Version(1, 0)]
        /// The host's defaults.
        public init() {}
    }

    private enum Phase: Sendable, Hashable {
        case closed
        case negotiating
        case beating(framework: IntegrationComponent.Version, message: IntegrationComponent.Version)
        case failed
    }

    /// What was chosen.
    public let configuration: Configuration
    /// The last number sent; 0 for none.
    public private(set) var sequence: UInt64 = 0
    /// Beats sent since the last answer.
    public private(set) var missed: UInt64 = 0
    /// Beats that were answered.
    public private(set) var answered: UInt64 = 0
    /// When the last answer came, in nanoseconds.
    public private(set) var lastAnswer: UInt64?
    private var phase = Phase.closed
    private var generation: UInt64 = 0
    private var transactionID: UInt64 = 0
    private var outbound = OutboundQueues(capacity: 64)

    /// A heartbeat that waits for its channel.
    public init(configuration: Configuration = Configuration()) { self.configuration = configuration }

    public mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard subchannel == 0, phase == .closed else { return [] }
        phase = .negotiating
        let offer = IntegrationComponent.Negotiate(
            frameworks: configuration.frameworks, messages: configuration.messages)
        return send(
            .negotiate, framework: IntegrationComponent.Version(1, 0), version: IntegrationComponent.Version(0, 0),
            body: .negotiate(offer), size: 8 + 4 * (offer.frameworks.count + offer.messages.count))
    }

    public mutating func closed(subchannel: UInt16) -> [DeviceEffect] {
        guard subchannel == 0 else { return [] }
        let generation = generation + 1
        self = HeartbeatProvider(configuration: configuration)
        // Timers of the channel's last life say nothing in this one.
        self.generation = generation
        return []
    }

    private mutating func send(
        _ type: IntegrationComponent.MessageType, framework: IntegrationComponent.Version,
        version: IntegrationComponent.Version, body: IntegrationComponent.Message.Body, size: Int
    ) -> [DeviceEffect] {
        transactionID += 1
        let message = IntegrationComponent.Message(
            type, framework: framework, version: version,
            transactionID: UInt8(truncatingIfNeeded: transactionID), body: body, size: size)
        let packet = ChannelPacket(
            transactionID: transactionID, payload: message.encoded(context: .newest(sender: .hostToGuest)))
        return outbound.send(packet, subchannel: 0)
    }

    public mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        let message: IntegrationComponent.Message
        do throws(WireError) {
            message = try .decode(packet.payload, context: .newest(sender: .guestToHost))
        } catch {
            return [.violation(ProtocolViolation(error))]
        }
        guard packet.type == .dataInBand, message.flags.contains(.response), phase != .closed, phase != .failed else {
            return [broken("ic-reply", "\(message.type.name) \(packet.type)", "the guest only answers, in-band")]
        }
        switch message.body {
        case .negotiate(let choice): return negotiated(choice, status: message.status)
        case .heartbeat(let beat): return beaten(beat, status: message.status, time: time)
        case .other:
            return [broken("ic-reply", message.type.name, "a heartbeat channel carries negotiations and heartbeats")]
        }
    }

    private mutating func negotiated(
        _ choice: IntegrationComponent.Negotiate, status: IntegrationComponent.Status
    ) -> [DeviceEffect] {
        guard phase == .negotiating else {
            return [broken("ic-reply", "NEGOTIATE", "a negotiation is answered once")]
        }
        guard choice.frameworks.count == 1, choice.messages.count == 1,
            configuration.frameworks.contains(choice.frameworks[0]),
            configuration.messages.contains(choice.messages[0])
        else {
            phase = .failed
            let reason = "the guest has no heartbeat version in common with the host"
            if choice.frameworks.isEmpty || choice.messages.isEmpty { return [.failed(reason: reason)] }
            return [
                broken(
                    "ic-version", "\(choice.frameworks) \(choice.messages)", "one of the versions that were offered"),
                .failed(reason: reason),
            ]
        }
        phase = .beating(framework: choice.frameworks[0], message: choice.messages[0])
        return [.ready] + beat()
    }

    private mutating func beat() -> [DeviceEffect] {
        guard case .beating(let framework, let version) = phase else { return [] }
        sequence &+= 1
        missed += 1
        return send(
            .heartbeat, framework: framework, version: version,
            body: .heartbeat(HeartbeatMessage(sequence: sequence)), size: HeartbeatMessage.byteCount)
            + [.wake(afterNanoseconds: configuration.period, token: generation)]
    }

    private mutating func beaten(
        _ beat: HeartbeatMessage, status: IntegrationComponent.Status, time: UInt64
    ) -> [DeviceEffect] {
        guard case .beating = phase else {
            return [broken("ic-reply", "HEARTBEAT", "a heartbeat is answered after the versions are agreed on")]
        }
        guard beat.sequence == sequence &+ 1 else {
            return [
                broken("heartbeat-sequence", "\(beat.sequence)", "one more than the host's number \(sequence)")
            ]
        }
        missed = 0
        answered += 1
        lastAnswer = time
        return []
    }

    public mutating func wake<Memory: DeviceMemory>(
        token: UInt64, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        token == generation ? beat() : []
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
