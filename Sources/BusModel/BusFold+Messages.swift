import VMBusWire

extension BusSnapshot {
    /// What a channel message changes (reference §8.1 to §8.4). A message that cannot be read changes nothing.
    mutating func applyMessage(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        let time = header.time
        withPartition(header.partition) { partition in
            partition.traffic.messages &+= 1
            let context = partition.wireContext
            guard let message = try? ChannelMessage.decode(Array(payload), context: context) else { return }
            partition.applyConnection(message, at: time)
            partition.applyChannel(message, at: time)
            partition.applyPageList(message)
        }
    }
}

extension PartitionSnapshot {
    fileprivate mutating func applyConnection(_ message: ChannelMessage, at time: UInt64) {
        switch message {
        case .initiateContact(let contact):
            requestedVersion = contact.version
            connection = .known(.connecting, at: time)
            version = .unavailable
            features = .unavailable
            devices = []
            pageLists = []
        case .versionResponse(let response):
            guard response.versionSupported != 0, response.connectionState == .successful, let requestedVersion else {
                return
            }
            version = .known(requestedVersion, at: time)
            features = .known(response.features ?? [], at: time)
            connection = .known(.connected, at: time)
            self.requestedVersion = nil
        case .unload:
            connection = .known(.disconnecting, at: time)
        case .unloadComplete:
            connection = .known(.disconnected, at: time)
            devices = []
            pageLists = []
        default: break
        }
    }

    fileprivate mutating func applyChannel(_ message: ChannelMessage, at time: UInt64) {
        switch message {
        case .offerChannel(let offer):
            withOfferedChannel(
                offer.interfaceInstance, classID: offer.interfaceType, subchannel: offer.subchannelIndex,
                relid: offer.relid
            ) { channel in
                let generation = channel.phase.value == nil ? channel.generation : channel.generation &+ 1
                channel = ChannelSnapshot(subchannel: offer.subchannelIndex, relid: offer.relid)
                channel.generation = generation
                channel.phase = .known(.closed, at: time)
                channel.connectionID = .known(UInt64(offer.connectionID), at: time)
                if offer.isMonitored { channel.monitorID = .known(UInt64(offer.monitorID), at: time) }
            }
        case .rescindChannelOffer(let reference):
            withChannel(relid: reference.relid) { $0.phase = .known(.rescinded, at: time) }
        case .openChannel(let open):
            withChannel(relid: open.relid) { channel in
                channel.phase = .known(.opening, at: time)
                channel.cpu = .known(UInt64(open.targetVP), at: time)
                channel.ringPageList = open.ringGPADL
            }
            measureRings(relid: open.relid, list: open.ringGPADL, split: Int(open.downstreamPageOffset), at: time)
        case .openChannelResult(let result):
            withChannel(relid: result.relid) { channel in
                guard channel.phase.value == .opening else { return }
                channel.phase = .known(result.status.isSuccess ? .open : .closed, at: time)
            }
        case .closeChannel(let reference):
            withChannel(relid: reference.relid) { channel in
                if channel.phase.value != .rescinded { channel.phase = .known(.closed, at: time) }
                channel.ringPageList = nil
                channel.inbound = RingSnapshot()
                channel.outbound = RingSnapshot()
            }
        case .modifyChannel(let modify):
            withChannel(relid: modify.relid) { $0.cpu = .known(UInt64(modify.targetVP), at: time) }
        case .relidReleased(let reference):
            removeChannel(relid: reference.relid)
            pageLists.removeAll { $0.relid == reference.relid }
        default: break
        }
    }

    /// Both rings lie in one page list, each behind a control page (reference §3.6).
    mutating func measureRings(relid: UInt32, list: UInt32, split: Int, at time: UInt64) {
        guard let pages = pageLists.first(where: { $0.handle == list })?.pageCount, split > 0, split < pages else {
            return
        }
        withChannel(relid: relid) { channel in
            channel.outbound.size = .known(UInt64(split - 1) * 4096, at: time)
            channel.inbound.size = .known(UInt64(pages - split - 1) * 4096, at: time)
            channel.outbound.sizeSource = .measured
            channel.inbound.sizeSource = .measured
        }
    }

    fileprivate mutating func applyPageList(_ message: ChannelMessage) {
        switch message {
        case .gpadlHeader(let header):
            pageLists.removeAll { $0.handle == header.gpadl }
            let words = Int(header.rangeBufferLength) / 8
            pageLists.append(
                PageListSnapshot(
                    handle: header.gpadl, relid: header.relid, pageCount: max(0, words - Int(header.rangeCount)),
                    isCreated: false))
        case .gpadlCreated(let created):
            guard let index = pageLists.firstIndex(where: { $0.handle == created.gpadl }) else { return }
            if created.status.isSuccess { pageLists[index].isCreated = true } else { pageLists.remove(at: index) }
        case .gpadlTorndown(let torndown):
            pageLists.removeAll { $0.handle == torndown.gpadl }
        default: break
        }
    }
}
