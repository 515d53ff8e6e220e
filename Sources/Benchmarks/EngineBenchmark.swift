import VMBusEngine
import VMBusWire

/// How fast the host's end of the bus is at what can become much: messages, page lists and saved states. Beside it, as the
/// floor, a copy of the same bytes.
public struct EngineBenchmark: Sendable {
    /// Slices of each contestant in each case.
    public var rounds: Int

    /// A benchmark that takes `rounds` slices of each contestant.
    public init(rounds: Int = 31) { self.rounds = rounds }

    /// What is measured once.
    public enum Case: String, CaseIterable, Sendable {
        /// A control message among many open channels: MODIFY_CHANNEL and its answer.
        case dispatch
        /// A page list of 8,000 pages, header and all bodies, and its teardown.
        case pageList = "page_list"
        /// The state of a connection with many open channels, as bytes.
        case save
        /// The same, taken up by a new connection.
        case restore

        /// Times that it is done in a slice.
        var repetitions: Int {
            switch self {
            case .dispatch: 4096
            case .pageList: 8
            case .save, .restore: 1
            }
        }
    }

    /// Channels that are open while messages are dispatched and states saved.
    public static let channelCount = 2000
    /// Pages in the list.
    public static let pageCount = 8000

    /// Nanoseconds for one repetition.
    public struct Result: Hashable, Sendable {
        /// What was measured.
        public var `case`: Case
        /// Bytes that one repetition takes in and gives out.
        public var byteCount: Int
        /// The engine.
        public var ours: SliceSummary
        /// A copy of the same bytes.
        public var memcpy: SliceSummary
    }

    /// Measures one case.
    public func measure(_ measured: Case) throws(BenchmarkFailure) -> Result {
        var contestant = try EngineContestant(measured)
        let source = [UInt8](repeating: 0xA5, count: contestant.byteCount)
        var copy = [UInt8](repeating: 0, count: contestant.byteCount)
        let summaries = try InterleavedSlices(rounds: rounds).compare(2) { (turn) throws(BenchmarkFailure) in
            let time =
                turn == 0
                ? try InterleavedSlices.time { () throws(BenchmarkFailure) in
                    for repetition in 0..<measured.repetitions { try contestant.run(repetition) }
                }
                : InterleavedSlices.time {
                    for repetition in 0..<measured.repetitions {
                        copy.withUnsafeMutableBytes { $0.copyBytes(from: source) }
                        // Something of each copy is used, so that none can be left out.
                        copy[0] ^= copy[repetition % copy.count]
                    }
                }
            return Double(time) / Double(measured.repetitions)
        }
        return Result(case: measured, byteCount: contestant.byteCount, ours: summaries[0], memcpy: summaries[1])
    }
}

/// A host's end with what a case needs, ready to repeat it.
private struct EngineContestant {
    private let measured: EngineBenchmark.Case
    private var host: HostConnection
    /// Messages of one repetition; for a dispatch one for each channel.
    private var messages: [[UInt8]] = []
    private let saved: [UInt8]
    private let offered: HostConnection

    /// Bytes that go in and come out.
    let byteCount: Int

    init(_ measured: EngineBenchmark.Case) throws(BenchmarkFailure) {
        self.measured = measured
        var configuration = HostConnection.Configuration()
        configuration.maximumVersion = .iron
        let count = measured == .pageList ? 1 : EngineBenchmark.channelCount
        var host = HostConnection(configuration)
        for number in 0..<count {
            var offer = OfferChannel()
            offer.interfaceType = GUID(0x7363_6F70, 0, 0, 1)
            offer.interfaceInstance = GUID(0x7363_6F70, 0, 1, UInt64(number + 1))
            do throws(OfferRefusal) {
                _ = try host.addOffer(offer)
            } catch {
                throw BenchmarkFailure(description: "\(error)")
            }
        }
        offered = host
        try Self.connect(&host)
        if measured != .pageList { for channel in host.channels { try Self.open(channel, &host) } }
        let context = host.agreement
        switch measured {
        case .dispatch:
            messages = host.channels.map {
                ChannelMessage.modifyChannel(ModifyChannel(relid: $0.relid, targetVP: 3)).encoded(context: context)
            }
            saved = []
            byteCount = 2 * (messages.first?.count ?? 0)
        case .pageList:
            messages = try Self.messages(of: EngineBenchmark.pageCount, relid: host.channels.first?.relid ?? 0)
                .map { $0.encoded(context: context) }
            saved = []
            byteCount = messages.reduce(0) { $0 + $1.count }
        case .save, .restore:
            saved = host.saved()
            byteCount = saved.count
        }
        self.host = host
    }

    mutating func run(_ repetition: Int) throws(BenchmarkFailure) {
        switch measured {
        case .dispatch: try send(messages[repetition % messages.count])
        case .pageList: for message in messages { try send(message) }
        case .save:
            guard host.saved().count == byteCount else { throw BenchmarkFailure(description: "a state changed") }
        case .restore:
            var restored = offered
            do throws(RestoreError) {
                _ = try restored.restore(saved)
            } catch {
                throw BenchmarkFailure(description: "\(error)")
            }
            guard restored.channels.count == EngineBenchmark.channelCount else {
                throw BenchmarkFailure(description: "a channel got lost")
            }
        }
    }

    private mutating func send(_ message: [UInt8]) throws(BenchmarkFailure) { try Self.send(message, to: &host) }

    @discardableResult
    private static func send(
        _ message: [UInt8], to host: inout HostConnection
    ) throws(BenchmarkFailure) -> [HostEffect] {
        let effects = host.receive(message, connectionID: ConnectionID.multiClientMessage)
        for case .violation(let violation) in effects { throw BenchmarkFailure(description: "\(violation)") }
        return effects
    }

    private static func connect(_ host: inout HostConnection) throws(BenchmarkFailure) {
        let context = WireContext(version: .iron)
        let contact = ChannelMessage.initiateContact(InitiateContact(version: .iron))
        try send(contact.encoded(context: context), to: &host)
        try send(ChannelMessage.requestOffers.encoded(context: context), to: &host)
        guard host.state == .connected else { throw BenchmarkFailure(description: "the host did not accept 5.3") }
    }

    private static func open(_ channel: HostChannel, _ host: inout HostConnection) throws(BenchmarkFailure) {
        let handle = 0xE1E10 + channel.relid
        for message in try messages(of: 64, relid: channel.relid, handle: handle, teardown: false) {
            try send(message.encoded(context: host.agreement), to: &host)
        }
        let open = OpenChannel(
            relid: channel.relid, openID: channel.relid, ringGPADL: handle, targetVP: 0, downstreamPageOffset: 32)
        try send(ChannelMessage.openChannel(open).encoded(context: host.agreement), to: &host)
        _ = host.openCompleted(channel.key, success: true)
    }

    private static func messages(
        of pageCount: Int, relid: UInt32, handle: UInt32 = 0xE1E10, teardown: Bool = true
    ) throws(BenchmarkFailure) -> [ChannelMessage] {
        let list = PageList(pages: (0..<UInt64(pageCount)).map { 0x1_0000 + $0 })
        guard let messages = list?.messages(relid: relid, handle: handle) else {
            throw BenchmarkFailure(description: "\(pageCount) pages do not fit into one range")
        }
        return messages + (teardown ? [.gpadlTeardown(GPADLTeardown(relid: relid, gpadl: handle))] : [])
    }
}
