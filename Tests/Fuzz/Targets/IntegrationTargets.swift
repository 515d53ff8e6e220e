import VMBusDevices
import VMBusWire

/// Guest pages, of which an integration component has none.
private struct NoMemory: DeviceMemory {
    func byteCount(gpadl: UInt32) -> Int? { nil }
    func read(gpadl: UInt32, offset: Int, count: Int) -> [UInt8]? { nil }
    func write(gpadl: UInt32, offset: Int, _ bytes: [UInt8]) -> Bool { false }
    func read(_ range: GPARange) -> [UInt8]? { nil }
    func write(_ range: GPARange, _ bytes: [UInt8]) -> Bool { false }
}

/// A service's two ends; the answers of the guest's and the questions of the host's can be bent.
private let services:
    [(kind: DeviceKind, host: @Sendable () -> any DeviceEndpoint, guest: @Sendable () -> any DeviceEndpoint)] =
        [
            (.heartbeat, { HeartbeatProvider() }, { HeartbeatConsumer() }),
            (.shutdown, { ShutdownProvider() }, { ShutdownConsumer() }),
            (.timeSync, { TimeSyncProvider() }, { TimeSyncConsumer() }),
            (.keyValueExchange, { KeyValueProvider() }, { KeyValueConsumer() }),
            (.backup, { BackupProvider() }, { BackupConsumer() }),
            (.fileCopy, { FileCopyProvider() }, { FileCopyConsumer(maximumSize: 1 << 20) }),
        ]

private let commands: [(DeviceKind, String)] = [
    (.shutdown, "power-off"), (.shutdown, "restart force"), (.timeSync, "sync"), (.timeSync, "reset"),
    (.keyValueExchange, "enumerate guest"), (.keyValueExchange, "set guest a b"), (.keyValueExchange, "get-ip a"),
    (.backup, "freeze"), (.backup, "thaw"), (.backup, "hot-backup"), (.fileCopy, "pattern:9000 /a"),
    (.fileCopy, "cancel"),
]

/// The hosts of the integration components: what guests answer, bent or not, between commands and times that pass.
func fuzzIntegrationProvider(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    guard let service = feed.choose(services) else { return }
    var (host, guest, memory) = (service.host(), service.guest(), NoMemory())
    var conversation = Conversation()
    _ = guest.opened(subchannel: 0, time: 0, memory: &memory)
    try conversation.take(host.opened(subchannel: 0, time: 0, memory: &memory))
    for step in 0..<mostSteps where !feed.isEmpty {
        let time = UInt64(step) * 1_000_000_000
        let effects: [DeviceEffect]
        switch feed.next(UInt8.self) % 8 {
        case 0...3:
            // The guest's own answer, with a few bytes changed.
            guard let question = conversation.sent.first else { continue }
            conversation.sent.removeFirst()
            var answer: ChannelPacket?
            for case .send(_, let packet, _) in guest.receive(
                question, attachment: [], subchannel: 0, time: time, memory: &memory)
            {
                answer = packet
            }
            guard var answer else { continue }
            bend(&answer, &feed)
            effects = host.receive(answer, attachment: [], subchannel: 0, time: time, memory: &memory)
        case 4:
            let packet = ChannelPacket(
                flags: PacketFlags(rawValue: 0), transactionID: UInt64(feed.next(UInt8.self)), payload: feed.piece())
            effects = host.receive(packet, attachment: [], subchannel: 0, time: time, memory: &memory)
        case 5:
            guard let (kind, words) = feed.choose(commands),
                let command = try? DeviceCommand(words.split(separator: " ").map(String.init), for: kind)
            else { continue }
            let known = host.perform(command, time: time, memory: &memory)
            try require((known != nil) == (kind == service.kind), "a \(service.kind) and \(words)")
            effects = known ?? []
        case 6: effects = host.wake(token: UInt64(feed.next(UInt8.self) % 4), time: time, memory: &memory)
        default:
            conversation.sent = []
            effects = host.closed(subchannel: 0) + host.opened(subchannel: 0, time: time, memory: &memory)
        }
        try conversation.take(effects)
        try require(conversation.sent.count <= 4 * mostSteps, "\(conversation.sent.count) questions at once")
        try canary(
            conversation.notes.contains { $0.hasPrefix("file copy:") && $0.contains("is whole") },
            "a file that is whole")
    }
}

/// The guests of the integration components: what hosts ask, from versions on.
func fuzzIntegrationConsumer(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    guard let service = feed.choose(services) else { return }
    var (host, guest, memory) = (service.host(), service.guest(), NoMemory())
    var conversation = Conversation()
    _ = guest.opened(subchannel: 0, time: 0, memory: &memory)
    // The versions first, unless the input wants it otherwise.
    if feed.next(UInt8.self) != 0xFF {
        for case .send(_, let packet, _) in host.opened(subchannel: 0, time: 0, memory: &memory) {
            try conversation.take(guest.receive(packet, attachment: [], subchannel: 0, time: 0, memory: &memory))
        }
    }
    for step in 0..<mostSteps where !feed.isEmpty {
        let time = UInt64(step) * 1_000_000_000
        var packet = ChannelPacket(transactionID: UInt64(feed.next(UInt8.self)), payload: [])
        let form = feed.next(UInt8.self)
        if form < 16 {
            packet.payload = feed.piece()
        } else {
            // Some messages are long; all is zero between their beginning and their last number.
            var body = feed.piece()
            if form >= 64 {
                let length = [2580, 7428, 6260, 1088, 6196, 2060][Int(form) % 6]
                body += [UInt8](repeating: 0, count: max(0, length - body.count - 8))
                body += [feed.next(UInt8.self), feed.next(UInt8.self), 0, 0, 0, 0, 0, 0]
            }
            packet.payload = request(body, service.kind, form)
        }
        conversation.sent = []
        let effects = guest.receive(packet, attachment: [], subchannel: 0, time: time, memory: &memory)
        try conversation.take(effects)
        try require(conversation.sent.count <= 1, "\(conversation.sent.count) answers to one question")
        for answer in conversation.sent {
            try require(
                answer.payload.count == packet.payload.count && answer.transactionID == packet.transactionID,
                "an answer of \(answer.payload.count) bytes to \(packet.payload.count)")
            try require(answer.payload[25] == 5, "an answer with flags \(answer.payload[25])")
        }
        for case .utility(let event) in effects {
            if case .file(.data(let offset, let data)) = event {
                try require(offset + UInt64(data.count) <= 1 << 20, "\(data.count) bytes at \(offset)")
            }
            if case .file(.begin(let file)) = event {
                try canary(file.size > 0, "a file that begins and is not empty")
            }
        }
    }
}

/// A request of a service in its newest version around a body.
private func request(_ body: [UInt8], _ kind: DeviceKind, _ form: UInt8) -> [UInt8] {
    let (type, version): (UInt16, IntegrationComponent.Version)
    switch kind {
    case .shutdown: (type, version) = (3, .init(3, 2))
    case .timeSync: (type, version) = (4, .init(4, 0))
    case .keyValueExchange: (type, version) = (2, .init(4, 0))
    case .backup: (type, version) = (5, .init(7, 0))
    case .fileCopy: (type, version) = (7, .init(1, 1))
    default: (type, version) = (1, .init(3, 0))
    }
    var message = IntegrationComponent.Message(
        framework: .init(3, 0), version: form == 17 ? .init(1, 0) : version, transactionID: 1, body: .other(body))
    message.type = .init(rawValue: form == 18 ? UInt16(body.first ?? 0) : type)
    message.size = UInt16(truncatingIfNeeded: body.count)
    message.pipe = PipeHeader(length: IntegrationComponent.Message.headerSize - PipeHeader.byteCount + body.count)
    return message.encoded(context: .newest(sender: .hostToGuest)).prefix(28) + body
}

private func bend(_ packet: inout ChannelPacket, _ feed: inout ByteFeed) {
    for _ in 0..<Int(feed.next(UInt8.self) % 4) where !packet.payload.isEmpty {
        let place = Int(feed.next(UInt16.self)) % packet.payload.count
        packet.payload[place] = feed.next(UInt8.self)
    }
}

/// What an end has said.
private struct Conversation {
    var sent: [ChannelPacket] = []
    var notes: [String] = []

    mutating func take(_ effects: [DeviceEffect]) throws(Finding) {
        for effect in effects {
            switch effect {
            case .send(let subchannel, let packet, _):
                try require(subchannel == 0, "a packet on sub-channel \(subchannel)")
                try require(
                    packet.payload.count <= IntegrationComponent.maximumSize + 8,
                    "\(packet.payload.count) bytes at once")
                sent.append(packet)
            case .violation(let violation):
                try require(!violation.rule.isEmpty && !violation.explanation.isEmpty, "a violation without words")
            case .note(let text):
                try require(!text.isEmpty && text.utf8.count < 32_768, "a note of \(text.utf8.count) bytes")
                notes.append(text)
            default: break
            }
        }
    }
}
