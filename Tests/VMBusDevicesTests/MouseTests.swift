import Testing
import VMBusDevices
import VMBusWire

typealias MousePair = DevicePair<MouseConsumer, MouseProvider>

@Suite struct MouseTests {
    private func opened() -> MousePair {
        var pair = MousePair(guest: MouseConsumer(), host: MouseProvider())
        pair.open()
        pair.settle()
        return pair
    }

    private static func report(_ x: UInt16, _ y: UInt16, _ buttons: MouseButtons = [], wheel: Int16 = 0)
        -> PointerReport
    {
        var report = PointerReport()
        (report.x, report.y, report.buttons, report.wheel) = (x, y, buttons, wheel)
        return report
    }

    private static let layouts: [(MouseMessage, String)] = [
        (MouseMessage(.request(0x20000)), "01000000 0c000000 00000000 04000000 00000200"),
        (
            MouseMessage(.response(.init(version: 0x20000, isApproved: true))),
            "01000000 0d000000 01000000 05000000 00000200 01"
        ), (MouseMessage(.deviceInfoAck), "01000000 09000000 03000000 01000000 00"),
        (
            MouseMessage(.report(report(0x1234, 0x7FFF, .left, wheel: -1))),
            "01000000 0f000000 04000000 07000000 01 3412 ff7f ffff"
        ),
    ]

    @Test(arguments: layouts)
    func `messages lie as the reference says`(_ message: MouseMessage, _ digits: String) throws {
        #expect(message.encoded() == bytes(digits))
        #expect(try MouseMessage.decode(bytes(digits)) == message)
    }

    @Test func `the device's numbers take 32 bytes, then come both descriptors`() throws {
        let message = MouseMessage(.deviceInfo(.absolutePointer))
        let bytes = message.encoded()
        let count = PointerDescription.absolutePointer.reportDescriptor.count
        #expect(bytes.count == 16 + 32 + 9 + count)
        #expect(Array(bytes[16..<26]) == [32, 0, 0, 0, 0x5E, 0x04, 0x21, 0x06, 1, 0])
        #expect(bytes[26..<48].allSatisfy { $0 == 0 })
        #expect(Array(bytes[48..<57]) == [9, 0x21, 1, 1, 0, 1, 0x22, UInt8(count), 0])
        #expect(bytes.suffix(2) == [0xC0, 0xC0])
        #expect(try MouseMessage.decode(bytes) == message)
    }

    /// Items of one byte ahead of their data (USB HID 1.11, §6.2.2): collections are closed, and the input bits add up.
    @Test func `the report descriptor describes the seven bytes of a report`() {
        let descriptor = PointerDescription.absolutePointer.reportDescriptor
        var (place, depth, size, count, bits) = (0, 0, 0, 0, 0)
        while place < descriptor.count {
            let length = Int(descriptor[place] & 3)
            let value = length == 0 ? 0 : Int(descriptor[place + 1])
            switch descriptor[place] & 0xFC {
            case 0xA0: depth += 1
            case 0xC0: depth -= 1
            case 0x74: size = value
            case 0x94: count = value
            case 0x80: bits += size * count
            default: break
            }
            place += 1 + length
        }
        #expect(place == descriptor.count)
        #expect(depth == 0)
        #expect(bits == 56)
    }

    @Test func `the device is described once the version is agreed on`() {
        let pair = opened()
        #expect(pair.host.phase == .ready && pair.guest.phase == .ready)
        #expect(pair.readyCount == 2)
        #expect(pair.violations.isEmpty)
        let lines = pair.lines(.mouse)
        for line in [
            "MOUSE.PROTOCOL_REQUEST version 2.0", "MOUSE.PROTOCOL_RESPONSE version 2.0 approved",
            "MOUSE.INITIAL_DEVICE_INFO 0x45e:0x621, report descriptor of 63 bytes", "MOUSE.INITIAL_DEVICE_INFO_ACK",
        ] {
            #expect(lines.contains(line), "\(line) in \(lines)")
        }
    }

    @Test func `the pointer moves, clicks and turns its wheel`() throws {
        var pair = opened()
        for line in ["move 100 32767", "click right", "press left", "move 5 6", "release left", "wheel -3"] {
            pair.command(line, .mouse)
        }
        pair.settle()
        let seen = pair.utilities.compactMap { if case .pointer(let report) = $0 { report } else { nil } }
        #expect(
            seen == [
                Self.report(100, 32767), Self.report(100, 32767, .right), Self.report(100, 32767),
                Self.report(100, 32767, .left), Self.report(5, 6, .left), Self.report(5, 6),
                Self.report(5, 6, wheel: -3),
            ])
        #expect(pair.lines(.mouse).contains("MOUSE.INPUT_REPORT at 100, 32767, right down"))
        #expect(pair.violations.isEmpty)
        #expect(pair.guest.pointer == Self.report(5, 6, wheel: -3))
    }

    @Test func `nothing moves before the guest has a driver`() throws {
        var pair = MousePair(guest: MouseConsumer(), host: MouseProvider())
        pair.command("move 1 1", .mouse)
        #expect(pair.notes == ["mouse: the guest has no driver for it yet, so nothing moves"])
    }

    @Test(arguments: [
        "", "move", "move 1", "move 1 32768", "move -1 1", "click up", "press", "wheel", "wheel 40000", "scroll 1",
    ])
    func `a command that is none tells what there is`(_ line: String) {
        var text = ""
        do {
            _ = try DeviceCommand(line.split(separator: " ").map(String.init), for: .mouse)
        } catch {
            text = error.description
        }
        #expect(text.contains("it knows move X Y"))
    }

    @Test func `another version is not taken, and the guest gives up`() {
        var pair = opened()
        pair.inject(ChannelPacket(payload: MouseMessage(.request(0x30000)).encoded()), from: .guestToHost)
        #expect(pair.host.phase == .waiting)
        #expect(pair.notes == ["mouse: the guest speaks version 3.0; there is only version 2.0"])
        var guest = MousePair(guest: MouseConsumer(), host: MouseProvider())
        guest.perform(guest.guest.opened(subchannel: 0, time: 0, memory: &guest.memory), from: .guestToHost)
        guest.inject(
            ChannelPacket(payload: MouseMessage(.response(.init(version: 0x20000, isApproved: false))).encoded()),
            from: .hostToGuest)
        #expect(guest.failures == ["the host does not speak version 2.0"])
        guest.tick()
        #expect(guest.failures.count == 1)
    }

    @Test func `a host that describes no device is given up after ten seconds`() {
        var pair = MousePair(guest: MouseConsumer(), host: MouseProvider())
        pair.perform(pair.guest.opened(subchannel: 0, time: 0, memory: &pair.memory), from: .guestToHost)
        pair.inject(
            ChannelPacket(payload: MouseMessage(.response(.init(version: 0x20000, isApproved: true))).encoded()),
            from: .hostToGuest)
        pair.tick()
        #expect(pair.failures == ["the host has not answered within 10 s"])
    }

    private static func message(_ change: (inout MouseMessage) -> Void) -> [UInt8] {
        var message = MouseMessage(.request(0x20000))
        change(&message)
        return message.encoded()
    }

    static let refusedByHost: [RefusedMessage] = [
        RefusedMessage(payload: [1, 0, 0, 0], rule: "well-formed"),
        RefusedMessage(payload: message { $0.pipe.type = 2 }, rule: "well-formed"),
        RefusedMessage(payload: message { $0.pipe.length = 7 }, rule: "well-formed"),
        RefusedMessage(payload: message { $0.pipe.length = 8 }, rule: "well-formed"),
        RefusedMessage(payload: bytes("01000000 0d000000 00000000 04000000 00000200"), rule: "well-formed"),
        RefusedMessage(payload: bytes("01000000 ffffffff 00000000 04000000 00000200"), rule: "well-formed"),
        RefusedMessage(payload: message { $0.size = 5 }, rule: "well-formed"),
        RefusedMessage(payload: message { $0.size = .max }, rule: "well-formed"),
        RefusedMessage(payload: MouseMessage(.deviceInfoAck).encoded(), rule: "mouse-order"),
        RefusedMessage(payload: MouseMessage(.report(.init())).encoded(), rule: "mouse-order"),
        RefusedMessage(payload: bytes("01000000 08000000 63000000 00000000"), rule: "mouse-order"),
    ]

    @Test(arguments: refusedByHost)
    func `the host refuses what a guest may not say`(_ refused: RefusedMessage) {
        var pair = opened()
        pair.inject(refused.packet, from: .guestToHost)
        #expect(pair.violations.map(\.rule) == [refused.rule])
    }

    private static func description(_ change: (inout PointerDescription) -> Void) -> [UInt8] {
        var description = PointerDescription.absolutePointer
        change(&description)
        return MouseMessage(.deviceInfo(description)).encoded()
    }

    /// A report descriptor of more bytes than there are.
    private static var longer: [UInt8] {
        var payload = description { _ in }
        payload[56] = 4
        return payload
    }

    static let refusedByGuest: [RefusedMessage] = [
        RefusedMessage(payload: MouseMessage(.report(report(32768, 0))).encoded(), rule: "mouse-range"),
        RefusedMessage(payload: MouseMessage(.deviceInfoAck).encoded(), rule: "mouse-order"),
        RefusedMessage(
            payload: MouseMessage(.response(.init(version: 0, isApproved: true))).encoded(), rule: "mouse-order"),
        RefusedMessage(payload: description { $0.size = 31 }, rule: "mouse-descriptor"),
        RefusedMessage(payload: description { $0.descriptor.length = 0 }, rule: "mouse-descriptor"),
        RefusedMessage(payload: description { $0.descriptor.type = 1 }, rule: "mouse-descriptor"),
        RefusedMessage(payload: description { $0.descriptor.reportType = 1 }, rule: "mouse-descriptor"),
        RefusedMessage(
            payload: description {
                $0.descriptor.reportLength = 0
                $0.reportDescriptor = []
            }, rule: "mouse-descriptor"),
        RefusedMessage(payload: longer, rule: "well-formed"),
    ]

    @Test(arguments: refusedByGuest)
    func `the guest refuses what a host may not say`(_ refused: RefusedMessage) {
        var pair = opened()
        pair.inject(refused.packet, from: .hostToGuest)
        #expect(pair.violations.map(\.rule) == [refused.rule])
        #expect(pair.guest.description == .absolutePointer)
    }

    @Test func `reports and descriptions come behind the version`() {
        var pair = MousePair(guest: MouseConsumer(), host: MouseProvider())
        pair.open()
        for body in [MouseMessage.Body.report(.init()), .deviceInfo(.absolutePointer)] {
            pair.inject(ChannelPacket(payload: MouseMessage(body).encoded()), from: .hostToGuest)
        }
        #expect(pair.violations.map(\.rule) == ["mouse-order", "mouse-order"])
    }

    @Test func `a host may describe its device again, and the guest acknowledges that`() {
        var pair = opened()
        let before = pair.log.count
        pair.inject(ChannelPacket(payload: MouseMessage(.deviceInfo(.absolutePointer)).encoded()), from: .hostToGuest)
        pair.host = MouseProvider()
        #expect(pair.violations.isEmpty)
        #expect(pair.readyCount == 2)
        pair.settle()
        #expect(pair.log.count == before + 1)
    }
}
