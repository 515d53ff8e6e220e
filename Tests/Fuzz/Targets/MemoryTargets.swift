import VMBusDevices
import VMBusWire

/// A few guest pages, and no others.
struct WindowPages: DeviceMemory {
    private var pages: [UInt64: [UInt8]] = [:]
    /// The number of the first page.
    static let first: UInt64 = 0x1000

    init(_ count: Int) {
        for index in 0..<count { pages[Self.first + UInt64(index)] = [UInt8](repeating: 0, count: 4096) }
    }

    func byteCount(gpadl: UInt32) -> Int? { nil }
    func read(gpadl: UInt32, offset: Int, count: Int) -> [UInt8]? { nil }
    func write(gpadl: UInt32, offset: Int, _ bytes: [UInt8]) -> Bool { false }

    func read(_ range: GPARange) -> [UInt8]? {
        guard range.byteOffset + range.byteCount <= 4096, let page = range.pages.first.flatMap({ pages[$0.number] })
        else { return nil }
        return Array(page[Int(range.byteOffset)..<Int(range.byteOffset + range.byteCount)])
    }

    mutating func write(_ range: GPARange, _ bytes: [UInt8]) -> Bool {
        guard Int(range.byteOffset) + bytes.count <= 4096, bytes.count <= Int(range.byteCount),
            let number = range.pages.first?.number, pages[number] != nil
        else { return false }
        pages[number]?.replaceSubrange(Int(range.byteOffset)..<Int(range.byteOffset) + bytes.count, with: bytes)
        return true
    }
}

/// Two ends of a device that talk to each other, while somebody bends what they say.
struct BentPair<Guest: DeviceEndpoint, Host: DeviceEndpoint> {
    var guest: Guest
    var host: Host
    var memory = WindowPages(4)
    /// What is on its way, by receiver.
    private var toGuest: [ChannelPacket] = []
    private var toHost: [ChannelPacket] = []
    private(set) var notes: [String] = []
    private let kind: DeviceKind
    private let commands: [String]
    private var time: UInt64 = 0

    init(guest: Guest, host: Host, _ kind: DeviceKind, _ commands: [String]) {
        (self.guest, self.host, self.kind, self.commands) = (guest, host, kind, commands)
    }

    mutating func open() throws(Finding) {
        try take(host.opened(subchannel: 0, time: time, memory: &memory), from: .hostToGuest)
        try take(guest.opened(subchannel: 0, time: time, memory: &memory), from: .guestToHost)
    }

    private mutating func take(_ effects: [DeviceEffect], from sender: Direction) throws(Finding) {
        for effect in effects {
            switch effect {
            case .send(let subchannel, let packet, _):
                try require(subchannel == 0, "a packet on sub-channel \(subchannel)")
                try require(packet.payload.count <= 4096, "\(packet.payload.count) bytes at once")
                // Who never reads is not written to without end.
                if sender == .guestToHost {
                    if toHost.count < 1024 { toHost.append(packet) }
                } else if toGuest.count < 1024 {
                    toGuest.append(packet)
                }
            case .createBuffer(let purpose, let count):
                let pages = (0..<UInt64((count + 4095) / 4096)).map { WindowPages.first + $0 }
                let buffer = GuestBuffer(gpadl: 0, byteCount: pages.count * 4096, pages: pages)
                try take(
                    guest.bufferCreated(purpose: purpose, buffer: buffer, memory: &memory), from: .guestToHost)
            case .violation(let violation):
                try require(!violation.rule.isEmpty && !violation.explanation.isEmpty, "a violation without words")
            case .note(let text), .failed(let text):
                try require(!text.isEmpty && text.utf8.count < 1024, "a note of \(text.utf8.count) bytes")
                if notes.count < 64 { notes.append(text) }
            default: break
            }
        }
    }

    private static func bend(_ packet: inout ChannelPacket, _ feed: inout ByteFeed) {
        for _ in 0..<Int(feed.next(UInt8.self) % 4) where !packet.payload.isEmpty {
            let place = Int(feed.next(UInt16.self)) % packet.payload.count
            packet.payload[place] = feed.next(UInt8.self)
        }
    }

    /// One thing happens.
    mutating func step(_ feed: inout ByteFeed) throws(Finding) {
        time += 1_000_000
        let form = feed.next(UInt8.self)
        switch form % 12 {
        case 0...3 where !toHost.isEmpty:
            var packet = toHost.removeFirst()
            if form % 12 == 3 { Self.bend(&packet, &feed) }
            try take(
                host.receive(packet, attachment: [], subchannel: 0, time: time, memory: &memory), from: .hostToGuest)
        case 4...7 where !toGuest.isEmpty:
            var packet = toGuest.removeFirst()
            if form % 12 == 7 { Self.bend(&packet, &feed) }
            try take(
                guest.receive(packet, attachment: [], subchannel: 0, time: time, memory: &memory), from: .guestToHost)
        case 8:
            guard let words = feed.choose(commands),
                let command = try? DeviceCommand(words.split(separator: " ").map(String.init), for: kind)
            else { return }
            let effects = host.perform(command, time: time, memory: &memory)
            try require(effects != nil, "\(words) is not known")
            try take(effects ?? [], from: .hostToGuest)
        case 9:
            let packet = ChannelPacket(
                type: form < 24 ? .completion : .dataInBand, flags: PacketFlags(rawValue: UInt16(form >> 7)),
                transactionID: UInt64(feed.next(UInt8.self)), payload: feed.piece())
            if form & 1 == 0 {
                try take(
                    host.receive(packet, attachment: [], subchannel: 0, time: time, memory: &memory),
                    from: .hostToGuest)
            } else {
                try take(
                    guest.receive(packet, attachment: [], subchannel: 0, time: time, memory: &memory),
                    from: .guestToHost)
            }
        case 10:
            let token = UInt64(feed.next(UInt8.self) % 8)
            try take(guest.wake(token: token, time: time, memory: &memory), from: .guestToHost)
            try take(host.wake(token: token, time: time, memory: &memory), from: .hostToGuest)
        case 11 where form > 240:
            (toHost, toGuest) = ([], [])
            try take(guest.closed(subchannel: 0), from: .guestToHost)
            try take(host.closed(subchannel: 0), from: .hostToGuest)
            (toHost, toGuest) = ([], [])
            try open()
        default: break
        }
    }
}

/// Both ends of dynamic memory: pages go up and down and come, and nobody counts one twice.
func fuzzBalloon(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    var account = BalloonConsumer.Configuration()
    account.rangePages = [1, 16, 512][feed.next(below: 3)]
    (account.pageCount, account.floor) = (4096, 512)
    var pair = BentPair(
        guest: BalloonConsumer(configuration: account), host: BalloonProvider(), .balloon,
        ["up 512", "up 4096", "down 100", "down all", "hot-add 0x200000 512", "hot-add 1 8 0 64", "status"])
    try pair.open()
    for _ in 0..<512 where !feed.isEmpty {
        try pair.step(&feed)
        let (own, given, added) = (pair.guest.own.count, pair.guest.given.count, pair.guest.added)
        try require(own + given == 4096 + added, "\(own) own pages and \(given) given, \(added) added")
        // Memory that came may be lost to the host again, but never what it keeps of it.
        try require(pair.guest.own.count >= 512, "\(own) pages are below the floor")
        try canary(pair.notes.contains { $0.contains("pages back, 0 are held") }, "all pages are back")
    }
}

/// Both ends of a virtual PCI bus: a function is found, ejected and found again.
func fuzzVPCI(_ bytes: [UInt8]) throws(Finding) {
    var feed = ByteFeed(bytes)
    let versions = VPCI.Version.newestFirst
    var (guest, host) = (VPCIConsumer.Configuration(), VPCIProvider.Configuration())
    guest.maximumVersion = versions[feed.next(below: versions.count)]
    host.memorySize = feed.next(below: 2) == 0 ? 0 : 4096
    var pair = BentPair(
        guest: VPCIConsumer(configuration: guest), host: VPCIProvider(configuration: host), .pci,
        ["eject", "insert", "interrupt", "invalidate 5", "status"])
    try pair.open()
    for _ in 0..<512 where !feed.isEmpty {
        try pair.step(&feed)
        try require(pair.host.given.count <= 32, "\(pair.host.given.count) interrupt messages")
        try require(pair.guest.functions.count <= 8, "\(pair.guest.functions.count) functions")
        try require(pair.host.space.word(0) == 0x5653_1414, "another name of the function")
        try canary(
            pair.guest.ejections > 0 && pair.guest.functions.contains { $0.step == .running },
            "a function that works again")
    }
}
