/// TL_CONNECT_REQUEST (21): the guest asks for an hv_sock connection (reference §3.12). 40 bytes; 56 with a silo id, and as
/// some clients go on sending the short form from 5.2 on, the size decides.
public struct TLConnectRequest: WireStructure {
    public static let structureName: StaticString = "TL_CONNECT_REQUEST"

    /// The guest's end of the connection; the offer that answers has it as its instance.
    public var endpointID = GUID.zero
    /// The host's service.
    public var serviceID = GUID.zero
    /// From 5.2: the silo that is meant.
    public var siloID: GUID?

    public init() {}
    /// Asks for a connection.
    public init(endpointID: GUID, serviceID: GUID, siloID: GUID? = nil) {
        self.endpointID = endpointID
        self.serviceID = serviceID
        self.siloID = siloID
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("endpoint_id", &endpointID, "the guest's end of the connection")
        try visitor.field("service_id", &serviceID, "the host's service")
        try visitor.since(.redstone5) { visitor throws(WireError) in
            try visitor.optional("silo_id", &siloID, .hexadecimal, "the silo that is meant (from 5.2)")
        }
    }
}

/// TL_CONNECT_RESULT (23): a connection was refused (reference §3.12). 44 bytes.
public struct TLConnectResult: WireStructure {
    public static let structureName: StaticString = "TL_CONNECT_RESULT"

    /// The guest's end of the connection.
    public var endpointID = GUID.zero
    /// The host's service.
    public var serviceID = GUID.zero
    /// Why.
    public var status = MessageStatus.success

    public init() {}
    /// Answers a request.
    public init(endpointID: GUID, serviceID: GUID, status: MessageStatus) {
        self.endpointID = endpointID
        self.serviceID = serviceID
        self.status = status
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("endpoint_id", &endpointID, "the guest's end of the connection")
        try visitor.field("service_id", &serviceID, "the host's service")
        try visitor.field("status", &status, .hexadecimal, "why the connection was refused")
    }
}
