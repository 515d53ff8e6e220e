import BusModel
import Testing
import VMBusEngine
import VMBusPartitions
import VMBusRing
import VMBusWire

@testable import VMMBridge

private let second: UInt64 = 1_000_000_000
private let modes = [InterruptMode.monitorPages, .ownPages]

private func count(_ batch: BridgedGuestCounts, _ type: MessageType, _ direction: Direction) -> Int {
    batch.messages.count { $0 == BridgedGuestCounts.Message(type: type, direction: direction) }
}

/// The channel messages of a log, in order.
private struct BridgedGuestCounts {
    struct Message: Equatable {
        let type: MessageType
        let direction: Direction
    }

    let messages: [Message]

    init(_ records: FlowBatch) {
        messages = records.headers.filter { $0.kind == .message }.compactMap { header in
            header.direction.map { Message(type: MessageType(rawValue: header.code), direction: $0) }
        }
    }
}

@Suite struct `A guest in front of the bridge` {
    @Test(arguments: modes, ProtocolVersion.all)
    func `agrees on its version and answers heartbeats`(mode: InterruptMode, version: ProtocolVersion) throws {
        var configuration = try TestScenario.guest(TestScenario.heartbeat)
        configuration.host.maximumVersion = version
        var machine = try BridgedGuest(configuration, mode: mode)
        try machine.boot()
        try machine.run(until: 9 * second)
        #expect(machine.guest.connection.agreement.version == version)
        #expect(machine.texts(.fault) == [])
        // A negotiation and five beats, each way.
        #expect(machine.count(.packet, .hostToGuest) == 6)
        #expect(machine.count(.packet, .guestToHost) == 6)
        let refusals = machine.statuses.filter { $0 == .invalidConnectionID }.count
        #expect(refusals == (version < .redstone3MultiClient ? 5 : 0))
        // The guest finds its rings in what the host reads of them.
        let channel = try #require(machine.guest.devices.first?.channels.first)
        let device = try #require(machine.guest.devices.first?.instance)
        let key = ChannelKey(partition: 1, device: device, subchannel: 0)
        let image = try #require(machine.session.ringImage(key, .guestToHost))
        let pages = try #require(channel.ringPages).outgoing
        #expect(image.data.count == Int(pages.dataSize))
        let control = try machine.memory.bytes(pages.pageFrameNumbers[0] << 12, count: 4096)
        #expect(image.controlPage == control)
        #expect(image.data.contains { $0 != 0 })
    }

    @Test(arguments: modes)
    func `signals through the monitor page, which is looked at only then`(mode: InterruptMode) throws {
        var machine = try BridgedGuest(TestScenario.guest(TestScenario.monitoredNetwork), mode: mode)
        try machine.boot()
        try machine.run(until: second)
        #expect(machine.texts(.fault) == [])
        #expect(machine.count(.signal, code: SignalCode.monitorPage.rawValue) > 10)
        #expect(machine.guest.devices.first?.interfaceName == "eth0")
        // Less than once in 100 microseconds, however hurried the guest says that it is.
        var memory = machine.memory
        try memory.store32(0x0001_0001, at: 3 * 4096 + 0x240)
        let start = machine.meter.count
        try machine.run(until: second + 10_000_000)
        #expect(machine.meter.count - start < 100 * 20)
    }

    @Test(arguments: modes)
    func `has all sub-channels again after every reset`(mode: InterruptMode) throws {
        let devices = "[[guest.device]]\nkind = \"network\"\nchannels = 4"
        var machine = try BridgedGuest(TestScenario.guest(devices), mode: mode)
        for turn in 1...4 as ClosedRange<UInt64> {
            try machine.boot()
            try machine.run(until: turn * second)
            #expect(machine.guest.devices.first?.channels.count == 4)
            #expect(machine.session.host.openChannels.map(\.place.subchannel) == [0, 1, 2, 3])
            try machine.frame(.reset)
        }
        #expect(machine.texts(.fault) == [])
    }

    @Test(arguments: modes, [0, 1, 3, 6, 20] as [UInt64])
    func `is left alone from a reset on`(mode: InterruptMode, seconds: UInt64) throws {
        var machine = try BridgedGuest(TestScenario.guest(TestScenario.heartbeat), mode: mode)
        try machine.boot()
        try machine.run(until: seconds * second + 500_000_000)
        #expect(machine.meter.count > 0)
        let relid = try #require(machine.guest.devices.first?.channels.first?.relid)
        let signal = SignalledEvent(processor: 0, connectionID: relid | 0x2000)
        try machine.frame(.reset)
        let touched = machine.meter.count
        try machine.memory.fill(0xA5, byteCount: machine.file.byteCount)
        // Time passes, somebody gives commands, and a late frame of the old guest arrives.
        try machine.frame(.signalEvent(signal, sequence: 7))
        try machine.frame(.register(RegisterWrite(vp: 0, register: .endOfMessage, value: 0)))
        machine.session.perform(.rescind(machine.configuration.host.devices[0].instance), at: machine.time)
        machine.session.perform(.offer(machine.configuration.host.devices[0].instance), at: machine.time)
        machine.session.advance(to: machine.time + 60 * second)
        machine.session.work(at: machine.time + 60 * second)
        #expect(machine.session.takeFrames() == [])
        #expect(machine.meter.count == touched)
        let isWhole = try machine.memory.isFilled(0xA5, byteCount: machine.file.byteCount)
        #expect(isWhole)
        #expect(machine.session.nextTime == nil)
    }

    @Test(arguments: modes)
    func `is left alone after UNLOAD until it makes contact again`(mode: InterruptMode) throws {
        var machine = try BridgedGuest(TestScenario.guest(TestScenario.heartbeat), mode: mode)
        try machine.boot()
        try machine.run(until: 3 * second)
        try machine.act { $0.unload(&$1) }
        let messages = BridgedGuestCounts(machine.records)
        #expect(count(messages, .unload, .guestToHost) == 1)
        #expect(count(messages, .unloadComplete, .hostToGuest) == 1)
        let touched = machine.meter.count
        machine.session.advance(to: machine.time + 60 * second)
        machine.session.work(at: machine.time + 60 * second)
        #expect(machine.meter.count == touched)
        #expect(machine.session.takeFrames() == [])
        let before = machine.count(.packet)
        try machine.boot()
        try machine.run(until: machine.time + 5 * second)
        #expect(machine.count(.packet) > before)
        #expect(machine.texts(.fault) == [])
    }

    @Test(arguments: modes)
    func `may die without a word and come again ten times`(mode: InterruptMode) throws {
        var machine = try BridgedGuest(TestScenario.guest(TestScenario.heartbeat), mode: mode)
        for boot in 1...10 {
            let before = machine.count(.packet, .guestToHost)
            try machine.boot()
            try machine.run(until: machine.time + 5 * second)
            #expect(machine.count(.packet, .guestToHost) == before + 4, "boot \(boot)")
            // Every other time the new kernel makes contact without a reset in between.
            if boot % 2 == 0 { try machine.frame(.reset) }
        }
        #expect(machine.texts(.fault) == [])
        #expect(machine.texts(.note).count { $0 == "the machine was reset" } == 5)
    }

    @Test(arguments: modes)
    func `loses a device and gets it back`(mode: InterruptMode) throws {
        var machine = try BridgedGuest(TestScenario.guest(TestScenario.heartbeat), mode: mode)
        let command = try BridgeCommand("rescind heartbeat", for: machine.configuration)
        try machine.boot()
        try machine.run(until: 3 * second)
        machine.session.perform(command, at: machine.time)
        try machine.settle()
        #expect(machine.guest.devices.isEmpty)
        let before = machine.count(.packet, .guestToHost)
        try machine.run(until: 6 * second)
        #expect(machine.count(.packet, .guestToHost) == before)
        machine.session.perform(try BridgeCommand("offer heartbeat", for: machine.configuration), at: machine.time)
        try machine.settle()
        try machine.run(until: 9 * second)
        #expect(machine.guest.devices.count == 1)
        #expect(machine.count(.packet, .guestToHost) > before)
        #expect(machine.texts(.fault) == [])
    }

    @Test func `lives through what its scenario says, from each of its boots on`() throws {
        var scenario = try TestScenario.scenario(
            TestScenario.heartbeat
                + """

                [[event]]
                at = "3s"
                guest = "guest"
                action = "rescind"
                device = "heartbeat"
                [[event]]
                at = "4s"
                guest = "guest"
                action = "reboot"
                [[event]]
                at = "5s"
                guest = "guest"
                action = "offer"
                device = "heartbeat"
                """)
        scenario.guests[0].host.maximumVersion = .iron
        var machine = try BridgedGuest(scenario.guests[0], events: scenario.events, mode: .monitorPages)
        for boot in 0..<2 as Range<UInt64> {
            let start = boot * 10 * second
            try machine.run(until: start)
            try machine.boot()
            try machine.run(until: start + 3 * second - 1)
            #expect(machine.guest.devices.count == 1)
            try machine.run(until: start + 3 * second)
            #expect(machine.guest.devices.isEmpty)
            try machine.run(until: start + 5 * second)
            #expect(machine.guest.devices.count == 1)
            try machine.frame(.reset)
        }
        #expect(machine.texts(.note).count { $0.contains("only the guest itself") } == 2)
    }

    @Test func `tells of its rings' fills only when they have changed`() throws {
        let quiet = "[[guest.device]]\nkind = \"network\""
        var machine = try BridgedGuest(TestScenario.guest(quiet), mode: .monitorPages)
        try machine.boot()
        try machine.run(until: 60 * second)
        #expect((1...3).contains(machine.count(.sample)))
    }

    @Test func `shows how long a disk took for a request`() throws {
        let disk = """
            [[guest.device]]
            kind = "scsi"
            work_interval = "5ms"
            work_kib = 4
            [[guest.device.disk]]
            size = "1M"
            """
        var machine = try BridgedGuest(TestScenario.guest(disk), mode: .monitorPages)
        try machine.boot()
        try machine.run(until: second / 5)
        var asked: [UInt64: UInt64] = [:]
        var took: [UInt64] = []
        for header in machine.records.headers where header.kind == .packet {
            let descriptor = try PacketDescriptor.decode(machine.records.payload(of: header))
            if header.direction == .guestToHost {
                asked[descriptor.transactionID] = header.time
            } else if let time = asked.removeValue(forKey: descriptor.transactionID) {
                took.append(header.time - time)
            }
        }
        #expect(took.count { $0 >= BridgedGuest.diskTime } > 20)
    }

    @Test func `tells what it is and how it crashed`() throws {
        var machine = try BridgedGuest(TestScenario.guest(TestScenario.heartbeat), mode: .monitorPages)
        try machine.frame(
            .register(RegisterWrite(vp: 0, register: .guestOSID, value: 0x8100_0006_0C6B_0000)))
        for number in 0..<5 as Range<UInt32> {
            let register = HypervisorRegister(rawValue: 0x4000_0100 + number)
            try machine.frame(.register(RegisterWrite(vp: 1, register: register, value: UInt64(number) * 16)))
        }
        try machine.frame(.register(RegisterWrite(vp: 1, register: .crashControl, value: 1 << 63)))
        #expect(
            machine.texts(.note).last == "the guest crashed; its crash parameters: 0x0, 0x10, 0x20, 0x30, 0x40")
        var snapshot = BusSnapshot()
        snapshot.apply(machine.records)
        #expect(snapshot.partition(1)?.kernelRelease.value == "Linux 6.12.107")
        #expect(machine.count(.register) == 7)
    }
}

@Suite struct `A hypercall` {
    private func machine() throws -> BridgedGuest {
        try BridgedGuest(TestScenario.guest(TestScenario.heartbeat), mode: .monitorPages)
    }

    @Test(arguments: [
        (UInt32(0), UInt32(1), UInt32(1), HypercallStatus.success), (0, 4, 1, .success),
        (0, 0xFF00_0004, 1, .success), (0, 2, 1, .invalidConnectionID), (0, 0, 1, .invalidConnectionID),
        (0, 5, 1, .invalidConnectionID), (2, 1, 1, .invalidInput), (UInt32.max, 1, 1, .invalidInput),
        (1, 1, 2, .success),
    ])
    func `to post is answered`(processor: UInt32, connection: UInt32, type: UInt32, status: HypercallStatus) throws {
        var machine = try machine()
        var message = PostedMessage(processor: processor, connectionID: connection, payload: [0xFF, 0xFF, 0, 0])
        message.messageType = type
        try machine.frame(.postMessage(message, sequence: 99))
        #expect(machine.statuses == [status])
        // Not one of these messages is any that a guest sends.
        #expect(machine.texts(.fault).count + machine.texts(.note).count >= 2)
        #expect(machine.meter.count == 0)
    }

    @Test func `to signal a connection that is none is refused`() throws {
        var machine = try machine()
        try machine.frame(.signalEvent(SignalledEvent(processor: 0, connectionID: 0x2001), sequence: 5))
        #expect(machine.statuses == [.invalidConnectionID])
        try machine.frame(.signalEvent(SignalledEvent(processor: 0, connectionID: 0x2001), sequence: 0))
        #expect(machine.statuses == [.invalidConnectionID])
    }

    @Test func `before the memory was shown is refused`() throws {
        let guest = try TestScenario.guest(TestScenario.heartbeat)
        var session = BridgeSession<GuestMemory>(guest, mode: .monitorPages, time: 0)
        session.receive(.postMessage(PostedMessage(processor: 0, connectionID: 4, payload: []), sequence: 1), at: 0)
        session.receive(.signalEvent(SignalledEvent(processor: 0, connectionID: 1), sequence: 2), at: 0)
        let frames = session.takeFrames()
        #expect(frames == [.result(.invalidInput, sequence: 1), .result(.invalidInput, sequence: 2)])
    }

    @Test func `that cannot be read is answered all the same`() throws {
        var machine = try machine()
        var header = FrameHeader()
        header.type = .postMessage
        header.sequence = 3
        var error: WireError?
        do throws(WireError) {
            _ = try MonitorFrame.decode(header, [1, 0, 0][...])
        } catch let thrown {
            error = thrown
        }
        machine.session.refuse(header, try #require(error), at: 0)
        let frames = machine.session.takeFrames()
        #expect(frames == [.result(.invalidInput, sequence: 3)])
    }

    @Test func `flood without taking answers ends the guest`() throws {
        var machine = try machine()
        try machine.boot()
        try machine.run(until: second)
        let body = ChannelMessage.gpadlHeader(
            GPADLHeader(relid: 77, gpadl: 1, rangeBufferLength: 16, rangeCount: 1, words: [4096, 1])
        ).encoded()
        for number in 0..<6000 as Range<UInt64> where machine.session.failure == nil {
            let message = PostedMessage(processor: 0, connectionID: 4, payload: body)
            machine.session.receive(.postMessage(message, sequence: number + 1), at: second)
            machine.session.work(at: second)
            _ = machine.session.takeFrames()
            _ = machine.session.takeRecords()
        }
        #expect(machine.session.failure?.rule == "slot-emptied")
    }
}
