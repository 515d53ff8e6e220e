public import BusModel
public import VMBusWire

/// A ring packet that asked for a completion, or an integration component's question, that has no answer yet.
public struct OutstandingTransaction: Sendable, Hashable {
    /// The channel.
    public let channel: ChannelKey
    /// Who asked.
    public let direction: Direction
    /// The id that the completion will repeat.
    public let transactionID: UInt64
    /// When, in the log's nanoseconds.
    public let sentAt: UInt64
    /// The record of the packet.
    public let record: UInt64
}

/// The packets that wait for their completions, where a log shows packets.
public struct TransactionBook: Sendable {
    /// The most that are kept for one channel and direction; further ones are only counted.
    static let limit = 4096

    private struct Lane: Hashable, Sendable {
        let channel: ChannelKey
        let direction: Direction
    }
    fileprivate struct Sent: Sendable {
        var time: UInt64
        var record: UInt64
    }
    fileprivate struct Account: Sendable {
        // Only looked up, and put in order before anybody sees it.
        var outstanding: [UInt64: Sent] = [:]
        var overflow: UInt64 = 0
        var completed: UInt64 = 0
    }

    private var accounts: [Lane: Account] = [:]

    /// Nothing is outstanding.
    public init() {}

    /// Takes in one record; `snapshot` is what was known before it.
    mutating func follow(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, before snapshot: BusSnapshot) {
        switch header.kind {
        case .packet: take(header, payload, snapshot)
        case .message:
            switch MessageType(rawValue: header.code) {
            case .unloadComplete, .initiateContact: forget { $0.partition == header.partition }
            case .openChannel, .closeChannel, .relidReleased:
                guard !accounts.isEmpty, let key = Self.channel(header, payload, snapshot) else { return }
                forget { $0 == key }
            default: break
            }
        case .state where StateCode(rawValue: header.code) == .removed:
            forget { key in
                key.partition == header.partition && (header.device == .zero || header.device == key.device)
                    && (header.relid == 0 || header.subchannel == key.subchannel)
            }
        default: break
        }
    }

    private mutating func forget(where fits: (ChannelKey) -> Bool) {
        for lane in accounts.keys where fits(lane.channel) { accounts[lane] = nil }
    }

    /// The channel of a message that begins with a channel's number, as all that end transactions do.
    private static func channel(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, _ snapshot: BusSnapshot
    ) -> ChannelKey? {
        if let key = header.channel { return key }
        guard payload.count >= 12 else { return nil }
        var relid: UInt32 = 0
        for place in (8..<12).reversed() { relid = relid << 8 | UInt32(payload[payload.startIndex + place]) }
        for device in snapshot.partition(header.partition)?.devices ?? [] {
            guard let channel = device.channels.first(where: { $0.relid == relid }) else { continue }
            return ChannelKey(partition: header.partition, device: device.instance, subchannel: channel.subchannel)
        }
        return nil
    }

    /// Integration components ask and answer in-band, the host first, and never ask for a completion (reference §6.3).
    private static func answersInBand(_ channel: ChannelKey, _ snapshot: BusSnapshot) -> Bool {
        switch snapshot.device(channel.partition, channel.device)?.deviceClass.kind {
        case .heartbeat, .shutdown, .timeSync, .keyValueExchange, .backup, .fileCopy: true
        default: false
        }
    }

    private mutating func take(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, _ snapshot: BusSnapshot) {
        guard let channel = header.channel, let direction = header.direction, payload.count >= PacketDescriptor.size
        else { return }
        let start = payload.startIndex
        let type = UInt16(payload[start]) | UInt16(payload[start + 1]) << 8
        var asksForCompletion = payload[start + 6] & 1 != 0
        var isCompletion = type == PacketType.completion.rawValue
        if type == PacketType.dataInBand.rawValue, !asksForCompletion, Self.answersInBand(channel, snapshot) {
            (asksForCompletion, isCompletion) = (direction == .hostToGuest, direction == .guestToHost)
        }
        guard asksForCompletion || isCompletion else { return }
        var id: UInt64 = 0
        for place in (8..<16).reversed() { id = id << 8 | UInt64(payload[start + place]) }
        guard isCompletion else {
            let sent = Sent(time: header.time, record: header.sequence)
            accounts[Lane(channel: channel, direction: direction), default: Account()].add(id, sent)
            return
        }
        let lane = Lane(channel: channel, direction: direction == .guestToHost ? .hostToGuest : .guestToHost)
        accounts[lane]?.complete(id)
    }

    /// How many wait on a channel in a direction, those that are only counted included.
    public func count(_ channel: ChannelKey, _ direction: Direction) -> Int {
        let account = accounts[Lane(channel: channel, direction: direction)]
        return (account?.outstanding.count ?? 0) + Int(clamping: account?.overflow ?? 0)
    }

    /// How many were completed on a channel in a direction.
    public func completed(_ channel: ChannelKey, _ direction: Direction) -> UInt64 {
        accounts[Lane(channel: channel, direction: direction)]?.completed ?? 0
    }

    /// The oldest that wait, oldest first.
    public func oldest(_ count: Int) -> [OutstandingTransaction] {
        var all: [OutstandingTransaction] = []
        for (lane, account) in accounts {
            for (id, sent) in account.outstanding {
                all.append(
                    OutstandingTransaction(
                        channel: lane.channel, direction: lane.direction, transactionID: id, sentAt: sent.time,
                        record: sent.record))
            }
        }
        return Array(all.sorted { ($0.sentAt, $0.record) < ($1.sentAt, $1.record) }.prefix(count))
    }
}

extension TransactionBook.Account {
    fileprivate mutating func add(_ id: UInt64, _ sent: TransactionBook.Sent) {
        if outstanding.count < TransactionBook.limit || outstanding[id] != nil {
            outstanding[id] = sent
        } else {
            overflow += 1
        }
    }

    fileprivate mutating func complete(_ id: UInt64) {
        completed &+= 1
        if outstanding.removeValue(forKey: id) == nil, overflow > 0 { overflow -= 1 }
    }
}

extension PacketDescriptor {
    /// Bytes of a descriptor (reference §4.3).
    fileprivate static let size = 16
}
