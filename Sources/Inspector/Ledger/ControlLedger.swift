import BusModel
import VMBusWire

/// The requests of the control plane with their answers: a fold over the messages of a log and over the tracepoints of a live
/// guest. It keeps all that wait, up to a limit, and the last ones that were answered.
public struct ControlLedger: Sendable {
    /// The most requests that are kept waiting, and the most that are kept behind their answers.
    static let limit = 1024
    /// How long an answer is kept for a request that comes behind it: a tracepoint fires after the post (reference §7.10).
    private static let earlyAnswer: UInt64 = 1_000_000_000

    /// Requests that wait, oldest first.
    public private(set) var waiting: [ControlRequest] = []
    /// Requests that are through, in order of their ends.
    public private(set) var finished: [ControlRequest] = []
    /// Answers to which no request was seen, as when a trace begins late.
    public private(set) var unmatchedAnswers: UInt64 = 0
    /// Waiting requests that were dropped because there were too many.
    public private(set) var droppedCount: UInt64 = 0
    /// Whether any record of the control plane has been seen at all.
    public private(set) var hasSeenControlPlane = false
    private var nextID: UInt64 = 1
    private var early: [EarlyAnswer] = []

    /// Offers by partition since a contact behind which nobody has asked for offers yet.
    private var silent: [UInt16: UnaskedOffers] = [:]

    /// Offers that came though nobody had asked.
    struct UnaskedOffers: Hashable, Sendable {
        /// How many.
        var count = 0
        /// When the first came.
        var first: UInt64 = 0
    }

    private struct EarlyAnswer: Sendable {
        var partition: UInt16
        var key: ControlRequest.Key
        var time: UInt64
        var record: UInt64
        var status: MessageStatus?
        var state: ControlRequestState
    }

    /// Nothing has been asked.
    public init() {}

    /// All requests, those that wait first, oldest first; then the finished ones, newest first.
    public var all: [ControlRequest] { waiting + finished.reversed() }

    /// A request by its number.
    public func request(_ id: UInt64) -> ControlRequest? {
        waiting.first { $0.id == id } ?? finished.last { $0.id == id }
    }

    /// Offers that a guest got though it has not asked for them on this connection; nil for none.
    func unaskedOffers(_ partition: UInt16) -> UnaskedOffers? {
        silent[partition].flatMap { $0.count > 0 ? $0 : nil }
    }

    private mutating func countOffer(_ header: FlowRecordHeader) {
        // A tracepoint of the request comes behind the first offers (linux-guest-data §8), so it says nothing of order.
        guard header.kind == .message, var unasked = silent[header.partition] else { return }
        if unasked.count == 0 { unasked.first = header.time }
        unasked.count += 1
        silent[header.partition] = unasked
    }

    /// Takes in one record; `snapshot` is what was known before it.
    mutating func follow(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, before snapshot: BusSnapshot) {
        guard header.kind == .message || header.kind == .trace else { return }
        let partition = snapshot.partition(header.partition)
        guard let told = ToldControlEvent(header, payload, context: partition?.wireContext ?? .newest) else { return }
        hasSeenControlPlane = true
        apply(told, header, partition)
    }

    // MARK: One event

    private mutating func apply(
        _ told: ToldControlEvent, _ header: FlowRecordHeader, _ partition: PartitionSnapshot?
    ) {
        func ask(
            _ kind: ControlRequestKind, _ key: ControlRequest.Key, relid: UInt32 = 0, detail: String = "",
            _ change: (inout ControlRequest) -> Void = { _ in }
        ) {
            add(kind, key, told, header, partition, relid: relid, detail: detail, change)
        }
        func answer(_ key: ControlRequest.Key, _ status: MessageStatus? = nil, isYes: Bool = true) {
            finish(key, header, status, status.map { $0.isSuccess ? .done : .refused } ?? (isYes ? .done : .refused))
        }
        switch told.event {
        case .contactRequested(let version):
            // A new contact ends whatever was before it; proposals follow each other.
            if told.postError == nil { abandon(header) { $0.kind != .contact } }
            abandon(header) { $0.kind == .contact }
            if told.postError == nil { silent[header.partition] = UnaskedOffers() }
            ask(.contact, .contact, detail: "version \(version)")
        case .contactAnswered(let isAccepted): answer(.contact, isYes: isAccepted)
        case .offersRequested:
            if told.postError == nil { silent[header.partition] = nil }
            ask(.offers, .offers)
        case .offersDelivered: answer(.offers)
        case .offered(_, let device, _):
            // Success is told by an offer of the endpoint, not by a result (reference §3.12).
            if let place = waiting.firstIndex(where: { $0.kind == .socket && $0.isFor(endpoint: device) }) {
                answer(waiting[place].key)
            }
            countOffer(header)
        case .rescinded(let relid):
            // What the guest still waits for on this channel stays a wait until it lets go of the number (reference §8.2).
            ask(.release, .relid(.release, relid), relid: relid)
        case .released(let relid):
            abandon(header) { $0.relid == relid && $0.kind != .release }
            answer(.relid(.release, relid))
        case .pageListBegun(let relid, let handle, let pages, let received):
            ask(.pageList, .pageList(handle), relid: relid, detail: Hexadecimal.prefixed(handle)) { request in
                request.pagesExpected = pages
                request.pagesReceived = min(received, pages)
            }
        case .pageListContinued(let handle, let pages):
            guard told.postError == nil, let place = place(of: .pageList(handle), header.partition) else { return }
            let expected = waiting[place].pagesExpected ?? 0
            waiting[place].pagesReceived = min(expected, (waiting[place].pagesReceived ?? 0) + pages)
            waiting[place].lastPartAt = header.time
        case .pageListAnswered(_, let handle, let status):
            // A send is traced behind its post, so the last pages can be told behind the answer to them (reference §7.10).
            if status.isSuccess, let place = place(of: .pageList(handle), header.partition) {
                waiting[place].pagesReceived = waiting[place].pagesExpected
            }
            answer(.pageList(handle), status)
        case .teardownRequested(let relid, let handle):
            ask(.teardown, .teardown(handle), relid: relid, detail: Hexadecimal.prefixed(handle))
        case .tornDown(let handle): answer(.teardown(handle))
        case .openRequested(let relid, let openID, let handle):
            ask(
                .open, .open(relid: relid, openID: openID), relid: relid,
                detail: "open id \(openID), page list \(Hexadecimal.prefixed(handle))")
        case .openAnswered(let relid, let openID, let status):
            answer(.open(relid: relid, openID: openID), status)
        case .closed(let relid):
            // Nobody answers a close (reference §3.8).
            ask(.close, .none, relid: relid) { request in
                request.state = .done
                request.answeredAt = header.time
            }
        case .moveRequested(let relid, let processor):
            ask(.move, .relid(.move, relid), relid: relid, detail: "to processor \(processor)") { request in
                // Below 5.3 nobody answers a move (reference §3.13).
                guard let version = partition?.version.value, version < .iron else { return }
                request.state = .done
                request.answeredAt = header.time
            }
        case .moveAnswered(let relid, let status): answer(.relid(.move, relid), status)
        case .socketRequested(let endpoint, let service):
            ask(.socket, .socket(endpoint, service), detail: Self.socketText(service))
        case .socketAnswered(let endpoint, let service, let status): answer(.socket(endpoint, service), status)
        case .monitorPagesRequested: ask(.monitorPages, .monitorPages)
        case .monitorPagesAnswered: answer(.monitorPages)
        case .reservedCloseRequested(let relid): ask(.reservedClose, .relid(.reservedClose, relid), relid: relid)
        case .reservedCloseAnswered(let relid): answer(.relid(.reservedClose, relid))
        case .pauseRequested: ask(.pause, .pause)
        case .pauseAnswered: answer(.pause)
        case .unloadRequested: ask(.unload, .unload)
        case .unloadAnswered:
            answer(.unload)
            abandon(header) { $0.kind != .unload }
        }
    }

    private static func socketText(_ service: GUID) -> String {
        DeviceClass.hvSocketPort(of: service).map { "port \($0)" } ?? "service \(service)"
    }

    // MARK: Rows

    private mutating func add(
        _ kind: ControlRequestKind, _ key: ControlRequest.Key, _ told: ToldControlEvent, _ header: FlowRecordHeader,
        _ partition: PartitionSnapshot?, relid: UInt32, detail: String, _ change: (inout ControlRequest) -> Void
    ) {
        let (channel, label) = Self.channel(relid, header, partition)
        var request = ControlRequest(
            id: nextID, kind: kind, key: key, sender: kind == .release ? .host : .guest, header: header,
            channel: channel, relid: relid, label: label, detail: detail)
        nextID += 1
        change(&request)
        if let error = told.postError {
            request.state = .unsent
            request.detail += (request.detail.isEmpty ? "" : ", ") + "error \(error)"
            request.answeredAt = header.time
        } else if request.state == .waiting,
            let place = early.firstIndex(where: { answer in
                answer.partition == header.partition && answer.key == key && header.kind == .trace
                    && header.time >= answer.time && header.time - answer.time <= Self.earlyAnswer
            })
        {
            let answer = early.remove(at: place)
            unmatchedAnswers -= min(1, unmatchedAnswers)
            (request.answeredAt, request.answerRecord) = (header.time, answer.record)
            (request.status, request.state) = (answer.status, answer.state)
        }
        if request.state == .waiting { wait(request) } else { keep(request) }
    }

    private mutating func wait(_ request: ControlRequest) {
        waiting.append(request)
        guard waiting.count > Self.limit else { return }
        waiting.removeFirst()
        droppedCount += 1
    }

    private mutating func keep(_ request: ControlRequest) {
        finished.append(request)
        // A run at a time, so that a long log does not move the whole list with every request.
        if finished.count >= Self.limit * 2 { finished.removeFirst(finished.count - Self.limit) }
    }

    private func place(of key: ControlRequest.Key, _ partition: UInt16) -> Int? {
        waiting.firstIndex { $0.key == key && $0.partition == partition }
    }

    private mutating func finish(
        _ key: ControlRequest.Key, _ header: FlowRecordHeader, _ status: MessageStatus?, _ state: ControlRequestState
    ) {
        guard let place = place(of: key, header.partition) else {
            unmatchedAnswers += 1
            guard header.kind == .trace else { return }
            early.removeAll { header.time < $0.time || header.time - $0.time > Self.earlyAnswer }
            if early.count < 64 {
                early.append(
                    EarlyAnswer(
                        partition: header.partition, key: key, time: header.time, record: header.sequence,
                        status: status, state: state))
            }
            return
        }
        var request = waiting.remove(at: place)
        (request.answeredAt, request.answerRecord) = (header.time, header.sequence)
        (request.status, request.state) = (status, state)
        keep(request)
    }

    private mutating func abandon(_ header: FlowRecordHeader, where fits: (ControlRequest) -> Bool) {
        guard waiting.contains(where: { $0.partition == header.partition && fits($0) }) else { return }
        var left: [ControlRequest] = []
        for var request in waiting {
            guard request.partition == header.partition, fits(request) else {
                left.append(request)
                continue
            }
            request.state = .abandoned
            (request.answeredAt, request.answerRecord) = (header.time, header.sequence)
            keep(request)
        }
        waiting = left
    }

    private static func channel(
        _ relid: UInt32, _ header: FlowRecordHeader, _ partition: PartitionSnapshot?
    ) -> (ChannelKey?, String) {
        guard relid != 0 else { return (nil, "") }
        for device in partition?.devices ?? [] {
            guard let channel = device.channels.first(where: { $0.relid == relid }) else { continue }
            return (
                ChannelKey(partition: header.partition, device: device.instance, subchannel: channel.subchannel),
                ChannelLabel.text(device, subchannel: channel.subchannel, in: partition)
            )
        }
        return (header.channel, "")
    }
}
