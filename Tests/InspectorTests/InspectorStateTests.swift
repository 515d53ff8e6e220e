import BusModel
import Inspector
import Query
import Testing
import VMBusWire

@Suite struct InspectorStateTests {
    @Test func `records are named and summed up as they come`() throws {
        var log = GuestLog()
        log.boot()
        log.add(.signal, SignalEventInput(connectionID: 0x200E).encoded(), code: 0, device: GuestLog.nic, relid: 14)
        log.add(.signal, [3], code: 1, device: GuestLog.nic, relid: 14)
        log.add(.interrupt, EventFlagDelivery(vp: 1, flag: 14).encoded(), device: GuestLog.nic, relid: 14)
        log.add(.note, Array("look\u{1B}[31m here".utf8))
        log.add(FlowKind(rawValue: 99), [1])
        log.add(.message, [99, 0, 0, 0, 0, 0, 0, 0], code: 99)
        log.add(.message, [5, 0], code: 5)
        var state = InspectorState(capabilities: GuestLog.capabilities)
        state.ingest(log.take())
        let entries = (0..<state.history.count).compactMap { state.history[$0] }
        let names = entries.map(\.name)
        #expect(
            names.prefix(5) == [
                "VMBUS.INITIATE_CONTACT", "VMBUS.VERSION_RESPONSE", "VMBUS.REQUEST_OFFERS", "VMBUS.OFFER_CHANNEL",
                "VMBUS.OFFER_CHANNEL",
            ])
        #expect(
            names.suffix(8) == [
                "STATE.CHANGED", "SYNIC.SIGNAL_EVENT", "SYNIC.MONITOR_SIGNAL", "SYNIC.EVENT_FLAG", "NOTE.TEXT",
                "RECORD.KIND_99", "VMBUS.UNKNOWN_99", "VMBUS.MALFORMED",
            ])
        #expect(entries[0].info == "proposes 5.3")
        #expect(entries[4].info == "network, relid 14")
        #expect(entries[4].deviceClass == .network)
        let late = entries.suffix(7)
        #expect(late.first?.info == "connection 0x200e, flag 0")
        #expect(late.dropFirst().first?.info == "monitor bit 3")
        #expect(late.dropFirst(2).first?.info == "flag 14 on vp 1, sint 2")
        #expect(late.dropFirst(2).first?.channelLabel == "eth0")
        #expect(late.dropFirst(3).first?.info.contains("\u{1B}") == false)
    }

    @Test func `every record's fields cover its bytes`() throws {
        var log = GuestLog()
        log.boot()
        log.packet(.guestToHost, payload: 24)
        log.add(.signal, SignalEventInput(connectionID: 1).encoded() + [0, 0, 0, 0, 0, 0, 0, 0], device: GuestLog.nic)
        log.add(.interrupt, EventFlagDelivery(vp: 1, flag: 14).encoded(), device: GuestLog.nic)
        log.add(.note, Array("hello".utf8))
        log.add(.keyframe, GuestLog.booted.snapshot.keyframe)
        log.add(.sample, [1, 2, 3], device: GuestLog.nic, relid: 14)
        var state = InspectorState(capabilities: GuestLog.capabilities)
        state.ingest(log.take())
        for index in 0..<state.history.count {
            let tree = try #require(state.history.tree(at: index))
            let length = state.history.payload(at: index).count
            var place = 0
            for leaf in tree.leaves {
                #expect(leaf.offset == place, "\(tree.name) \(leaf.name)")
                place = leaf.offset + leaf.size
            }
            #expect(place == length, "\(tree.name)")
        }
    }

    @Test func `a message is read under the agreement of its time`() throws {
        var state = GuestLog.booted
        let index = try #require(state.history.index(ofSequence: 9))
        #expect(state.history[index]?.context.version == .iron)
        #expect(state.history[0]?.context.version == .copper)
        var log = GuestLog()
        log.skip(100)
        log.add(.initiateContact(InitiateContact(version: .windows8)))
        state.ingest(log.take())
        #expect(state.history[index]?.context.version == .iron)
    }

    @Test func `labels use the kernel's name, else the class with a number`() throws {
        var log = GuestLog()
        log.boot()
        log.offer(GuestLog.network, GUID(1, 2, 3, 4), relid: 30)
        log.add(.packet, [], device: GUID(1, 2, 3, 4), relid: 30, direction: .guestToHost)
        log.packet(.guestToHost, subchannel: 1)
        var state = InspectorState(capabilities: GuestLog.capabilities)
        state.ingest(log.take())
        #expect(state.history[state.history.count - 2]?.channelLabel == "network-2")
        #expect(state.history[state.history.count - 1]?.channelLabel == "eth0:1")
    }

    @Test func `the history keeps its limits and forgets from the front`() {
        var log = GuestLog()
        var state = InspectorState(
            capabilities: GuestLog.capabilities, limits: HistoryLimits(records: 100, bytes: 1 << 20))
        for _ in 0..<50 {
            for _ in 0..<7 { log.packet(.guestToHost) }
            state.ingest(log.take())
            #expect(state.history.count <= 100)
        }
        #expect(state.history.trimmedCount + state.history.count == 350)
        #expect(state.history.lastSequence == 350)
        #expect(state.history[0]?.header.sequence == state.history.firstSequence)
        #expect(state.history.index(ofSequence: 1) == nil)
        #expect(state.history.index(ofSequence: 350) == state.history.count - 1)
        #expect(state.history[state.history.count] == nil && state.history[-1] == nil)
    }

    @Test func `the history keeps its limit of bytes`() {
        var log = GuestLog()
        var state = InspectorState(
            capabilities: GuestLog.capabilities, limits: HistoryLimits(records: 100_000, bytes: 100_000))
        for _ in 0..<200 { log.add(.note, [UInt8](repeating: 65, count: 5000)) }
        state.ingest(log.take())
        #expect(state.history.count < 30)
        #expect(state.history.count > 5)
    }

    @Test func `jumps in the numbers are counted, and numbers that go back are set right`() {
        var log = GuestLog()
        log.add(.note)
        log.skip(9)
        log.add(.note)
        var state = InspectorState(capabilities: GuestLog.capabilities)
        state.ingest(log.take())
        #expect(state.history.missingCount == 9)
        #expect(state.history.gap(before: 1) == 9)
        var again = GuestLog()
        again.add(.note)
        state.ingest(again.take())
        #expect(state.history.lastSequence == 12)
        #expect(state.history.missingCount == 9)
    }

    @Test func `pausing shows the moment, not what came later`() throws {
        var state = GuestLog.booted
        let all = state.history.count
        let reached1 = state.pause(at: 3)
        #expect(reached1)
        #expect(state.snapshot.position.sequence == 3)
        #expect(state.snapshot.partition(1)?.devices.isEmpty == true)
        #expect(state.flowRowCount == 3)
        #expect(state.newCount == all - 3)
        let reached2 = state.pause(at: 5000)
        #expect(!reached2)
        #expect(state.timeMode == .paused(at: 3))
        state.follow()
        #expect(state.flowRowCount == all)
        #expect(state.snapshot.partition(1)?.devices.count == 2)
        state.pause()
        var log = GuestLog()
        log.skip(100)
        log.add(.note)
        state.ingest(log.take())
        #expect(state.newCount == 1)
        #expect(state.flowRowCount == all)
    }

    @Test func `every moment that is kept can be reached, and is what it was`() {
        var log = GuestLog()
        log.boot()
        for _ in 0..<60 { log.packet(.guestToHost) }
        let whole = log.take()
        var snapshots: [UInt64: BusSnapshot] = [:]
        var snapshot = BusSnapshot()
        for header in whole.headers {
            snapshot.apply(header, whole.payload(of: header))
            snapshots[header.sequence] = snapshot
        }
        // Small runs, so that the front is forgotten and several folds are kept.
        var state = InspectorState(
            capabilities: GuestLog.capabilities, limits: HistoryLimits(records: 40, bytes: 1 << 20))
        state.ingest(whole)
        for index in 0..<state.history.count {
            let sequence = state.history.firstSequence + UInt64(index)
            let reached3 = state.pause(at: sequence)
            #expect(reached3)
            #expect(state.snapshot == snapshots[sequence])
        }
    }

    @Test func `a source that steps back takes the inspector with it`() {
        var log = GuestLog()
        log.boot()
        let whole = log.take()
        var state = InspectorState(capabilities: GuestLog.capabilities)
        state.ingest(whole)
        let reached4 = state.rewind(to: Position(sequence: 4, time: 0))
        #expect(reached4)
        #expect(state.history.count == 4)
        #expect(state.lastSequence == 4)
        #expect(state.snapshot.partition(1)?.devices.count == 1)
        let reached5 = state.rewind(to: Position(sequence: 0, time: 0))
        #expect(reached5)
        #expect(state.history.isEmpty)
        #expect(state.snapshot.partitions.isEmpty)
        state.ingest(whole)
        #expect(state.history.missingCount == 0)
        #expect(state.snapshot == GuestLog.booted.snapshot)
    }

    @Test func `rates come from the log's own traffic`() throws {
        var log = GuestLog()
        log.boot()
        for _ in 0..<300 { log.packet(.hostToGuest, payload: 40) }
        var state = InspectorState(capabilities: GuestLog.capabilities, rateInterval: 100_000_000)
        state.ingest(log.take())
        let rates = state.rates(GuestLog.nicChannel)
        // A packet of 56 bytes every millisecond.
        #expect(rates.packets == 1000)
        #expect(rates.bytes == 56000)
        #expect(rates.activity.count >= 2)
        #expect(state.rates(partition: 1).packets == 1000)
    }

    @Test func `rates of sampled counters see counters that begin again`() throws {
        var log = GuestLog()
        func sample(_ count: UInt64) {
            log.time += 999_000_000
            log.add(
                .sample,
                AttributeList([AttributeReading(.interrupts, count), AttributeReading(.events, 2 * count)]).encoded(),
                device: GuestLog.nic, relid: 14)
        }
        var state = InspectorState(
            capabilities: Capabilities(kind: .live, canStep: false, canSeek: false, hasRingImages: false))
        sample(1000)
        state.ingest(log.take())
        #expect(state.rates(GuestLog.nicChannel).interrupts == nil)
        sample(1500)
        state.ingest(log.take())
        #expect(state.rates(GuestLog.nicChannel).interrupts == 500)
        #expect(state.rates(GuestLog.nicChannel).events == 1000)
        #expect(state.rates(GuestLog.nicChannel).activity == [1500])
        sample(20)
        state.ingest(log.take())
        #expect(state.rates(GuestLog.nicChannel).interrupts == nil)
        #expect(state.rates(GuestLog.nicChannel).resets == 2)
        sample(30)
        state.ingest(log.take())
        #expect(state.rates(GuestLog.nicChannel).interrupts == 10)
        for number in 0..<200 { sample(100 + UInt64(number)) }
        state.ingest(log.take())
        #expect(state.rates(GuestLog.nicChannel).activity.count == 64)
    }

    @Test func `the flow's filter finds the same in portions as at once`() throws {
        var log = GuestLog()
        log.boot()
        for number in 0..<200 { log.packet(number.isMultiple(of: 3) ? .guestToHost : .hostToGuest) }
        var state = InspectorState(capabilities: GuestLog.capabilities)
        state.ingest(log.take())
        try state.setFilter(.flow, "kind == packet and direction == guest_to_host")
        #expect(state.flowFilter.isComplete)
        #expect(state.flowRowCount == 67)
        #expect(state.flowHiddenCount == state.history.count - 67)
        #expect(state.flowRows(0..<2).allSatisfy { $0.cells[3].text == ">" })
        log.packet(.guestToHost)
        log.packet(.hostToGuest)
        state.ingest(log.take())
        #expect(state.flowRowCount == 68)
        let sequence = try #require(state.history[state.history.count - 2]?.header.sequence)
        #expect(state.flowRow(ofSequence: sequence) == 67)
        #expect(state.flowRow(ofSequence: sequence + 1) == nil)
        try state.setFilter(.flow, "open_id == 14 or relid == 2")
        #expect(state.flowRowCount == 3)
        #expect(throws: QueryError.self) { try state.setFilter(.flow, "relid ==") }
        #expect(state.filterText(.flow) == "open_id == 14 or relid == 2")
        try state.setFilter(.flow, " ")
        #expect(state.flowRowCount == state.history.count)
    }

    @Test func `hostile records are shown, never a trap`() {
        var random: UInt64 = 0x9E37_79B9_7F4A_7C15
        func next() -> UInt64 {
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            return random
        }
        var state = InspectorState(
            capabilities: GuestLog.capabilities, limits: HistoryLimits(records: 500, bytes: 100_000))
        var log = GuestLog()
        log.boot()
        state.ingest(log.take())
        for _ in 0..<300 {
            var batch = FlowBatch()
            for _ in 0..<5 {
                var header = FlowRecordHeader(
                    kind: FlowKind(rawValue: UInt8(next() % 12)), time: next() >> (next() % 60),
                    partition: UInt16(next() % 3), device: next() % 3 == 0 ? .zero : GuestLog.nic,
                    subchannel: UInt16(next() % 3), relid: UInt32(next() % 17),
                    direction: next() % 2 == 0 ? .guestToHost : nil, code: UInt32(next() % 40))
                header.sequence = next() % 7 == 0 ? next() >> 20 : 0
                var bytes = (0..<Int(next() % 100)).map { _ in UInt8(truncatingIfNeeded: next()) }
                if bytes.count > 4 {
                    bytes.replaceSubrange(0..<4, with: [UInt8(next() % 61), 0, UInt8(next() % 7), 0])
                }
                batch.append(header, bytes, attachment: next() % 5 == 0 ? [1, 2, 3] : [])
            }
            state.ingest(batch)
        }
        _ = state.partitionsTable()
        for row in state.channelsTable(isWhole: true).rows { _ = state.details(of: row.id) }
        for row in state.flowRows(0..<state.flowRowCount) { #expect(state.details(of: row.id) != nil) }
        #expect(state.flowRowCount > 0)
    }

    @Test func `numbers at the end of their range are no trap`() {
        var state = InspectorState(capabilities: GuestLog.capabilities)
        var batch = FlowBatch()
        for sequence in [UInt64.max - 1, .max, .max, 5] {
            var header = FlowRecordHeader(kind: .note, time: .max, partition: .max)
            header.sequence = sequence
            batch.append(header, [])
        }
        state.ingest(batch)
        #expect(state.history.count == 4)
        #expect(state.history.gap(before: 3) == 0)
        let reached = state.pause(at: .max)
        #expect(reached)
        #expect(state.flowRows(0..<10).count == 4)
        state.rewind(to: Position(sequence: .max, time: .max))
        #expect(state.history.count == 4)
    }

    @Test func `packets of countless unknown devices are read and not remembered`() {
        var state = InspectorState(capabilities: GuestLog.capabilities)
        for round in 0..<20 {
            var batch = FlowBatch()
            for number in 0..<500 {
                batch.append(
                    FlowRecordHeader(
                        kind: .packet, time: UInt64(number) << 40, partition: 1,
                        device: GUID(low: UInt64(number + 1), high: UInt64(round + 1)), relid: 9,
                        direction: .guestToHost), [6, 0, 2, 0, 2, 0, 0, 0])
            }
            state.ingest(batch)
        }
        #expect(state.history.count == 10000)
        #expect(state.history[9999]?.name == "PACKET.MALFORMED")
    }
}
