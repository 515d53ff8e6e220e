import VMBusWire

extension NetworkProvider {
    /// The objects that queries are answered for, in numerical order.
    private static let objects: [RNDIS.ObjectIdentifier] = [
        .supportedList, .maximumFrameSize, .linkSpeed, .packetFilter, .maximumTotalSize, .mediaConnectStatus,
        .receiveScaleCapabilities, .receiveScaleParameters, .configurationParameter, .friendlyName, .permanentAddress,
        .currentAddress, .offloadCurrentConfiguration, .offloadParameters, .offloadHardwareCapabilities,
    ]

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
            packetFilter = []
            receiveScale = nil
            return []
        case .reset:
            packetFilter = []
            var result = RNDIS.ResetComplete()
            result.addressingReset = 1
            return answer(.reset, .resetComplete(result), memory: &memory)
        case .request(let request) where message.type == .query:
            let value = value(of: request.object)
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

    private mutating func say<Memory: DeviceMemory>(
        _ message: RNDIS.Message, memory: inout Memory
    ) -> [DeviceEffect] {
        if waitingControls.isEmpty, let sent = transfer(message, .control, subchannel: 0, memory: &memory) {
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

    private func value(of object: RNDIS.ObjectIdentifier) -> RNDIS.Information? {
        switch object {
        case .supportedList: .objects(Self.objects.map { RNDIS.Information.SupportedObject($0) })
        case .maximumFrameSize: .number(UInt32(configuration.mtu))
        case .maximumTotalSize: .number(UInt32(configuration.mtu + EthernetFrame.headerSize))
        case .linkSpeed: .linkSpeed(RNDIS.LinkSpeed(rawValue: configuration.linkSpeed))
        case .packetFilter: .packetFilter(packetFilter)
        case .mediaConnectStatus: .mediaState(isConnected ? .connected : .disconnected)
        case .receiveScaleCapabilities where (version ?? .version1) >= .version5:
            .receiveScaleCapabilities(
                RNDIS.ReceiveScaleCapabilities(queueCount: UInt32(configuration.maximumChannels), tableEntries: 128))
        case .friendlyName: .text(Array(UTF16Text.bytes(configuration.friendlyName).prefix(512)))
        case .permanentAddress, .currentAddress: .address(configuration.address)
        case .offloadHardwareCapabilities, .offloadCurrentConfiguration: .offloadCapabilities(.none)
        default: nil
        }
    }

    private mutating func set(_ request: RNDIS.Request) -> (RNDIS.Status, [DeviceEffect]) {
        switch request.information {
        case .packetFilter(let filter):
            let wasOff = packetFilter.isEmpty
            packetFilter = filter
            return (.success, wasOff && !filter.isEmpty ? [.ready] : [])
        case .receiveScaleParameters(let parameters): return (spread(parameters), [])
        case .offloadParameters: return (.success, [])
        // The address is the host's to give.
        case .configurationParameter: return (.success, [])
        case .bytes where RNDIS.ObjectIdentifier.settable.contains(request.object): return (.bufferTooShort, [])
        default: return (.notSupported, [])
        }
    }

    private mutating func spread(_ parameters: RNDIS.ReceiveScaleParameters) -> RNDIS.Status {
        if parameters.flags & RNDIS.ReceiveScaleParameters.disable != 0 {
            receiveScale = nil
            return .success
        }
        guard !parameters.table.isEmpty, parameters.table.count <= RNDIS.ReceiveScaleParameters.maximumEntries,
            parameters.key.count == RNDIS.ReceiveScaleParameters.keySize,
            parameters.table.allSatisfy({ $0.channel <= UInt32(grantedSubchannels) })
        else { return .invalidData }
        receiveScale = parameters
        return .success
    }

    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        switch command {
        case .network(.link(let connected)): setLink(connected: connected, memory: &memory)
        default: nil
        }
    }

    /// The link goes up or down; a guest that runs is told.
    public mutating func setLink<Memory: DeviceMemory>(connected: Bool, memory: inout Memory) -> [DeviceEffect] {
        guard connected != isConnected else { return [] }
        isConnected = connected
        guard isInitialized else { return [] }
        return say(
            RNDIS.Message(
                .indicateStatus,
                .indicateStatus(RNDIS.IndicateStatus(connected ? .mediaConnect : .mediaDisconnect))), memory: &memory)
    }
}

extension RNDIS.ObjectIdentifier {
    /// The objects that a guest may set.
    static let settable: [RNDIS.ObjectIdentifier] = [
        .packetFilter, .receiveScaleParameters, .offloadParameters, .configurationParameter,
    ]
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
