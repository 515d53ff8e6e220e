import VMBusWire

/// A contact, with how it came. 56 bytes.
struct SavedContact: WireStructure {
    static let structureName: StaticString = "SAVED_CONTACT"

    var version = ProtocolVersion(rawValue: 0)
    var targetVP: UInt32 = 0
    var interruptPage: UInt64 = 0
    var targetSINT: UInt8 = 0
    var targetVTL: UInt8 = 0
    /// Bit 0: over the multi-client connection; 1: trusted; 2: with a client id.
    var flags: UInt8 = 0
    var features: FeatureFlags = []
    var parentToChild: UInt64 = 0
    var childToParent: UInt64 = 0
    var clientID = GUID.zero

    init() {}

    init(_ request: ContactRequest) {
        version = request.message.version
        targetVP = request.message.targetVP
        interruptPage = request.message.interruptPage
        targetSINT = request.message.targetSINT
        targetVTL = request.message.targetVTL
        flags =
            (request.isMultiClient ? 1 : 0) | (request.isTrusted ? 2 : 0) | (request.message.clientID != nil ? 4 : 0)
        features = request.message.features
        parentToChild = request.message.parentToChildMonitorPage
        childToParent = request.message.childToParentMonitorPage
        clientID = request.message.clientID ?? .zero
    }

    var request: ContactRequest {
        ContactRequest(
            message: InitiateContact(
                version: version, targetVP: targetVP, interruptPage: interruptPage, targetSINT: targetSINT,
                targetVTL: targetVTL, features: features, parentToChildMonitorPage: parentToChild,
                childToParentMonitorPage: childToParent, clientID: flags & 4 != 0 ? clientID : nil),
            isMultiClient: flags & 1 != 0, isTrusted: flags & 2 != 0)
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("version", &version, .hexadecimal, "the proposed version")
        try visitor.field("target_vp", &targetVP, "where the answers go")
        try visitor.field("interrupt_page", &interruptPage, .hexadecimal, "the shared interrupt page")
        try visitor.field("target_sint", &targetSINT, "the source for the answers")
        try visitor.field("target_vtl", &targetVTL, "the trust level that is meant")
        try visitor.field("flags", &flags, .hexadecimal, "1 multi-client, 2 trusted, 4 with a client id")
        try visitor.require(flags < 8, "flags", UInt64(flags), "three bits have a meaning")
        try visitor.reserved(1)
        try visitor.field("features", &features, .hexadecimal, "the features that the guest wants")
        try visitor.field("parent_to_child", &parentToChild, .hexadecimal, "the host's monitor page")
        try visitor.field("child_to_parent", &childToParent, .hexadecimal, "the guest's monitor page")
        try visitor.field("client_id", &clientID, .hexadecimal, "who the guest is")
    }
}

/// The terms of a reserved open. 16 bytes.
struct SavedReservation: WireStructure {
    static let structureName: StaticString = "SAVED_RESERVATION"

    var version = ProtocolVersion(rawValue: 0)
    var features: FeatureFlags = []
    var targetVP: UInt32 = 0
    var targetSINT: UInt8 = 0

    init() {}

    init(_ reservation: Reservation) {
        version = reservation.version
        features = reservation.features
        targetVP = reservation.target.vp
        targetSINT = reservation.target.sint
    }

    var reservation: Reservation {
        Reservation(version: version, features: features, target: MessageTarget(vp: targetVP, sint: targetSINT))
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("version", &version, .hexadecimal, "the version of the open")
        try visitor.field("features", &features, .hexadecimal, "the features of the open")
        try visitor.field("target_vp", &targetVP, "where the answer goes")
        try visitor.field("target_sint", &targetSINT, "the source for the answer")
        try visitor.require(targetSINT < 16, "target_sint", UInt64(targetSINT), "below 16")
        try visitor.reserved(3)
    }
}

/// What a guest asked for when it opened a channel. The pages are those of the list. 148 bytes.
struct SavedOpen: WireStructure {
    static let structureName: StaticString = "SAVED_OPEN"

    var openID: UInt32 = 0
    var ringGPADL: UInt32 = 0
    var targetVP: UInt32 = 0
    var downstreamPageOffset: UInt32 = 0
    var userData: [UInt8] = []
    var connectionID: UInt32 = 0
    var eventFlag: UInt16 = 0
    var flags: OpenFlags = []
    var hostEventFlag: UInt32 = 0

    init() {}

    init(_ request: OpenRequest) {
        openID = request.message.openID
        ringGPADL = request.message.ringGPADL
        targetVP = request.message.targetVP
        downstreamPageOffset = request.message.downstreamPageOffset
        userData = request.message.userData
        connectionID = request.message.connectionID
        eventFlag = request.message.eventFlag
        flags = request.message.flags
        hostEventFlag = request.eventFlag
    }

    func request(relid: UInt32, pages: PageList, reservation: Reservation?) -> OpenRequest {
        var message = OpenChannel(
            relid: relid, openID: openID, ringGPADL: ringGPADL, targetVP: targetVP,
            downstreamPageOffset: downstreamPageOffset)
        // A reserved open carries no user data.
        message.userData = reservation == nil ? userData : []
        message.connectionID = connectionID
        message.eventFlag = eventFlag
        message.flags = flags
        return OpenRequest(message: message, ringPages: pages, eventFlag: hostEventFlag, reservation: reservation)
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("open_id", &openID, "echoed in the answer")
        try visitor.field("ring_gpadl", &ringGPADL, .hexadecimal, "the page list of both rings")
        try visitor.field("target_vp", &targetVP, "the processor for the host's interrupts")
        try visitor.field("downstream_page_offset", &downstreamPageOffset, "pages in front of the second ring")
        try visitor.bytes("user_data", &userData, count: 120, "opaque to the bus")
        try visitor.field("connection_id", &connectionID, .hexadecimal, "the connection that the guest chose")
        try visitor.field("event_flag", &eventFlag, "the event flag that the guest chose")
        try visitor.field("flags", &flags, .hexadecimal, "what the guest asks of the interrupts")
        try visitor.field("host_event_flag", &hostEventFlag, "the event flag that the host sets")
        try visitor.require(hostEventFlag < 2048, "host_event_flag", UInt64(hostEventFlag), "below 2048")
    }
}

/// A page list. 32 bytes and its words.
struct SavedHostPageList: WireStructure {
    static let structureName: StaticString = "SAVED_HOST_PAGE_LIST"

    var handle: UInt32 = 0
    var relid: UInt32 = 0
    /// 0 in progress, 1 offered, 2 offered and tearing down, 3 accepted, 4 tearing down.
    var state: UInt8 = 0
    var rangeCount: UInt16 = 0
    var announcedWords: UInt32 = 0
    var age: UInt64 = 0
    var words: [UInt64] = []

    init() {}

    init(_ list: HostPageList) {
        handle = list.handle
        relid = list.relid
        age = list.age
        switch list.state {
        case .inProgress(let assembly):
            rangeCount = UInt16(truncatingIfNeeded: assembly.rangeCount)
            announcedWords = UInt32(truncatingIfNeeded: assembly.wordCount)
            words = assembly.words
            return
        case .offered: state = 1
        case .offeredTearingDown: state = 2
        case .accepted: state = 3
        case .tearingDown: state = 4
        }
        words = list.list.words
        rangeCount = UInt16(truncatingIfNeeded: list.list.ranges.count)
        announcedWords = UInt32(truncatingIfNeeded: words.count)
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("handle", &handle, .hexadecimal, "the guest's handle")
        try visitor.field("relid", &relid, "the channel's number when it came")
        try visitor.field("state", &state, "how far its life is")
        try visitor.require(state <= 4, "state", UInt64(state), "at most 4")
        try visitor.reserved(1)
        try visitor.field("range_count", &rangeCount, "ranges")
        try visitor.field("announced_words", &announcedWords, "8-byte words, those to come included")
        try visitor.field("age", &age, "counts up from list to list")
        var count = UInt32(truncatingIfNeeded: words.count)
        try visitor.field("word_count", &count, "8-byte words that have come")
        // A header announces its bytes in 16 bits.
        try visitor.require(count <= 8191, "word_count", UInt64(count), "at most 8191")
        var result: [UInt64] = []
        for index in 0..<Int(count) {
            var word = index < words.count ? words[index] : 0
            try visitor.field("word", &word, .hexadecimal, "a range's size and offset, or a page frame number")
            result.append(word)
        }
        words = result
    }
}

/// A message on its way out.
struct SavedMessage: WireStructure {
    static let structureName: StaticString = "SAVED_MESSAGE"

    var targetVP: UInt32 = 0
    var targetSINT: UInt8 = 0
    /// 1 for a message to a place that a request named.
    var isReply: UInt8 = 0
    var bytes: [UInt8] = []

    init() {}

    init(_ message: OutgoingMessage) {
        targetVP = message.target.vp
        targetSINT = message.target.sint
        isReply = message.isReply ? 1 : 0
        bytes = message.bytes
    }

    var message: OutgoingMessage {
        OutgoingMessage(
            bytes: bytes, target: MessageTarget(vp: targetVP, sint: targetSINT), isReply: isReply != 0)
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("target_vp", &targetVP, "where it goes")
        try visitor.field("target_sint", &targetSINT, "the source")
        try visitor.require(targetSINT < 16, "target_sint", UInt64(targetSINT), "below 16")
        try visitor.field("is_reply", &isReply, "1 for a place that a request named")
        try visitor.require(isReply <= 1, "is_reply", UInt64(isReply), "0 or 1")
        var count = UInt16(truncatingIfNeeded: bytes.count)
        try visitor.field("byte_count", &count, "bytes of the message")
        try visitor.require(count >= 8 && count <= 240, "byte_count", UInt64(count), "from 8 to 240")
        try visitor.bytes("bytes", &bytes, count: Int(count), "the message")
    }
}
