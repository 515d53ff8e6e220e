import Testing
import VMBusRing
import VMBusWire

@testable import VMMBridge

@Suite struct `Messages and flags in the guest's own pages` {
    private static let slot: UInt64 = 0x1200
    private static let flags: UInt64 = 0x2200

    private struct Setup {
        var memory: MeteredMemory
        var delivery = InterruptDelivery(.ownPages, processors: 2)

        init(isEnabled: Bool = true) throws {
            let file = try SharedFile(pages: 8)
            memory = MeteredMemory(base: try file.memory(), meter: Meter())
            guard isEnabled else { return }
            try write(.messagePage, 0x1001)
            try write(.eventFlagsPage, 0x2001)
            try write(.control, 1)
        }

        @discardableResult
        mutating func write(
            _ register: HypervisorRegister, _ value: UInt64, processor: UInt32 = 0
        ) throws -> [HostFrame] {
            try delivery.write(register, value, processor: processor, in: &memory)
        }

        mutating func post(_ byte: UInt8) throws -> Int {
            try delivery.post([byte], processor: 0, in: &memory).count
        }

        func slotNow() throws -> MessageSlot { try MessageSlot.decode(memory.base.bytes(slot, count: 256)) }
    }

    @Test func `a message waits until its slot is empty and the guest says so`() throws {
        var setup = try Setup()
        var raised = try setup.post(1)
        #expect(raised == 1)
        var slot = try setup.slotNow()
        #expect((slot.messageType, slot.payloadSize, slot.payload[0], slot.isPending) == (1, 1, 1, false))
        raised = try setup.post(2) + setup.post(3)
        #expect(raised == 0)
        slot = try setup.slotNow()
        #expect((slot.payload[0], slot.isPending) == (1, true))
        // The guest empties the slot; nothing comes before it has said so.
        try setup.memory.base.store32(0, at: Self.slot)
        #expect(try setup.slotNow().messageType == 0)
        raised = try setup.write(.endOfMessage, 0).count
        #expect(raised == 1)
        slot = try setup.slotNow()
        #expect((slot.messageType, slot.payload[0], slot.isPending) == (1, 2, true))
        // An end-of-message that comes too early changes nothing.
        raised = try setup.write(.endOfMessage, 0).count
        #expect(raised == 0)
        try setup.memory.base.store32(0, at: Self.slot)
        raised = try setup.write(.endOfMessage, 0).count
        #expect(raised == 1)
        slot = try setup.slotNow()
        #expect((slot.payload[0], slot.isPending) == (3, false))
    }

    @Test func `a slot that is emptied just before the pending bit is set is filled at once`() throws {
        var setup = try Setup()
        _ = try setup.post(1)
        setup.memory.afterSettingBits = { memory in
            var memory = memory
            try? memory.store32(0, at: Self.slot)
        }
        let raised = try setup.post(2)
        #expect(raised == 1)
        let slot = try setup.slotNow()
        #expect((slot.messageType, slot.payload[0]) == (1, 2))
    }

    @Test func `messages wait for the page and for the controller`() throws {
        var setup = try Setup(isEnabled: false)
        var raised = try setup.post(1)
        raised += try setup.write(.messagePage, 0x1001).count
        #expect(raised == 0)
        #expect(setup.memory.meter.count == 0)
        raised = try setup.write(.control, 1).count
        #expect(raised == 1)
        // A page that was taken back is not touched any more.
        try setup.write(.messagePage, 0)
        let touched = setup.memory.meter.count
        raised = try setup.post(2)
        #expect(raised == 0)
        #expect(setup.memory.meter.count == touched)
    }

    @Test func `a flag interrupts when it was not set, and not without a page`() throws {
        var setup = try Setup()
        let first = try setup.delivery.setFlag(37, processor: 0, in: &setup.memory)
        #expect(first?.count == 1)
        #expect(try setup.memory.base.load32(Self.flags + 4) == 1 << 5)
        let second = try setup.delivery.setFlag(37, processor: 0, in: &setup.memory)
        #expect(second == [])
        let other = try setup.delivery.setFlag(37, processor: 1, in: &setup.memory)
        #expect(other == nil)
        let beyond = try setup.delivery.setFlag(2048, processor: 0, in: &setup.memory)
        #expect(beyond == nil)
    }

    @Test(arguments: [0x0000_F000_0000_0001, 0x7001, UInt64.max])
    func `a page outside the memory is a failure`(page: UInt64) throws {
        var setup = try Setup()
        try setup.write(.messagePage, 0)
        _ = try setup.post(1)
        var failed = false
        do throws(GuestMemoryFailure) {
            _ = try setup.delivery.write(.messagePage, page, processor: 0, in: &setup.memory)
        } catch {
            failed = true
        }
        #expect(failed == (page != 0x7001))
    }
}
