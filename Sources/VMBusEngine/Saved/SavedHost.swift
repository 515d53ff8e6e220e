import VMBusWire

/// A channel of a host.
struct SavedHostChannel: WireStructure {
    static let structureName: StaticString = "SAVED_HOST_CHANNEL"

    /// 0 client released, 1 closed, 2 opening, 3 open, 4 closing, 5 closing to reopen, 6 closing after a release,
    /// 7 opening after a release, 8 revoked, 9 offered again.
    var state: UInt8 = 0
    var flags: ChannelFlags = []
    var order: UInt64 = 0
    var targetVP: UInt32 = 0
    var moving: UInt32 = 0
    var nextMove: UInt32 = 0
    var ringList: UInt32 = 0
    var offer = OfferChannel()
    var open = SavedOpen()
    var reservation = SavedReservation()
    var lists: [SavedHostPageList] = []

    /// Which optional parts are there.
    struct ChannelFlags: OptionSet, NamedScalar {
        let rawValue: UInt8
        init(rawValue: UInt8) { self.rawValue = rawValue }
        static let monitorPublished = ChannelFlags(rawValue: 1)
        static let order = ChannelFlags(rawValue: 2)
        static let ring = ChannelFlags(rawValue: 4)
        static let moving = ChannelFlags(rawValue: 8)
        static let nextMove = ChannelFlags(rawValue: 16)
        static let reserved = ChannelFlags(rawValue: 32)
        var meaning: String? {
            BitNames.text(rawValue, ["monitor published", "order", "ring", "moving", "next move", "reserved"])
        }
    }

    init() {}

    init(_ channel: HostChannel) {
        let request: OpenRequest?
        switch channel.state {
        case .clientReleased: (state, request) = (0, nil)
        case .closed: (state, request) = (1, nil)
        case .opening(let value): (state, request) = (2, value)
        case .open(let value): (state, request) = (3, value)
        case .closing: (state, request) = (4, nil)
        case .closingReopen(let value): (state, request) = (5, value)
        case .closingClientRelease: (state, request) = (6, nil)
        case .openingClientRelease(let value): (state, request) = (7, value)
        case .revoked: (state, request) = (8, nil)
        case .reoffered: (state, request) = (9, nil)
        }
        if let request { open = SavedOpen(request) }
        if let terms = request?.reservation ?? channel.reservation {
            flags.insert(.reserved)
            reservation = SavedReservation(terms)
        }
        func keep<Value>(_ value: Value?, _ flag: ChannelFlags, _ place: WritableKeyPath<Self, Value>) {
            guard let value else { return }
            flags.insert(flag)
            self[keyPath: place] = value
        }
        keep(channel.order, .order, \.order)
        keep(channel.ringList, .ring, \.ringList)
        keep(channel.moving, .moving, \.moving)
        keep(channel.nextMove, .nextMove, \.nextMove)
        if channel.isMonitorPublished { flags.insert(.monitorPublished) }
        targetVP = channel.targetVP
        offer = channel.offer
        lists = channel.pageLists.map { SavedHostPageList($0) }
    }

    /// Whether the state has an open request.
    var hasOpen: Bool { [2, 3, 5, 7].contains(state) }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("state", &state, "how far its life is")
        try visitor.require(state <= 9, "state", UInt64(state), "at most 9")
        try visitor.field("flags", &flags, .hexadecimal, "which optional parts are there")
        try visitor.require(flags.rawValue < 64, "flags", UInt64(flags.rawValue), "six bits have a meaning")
        try visitor.reserved(6)
        try visitor.field("order", &order, "its place among the offers of its kind")
        try visitor.field("target_vp", &targetVP, "the processor that the host interrupts")
        try visitor.field("moving", &moving, "where its interrupts are being moved to")
        try visitor.field("next_move", &nextMove, "where they go after that")
        try visitor.field("ring_list", &ringList, .hexadecimal, "the list in which the device has its rings")
        try visitor.structure("offer", &offer, "the offer, with its number")
        try visitor.choice("with an open request", when: hasOpen) { visitor throws(WireError) in
            try visitor.structure("open", &open, "what the guest asked for")
        }
        try visitor.choice("reserved", when: flags.contains(.reserved)) { visitor throws(WireError) in
            try visitor.structure("reservation", &reservation, "the terms of the reserved open")
        }
        var count = UInt32(truncatingIfNeeded: lists.count)
        try visitor.field("list_count", &count, "its page lists")
        try visitor.repeated("lists", &lists, count: Int(count), "its page lists, oldest first")
    }
}

/// A host's end of a connection.
struct SavedHost: WireStructure {
    static let structureName: StaticString = "SAVED_HOST"

    var header = SavedStateHeader(role: .host)
    /// 0 disconnected, 1 connecting, 2 connected, 3 disconnecting.
    var state: UInt8 = 0
    /// 0 none, 1 reset, 2 unload complete, 3 contact, 4 refuse.
    var next: UInt8 = 0
    var flags: HostFlags = []
    var version = ProtocolVersion(rawValue: 0)
    var features: FeatureFlags = []
    var targetVP: UInt32 = 0
    var delayedVersion = ProtocolVersion(rawValue: 0)
    var clientID = GUID.zero
    var interruptPage: UInt64 = 0
    var pages = [UInt64](repeating: 0, count: 2)
    var newPages = [UInt64](repeating: 0, count: 2)
    var nextAge: UInt64 = 0
    var contact = SavedContact()
    var nextContact = SavedContact()
    var channels: [SavedHostChannel] = []
    var held: [SavedMessage] = []
    var sockets: [SavedSocket] = []

    /// What is so, and which optional values are there.
    struct HostFlags: OptionSet, NamedScalar {
        let rawValue: UInt16
        init(rawValue: UInt16) { self.rawValue = rawValue }
        static let offersSent = HostFlags(rawValue: 1)
        static let paused = HostFlags(rawValue: 2)
        static let trusted = HostFlags(rawValue: 4)
        static let hostPages = HostFlags(rawValue: 8)
        static let pages = HostFlags(rawValue: 16)
        static let modifying = HostFlags(rawValue: 32)
        static let newPages = HostFlags(rawValue: 64)
        static let interruptPage = HostFlags(rawValue: 128)
        static let clientID = HostFlags(rawValue: 256)
        static let delayedVersion = HostFlags(rawValue: 512)
        var meaning: String? {
            BitNames.text(
                rawValue,
                [
                    "offers sent", "paused", "trusted", "host's pages", "pages", "modifying", "new pages",
                    "interrupt page", "client id", "delayed version",
                ])
        }
    }

    init() {}

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.structure("header", &header, "what every saved state begins with")
        try visitor.field("state", &state, "0 disconnected, 1 connecting, 2 connected, 3 disconnecting")
        try visitor.require(state <= 3, "state", UInt64(state), "at most 3")
        try visitor.field("next", &next, "what follows: 0 none, 1 reset, 2 unload complete, 3 contact, 4 refusal")
        try visitor.require(next <= 4, "next", UInt64(next), "at most 4")
        try visitor.field("flags", &flags, .hexadecimal, "what is so, and which optional values are there")
        try visitor.require(flags.rawValue < 1024, "flags", UInt64(flags.rawValue), "ten bits have a meaning")
        try visitor.field("version", &version, .hexadecimal, "the version agreed on")
        try visitor.field("features", &features, .hexadecimal, "the features agreed on")
        try visitor.field("target_vp", &targetVP, "the processor for the host's messages")
        try visitor.field("delayed_version", &delayedVersion, .hexadecimal, "the cap from the next connection on")
        try visitor.field("client_id", &clientID, .hexadecimal, "who the guest is")
        try visitor.field("interrupt_page", &interruptPage, .hexadecimal, "the shared interrupt page")
        try visitor.field("parent_to_child", &pages[0], .hexadecimal, "the host's monitor page")
        try visitor.field("child_to_parent", &pages[1], .hexadecimal, "the guest's monitor page")
        try visitor.field("new_parent_to_child", &newPages[0], .hexadecimal, "the host's page after the change")
        try visitor.field("new_child_to_parent", &newPages[1], .hexadecimal, "the guest's page after the change")
        try visitor.field("next_age", &nextAge, "the age of the next page list")
        try visitor.choice("connecting", when: state == 1) { visitor throws(WireError) in
            try visitor.structure("contact", &contact, "the contact that is being answered")
        }
        try visitor.choice("followed by a contact", when: next >= 3) { visitor throws(WireError) in
            try visitor.structure("next_contact", &nextContact, "the contact that follows")
        }
        var counts = [channels.count, held.count, sockets.count].map { UInt32(truncatingIfNeeded: $0) }
        try visitor.field("channel_count", &counts[0], "channels")
        try visitor.field("held_count", &counts[1], "messages held for a paused guest")
        try visitor.field("socket_count", &counts[2], "sockets that are being connected")
        try visitor.repeated("channels", &channels, count: Int(counts[0]), "the channels, by kind, device and index")
        try visitor.repeated("held", &held, count: Int(counts[1]), "the held messages, oldest first")
        try visitor.repeated("sockets", &sockets, count: Int(counts[2]), "the sockets, oldest first")
    }
}
