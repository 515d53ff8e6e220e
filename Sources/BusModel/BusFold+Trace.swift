import VMBusWire

extension BusSnapshot {
    /// What a tracepoint of the guest's kernel tells of the bus (reference §7.5). It adds to what sysfs shows and takes nothing
    /// of that away.
    ///
    /// The kernel tells of a request after it has posted it, so an answer can come before its request.
    mutating func applyTrace(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        guard let record = try? TraceRecord.decode(payload), let type = record.messageType else { return }
        withPartition(header.partition) { partition in
            partition.traffic.messages &+= 1
            // What could not be posted has changed nothing.
            guard record.postResult ?? 0 == 0 else { return }
            partition.applyConnection(record, type, at: header.time)
            partition.applyChannel(record, type, at: header.time)
            partition.applyPageList(record, type)
        }
    }
}

extension PartitionSnapshot {
    fileprivate mutating func applyConnection(_ record: TraceRecord, _ type: MessageType, at time: UInt64) {
        switch type {
        case .initiateContact:
            requestedVersion = record.number("ver").map { ProtocolVersion(rawValue: UInt32(truncatingIfNeeded: $0)) }
            connection = .known(.connecting, at: time)
        case .versionResponse:
            guard record.number("ver") != 0, let requestedVersion else { return }
            version = .known(requestedVersion, at: time)
            connection = .known(.connected, at: time)
            self.requestedVersion = nil
        default: break
        }
    }

    fileprivate mutating func applyChannel(_ record: TraceRecord, _ type: MessageType, at time: UInt64) {
        let relid = record.relid
        switch type {
        case .offerChannel: offer(record, at: time)
        case .rescindChannelOffer: withChannel(relid: relid) { $0.phase = .known(.rescinded, at: time) }
        case .openChannel:
            let list = record.number("gpadlhandle").map { UInt32(truncatingIfNeeded: $0) }
            withChannel(relid: relid) { channel in
                channel.ringPageList = list
                // Open already: the answer came before.
                guard channel.phase.value != .open else { return }
                channel.phase = .known(.opening, at: time)
                // The processor of the hypervisor; sysfs knows the kernel's own number for it.
                if channel.cpu.value == nil, let vp = record.number("target_vp") { channel.cpu = .known(vp, at: time) }
            }
            if let list, let split = record.number("offset").flatMap({ Int(exactly: $0) }) {
                measureRings(relid: relid, list: list, split: split, at: time)
            }
        case .openChannelResult:
            withChannel(relid: relid) { channel in
                guard channel.phase.value != .rescinded else { return }
                channel.phase = .known(record.status?.isSuccess == true ? .open : .closed, at: time)
            }
        case .closeChannel:
            withChannel(relid: relid) { channel in
                if channel.phase.value != .rescinded { channel.phase = .known(.closed, at: time) }
                channel.ringPageList = nil
            }
        case .modifyChannel:
            guard let vp = record.number("target_vp") else { return }
            withChannel(relid: relid) { $0.cpu = .known(vp, at: time) }
        case .relidReleased:
            pageLists.removeAll { $0.relid == relid }
            // What sysfs has shown goes when sysfs does not show it any more: an offer that comes again at once is not told anew.
            if isSampled(relid: relid) {
                withChannel(relid: relid) { $0.phase = .known(.rescinded, at: time) }
            } else {
                removeChannel(relid: relid)
            }
        default: break
        }
    }

    /// Whether sysfs has shown the channel's device.
    private func isSampled(relid: UInt32) -> Bool {
        devices.contains { device in
            device.state.outcome != .unavailable && device.channels.contains { $0.relid == relid }
        }
    }

    private mutating func offer(_ record: TraceRecord, at time: UInt64) {
        guard let instance = record.guid("if_instance"), instance != .zero, record.relid != 0 else { return }
        let subchannel = UInt16(truncatingIfNeeded: record.number("sub_idx") ?? 0)
        withOfferedChannel(instance, classID: record.guid("if_type"), subchannel: subchannel, relid: record.relid) {
            channel in
            let isNew = channel.phase.value == nil
            let isAnother = channel.relid != record.relid || channel.phase.value == .rescinded
            if isAnother {
                channel.relid = record.relid
                channel.generation &+= 1
            }
            if isNew || isAnother { channel.phase = .known(.closed, at: time) }
            // Whether its monitor bit is in use the kernel does not tell here, so that stays to sysfs.
            if let connection = record.number("connection_id") { channel.connectionID = .known(connection, at: time) }
        }
    }

    fileprivate mutating func applyPageList(_ record: TraceRecord, _ type: MessageType) {
        guard let handle = record.number("gpadl").map({ UInt32(truncatingIfNeeded: $0) }) else { return }
        let place = pageLists.firstIndex { $0.handle == handle }
        switch type {
        case .gpadlHeader:
            let words = Int(UInt16(truncatingIfNeeded: record.number("range_buflen") ?? 0)) / 8
            let ranges = Int(UInt16(truncatingIfNeeded: record.number("rangecount") ?? 0))
            var list = PageListSnapshot(
                handle: handle, relid: record.relid, pageCount: max(0, words - ranges), isCreated: false)
            if let place {
                // Of the same channel and accepted: the answer came before.
                list.isCreated = pageLists[place].relid == list.relid && pageLists[place].isCreated
                pageLists[place] = list
            } else {
                pageLists.append(list)
            }
        case .gpadlCreated:
            guard record.status?.isSuccess == true else {
                pageLists.removeAll { $0.handle == handle }
                return
            }
            if let place {
                pageLists[place].isCreated = true
            } else {
                pageLists.append(
                    PageListSnapshot(handle: handle, relid: record.relid, pageCount: 0, isCreated: true))
            }
        case .gpadlTorndown: pageLists.removeAll { $0.handle == handle }
        default: break
        }
    }
}
