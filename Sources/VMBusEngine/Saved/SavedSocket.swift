import VMBusWire

/// An hv_sock connection that is not answered, on either side. 56 bytes.
struct SavedSocket: WireStructure {
    static let structureName: StaticString = "SAVED_SOCKET"

    var endpointID = GUID.zero
    var serviceID = GUID.zero
    var hasSilo: UInt8 = 0
    var siloID = GUID.zero

    init() {}

    init(_ request: TLConnectRequest) {
        endpointID = request.endpointID
        serviceID = request.serviceID
        hasSilo = request.siloID == nil ? 0 : 1
        siloID = request.siloID ?? .zero
    }

    var request: TLConnectRequest {
        TLConnectRequest(endpointID: endpointID, serviceID: serviceID, siloID: hasSilo != 0 ? siloID : nil)
    }

    mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("endpoint_id", &endpointID, "the guest's end")
        try visitor.field("service_id", &serviceID, "the host's service")
        try visitor.field("has_silo", &hasSilo, "1 for a request with a silo")
        try visitor.require(hasSilo <= 1, "has_silo", UInt64(hasSilo), "0 or 1")
        try visitor.reserved(7)
        try visitor.field("silo_id", &siloID, .hexadecimal, "the silo that is meant")
    }
}
