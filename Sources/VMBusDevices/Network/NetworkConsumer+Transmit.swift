import VMBusWire

extension NetworkConsumer {
    /// A frame of the guest's stack, for the host. It waits when the host holds all places, and is lost when too many do.
    public mutating func transmit<Memory: DeviceMemory>(
        frame: [UInt8], memory: inout Memory
    ) -> [DeviceEffect] {
        guard isRunning, isConnected, frame.count >= EthernetFrame.headerSize,
            frame.count <= configuration.mtu + EthernetFrame.headerSize + 4
        else {
            counters.framesDropped += 1
            return []
        }
        if waitingFrames.isEmpty, let effects = send(frame, memory: &memory) { return effects }
        guard waitingFrames.count < configuration.transmitQueue else {
            counters.framesDropped += 1
            return []
        }
        waitingFrames.append(frame)
        return []
    }

    /// Sends frames that waited for a place.
    mutating func sendWaiting<Memory: DeviceMemory>(memory: inout Memory) -> [DeviceEffect] {
        var effects: [DeviceEffect] = []
        while let next = waitingFrames.first, let sent = send(next, memory: &memory) {
            waitingFrames.removeFirst()
            effects += sent
        }
        return effects
    }

    private mutating func send<Memory: DeviceMemory>(_ frame: [UInt8], memory: inout Memory) -> [DeviceEffect]? {
        let message = RNDIS.Message(.packet, .packet(RNDIS.Packet(frame: frame)))
        guard
            let effects = place(
                message, .data, headerSize: RNDIS.packetHeaderSize, subchannel: channel(for: frame), memory: &memory)
        else { return nil }
        counters.framesSent += 1
        return effects
    }

    /// The host's table decides, where it has one; a channel that is not open is replaced by the primary.
    func channel(for frame: [UInt8]) -> UInt16 {
        let hash = Int(FlowHash.hash(frame[...]))
        let index: Int =
            sendTable.isEmpty ? hash % (grantedSubchannels + 1) : Int(sendTable[hash % sendTable.count])
        guard openChannels.indices.contains(index), openChannels[index] else { return 0 }
        return UInt16(truncatingIfNeeded: index)
    }

    /// Sends a control request; without a place for it the adapter cannot go on, as each is waited for.
    mutating func sendControl<Memory: DeviceMemory>(
        _ message: RNDIS.Message, memory: inout Memory
    ) -> [DeviceEffect] {
        if let effects = place(message, .control, headerSize: .max, subchannel: 0, memory: &memory) {
            request?.transaction = nextTransaction - 1
            return effects
        }
        request = nil
        counters.failures += 1
        return phase == .running ? [] : fail("there is no place for an RNDIS message")
    }

    /// Answers a control message of the host, which asks again where there is no place for the answer.
    mutating func answerControl<Memory: DeviceMemory>(
        _ message: RNDIS.Message, memory: inout Memory
    ) -> [DeviceEffect] {
        place(message, .control, headerSize: .max, subchannel: 0, memory: &memory) ?? []
    }

    /// Puts a message into a send section when it is short, else into guest pages, else into a section all the same.
    /// Nil when no place is free.
    private mutating func place<Memory: DeviceMemory>(
        _ message: RNDIS.Message, _ type: NVSP.ChannelType, headerSize: Int, subchannel: UInt16, memory: inout Memory
    ) -> [DeviceEffect]? {
        let bytes = message.encoded(context: .newest(sender: .guestToHost))
        if bytes.count <= configuration.copyLimit, type == .data,
            let effects = placeInSection(bytes, type, subchannel: subchannel, memory: &memory)
        {
            return effects
        }
        return placeInPages(bytes, type, headerSize: headerSize, subchannel: subchannel, memory: &memory)
            ?? placeInSection(bytes, type, subchannel: subchannel, memory: &memory)
    }

    private mutating func placeInSection<Memory: DeviceMemory>(
        _ bytes: [UInt8], _ type: NVSP.ChannelType, subchannel: UInt16, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard let sendBuffer, bytes.count <= sendSectionSize, let section = sections.take() else { return nil }
        guard memory.write(gpadl: sendBuffer.gpadl, offset: section * sendSectionSize, bytes) else {
            sections.release(section)
            return nil
        }
        let place = NVSP.RNDISPacket(
            channelType: type, sectionIndex: UInt32(section), sectionSize: UInt32(bytes.count))
        return post(
            place, bulk: .inBand, bytes, .rndis(section: section, slot: nil, subchannel: subchannel),
            subchannel: subchannel)
    }

    /// The headers lie in the slot's first page, the frame in the pages behind it; no range is longer than a page.
    private mutating func placeInPages<Memory: DeviceMemory>(
        _ bytes: [UInt8], _ type: NVSP.ChannelType, headerSize: Int, subchannel: UInt16, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard let frameBuffer, let slot = frameSlots.take() else { return nil }
        let pages = frameBuffer.pages.dropFirst(slot * pagesPerSlot).prefix(pagesPerSlot)
        var ranges: [GPARange] = []
        var rest = bytes[...]
        for page in pages where !rest.isEmpty {
            let part = rest.prefix(ranges.isEmpty ? min(headerSize, 4096) : 4096)
            rest = rest.dropFirst(part.count)
            let range = GPARange(byteCount: UInt32(part.count), byteOffset: 0, pages: [page])
            guard memory.write(range, Array(part)) else { break }
            ranges.append(range)
        }
        guard ranges.reduce(0, { $0 + Int($1.byteCount) }) == bytes.count else {
            frameSlots.release(slot)
            return nil
        }
        return post(
            NVSP.RNDISPacket(channelType: type), bulk: .guestPages(ranges), bytes,
            .rndis(section: nil, slot: slot, subchannel: subchannel), subchannel: subchannel)
    }

    private mutating func post(
        _ place: NVSP.RNDISPacket, bulk: ChannelPacket.Bulk, _ bytes: [UInt8], _ waiting: Outstanding,
        subchannel: UInt16
    ) -> [DeviceEffect] {
        let id = nextTransaction
        nextTransaction += 1
        outstanding[id] = waiting
        let message = NVSP.Message(.sendRNDISPacket, .sendRNDISPacket(place))
        let packet = ChannelPacket(
            type: bulk == .inBand ? .dataInBand : .dataUsingGPADirect, flags: .completionRequested,
            transactionID: id, bulk: bulk, payload: message.encoded(version: .version61, sender: .guestToHost))
        return outbound.send(packet, attachment: bytes, subchannel: subchannel)
    }

    /// Stops the adapter in order, before its channel is closed: RNDIS first, then the buffers (reference §6.1.3).
    public mutating func shutDown<Memory: DeviceMemory>(memory: inout Memory) -> [DeviceEffect] {
        guard phase != .closed, phase != .failed, phase != .stopped else { return [] }
        var effects: [DeviceEffect] = []
        if frameBuffer != nil {
            let id = takeRequest(RNDIS.ObjectIdentifier(rawValue: 0))
            effects += sendControl(
                RNDIS.Message(.halt, .halt(RNDIS.RequestReference(requestID: id))), memory: &memory)
            request = nil
        }
        if receiveBuffer != nil {
            effects += send(.revokeReceiveBuffer, .revokeReceiveBuffer(NVSP.RevokedBuffer(id: NVSP.receiveBufferID)))
        }
        if sendBuffer != nil { effects += send(.revokeSendBuffer, .revokeSendBuffer(NVSP.RevokedBuffer(id: 0))) }
        phase = .stopped
        return effects
    }
}
