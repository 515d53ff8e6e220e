import Testing
import VMBusRing
import VMBusWire

@testable import VMBusSimulator

@Suite struct RingModelTests {
    private func settings(
        _ order: MemoryOrder, bytes: UInt32 = 72, packets: Int = 2, spurious: Int = 0
    ) -> RingModelSettings {
        var settings = RingModelSettings()
        settings.order = order
        settings.ringBytes = bytes
        settings.packets = packets
        settings.spuriousWakeUps = spurious
        return settings
    }

    /// Counts that change with the accesses of the shipped code: whoever changes those sees it here.
    @Test(arguments: [
        (MemoryOrder.sc, UInt32(72), 2, 0, 701, 1274), (.tso, 72, 2, 0, 1601, 4047), (.tso, 40, 2, 1, 7629, 20_877),
    ])
    func `the ring that is shipped loses no wake-up, at every interleaving of its accesses`(
        order: MemoryOrder, bytes: UInt32, packets: Int, spurious: Int, states: Int, transitions: Int
    ) {
        let settings = settings(order, bytes: bytes, packets: packets, spurious: spurious)
        #expect(settings.problem == nil)
        let exploration = explored(RingModel(settings))
        #expect(exploration.verdict == .holds)
        #expect(exploration.progress.states == states)
        #expect(exploration.progress.transitions == transitions)
    }

    @Test(arguments: WakeRule.allCases, [true, false])
    func `the rules for waking up and for polling hold as well`(rule: WakeRule, usesPendingSendSize: Bool) {
        var settings = settings(.tso, bytes: 40, packets: 2)
        settings.ends.wakeRule = rule
        settings.ends.usesPendingSendSize = usesPendingSendSize
        #expect(explored(RingModel(settings)).verdict == .holds)
    }

    @Test func `numbers that make no model are refused with a reason`() {
        #expect(settings(.sc, bytes: 36).problem?.contains("36 bytes") == true)
        #expect(settings(.sc, bytes: 32).problem?.contains("from 40") == true)
        #expect(settings(.sc, packets: 0).problem?.contains("packets") == true)
        #expect(settings(.sc, spurious: -1).problem?.contains("wake-ups") == true)
        var settings = settings(.sc)
        settings.payloadBytes = 12
        #expect(settings.problem?.contains("payloads") == true)
    }

    @Test func `every way through the model ends with all packets taken`() {
        var generator = SeededGenerator(seed: 7, stream: 0)
        for _ in 0..<5 {
            var model = RingModel(settings(.tso, packets: 5, spurious: 2))
            var steps = 0
            while case let successors = model.successors(), !successors.isEmpty {
                model = successors[Int(generator.next() % UInt64(successors.count))]
                steps += 1
            }
            #expect(model.breach == nil)
            #expect(model.receiver.taken == 5)
            #expect(steps > 100)
        }
    }

    @Test func `a store is seen by its own end at once and by the other when it leaves the buffer`() {
        var ring = StoreBufferedRing(dataSize: 32, order: .tso)
        _ = ring.perform(.store(8, .writeIndex), by: .sender)
        _ = ring.perform(.storeData(5, 1), by: .sender)
        _ = ring.perform(.store(16, .writeIndex), by: .sender)
        let own = [ring.perform(.load(.writeIndex), by: .sender), ring.perform(.loadData(1), by: .sender)]
        let others = [ring.perform(.load(.writeIndex), by: .receiver), ring.perform(.loadData(1), by: .receiver)]
        #expect(own == [16, 5])
        #expect(others == [0, 0])
        let first = ring.flush(.sender)
        #expect(first == .word(8, .writeIndex))
        let afterFirst = ring.perform(.load(.writeIndex), by: .receiver)
        #expect(afterFirst == 8)
        _ = ring.perform(.fence, by: .sender)
        let afterFence = [ring.perform(.load(.writeIndex), by: .receiver), ring.perform(.loadData(1), by: .receiver)]
        #expect(afterFence == [16, 5])
        #expect(ring.buffer(of: .sender).isEmpty)
    }

    #if Mutations
        /// Which memory order shows a planted bug, and how long its shortest schedule is.
        @Test(arguments: [
            (Mutation.noRecheckAfterUnmask, MemoryOrder.sc, 14), (.noBarrierBeforeMaskTest, .tso, 14),
            (.noBarrierAfterReadIndex, .tso, 31), (.pendingSizeNotRechecked, .sc, 31),
            (.pendingSizeOneStepLate, .sc, 33),
        ])
        func `each planted bug is found by its shortest schedule, which leads to it again`(
            mutation: Mutation, order: MemoryOrder, length: Int
        ) {
            var settings = settings(order, packets: 4, spurious: 1)
            settings.ends.mutation = mutation
            let exploration = explored(RingModel(settings))
            guard case .broken(let breach, let schedule)? = exploration.verdict else {
                Issue.record("\(String(describing: exploration.verdict))")
                return
            }
            #expect(breach.rule == mutation.rule)
            #expect(schedule.choices.count == length)
            var model = RingModel(settings)
            _ = model.run(Schedule(schedule.description) ?? Schedule())
            #expect(model.breach == breach)
        }

        @Test(arguments: [Mutation.noBarrierBeforeMaskTest, .noBarrierAfterReadIndex])
        func `a missing barrier does not show without store buffers`(mutation: Mutation) {
            var settings = settings(.sc, bytes: 40)
            settings.ends.mutation = mutation
            #expect(explored(RingModel(settings)).verdict == .holds)
        }
    #endif
}
