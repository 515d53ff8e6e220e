import Testing

@testable import VMBusSimulator

@Suite struct SyntheticInterruptControllerTests {
    @Test func `a second message waits, is marked pending, and comes with end-of-message`() {
        var controller = SyntheticInterruptController(processors: 2)
        let interrupts = [[1], [2], [3]].map { controller.post($0, processor: 1) }
        #expect(interrupts == [true, false, false])
        #expect(controller.message(processor: 0) == nil)
        var seen: [[UInt8]] = []
        var again: [Bool] = []
        while let message = controller.message(processor: 1) {
            seen.append(message)
            again.append(controller.endOfMessage(processor: 1))
        }
        #expect(seen == [[1], [2], [3]])
        #expect(again == [true, true, false])
    }

    @Test func `flags that are set twice interrupt once and are taken lowest first`() {
        var controller = SyntheticInterruptController(processors: 1)
        let interrupts = [9, 3, 9].map { controller.setFlag($0, processor: 0) }
        #expect(interrupts == [true, false, false])
        let taken = controller.takeFlags(processor: 0)
        #expect(taken == [3, 9])
        let rest = controller.takeFlags(processor: 0)
        #expect(rest.isEmpty)
    }

    @Test func `a processor that the guest does not have is the first one`() {
        var controller = SyntheticInterruptController(processors: 1)
        _ = controller.post([1], processor: 77)
        #expect(controller.message(processor: 0) == [1])
    }
}

@Suite struct EventQueueTests {
    @Test func `events come by time, and at the same time in the order of their coming`() {
        var queue = EventQueue<Int>()
        var generator = SeededGenerator(seed: 5, stream: 0)
        var expected: [(UInt64, Int)] = []
        for number in 0..<2000 {
            let time = generator.next(in: 0...50)
            expected.append((time, number))
            queue.push(number, at: time)
        }
        expected.sort { ($0.0, $0.1) < ($1.0, $1.1) }
        queue.removeAll { $0 % 3 == 0 }
        for (time, number) in expected where number % 3 != 0 {
            let next = queue.pop()
            #expect(next?.time == time && next?.event == number)
        }
        let last = queue.pop()
        #expect(last == nil)
    }

    @Test func `streams of one seed do not move each other`() {
        func numbers(_ stream: UInt64) -> [UInt64] {
            var generator = SeededGenerator(seed: 1, stream: stream)
            return (0..<4).map { _ in generator.next() }
        }
        #expect(numbers(1) == numbers(1))
        #expect(Set(numbers(1)).isDisjoint(with: numbers(2)))
    }
}
