public import BusModel
public import VMBusWire

/// Who takes part in the bus, as far as waiting goes.
public enum BusParty: String, Sendable, Hashable, Comparable {
    case guest
    case host

    /// Who sends in a direction; the guest where it is not known.
    init(sending direction: Direction?) { self = direction == .hostToGuest ? .host : .guest }

    /// The guest is less.
    public static func < (left: BusParty, right: BusParty) -> Bool { left == .guest && right == .host }

    /// The one at the other end.
    public var other: BusParty { self == .guest ? .host : .guest }
}

/// What somebody asked for on the control plane.
public enum ControlRequestKind: String, CaseIterable, Sendable, Hashable {
    case contact
    case offers
    case pageList = "gpadl_create"
    case teardown = "gpadl_teardown"
    case open
    case close
    case move = "modify"
    case socket = "tl_connect"
    case monitorPages = "modify_connection"
    case reservedClose = "close_reserved"
    case pause
    case unload
    /// The host takes a channel back and waits until the guest has let go of its number.
    case release = "rescind"

    /// What it asks for, in words.
    public var title: String {
        switch self {
        case .contact: "agree on a version"
        case .offers: "tell all offers"
        case .pageList: "take a page list"
        case .teardown: "let go of a page list"
        case .open: "open the channel"
        case .close: "close the channel"
        case .move: "move its interrupts"
        case .socket: "connect a socket"
        case .monitorPages: "use other monitor pages"
        case .reservedClose: "close a reserved channel"
        case .pause: "hold the messages"
        case .unload: "end the connection"
        case .release: "let go of the channel"
        }
    }
}

/// What became of a request.
public enum ControlRequestState: String, Sendable, Hashable {
    /// Nobody has answered yet.
    case waiting
    /// It was answered: yes.
    case done
    /// It was answered: no.
    case refused
    /// No answer will come: the channel was rescinded, or the connection ended, or began anew.
    case abandoned
    /// The post failed, so that the other end never heard of it.
    case unsent = "not_sent"
}

/// One request of the control plane with its answer.
public struct ControlRequest: Sendable, Hashable, Identifiable {
    /// Counts up from 1 within a log.
    public let id: UInt64
    /// What was asked for.
    public let kind: ControlRequestKind
    /// The guest's partition.
    public let partition: UInt16
    /// The channel, where it is about one that is known.
    public var channel: ChannelKey?
    /// The channel's number; 0 for none.
    public let relid: UInt32
    /// What people call the channel; empty for none.
    public var label: String
    /// Who asked.
    public let sender: BusParty
    /// When, in the log's nanoseconds.
    public let sentAt: UInt64
    /// The record in which it was asked.
    public let record: UInt64
    /// When the answer came; nil while there is none.
    public var answeredAt: UInt64?
    /// The record with the answer.
    public var answerRecord: UInt64?
    /// The answer's status, where it has one.
    public var status: MessageStatus?
    /// What became of it.
    public var state = ControlRequestState.waiting
    /// What tells it from others of its kind: a version, a handle, an open id, a service.
    public var detail: String
    /// Of a page list: the pages that it was announced with.
    public var pagesExpected: Int?
    /// Of a page list: the pages that have come.
    public var pagesReceived: Int?
    /// When the last part of it was sent.
    public var lastPartAt: UInt64
    var key: Key

    /// What an answer is found by (reference §8.2).
    enum Key: Hashable {
        case contact, offers, monitorPages, pause, unload
        case pageList(UInt32)
        case teardown(UInt32)
        case open(relid: UInt32, openID: UInt32)
        case relid(ControlRequestKind, UInt32)
        case socket(GUID, GUID)
        case none
    }

    init(
        id: UInt64, kind: ControlRequestKind, key: Key, sender: BusParty, header: FlowRecordHeader,
        channel: ChannelKey?, relid: UInt32, label: String, detail: String
    ) {
        self.id = id
        self.kind = kind
        self.key = key
        self.sender = sender
        self.partition = header.partition
        self.channel = channel
        self.relid = relid
        self.label = label
        self.detail = detail
        sentAt = header.time
        lastPartAt = header.time
        record = header.sequence
    }

    /// Who must act next; nil when nobody waits.
    public var owes: BusParty? {
        guard state == .waiting else { return nil }
        // A list of which pages are missing is not the host's to answer.
        if let expected = pagesExpected, let received = pagesReceived, received < expected { return .guest }
        return sender.other
    }

    func isFor(endpoint: GUID) -> Bool {
        if case .socket(endpoint, _) = key { true } else { false }
    }

    /// How long it waited, or has waited until now.
    public func age(at now: UInt64) -> UInt64 {
        let end = answeredAt ?? now
        return end >= sentAt ? end - sentAt : 0
    }
}
