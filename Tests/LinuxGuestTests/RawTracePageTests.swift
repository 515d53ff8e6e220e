import BusModel
import LinuxGuest
import Testing

@Suite struct `Pages of a trace buffer` {
    private func word(_ value: UInt64, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    private func page(_ events: [UInt8], time: UInt64 = 1000, flags: UInt64 = 0, behind: [UInt8] = []) -> [UInt8] {
        let used = word(time, 8) + word(UInt64(events.count) | flags, 8) + events + behind
        return used + [UInt8](repeating: 0, count: 4096 - used.count)
    }

    private func event(_ delta: UInt64, _ bytes: [UInt8]) -> [UInt8] {
        word(delta << 5 | UInt64(bytes.count / 4), 4) + bytes
    }

    private func long(_ delta: UInt64, _ bytes: [UInt8]) -> [UInt8] {
        word(delta << 5, 4) + word(UInt64(bytes.count + 4), 4) + bytes
    }

    @Test func `tell events with times that add up`() {
        let small: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        let large = [UInt8](repeating: 7, count: 200)
        let events =
            event(5, small) + word(3 << 5 | 30, 4) + word(2, 4) + long(1, large)
            + word(9 << 5 | 31, 4) + word(4, 4) + event(2, small) + word(1 << 5 | 29, 4) + word(8, 4)
            + [UInt8](repeating: 0xAA, count: 4) + event(1, small)
        let read = RawTracePage(page(events))
        #expect(!read.isDamaged)
        #expect(read.loss == nil)
        #expect(read.events.map { Array($0.bytes).count } == [8, 200, 8, 8])
        let extended: UInt64 = 1000 + 5 + 3 + 2 << 27 + 1
        let stamped: UInt64 = 4 << 27 + 9 + 2
        #expect(read.events.map(\.time) == [1005, extended, stamped, stamped + 2])
    }

    @Test func `tell what was lost before them`() {
        let events = event(5, [1, 2, 3, 4])
        #expect(RawTracePage(page(events, flags: 1 << 31)).loss == .some)
        let counted = page(events, flags: 1 << 31 | 1 << 30, behind: word(4711, 8))
        #expect(RawTracePage(counted).loss == .counted(4711))
    }

    @Test func `end at padding without a time`() {
        let read = RawTracePage(page(event(5, [1, 2, 3, 4]) + word(29, 4) + [1, 2, 3]))
        #expect(read.events.count == 1)
        #expect(!read.isDamaged)
    }

    @Test func `are damaged where a length leads outside, and what came before stays`() {
        let good = event(5, [1, 2, 3, 4])
        for bad in [word(28, 4), word(0, 4) + word(3, 4), word(0, 4) + word(9999, 4), word(30, 4), [1, 2]] {
            let read = RawTracePage(page(good + bad))
            #expect(read.isDamaged)
            #expect(read.events.count == 1)
        }
        #expect(RawTracePage(word(0, 8) + word(5000, 8)).isDamaged)
        #expect(RawTracePage([1, 2, 3]).isDamaged)
        #expect(!RawTracePage([]).isDamaged)
    }

    @Test func `may be any bytes`() {
        var state: UInt64 = 9
        for _ in 0..<500 {
            var bytes: [UInt8] = []
            for _ in 0..<64 {
                state = state &* 6_364_136_223_846_793_005 &+ 1
                bytes += word(state >> 62 == 0 ? state : state >> 50 & 0x3F, 4)
            }
            bytes.replaceSubrange(8..<16, with: word(state >> 56, 8))
            let read = RawTracePage(bytes)
            #expect(read.events.reduce(0) { $0 + $1.bytes.count } <= bytes.count)
        }
    }
}

@Suite struct `Tracepoints of several processors` {
    private func fired(_ time: UInt64, _ cpu: UInt16) -> FiredTracepoint {
        FiredTracepoint(
            time: time, record: TraceRecord(system: "hyperv", event: "x", cpu: cpu, thread: 0, fields: []))
    }

    @Test func `come in the order of time, and what is too new waits`() {
        var order = FiredOrder()
        for one in [fired(5, 0), fired(9, 0), fired(3, 1), fired(5, 1)] { order.add(one) }
        let first = order.take(upTo: 8)
        #expect(first.map(\.time) == [3, 5, 5])
        #expect(first.map(\.record.cpu) == [1, 0, 1])
        #expect(order.count == 1)
        order.add(fired(8, 1))
        #expect(order.take(upTo: 20).map(\.time) == [8, 9])
    }
}
