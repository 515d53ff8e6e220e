import VMBusWire

/// What a guest asks and sets between RNDIS INITIALIZE and its first frame, in Linux's order (reference §6.1.3).
enum NetworkSetup: Sendable, Hashable {
    case query(RNDIS.ObjectIdentifier)
    case set(RNDIS.ObjectIdentifier)
    case subchannels
    case disableReceiveScale
    case enableReceiveScale

    static let order: [NetworkSetup] = [
        .query(.maximumFrameSize), .query(.permanentAddress), .query(.friendlyName),
        .query(.offloadHardwareCapabilities), .set(.offloadParameters), .query(.mediaConnectStatus),
        .query(.linkSpeed), .query(.receiveScaleCapabilities), .subchannels, .disableReceiveScale,
        .enableReceiveScale, .set(.packetFilter),
    ]
}

extension NetworkConsumer {
    /// Proposes the next version that we may speak, newest first.
    mutating func tryVersion(from start: Int) -> [DeviceEffect] {
        let versions = NVSP.Version.newestFirst
        var index = start
        while index < versions.count, versions[index] > configuration.maximumVersion { index += 1 }
        guard index < versions.count else { return fail("the host takes no NVSP version that this guest speaks") }
        phase = .negotiating(index)
        return send(.initialize, .initialize(NVSP.Initialize(version: versions[index])), waiting: .initialize)
    }

    mutating func initialized(_ answer: NVSP.InitializeComplete) -> [DeviceEffect] {
        guard case .negotiating(let index) = phase else { return [] }
        guard answer.status == .success else { return tryVersion(from: index + 1) }
        let version = NVSP.Version.newestFirst[index]
        self.version = version
        var effects: [DeviceEffect] = []
        if version >= .version2 {
            var capabilities: NVSP.Capabilities = [.vlan]
            if version >= .version5 { capabilities.formUnion([.virtualFunction, .teaming]) }
            effects += send(
                .sendNDISConfig,
                .sendNDISConfig(NVSP.NDISConfig(mtu: configuration.mtu, capabilities: capabilities)))
        }
        effects += send(.sendNDISVersion, .sendNDISVersion(NVSP.NDISVersion(for: version)))
        phase = .waitingForBuffer(.receive)
        // NVSP 2 and older take at most 15 MiB (reference §6.1.3).
        let size =
            version <= .version2 ? min(configuration.receiveBufferSize, 15 << 20) : configuration.receiveBufferSize
        return effects + [.createBuffer(purpose: .receive, byteCount: size)]
    }

    public mutating func bufferCreated<Memory: DeviceMemory>(
        purpose: BufferPurpose, buffer: GuestBuffer?, memory: inout Memory
    ) -> [DeviceEffect] {
        guard phase == .waitingForBuffer(purpose) else {
            // The channel was closed meanwhile: nobody needs the buffer.
            return buffer == nil ? [] : [.destroyBuffer(purpose: purpose)]
        }
        guard let buffer else { return fail("there is no memory for the \(purpose) buffer") }
        switch purpose {
        case .receive:
            receiveBuffer = buffer
            phase = .sharing(.receive)
            return send(
                .sendReceiveBuffer,
                .sendReceiveBuffer(NVSP.SharedBuffer(gpadl: buffer.gpadl, id: NVSP.receiveBufferID)),
                waiting: .receiveBuffer)
        case .send:
            sendBuffer = buffer
            phase = .sharing(.send)
            #if Mutations
                if configuration.mutation == .dataBeforeBuffers {
                    var taken = NVSP.SendBufferComplete()
                    (taken.status, taken.sectionSize) = (.success, 6144)
                    return sendBufferTaken(taken)
                }
            #endif
            return send(
                .sendSendBuffer, .sendSendBuffer(NVSP.SharedBuffer(gpadl: buffer.gpadl, id: 0)), waiting: .sendBuffer)
        case .frame:
            frameBuffer = buffer
            frameSlots = SlotPool(count: min(configuration.frameSlots, buffer.pages.count / pagesPerSlot))
            phase = .initializing
            let id = takeRequest(RNDIS.ObjectIdentifier(rawValue: 0))
            return sendControl(
                RNDIS.Message(.initialize, .initialize(RNDIS.Initialize(requestID: id))), memory: &memory)
        case .blocks, .window, .screen: return []
        }
    }

    mutating func receiveBufferTaken(_ answer: NVSP.ReceiveBufferComplete) -> [DeviceEffect] {
        guard phase == .sharing(.receive), let receiveBuffer else { return [] }
        guard answer.status == .success else { return fail("the host does not take the receive buffer") }
        guard answer.sections.count == 1, let section = answer.sections.first, section.offset == 0,
            section.subAllocationSize >= 68,
            UInt64(section.subAllocationSize) * UInt64(section.subAllocationCount) <= UInt64(receiveBuffer.byteCount)
        else {
            return [
                broken(
                    "nvsp-receive-section", "SEND_RECEIVE_BUFFER_COMPLETE", "\(answer.sections.count) sections",
                    "one section at offset 0 whose places of at least 68 bytes fit the buffer")
            ] + fail("the host divides the receive buffer in a way that cannot be")
        }
        receiveSection = section
        phase = .waitingForBuffer(.send)
        return [.createBuffer(purpose: .send, byteCount: configuration.sendBufferSize)]
    }

    mutating func sendBufferTaken(_ answer: NVSP.SendBufferComplete) -> [DeviceEffect] {
        guard phase == .sharing(.send), let sendBuffer else { return [] }
        guard answer.status == .success else { return fail("the host does not take the send buffer") }
        guard answer.sectionSize >= 64, Int(answer.sectionSize) <= sendBuffer.byteCount else {
            return [
                broken(
                    "nvsp-send-section", "SEND_SEND_BUFFER_COMPLETE", "\(answer.sectionSize) bytes",
                    "a section that fits the buffer")
            ] + fail("the host divides the send buffer in a way that cannot be")
        }
        sendSectionSize = Int(answer.sectionSize)
        sections = SlotPool(count: sendBuffer.byteCount / sendSectionSize)
        phase = .waitingForBuffer(.frame)
        return [.createBuffer(purpose: .frame, byteCount: configuration.frameSlots * pagesPerSlot * 4096)]
    }

    /// The next step that this version and this host have.
    mutating func step<Memory: DeviceMemory>(from start: Int, memory: inout Memory) -> [DeviceEffect] {
        var index = start
        while index < NetworkSetup.order.count {
            let step = NetworkSetup.order[index]
            phase = .settingUp(index)
            if applies(step) { return begin(step, memory: &memory) }
            index += 1
        }
        phase = .running
        return [.ready]
    }

    private func applies(_ step: NetworkSetup) -> Bool {
        let hasQueues = (version ?? .version1) >= .version5
        return switch step {
        case .query(.linkSpeed), .query(.receiveScaleCapabilities): hasQueues
        case .subchannels: hasQueues && hostQueues > 1 && configuration.channels > 1
        case .disableReceiveScale, .enableReceiveScale: grantedSubchannels > 0
        default: true
        }
    }

    private mutating func begin<Memory: DeviceMemory>(
        _ step: NetworkSetup, memory: inout Memory
    ) -> [DeviceEffect] {
        switch step {
        case .query(let object): return ask(.query, object, .bytes([]), memory: &memory)
        case .set(.offloadParameters):
            let parameters = offloadParameters()
            return ask(.set, .offloadParameters, .offloadParameters(parameters), memory: &memory)
        case .set: return ask(.set, .packetFilter, .packetFilter(configuration.packetFilter), memory: &memory)
        case .subchannels:
            let wanted = min(UInt32(configuration.channels), hostQueues) - 1
            return send(
                .subchannel, .subchannelRequest(NVSP.SubchannelRequest(count: wanted)), waiting: .subchannels)
        case .disableReceiveScale, .enableReceiveScale:
            let table = (0..<128).map { UInt32($0 % (grantedSubchannels + 1)) }
            let parameters = RNDIS.ReceiveScaleParameters(
                table: table, key: FlowHash.commonKey, enabled: step == .enableReceiveScale)
            return ask(.set, .receiveScaleParameters, .receiveScaleParameters(parameters), memory: &memory)
        }
    }

    /// What Linux switches on: all that the host can do but the IPv4 header, which its stack does itself.
    private func offloadParameters() -> RNDIS.OffloadParameters {
        var parameters = RNDIS.OffloadParameters(for: version ?? .version1)
        guard let hostOffloads else { return parameters }
        parameters.internet4 = .off
        func both(_ family: Int, _ ability: RNDIS.ChecksumAbilities) -> RNDIS.ChecksumSwitch {
            configuration.usesChecksumOffload && hostOffloads.checksums[family].abilities.contains(ability)
                ? .both : .off
        }
        parameters.tcp4 = both(0, .tcp)
        parameters.udp4 = both(0, .udp)
        parameters.tcp6 = both(2, .tcp)
        parameters.udp6 = both(2, .udp)
        func cuts(_ family: Int) -> RNDIS.FeatureSwitch {
            configuration.largestSegment > 0 && hostOffloads.largeSends[family].encapsulation != .none ? .on : .off
        }
        parameters.largeSend4 = cuts(0)
        parameters.largeSend6 = cuts(1)
        return parameters
    }

    mutating func subchannelsGranted<Memory: DeviceMemory>(
        _ answer: NVSP.SubchannelComplete, memory: inout Memory
    ) -> [DeviceEffect] {
        guard case .settingUp(let index) = phase, NetworkSetup.order[index] == .subchannels else { return [] }
        let wanted = min(configuration.channels, Int(hostQueues)) - 1
        guard answer.status == .success, answer.granted > 0 else { return step(from: index + 1, memory: &memory) }
        var effects: [DeviceEffect] = []
        if answer.granted > wanted {
            effects.append(
                broken("nvsp-subchannel", "SUBCHANNEL", "\(answer.granted) granted", "at most the \(wanted) asked for"))
        }
        grantedSubchannels = min(Int(answer.granted), wanted)
        phase = .waitingForSubchannels(index)
        return effects + subchannelsOpened(memory: &memory)
    }

    public var awaitsSubchannels: Bool {
        switch phase {
        case .settingUp(let index): NetworkSetup.order[index] == .subchannels
        case .waitingForSubchannels: true
        default: false
        }
    }

    /// Goes on once all granted sub-channels are open.
    mutating func subchannelsOpened<Memory: DeviceMemory>(memory: inout Memory) -> [DeviceEffect] {
        guard case .waitingForSubchannels(let index) = phase,
            openChannels.prefix(grantedSubchannels + 1).allSatisfy({ $0 })
        else { return [] }
        return step(from: index + 1, memory: &memory)
    }

    mutating func takeRequest(_ object: RNDIS.ObjectIdentifier) -> UInt32 {
        let id = nextRequest
        nextRequest &+= 1
        request = ControlRequest(id: id, object: object)
        return id
    }

    private mutating func ask<Memory: DeviceMemory>(
        _ type: RNDIS.MessageType, _ object: RNDIS.ObjectIdentifier, _ information: RNDIS.Information,
        memory: inout Memory
    ) -> [DeviceEffect] {
        let id = takeRequest(object)
        return sendControl(
            RNDIS.Message(
                type, .request(RNDIS.Request(requestID: id, object: object, information: information))),
            memory: &memory)
    }

    /// Asks the host of a running adapter for an object; `lastAnswer` is what it says.
    public mutating func query<Memory: DeviceMemory>(
        _ object: RNDIS.ObjectIdentifier, memory: inout Memory
    ) -> [DeviceEffect] {
        guard phase == .running, request == nil else { return [] }
        return ask(.query, object, .bytes([]), memory: &memory)
    }

    /// Sets an object of a running adapter; `lastAnswer` is what the host says.
    public mutating func set<Memory: DeviceMemory>(
        _ object: RNDIS.ObjectIdentifier, _ information: RNDIS.Information, memory: inout Memory
    ) -> [DeviceEffect] {
        guard phase == .running, request == nil else { return [] }
        return ask(.set, object, information, memory: &memory)
    }

    /// Chooses the way of the guest's frames; the host says when it is done.
    public mutating func switchDataPath(to path: NVSP.DataPath) -> [DeviceEffect] {
        guard phase == .running, (version ?? .version1) >= .version4 else { return [] }
        return send(.switchDataPath, .switchDataPath(NVSP.SwitchDataPath(path)), waiting: .dataPath(path))
    }

    /// What the guest wants to receive from now on; nothing stops the adapter.
    public mutating func setPacketFilter<Memory: DeviceMemory>(
        _ filter: RNDIS.PacketFilter, memory: inout Memory
    ) -> [DeviceEffect] {
        set(.packetFilter, .packetFilter(filter), memory: &memory)
    }
}
