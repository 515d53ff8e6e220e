import VMBusDevices
import VMBusWire

/// Some guest pages side by side, for a picture.
private struct PictureMemory: DeviceMemory {
    private static let first: UInt64 = 0x100
    private var bytes = [UInt8](repeating: 0, count: 16 * 4096)

    func byteCount(gpadl: UInt32) -> Int? { nil }
    func read(gpadl: UInt32, offset: Int, count: Int) -> [UInt8]? { nil }
    func write(gpadl: UInt32, offset: Int, _ bytes: [UInt8]) -> Bool { false }

    /// Pages of a buffer; nil for one that is too large.
    func buffer(_ byteCount: Int) -> GuestBuffer? {
        guard byteCount <= bytes.count else { return nil }
        let count = (byteCount + 4095) / 4096
        return GuestBuffer(gpadl: 0, byteCount: count * 4096, pages: (0..<UInt64(count)).map { Self.first + $0 })
    }

    private func place(_ range: GPARange) -> Int? {
        guard let page = range.pages.first?.number, page >= Self.first, page < Self.first + 16 else { return nil }
        let place = Int(page - Self.first) * 4096 + Int(range.byteOffset)
        return place + Int(range.byteCount) <= bytes.count ? place : nil
    }

    func read(_ range: GPARange) -> [UInt8]? {
        place(range).map { Array(bytes[$0..<$0 + Int(range.byteCount)]) }
    }

    mutating func write(_ range: GPARange, _ new: [UInt8]) -> Bool {
        guard let place = place(range), new.count <= Int(range.byteCount) else { return false }
        bytes.replaceSubrange(place..<place + new.count, with: new)
        return true
    }
}

private let devices:
    [(kind: DeviceKind, host: @Sendable () -> any DeviceEndpoint, guest: @Sendable () -> any DeviceEndpoint)] = [
        (.keyboard, { KeyboardProvider() }, { KeyboardConsumer() }), (.mouse, { MouseProvider() }, { MouseConsumer() }),
        (
            .video,
            {
                var configuration = VideoProvider.Configuration()
                configuration.resolutions = [VideoResolution(64, 64)]
                return VideoProvider(configuration: configuration)
            },
            {
                var configuration = VideoConsumer.Configuration()
                configuration.squares = 9
                return VideoConsumer(configuration: configuration)
            }
        ),
    ]

private let commands: [(DeviceKind, String)] = [
    (.keyboard, "type Ab\\n"), (.keyboard, "key ctrl+alt+delete"), (.keyboard, "scan e1 1d 45"),
    (.mouse, "move 1 32767"), (.mouse, "click right"), (.mouse, "wheel -3"), (.mouse, "press left"),
    (.video, "refresh"), (.video, "watch"), (.video, "unwatch"),
]

/// A keyboard, a mouse or a display with both ends; one of them is under test, and hears what the other says, bent or not.
private struct ConsoleRun {
    let kind: DeviceKind
    var host: any DeviceEndpoint
    var guest: any DeviceEndpoint
    let testsHost: Bool
    var memory = PictureMemory()
    var toHost: [ChannelPacket] = []
    var toGuest: [ChannelPacket] = []
    var time: UInt64 = 0

    mutating func take(_ effects: [DeviceEffect], fromHost: Bool) throws(Finding) {
        for effect in effects {
            switch effect {
            case .send(let subchannel, let packet, _):
                try require(subchannel == 0, "a packet on sub-channel \(subchannel)")
                try require(packet.payload.count <= 16_392, "\(packet.payload.count) bytes at once")
                if fromHost { toGuest.append(packet) } else { toHost.append(packet) }
            case .createBuffer(let purpose, let byteCount):
                let buffer = memory.buffer(byteCount)
                try take(guest.bufferCreated(purpose: purpose, buffer: buffer, memory: &memory), fromHost: false)
            case .violation(let violation):
                try require(!violation.rule.isEmpty && !violation.explanation.isEmpty, "a violation without words")
            case .note(let text):
                try require(!text.isEmpty && text.utf8.count < 4096, "a note of \(text.utf8.count) bytes")
            default: break
            }
        }
        toHost = Array(toHost.suffix(64))
        toGuest = Array(toGuest.suffix(64))
    }

    mutating func deliver(_ packet: ChannelPacket, toHost: Bool) throws(Finding) {
        try take(
            toHost
                ? host.receive(packet, attachment: [], subchannel: 0, time: time, memory: &memory)
                : guest.receive(packet, attachment: [], subchannel: 0, time: time, memory: &memory), fromHost: toHost)
    }

    mutating func open() throws(Finding) {
        try take(host.opened(subchannel: 0, time: time, memory: &memory), fromHost: true)
        try take(guest.opened(subchannel: 0, time: time, memory: &memory), fromHost: false)
    }

    mutating func step(_ feed: inout ByteFeed) throws(Finding) {
        time += 10_000_000
        switch feed.next(UInt8.self) % 8 {
        case 0...3:
            // What waits on both ways; what goes to the end under test is bent.
            let changes = feed.next(UInt8.self)
            if !toHost.isEmpty { try deliver(bent(toHost.removeFirst(), testsHost ? changes : 0, &feed), toHost: true) }
            if !toGuest.isEmpty {
                try deliver(bent(toGuest.removeFirst(), testsHost ? 0 : changes, &feed), toHost: false)
            }
        case 4:
            let (form, type) = (feed.next(UInt8.self), feed.next(UInt8.self))
            let packet = ChannelPacket(
                type: form > 250 ? .completion : .dataInBand, flags: PacketFlags(rawValue: UInt16(form & 1)),
                transactionID: UInt64(form), payload: form == 0 ? feed.piece() : framed(type, feed.piece()))
            try deliver(packet, toHost: testsHost)
        case 5:
            guard let (kind, words) = feed.choose(commands),
                let command = try? DeviceCommand(words.split(separator: " ").map(String.init), for: kind)
            else { return }
            let known = host.perform(command, time: time, memory: &memory)
            try require((known != nil) == (kind == self.kind), "a \(self.kind) and \(words)")
            try take(known ?? [], fromHost: true)
        case 6:
            let token = UInt64(feed.next(UInt8.self) % 3)
            try take(host.wake(token: token, time: time, memory: &memory), fromHost: true)
            try take(guest.wake(token: token, time: time, memory: &memory), fromHost: false)
            try take(guest.wake(token: token | 1 << 63, time: time, memory: &memory), fromHost: false)
        default:
            (toHost, toGuest) = ([], [])
            try take(host.closed(subchannel: 0), fromHost: true)
            try take(guest.closed(subchannel: 0), fromHost: false)
            try open()
        }
    }

    /// A message of a type around a body, framed as the device frames its messages.
    private func framed(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
        func word(_ value: Int) -> [UInt8] {
            [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8), 0, 0]
        }
        if kind == .keyboard { return word(Int(type)) + body }
        let size = body.count + (kind == .video ? 8 : 0)
        return word(1) + word(body.count + 8) + word(Int(type)) + word(size) + body
    }

    private func bent(_ packet: ChannelPacket, _ changes: UInt8, _ feed: inout ByteFeed) -> ChannelPacket {
        var packet = packet
        for _ in 0..<Int(changes % 4) where !packet.payload.isEmpty {
            let place = Int(feed.next(UInt16.self)) % packet.payload.count
            packet.payload[place] = feed.next(UInt8.self)
        }
        return packet
    }
}

private func run(_ bytes: [UInt8], testsHost: Bool) throws(Finding) {
    var feed = ByteFeed(bytes)
    guard let device = feed.choose(devices) else { return }
    var run = ConsoleRun(kind: device.kind, host: device.host(), guest: device.guest(), testsHost: testsHost)
    try run.open()
    for _ in 0..<mostSteps where !feed.isEmpty {
        try run.step(&feed)
        if testsHost, let display = run.host as? VideoProvider {
            try require(display.dirty.count <= VideoProvider.keptRectangles, "\(display.dirty.count) parts are kept")
            try require(
                (display.shape?.pixels.count ?? 0) <= 36_864, "a pointer of \(display.shape?.pixels.count ?? 0) bytes")
            let picture = try? display.picture(run.memory)
            try canary(picture.map { $0.width != 64 && $0.width > 1 } == true, "a picture of another size, read")
        }
        if !testsHost, let keyboard = run.guest as? KeyboardConsumer {
            try canary(keyboard.lights == .scrollLock, "a light that is on")
        }
    }
}

/// The hosts of keyboard, mouse and display: what guests say, bent or not, between commands and times that pass.
func fuzzConsoleProvider(_ bytes: [UInt8]) throws(Finding) { try run(bytes, testsHost: true) }

/// The guests of keyboard, mouse and display: what hosts say, bent or not.
func fuzzConsoleConsumer(_ bytes: [UInt8]) throws(Finding) { try run(bytes, testsHost: false) }
