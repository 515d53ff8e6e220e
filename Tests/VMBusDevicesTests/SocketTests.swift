import Testing
import VMBusDevices
import VMBusWire

typealias SocketPair = DevicePair<SocketConsumer, SocketProvider>

@Suite struct SocketTests {
    private static func plan(_ byteCount: UInt64, _ change: (inout SocketPlan) -> Void = { _ in }) -> SocketPlan {
        var plan = SocketPlan()
        plan.byteCount = byteCount
        change(&plan)
        return plan
    }

    private func run(_ guest: SocketPlan, _ host: SocketPlan, room: Int? = nil, ticks: Int = 2000) -> SocketPair {
        var pair = SocketPair(guest: SocketConsumer(guest), host: SocketProvider(host))
        pair.room = room
        pair.open()
        for _ in 0..<ticks where !(pair.guest.stream.isFinished && pair.host.stream.isFinished) {
            pair.tick()
            pair.settle()
        }
        return pair
    }

    private func frames(_ pair: SocketPair, _ direction: Direction) -> [SocketFrame] {
        pair.log.filter { $0.direction == direction }.compactMap { record in
            (try? ChannelPacket.decode(record.bytes[...])).flatMap { try? SocketFrame.decode($0.payload) }
        }
    }

    /// The check value of CRC-32 in every catalogue of checksums.
    @Test func `the checksum is the one of zip files`() {
        var checksum = StreamChecksum()
        checksum.add("12345".utf8)
        checksum.add("6789".utf8)
        #expect(checksum.value == 0xCBF4_3926)
    }

    @Test(arguments: [SocketPlan.Ending.afterSending, .afterPeer], [nil, 1, 3] as [Int?])
    func `bytes go both ways with equal checksums, whoever closes first and however little room there is`(
        _ ending: SocketPlan.Ending, _ room: Int?
    ) {
        let pair = run(
            Self.plan(50_000) { $0.ending = ending },
            Self.plan(70_001) { $0.ending = ending == .afterPeer ? .afterSending : .afterPeer }, room: room)
        #expect(pair.violations.isEmpty)
        let (guest, host) = (pair.guest.stream, pair.host.stream)
        #expect(guest.isFinished && host.isFinished)
        #expect(guest.received == 70_001)
        #expect(host.received == 50_000)
        #expect(guest.receivedChecksum == host.sentChecksum)
        #expect(host.receivedChecksum == guest.sentChecksum)
        let first = pair.log.first { record in record.bytes.count == 24 }
        #expect(first?.direction == (ending == .afterPeer ? .hostToGuest : .guestToHost))
        #expect(frames(pair, .guestToHost).filter(\.isEnd).count == 1)
        #expect(frames(pair, .hostToGuest).filter(\.isEnd).count == 1)
    }

    @Test func `an end that has closed its half still takes what the other sends`() {
        let pair = run(Self.plan(10), Self.plan(100_000) { $0.ending = .afterPeer })
        let end = pair.log.firstIndex { $0.direction == .guestToHost && $0.bytes.count == 24 }
        let later = pair.log.dropFirst((end ?? 0) + 1).filter { $0.direction == .hostToGuest }
        #expect(later.count > 20)
        #expect(pair.guest.stream.received == 100_000)
    }

    @Test func `an echo sends back every byte and ends behind the other`() {
        let pair = run(
            Self.plan(200_000) { $0.frameByteCount = 16_384 }, Self.plan(0) { $0.echoes = true })
        #expect(pair.guest.stream.received == 200_000)
        #expect(pair.guest.stream.receivedChecksum == pair.guest.stream.sentChecksum)
        #expect(pair.violations.isEmpty)
    }

    @Test func `frames are 4088 bytes unless the plan says otherwise, and 16384 at most`() {
        let usual = run(Self.plan(10_000), Self.plan(0))
        #expect(frames(usual, .guestToHost).map(\.data.count) == [4088, 4088, 1824, 0])
        let large = run(Self.plan(40_000) { $0.frameByteCount = .max }, Self.plan(0))
        #expect(frames(large, .guestToHost).map(\.data.count) == [16_384, 16_384, 7232, 0])
    }

    @Test func `an end that has closed its half waits eight seconds for the other`() {
        var pair = SocketPair(
            guest: SocketConsumer(Self.plan(0)), host: SocketProvider(Self.plan(0) { $0.ending = .afterPeer }))
        var memory = FakeMemory()
        // Only one end: the other never answers.
        pair.perform(pair.guest.opened(subchannel: 0, time: 0, memory: &memory), from: .guestToHost)
        while !pair.guest.stream.isFinished, pair.time < 20_000_000_000 { pair.tick() }
        #expect(pair.time / 1_000_000_000 == 8)
        #expect(pair.notes.contains { $0.contains("does not close its half") })
    }

    @Test func `an end that has closed its half waits for as long as the other sends`() {
        // A frame every three seconds, twelve of them.
        let pair = run(
            Self.plan(0),
            Self.plan(12 * 4088) {
                $0.interval = 3_000_000_000
                $0.ending = .afterPeer
            }, ticks: 20_000)
        #expect(pair.guest.stream.received == 49_056)
        #expect(pair.guest.stream.peerHasEnded && pair.guest.stream.isFinished)
        #expect(pair.time > 30_000_000_000)
        #expect(!pair.notes.contains { $0.contains("does not close its half") })
    }

    @Test func `the host lets the guest close the channel for as long as its plan says`() {
        let pair = run(Self.plan(0), Self.plan(0) { $0.linger = 1_000_000_000 })
        #expect(pair.time >= 1_000_000_000)
    }

    @Test func `a slow reader takes one packet at a time, a full echo none`() {
        let slow = SocketProvider(Self.plan(0) { $0.readPause = 500_000 })
        #expect(slow.appetite == RingAppetite(packets: 1, pause: 500_000))
        var echo = SocketProvider(Self.plan(0) { $0.echoes = true })
        var memory = FakeMemory()
        _ = echo.opened(subchannel: 0, time: 0, memory: &memory)
        #expect(echo.appetite.packets == 64)
        for _ in 0..<4 {
            let frame = SocketFrame([UInt8](repeating: 1, count: 16_384))
            _ = echo.receive(
                ChannelPacket(payload: frame.encoded()), attachment: [], subchannel: 0, time: 0, memory: &memory)
        }
        #expect(echo.appetite.packets == 0)
    }

    @Test func `data leaves room for the end of the stream, and the end takes it`() {
        let end = SocketConsumer(Self.plan(0))
        #expect(end.spareRingBytes(behind: ChannelPacket(payload: SocketFrame([1]).encoded())) == 32)
        #expect(end.spareRingBytes(behind: ChannelPacket(payload: SocketFrame([]).encoded())) == 0)
    }

    static let wrong: [(ChannelPacket, String)] = [
        (ChannelPacket(payload: [1, 0, 0, 0]), "well-formed"),
        (ChannelPacket(payload: [2, 0, 0, 0, 4, 0, 0, 0, 9, 9, 9, 9]), "well-formed"),
        (ChannelPacket(payload: [1, 0, 0, 0, 5, 0, 0, 0, 9, 9, 9, 9]), "well-formed"),
        (ChannelPacket(payload: [1, 0, 0, 0, 1, 0x40, 0, 0] + [UInt8](repeating: 0, count: 16_385)), "well-formed"),
        (ChannelPacket(payload: [1, 0, 0, 0, 255, 255, 255, 255]), "well-formed"),
        (ChannelPacket(type: .completion, payload: SocketFrame([1]).encoded()), "hvsock-in-band"),
        (
            ChannelPacket(flags: .completionRequested, transactionID: 3, payload: SocketFrame([1]).encoded()),
            "hvsock-in-band"
        ),
    ]

    @Test(arguments: wrong)
    func `a packet that is no frame of a stream breaks a rule and adds nothing`(_ packet: ChannelPacket, _ rule: String)
    {
        var pair = SocketPair(guest: SocketConsumer(Self.plan(0)), host: SocketProvider(Self.plan(0)))
        pair.open()
        pair.inject(packet, from: .guestToHost)
        pair.inject(packet, from: .hostToGuest)
        #expect(pair.violations.map(\.rule) == [rule, rule])
        #expect(pair.guest.stream.received == 0)
        #expect(pair.host.stream.received == 0)
    }

    @Test func `nothing follows the end of a stream, not even another end`() {
        var pair = SocketPair(
            guest: SocketConsumer(Self.plan(0) { $0.ending = .afterPeer }), host: SocketProvider(Self.plan(0)))
        pair.open()
        pair.inject(ChannelPacket(payload: SocketFrame([]).encoded()), from: .guestToHost)
        #expect(pair.violations.isEmpty)
        for frame in [SocketFrame([1, 2]), SocketFrame([])] {
            pair.inject(ChannelPacket(payload: frame.encoded()), from: .guestToHost)
        }
        #expect(pair.violations.map(\.rule) == ["hvsock-after-end", "hvsock-after-end"])
        #expect(pair.host.stream.received == 0)
    }

    @Test func `a closed channel forgets its stream, and its timers do nothing`() {
        var pair = SocketPair(guest: SocketConsumer(Self.plan(100_000)), host: SocketProvider(Self.plan(0)))
        pair.open()
        pair.tick()
        pair.tick()
        pair.settle()
        pair.perform(pair.guest.closed(subchannel: 0), from: .guestToHost)
        let before = pair.log.filter { $0.direction == .guestToHost }.count
        for _ in 0..<10 { pair.tick() }
        pair.settle()
        #expect(pair.log.filter { $0.direction == .guestToHost }.count == before)
        #expect(pair.guest.stream.sent == 0)
    }

    @Test func `the dissector names data and end, and covers every byte`() throws {
        let pair = run(Self.plan(5000), Self.plan(0))
        var dissector = ChannelDissector(kind: .socket)
        var names: [String] = []
        for record in pair.log {
            let line = dissector.summarise(record.record[...], attachmentLength: 0, direction: record.direction)
            let tree = ChannelDissector.tree(
                record.record[...], attachmentLength: 0, direction: record.direction, kind: .socket, hint: line.hint)
            #expect(tree.name == line.name)
            #expect(tree.problem == nil)
            let covered = tree.leaves.reduce(0) { $0 + $1.size }
            #expect(covered == record.record.count)
            names.append("\(line.name) \(line.info)")
        }
        #expect(names.contains("HVSOCK.DATA 4088 bytes of the stream"))
        #expect(names.contains("HVSOCK.END the sender closes its half"))
        let bad = ChannelPacket(payload: [7, 0, 0, 0, 0, 0, 0, 0]).encoded ?? []
        let line = dissector.summarise(bad[...], attachmentLength: 0, direction: .guestToHost)
        #expect(line.name == "HVSOCK.MALFORMED")
    }
}
