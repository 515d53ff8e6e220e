import VMBusWire

extension NetworkConsumer {
    public mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard openChannels.indices.contains(Int(subchannel)), openChannels[Int(subchannel)] else {
            return [
                broken("channel-open", "sub-channel \(subchannel)", "\(packet.type)", "packets come on open channels")
            ]
        }
        switch packet.type {
        case .completion: return completed(packet, subchannel: subchannel, memory: &memory)
        case .dataUsingTransferPages:
            return received(packet, attachment: attachment, subchannel: subchannel, memory: &memory)
        case .dataInBand: return told(packet, subchannel: subchannel)
        default:
            return [
                broken(
                    "packet-type", "NVSP", "\(packet.type)",
                    "hosts send in-band, by transfer pages, or completions")
            ]
        }
    }

    /// What the host says without being asked.
    private mutating func told(_ packet: ChannelPacket, subchannel: UInt16) -> [DeviceEffect] {
        let message: NVSP.Message
        do throws(WireError) {
            message = try .decode(
                packet.payload, context: .newest(sender: .hostToGuest, subject: version?.rawValue ?? 0))
        } catch {
            return [.violation(ProtocolViolation(error))]
        }
        guard subchannel == 0 else {
            return [
                broken(
                    "nvsp-primary", message.type.name, "sub-channel \(subchannel)",
                    "sub-channels carry RNDIS packets only")
            ]
        }
        let isKnown = (version ?? .version1) >= message.type.since
        switch message.body {
        case .sendIndirectionTable(let table) where isKnown:
            guard table.entries.count == NVSP.sendTableEntries else {
                return [
                    broken(
                        "nvsp-send-table", message.type.name, "\(table.entries.count) entries", "exactly 16 entries")
                ]
            }
            // A channel that is not there gets its frames through the primary; `transmit` sees to that.
            sendTable = table.entries.map { $0.channel }
            return []
        case .sendVFAssociation(let association) where isKnown:
            virtualFunction = association.allocated != 0 ? association.serial : nil
            if virtualFunction == nil { dataPath = .synthetic }
            return []
        default:
            return [
                broken(
                    "nvsp-type", message.type.name, version?.meaning ?? "no version",
                    "a message that the version has, and that hosts send without being asked")
            ]
        }
    }

    private mutating func completed<Memory: DeviceMemory>(
        _ packet: ChannelPacket, subchannel: UInt16, memory: inout Memory
    ) -> [DeviceEffect] {
        guard let waiting = outstanding[packet.transactionID] else {
            guard subchannel == 0, let index = lateCompletions.firstIndex(of: packet.transactionID) else {
                return [unknownCompletion(packet, subchannel)]
            }
            lateCompletions.remove(at: index)
            return []
        }
        switch waiting {
        case .rndis(let section, let slot, let channel):
            guard channel == subchannel else { return [unknownCompletion(packet, subchannel)] }
            outstanding[packet.transactionID] = nil
            release(section: section, slot: slot)
            var effects: [DeviceEffect] = []
            if let result = NVSP.Result(packet: packet.payload) {
                if result.status != .success { counters.failures += 1 }
            } else {
                effects.append(notOfFrames(packet.payload))
            }
            sendWaiting(memory: &memory, &effects)
            return effects
        default: break
        }
        guard subchannel == 0 else { return [unknownCompletion(packet, subchannel)] }
        outstanding[packet.transactionID] = nil
        if case .dataPath(let path) = waiting {
            // What the answer holds means nothing; that it comes does (reference §6.1.2).
            dataPath = virtualFunction == nil ? .synthetic : path
            return []
        }
        let message: NVSP.Message
        do throws(WireError) {
            message = try .decode(packet.payload, context: .newest(sender: .hostToGuest))
        } catch {
            return [.violation(ProtocolViolation(error))] + fail("the host's answer is not readable")
        }
        switch (waiting, message.body) {
        case (.initialize, .initializeComplete(let answer)): return initialized(answer)
        case (.receiveBuffer, .sendReceiveBufferComplete(let answer)): return receiveBufferTaken(answer)
        case (.sendBuffer, .sendSendBufferComplete(let answer)): return sendBufferTaken(answer)
        case (.subchannels, .subchannelComplete(let answer)): return subchannelsGranted(answer, memory: &memory)
        default: return [unexpected(message.type)] + fail("the host answers with another message")
        }
    }

    /// What is wrong with a message that is not the one for frames which should be here.
    private func notOfFrames(_ payload: [UInt8]) -> DeviceEffect {
        do throws(WireError) {
            return unexpected(try NVSP.Message.decode(payload, context: .newest(sender: .hostToGuest)).type)
        } catch {
            return .violation(ProtocolViolation(error))
        }
    }

    private func unknownCompletion(_ packet: ChannelPacket, _ subchannel: UInt16) -> DeviceEffect {
        broken(
            "completion-known", "completion", "id \(packet.transactionID) on sub-channel \(subchannel)",
            "a completion answers a packet that waits, on the channel that it came through")
    }

    private func unexpected(_ type: NVSP.MessageType) -> DeviceEffect {
        broken("nvsp-type", type.name, "completion", "the answer that belongs to the request")
    }

    /// Why ranges of the receive buffer cannot be, if they cannot (reference §6.1.4, §9 pitfall 15).
    func rangeViolation(setID: UInt16, _ ranges: [TransferPageRange]) -> DeviceEffect? {
        guard let receiveBuffer, let receiveSection else {
            return broken("nvsp-receive-range", "SEND_RNDIS_PACKET", "no buffer", "the receive buffer is shared first")
        }
        guard setID == NVSP.receiveBufferID, !ranges.isEmpty, ranges.count <= NVSP.maximumReceiveRanges else {
            return broken(
                "nvsp-receive-range", "SEND_RNDIS_PACKET",
                "set \(Hexadecimal.prefixed(setID)), \(ranges.count) ranges", "set 0xcafe with 1 to 562 ranges")
        }
        for range in ranges
        where range.byteCount > receiveSection.subAllocationSize
            || Int(range.byteOffset) + Int(range.byteCount) > receiveBuffer.byteCount
        {
            return broken(
                "nvsp-receive-range", "SEND_RNDIS_PACKET", "\(range.byteCount) bytes at \(range.byteOffset)",
                "inside the buffer, and at most \(receiveSection.subAllocationSize) bytes")
        }
        return nil
    }

    /// RNDIS messages in the receive buffer. They are always completed, or the host runs out of places.
    private mutating func received<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, memory: inout Memory
    ) -> [DeviceEffect] {
        var effects: [DeviceEffect] = []
        var status = NVSP.Status.success
        if let violation = packetViolation(packet, attachment) {
            effects.append(violation)
            status = .failure
        } else if case .transferPages(_, let ranges) = packet.bulk {
            var rest = attachment[...]
            for range in ranges {
                let bytes = rest.prefix(Int(range.byteCount))
                rest = rest.dropFirst(Int(range.byteCount))
                if let view = FrameView(bytes, sender: .hostToGuest) {
                    if let effect = received(view, subchannel: subchannel) { effects.append(effect) }
                    continue
                }
                do throws(WireError) {
                    effects += try received(bytes, subchannel: subchannel, memory: &memory)
                } catch {
                    effects.append(.violation(ProtocolViolation(error)))
                    status = .invalidRNDISPacket
                }
            }
        }
        guard packet.transactionID != 0 else { return effects }
        let answer = packet.completion(NVSP.Result(status: status).payload(.version61))
        #if Mutations
            if configuration.mutation == .receiveSectionReturnedTwice {
                outbound.send(answer, subchannel: subchannel, &effects)
            }
        #endif
        outbound.send(answer, subchannel: subchannel, &effects)
        return effects
    }

    private func packetViolation(_ packet: ChannelPacket, _ attachment: [UInt8]) -> DeviceEffect? {
        guard case .transferPages(let setID, let ranges) = packet.bulk else {
            return broken("packet-type", "NVSP", "no ranges", "a transfer-page packet has ranges")
        }
        if let violation = rangeViolation(setID: setID, ranges) { return violation }
        if NVSP.RNDISPacket(packet: packet.payload) == nil { return notOfFrames(packet.payload) }
        let total = ranges.reduce(0) { $0 + Int($1.byteCount) }
        return attachment.count == total
            ? nil
            : broken(
                "nvsp-receive-range", "SEND_RNDIS_PACKET", "\(attachment.count) of \(total) bytes",
                "ranges inside the receive buffer")
    }

    /// One RNDIS message of the host.
    private mutating func received<Memory: DeviceMemory>(
        _ bytes: ArraySlice<UInt8>, subchannel: UInt16, memory: inout Memory
    ) throws(WireError) -> [DeviceEffect] {
        let head = try? RNDIS.RequestHead.decode(bytes)
        // What an answer holds follows from what was asked.
        let subject = head.flatMap { $0.requestID == request?.id ? request?.object.rawValue : nil } ?? 0
        let message = try RNDIS.Message.decode(bytes, context: .newest(sender: .hostToGuest, subject: subject))
        if case .packet(let packet) = message.body {
            return received(FrameView(packet, length: message.length), subchannel: subchannel).map { [$0] } ?? []
        }
        guard subchannel == 0 else {
            return [broken("rndis-channel", message.type.name, "sub-channel", "control comes on the primary")]
        }
        switch message.body {
        case .indicateStatus(let indication):
            if indication.status == .mediaConnect { isConnected = true }
            if indication.status == .mediaDisconnect { isConnected = false }
            if indication.status == .networkChange { counters.networkChanges += 1 }
            if let speed = indication.speed { linkSpeed = speed.rawValue }
            return []
        case .keepalive(let keepalive):
            let result = RNDIS.Result(requestID: keepalive.requestID, status: .success)
            return answerControl(
                RNDIS.Message(RNDIS.MessageType.keepalive.completion, .result(result)), memory: &memory)
        case .initializeComplete(let answer):
            batchLimit = Int(min(max(answer.maximumPackets, 1), 1024))
            batchSize = Int(answer.maximumTransfer)
            // Linux and DPDK align to whatever the host says; more than a page makes no sense.
            batchAlignment = 1 << Int(min(answer.alignmentFactor, 12))
            return answered(answer.requestID, answer.status, nil, message.type, memory: &memory)
        case .answer(let answer):
            return answered(answer.requestID, answer.status, answer.information, message.type, memory: &memory)
        case .result(let result):
            return answered(result.requestID, result.status, nil, message.type, memory: &memory)
        default: return [broken("rndis-type", "RNDIS", message.type.name, "a message that hosts send")]
        }
    }

    /// A frame of the host, or a part of one that did not fit one place (receive segment coalescing).
    private mutating func received(_ view: FrameView, subchannel: UInt16) -> DeviceEffect? {
        guard isRunning else {
            return broken("rndis-filter", "RNDIS.PACKET", "frame", "no frames before the guest wants any")
        }
        if let part = view.info.packetID, part.flags.has(RNDIS.PacketIDFlags.subAllocation) {
            return join(view, part, subchannel)
        }
        guard view.frame.count >= EthernetFrame.headerSize else {
            return broken("frame-size", "RNDIS.PACKET", "\(view.frame.count) bytes", "at least 14 bytes")
        }
        return accept(Array(view.frame), view.info)
    }

    private mutating func accept(_ frame: [UInt8], _ info: FrameInfo) -> DeviceEffect? {
        counters.framesReceived += 1
        if info.receiveChecksum?.hasFailed == true { counters.badChecksums += 1 }
        return .frame(info.vlan.map { FrameOffload.tagged(frame, $0) } ?? frame)
    }

    /// Parts of one frame come one behind the other through one channel; the first says what is known of the frame.
    private mutating func join(
        _ view: FrameView, _ part: RNDIS.PacketID, _ subchannel: UInt16
    ) -> DeviceEffect? {
        var partial = partialFrames.removeValue(forKey: subchannel)
        if part.flags.has(RNDIS.PacketIDFlags.first) {
            partial = PartialFrame(id: part.id, frame: [], info: view.info)
        }
        guard var partial, partial.id == part.id, partial.frame.count + view.frame.count <= Self.longestCoalesced
        else {
            return broken(
                "rsc-order", "RNDIS.PACKET", "packet \(part.id)",
                "parts of one frame in order, of at most \(Self.longestCoalesced) bytes")
        }
        partial.frame += view.frame
        guard part.flags.has(RNDIS.PacketIDFlags.last) else {
            partialFrames[subchannel] = partial
            return nil
        }
        guard partial.frame.count >= EthernetFrame.headerSize else {
            return broken("frame-size", "RNDIS.PACKET", "\(partial.frame.count) bytes", "at least 14 bytes")
        }
        return accept(partial.frame, partial.info)
    }

    /// The longest IP packet with its Ethernet header.
    private static let longestCoalesced = 65_535 + EthernetFrame.headerSize + 4

    /// The answer to the one control request that waits.
    private mutating func answered<Memory: DeviceMemory>(
        _ id: UInt32, _ status: RNDIS.Status, _ information: RNDIS.Information?, _ type: RNDIS.MessageType,
        memory: inout Memory
    ) -> [DeviceEffect] {
        guard let waiting = request, waiting.id == id else {
            return [
                broken("rndis-request-known", type.name, "request \(id)", "an answer belongs to a request that waits")
            ]
        }
        request = nil
        releaseAnswered(waiting.transaction)
        if case .initializing = phase {
            guard type == RNDIS.MessageType.initialize.completion, status == .success else {
                return fail("the host does not start RNDIS")
            }
            return step(from: 0, memory: &memory)
        }
        guard case .settingUp(let index) = phase else {
            lastAnswer = RNDIS.Answer(
                requestID: id, status: status, object: waiting.object, information: information ?? .bytes([]))
            return []
        }
        // Only the address is worth stopping for; everything else a guest can do without.
        if let information, status == .success {
            learn(waiting.object, information)
        } else if status != .success, waiting.object == .permanentAddress || waiting.object == .packetFilter {
            return fail("the host refuses \(waiting.object.name)")
        }
        if waiting.object == .permanentAddress, address == nil {
            return [broken("rndis-address", type.name, "no address", "six bytes of address")]
                + fail("the host gives no address")
        }
        return step(from: index + 1, memory: &memory)
    }

    /// An answer says that its request was read, so that its place is free even when no completion comes.
    private mutating func releaseAnswered(_ transaction: UInt64) {
        guard case .rndis(let section, let slot, _) = outstanding.removeValue(forKey: transaction) else { return }
        release(section: section, slot: slot)
        if lateCompletions.count == Self.maximumLateCompletions { lateCompletions.removeFirst() }
        lateCompletions.append(transaction)
    }

    private mutating func learn(_ object: RNDIS.ObjectIdentifier, _ information: RNDIS.Information) {
        switch (object, information) {
        case (.maximumFrameSize, .number(let size)): hostMTU = Int(size)
        case (.permanentAddress, .address(let bytes)): address = bytes
        case (.friendlyName, .text(let bytes)): friendlyName = UTF16Text.text(Array(bytes.prefix(512)))
        case (.mediaConnectStatus, .mediaState(let state)): isConnected = state == .connected
        case (.linkSpeed, .linkSpeed(let speed)): linkSpeed = speed.rawValue
        case (.offloadHardwareCapabilities, .offloadCapabilities(let capabilities)):
            if capabilities.header.type == .offload { hostOffloads = capabilities }
        case (.receiveScaleCapabilities, .receiveScaleCapabilities(let capabilities)):
            hostQueues = max(1, capabilities.queueCount)
        default: break
        }
    }
}
