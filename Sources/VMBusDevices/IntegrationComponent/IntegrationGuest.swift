import VMBusWire

/// The guest's end of any integration component, as far as all are alike: it chooses versions and sends each message back
/// with the answer written over the request (reference §6.3).
public struct IntegrationGuest: Sendable, Hashable {
    /// Which service it is.
    public let service: IntegrationComponent.Service
    /// What both ends speak; nil until they know.
    public private(set) var agreement: IntegrationComponent.Agreement?
    private(set) var isOpen = false
    private var outbound = OutboundQueues(capacity: 64)

    /// Waits for its channel.
    public init(_ service: IntegrationComponent.Service) { self.service = service }

    mutating func opened() { isOpen = true }

    mutating func closed() { self = IntegrationGuest(service) }

    /// Reads a request.
    ///
    /// - Throws: which rule it breaks; it gets no answer.
    func request(_ packet: ChannelPacket) throws(ProtocolViolation) -> IntegrationComponent.Message {
        guard isOpen else { throw violation("channel-open", "\(packet.type)", "packets come on open channels") }
        guard packet.type == .dataInBand else {
            throw violation("ic-request", "\(packet.type)", "requests come in-band")
        }
        guard packet.payload.count <= IntegrationComponent.maximumSize else {
            throw violation("ic-size", "\(packet.payload.count) bytes", "at most 13312 bytes")
        }
        let message: IntegrationComponent.Message
        do throws(WireError) {
            message = try .decode(packet.payload, context: .newest(sender: .hostToGuest))
        } catch {
            throw ProtocolViolation(error)
        }
        guard !message.flags.contains(.response) else {
            throw violation("ic-request", "flags \(message.flags.rawValue)", "the host asks and the guest answers")
        }
        return message
    }

    /// Why a request that is no negotiation is not what the ends agreed on; nil when it is.
    func breach(_ message: IntegrationComponent.Message) -> ProtocolViolation? {
        guard let agreement else {
            return violation("ic-order", message.type.name, "the versions are agreed on before anything is asked")
        }
        guard message.type == service.type else {
            return violation(
                "ic-type", message.type.name, "a channel carries negotiations and its own service's messages")
        }
        guard message.version == agreement.messages, message.framework == agreement.framework else {
            return violation(
                "ic-version", "framework \(message.framework), message \(message.version)",
                "messages have the versions that were agreed on")
        }
        return nil
    }

    /// Chooses the highest of our versions that the host offers too; nothing at all when one of both kinds is missing.
    mutating func choose(
        _ offer: IntegrationComponent.Negotiate, _ message: inout IntegrationComponent.Message, of packet: ChannelPacket
    ) -> [DeviceEffect] {
        var chosen = IntegrationComponent.Negotiate()
        agreement = nil
        if let framework = service.frameworks.filter({ offer.frameworks.contains($0) }).max(),
            let version = service.messages.filter({ offer.messages.contains($0) }).max()
        {
            agreement = IntegrationComponent.Agreement(framework: framework, messages: version)
            chosen = IntegrationComponent.Negotiate(frameworks: [framework], messages: [version])
        }
        message.body = .negotiate(chosen)
        message.size = 0x10
        // What the host wrote behind the versions that are left stays where it is (appendix A.14).
        let end = IntegrationComponent.Message.headerSize + 8 + 4 * (chosen.frameworks.count + chosen.messages.count)
        message.leftOver = Array(packet.payload.prefix(PipeHeader.byteCount + Int(message.pipe.length)).dropFirst(end))
        return answer(message, to: packet) + (agreement == nil ? [] : [.ready])
    }

    /// Sends the same bytes back, with the answer written over the request.
    mutating func answer(_ message: IntegrationComponent.Message, to packet: ChannelPacket) -> [DeviceEffect] {
        var message = message
        message.flags = [.transaction, .response]
        var reply = packet.payload
        let answer = message.encoded(context: .newest(sender: .guestToHost))
        reply.replaceSubrange(0..<min(answer.count, reply.count), with: answer.prefix(reply.count))
        return outbound.send(ChannelPacket(transactionID: packet.transactionID, payload: reply), subchannel: 0)
    }

    mutating func refused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        outbound.refused(packet, attachment: attachment, subchannel: subchannel)
    }

    mutating func writable(subchannel: UInt16) -> [DeviceEffect] { outbound.writable(subchannel: subchannel) }

    private func violation(_ rule: String, _ value: String, _ explanation: String) -> ProtocolViolation {
        ProtocolViolation(rule: rule, place: service.name, value: value, explanation: explanation)
    }
}

/// What a guest answers.
public struct IntegrationAnswer: Sendable, Hashable {
    /// The request with the answer in it.
    public var body: IntegrationComponent.Message.Body
    /// How it went.
    public var status = IntegrationComponent.Status.success
    /// What is done behind the answer.
    public var effects: [DeviceEffect] = []

    init(
        _ body: IntegrationComponent.Message.Body, _ status: IntegrationComponent.Status = .success,
        _ effects: [DeviceEffect] = []
    ) {
        self.body = body
        self.status = status
        self.effects = effects
    }
}

/// The guest's end of one integration component: what it answers.
public protocol IntegrationConsumer: DeviceEndpoint {
    /// Framing and negotiation.
    var link: IntegrationGuest { get set }
    /// Answers a request of the service, in the versions that were agreed on.
    mutating func answer(
        _ request: IntegrationComponent.Message.Body, _ agreement: IntegrationComponent.Agreement, time: UInt64
    ) -> IntegrationAnswer
    /// The channel was closed: nothing of the conversation stays.
    mutating func ended() -> [DeviceEffect]
}

extension IntegrationConsumer {
    public mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        if subchannel == 0 { link.opened() }
        return []
    }

    public mutating func closed(subchannel: UInt16) -> [DeviceEffect] {
        guard subchannel == 0 else { return [] }
        link.closed()
        return ended()
    }

    public mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        var message: IntegrationComponent.Message
        do throws(ProtocolViolation) {
            message = try link.request(packet)
        } catch {
            return [.violation(error)]
        }
        if case .negotiate(let offer) = message.body { return link.choose(offer, &message, of: packet) }
        let breach = link.breach(message)
        guard breach == nil, let agreement = link.agreement else {
            message.status = .failure
            return link.answer(message, to: packet) + (breach.map { [.violation($0)] } ?? [])
        }
        let answer = answer(message.body, agreement, time: time)
        message.body = answer.body
        message.status = answer.status
        return link.answer(message, to: packet) + answer.effects
    }

    public mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        link.refused(packet, attachment: attachment, subchannel: subchannel)
    }

    public mutating func channelWritable(subchannel: UInt16) -> [DeviceEffect] {
        link.writable(subchannel: subchannel)
    }
}
