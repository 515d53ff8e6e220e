import VMBusEngine
import VMBusWire

/// What an effect is, without its values. A new effect does not compile until it has a name here.
enum GuestEvent: Equatable {
    case connected, connectFailed, offered, allOffersDelivered, pageListCreated, pageListRefused, pageListTorndown
    case pageListLeaked, opened, openRefused, reservedClosed, rescinded, modified, socketConnected, socketRefused
    case socketTimedOut, connectionModified, messagesPaused, suspended, readopted, offersMissing, wake
    case pollMessagePages, clearMessageSlots, unloadAbandoned, unloaded, postFailed
    case post(MessageType)
    case violation(String)

    init(_ effect: GuestEffect) {
        self =
            switch effect {
            case .post(let bytes, _): .post(MessageType(rawValue: bytes.first.map { UInt32($0) } ?? 0))
            case .connected: .connected
            case .connectFailed: .connectFailed
            case .offered: .offered
            case .allOffersDelivered: .allOffersDelivered
            case .pageListCreated: .pageListCreated
            case .pageListRefused: .pageListRefused
            case .pageListTorndown: .pageListTorndown
            case .pageListLeaked: .pageListLeaked
            case .opened: .opened
            case .openRefused: .openRefused
            case .reservedClosed: .reservedClosed
            case .rescinded: .rescinded
            case .modified: .modified
            case .socketConnected: .socketConnected
            case .socketRefused: .socketRefused
            case .socketTimedOut: .socketTimedOut
            case .connectionModified: .connectionModified
            case .messagesPaused: .messagesPaused
            case .suspended: .suspended
            case .readopted: .readopted
            case .offersMissing: .offersMissing
            case .wake: .wake
            case .pollMessagePages: .pollMessagePages
            case .clearMessageSlots: .clearMessageSlots
            case .unloadAbandoned: .unloadAbandoned
            case .unloaded: .unloaded
            case .postFailed: .postFailed
            case .violation(let violation): .violation(violation.rule)
            }
    }
}

/// One cell of a product table: what happens, what comes next, and who says so.
struct GuestCell<Row> {
    /// Nil when the wish is refused.
    let events: [GuestEvent]?
    /// Nil when the state stays.
    let next: Row?
    /// Where it is written, or why it is ours.
    let source: String

    /// Something happens.
    static func does(_ events: [GuestEvent], _ next: Row? = nil, _ source: String) -> GuestCell {
        GuestCell(events: events, next: next, source: source)
    }
    /// The host broke a rule, and nothing changes.
    static func flags(_ rule: String, _ source: String) -> GuestCell {
        GuestCell(events: [.violation(rule)], next: nil, source: source)
    }
    /// Nothing happens, and nobody is blamed.
    static func ignores(_ source: String) -> GuestCell { GuestCell(events: [], next: nil, source: source) }
    /// The wish is not carried out.
    static func refuses(_ source: String) -> GuestCell { GuestCell(events: nil, next: nil, source: source) }
}
