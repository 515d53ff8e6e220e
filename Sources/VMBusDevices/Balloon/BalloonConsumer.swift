import VMBusWire

/// The guest's end of a balloon: agrees on a version, gives pages of an account and takes them back, takes added memory, and
/// reports each second (reference §6.11).
///
/// The account only counts: nobody uses its pages for anything else.
public struct BalloonConsumer: DeviceEndpoint {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// The newest version that the guest proposes.
        public var maximumVersion = Balloon.Version.version20
        /// The number of the account's first page.
        public var firstPage: UInt64 = 0x10_0000
        /// Pages of the account; up to 2^32.
        public var pageCount: UInt64 = 65_536
        /// Pages that the guest never gives.
        public var floor: UInt64 = 8192
        /// Pages that it needs for its own work.
        public var committed: UInt64 = 16_384
        /// The most pages of a range that it gives: 512 where memory is in large pieces, 1 where it is not.
        public var rangePages: UInt64 = 512
        /// Nanoseconds between two reports.
        public var interval: UInt64 = 1_000_000_000
        /// Nanoseconds from the agreement to the first report; Linux waits 45 s.
        public var delay: UInt64 = 1_000_000_000
        /// Nanoseconds that the guest waits for an answer.
        public var patience: UInt64 = 5_000_000_000
        /// Whether it takes more memory.
        public var takesMemory = true

        /// An account of 256 MiB.
        public init() {}

        /// The same with every number inside what the protocol can carry.
        func clamped() -> Configuration {
            var result = self
            result.pageCount = min(pageCount, 1 << 32)
            result.firstPage = min(firstPage, 1 << 38)
            result.rangePages = min(max(rangePages, 1), Balloon.PageRange.maximumCount)
            result.interval = max(interval, 1_000_000)
            return result
        }
    }

    /// Where the conversation stands.
    public enum Phase: Sendable, Hashable {
        /// The channel is not open.
        case closed
        /// A version is proposed.
        case proposing
        /// What the guest can do was told.
        case telling
        /// Works.
        case ready
        /// The host takes nothing that this guest has.
        case failed
    }

    /// What was chosen.
    public let configuration: Configuration
    /// Where the conversation stands.
    public private(set) var phase = Phase.closed
    /// The version that is proposed or agreed on.
    public private(set) var version: Balloon.Version?
    /// Pages that the guest has.
    public private(set) var own: PageAccount
    /// Pages that the host has.
    public private(set) var given: PageAccount
    /// Pages that came.
    public private(set) var added: UInt64 = 0
    /// The most pages that the host says the guest can have; nil before it has.
    public private(set) var maximumPages: UInt64?
    /// Reports that were sent.
    public private(set) var reports: UInt64 = 0
    private var versions: ArraySlice<Balloon.Version>
    private var link = BalloonLink(isGuest: true)
    /// Counts what was waited for, so that a timer of something earlier does nothing.
    private var waitNumber: UInt64 = 0

    /// Waits for its channel.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration.clamped()
        versions = Balloon.Version.newestFirst.drop { $0 > configuration.maximumVersion }
        own = PageAccount(
            capacity: 65_536, first: self.configuration.firstPage, count: self.configuration.pageCount)
        given = PageAccount(capacity: 65_536)
    }

    public mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard subchannel == 0, phase == .closed else { return [] }
        link.opened()
        return propose()
    }

    public mutating func closed(subchannel: UInt16) -> [DeviceEffect] {
        guard subchannel == 0 else { return [] }
        let number = waitNumber + 1
        self = BalloonConsumer(configuration: configuration)
        waitNumber = number
        return []
    }

    private mutating func propose() -> [DeviceEffect] {
        guard let next = versions.popFirst() else { return fail("the host takes no version of dynamic memory") }
        version = next
        phase = .proposing
        var request = Balloon.Message(.versionRequest)
        request.version = next
        if versions.isEmpty { request.attempt = .last }
        return link.send(request) + [wait(configuration.patience)]
    }

    private mutating func wait(_ nanoseconds: UInt64) -> DeviceEffect {
        waitNumber += 1
        return .wake(afterNanoseconds: nanoseconds, token: waitNumber)
    }

    private mutating func fail(_ reason: String) -> [DeviceEffect] {
        phase = .failed
        return [.failed(reason: reason)]
    }

    public mutating func wake<Memory: DeviceMemory>(
        token: UInt64, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard token == waitNumber else { return [] }
        switch phase {
        case .proposing, .telling: return fail("the host does not answer in time")
        case .ready:
            reports += 1
            return link.send(status) + [wait(configuration.interval)]
        case .closed, .failed: return []
        }
    }

    private var status: Balloon.Message {
        var message = Balloon.Message(.status)
        message.status.available = available
        // As Linux does, what was given counts as needed.
        message.status.committed = min(configuration.committed, own.count) + given.count
        message.status.zeroFree = available
        return message
    }

    /// Pages that nobody in the guest needs.
    public var available: UInt64 { own.count - min(own.count, configuration.committed) }

    public mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        let message: Balloon.Message
        do throws(ProtocolViolation) {
            message = try link.read(packet)
        } catch {
            return [.violation(error)]
        }
        let isAccepted = message.acceptance.contains(.accepted)
        switch (message.type, phase) {
        case (.versionResponse, .proposing): return isAccepted ? tell() : propose()
        case (.capabilitiesResponse, .telling):
            guard isAccepted else { return fail("the host refuses what this guest can do") }
            phase = .ready
            return [.ready, wait(configuration.delay)]
        case (.balloonRequest, .ready): return give(UInt64(message.pageCount))
        case (.unballoonRequest, .ready): return takeBack(message)
        case (.hotAddRequest, .ready): return grow(message)
        case (.info, .ready):
            if message.info.kind == 0 { maximumPages = message.info.maximumPages }
            return []
        default:
            return [
                broken("dm-order", message.type.name, "each question is answered once; the guest is \(phase)")
            ]
        }
    }

    private mutating func tell() -> [DeviceEffect] {
        phase = .telling
        var message = Balloon.Message(.capabilities)
        // 128 MiB, the size in which Linux on x86 takes memory.
        message.abilities.capabilities = .init(balloon: true, hotAdd: configuration.takesMemory, alignment: 7)
        message.abilities.maximumPage = .max
        return link.send(message) + [wait(configuration.patience)]
    }

    /// Gives what the host asks for, but never goes below its floor.
    private mutating func give(_ asked: UInt64) -> [DeviceEffect] {
        let spare = own.count - min(own.count, configuration.floor)
        var ranges: [Balloon.PageRange] = []
        // A piece of memory is no larger than what the host can keep.
        let most = min(asked, spare, configuration.rangePages * 65_536)
        for range in own.take(most, most: configuration.rangePages) {
            if given.add(range) { ranges.append(range) } else { _ = own.add(range) }
        }
        return link.send(Balloon.Message(.balloonResponse), ranges: ranges)
    }

    private mutating func takeBack(_ message: Balloon.Message) -> [DeviceEffect] {
        var effects: [DeviceEffect] = []
        for range in message.ranges.map(\.pages) {
            guard given.remove(range) else {
                effects.append(broken("dm-held", range.meaning ?? "", "the host gives back what it was given"))
                continue
            }
            _ = own.add(range)
        }
        guard !message.rangeCount.hasMore else { return effects }
        return effects + link.send(Balloon.Message(.unballoonResponse))
    }

    private mutating func grow(_ message: Balloon.Message) -> [DeviceEffect] {
        let range = message.added
        var answer = Balloon.Message(.hotAddResponse)
        var effects: [DeviceEffect] = []
        let isInside = message.region.map { $0.first <= range.first && range.end <= $0.end } ?? true
        if range.count == 0 || range.end > Balloon.PageRange.maximumPage + 1 || !isInside || own.touches(range)
            || given.touches(range)
        {
            effects.append(
                broken("dm-range", range.meaning ?? "", "pages that are new, in the region that the host names"))
        } else if configuration.takesMemory, own.add(range) {
            answer.pageCount = UInt32(range.count)
            answer.result = 1
            added += range.count
        }
        return effects + link.send(answer)
    }

    public mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        link.refused(packet, attachment, subchannel)
    }

    public mutating func channelWritable(subchannel: UInt16) -> [DeviceEffect] { link.writable(subchannel) }

    private func broken(_ rule: String, _ value: String, _ explanation: String) -> DeviceEffect {
        .violation(link.broken(rule, value, explanation))
    }
}
