import Testing
import VMBusDevices
import VMBusWire

typealias KeyboardPair = DevicePair<KeyboardConsumer, KeyboardProvider>

extension DevicePair {
    /// What every record says on one line; each tree names every byte once.
    func lines(_ kind: DeviceKind) -> [String] {
        var dissector = ChannelDissector(kind: kind)
        return log.map { record in
            let line = dissector.summarise(record.record[...], attachmentLength: 0, direction: record.direction)
            DissectorTests.check(record, line, kind)
            return line.info.isEmpty ? line.name : "\(line.name) \(line.info)"
        }
    }
}

/// A refused message: its bytes, and the rule that it breaks.
struct RefusedMessage: Sendable, CustomTestStringConvertible {
    var payload: [UInt8]
    var rule: String
    var type = PacketType.dataInBand
    var testDescription: String { "\(rule) \(payload.prefix(20))" }
    var packet: ChannelPacket { ChannelPacket(type: type, payload: payload) }
}

@Suite struct KeyboardTests {
    private func opened() -> KeyboardPair {
        var pair = KeyboardPair(guest: KeyboardConsumer(), host: KeyboardProvider())
        pair.open()
        pair.settle()
        return pair
    }

    /// Lets as many keys come as there are timers for.
    private func typed(_ line: String) -> KeyboardPair {
        var pair = opened()
        pair.command(line, .keyboard)
        while pair.host.sent < 4096, pair.time < 60_000_000_000 {
            pair.settle()
            let before = pair.time
            pair.tick()
            if pair.time == before { break }
        }
        return pair
    }

    private func strokes(_ pair: KeyboardPair) -> [Keystroke] {
        pair.utilities.compactMap { if case .key(let stroke) = $0 { stroke } else { nil } }
    }

    private static let layouts: [(KeyboardMessage, String)] = [
        (KeyboardMessage(.request(0x10000)), "01000000 00000100"),
        (KeyboardMessage(.response(.accepted)), "02000000 01000000"),
        (KeyboardMessage(.event(Keystroke(0x1E))), "03000000 1e00 0000 00000000"),
        (KeyboardMessage(.event(Keystroke(0x48, [.extended0, .released]))), "03000000 4800 0000 06000000"),
        (KeyboardMessage(.lights(.capsLock)), "04000000 0400 0000"),
    ]

    @Test(arguments: layouts)
    func `messages lie as the reference says`(_ message: KeyboardMessage, _ digits: String) throws {
        #expect(message.encoded() == bytes(digits))
        #expect(try KeyboardMessage.decode(bytes(digits)) == message)
    }

    @Test func `the version is agreed on, and asked for with a completion`() {
        let pair = opened()
        #expect(pair.host.isReady && pair.guest.isReady)
        #expect(pair.readyCount == 2)
        #expect(pair.violations.isEmpty)
        #expect(
            pair.lines(.keyboard) == [
                "KEYBOARD.PROTOCOL_REQUEST version 1.0", "PACKET.COMPLETION 0 bytes of payload",
                "KEYBOARD.PROTOCOL_RESPONSE accepted",
            ])
        #expect(pair.log[0].bytes[6] == 1)
    }

    @Test(arguments: [
        ("type aB\\n", ["1e", "9e", "2a", "30", "b0", "aa", "1c", "9c"]),
        ("key ctrl+alt+delete", ["1d", "38", "e053", "e0d3", "b8", "9d"]), ("key f5", ["3f", "bf"]),
        ("key pause", ["e11d", "45", "e19d", "c5"]), ("scan e0 48 e0 c8 1e", ["e048", "e0c8", "1e"]),
        ("type ~|?", ["2a", "29", "a9", "aa", "2a", "2b", "ab", "aa", "2a", "35", "b5", "aa"]),
        ("type \\sa\\s", ["39", "b9", "1e", "9e", "39", "b9"]),
    ])
    func `keys come as a person's keyboard sends them`(_ line: String, _ expected: [String]) throws {
        let pair = typed(line)
        let seen = strokes(pair).map { stroke -> String in
            let prefix = stroke.flags.contains(.extended0) ? "e0" : stroke.flags.contains(.extended1) ? "e1" : ""
            let code = stroke.code | (stroke.flags.contains(.released) ? 0x80 : 0)
            return prefix + String(code, radix: 16)
        }
        #expect(seen == expected)
        #expect(pair.violations.isEmpty)
    }

    @Test func `keys come one after the other, so that a program in the guest can follow`() throws {
        let pair = typed("type hello")
        #expect(pair.guest.received == 10)
        #expect(pair.time >= 100_000_000)
        #expect(pair.lines(.keyboard).contains("KEYBOARD.EVENT h down"))
        #expect(pair.lines(.keyboard).contains("KEYBOARD.EVENT o up"))
    }

    @Test func `the guest says which lights are on, and the host knows`() throws {
        var pair = typed("key caps-lock")
        #expect(pair.host.lights == .capsLock)
        #expect(pair.notes == ["keyboard: the guest's lights: caps lock"])
        #expect(pair.lines(.keyboard).last == "KEYBOARD.EVENT caps-lock up")
        pair.perform(pair.guest.closed(subchannel: 0), from: .guestToHost)
        #expect(pair.guest.lights == [])
    }

    @Test func `nothing is typed before the guest has a driver, and no more than fits`() {
        var pair = KeyboardPair(guest: KeyboardConsumer(), host: KeyboardProvider())
        pair.command("type a", .keyboard)
        #expect(pair.notes == ["keyboard: the guest has no driver for it yet, so no key is pressed"])
        pair = opened()
        for _ in 0..<30 { pair.command("type \(String(repeating: "a", count: 400))", .keyboard) }
        #expect(pair.notes.contains { $0.hasSuffix("keys wait already; these are left out") })
        pair.perform(pair.host.closed(subchannel: 0), from: .hostToGuest)
        let before = pair.host.sent
        pair.tick()
        pair.tick()
        #expect(before == 0 && pair.host.sent == 0)
    }

    @Test(arguments: [
        "", "type", "type ü", "key", "key nothing", "key a+nothing", "scan", "scan e0", "scan zz", "press a",
    ])
    func `a command that is none tells what there is`(_ line: String) {
        var text = ""
        do {
            _ = try DeviceCommand(line.split(separator: " ").map(String.init), for: .keyboard)
        } catch {
            text = error.description
        }
        #expect(text.contains("it knows type TEXT"))
    }

    @Test func `another version is not taken, and the guest knows`() {
        var pair = opened()
        pair.inject(ChannelPacket(payload: KeyboardMessage(.request(0x20000)).encoded()), from: .guestToHost)
        #expect(!pair.host.isReady)
        #expect(pair.notes == ["keyboard: the guest speaks version 2.0; there is only version 1.0"])
        var refused = KeyboardPair(guest: KeyboardConsumer(), host: KeyboardProvider())
        refused.perform(refused.guest.opened(subchannel: 0, time: 0, memory: &refused.memory), from: .guestToHost)
        refused.inject(ChannelPacket(payload: KeyboardMessage(.response([])).encoded()), from: .hostToGuest)
        #expect(refused.failures == ["the host does not speak version 1.0"])
    }

    @Test func `a host that does not answer is given up after ten seconds`() {
        var pair = KeyboardPair(guest: KeyboardConsumer(), host: KeyboardProvider())
        pair.perform(pair.guest.opened(subchannel: 0, time: 0, memory: &pair.memory), from: .guestToHost)
        pair.tick()
        #expect(pair.time == 10_000_000_000)
        #expect(pair.failures == ["the host has not answered within 10 s"])
    }

    static let refusedByHost: [RefusedMessage] = [
        RefusedMessage(payload: [], rule: "well-formed"),
        RefusedMessage(payload: bytes("01000000"), rule: "well-formed"),
        RefusedMessage(payload: bytes("04000000 04"), rule: "well-formed"),
        RefusedMessage(payload: KeyboardMessage(.response(.accepted)).encoded(), rule: "keyboard-order"),
        RefusedMessage(payload: KeyboardMessage(.event(Keystroke(1))).encoded(), rule: "keyboard-order"),
        RefusedMessage(payload: bytes("63000000 00000000"), rule: "keyboard-order"),
        RefusedMessage(
            payload: KeyboardMessage(.request(0x10000)).encoded(), rule: "keyboard-in-band", type: .dataUsingGPADirect),
    ]

    @Test(arguments: refusedByHost)
    func `the host refuses what a guest may not say`(_ refused: RefusedMessage) {
        var pair = opened()
        pair.inject(refused.packet, from: .guestToHost)
        #expect(pair.violations.map(\.rule) == [refused.rule])
    }

    static let refusedByGuest: [RefusedMessage] = [
        RefusedMessage(payload: bytes("03000000 1e00"), rule: "well-formed"),
        RefusedMessage(payload: KeyboardMessage(.response(.accepted)).encoded(), rule: "keyboard-order"),
        RefusedMessage(payload: KeyboardMessage(.lights([])).encoded(), rule: "keyboard-order"),
        RefusedMessage(payload: KeyboardMessage(.request(0x10000)).encoded(), rule: "keyboard-order"),
    ]

    @Test(arguments: refusedByGuest)
    func `the guest refuses what a host may not say`(_ refused: RefusedMessage) {
        var pair = opened()
        pair.inject(refused.packet, from: .hostToGuest)
        #expect(pair.violations.map(\.rule) == [refused.rule])
        #expect(pair.utilities.isEmpty)
    }

    @Test func `lights and keys come behind the version, and packets on an open channel`() {
        var pair = KeyboardPair(guest: KeyboardConsumer(), host: KeyboardProvider())
        let key = ChannelPacket(payload: KeyboardMessage(.event(Keystroke(1))).encoded())
        let lights = ChannelPacket(payload: KeyboardMessage(.lights(.numLock)).encoded())
        pair.inject(key, from: .hostToGuest)
        pair.inject(lights, from: .guestToHost)
        #expect(pair.violations.map(\.rule) == ["keyboard-open", "keyboard-open"])
        pair.open()
        pair.inject(key, from: .hostToGuest)
        pair.inject(lights, from: .guestToHost)
        #expect(pair.violations.map(\.rule).suffix(2) == ["keyboard-order", "keyboard-order"])
        #expect(pair.host.lights == [])
    }

    @Test(arguments: [1, 2]) func `a ring with little room loses no key`(_ room: Int) throws {
        var pair = KeyboardPair(guest: KeyboardConsumer(), host: KeyboardProvider())
        pair.room = room
        pair.open()
        pair.settle()
        pair.command("type abc", .keyboard)
        for _ in 0..<8 {
            pair.tick()
        }
        pair.settle()
        for _ in 0..<8 { pair.tick() }
        pair.settle()
        #expect(pair.guest.received == 6)
        #expect(pair.violations.isEmpty)
    }
}
