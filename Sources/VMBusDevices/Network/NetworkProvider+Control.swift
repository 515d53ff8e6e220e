import VMBusWire

extension NetworkProvider {
    /// An RNDIS control message of the guest.
    mutating func control<Memory: DeviceMemory>(
        _ message: RNDIS.Message, memory: inout Memory
    ) -> [DeviceEffect] {
        if case .initialize(let request) = message.body {
            let isSupported = request.major == 1
            isInitialized = isSupported
            return answer(
                .initialize,
                .initializeComplete(
                    RNDIS.InitializeComplete(
                        requestID: request.requestID, status: isSupported ? .success : .notSupported,
                        maximumPackets: UInt32(configuration.maximumPacketsPerMessage),
                        maximumTransfer: UInt32(configuration.sendSectionSize),
                        alignmentFactor: UInt32(configuration.alignmentFactor))), memory: &memory)
        }
        if case .keepalive(let request) = message.body {
            return answer(
                .keepalive, .result(RNDIS.Result(requestID: request.requestID, status: .success)), memory: &memory)
        }
        guard isInitialized else {
            return [broken("rndis-initialize-first", "RNDIS", message.type.name, "INITIALIZE comes first")]
        }
        switch message.body {
        case .halt:
            isInitialized = false
            forgetSettings()
            return []
        // A reset may come without a body.
        case _ where message.type == .reset:
            forgetSettings()
            var result = RNDIS.ResetComplete()
            result.addressingReset = 1
            return answer(.reset, .resetComplete(result), memory: &memory)
        case .request(let request) where message.type == .query:
            let value = value(of: request)
            return answer(
                .query,
                .answer(
                    RNDIS.Answer(
                        requestID: request.requestID, status: value == nil ? .notSupported : .success,
                        object: request.object, information: value ?? .bytes([]))), memory: &memory)
        case .request(let request):
            let (status, effects) = set(request)
            let body: RNDIS.Message.Body =
                message.type == .setEx
                ? .answer(RNDIS.Answer(requestID: request.requestID, status: status, object: request.object))
                : .result(RNDIS.Result(requestID: request.requestID, status: status))
            return answer(message.type, body, memory: &memory) + effects
        default:
            return [broken("rndis-type", "RNDIS", message.type.name, "a message that guests send")]
        }
    }

    /// Answers a control message that is not readable, as far as its request's number is.
    mutating func refuse<Memory: DeviceMemory>(
        _ bytes: ArraySlice<UInt8>, memory: inout Memory
    ) -> [DeviceEffect] {
        guard let head = try? RNDIS.RequestHead.decode(bytes) else { return [] }
        switch head.type {
        case .query, .setEx:
            return answer(
                head.type,
                .answer(
                    RNDIS.Answer(
                        requestID: head.requestID, status: .invalidData,
                        object: RNDIS.ObjectIdentifier(rawValue: 0))), memory: &memory)
        case .set:
            return answer(
                .set, .result(RNDIS.Result(requestID: head.requestID, status: .invalidData)), memory: &memory)
        default: return []
        }
    }

    /// Sends an answer, or keeps it until a place in the receive buffer is free.
    private mutating func answer<Memory: DeviceMemory>(
        _ type: RNDIS.MessageType, _ body: RNDIS.Message.Body, memory: inout Memory
    ) -> [DeviceEffect] {
        say(RNDIS.Message(type.completion, body), memory: &memory)
    }

    mutating func say<Memory: DeviceMemory>(
        _ message: RNDIS.Message, memory: inout Memory
    ) -> [DeviceEffect] {
        if waitingControls.isEmpty, let sent = transfer(control: message, memory: &memory) {
            return sent
        }
        guard waitingControls.count < Self.maximumWaitingControls else {
            return [
                broken(
                    "rndis-outstanding", "RNDIS", "\(waitingControls.count) answers wait",
                    "a guest gives places of its receive buffer back")
            ]
        }
        waitingControls.append(message)
        return []
    }

    /// What the guest set is as it was before it set anything.
    private mutating func forgetSettings() {
        packetFilter = []
        receiveScale = nil
        multicastList = []
        offloads = OffloadSwitches()
    }
}

extension RNDIS {
    /// The start of a request whose rest is not readable: enough to answer it.
    struct RequestHead: WireStructure {
        static let structureName: StaticString = "RNDIS"
        var type = MessageType(rawValue: 0)
        var length: UInt32 = 0
        var requestID: UInt32 = 0
        init() {}
        mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("ndis_msg_type", &type, .hexadecimal, "which message it is")
            try visitor.field("msg_len", &length, "bytes of the message")
            try visitor.field("req_id", &requestID, "chosen by the guest; the answer repeats it")
        }
    }
}
