import VMBusDevices
import VMBusWire

/// The host's end of a network adapter: packets of a guest that knows the rules, or does not, between frames, channels that
/// open and close, rings without room, and commands.
func fuzzNetworkProvider(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    let options = feed.next(UInt8.self)
    var configuration = NetworkProvider.Configuration(address: [0, 0x15, 0x5D, 0x0A, 0, 1])
    configuration.maximumChannels = 4
    configuration.maximumVersion = NVSP.Version.newestFirst[Int(options & 7) % 6]
    configuration.completesControlMessages = options & 8 == 0
    configuration.messagesPerSection = options & 16 == 0 ? 1 : 3
    configuration.offersOffloads = options & 32 == 0
    var run = NetworkRun(NetworkProvider(configuration: configuration), sender: .guestToHost)
    for _ in 0..<mostSteps where !feed.isEmpty {
        try run.go(&feed)
        let held = run.end.outstandingReceives
        try require(held >= 0 && held <= NetworkRun<NetworkProvider>.mostPlaces, "the guest holds \(held) places")
        try require(held >= run.places.count, "\(run.places.count) packets wait for \(held) places")
        try canary(run.end.counters.tagsInserted > 0, "a frame gets a tag")
    }
}

/// The guest's end of a network adapter: packets of a host that knows the rules, or does not, between frames of the stack,
/// channels that open and close, and rings without room.
func fuzzNetworkConsumer(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    let options = feed.next(UInt8.self)
    var configuration = NetworkConsumer.Configuration()
    configuration.maximumVersion = NVSP.Version.newestFirst[Int(options & 7) % 6]
    configuration.usesChecksumOffload = options & 8 == 0
    configuration.aggregates = options & 16 == 0
    configuration.largestSegment = options & 32 == 0 ? 0 : 20_000
    var run = NetworkRun(NetworkConsumer(configuration: configuration), sender: .hostToGuest)
    for _ in 0..<mostSteps where !feed.isEmpty {
        try run.go(&feed)
        // All places for frames, sections, and the few requests of the way up.
        let waiting = run.end.outstandingCount
        try require(waiting <= 16 + 1024 + 200, "\(waiting) packets wait for a completion")
        try canary(run.end.counters.badChecksums > 0, "a frame comes whose checksum is wrong")
    }
}

/// An end of a network adapter with the memory that it shares, and what it was last seen to do.
struct NetworkRun<End: DeviceEndpoint> {
    /// More places than the largest buffer of the fuzzer's memory has.
    static var mostPlaces: Int { SharedBuffers.byteCount / 68 }

    var end: End
    /// Who sends the packets of the run.
    let sender: Direction
    var memory = SharedBuffers()
    /// Places of the receive buffer by the transaction that the host waits for, and the channel that it waits on.
    var places: [UInt64: (subchannel: UInt16, ranges: [TransferPageRange])] = [:]
    /// Whether rings have no room.
    private var isFull = false
    private var time: UInt64 = 0

    init(_ end: End, sender: Direction) {
        self.end = end
        self.sender = sender
    }

    /// One step, with all that must hold behind it.
    mutating func go(_ feed: inout ByteFeed) throws(Finding) {
        let control = feed.next(UInt8.self)
        let subchannel = UInt16(control >> 4 & 3)
        time += 1000
        switch control & 0xF {
        case 0: try take(end.opened(subchannel: subchannel, time: time, memory: &memory))
        case 1:
            try take(end.closed(subchannel: subchannel))
            places = places.filter { subchannel != 0 && $0.value.subchannel != subchannel }
        case 2: try take(end.transmit(frame: Self.piece(&feed), memory: &memory))
        case 3: try take(end.transmit(frames: [Self.piece(&feed), Self.piece(&feed)], memory: &memory))
        case 4: isFull.toggle()
        case 5: try take(end.channelWritable(subchannel: subchannel))
        case 6:
            let commands: [NetworkCommand] = [
                .link(connected: true), .link(connected: false), .speed(feed.next(UInt32.self)), .networkChange,
                .virtualFunction(nil), .virtualFunction(feed.next(UInt32.self)),
            ]
            if let command = feed.choose(commands) {
                try take(end.perform(.network(command), time: time, memory: &memory) ?? [])
            }
        default: try hear(&feed, subchannel)
        }
        if let broken = memory.broken { throw broken }
    }

    /// A packet of the other side with what it points to.
    private mutating func hear(_ feed: inout ByteFeed, _ subchannel: UInt16) throws(Finding) {
        let words = Int(feed.next(UInt8.self))
        let packet = Self.extended(feed.piece(), to: words * 8)
        let attachment = Self.piece(&feed)
        guard let packet = try? ChannelPacket.decode(packet[...]) else { return }
        if packet.type == .completion { places[packet.transactionID] = nil }
        // What packets point to is read from memory that is the run's own; only its length must be right.
        let read = end.attachment(of: packet, memory: memory)
        let given = read.isEmpty ? attachment : Self.extended(Array(attachment.prefix(read.count)), to: read.count)
        try take(
            end.receive(packet, attachment: given, subchannel: subchannel, time: time, memory: &memory))
    }

    /// Bytes with zeros behind them, whose lengths come first: a conversation is mostly zeros.
    private static func piece(_ feed: inout ByteFeed) -> [UInt8] {
        let length = Int(feed.next(UInt16.self))
        return extended(feed.piece(), to: length)
    }

    private static func extended(_ bytes: [UInt8], to length: Int) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: max(0, length - bytes.count))
    }

    private mutating func take(_ effects: [DeviceEffect]) throws(Finding) {
        try require(effects.count <= 40_000, "\(effects.count) effects of one step")
        for effect in effects {
            switch effect {
            case .send(let subchannel, let packet, let attachment):
                try require(packet.encoded != nil, "a packet that no ring can hold")
                try look(packet, attachment, subchannel)
                if isFull { end.sendRefused(packet, attachment: attachment, subchannel: subchannel) }
            case .createBuffer(let purpose, let byteCount):
                let buffer = memory.make(byteCount, purpose)
                try take(end.bufferCreated(purpose: purpose, buffer: buffer, memory: &memory))
            case .frame(let frame): try require(frame.count >= 14, "a frame of \(frame.count) bytes")
            case .violation(let violation):
                try require(!violation.rule.isEmpty && !violation.explanation.isEmpty, "a violation without words")
            case .failed(let reason): try require(!reason.isEmpty, "a failure without words")
            case .destroyBuffer, .offerSubchannels, .wake, .ready, .note, .utility: break
            case .disk, .plugged, .unplugged, .submitted, .disksChanged, .interruptMessage:
                throw Finding("an adapter has no disks")
            case .finished: throw Finding("an adapter is never done")
            }
        }
    }

    /// A packet points to as many bytes as come with it, and the host gives no place away twice.
    private mutating func look(
        _ packet: ChannelPacket, _ attachment: [UInt8], _ subchannel: UInt16
    ) throws(Finding) {
        switch packet.bulk {
        case .inBand:
            // A receive buffer is taken, so that nothing of an older one counts any more.
            if packet.payload.starts(with: [102, 0, 0, 0, 1]) { places = [:] }
        case .guestPages(let ranges):
            let count = ranges.reduce(0) { $0 + Int($1.byteCount) }
            try require(count == attachment.count, "\(count) bytes of pages for \(attachment.count)")
        case .transferPages(_, let ranges):
            let count = ranges.reduce(0) { $0 + Int($1.byteCount) }
            try require(count == attachment.count, "\(count) bytes of ranges for \(attachment.count)")
            if let old = places[packet.transactionID] {
                // A packet that waited for room comes once more.
                try require(old.ranges == ranges, "a transaction that is under way begins again")
                return
            }
            for range in ranges {
                for taken in places.values.flatMap({ $0.ranges }) {
                    try require(
                        range.byteOffset >= taken.byteOffset + taken.byteCount
                            || taken.byteOffset >= range.byteOffset + range.byteCount,
                        "the place at \(range.byteOffset) is given away twice")
                }
            }
            places[packet.transactionID] = (subchannel, ranges)
        }
    }
}

/// Shared memory in which every page list and every page is there, and no access may leave its list.
struct SharedBuffers: DeviceMemory {
    /// Bytes of each page list.
    static let byteCount = 256 << 10

    /// The first access that left its list.
    private(set) var broken: Finding?
    private var lists: UInt32 = 0

    mutating func make(_ byteCount: Int, _ purpose: BufferPurpose) -> GuestBuffer {
        lists += 1
        return GuestBuffer(
            gpadl: purpose.needsPageList ? lists : 0, byteCount: (byteCount + 4095) / 4096 * 4096,
            pages: (0..<UInt64((byteCount + 4095) / 4096)).map { 0x1000 + $0 })
    }

    func byteCount(gpadl: UInt32) -> Int? { gpadl == 0 ? nil : Self.byteCount }

    func read(gpadl: UInt32, offset: Int, count: Int) -> [UInt8]? {
        guard gpadl != 0, offset >= 0, count >= 0, offset + count <= Self.byteCount else { return nil }
        return [UInt8](repeating: 0, count: count)
    }

    mutating func write(gpadl: UInt32, offset: Int, _ bytes: [UInt8]) -> Bool {
        if gpadl == 0 || offset < 0 || offset + bytes.count > Self.byteCount {
            broken = Finding("\(bytes.count) bytes are written at \(offset) of list \(gpadl)")
        }
        return broken == nil
    }

    func read(_ range: GPARange) -> [UInt8]? {
        guard Int(range.byteCount) <= 1 << 16 else { return nil }
        return [UInt8](repeating: 0, count: Int(range.byteCount))
    }

    mutating func write(_ range: GPARange, _ bytes: [UInt8]) -> Bool {
        if bytes.count != Int(range.byteCount) {
            broken = Finding("\(bytes.count) bytes are written to a range of \(range.byteCount)")
        }
        return broken == nil
    }
}
