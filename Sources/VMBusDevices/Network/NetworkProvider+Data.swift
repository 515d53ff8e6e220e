import VMBusWire

extension NetworkProvider {
    /// An RNDIS packet of the guest, in a send section or in guest pages.
    mutating func received<Memory: DeviceMemory>(
        _ place: NVSP.RNDISPacket, _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16,
        memory: inout Memory
    ) -> [DeviceEffect] {
        guard !hasStopped else { return [] }
        if place.channelType == .data, let count = splitHeader(packet) {
            hasStopped = true
            return [.failed(reason: "stopped, as only \(count) bytes of an RNDIS header lie in its first page")]
        }
        var effects: [DeviceEffect] = []
        var status = NVSP.Status.success
        if version == nil {
            effects.append(broken("nvsp-init-first", "SEND_RNDIS_PACKET", "no version", "INIT comes first"))
            status = .failure
        } else if receiveBuffer == nil {
            effects.append(
                broken(
                    "nvsp-receive-buffer-first", "SEND_RNDIS_PACKET", "no receive buffer",
                    "the receive buffer, in which answers go back, comes first"))
            status = .failure
        } else if let violation = placeViolation(place, packet, attachment) {
            effects.append(violation)
            status = .failure
        } else {
            // A frame, and in front of it the completion.
            effects.reserveCapacity(2)
            messages(in: attachment, place, subchannel: subchannel, memory: &memory, status: &status, &effects)
        }
        if place.channelType == .control, !configuration.completesControlMessages { return effects }
        guard packet.flags.contains(.completionRequested), packet.transactionID != 0 else { return effects }
        // The completion goes first: it frees the guest's section before the answer to a control message comes.
        let completion = packet.completion(NVSP.Result(status: status).payload(version ?? .version1))
        if effects.isEmpty || outbound.isBlocked(subchannel) {
            return outbound.send(completion, subchannel: subchannel) + effects
        }
        effects.insert(.send(subchannel: subchannel, completion, attachment: []), at: 0)
        return effects
    }

    /// The bytes of an RNDIS packet's header in the first range of guest pages, where a host minds that they are not all.
    private func splitHeader(_ packet: ChannelPacket) -> UInt32? {
        guard configuration.stopsAtSplitHeaders, case .guestPages(let ranges) = packet.bulk, ranges.count > 1,
            let first = ranges.first, first.byteCount < UInt32(RNDIS.packetHeaderSize)
        else { return nil }
        return first.byteCount
    }

    /// Whether the bytes are where the message says.
    private func placeViolation(
        _ place: NVSP.RNDISPacket, _ packet: ChannelPacket, _ attachment: [UInt8]
    ) -> DeviceEffect? {
        var total = 0
        if place.sectionIndex != NVSP.noSection {
            guard sendGPADL != nil, place.sectionIndex < sendSections,
                place.sectionSize <= configuration.sendSectionSize
            else {
                return broken(
                    "nvsp-send-section", "SEND_RNDIS_PACKET",
                    "section \(place.sectionIndex), \(place.sectionSize) bytes",
                    "one of \(sendSections) sections of \(configuration.sendSectionSize) bytes")
            }
            total = Int(place.sectionSize)
        } else if packet.bulk == .inBand {
            return broken(
                "nvsp-send-section", "SEND_RNDIS_PACKET", "no section, no pages",
                "the message lies in a section or in guest pages")
        }
        if case .guestPages(let ranges) = packet.bulk { total += ranges.reduce(0) { $0 + Int($1.byteCount) } }
        guard total == attachment.count, total > 0 else {
            return broken(
                "gpa-range", "SEND_RNDIS_PACKET", "\(attachment.count) of \(total) bytes",
                "a message, in a section and pages that the guest has")
        }
        return nil
    }

    /// All messages of a packet; each says how long it is, and the next one is aligned.
    private mutating func messages<Memory: DeviceMemory>(
        in bytes: [UInt8], _ place: NVSP.RNDISPacket, subchannel: UInt16, memory: inout Memory,
        status: inout NVSP.Status, _ effects: inout [DeviceEffect]
    ) {
        var rest = bytes[...]
        var count = 0
        while rest.count >= RNDIS.headerSize {
            count += 1
            guard count <= configuration.maximumPacketsPerMessage else {
                status = .failure
                effects.append(
                    broken(
                        "rndis-batch", "SEND_RNDIS_PACKET", "more than \(configuration.maximumPacketsPerMessage)",
                        "at most as many messages in a packet as INITIALIZE_COMPLETE allows"))
                return
            }
            var length = 0
            if let view = FrameView(rest, sender: .guestToHost) {
                length = view.length
                received(view, place.channelType, status: &status, &effects)
            } else {
                do throws(WireError) {
                    let message = try RNDIS.Message.decode(rest, context: .newest(sender: .guestToHost))
                    length = Int(message.length)
                    received(message, place.channelType, subchannel, memory: &memory, status: &status, &effects)
                } catch {
                    status = .invalidRNDISPacket
                    effects.append(.violation(ProtocolViolation(error)))
                    effects += refuse(rest, memory: &memory)
                    return
                }
            }
            let alignment = 1 << configuration.alignmentFactor
            rest = rest.dropFirst((length + alignment - 1) / alignment * alignment)
        }
    }

    private mutating func received<Memory: DeviceMemory>(
        _ message: RNDIS.Message, _ channelType: NVSP.ChannelType, _ subchannel: UInt16, memory: inout Memory,
        status: inout NVSP.Status, _ effects: inout [DeviceEffect]
    ) {
        if case .packet(let packet) = message.body {
            return received(FrameView(packet, length: message.length), channelType, status: &status, &effects)
        }
        guard channelType == .control, subchannel == 0 else {
            status = .failure
            effects.append(misplaced(message.type, channelType))
            return
        }
        effects += control(message, memory: &memory)
    }

    private func misplaced(_ type: RNDIS.MessageType, _ channelType: NVSP.ChannelType) -> DeviceEffect {
        broken(
            "rndis-channel", type.name, "channel type \(channelType.rawValue)",
            "frames are data, everything else is control on the primary")
    }

    /// A frame of the guest, with what the guest leaves to the host done to it.
    private mutating func received(
        _ view: FrameView, _ channelType: NVSP.ChannelType, status: inout NVSP.Status, _ effects: inout [DeviceEffect]
    ) {
        guard channelType == .data else {
            status = .failure
            effects.append(misplaced(.packet, channelType))
            return
        }
        guard isInitialized else {
            status = .failure
            effects.append(broken("rndis-initialize-first", "RNDIS.PACKET", "frame", "INITIALIZE comes first"))
            return
        }
        guard view.frame.count >= EthernetFrame.headerSize else {
            status = .failure
            effects.append(wrongSize(view.frame.count))
            return
        }
        // A tag beside the frame comes on top of the largest frame.
        let most = configuration.mtu + EthernetFrame.headerSize + 4
        if !view.info.hasWork, view.frame.count <= most {
            counters.framesFromGuest += 1
            effects.append(.frame(Array(view.frame)))
            return
        }
        var frames: [[UInt8]]
        if let wish = view.info.largeSend {
            guard let segments = FrameOffload.cut(Array(view.frame), wish) else {
                status = .failure
                effects.append(
                    broken(
                        "offload-large-send", "RNDIS.PACKET", wish.meaning ?? "",
                        "a TCP segment whose header is where the info says, cut into at most 2048"))
                return
            }
            frames = segments
            counters.segmentsCut += UInt64(segments.count)
        } else if let wish = view.info.transmitChecksum, wish.rawValue != 0 {
            guard let frame = FrameOffload.completed(Array(view.frame), wish) else {
                status = .failure
                effects.append(
                    broken(
                        "offload-checksum", "RNDIS.PACKET", wish.meaning ?? "",
                        "a frame that has the headers whose checksums are asked for, where the info says"))
                return
            }
            frames = [frame]
            counters.checksumsMade += 1
        } else {
            frames = [Array(view.frame)]
        }
        if let longest = frames.map({ $0.count }).max(), longest > most {
            status = .failure
            effects.append(wrongSize(longest))
            return
        }
        if let tag = view.info.vlan {
            frames = frames.map { FrameOffload.tagged($0, tag) }
            counters.tagsInserted += UInt64(frames.count)
        }
        counters.framesFromGuest += UInt64(frames.count)
        for frame in frames { effects.append(.frame(frame)) }
    }

    private func wrongSize(_ count: Int) -> DeviceEffect {
        broken(
            "frame-size", "RNDIS.PACKET", "\(count) bytes",
            "an Ethernet frame of 14 to \(configuration.mtu + EthernetFrame.headerSize + 4) bytes")
    }

    /// A frame from the virtual switch, for the guest.
    public mutating func transmit<Memory: DeviceMemory>(
        frame: [UInt8], memory: inout Memory
    ) -> [DeviceEffect] {
        transmit(frames: [frame], memory: &memory)
    }

    /// Frames from the virtual switch, for the guest, as many in a packet as the configuration says.
    public mutating func transmit<Memory: DeviceMemory>(
        frames: [[UInt8]], memory: inout Memory
    ) -> [DeviceEffect] {
        var effects: [DeviceEffect] = []
        var batch = ReceiveBatch()
        for frame in frames {
            guard isInitialized, isConnected, wants(frame) else {
                counters.filtered += 1
                continue
            }
            let (bytes, subchannel) = prepare(frame)
            if batch.slots.count == configuration.messagesPerSection || batch.subchannel != subchannel {
                send(&batch, .data, &effects)
            }
            batch.subchannel = subchannel
            if store(bytes, in: &batch, memory: &memory) {
                counters.framesToGuest += 1
            } else {
                counters.noBuffer += 1
            }
        }
        send(&batch, .data, &effects)
        return effects
    }

    /// A frame with what the guest is told of it, and the channel that its hash chooses.
    private func prepare(_ frame: [UInt8]) -> (bytes: [UInt8], subchannel: UInt16) {
        var info = FrameInfo()
        var frame = frame
        if configuration.offersOffloads {
            if guestConfiguration?.capabilities.contains(.vlan) == true, let bare = FrameOffload.untagged(frame) {
                frame = bare.frame
                info.vlan = bare.tag
            }
            info.receiveChecksum = FrameOffload.checked(frame, offloads)
        }
        var channel: UInt16 = 0
        if let receiveScale, !receiveScale.table.isEmpty {
            let hash = FlowHash.hash(frame[...], key: receiveScale.key)
            let index = Int(receiveScale.table[Int(hash) % receiveScale.table.count].channel)
            if openChannels.indices.contains(index), openChannels[index] { channel = UInt16(index) }
            // Frames without addresses have no hash.
            if hash != 0 { info.hash = hash }
        }
        return (FrameView.encode(frame[...], info, sender: .hostToGuest), channel)
    }

    private func wants(_ frame: [UInt8]) -> Bool {
        guard frame.count >= EthernetFrame.headerSize else { return false }
        if !configuration.filtersFrames { return true }
        if packetFilter.contains(.promiscuous) { return true }
        if frame[0] & 1 == 0 { return packetFilter.contains(.directed) && frame.starts(with: currentAddress) }
        if frame[0..<6].allSatisfy({ $0 == 0xFF }) { return packetFilter.contains(.broadcast) }
        return packetFilter.contains(.allMulticast)
            || packetFilter.contains(.multicast) && multicastList.contains { frame.starts(with: $0) }
    }

    /// Puts a control message into a place of the receive buffer and tells the guest. Nil when there is no place, or it is
    /// too small.
    mutating func transfer<Memory: DeviceMemory>(
        control message: RNDIS.Message, memory: inout Memory
    ) -> [DeviceEffect]? {
        var batch = ReceiveBatch()
        let bytes = message.encoded(context: .newest(sender: .hostToGuest))
        guard store(bytes, in: &batch, memory: &memory) else { return nil }
        var effects: [DeviceEffect] = []
        send(&batch, .control, &effects)
        return effects
    }

    /// Writes a message into a place of the receive buffer. False when there is none, or it is too small.
    private mutating func store<Memory: DeviceMemory>(
        _ bytes: [UInt8], in batch: inout ReceiveBatch, memory: inout Memory
    ) -> Bool {
        guard let gpadl = receiveBuffer else { return false }
        guard bytes.count <= subAllocation, let slot = slots.take() else { return false }
        guard memory.write(gpadl: gpadl, offset: slot * subAllocation, bytes) else {
            slots.release(slot)
            return false
        }
        batch.slots.append(slot)
        batch.ranges.append(
            TransferPageRange(byteCount: UInt32(bytes.count), byteOffset: UInt32(slot * subAllocation)))
        if batch.bytes.isEmpty { batch.bytes = bytes } else { batch.bytes += bytes }
        return true
    }

    /// Tells the guest of the messages of a batch, which is empty afterwards.
    private mutating func send(
        _ batch: inout ReceiveBatch, _ type: NVSP.ChannelType, _ effects: inout [DeviceEffect]
    ) {
        defer { batch = ReceiveBatch() }
        guard let first = batch.slots.first, let version else { return }
        for (index, slot) in batch.slots.enumerated() {
            let next = index + 1 < batch.slots.count ? batch.slots[index + 1] : nil
            while pending.count <= slot { pending.append(nil) }
            pending[slot] = PendingReceive(subchannel: batch.subchannel, isFirst: index == 0, next: next)
        }
        let packet = ChannelPacket(
            type: .dataUsingTransferPages, flags: .completionRequested, transactionID: UInt64(first) + 1,
            bulk: .transferPages(setID: NVSP.receiveBufferID, ranges: batch.ranges),
            payload: NVSP.RNDISPacket(channelType: type).payload(version))
        let count = effects.count
        outbound.send(packet, attachment: batch.bytes, subchannel: batch.subchannel, &effects)
        if effects.count == count { note(packet, isQueued: true) }
    }

    /// The guest gives the places of a packet back.
    mutating func completed<Memory: DeviceMemory>(
        _ packet: ChannelPacket, subchannel: UInt16, memory: inout Memory
    ) -> [DeviceEffect] {
        guard packet.transactionID >= 1, packet.transactionID <= UInt64(pending.count),
            let entry = pending[Int(packet.transactionID) - 1], entry.isFirst, !entry.isQueued,
            entry.subchannel == subchannel
        else {
            return [
                broken(
                    "completion-known", "completion", "id \(packet.transactionID) on sub-channel \(subchannel)",
                    "a completion answers a packet that waits, on the channel that it came through")
            ]
        }
        var place: Int? = Int(packet.transactionID) - 1
        while let slot = place {
            place = pending[slot]?.next
            pending[slot] = nil
            slots.release(slot)
        }
        var effects: [DeviceEffect] = []
        if NVSP.Result(packet: packet.payload) == nil {
            do throws(WireError) {
                let message = try NVSP.Message.decode(packet.payload, context: .newest(sender: .guestToHost))
                if message.type != .sendRNDISPacketComplete {
                    effects.append(
                        broken(
                            "nvsp-type", message.type.name, "completion",
                            "received packets are completed by SEND_RNDIS_PACKET_COMPLETE"))
                }
            } catch {
                effects.append(.violation(ProtocolViolation(error)))
            }
        }
        while let next = waitingControls.first {
            guard let sent = transfer(control: next, memory: &memory) else { break }
            waitingControls.removeFirst()
            effects += sent
        }
        return effects
    }
}

/// Messages in places of the receive buffer that go to the guest in one packet.
private struct ReceiveBatch {
    var subchannel: UInt16 = 0
    var slots: [Int] = []
    var ranges: [TransferPageRange] = []
    var bytes: [UInt8] = []
}
