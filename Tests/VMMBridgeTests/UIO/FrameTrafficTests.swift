import Testing

@testable import VMMBridge

@Suite struct FrameTrafficTests {
    static let guest: [UInt8] = [2, 0, 0, 0, 0, 9]

    @Test func `a numbered frame has the length and the bytes of its number`() {
        let frame = NumberedFrame.frame(0x0102_0304, to: Self.guest)
        #expect(frame.count == 60 + 0x0102_0304 * 37 % 1455)
        #expect(Array(frame[0..<18]) == [2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 0x88, 0xB5, 4, 3, 2, 1])
        #expect(frame[18] == UInt8((0x0102_0304 * 7 + 18) % 256))
        #expect(NumberedFrame.byteCount(0) == 60)
        #expect(NumberedFrame.byteCount(39) == 60 + 1443)
    }

    @Test(arguments: [0, 1, 38, 39, 40, 99_999, UInt32.max])
    func `a whole frame is told from one with a changed byte, and from a part`(sequence: UInt32) {
        var frame = NumberedFrame.frame(sequence, to: Self.guest)
        #expect(NumberedFrame.check(frame) == .whole(sequence))
        #expect(NumberedFrame.check(frame + [0]) == .broken(sequence))
        #expect(NumberedFrame.check(Array(frame.dropLast())) == .broken(sequence))
        frame[frame.count - 1] ^= 1
        #expect(NumberedFrame.check(frame) == .broken(sequence))
    }

    @Test func `frames of somebody's own are no numbered frames`() {
        #expect(NumberedFrame.check([]) == .other)
        #expect(NumberedFrame.check([UInt8](repeating: 0xB5, count: 18)) == .other)
        var empty = [UInt8](repeating: 0, count: 60)
        (empty[12], empty[13]) = (0x88, 0xB5)
        #expect(NumberedFrame.check(empty) == .other)
        var own = empty + [1, 2, 3]
        own[14] = 77
        #expect(NumberedFrame.check(own) == .other)
        own[13] = 0xB6
        #expect(NumberedFrame.check(own) == .other)
    }

    @Test func `an echo exchanges the addresses and nothing else`() throws {
        var traffic = FrameTraffic(echoes: true, injected: 0, lead: nil)
        let frame = NumberedFrame.frame(5, to: NumberedFrame.source, from: Self.guest)
        traffic.take(frame)
        let next = traffic.next()
        let answer = try #require(next)
        #expect(answer == NumberedFrame.frame(5, to: Self.guest))
        #expect(!traffic.hasNext)
        #expect(traffic.whole == 1)
        #expect(traffic.echoed == 1)
    }

    @Test func `numbered frames wait for the first frame, and go to where it came from`() {
        var traffic = FrameTraffic(echoes: false, injected: 3, lead: nil)
        #expect(!traffic.hasNext)
        traffic.take(NumberedFrame.frame(0, to: NumberedFrame.source, from: Self.guest))
        var frames: [[UInt8]] = []
        while let frame = traffic.next() { frames.append(frame) }
        #expect(frames == (0..<3).map { NumberedFrame.frame($0, to: Self.guest) })
    }

    @Test func `paced frames run at most so many ahead of the guest's own`() {
        var traffic = FrameTraffic(echoes: false, injected: 1000, lead: 64)
        var count = 0
        for seen in 1...10 {
            traffic.take(NumberedFrame.frame(0, to: NumberedFrame.source, from: Self.guest))
            while traffic.next() != nil { count += 1 }
            #expect(count == seen + 64)
        }
        traffic.restart()
        #expect(!traffic.hasNext)
    }

    @Test func `the frames of a guest that never takes any back are bounded`() {
        var traffic = FrameTraffic(echoes: true, injected: 0, lead: nil)
        let frame = NumberedFrame.frame(0, to: NumberedFrame.source, from: Self.guest)
        for _ in 0..<70_000 { traffic.take(frame) }
        #expect(traffic.lost == 70_000 - 65_536)
    }
}
