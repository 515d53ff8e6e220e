import LinuxGuest
import Testing
import VMBusDevices
import VMBusPartitions

@Suite struct NumberedDatagramsTests {
    private static let own = InternetAddress([10, 0, 0, 9])
    private static let peer = InternetAddress([10, 0, 0, 254])

    private static func datagrams(_ count: Int) -> NumberedDatagrams {
        NumberedDatagrams(count, hardware: [2, 0, 0, 0, 0, 9], own: own, peer: peer)
    }

    @Test func `every datagram comes back whole from a host that echoes`() {
        var responder = SwitchResponder(.usual)
        var datagrams = Self.datagrams(2000)
        #expect(datagrams.next() == nil, "nobody knows where the peer is")
        if let answer = responder.receive(datagrams.question, time: 0) { _ = datagrams.take(answer) }
        #expect(datagrams.knowsPeer)
        var lengths: Set<Int> = []
        while let frame = datagrams.next() {
            lengths.insert(frame.count)
            if let answer = responder.receive(frame, time: 0) { _ = datagrams.take(answer) }
        }
        #expect(datagrams.isDone && datagrams.whole == 2000)
        #expect(datagrams.broken == 0 && datagrams.doubled == 0 && datagrams.missing == 0)
        #expect(lengths.count > 1000 && lengths.max() == 1513)
        #expect(responder.counters.datagrams == 2000)
    }

    @Test func `what is lost, broken or doubled is told`() throws {
        var responder = SwitchResponder(.usual)
        var datagrams = Self.datagrams(3)
        if let answer = responder.receive(datagrams.question, time: 0) { _ = datagrams.take(answer) }
        let frames = (0..<3).compactMap { _ in datagrams.next() }
        let answers = frames.compactMap { responder.receive($0, time: 0) }
        try #require(answers.count == 3)
        _ = datagrams.take(answers[0])
        _ = datagrams.take(answers[0])
        var changed = answers[1]
        changed[changed.count - 1] ^= 1
        _ = datagrams.take(changed)
        #expect(datagrams.whole == 1 && datagrams.doubled == 1 && datagrams.broken == 1 && datagrams.missing == 2)
        #expect(!datagrams.isDone)
        let again = datagrams.again(limit: 10)
        #expect(again == Array(frames[1...]))
        for frame in again { if let answer = responder.receive(frame, time: 0) { _ = datagrams.take(answer) } }
        #expect(datagrams.isDone)
    }

    @Test func `a question for the own address is answered, any other is not`() {
        var datagrams = Self.datagrams(1)
        let neighbour = FrameWriter(hardware: [2, 0, 0, 0, 0, 7], internet: Self.peer)
        let answer = datagrams.take(neighbour.question(Self.own))
        #expect(answer?.prefix(6) == [2, 0, 0, 0, 0, 7])
        let other = datagrams.take(neighbour.question(InternetAddress([10, 0, 0, 8])))
        #expect(other == nil)
    }
}
