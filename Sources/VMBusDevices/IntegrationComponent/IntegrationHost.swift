import VMBusWire

/// The host's end of any integration component, as far as all are alike: it offers versions, asks one question after
/// another, and knows what was asked when an answer comes (reference §6.3).
public struct IntegrationHost: Sendable, Hashable {
    /// How far it is.
    public enum Phase: Sendable, Hashable {
        /// The channel is not open.
        case closed
        /// Versions are on offer.
        case negotiating
        /// Both ends speak the same.
        case agreed(IntegrationComponent.Agreement)
        /// They have nothing in common.
        case failed
    }

    /// What came of a packet.
    public enum Outcome: Sendable, Hashable {
        /// Nothing that the service must know.
        case nothing([DeviceEffect])
        /// The versions are agreed on.
        case agreed([DeviceEffect])
        /// A question was answered.
        case answer(IntegrationComponent.Message, asked: IntegrationComponent.Message.Body)
    }

    private struct Question: Sendable, Hashable {
        var id: UInt64
        var body: IntegrationComponent.Message.Body
    }

    /// The most questions that wait for their turn, or were sent and have no answer yet.
    public static let maximumQuestions = 64

    /// Which service it is.
    public let service: IntegrationComponent.Service
    /// How far it is.
    public private(set) var phase = Phase.closed
    /// Counts the channel's lives, so that timers of one say nothing in the next.
    public private(set) var generation: UInt64 = 0
    private var transactionID: UInt64 = 0
    private var asked: [Question] = []
    private var waiting: [IntegrationComponent.Message.Body] = []
    private var outbound = OutboundQueues(capacity: maximumQuestions)

    /// Waits for its channel.
    public init(_ service: IntegrationComponent.Service) { self.service = service }

    /// Whether questions can be asked.
    public var isAgreed: Bool { agreement != nil }

    /// What both ends speak; nil until they know.
    public var agreement: IntegrationComponent.Agreement? {
        if case .agreed(let agreement) = phase { agreement } else { nil }
    }

    mutating func opened() -> [DeviceEffect] {
        guard phase == .closed else { return [] }
        phase = .negotiating
        let offer = IntegrationComponent.Negotiate(frameworks: service.frameworks, messages: service.messages)
        return write(
            .negotiate(offer), framework: IntegrationComponent.Version(1, 0),
            version: IntegrationComponent.Version(0, 0))
    }

    mutating func closed() {
        let generation = generation + 1
        self = IntegrationHost(service)
        self.generation = generation
    }

    /// Asks at once, whatever is still unanswered.
    mutating func send(_ body: IntegrationComponent.Message.Body) -> [DeviceEffect] {
        guard let agreement else { return [] }
        return write(body, framework: agreement.framework, version: agreement.messages)
    }

    /// Asks as soon as all questions before are answered: guests take one at a time.
    mutating func ask(_ body: IntegrationComponent.Message.Body) -> [DeviceEffect] {
        guard isAgreed else {
            return [.note("\(service.name): the guest has not agreed on a version, so it is not asked")]
        }
        if asked.isEmpty, waiting.isEmpty { return send(body) }
        guard waiting.count < Self.maximumQuestions else {
            return [
                .note("\(service.name): \(waiting.count) questions wait for the guest already; this one is left out")
            ]
        }
        waiting.append(body)
        return []
    }

    /// Forgets the questions that have not been asked yet.
    mutating func forgetWaiting() { waiting = [] }

    private mutating func write(
        _ body: IntegrationComponent.Message.Body, framework: IntegrationComponent.Version,
        version: IntegrationComponent.Version
    ) -> [DeviceEffect] {
        transactionID += 1
        let message = IntegrationComponent.Message(
            framework: framework, version: version, transactionID: UInt8(truncatingIfNeeded: transactionID), body: body)
        if asked.count >= Self.maximumQuestions { asked.removeFirst() }
        asked.append(Question(id: transactionID, body: body))
        return outbound.send(
            ChannelPacket(
                transactionID: transactionID, payload: message.encoded(context: .newest(sender: .hostToGuest))),
            subchannel: 0)
    }

    mutating func receive(_ packet: ChannelPacket) -> Outcome {
        guard packet.payload.count <= IntegrationComponent.maximumSize else {
            return .nothing([service.broken("ic-size", "\(packet.payload.count) bytes", "at most 13312 bytes")])
        }
        let message: IntegrationComponent.Message
        do throws(WireError) {
            message = try .decode(packet.payload, context: .newest(sender: .guestToHost))
        } catch {
            return .nothing([.violation(ProtocolViolation(error))])
        }
        guard packet.type == .dataInBand, message.flags.contains(.response), phase != .closed, phase != .failed else {
            return broken("\(message.type.name) \(packet.type)", "the guest only answers, in-band")
        }
        guard let index = asked.firstIndex(where: { $0.id == packet.transactionID }) else {
            return broken("transaction \(packet.transactionID)", "an answer repeats the number of a question, once")
        }
        let question = asked[index].body
        guard message.type == question.type else {
            return broken(message.type.name, "a question is answered by a message of its own type")
        }
        guard message.transactionID == UInt8(truncatingIfNeeded: packet.transactionID) else {
            return broken("ictransaction_id \(message.transactionID)", "an answer repeats the number of its question")
        }
        asked.remove(at: index)
        if case .negotiate(let choice) = message.body { return negotiated(choice) }
        return .answer(message, asked: question)
    }

    /// The next question, once the service has taken the answer to the last one.
    mutating func next() -> [DeviceEffect] {
        guard asked.isEmpty, !waiting.isEmpty else { return [] }
        return send(waiting.removeFirst())
    }

    private mutating func negotiated(_ choice: IntegrationComponent.Negotiate) -> Outcome {
        guard choice.frameworks.count == 1, choice.messages.count == 1,
            service.frameworks.contains(choice.frameworks[0]), service.messages.contains(choice.messages[0])
        else {
            phase = .failed
            let failed = DeviceEffect.failed(
                reason: "the guest has no \(service.name) version in common with the host")
            if choice.frameworks.isEmpty || choice.messages.isEmpty { return .nothing([failed]) }
            return .nothing([
                service.broken(
                    "ic-version", "\(choice.frameworks) \(choice.messages)", "one of the versions that were offered"),
                failed,
            ])
        }
        phase = .agreed(
            IntegrationComponent.Agreement(framework: choice.frameworks[0], messages: choice.messages[0]))
        return .agreed([.ready])
    }

    mutating func refused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        outbound.refused(packet, attachment: attachment, subchannel: subchannel)
    }

    mutating func writable(subchannel: UInt16) -> [DeviceEffect] { outbound.writable(subchannel: subchannel) }

    private func broken(_ value: String, _ explanation: String) -> Outcome {
        .nothing([service.broken("ic-reply", value, explanation)])
    }
}

/// The host's end of one integration component: what it asks, and what it makes of the answers.
public protocol IntegrationProvider: DeviceEndpoint {
    /// Framing and negotiation.
    var link: IntegrationHost { get set }
    /// The guest speaks the service: what the host does of itself.
    mutating func began(time: UInt64) -> [DeviceEffect]
    /// The guest has answered.
    mutating func answered(
        _ answer: IntegrationComponent.Message, to asked: IntegrationComponent.Message.Body, time: UInt64
    ) -> [DeviceEffect]
    /// The channel was closed: nothing of the conversation stays.
    mutating func ended()
}

extension IntegrationProvider {
    public mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] { subchannel == 0 ? link.opened() : [] }

    public mutating func closed(subchannel: UInt16) -> [DeviceEffect] {
        guard subchannel == 0 else { return [] }
        link.closed()
        ended()
        return []
    }

    public mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        switch link.receive(packet) {
        case .nothing(let effects): effects
        case .agreed(let effects): effects + began(time: time)
        case .answer(let message, let asked): answered(message, to: asked, time: time) + link.next()
        }
    }

    public mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        link.refused(packet, attachment: attachment, subchannel: subchannel)
    }

    public mutating func channelWritable(subchannel: UInt16) -> [DeviceEffect] {
        link.writable(subchannel: subchannel)
    }
}
