import TestSupport
import Testing
import VMBusEngine
import VMBusWire

/// Lists of many ranges in every legal split, and those that are not legal (B.6 theme 6), and the opens that use them.
@Suite struct HostPageListTests {
    private func words(_ ranges: [GPARange]) -> [UInt64] {
        ranges.flatMap { [UInt64($0.byteCount) | UInt64($0.byteOffset) << 32] + $0.pages.map(\.number) }
    }

    private func header(_ words: [UInt64], ranges: Int, length: Int? = nil, part: Int) -> ChannelMessage {
        .gpadlHeader(
            GPADLHeader(
                relid: 1, gpadl: 7, rangeBufferLength: UInt16(length ?? words.count * 8), rangeCount: UInt16(ranges),
                words: Array(words.prefix(part))))
    }

    @Test func `ranges come back from every split of their words`() {
        var generator = SeededNumbers(seed: 2)
        for _ in 0..<200 * Soak.factor {
            let ranges = (0..<1 + generator.next() % 6).map { _ in
                let offset = UInt32(generator.next() % 4096)
                let bytes = UInt32(1 + generator.next() % 60_000)
                let count = (UInt64(offset) + UInt64(bytes) + 4095) / 4096
                return GPARange(
                    byteCount: bytes, byteOffset: offset, pages: (0..<count).map { _ in generator.next() >> 20 })
            }
            let words = words(ranges)
            var driver = HostDriver()
            driver.connect()
            let first = min(words.count, Int(generator.next() % 28))
            driver.send(header(words, ranges: ranges.count, part: first))
            var sent = first
            while sent < words.count {
                #expect(driver.effects.isEmpty)
                let part = min(words.count - sent, Int(generator.next() % 29))
                driver.send(.gpadlBody(GPADLBody(gpadl: 7, words: Array(words[sent..<sent + part]))))
                sent += part
            }
            #expect(driver.effects.told() == [.listCreated, .sends(.gpadlCreated)])
            #expect(driver.host.pageLists.first?.list == PageList(ranges: ranges))
        }
    }

    @Test func `lists of two channels that had one number after each other are told apart`() throws {
        var driver = HostDriver(HostDriver.patient())
        driver.connect()
        let former = try #require(driver.keys.first)
        driver.share(7, accept: false)
        driver.send(.relidReleased(ChannelReference(relid: 1)))
        // The device has not looked at the list yet, and another channel gets the number.
        let latter = try driver.host.addOffer(BothEnds.offer(2)).key
        #expect(driver.host.channel(relid: 1)?.key == latter)
        driver.share(7)
        #expect(driver.effects.contains(.pageListCreated(latter, handle: 7)))
        driver.answer { $0.pageListAnswered(former, handle: 7, accepted: true) }
        #expect(driver.effects == [.pageListTeardown(former, handle: 7)])
        driver.answer { $0.pageListTornDown(former, handle: 7) }
        #expect(driver.effects == [.pageListReleased(former, handle: 7)])
        #expect(driver.host.channel(relid: 1)?.pageLists.map(\.handle) == [7])
    }

    @Test func `padding behind the last word is ignored, and a body too many has no list`() {
        let words = words([GPARange(byteCount: 8192, byteOffset: 0, pages: [5, 6] as [UInt64])])
        var driver = HostDriver()
        driver.connect()
        driver.send(header(words, ranges: 1, part: 1))
        driver.send(.gpadlBody(GPADLBody(gpadl: 7, words: [5, 6, 0, 0, 0])))
        #expect(driver.effects.told() == [.listCreated, .sends(.gpadlCreated)])
        #expect(driver.host.pageLists.first?.list.pages == [5, 6])
        #expect(driver.send(.gpadlBody(GPADLBody(gpadl: 7, words: [7]))).rules == ["gpadl-complete"])
    }

    @Test func `a list that breaks a rule is refused and leaves its handle free`() {
        let good = words([GPARange(byteCount: 8192, byteOffset: 0, pages: [5, 6] as [UInt64])])
        let broken: [ChannelMessage] = [
            header([0, 5], ranges: 1, part: 2), header([4096 | 4096 << 32, 5, 6], ranges: 1, part: 3),
            header([8193, 5, 6], ranges: 1, part: 3), header([0xFFFF_FFFF_FFFF_FFFF, 5], ranges: 1, part: 2),
            header(good, ranges: 2, part: 3), header(good, ranges: 0, part: 3),
            header(good, ranges: 1, length: 20, part: 2), header(good, ranges: 1, length: 8, part: 1),
        ]
        for message in broken {
            var driver = HostDriver()
            driver.connect()
            driver.send(message)
            #expect(driver.effects.told() == [.breaks("gpadl-complete"), .refuses(.gpadlCreated)])
            driver.send(header(good, ranges: 1, part: 3))
            #expect(driver.effects.told() == [.listCreated, .sends(.gpadlCreated)])
        }
    }

    @Test func `a channel opens on one list of whole pages with room for both rings`() {
        var driver = HostDriver()
        driver.connect()
        driver.share(1, pages: 8)
        driver.share(2, pages: 3)
        let half = words([GPARange(byteCount: 4096, byteOffset: 8, pages: [5, 6] as [UInt64])])
        driver.send(
            .gpadlHeader(GPADLHeader(relid: 1, gpadl: 3, rangeBufferLength: 24, rangeCount: 1, words: half)))
        let cases: [(ring: UInt32, offset: UInt32, opens: Bool)] = [
            (1, 0, false), (1, 1, false), (1, 7, false), (1, 8, false), (1, .max, false), (2, 2, false), (3, 1, false),
            (4, 4, false), (1, 2, true),
        ]
        for (ring, offset, opens) in cases {
            var open = HostDriver.open(ring: ring)
            open.downstreamPageOffset = offset
            let expected: [Told] = opens ? [.open] : [.breaks("open-preconditions"), .refuses(.openChannelResult)]
            #expect(driver.send(.openChannel(open)).told() == expected, "\(ring) \(offset)")
        }
    }

    @Test func `a status that is not negative opens, and is passed on`() throws {
        for (status, opens) in [(UInt32(0), true), (1, true), (0x7FFF_FFFF, true), (0x8000_0000, false), (.max, false)]
        {
            var driver = HostDriver()
            driver.connect()
            driver.share(HostDriver.ring)
            driver.send(.openChannel(HostDriver.open()))
            let key = driver.keys[0]
            driver.answer { $0.openCompleted(key, status: MessageStatus(rawValue: status)) }
            #expect(driver.host.channel(key)?.isOpen == opens)
            guard case .openChannelResult(let result)? = driver.effects.messages().first else { throw Unexpected() }
            #expect(result == OpenChannelResult(relid: 1, openID: 77, status: MessageStatus(rawValue: status)))
        }
    }
}
