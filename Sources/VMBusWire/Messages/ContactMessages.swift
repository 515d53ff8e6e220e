/// INITIATE_CONTACT (14): the guest proposes a version (reference §2.4, §3.10). 40 bytes, 56 with a client id.
public struct InitiateContact: WireStructure {
    public static let structureName: StaticString = "INITIATE_CONTACT"

    /// The proposed version.
    public var version = ProtocolVersion(rawValue: 0)
    /// The virtual processor that is to receive the host's messages.
    public var targetVP: UInt32 = 0
    /// Below 5.0: guest-physical address of the interrupt page.
    public var interruptPage: UInt64 = 0
    /// From 5.0: the synthetic interrupt source for the host's messages.
    public var targetSINT: UInt8 = 0
    /// From 5.1: the virtual trust level of the server that is meant.
    public var targetVTL: UInt8 = 0
    /// From 6.0: the features that the guest wants.
    public var features: FeatureFlags = []
    /// Guest-physical address of the monitor page that the host writes; 0 for none.
    public var parentToChildMonitorPage: UInt64 = 0
    /// Guest-physical address of the monitor page that the guest writes; 0 for none.
    public var childToParentMonitorPage: UInt64 = 0
    /// From 6.0, in the 56-byte form: who the guest is.
    public var clientID: GUID?

    public init() {}

    /// A proposal; fields that the version does not have are not written.
    public init(
        version: ProtocolVersion, targetVP: UInt32 = 0, interruptPage: UInt64 = 0, targetSINT: UInt8 = SynIC.vmbusSINT,
        targetVTL: UInt8 = 0, features: FeatureFlags = [], parentToChildMonitorPage: UInt64 = 0,
        childToParentMonitorPage: UInt64 = 0, clientID: GUID? = nil
    ) {
        self.version = version
        self.targetVP = targetVP
        self.interruptPage = interruptPage
        self.targetSINT = targetSINT
        self.targetVTL = targetVTL
        self.features = features
        self.parentToChildMonitorPage = parentToChildMonitorPage
        self.childToParentMonitorPage = childToParentMonitorPage
        self.clientID = clientID
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("version", &version, .hexadecimal, "the protocol version that the guest proposes")
        try visitor.field("target_vp", &targetVP, "virtual processor that receives the host's messages")
        let multiClient = version >= .redstone3MultiClient
        try visitor.choice("below 5.0", when: !multiClient) { visitor throws(WireError) in
            try visitor.field(
                "interrupt_page", &interruptPage, .hexadecimal, "address of the shared interrupt bitmap page")
        }
        try visitor.choice("from 5.0", when: multiClient) { visitor throws(WireError) in
            try visitor.field("target_sint", &targetSINT, "synthetic interrupt source for the host's messages")
            try visitor.field("target_vtl", &targetVTL, "virtual trust level of the server that is meant (from 5.1)")
            try visitor.reserved(2)
            try visitor.field("feature_flags", &features, .hexadecimal, "features that the guest wants (from 6.0)")
        }
        try visitor.field(
            "monitor_page_parent_to_child", &parentToChildMonitorPage, .hexadecimal,
            "address of the host's monitor page")
        try visitor.field(
            "monitor_page_child_to_parent", &childToParentMonitorPage, .hexadecimal,
            "address of the guest's monitor page")
        try visitor.choice("from 6.0, in the long form", when: version >= .copper) { visitor throws(WireError) in
            try visitor.optional("client_id", &clientID, .hexadecimal, "who the guest is (feature client_id)")
        }
    }
}

/// How a connection attempt ended (reference §2.6).
public struct ConnectionState: NamedScalar {
    /// The number.
    public let rawValue: UInt8

    /// Any number.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The connection stands.
    public static let successful = ConnectionState(rawValue: 0)
    /// The host had no room.
    public static let lowResources = ConnectionState(rawValue: 1)
    /// The host does not say why.
    public static let unknownFailure = ConnectionState(rawValue: 2)

    public var meaning: String? {
        switch rawValue {
        case 0: "successful"
        case 1: "low resources"
        case 2: "unknown failure"
        default: nil
        }
    }
}

/// VERSION_RESPONSE (15): the host's answer to a proposal (reference §2.6, §3.10). 16, 20 or 40 bytes.
public struct VersionResponse: WireStructure {
    public static let structureName: StaticString = "VERSION_RESPONSE"

    /// 1 when the host speaks the proposed version.
    public var versionSupported: UInt8 = 0
    /// How the attempt ended.
    public var connectionState = ConnectionState.successful
    /// Below 5.0 the selected version, from 5.0 the connection id for the guest's messages.
    public var versionOrConnectionID: UInt32 = 0
    /// From 6.0: the features that both sides have.
    public var features: FeatureFlags?
    /// In the 40-byte form: the host's own monitor page.
    public var parentToChildMonitorPage: UInt64?
    /// In the 40-byte form: the host-given page that the guest writes.
    public var childToParentMonitorPage: UInt64?

    public init() {}

    /// An answer.
    public init(
        supported: Bool, connectionState: ConnectionState = .successful, versionOrConnectionID: UInt32 = 0,
        features: FeatureFlags? = nil
    ) {
        versionSupported = supported ? 1 : 0
        self.connectionState = connectionState
        self.versionOrConnectionID = versionOrConnectionID
        self.features = features
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("version_supported", &versionSupported, "1 when the host speaks the proposed version")
        try visitor.field("connection_state", &connectionState, "how the attempt ended")
        try visitor.reserved(2, "padding")
        try visitor.field(
            "selected_version_or_connection_id", &versionOrConnectionID, .hexadecimal,
            "below 5.0 the selected version; from 5.0 the connection id for the guest's messages")
        try visitor.optional("supported_features", &features, .hexadecimal, "features that both sides have (6.0)")
        let carriesPages = visitor.remaining.map { $0 >= 20 } ?? (parentToChildMonitorPage != nil)
        try visitor.choice("40-byte form", when: carriesPages) { visitor throws(WireError) in
            try visitor.reserved(4, "padding")
            try visitor.optional(
                "monitor_page_parent_to_child", &parentToChildMonitorPage, .hexadecimal, "the host's own monitor page")
            try visitor.optional(
                "monitor_page_child_to_parent", &childToParentMonitorPage, .hexadecimal,
                "the host-given monitor page that the guest writes")
        }
    }
}

/// MODIFY_CONNECTION (25): the guest gives other monitor pages; both zero switches them off (reference §3.14). 24 bytes.
public struct ModifyConnection: WireStructure {
    public static let structureName: StaticString = "MODIFY_CONNECTION"

    /// Guest-physical address of the host's monitor page.
    public var parentToChildMonitorPage: UInt64 = 0
    /// Guest-physical address of the guest's monitor page.
    public var childToParentMonitorPage: UInt64 = 0

    public init() {}

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field(
            "monitor_page_parent_to_child", &parentToChildMonitorPage, .hexadecimal,
            "address of the host's monitor page")
        try visitor.field(
            "monitor_page_child_to_parent", &childToParentMonitorPage, .hexadecimal,
            "address of the guest's monitor page")
    }
}

/// MODIFY_CONNECTION_RESPONSE (26) (reference §3.14). 9 bytes.
public struct ModifyConnectionResponse: WireStructure {
    public static let structureName: StaticString = "MODIFY_CONNECTION_RESPONSE"

    /// How the change ended.
    public var connectionState = ConnectionState.successful

    public init() {}

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("connection_state", &connectionState, "how the change ended")
    }
}
