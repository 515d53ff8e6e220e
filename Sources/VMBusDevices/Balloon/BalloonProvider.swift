import VMBusWire

/// The host's end of a balloon: takes pages from the guest, gives them back, adds memory, and keeps what the guest reports
/// (reference §6.11).
public struct BalloonProvider: DeviceEndpoint {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// The newest version that the host takes.
        public var maximumVersion = Balloon.Version.version20
        /// The most pages that the guest can ever have, which it is told; 0 for nothing.
        public var maximumPages: UInt64 = 0
        /// Ranges of pages that the host keeps at most; 1 to 65536.
        public var maximumRanges = 65_536

        /// The newest version, and no word of a limit.
        public init() {}
    }

    /// Where the conversation stands.
    public enum Phase: Sendable, Hashable {
        /// The channel is not open.
        case closed
        /// Waits for a version.
        case opened
        /// Waits for what the guest can do.
        case versioned
        /// Works.
        case ready
        /// The guest has nothing that this host takes.
        case failed
    }

    /// What the guest has been asked to do.
    public enum Work: Sendable, Hashable {
        /// To give pages; how many it gave, and in how many messages.
        case up(asked: UInt64, given: UInt64, messages: Int)
        /// To take pages back.
        case down(UInt64)
        /// To take more memory.
        case hotAdd(UInt64)
    }

    /// What was chosen.
    public let configuration: Configuration
    /// Where the conversation stands.
    public private(set) var phase = Phase.closed
    /// The agreed version.
    public private(set) var version: Balloon.Version?
    /// What the guest can do.
    public private(set) var abilities = Balloon.Abilities()
    /// The guest's latest report; nil before the first.
    public private(set) var status: Balloon.Status?
    /// When it came, in nanoseconds.
    public private(set) var statusTime: UInt64 = 0
    /// Reports that came.
    public private(set) var reports: UInt64 = 0
    /// What the guest works on.
    public private(set) var work: Work?
    /// Pages that the guest has given.
    public private(set) var held: PageAccount
    /// Pages that were added.
    public private(set) var added: UInt64 = 0
    private var link = BalloonLink(isGuest: false)

    /// Waits for its channel.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        held = PageAccount(capacity: min(max(configuration.maximumRanges, 1), 65_536))
    }

    public mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard subchannel == 0, phase == .closed else { return [] }
        link.opened()
        phase = .opened
        return []
    }

    public mutating func closed(subchannel: UInt16) -> [DeviceEffect] {
        if subchannel == 0 { self = BalloonProvider(configuration: configuration) }
        return []
    }

    public mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        let message: Balloon.Message
        do throws(ProtocolViolation) {
            message = try link.read(packet)
        } catch {
            return [.violation(error)]
        }
        switch (message.type, phase) {
        case (.versionRequest, .opened): return choose(message)
        case (.capabilities, .versioned): return take(message)
        case (.status, .ready):
            status = message.status
            statusTime = time
            reports += 1
            return []
        case (.balloonResponse, .ready): return given(message)
        case (.unballoonResponse, .ready): return returned()
        case (.hotAddResponse, .ready): return grown(message)
        default:
            return [
                broken(
                    "dm-order", message.type.name,
                    "a version, then capabilities, then reports and answers; the host is \(phase)")
            ]
        }
    }

    private mutating func choose(_ message: Balloon.Message) -> [DeviceEffect] {
        let isKnown =
            Balloon.Version.newestFirst.contains(message.version) && message.version <= configuration.maximumVersion
        var answer = Balloon.Message(.versionResponse)
        if isKnown {
            answer.acceptance = .accepted
            version = message.version
            phase = .versioned
        } else if message.attempt.contains(.last) {
            phase = .failed
        }
        let name = message.version.meaning ?? ""
        return link.send(answer, answering: message.transactionID)
            + (phase == .failed ? [.failed(reason: "the guest speaks nothing newer or older than \(name)")] : [])
    }

    private mutating func take(_ message: Balloon.Message) -> [DeviceEffect] {
        abilities = message.abilities
        var answer = Balloon.Message(.capabilitiesResponse)
        guard abilities.capabilities.canBalloon else {
            phase = .failed
            return link.send(answer, answering: message.transactionID)
                + [.failed(reason: "the guest gives no pages")]
        }
        answer.acceptance = .accepted
        phase = .ready
        var effects = link.send(answer, answering: message.transactionID)
        if configuration.maximumPages > 0 {
            var info = Balloon.Message(.info)
            info.info.maximumPages = configuration.maximumPages
            effects += link.send(info)
        }
        return effects + [.ready]
    }

    /// The guest gives pages. Ranges that break a rule are left out; the others are held.
    private mutating func given(_ message: Balloon.Message) -> [DeviceEffect] {
        guard case .up(let asked, var given, let messages) = work else {
            return [broken("dm-order", message.type.name, "pages come when they were asked for")]
        }
        var effects: [DeviceEffect] = []
        for range in message.ranges.map(\.pages) {
            guard range.count > 0, range.end <= Balloon.PageRange.maximumPage + 1 else {
                effects.append(broken("dm-range", range.meaning ?? "", "at least one page, with a number of 40 bits"))
                continue
            }
            guard given + range.count <= asked else {
                effects.append(
                    broken("dm-count", "\(given + range.count) pages", "no more than the \(asked) that were asked for"))
                continue
            }
            guard !held.touches(range) else {
                effects.append(broken("dm-pages-once", range.meaning ?? "", "a page is given once until it comes back"))
                continue
            }
            guard held.add(range) else {
                effects.append(
                    broken("dm-ranges", range.meaning ?? "", "no more than the \(held.capacity) ranges that are kept"))
                continue
            }
            given += range.count
        }
        work = .up(asked: asked, given: given, messages: messages + 1)
        guard !message.rangeCount.hasMore else { return effects }
        work = nil
        return effects + [
            .note("balloon: the guest gave \(given) of \(asked) pages in \(messages + 1) messages"), account,
        ]
    }

    private mutating func returned() -> [DeviceEffect] {
        guard case .down(let count) = work else {
            return [broken("dm-order", "UNBALLOON_RESPONSE", "an answer follows the last pages that were given back")]
        }
        work = nil
        return [.note("balloon: the guest has \(count) pages back, \(held.count) are held"), account]
    }

    private mutating func grown(_ message: Balloon.Message) -> [DeviceEffect] {
        guard case .hotAdd(let asked) = work else {
            return [broken("dm-order", message.type.name, "an answer follows memory that was added")]
        }
        work = nil
        guard message.pageCount <= asked, message.result == 1 || message.pageCount == 0 else {
            return [
                broken("dm-count", "\(message.pageCount) pages", "no more than the \(asked) that were added, or none")
            ]
        }
        added += UInt64(message.pageCount)
        let outcome = message.result == 1 ? "" : ", result \(message.result)"
        return [.note("balloon: the guest took \(message.pageCount) of \(asked) added pages\(outcome)"), account]
    }

    /// What a partition shows of its guest.
    private var account: DeviceEffect { .utility(.memory(given: held.count, added: added)) }

    // MARK: Commands

    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard case .balloon(let command) = command else { return nil }
        if command == .status { return [.note(report(at: time))] }
        guard phase == .ready else { return [.note("balloon: the guest has not agreed on anything yet")] }
        guard work == nil else { return [.note("balloon: the guest has not done yet what it was asked before")] }
        switch command {
        case .up(let pages):
            // Hosts take memory in pieces of 2 MiB, and Linux warns of others.
            var request = Balloon.Message(.balloonRequest)
            request.pageCount = (pages + 511) / 512 * 512
            work = .up(asked: UInt64(request.pageCount), given: 0, messages: 0)
            return link.send(request)
        case .down(let pages):
            let ranges = held.take(pages ?? .max)
            guard !ranges.isEmpty else { return [.note("balloon: no pages of the guest are held")] }
            work = .down(ranges.reduce(0) { $0 + $1.count })
            return link.send(Balloon.Message(.unballoonRequest), ranges: ranges)
        case .hotAdd(let range, let region):
            guard abilities.capabilities.canHotAdd else { return [.note("balloon: the guest takes no more memory")] }
            var request = Balloon.Message(.hotAddRequest)
            request.added = range
            request.region = region
            work = .hotAdd(range.count)
            return link.send(request)
        case .status: return []
        }
    }

    private func report(at time: UInt64) -> String {
        var text = "balloon: \(held.count) pages are held, \(added) were added"
        guard let status else { return text + "; the guest has reported nothing" }
        text += "; the guest has \(status.available) pages available, \(status.committed) committed, "
        text += "\(status.pageFile) in its page file: pressure \(status.pressure) %"
        return text + " (report \(reports), \((time - min(time, statusTime)) / 1_000_000) ms ago)"
    }

    public mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        link.refused(packet, attachment, subchannel)
    }

    public mutating func channelWritable(subchannel: UInt16) -> [DeviceEffect] { link.writable(subchannel) }

    private func broken(_ rule: String, _ value: String, _ explanation: String) -> DeviceEffect {
        .violation(link.broken(rule, value, explanation))
    }
}
