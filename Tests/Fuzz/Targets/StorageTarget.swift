import VMBusDevices
import VMBusWire

/// Guest pages of a run: a few, at the lowest numbers.
private struct FewPages: DeviceMemory {
    private var bytes = [UInt8](repeating: 0, count: 64 * 4096)

    func byteCount(gpadl: UInt32) -> Int? { nil }
    func read(gpadl: UInt32, offset: Int, count: Int) -> [UInt8]? { nil }
    mutating func write(gpadl: UInt32, offset: Int, _ bytes: [UInt8]) -> Bool { false }

    private func places(_ range: GPARange, _ count: Int) -> [Int]? {
        guard Int(range.byteOffset) + count <= range.pages.count * 4096,
            range.pages.allSatisfy({ $0.number < 64 })
        else { return nil }
        return (Int(range.byteOffset)..<Int(range.byteOffset) + count).map {
            Int(range.pages[$0 / 4096].number) * 4096 + $0 % 4096
        }
    }

    func read(_ range: GPARange) -> [UInt8]? { places(range, Int(range.byteCount))?.map { bytes[$0] } }

    mutating func write(_ range: GPARange, _ data: [UInt8]) -> Bool {
        guard let places = places(range, data.count) else { return false }
        for (place, byte) in zip(places, data) { bytes[place] = byte }
        return true
    }
}

/// A controller whose guest says anything: packets, commands, and disks that answer late, wrongly or not at all.
func fuzzStorageProvider(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    var configuration = StorageProvider.Configuration()
    configuration.kind = [.scsi, .ide, .fibreChannel][feed.next(below: 3)]
    configuration.maximumSubchannels = 2
    configuration.maximumOutstanding = 8
    configuration.disks = [
        DiskDescription(lun: 0, byteCount: 1 << 20), DiskDescription(lun: 1, byteCount: 1 << 20, isReadOnly: true),
        DiskDescription(lun: 2, medium: .compactDisc, byteCount: 1 << 20),
    ]
    var host = StorageProvider(configuration: configuration)
    var memory = FewPages()
    var tokens: [UInt64] = []
    _ = host.opened(subchannel: 0, time: 0, memory: &memory)
    while !feed.isEmpty {
        let effects = storageStep(&feed, &host, &memory, tokens)
        for effect in effects {
            guard case .disk(let request) = effect else { continue }
            tokens.append(request.token)
            try checkDiskRequest(request)
        }
        try require(host.outstandingCount <= 8, "\(host.outstandingCount) requests are outstanding")
        try require(host.units.count <= 64, "\(host.units.count) disks")
        try canary(host.counters.bytesWritten > 0, "bytes were written to a disk")
    }
}

/// Whatever a guest asks, a disk is asked for what it has.
private func checkDiskRequest(_ request: DiskRequest) throws(Finding) {
    func inside(_ range: BlockRange) throws(Finding) {
        let end = (range.block + UInt64(range.count)) * UInt64(request.blockSize)
        try require(range.block < 1 << 20 && end <= 1 << 20, "blocks up to byte \(end) of a disk of 1 MiB")
    }
    switch request.operation {
    case .read(let range): try inside(range)
    case .write(let block, let data, _):
        try require(data.count % request.blockSize == 0, "\(data.count) bytes are no blocks")
        try inside(BlockRange(block: block, count: UInt32(data.count / request.blockSize)))
    case .fill(let range, let pattern):
        try require(pattern.count == request.blockSize, "a pattern of \(pattern.count) bytes")
        try inside(range)
    case .discard(let ranges): for range in ranges { try inside(range) }
    case .flush: break
    }
}

private func storageStep(
    _ feed: inout ByteFeed, _ host: inout StorageProvider, _ memory: inout FewPages, _ tokens: [UInt64]
) -> [DeviceEffect] {
    switch feed.next(UInt8.self) % 8 {
    case 0:
        let payload = feed.piece()
        return take(
            ChannelPacket(flags: .completionRequested, transactionID: 9, payload: payload), &feed, &host, &memory)
    case 1:
        // The negotiation as a guest does it, so that more is reached.
        var version = VStor.Packet(.queryProtocolVersion)
        version.version = VStor.Version.newestFirst[feed.next(below: 5)]
        var effects: [DeviceEffect] = []
        for packet in [
            VStor.Packet(.beginInitialization), version, VStor.Packet(.queryProperties),
            VStor.Packet(.endInitialization),
        ] {
            let payload = packet.encoded(version: .version62, sender: .guestToHost)
            effects += host.receive(
                ChannelPacket(flags: .completionRequested, transactionID: 1, payload: payload), attachment: [],
                subchannel: 0, time: 0, memory: &memory)
        }
        return effects
    case 2:
        guard let token = feed.choose(tokens) else { return [] }
        let errors: [DiskError] = [.gone, .outOfRange, .writeProtected, .unreadable(block: 3), .failed]
        let choice = feed.next(below: 10)
        let result: Result<[UInt8], DiskError> =
            choice < 5 ? .failure(errors[choice]) : .success(feed.piece())
        return host.completed(DiskCompletion(token: token, result: result), time: 0, memory: &memory)
    case 3:
        let lun = feed.next(UInt8.self)
        let command: StorageCommand =
            feed.next(UInt8.self) & 1 == 0
            ? .remove(lun: lun) : .add(DiskDescription(lun: lun, byteCount: 1 << 20))
        return host.perform(.storage(command), time: 0, memory: &memory) ?? []
    case 4: return host.closed(subchannel: UInt16(feed.next(below: 3)))
    case 5: return host.opened(subchannel: UInt16(feed.next(below: 3)), time: 0, memory: &memory)
    default:
        var packet = VStor.Packet(.executeSRB)
        packet.request.lun = UInt8(feed.next(below: 4))
        packet.request.direction = VStor.DataDirection(rawValue: feed.next(UInt8.self) & 3)
        packet.request.commandLength = 16
        packet.request.dataLength = UInt32(feed.next(UInt16.self))
        packet.request.block = feed.take(16)
        let range = GPARange(
            byteCount: UInt32(feed.next(UInt16.self)), byteOffset: UInt32(feed.next(UInt16.self) % 4096),
            pages: (0..<18).map { UInt64($0 + feed.next(below: 48)) })
        return take(
            ChannelPacket(
                type: .dataUsingGPADirect, flags: .completionRequested, transactionID: UInt64(feed.next(UInt8.self)),
                bulk: .guestPages([range]), payload: packet.encoded(version: .version62, sender: .guestToHost)),
            &feed, &host, &memory)
    }
}

private func take(
    _ packet: ChannelPacket, _ feed: inout ByteFeed, _ host: inout StorageProvider, _ memory: inout FewPages
) -> [DeviceEffect] {
    let attachment = host.attachment(of: packet, memory: memory)
    return host.receive(
        packet, attachment: attachment, subchannel: UInt16(feed.next(below: 3)), time: 0, memory: &memory)
}

/// A guest's driver whose host says anything.
func fuzzStorageConsumer(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    var configuration = StorageConsumer.Configuration()
    configuration.subchannels = 2
    configuration.slots = 4
    configuration.slotSize = 8192
    configuration.queue = 4
    var guest = StorageConsumer(configuration: configuration)
    var memory = FewPages()
    var ids: [UInt64] = [.max - 2]
    var effects = guest.opened(subchannel: 0, time: 0, memory: &memory)
    while !feed.isEmpty {
        var more: [DeviceEffect] = []
        for effect in effects {
            switch effect {
            case .send(_, let packet, _): ids.append(packet.transactionID)
            case .createBuffer(let purpose, let byteCount):
                let pages = (0..<UInt64(byteCount / 4096)).map { $0 }
                more += guest.bufferCreated(
                    purpose: purpose, buffer: GuestBuffer(gpadl: 0, byteCount: byteCount, pages: pages), memory: &memory
                )
            default: break
            }
        }
        try require(guest.outstandingCount <= 4, "\(guest.outstandingCount) requests in four slots")
        try canary(guest.isRunning && guest.busChanges > 0, "a running guest heard of a disk")
        effects = more
        switch feed.next(UInt8.self) % 6 {
        case 0:
            let command = SCSI.Command(feed.take(16))
            let room = Int(feed.next(UInt16.self))
            effects += guest.submit(
                StorageRequest(token: 1, lun: feed.next(), command, room: room), memory: &memory)
        case 1: effects += guest.closed(subchannel: UInt16(feed.next(below: 3)))
        case 2: effects += guest.opened(subchannel: UInt16(feed.next(below: 3)), time: 0, memory: &memory)
        case 3:
            // What a host says that agrees to all.
            var reply = VStor.Packet(.completeIO)
            reply.properties.maximumTransfer = 65_536
            reply.properties.maximumSubchannels = 2
            reply.properties.flags = .multiChannel
            guard case .asking(let operation) = guest.phase else { continue }
            let payload = reply.encoded(version: .version62, sender: .hostToGuest, subject: operation)
            effects += guest.receive(
                ChannelPacket(type: .completion, transactionID: .max - 2, payload: payload), attachment: [],
                subchannel: 0, time: 0, memory: &memory)
        default:
            let isAnswer = feed.next(UInt8.self) & 1 == 0
            let packet = ChannelPacket(
                type: isAnswer ? .completion : .dataInBand, transactionID: feed.choose(ids.suffix(16)) ?? 0,
                payload: feed.piece())
            let attachment = guest.attachment(of: packet, memory: memory)
            effects += guest.receive(
                packet, attachment: attachment, subchannel: UInt16(feed.next(below: 3)), time: 0, memory: &memory)
        }
    }
}
