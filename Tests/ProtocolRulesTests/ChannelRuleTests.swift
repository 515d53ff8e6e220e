import BusModel
import ProtocolRules
import Testing
import VMBusWire

/// Rules 3 to 8, 11 to 13, 15, 26, 29 and 30, with logs written by hand.
@Suite struct ChannelRuleTests {
    @Test func `a channel's whole life breaks nothing`() {
        var log = RuleLog.withOpenChannel(vp: 2)
        log.packet(.guestToHost, relid: 1, RuleLog.packet)
        log.signal(relid: 1)
        log.interrupt(relid: 1, vp: 2)
        log.move(1, to: 3)
        log.interrupt(relid: 1, vp: 2)
        log.interrupt(relid: 1, vp: 3)
        log.moved(1)
        log.interrupt(relid: 1, vp: 3)
        log.close(1)
        log.teardown(0xE1, relid: 1)
        log.torndown(0xE1)
        log.share(0xE2, relid: 1)
        log.open(1, ring: 0xE2)
        log.opened(1)
        log.rescind(1)
        log.close(1)
        log.release(1)
        log.offer(1)
        #expect(log.broken == [])
        for rule in [
            ProtocolRule.offersAfterRequest, .relidUnique, .relidReleasedBeforeReuse, .openPreconditions,
            .openAnsweredOnce, .noTrafficBeforeAccept, .gpadlComplete, .gpadlLifecycle, .closeBeforeTeardown,
            .rescindReleasedOnce, .subchannelFamily, .modifyNeedsVersion, .interruptTarget,
        ] {
            #expect(log.checker.checks(of: rule) > 0, "\(rule.id)")
        }
    }

    @Test func `offers that were not asked for are told apart`() {
        var log = RuleLog(connectedAt: .iron)
        log.offer(1)
        #expect(log.broken == ["offers-after-request"])
        #expect(log.culprit == .host)
    }

    @Test func `a second request and a second end of the offers are told apart`() {
        var log = RuleLog.withOpenChannel()
        log.host(.allOffersDelivered)
        log.guest(.requestOffers)
        #expect(log.broken == ["offers-after-request", "offers-after-request"])
        #expect(log.checker.breaches.map(\.party) == [.host, .guest])
    }

    @Test func `devices that come later have no end of the offers`() {
        var log = RuleLog.withOpenChannel()
        log.offer(2, device: RuleLog.heartbeat)
        #expect(log.broken == [])
    }

    @Test(arguments: [1, 0, 2048, .max] as [UInt32])
    func `a number that is taken or none is told apart`(relid: UInt32) {
        var log = RuleLog.withOpenChannel()
        log.offer(relid, device: RuleLog.heartbeat)
        #expect(log.broken == ["relid-unique"])
    }

    @Test func `a number that was not released is not given again`() {
        var log = RuleLog.withOpenChannel()
        log.rescind(1)
        log.offer(1)
        #expect(log.broken == ["relid-released-before-reuse"])
        #expect(log.culprit == .host)
    }

    @Test(
        arguments: [
            (2, 0xE1, 8), (1, 0xE2, 8), (1, 0xE3, 8), (1, 0xE1, 0), (1, 0xE1, 16),
        ] as [(UInt32, UInt32, UInt32)])
    func `an open that its channel or its list does not allow is told apart`(
        relid: UInt32, ring: UInt32, offset: UInt32
    ) {
        var log = RuleLog(connectedAt: .iron)
        log.guest(.requestOffers)
        log.offer(1)
        log.offer(3, device: RuleLog.heartbeat)
        log.share(0xE1, relid: 1)
        log.share(0xE2, relid: 3)
        log.header(0xE3, relid: 1, pages: [1, 2, 3, 4])
        log.open(relid, ring: ring, offset: offset)
        #expect(log.broken == ["open-preconditions"])
        #expect(log.culprit == .guest)
    }

    @Test func `an open channel is not opened again, and one that was refused is`() {
        var log = RuleLog.withOpenChannel()
        log.open(1, ring: 0xE1)
        #expect(log.broken == ["open-preconditions"])
        var refused = RuleLog(connectedAt: .iron)
        refused.guest(.requestOffers)
        refused.offer(1)
        refused.share(0xE1, relid: 1)
        refused.open(1, ring: 0xE1)
        refused.opened(1, .unexpected)
        refused.open(1, ring: 0xE1)
        refused.opened(1)
        #expect(refused.broken == [])
    }

    @Test func `an open that crosses a rescind is nobody's fault, and needs no answer`() {
        var log = RuleLog(connectedAt: .iron)
        log.guest(.requestOffers)
        log.offer(1)
        log.share(0xE1, relid: 1)
        log.rescind(1)
        log.open(1, ring: 0xE1)
        log.release(1)
        #expect(log.broken == [])
    }

    @Test(arguments: [(1, 1), (2, 2), (1, 7)] as [(UInt32, UInt32)])
    func `a result that nobody waits for is told apart`(relid: UInt32, openID: UInt32) {
        var log = RuleLog.withOpenChannel()
        log.opened(relid, openID: openID)
        #expect(log.broken == ["open-answered-once"])
        #expect(log.culprit == .host)
    }

    @Test func `a result with another open id is told apart`() {
        var log = RuleLog(connectedAt: .iron)
        log.guest(.requestOffers)
        log.offer(1)
        log.share(0xE1, relid: 1)
        log.open(1, ring: 0xE1)
        log.opened(1, openID: 0)
        #expect(log.broken == ["open-answered-once"])
    }

    @Test func `traffic before the result and after the close is told apart`() {
        var log = RuleLog(connectedAt: .iron)
        log.guest(.requestOffers)
        log.offer(1)
        log.share(0xE1, relid: 1)
        log.open(1, ring: 0xE1)
        log.packet(.guestToHost, relid: 1, RuleLog.packet)
        log.opened(1)
        log.signal(relid: 1)
        log.close(1)
        log.signal(relid: 1)
        #expect(log.broken == ["no-traffic-before-accept", "no-traffic-before-accept"])
        #expect(log.culprit == .guest)
    }

    @Test func `a host may write as soon as it has opened`() {
        var log = RuleLog(connectedAt: .iron)
        log.guest(.requestOffers)
        log.offer(1)
        log.share(0xE1, relid: 1)
        log.open(1, ring: 0xE1)
        log.packet(.hostToGuest, relid: 1, RuleLog.packet)
        log.interrupt(relid: 1, vp: 0)
        #expect(log.broken == [])
    }

    @Test func `the rings' list outlives the close, and other lists need not`() {
        var log = RuleLog.withOpenChannel()
        log.share(0xE2, relid: 1, pages: 100..<104)
        log.teardown(0xE2, relid: 1)
        #expect(log.broken == [])
        log.teardown(0xE1, relid: 1)
        #expect(log.broken == ["close-before-teardown"])
        #expect(log.culprit == .guest)
    }

    @Test func `numbers are released once, and only when they were taken back or nobody uses them`() {
        var log = RuleLog.withOpenChannel()
        log.release(1)
        #expect(log.broken == ["rescind-released-once"])
        var closed = RuleLog.withOpenChannel()
        closed.close(1)
        closed.release(1)
        #expect(closed.broken == [])
        var twice = RuleLog.withOpenChannel()
        twice.rescind(1)
        twice.release(1)
        twice.release(1)
        #expect(twice.broken == ["rescind-released-once"])
        #expect(twice.culprit == .guest)
    }

    @Test func `a channel is taken back once`() {
        var log = RuleLog.withOpenChannel()
        log.rescind(1)
        log.rescind(1)
        #expect(log.broken == ["rescind-released-once"])
        #expect(log.culprit == .host)
    }

    @Test(arguments: [(2, 1, true), (1, 2, false)] as [(UInt32, UInt32, Bool)])
    func `sub-channels are released before their primary`(first: UInt32, second: UInt32, isLegal: Bool) {
        var log = RuleLog.withOpenChannel()
        log.offer(2, subchannel: 1)
        log.rescind(2)
        log.rescind(1)
        log.release(first)
        log.release(second)
        #expect(log.broken == (isLegal ? [] : ["rescind-released-once"]))
    }

    @Test func `a sub-channel needs a primary of its type, and an index of its own`() {
        var log = RuleLog.withOpenChannel()
        log.offer(2, subchannel: 1)
        #expect(log.broken == [])
        log.offer(3, subchannel: 1)
        log.offer(4, type: RuleLog.heartbeat, subchannel: 2)
        log.offer(5, device: RuleLog.heartbeat, subchannel: 1)
        log.offer(6)
        #expect(log.broken == Array(repeating: "subchannel-family", count: 4))
        #expect(log.culprit == .host)
    }

    @Test func `a device may be there again before the old numbers are released`() {
        var log = RuleLog.withOpenChannel()
        log.rescind(1)
        log.offer(2)
        #expect(log.broken == [])
    }

    @Test func `moves need 4·1, and no answer below 5·3`() {
        var old = RuleLog.withOpenChannel(.windows10)
        old.move(1, to: 1)
        #expect(old.broken == ["modify-needs-version"])
        var silent = RuleLog.withOpenChannel(.redstone3)
        silent.move(1, to: 1)
        silent.interrupt(relid: 1, vp: 0)
        silent.interrupt(relid: 1, vp: 1)
        silent.move(1, to: 2)
        #expect(silent.broken == [])
        silent.moved(1)
        #expect(silent.broken == ["modify-needs-version"])
        #expect(silent.culprit == .host)
    }

    @Test func `a move needs an open channel, and the answer to the last one`() {
        var log = RuleLog.withOpenChannel()
        log.move(1, to: 1)
        log.move(1, to: 2)
        log.moved(1)
        log.moved(1)
        log.moved(1)
        log.close(1)
        log.move(1, to: 1)
        #expect(log.broken == ["modify-needs-version", "modify-needs-version", "modify-needs-version"])
        #expect(log.checker.breaches.map(\.party) == [.guest, .host, .guest])
    }

    @Test func `a number is kept until its move is answered`() {
        var log = RuleLog.withOpenChannel()
        log.move(1, to: 1)
        log.rescind(1)
        log.release(1)
        #expect(log.broken == ["modify-needs-version"])
    }

    @Test func `an interrupt on a processor that nobody chose is told apart`() {
        var log = RuleLog.withOpenChannel(vp: 2)
        log.interrupt(relid: 1, vp: 0)
        log.move(1, to: 3)
        log.moved(1)
        log.interrupt(relid: 1, vp: 2)
        #expect(log.broken == ["irq-target", "irq-target"])
        #expect(log.culprit == .host)
    }

    @Test func `a move that failed leaves the interrupts where they were`() {
        var log = RuleLog.withOpenChannel(vp: 2)
        log.move(1, to: 3)
        log.moved(1, .unexpected)
        log.interrupt(relid: 1, vp: 2)
        #expect(log.broken == [])
        log.interrupt(relid: 1, vp: 3)
        #expect(log.broken == ["irq-target"])
    }

    @Test func `a channel without interrupts gets none`() {
        var log = RuleLog.withOpenChannel(vp: OpenChannel.interruptsDisabled)
        log.interrupt(relid: 1, vp: 0)
        #expect(log.broken == ["irq-target"])
    }

    @Test func `a monitor bit that the offer does not allocate is told apart`() {
        var log = RuleLog.withOpenChannel(monitorID: 5)
        log.monitorSignal(relid: 1, id: 5)
        log.show(.monitor(MonitorEvidence(partition: 1, pending: [1 << 5, 0, 0, 0])))
        log.show(.monitor(MonitorEvidence(partition: 1, pending: [0, 0, 0, 0])))
        #expect(log.broken == [])
        log.monitorSignal(relid: 1, id: 6)
        log.show(.monitor(MonitorEvidence(partition: 1, pending: [0, 1, 0, 0])))
        #expect(log.broken == ["monitor-owned", "monitor-owned"])
        #expect(log.culprit == .guest)
    }

    @Test func `a monitor bit that nobody clears is the host's fault`() {
        var log = RuleLog.withOpenChannel(monitorID: 5)
        log.show(.monitor(MonitorEvidence(partition: 1, pending: [1 << 5, 0, 0, 0])))
        log.time += 99_000_000
        log.monitorSignal(relid: 1, id: 5)
        log.show(.monitor(MonitorEvidence(partition: 1, pending: [1 << 5, 0, 0, 0])))
        #expect(log.broken == [])
        log.time += 2_000_000
        log.monitorSignal(relid: 1, id: 5)
        log.show(.monitor(MonitorEvidence(partition: 1, pending: [1 << 5, 0, 0, 0])))
        #expect(log.broken == ["monitor-owned"])
        #expect(log.culprit == .host)
    }

    @Test(arguments: [(0, 0, false), (8, 1, false), (8, 0, true)] as [(UInt32, UInt32, Bool)])
    func `a pending size needs the feature`(pending: UInt32, features: UInt32, isBroken: Bool) {
        var log = RuleLog.withOpenChannel()
        var ring = RingEvidence(
            partition: 1, relid: 1, channel: ChannelKey(partition: 1, device: RuleLog.network, subchannel: 0),
            direction: .guestToHost, dataSize: 4096)
        ring.pendingSendSize = pending
        ring.featureBits = features
        log.show(.ring(ring))
        #expect(log.broken.contains("pending-needs-feature") == isBroken)
    }

    @Test func `a breach names its record, its time, its channel and its bytes`() throws {
        var log = RuleLog.withOpenChannel()
        log.opened(1)
        let breach = try #require(log.checker.breaches.first)
        #expect(breach.sequence == 10)
        #expect(breach.time == 10_000)
        #expect(breach.relid == 1)
        #expect(breach.channel == ChannelKey(partition: 1, device: RuleLog.network, subchannel: 0))
        #expect(breach.bytes.count == 20)
        #expect(
            breach.description
                == "open-answered-once: OPEN_CHANNEL_RESULT.relid: 1, open id 1: no such open waits for an answer")
    }
}
