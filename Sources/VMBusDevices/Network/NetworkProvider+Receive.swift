import VMBusWire

extension NetworkProvider {
    public mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard openChannels.indices.contains(Int(subchannel)), openChannels[Int(subchannel)] else {
            return [
                broken("channel-open", "sub-channel \(subchannel)", "\(packet.type)", "packets come on open channels")
            ]
        }
        if packet.type == .completion { return completed(packet, subchannel: subchannel, memory: &memory) }
        guard packet.type == .dataInBand || packet.type == .dataUsingGPADirect else {
            return [
                broken("packet-type", "NVSP", "\(packet.type)", "guests send in-band, by guest pages, or completions")
            ]
        }
        if let place = NVSP.RNDISPacket(packet: packet.payload) {
            return received(place, packet, attachment: attachment, subchannel: subchannel, memory: &memory)
        }
        let message: NVSP.Message
        do throws(WireError) {
            message = try .decode(packet.payload, context: .newest(sender: .guestToHost))
        } catch {
            return [.violation(ProtocolViolation(error))]
                + complete(
                    packet, .sendRNDISPacketComplete, .sendRNDISPacketComplete(NVSP.Result(status: .failure)),
                    subchannel: subchannel)
        }
        guard subchannel == 0 else {
            return [
                broken(
                    "nvsp-primary", message.type.name, "sub-channel \(subchannel)",
                    "sub-channels carry RNDIS packets only")
            ]
        }
        return control(message, packet, memory: memory)
    }

    /// What the guest sets up, on the primary.
    private mutating func control<Memory: DeviceMemory>(
        _ message: NVSP.Message, _ packet: ChannelPacket, memory: Memory
    ) -> [DeviceEffect] {
        if case .initialize(let proposal) = message.body { return negotiate(proposal, packet) }
        guard let version else {
            return [broken("nvsp-init-first", message.type.name, "no version", "INIT comes first")] + refuse(packet)
        }
        guard version >= message.type.since else { return [unsupported(message.type)] + refuse(packet) }
        switch message.body {
        case .sendNDISVersion(let spoken):
            ndisVersion = spoken
            return spoken.major >= 5
                ? []
                : [
                    broken(
                        "nvsp-ndis-version", message.type.name, "\(spoken.major).\(spoken.minor)",
                        "a version from 5.0, when remote NDIS began")
                ]
        case .sendNDISConfig(let config):
            guestConfiguration = config
            return []
        case .sendReceiveBuffer(let buffer): return shareReceive(buffer, packet, memory: memory)
        case .sendSendBuffer(let buffer): return shareSend(buffer, packet, memory: memory)
        case .revokeReceiveBuffer(let buffer):
            let wasShared = receiveBuffer != nil
            // What the guest holds of it may still be completed.
            receiveBuffer = nil
            waitingControls = []
            return revoked(message.type, buffer, id: NVSP.receiveBufferID, wasShared: wasShared)
        case .revokeSendBuffer(let buffer):
            let wasShared = sendGPADL != nil
            sendGPADL = nil
            sendSections = 0
            return revoked(message.type, buffer, id: 0, wasShared: wasShared)
        case .switchDataPath(let path): return switchPath(path.active, packet)
        case .subchannelRequest(let request): return grant(request, packet)
        case .oidQueryEx:
            return complete(
                packet, .oidQueryExComplete, .oidQueryExComplete(NVSP.ObjectQueryComplete(status: .unsupported)),
                subchannel: 0)
        default: return [unsupported(message.type)] + refuse(packet)
        }
    }

    /// Nobody waits forever for a message that was not understood.
    private mutating func refuse(_ packet: ChannelPacket) -> [DeviceEffect] {
        complete(
            packet, .sendRNDISPacketComplete, .sendRNDISPacketComplete(NVSP.Result(status: .unsupported)),
            subchannel: 0)
    }

    private func revoked(
        _ type: NVSP.MessageType, _ buffer: NVSP.RevokedBuffer, id: UInt16, wasShared: Bool
    ) -> [DeviceEffect] {
        guard buffer.id != id || !wasShared else { return [] }
        return [
            broken(
                "nvsp-revoke", type.name, "id \(Hexadecimal.prefixed(buffer.id))",
                "the id \(Hexadecimal.prefixed(id)) of a buffer that is shared")
        ]
    }

    /// The answer has no body on real hosts (reference §6.1.2).
    private mutating func switchPath(_ path: NVSP.DataPath, _ packet: ChannelPacket) -> [DeviceEffect] {
        var effects: [DeviceEffect] = []
        if path == .synthetic || path == .virtualFunction && virtualFunction != nil {
            dataPath = path
        } else {
            effects.append(
                broken(
                    "nvsp-data-path", "SWITCH_DATA_PATH", path.meaning ?? "\(path.rawValue)",
                    "the synthetic path, or a virtual function that the guest has"))
        }
        guard packet.flags.contains(.completionRequested), packet.transactionID != 0 else { return effects }
        return effects + outbound.send(packet.completion([]), subchannel: 0)
    }

    private func unsupported(_ type: NVSP.MessageType) -> DeviceEffect {
        broken(
            "nvsp-type", type.name, version?.meaning ?? "no version",
            "a message that the version has, and that guests send")
    }

    private mutating func negotiate(_ proposal: NVSP.Initialize, _ packet: ChannelPacket) -> [DeviceEffect] {
        guard version == nil else {
            return [broken("nvsp-init-once", "INIT", version?.meaning ?? "", "a version is agreed on once")]
                + complete(
                    packet, .initializeComplete,
                    .initializeComplete(
                        NVSP.InitializeComplete(version: version ?? .version1, maximumChain: 0, status: .failure)),
                    subchannel: 0)
        }
        // The newest that lies in what the guest takes and we know.
        let match = NVSP.Version.newestFirst.first {
            $0 <= configuration.maximumVersion && $0 >= proposal.minimum && $0 <= proposal.maximum
        }
        version = match
        let status: NVSP.Status =
            match != nil ? .success : proposal.minimum > configuration.maximumVersion ? .tooNew : .tooOld
        return complete(
            packet, .initializeComplete,
            .initializeComplete(
                NVSP.InitializeComplete(
                    version: match ?? configuration.maximumVersion, maximumChain: 34, status: status)),
            subchannel: 0)
    }

    private mutating func shareReceive<Memory: DeviceMemory>(
        _ buffer: NVSP.SharedBuffer, _ packet: ChannelPacket, memory: Memory
    ) -> [DeviceEffect] {
        var effects: [DeviceEffect] = []
        var answer = NVSP.ReceiveBufferComplete(status: .failure, sections: [])
        let size = memory.byteCount(gpadl: buffer.gpadl) ?? 0
        // A place has room for the largest frame that both sides agreed on, with its headers.
        let frame = min(Int(guestConfiguration?.maximumFrame ?? 1514), configuration.mtu + EthernetFrame.headerSize)
        let each = max(configuration.subAllocationSize, (frame + 4 + 128 + 7) / 8 * 8)
        // 31 MiB is the most that guests may share (reference §6.1.3).
        let count = min(size, 31 << 20) / each
        if receiveBuffer != nil {
            effects.append(broken("nvsp-buffer-once", "SEND_RECEIVE_BUFFER", "second", "one receive buffer at a time"))
        } else if outstandingReceives > 0 {
            // Its places would have the numbers of those that the guest still holds.
            effects.append(
                broken(
                    "nvsp-buffer-once", "SEND_RECEIVE_BUFFER", "\(outstandingReceives) places are held",
                    "a guest gives all places of a buffer back before it shares another"))
        } else if buffer.id != NVSP.receiveBufferID || count == 0 {
            effects.append(
                broken(
                    "nvsp-receive-buffer", "SEND_RECEIVE_BUFFER", "id \(buffer.id), \(size) bytes",
                    "id 0xcafe and a page list with room for a frame"))
        } else {
            receiveBuffer = buffer.gpadl
            slots = SlotPool(count: count)
            pending = []
            subAllocation = each
            answer = NVSP.ReceiveBufferComplete(
                status: .success,
                sections: [
                    NVSP.ReceiveSection(
                        offset: 0, subAllocationSize: UInt32(each), subAllocationCount: UInt32(count),
                        endOffset: UInt32(each * count))
                ])
        }
        return effects
            + complete(packet, .sendReceiveBufferComplete, .sendReceiveBufferComplete(answer), subchannel: 0)
    }

    private mutating func shareSend<Memory: DeviceMemory>(
        _ buffer: NVSP.SharedBuffer, _ packet: ChannelPacket, memory: Memory
    ) -> [DeviceEffect] {
        var effects: [DeviceEffect] = []
        var status = NVSP.Status.failure
        let size = memory.byteCount(gpadl: buffer.gpadl) ?? 0
        if sendGPADL != nil {
            effects.append(broken("nvsp-buffer-once", "SEND_SEND_BUFFER", "second", "one send buffer at a time"))
        } else if buffer.id != 0 || size < configuration.sendSectionSize {
            effects.append(
                broken(
                    "nvsp-send-buffer", "SEND_SEND_BUFFER", "id \(buffer.id), \(size) bytes",
                    "id 0 and a page list with room for a section"))
        } else {
            sendGPADL = buffer.gpadl
            sendSections = min(size, 15 << 20) / max(1, configuration.sendSectionSize)
            status = .success
        }
        let answer = NVSP.SendBufferComplete(
            status: status, sectionSize: status == .success ? UInt32(configuration.sendSectionSize) : 0)
        return effects + complete(packet, .sendSendBufferComplete, .sendSendBufferComplete(answer), subchannel: 0)
    }

    private mutating func grant(_ request: NVSP.SubchannelRequest, _ packet: ChannelPacket) -> [DeviceEffect] {
        let most = UInt32(openChannels.count - 1)
        guard request.operation == NVSP.SubchannelRequest.allocate, grantedSubchannels == 0, request.count > 0 else {
            return [
                broken(
                    "nvsp-subchannel", "SUBCHANNEL", "operation \(request.operation), \(request.count)",
                    "one allocation of at least one sub-channel")
            ]
                + complete(
                    packet, .subchannel,
                    .subchannelComplete(NVSP.SubchannelComplete(status: .failure, granted: 0)), subchannel: 0)
        }
        let granted = UInt16(min(request.count, most))
        grantedSubchannels = granted
        let answer = complete(
            packet, .subchannel,
            .subchannelComplete(NVSP.SubchannelComplete(status: .success, granted: UInt32(granted))), subchannel: 0)
        return granted > 0 ? answer + [.offerSubchannels(count: granted)] : answer
    }
}
