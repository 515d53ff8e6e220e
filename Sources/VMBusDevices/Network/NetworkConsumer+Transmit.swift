import VMBusWire

extension NetworkConsumer {
    /// A frame of the guest's stack, for the host. It waits when the host holds all places, and is lost when too many do.
    public mutating func transmit<Memory: DeviceMemory>(
        frame: [UInt8], memory: inout Memory
    ) -> [DeviceEffect] {
        transmit(frame: frame, options: FrameOptions(), memory: &memory)
    }

    /// A frame of the guest's stack with which the host is to do more than send it.
    public mutating func transmit<Memory: DeviceMemory>(
        frame: [UInt8], options: FrameOptions, memory: inout Memory
    ) -> [DeviceEffect] {
        queue(frame, options)
        var effects: [DeviceEffect] = []
        sendWaiting(memory: &memory, &effects)
        return effects
    }

    /// Frames that the guest's stack has ready at the same time: short ones share packets.
    public mutating func transmit<Memory: DeviceMemory>(
        frames: [[UInt8]], memory: inout Memory
    ) -> [DeviceEffect] {
        for frame in frames { queue(frame, FrameOptions()) }
        var effects: [DeviceEffect] = []
        sendWaiting(memory: &memory, &effects)
        return effects
    }

    private mutating func queue(_ frame: [UInt8], _ options: FrameOptions) {
        guard isRunning, isConnected, frame.count >= EthernetFrame.headerSize,
            frame.count <= longestFrame(cut: options.segmentSize != nil)
        else {
            counters.framesDropped += 1
            return
        }
        waitingFrames.append(WaitingFrame(bytes: frame, options: options))
    }

    /// Sends frames that wait, as far as there are places; more than may wait are lost.
    mutating func sendWaiting<Memory: DeviceMemory>(memory: inout Memory, _ effects: inout [DeviceEffect]) {
        var sent = 0
        while sent < waitingFrames.count {
            let frame = waitingFrames[sent]
            let first = encoded(frame)
            if let batch = batch(from: sent, first),
                placeInSection(batch.bytes, .data, subchannel: first.subchannel, memory: &memory, &effects)
            {
                sent += batch.count
            } else if place(
                first.bytes, .data, headerSize: first.headerSize, subchannel: first.subchannel, memory: &memory,
                &effects)
            {
                sent += 1
            } else {
                break
            }
        }
        counters.framesSent += UInt64(sent)
        waitingFrames.removeFirst(sent)
        let excess = max(0, waitingFrames.count - configuration.transmitQueue)
        counters.framesDropped += UInt64(excess)
        waitingFrames.removeLast(excess)
    }

    private struct EncodedFrame {
        var bytes: [UInt8]
        var headerSize: Int
        var subchannel: UInt16
    }

    /// Short frames for one channel as one section; nil when there is only one.
    private func batch(from start: Int, _ first: EncodedFrame) -> (bytes: [UInt8], count: Int)? {
        guard configuration.aggregates, batchLimit > 1, start + 1 < waitingFrames.count,
            first.bytes.count <= configuration.copyLimit
        else { return nil }
        var bytes = first.bytes
        var count = 1
        while count < batchLimit, start + count < waitingFrames.count {
            let next = encoded(waitingFrames[start + count])
            let place = (bytes.count + batchAlignment - 1) / batchAlignment * batchAlignment
            guard next.subchannel == first.subchannel, next.bytes.count <= configuration.copyLimit,
                place + next.bytes.count <= min(sendSectionSize, batchSize)
            else { break }
            bytes += repeatElement(0, count: place - bytes.count)
            bytes += next.bytes
            count += 1
        }
        return count > 1 ? (bytes, count) : nil
    }

    private func encoded(_ frame: WaitingFrame) -> EncodedFrame {
        var info = FrameInfo()
        info.vlan = frame.options.tag.map { RNDIS.VLANTag(control: $0) }
        if frame.options.segmentSize != nil || configuration.usesChecksumOffload,
            let layout = FrameLayout(frame.bytes), let transport = layout.transport
        {
            let offset = UInt32(truncatingIfNeeded: layout.transportOffset)
            if let size = frame.options.segmentSize {
                info.largeSend = RNDIS.LargeSend(
                    segmentSize: UInt32(truncatingIfNeeded: size), headerOffset: offset,
                    isVersion6: layout.isVersion6)
            } else if hostMakesChecksum(transport, isVersion6: layout.isVersion6) {
                let family =
                    layout.isVersion6 ? RNDIS.TransmitChecksum.internet6 : RNDIS.TransmitChecksum.internet4
                let kind = transport == .tcp ? RNDIS.TransmitChecksum.tcp : RNDIS.TransmitChecksum.udp
                info.transmitChecksum = RNDIS.TransmitChecksum(rawValue: family | kind | (offset & 0x3FF) << 16)
            }
        }
        var subchannel: UInt16 = 0
        if grantedSubchannels > 0 {
            let hash = FlowHash.hash(frame.bytes[...])
            subchannel = channel(for: hash)
            if hash != 0 { info.hash = hash }
        }
        #if Mutations
            var bytes = FrameView.encode(frame.bytes[...], info, sender: .guestToHost)
            if configuration.mutation == .rndisLengthBeyondMessage {
                // The upper half of the data's length, which has 32 bits.
                bytes[14] = 1
            }
        #else
            let bytes = FrameView.encode(frame.bytes[...], info, sender: .guestToHost)
        #endif
        return EncodedFrame(bytes: bytes, headerSize: bytes.count - frame.bytes.count, subchannel: subchannel)
    }

    private func hostMakesChecksum(_ transport: FrameLayout.Transport, isVersion6: Bool) -> Bool {
        guard configuration.usesChecksumOffload, let hostOffloads else { return false }
        return hostOffloads.checksums[isVersion6 ? 2 : 0].abilities.contains(transport == .tcp ? .tcp : .udp)
    }

    /// The host's table decides, where it has one; a channel that is not open is replaced by the primary.
    private func channel(for hash: UInt32) -> UInt16 {
        let index: Int =
            sendTable.isEmpty ? Int(hash) % (grantedSubchannels + 1) : Int(sendTable[Int(hash) % sendTable.count])
        guard openChannels.indices.contains(index), openChannels[index] else { return 0 }
        return UInt16(truncatingIfNeeded: index)
    }

    /// Sends a control request; without a place for it the adapter cannot go on, as each is waited for.
    mutating func sendControl<Memory: DeviceMemory>(
        _ message: RNDIS.Message, memory: inout Memory
    ) -> [DeviceEffect] {
        let bytes = message.encoded(context: .newest(sender: .guestToHost))
        var effects: [DeviceEffect] = []
        if place(bytes, .control, headerSize: .max, subchannel: 0, memory: &memory, &effects) {
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
        let bytes = message.encoded(context: .newest(sender: .guestToHost))
        var effects: [DeviceEffect] = []
        _ = place(bytes, .control, headerSize: .max, subchannel: 0, memory: &memory, &effects)
        return effects
    }

    /// Puts a message into a send section when it is short, else into guest pages, else into a section all the same.
    /// False when no place is free.
    private mutating func place<Memory: DeviceMemory>(
        _ bytes: [UInt8], _ type: NVSP.ChannelType, headerSize: Int, subchannel: UInt16, memory: inout Memory,
        _ effects: inout [DeviceEffect]
    ) -> Bool {
        if bytes.count <= configuration.copyLimit, type == .data,
            placeInSection(bytes, type, subchannel: subchannel, memory: &memory, &effects)
        {
            return true
        }
        return placeInPages(bytes, type, headerSize: headerSize, subchannel: subchannel, memory: &memory, &effects)
            || placeInSection(bytes, type, subchannel: subchannel, memory: &memory, &effects)
    }

    private mutating func placeInSection<Memory: DeviceMemory>(
        _ bytes: [UInt8], _ type: NVSP.ChannelType, subchannel: UInt16, memory: inout Memory,
        _ effects: inout [DeviceEffect]
    ) -> Bool {
        guard let sendBuffer, bytes.count <= sendSectionSize, let section = sections.take() else { return false }
        guard memory.write(gpadl: sendBuffer.gpadl, offset: section * sendSectionSize, bytes) else {
            sections.release(section)
            return false
        }
        #if Mutations
            if configuration.mutation == .sendSectionReused { sections.release(section) }
        #endif
        let place = NVSP.RNDISPacket(
            channelType: type, sectionIndex: UInt32(section), sectionSize: UInt32(bytes.count))
        post(
            place, bulk: .inBand, bytes, .rndis(section: section, slot: nil, subchannel: subchannel),
            subchannel: subchannel, &effects)
        return true
    }

    /// The headers lie in the slot's first page, the frame in the pages behind it; no range is longer than a page.
    private mutating func placeInPages<Memory: DeviceMemory>(
        _ bytes: [UInt8], _ type: NVSP.ChannelType, headerSize: Int, subchannel: UInt16, memory: inout Memory,
        _ effects: inout [DeviceEffect]
    ) -> Bool {
        guard let frameBuffer, let slot = frameSlots.take() else { return false }
        let pages = frameBuffer.pages.dropFirst(slot * pagesPerSlot).prefix(pagesPerSlot)
        var ranges: [GPARange] = []
        var rest = bytes[...]
        for page in pages where !rest.isEmpty {
            let offset = ranges.isEmpty && type == .data ? configuration.headerOffset : 0
            let part = rest.prefix(ranges.isEmpty ? min(headerSize, 4096 - offset) : 4096)
            rest = rest.dropFirst(part.count)
            let range = GPARange(byteCount: UInt32(part.count), byteOffset: UInt32(offset), pages: [page])
            guard memory.write(range, Array(part)) else { break }
            ranges.append(range)
        }
        guard ranges.reduce(0, { $0 + Int($1.byteCount) }) == bytes.count else {
            frameSlots.release(slot)
            return false
        }
        post(
            NVSP.RNDISPacket(channelType: type), bulk: .guestPages(ranges), bytes,
            .rndis(section: nil, slot: slot, subchannel: subchannel), subchannel: subchannel, &effects)
        return true
    }

    private mutating func post(
        _ place: NVSP.RNDISPacket, bulk: ChannelPacket.Bulk, _ bytes: [UInt8], _ waiting: Outstanding,
        subchannel: UInt16, _ effects: inout [DeviceEffect]
    ) {
        let id = nextTransaction
        nextTransaction += 1
        #if Mutations
            if configuration.mutation == .transactionIDReused { nextTransaction = id }
        #endif
        outstanding[id] = waiting
        let packet = ChannelPacket(
            type: bulk == .inBand ? .dataInBand : .dataUsingGPADirect, flags: .completionRequested,
            transactionID: id, bulk: bulk, payload: place.payload(.version61))
        outbound.send(packet, attachment: bytes, subchannel: subchannel, &effects)
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
