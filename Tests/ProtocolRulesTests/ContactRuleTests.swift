import BusModel
import ProtocolRules
import Testing
import VMBusWire

/// Rules 1, 2, 14 and 16, with logs written by hand.
@Suite struct ContactRuleTests {
    @Test func `a guest that negotiates downwards, works and says goodbye breaks nothing`() {
        var log = RuleLog()
        log.contact(.copper)
        log.answer(.copper, accepted: false)
        log.connect(.iron)
        log.guest(.requestOffers)
        log.offer(1)
        log.host(.allOffersDelivered)
        log.guest(.unload)
        log.rescind(1)
        log.host(.unloadComplete)
        log.connect(.iron)
        #expect(log.broken == [])
        #expect(log.checker.checks(of: .versionDown) == 6)
        #expect(log.checker.checks(of: .contactFirst) > 0)
    }

    @Test func `a guest that asks for offers before its contact is told apart`() {
        var log = RuleLog()
        log.guest(.requestOffers)
        #expect(log.broken == ["contact-first"])
        #expect(log.culprit == .guest)
    }

    @Test func `a guest that does not wait for the answer is told apart`() {
        var log = RuleLog()
        log.contact(.iron)
        log.guest(.requestOffers)
        #expect(log.broken == ["contact-first"])
    }

    @Test func `a host that speaks before it accepted a version is told apart`() {
        var log = RuleLog()
        log.contact(.iron)
        log.host(.allOffersDelivered)
        #expect(log.broken == ["contact-first"])
        #expect(log.culprit == .host)
    }

    @Test func `a guest that crashes while it negotiates may say goodbye`() {
        var log = RuleLog()
        log.contact(.iron)
        log.guest(.unload)
        log.host(.unloadComplete)
        #expect(log.broken == [])
    }

    @Test func `a guest may begin anew without a word, while its host still speaks of the last connection`() {
        var log = RuleLog.withOpenChannel()
        log.guest(.initiateContact(InitiateContact(version: .iron)))
        log.rescind(1)
        log.answer(.iron)
        log.guest(.requestOffers)
        log.offer(1)
        #expect(log.broken == [])
    }

    @Test func `a proposal that goes up is told apart`() {
        var log = RuleLog()
        log.contact(.redstone5)
        log.answer(.redstone5, accepted: false)
        log.contact(.iron)
        #expect(log.broken == ["version-down"])
        #expect(log.culprit == .guest)
    }

    @Test func `the same version may be proposed again, over another connection or after all were refused`() {
        var log = RuleLog()
        log.contact(.iron)
        log.contact(.iron)
        log.answer(.iron, accepted: false)
        log.answer(.iron, accepted: false)
        log.contact(.windows8)
        log.answer(.windows8, accepted: false)
        log.contact(.iron)
        #expect(log.broken == [])
    }

    @Test func `an answer with another version than the proposed one is told apart`() {
        var log = RuleLog()
        log.contact(.windows10)
        log.answer(.windows8)
        #expect(log.broken == ["version-down"])
        #expect(log.culprit == .host)
    }

    @Test func `a second answer to one proposal is told apart`() {
        var log = RuleLog(connectedAt: .iron)
        log.answer(.iron)
        #expect(log.broken == ["version-down"])
    }

    @Test func `a machine that was reset may propose any version`() {
        var log = RuleLog()
        log.contact(.redstone5)
        log.answer(.redstone5, accepted: false)
        log.show(.machineReset(partition: 1))
        log.contact(.iron)
        #expect(log.broken == [])
    }

    @Test func `a message after UNLOAD is told apart`() {
        var log = RuleLog.withOpenChannel()
        log.guest(.unload)
        log.close(1)
        #expect(log.broken == ["unload-last"])
        #expect(log.culprit == .guest)
    }

    @Test func `a host that speaks after UNLOAD_COMPLETE, or says it twice, is told apart`() {
        var log = RuleLog.withOpenChannel()
        log.guest(.unload)
        log.host(.unloadComplete)
        log.host(.unloadComplete)
        log.rescind(1)
        #expect(log.broken == ["unload-last", "unload-last"])
        #expect(log.culprit == .host)
    }

    @Test func `a log that begins in the middle breaks nothing until a contact is seen`() {
        var log = RuleLog(isWhole: false)
        log.guest(.requestOffers)
        log.offer(7)
        log.open(9, ring: 3)
        log.release(8)
        log.torndown(5)
        log.interrupt(relid: 7, vp: 3)
        #expect(log.broken == [])
        log.connect(.iron)
        log.offer(7)
        #expect(log.broken == ["offers-after-request"])
    }

    @Test func `after a gap nothing is held against anybody`() {
        var log = RuleLog.withOpenChannel()
        log.gap()
        log.release(1)
        log.guest(.requestOffers)
        #expect(log.broken == [])
    }

    @Test func `a message longer than a slot is told apart`() {
        var log = RuleLog()
        var contact = InitiateContact(version: .iron)
        contact.clientID = nil
        log.guest(.initiateContact(contact))
        #expect(log.broken == [])
        var header = FlowRecordHeader(kind: .message, time: 5, partition: 1, direction: .hostToGuest)
        header.sequence = 2
        let bytes = ChannelMessage.versionResponse(VersionResponse(supported: false, versionOrConnectionID: 0))
            .encoded()
        log.checker.observe(header, (bytes + [UInt8](repeating: 0, count: 241 - bytes.count))[...])
        #expect(log.broken == ["synic-slot"])
    }

    @Test(arguments: [
        (SlotEvidence(partition: 1, processor: 0, messageType: 1, payloadSize: 240, isPending: true, waiting: 2), nil),
        (SlotEvidence(partition: 1, processor: 0, messageType: 0, waiting: 1), nil),
        (SlotEvidence(partition: 1, processor: 0, messageType: 1, waiting: 1), RuleParty.host),
        (SlotEvidence(partition: 1, processor: 0, messageType: 1, payloadSize: 241), .host),
        (SlotEvidence(partition: 1, processor: 0, overwritten: 1), .host),
        (SlotEvidence(partition: 1, processor: 0, missedEnds: 1), .guest),
    ])
    func `a slot shows who broke the rule of the slots`(slot: SlotEvidence, culprit: RuleParty?) {
        var log = RuleLog()
        log.show(.slot(slot))
        log.show(.slot(slot))
        #expect(log.culprit == culprit)
        if slot.overwritten + slot.missedEnds > 0 { #expect(log.broken == ["synic-slot"]) }
    }
}
