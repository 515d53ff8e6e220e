import VMBusWire

/// How the parts of a guest's state are numbered in its saved form. The order of the cases is the form: new ones go last.
enum SavedGuestCode {
    static func code<Value: CaseIterable & Equatable>(_ value: Value) -> UInt8 {
        UInt8(truncatingIfNeeded: Value.allCases.enumerated().first { $0.element == value }?.offset ?? 0)
    }

    static func value<Value: CaseIterable>(_ code: UInt8, _ name: String) throws(RestoreError) -> Value {
        guard let value = Value.allCases.enumerated().first(where: { $0.offset == Int(code) })?.element else {
            throw .inconsistent("\(name) is \(code)")
        }
        return value
    }
}

/// One proposal that was not tried.
struct SavedGuestProposal: WireStructure {
    static let structureName: StaticString = "SAVED_GUEST_PROPOSAL"

    var version = ProtocolVersion(rawValue: 0)
    var connectionID: UInt32 = 0

    init() {}
    init(_ proposal: GuestConnection.Proposal) {
        version = proposal.version
        connectionID = proposal.connectionID
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("version", &version, .hexadecimal, "the version")
        try visitor.field("connection_id", &connectionID, .hexadecimal, "where the proposal goes")
    }
}

/// A channel of a guest.
struct SavedGuestChannel: WireStructure {
    static let structureName: StaticString = "SAVED_GUEST_CHANNEL"

    var state: UInt8 = 0
    /// Bit 0 taken back, bit 1 let go of, bit 2 being moved.
    var flags: UInt8 = 0
    /// 0 for none.
    var eventFlag: UInt16 = 0
    var targetVP: UInt32 = 0
    var openID: UInt32 = 0
    var targetSINT: UInt32 = 0
    var offer = OfferChannel()
    var request: [UInt8] = []

    init() {}
    init(_ channel: GuestChannel) {
        state = SavedGuestCode.code(channel.state)
        flags =
            (channel.isRescinded ? 1 : 0) | (channel.isReleased ? 2 : 0) | (channel.isModifying ? 4 : 0)
        eventFlag = channel.eventFlag ?? 0
        targetVP = channel.targetVP
        openID = channel.openID
        targetSINT = channel.targetSINT
        offer = channel.offer
        request = channel.request
    }

    func channel() throws(RestoreError) -> GuestChannel {
        var channel = GuestChannel(offer: offer)
        channel.state = try SavedGuestCode.value(state, "the state of channel \(offer.relid)")
        channel.isRescinded = flags & 1 != 0
        channel.isReleased = flags & 2 != 0
        channel.isModifying = flags & 4 != 0
        channel.eventFlag = eventFlag == 0 ? nil : eventFlag
        channel.targetVP = targetVP
        channel.openID = openID
        channel.targetSINT = targetSINT
        channel.request = request
        return channel
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("state", &state, "how far its life is")
        try visitor.field("flags", &flags, .hexadecimal, "bit 0 taken back, bit 1 let go of, bit 2 being moved")
        try visitor.require(flags < 8, "flags", UInt64(flags), "three bits are known")
        try visitor.field("event_flag", &eventFlag, "the event flag that the host sets; 0 for none")
        try visitor.field("target_vp", &targetVP, "virtual processor of its interrupts or answers")
        try visitor.field("open_id", &openID, "what the answer to the open repeats")
        try visitor.field("target_sint", &targetSINT, "interrupt source of the answers about a reserved channel")
        try visitor.structure("offer", &offer, "the offer")
        var length = UInt16(truncatingIfNeeded: request.count)
        try visitor.field("request_length", &length, "bytes of the open that is not answered")
        try visitor.bytes("request", &request, count: Int(length), "the open that is not answered")
    }
}

/// A page list of a guest.
struct SavedGuestPageList: WireStructure {
    static let structureName: StaticString = "SAVED_GUEST_PAGE_LIST"

    var handle: UInt32 = 0
    var relid: UInt32 = 0
    var state: UInt8 = 0
    var list = SavedPageList()

    init() {}
    init(_ list: GuestPageList) {
        handle = list.handle
        relid = list.relid
        state = SavedGuestCode.code(list.state)
        self.list = SavedPageList(list.list)
    }

    func pageList() throws(RestoreError) -> GuestPageList {
        var result = GuestPageList(handle: handle, relid: relid, list: try list.pageList(of: handle))
        result.state = try SavedGuestCode.value(state, "the state of page list \(Hexadecimal.prefixed(handle))")
        return result
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("handle", &handle, .hexadecimal, "the list's handle")
        try visitor.field("relid", &relid, "the channel that it belongs to")
        try visitor.field("state", &state, "how far its life is")
        try visitor.structure("list", &list, "the pages")
    }
}

/// A page list whose answer nobody waits for.
struct SavedGuestLateAnswer: WireStructure {
    static let structureName: StaticString = "SAVED_GUEST_LATE_ANSWER"

    var handle: UInt32 = 0
    var relid: UInt32 = 0
    var isTeardown: UInt8 = 0

    init() {}
    init(_ handle: UInt32, _ answer: GuestConnection.LateAnswer) {
        self.handle = handle
        relid = answer.relid
        isTeardown = answer.isTeardown ? 1 : 0
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("handle", &handle, .hexadecimal, "the list's handle")
        try visitor.field("relid", &relid, "the channel that it belonged to")
        try visitor.field("is_teardown", &isTeardown, "1 for GPADL_TORNDOWN, 0 for GPADL_CREATED")
        try visitor.require(isTeardown < 2, "is_teardown", UInt64(isTeardown), "0 or 1")
    }
}

/// A reserved channel that outlived its connection.
struct SavedGuestReservedChannel: WireStructure {
    static let structureName: StaticString = "SAVED_GUEST_RESERVED_CHANNEL"

    var relid: UInt32 = 0
    var targetVP: UInt32 = 0
    var targetSINT: UInt32 = 0
    var isClosing: UInt8 = 0
    var handles: [SavedWord] = []

    init() {}
    init(_ channel: GuestReservedChannel) {
        relid = channel.relid
        targetVP = channel.targetVP
        targetSINT = channel.targetSINT
        isClosing = channel.isClosing ? 1 : 0
        handles = channel.pageLists.map { SavedWord(UInt64($0)) }
    }

    var channel: GuestReservedChannel {
        GuestReservedChannel(
            relid: relid, targetVP: targetVP, targetSINT: targetSINT,
            pageLists: handles.map { UInt32(truncatingIfNeeded: $0.value) }, isClosing: isClosing == 1)
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("relid", &relid, "its number in the connection that opened it")
        try visitor.field("target_vp", &targetVP, "virtual processor of the answer")
        try visitor.field("target_sint", &targetSINT, "interrupt source of the answer")
        try visitor.field("is_closing", &isClosing, "1 while its close is not answered")
        try visitor.require(isClosing < 2, "is_closing", UInt64(isClosing), "0 or 1")
        var count = UInt32(truncatingIfNeeded: handles.count)
        try visitor.field("handle_count", &count, "page lists that the host holds")
        try visitor.repeated("handles", &handles, count: Int(count), "their handles")
        for handle in handles {
            try visitor.require(handle.value <= UInt64(UInt32.max), "handles", handle.value, "32 bits")
        }
    }
}

/// A message that was not posted.
struct SavedGuestPost: WireStructure {
    static let structureName: StaticString = "SAVED_GUEST_POST"

    var connectionID: UInt32 = 0
    var bytes: [UInt8] = []

    init() {}
    init(_ post: GuestPost) {
        connectionID = post.connectionID
        bytes = post.bytes
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("connection_id", &connectionID, .hexadecimal, "where it goes")
        var length = UInt16(truncatingIfNeeded: bytes.count)
        try visitor.field("length", &length, "bytes of the message")
        try visitor.require(length <= 240, "length", UInt64(length), "at most 240")
        try visitor.bytes("bytes", &bytes, count: Int(length), "the message")
    }
}
