import BusModel
import ProtocolRules
import Testing
import VMBusWire

/// Rules 9 and 10, with logs written by hand.
@Suite struct PageListRuleTests {
    private static func withOffer() -> RuleLog {
        var log = RuleLog(connectedAt: .iron)
        log.guest(.requestOffers)
        log.offer(1)
        return log
    }

    @Test func `lists in several messages, mixed with each other, are joined in order of arrival`() {
        var log = Self.withOffer()
        let pages = (0..<60 as Range<UInt64>).map { $0 * 3 }
        log.header(1, relid: 1, pages: pages)
        log.header(2, relid: 1, pages: pages.map { $0 + 1000 })
        log.body(2, pages[26..<54].map { $0 + 1000 })
        log.body(1, Array(pages[26..<54]))
        log.body(1, Array(pages[54...]))
        log.body(2, pages[54...].map { $0 + 1000 })
        log.created(2, relid: 1)
        log.created(1, relid: 1)
        #expect(log.broken == [])
    }

    @Test func `a range that brings fewer pages than it says is told apart`() {
        var log = Self.withOffer()
        log.header(1, relid: 1, pages: [1, 2, 3], byteCount: 4 * 4096)
        #expect(log.broken == ["gpadl-complete"])
        #expect(log.culprit == .guest)
    }

    @Test(arguments: [(0, 1), (12, 1), (16, 0), (8, 1)] as [(UInt16, UInt16)])
    func `a header that cannot become complete is told apart`(length: UInt16, count: UInt16) {
        var log = Self.withOffer()
        log.guest(
            .gpadlHeader(
                GPADLHeader(relid: 1, gpadl: 1, rangeBufferLength: length, rangeCount: count, words: [4096, 7])))
        #expect(log.broken.first == "gpadl-complete")
    }

    @Test func `a body for no list, or for one that is complete, is told apart`() {
        var log = Self.withOffer()
        log.body(9, [1])
        log.share(1, relid: 1)
        log.body(1, [1])
        #expect(log.broken == ["gpadl-complete", "gpadl-complete"])
    }

    @Test func `bodies that follow a refusal are nobody's fault`() {
        var log = Self.withOffer()
        let pages = Array(0..<60 as Range<UInt64>)
        log.header(1, relid: 1, pages: pages)
        log.created(1, relid: 1, .unexpected)
        log.body(1, Array(pages[26..<54]))
        log.body(1, Array(pages[54...]))
        log.share(1, relid: 1)
        #expect(log.broken == [])
    }

    @Test func `a host that accepts what has not come as a whole is told apart`() {
        var log = Self.withOffer()
        log.header(1, relid: 1, pages: Array(0..<60))
        log.created(1, relid: 1)
        #expect(log.broken == ["gpadl-complete"])
        #expect(log.culprit == .host)
    }

    @Test func `a handle that is in use, or zero, is told apart`() {
        var log = Self.withOffer()
        log.share(1, relid: 1)
        log.header(1, relid: 1, pages: [900_001])
        #expect(log.broken == ["gpadl-lifecycle"])
        var zero = Self.withOffer()
        zero.header(0, relid: 1, pages: [1])
        #expect(zero.broken == ["gpadl-lifecycle"])
    }

    @Test func `a list is created once, on its own channel`() {
        var log = Self.withOffer()
        log.share(1, relid: 1)
        log.created(1, relid: 1)
        log.header(2, relid: 1, pages: [900_001])
        log.created(2, relid: 5)
        #expect(log.broken == ["gpadl-lifecycle", "gpadl-lifecycle"])
        #expect(log.culprit == .host)
    }

    @Test func `a list is torn down once, and not before it was created`() {
        var log = Self.withOffer()
        log.header(1, relid: 1, pages: [1])
        log.teardown(1, relid: 1)
        #expect(log.broken == ["gpadl-lifecycle"])
        var twice = Self.withOffer()
        twice.share(1, relid: 1)
        twice.teardown(1, relid: 1)
        twice.torndown(1)
        twice.torndown(1)
        twice.teardown(1, relid: 1)
        #expect(twice.broken == ["gpadl-lifecycle", "gpadl-lifecycle"])
        #expect(twice.checker.breaches.map(\.party) == [.host, .guest])
    }

    @Test func `pages of a list that is not torn down have no other use`() {
        var log = Self.withOffer()
        log.header(1, relid: 1, pages: [10, 11, 12])
        log.created(1, relid: 1)
        log.teardown(1, relid: 1)
        log.header(2, relid: 1, pages: [20, 12])
        #expect(log.broken == ["gpadl-lifecycle"])
        #expect(log.culprit == .guest)
        var late = Self.withOffer()
        late.header(1, relid: 1, pages: [10, 11, 12])
        late.created(1, relid: 1)
        late.teardown(1, relid: 1)
        late.torndown(1)
        late.header(2, relid: 1, pages: [20, 12])
        #expect(late.broken == [])
    }

    @Test func `a rescind ends a list without TORNDOWN, and a late answer is nobody's fault`() {
        var log = Self.withOffer()
        log.share(1, relid: 1)
        log.share(2, relid: 1)
        log.header(3, relid: 1, pages: [5])
        log.teardown(2, relid: 1)
        log.rescind(1)
        log.teardown(1, relid: 1)
        log.release(1)
        log.torndown(2)
        log.created(3, relid: 1)
        log.offer(1)
        log.share(1, relid: 1)
        #expect(log.broken == [])
    }
}
