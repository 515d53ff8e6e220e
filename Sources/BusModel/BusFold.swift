import VMBusWire

extension BusSnapshot {
    /// What is, is a fold of what happened: takes in one record. The same function serves every source.
    public mutating func apply(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        position = Position(sequence: header.sequence, time: header.time)
        switch header.kind {
        case .message: applyMessage(header, payload)
        case .packet: applyPacket(header, payload)
        case .signal: count(header) { $0.signals &+= 1 }
        case .interrupt: count(header) { $0.interrupts &+= 1 }
        case .state, .sample: applyAttributes(header, payload)
        case .trace: applyTrace(header, payload)
        case .keyframe: applyKeyframe(header, payload)
        default: break
        }
    }

    /// Takes in all records of a batch.
    public mutating func apply(_ batch: FlowBatch) {
        for header in batch.headers { apply(header, batch.payload(of: header)) }
    }

    /// Lets a change reach a partition, which is made if it is new.
    mutating func withPartition(_ number: UInt16, _ change: (inout PartitionSnapshot) -> Void) {
        if let index = partitions.firstIndex(where: { $0.number == number }) {
            change(&partitions[index])
            return
        }
        var partition = PartitionSnapshot(
            number: number, name: PartitionSnapshot.defaultName(number), role: number == 0 ? .root : .guest)
        change(&partition)
        let place = partitions.firstIndex { $0.number > number } ?? partitions.endIndex
        partitions.insert(partition, at: place)
    }

    private mutating func count(_ header: FlowRecordHeader, _ add: (inout Traffic) -> Void) {
        withPartition(header.partition) { partition in
            add(&partition.traffic)
            partition.withChannel(header.device, header.subchannel) { add(&$0.traffic) }
        }
    }

    private mutating func applyPacket(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        var bytes = UInt64(header.payloadLength - min(header.payloadLength, header.attachmentLength))
        // What was not kept of a packet its descriptor tells.
        if header.omittedLength > 0, payload.count >= 6 { bytes = UInt64(payload.word16(4)) * 8 }
        count(header) { traffic in
            if header.direction == .guestToHost {
                traffic.packetsOut &+= 1
                traffic.bytesOut &+= bytes
            } else {
                traffic.packetsIn &+= 1
                traffic.bytesIn &+= bytes
            }
        }
    }
}

extension PartitionSnapshot {
    /// Lets a change reach a channel, if there is one.
    mutating func withChannel(_ device: GUID, _ subchannel: UInt16, _ change: (inout ChannelSnapshot) -> Void) {
        guard let deviceIndex = devices.firstIndex(where: { $0.instance == device }),
            let index = devices[deviceIndex].channels.firstIndex(where: { $0.subchannel == subchannel })
        else { return }
        change(&devices[deviceIndex].channels[index])
    }

    /// Lets a change reach the channel with a number, if there is one.
    mutating func withChannel(relid: UInt32, _ change: (inout ChannelSnapshot) -> Void) {
        for deviceIndex in devices.indices {
            if let index = devices[deviceIndex].channels.firstIndex(where: { $0.relid == relid }) {
                change(&devices[deviceIndex].channels[index])
                return
            }
        }
    }

    /// Lets a change reach a channel, which is made if it is new.
    mutating func withOfferedChannel(
        _ device: GUID, classID: GUID?, subchannel: UInt16, relid: UInt32, _ change: (inout ChannelSnapshot) -> Void
    ) {
        if !devices.contains(where: { $0.instance == device }) {
            devices.append(DeviceSnapshot(instance: device, classID: classID ?? .zero))
        }
        guard let deviceIndex = devices.firstIndex(where: { $0.instance == device }) else { return }
        let channels = devices[deviceIndex].channels
        if !channels.contains(where: { $0.subchannel == subchannel }) {
            let place = channels.firstIndex { $0.subchannel > subchannel } ?? channels.endIndex
            devices[deviceIndex].channels.insert(ChannelSnapshot(subchannel: subchannel, relid: relid), at: place)
        }
        withChannel(device, subchannel, change)
    }

    /// Removes a channel, and its device with the last one.
    mutating func removeChannel(relid: UInt32) {
        for index in devices.indices { devices[index].channels.removeAll { $0.relid == relid } }
        devices.removeAll { $0.channels.isEmpty }
    }
}
