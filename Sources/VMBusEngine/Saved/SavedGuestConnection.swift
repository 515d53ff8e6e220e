import VMBusWire

/// A guest's end as it is saved: everything but its configuration, which the side that restores brings along.
struct SavedGuestConnection: WireStructure {
    static let structureName: StaticString = "SAVED_GUEST"

    /// The connection's states in the saved form; the version of a proposal is the agreement's.
    enum State: CaseIterable {
        case disconnected, connecting, connected, disconnecting, crashing, suspending, suspended, resuming

        init(_ state: GuestConnection.State) {
            self =
                switch state {
                case .disconnected: .disconnected
                case .connecting: .connecting
                case .connected: .connected
                case .disconnecting: .disconnecting
                case .crashing: .crashing
                case .suspending: .suspending
                case .suspended: .suspended
                case .resuming: .resuming
                }
        }

        func state(_ version: ProtocolVersion) -> GuestConnection.State {
            switch self {
            case .disconnected: .disconnected
            case .connecting: .connecting(version)
            case .connected: .connected
            case .disconnecting: .disconnecting
            case .crashing: .crashing
            case .suspending: .suspending
            case .suspended: .suspended
            case .resuming: .resuming(version)
            }
        }
    }

    var header = SavedStateHeader(role: .guest)
    var state: UInt8 = 0
    var flow: UInt8 = 0
    var offers: UInt8 = 0
    /// Bit 0 the host gave the monitor pages, bit 1 they are being changed, bit 2 posts wait, bit 3 a post was refused.
    var flags: UInt8 = 0
    var version = ProtocolVersion.windows2008
    var features: FeatureFlags = []
    var messageConnection: UInt32 = 0
    var nextHandle: UInt32 = 0
    var polls: UInt32 = 0
    var refusalCount: UInt32 = 0
    var parentToChild: UInt64 = 0
    var childToParent: UInt64 = 0
    var newParentToChild: UInt64 = 0
    var newChildToParent: UInt64 = 0
    var refused = SavedGuestPost()
    var proposals: [SavedGuestProposal] = []
    var channels: [SavedGuestChannel] = []
    var awaited: [SavedGuestChannel] = []
    var lists: [SavedGuestPageList] = []
    var late: [SavedGuestLateAnswer] = []
    var reserved: [SavedGuestReservedChannel] = []
    var sockets: [SavedSocket] = []
    var unposted: [SavedGuestPost] = []
    var held: [SavedGuestPost] = []

    init() {}

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.structure("header", &header, "what the state is")
        try visitor.field("state", &state, "how far the connection is")
        try visitor.field("flow", &flow, "whether messages flow")
        try visitor.field("offers", &offers, "how far the offers are")
        try visitor.field("flags", &flags, .hexadecimal, "host-given pages, being changed, posts wait, one was refused")
        try visitor.require(flags < 16, "flags", UInt64(flags), "four bits are known")
        try visitor.field("version", &version, .hexadecimal, "the version that was agreed on or is proposed")
        try visitor.field("features", &features, .hexadecimal, "the features that were agreed on")
        try visitor.field("message_connection", &messageConnection, .hexadecimal, "where messages go")
        try visitor.field("next_handle", &nextHandle, .hexadecimal, "the next page list's handle")
        try visitor.field("polls", &polls, "how often a crashing guest has looked for its answer")
        try visitor.field("refusal_count", &refusalCount, "how often the first waiting message was refused")
        try visitor.field("parent_to_child", &parentToChild, .hexadecimal, "address of the host's monitor page")
        try visitor.field("child_to_parent", &childToParent, .hexadecimal, "address of the guest's monitor page")
        try visitor.field("new_parent_to_child", &newParentToChild, .hexadecimal, "the same, asked for")
        try visitor.field("new_child_to_parent", &newChildToParent, .hexadecimal, "the same, asked for")
        try visitor.structure("refused", &refused, "the message that was refused last")
        try Self.list("proposals", &proposals, "versions that were not tried", &visitor)
        try Self.list("channels", &channels, "channels on offer, oldest first", &visitor)
        try Self.list("awaited", &awaited, "devices that are to come back", &visitor)
        try Self.list("lists", &lists, "page lists, oldest first", &visitor)
        try Self.list("late", &late, "answers that nobody waits for", &visitor)
        try Self.list("reserved", &reserved, "reserved channels of an earlier connection", &visitor)
        try Self.list("sockets", &sockets, "hv_sock connections that are asked for", &visitor)
        try Self.list("unposted", &unposted, "messages behind a refused one", &visitor)
        try Self.list("held", &held, "messages that wait for RESUME", &visitor)
    }

    private static func list<Element: WireStructure, Visitor: FieldVisitor>(
        _ name: StaticString, _ elements: inout [Element], _ help: StaticString, _ visitor: inout Visitor
    ) throws(WireError) {
        var count = UInt32(truncatingIfNeeded: elements.count)
        try visitor.field("count", &count, "how many follow")
        try visitor.repeated(name, &elements, count: Int(count), help)
    }
}

extension GuestConnection {
    /// The connection's state in a form of its own, which `restore` reads. The same state gives the same bytes.
    public func saved() -> [UInt8] {
        var saved = SavedGuestConnection()
        saved.state = SavedGuestCode.code(SavedGuestConnection.State(state))
        saved.flow = SavedGuestCode.code(flow)
        saved.offers = SavedGuestCode.code(offers)
        saved.flags =
            (monitorPages.isServerGiven ? 1 : 0) | (modification != nil ? 2 : 0) | (refusals.isWaiting ? 4 : 0)
            | (refusals.post != nil ? 8 : 0)
        saved.version = agreement.version
        saved.features = agreement.features
        saved.messageConnection = messageConnection
        saved.nextHandle = nextHandle
        saved.polls = polls
        saved.refusalCount = UInt32(clamping: refusals.count)
        saved.parentToChild = monitorPages.parentToChild
        saved.childToParent = monitorPages.childToParent
        saved.newParentToChild = modification?.parentToChild ?? 0
        saved.newChildToParent = modification?.childToParent ?? 0
        saved.refused = refusals.post.map { SavedGuestPost($0) } ?? SavedGuestPost()
        saved.proposals = proposals.map { SavedGuestProposal($0) }
        saved.channels = table.elements.map { SavedGuestChannel($0) }
        saved.awaited = awaited.elements.map { SavedGuestChannel($0) }
        saved.lists = lists.elements.map { SavedGuestPageList($0) }
        saved.late = zip(late.keys, late.elements).map { SavedGuestLateAnswer($0, $1) }
        saved.reserved = reserved.elements.map { SavedGuestReservedChannel($0) }
        saved.sockets = sockets.elements.map { SavedSocket($0.request) }
        saved.unposted = unposted.map { SavedGuestPost($0) }
        saved.held = held.map { SavedGuestPost($0) }
        return saved.encoded(context: .newest)
    }
}
