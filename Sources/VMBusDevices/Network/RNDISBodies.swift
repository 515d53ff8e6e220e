public import VMBusWire

extension RNDIS {
    /// INITIALIZE (0x2).
    public struct Initialize: WireStructure {
        public static let structureName: StaticString = "INITIALIZE"
        /// Chosen by the guest; the answer repeats it.
        public var requestID: UInt32 = 0
        /// 1.
        public var major: UInt32 = 1
        /// 0.
        public var minor: UInt32 = 0
        /// Most bytes that the guest takes at once.
        public var maximumTransfer: UInt32 = 0
        public init() {}
        /// A start, with what Linux says it takes.
        public init(requestID: UInt32, maximumTransfer: UInt32 = 0x4000) {
            self.requestID = requestID
            self.maximumTransfer = maximumTransfer
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("req_id", &requestID, "chosen by the guest; the answer repeats it")
            try visitor.field("major_ver", &major, "1")
            try visitor.field("minor_ver", &minor, "0")
            try visitor.field("max_xfer_size", &maximumTransfer, "most bytes that the guest takes at once")
        }
    }

    /// INITIALIZE_COMPLETE (0x80000002).
    public struct InitializeComplete: WireStructure {
        public static let structureName: StaticString = "INITIALIZE_COMPLETE"
        /// Which request it answers.
        public var requestID: UInt32 = 0
        /// How it went.
        public var status = Status.success
        /// 1.
        public var major: UInt32 = 1
        /// 0.
        public var minor: UInt32 = 0
        /// 1: connectionless.
        public var deviceFlags: UInt32 = 1
        /// 0: 802.3.
        public var medium: UInt32 = 0
        /// Most messages in one packet of the channel.
        public var maximumPackets: UInt32 = 0
        /// Most bytes in one packet of the channel.
        public var maximumTransfer: UInt32 = 0
        /// Logarithm of the alignment of messages in one packet.
        public var alignmentFactor: UInt32 = 0
        /// 0.
        public var familyListOffset: UInt32 = 0
        /// 0.
        public var familyListSize: UInt32 = 0
        public init() {}
        /// An answer.
        public init(
            requestID: UInt32, status: Status, maximumPackets: UInt32, maximumTransfer: UInt32, alignmentFactor: UInt32
        ) {
            self.requestID = requestID
            self.status = status
            self.maximumPackets = maximumPackets
            self.maximumTransfer = maximumTransfer
            self.alignmentFactor = alignmentFactor
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("req_id", &requestID, "which request it answers")
            try visitor.field("status", &status, .hexadecimal, "how it went")
            try visitor.field("major_ver", &major, "1")
            try visitor.field("minor_ver", &minor, "0")
            try visitor.field("dev_flags", &deviceFlags, .hexadecimal, "1: connectionless")
            try visitor.field("medium", &medium, "0: 802.3")
            try visitor.field("max_pkt_per_msg", &maximumPackets, "most messages in one packet of the channel")
            try visitor.field("max_xfer_size", &maximumTransfer, "most bytes in one packet of the channel")
            try visitor.field("pkt_alignment_factor", &alignmentFactor, "logarithm of the alignment of messages")
            try visitor.field("af_list_offset", &familyListOffset, "0")
            try visitor.field("af_list_size", &familyListSize, "0")
        }
    }

    /// A body that is only a request's number: HALT (0x3) and KEEPALIVE (0x8).
    public struct RequestReference: WireStructure {
        public static let structureName: StaticString = "REQUEST"
        /// Chosen by who asks; the answer repeats it.
        public var requestID: UInt32 = 0
        public init() {}
        /// Names a request.
        public init(requestID: UInt32) { self.requestID = requestID }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("req_id", &requestID, "chosen by who asks; the answer repeats it")
        }
    }

    /// QUERY (0x4), SET (0x5) and SET_EX (0x9).
    public struct Request: WireStructure {
        public static let structureName: StaticString = "REQUEST"
        /// Chosen by the guest; the answer repeats it.
        public var requestID: UInt32 = 0
        /// What is asked for or set.
        public var object = ObjectIdentifier(rawValue: 0)
        /// Bytes of the value.
        public var informationLength: UInt32 = 0
        /// Where it is.
        public var informationOffset: UInt32 = 0
        /// 0.
        public var circuit: UInt32 = 0
        /// The value.
        public var information = Information.bytes([])
        public init() {}
        /// Asks for an object, or sets it.
        public init(requestID: UInt32, object: ObjectIdentifier, information: Information = .bytes([])) {
            self.requestID = requestID
            self.object = object
            self.information = information
            informationLength = UInt32(
                truncatingIfNeeded: InformationBuffer(object, information).encoded().count)
            informationOffset = informationLength == 0 ? 0 : 20
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("req_id", &requestID, "chosen by the guest; the answer repeats it")
            try visitor.field("oid", &object, .hexadecimal, "what is asked for or set")
            try visitor.field("info_buflen", &informationLength, "bytes of the value")
            try visitor.field("info_buf_offset", &informationOffset, "where the value is, from behind type and length")
            try visitor.field("dev_vc_handle", &circuit, .hexadecimal, "0")
            try visitor.require(
                informationLength == 0 || informationOffset >= 20, "info_buf_offset", UInt64(informationOffset),
                "behind the 20 bytes of the fixed fields")
            try visitor.region(
                "information", at: RNDIS.headerSize + Int(informationOffset), length: Int(informationLength),
                "the value"
            ) { visitor throws(WireError) in
                var buffer = InformationBuffer(object, information)
                try visitor.structure("info", &buffer, "the object's value")
                information = buffer.value
            }
        }
    }

    /// QUERY_COMPLETE (0x80000004) and SET_EX_COMPLETE (0x80000009): which object it is about, the request told.
    public struct Answer: WireStructure {
        public static let structureName: StaticString = "ANSWER"
        /// Which request it answers.
        public var requestID: UInt32 = 0
        /// How it went.
        public var status = Status.success
        /// Bytes of the value.
        public var informationLength: UInt32 = 0
        /// Where it is.
        public var informationOffset: UInt32 = 0
        /// The value.
        public var information = Information.bytes([])
        /// What the request was about; not in the bytes.
        public var object = ObjectIdentifier(rawValue: 0)
        public init() {}
        /// An answer.
        public init(
            requestID: UInt32, status: Status, object: ObjectIdentifier, information: Information = .bytes([])
        ) {
            self.requestID = requestID
            self.status = status
            self.object = object
            self.information = information
            informationLength = UInt32(
                truncatingIfNeeded: InformationBuffer(object, information).encoded().count)
            informationOffset = informationLength == 0 ? 0 : 16
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("req_id", &requestID, "which request it answers")
            try visitor.field("status", &status, .hexadecimal, "how it went")
            try visitor.field("info_buflen", &informationLength, "bytes of the value")
            try visitor.field("info_buf_offset", &informationOffset, "where the value is, from behind type and length")
            try visitor.require(
                informationLength == 0 || informationOffset >= 16, "info_buf_offset", UInt64(informationOffset),
                "behind the 16 bytes of the fixed fields")
            if visitor.remaining != nil { object = ObjectIdentifier(rawValue: visitor.context.subject) }
            try visitor.region(
                "information", at: RNDIS.headerSize + Int(informationOffset), length: Int(informationLength),
                "the value"
            ) { visitor throws(WireError) in
                var buffer = InformationBuffer(object, information)
                try visitor.structure("info", &buffer, "the object's value")
                information = buffer.value
            }
        }
    }

    /// SET_COMPLETE (0x80000005) and KEEPALIVE_COMPLETE (0x80000008).
    public struct Result: WireStructure {
        public static let structureName: StaticString = "RESULT"
        /// Which request it answers.
        public var requestID: UInt32 = 0
        /// How it went.
        public var status = Status.success
        public init() {}
        /// A result.
        public init(requestID: UInt32, status: Status) {
            self.requestID = requestID
            self.status = status
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("req_id", &requestID, "which request it answers")
            try visitor.field("status", &status, .hexadecimal, "how it went")
        }
    }

    /// RESET_COMPLETE (0x80000006).
    public struct ResetComplete: WireStructure {
        public static let structureName: StaticString = "RESET_COMPLETE"
        /// How it went.
        public var status = Status.success
        /// 1 when filter and addresses must be set again.
        public var addressingReset: UInt32 = 0
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("status", &status, .hexadecimal, "how it went")
            try visitor.field("addressing_reset", &addressingReset, "1 when filter and addresses must be set again")
        }
    }

    /// INDICATE_STATUS (0x7): something changed at the host.
    public struct IndicateStatus: WireStructure {
        public static let structureName: StaticString = "INDICATE_STATUS"
        /// What changed.
        public var status = Status.success
        /// The new speed, where that is what changed.
        public var speed: LinkSpeed?
        /// More of it.
        public var buffer: [UInt8] = []
        public init() {}
        /// A change.
        public init(_ status: Status) { self.status = status }
        /// Another speed.
        public init(speed: LinkSpeed) {
            status = .linkSpeedChange
            self.speed = speed
        }
        /// Bytes of what else is told.
        var bufferSize: Int { (speed == nil ? 0 : 4) + buffer.count }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("status", &status, .hexadecimal, "what changed")
            var length = UInt32(truncatingIfNeeded: bufferSize)
            try visitor.field("status_buflen", &length, "bytes of what else is told")
            var offset: UInt32 = length == 0 ? 0 : 12
            try visitor.field("status_buf_offset", &offset, "where they are, from behind type and length")
            try visitor.require(
                length == 0 || offset >= 12, "status_buf_offset", UInt64(offset),
                "behind the 12 bytes of the fixed fields")
            try visitor.region(
                "buffer", at: RNDIS.headerSize + Int(offset), length: Int(length), "what else is told"
            ) { visitor throws(WireError) in
                try visitor.choice("a link speed", when: status == .linkSpeedChange && length >= 4) {
                    visitor throws(WireError) in
                    var speed = speed ?? LinkSpeed(rawValue: 0)
                    try visitor.field("link_speed", &speed, "in units of 100 bit/s")
                    self.speed = speed
                }
                try visitor.bytes("status_buffer", &buffer, count: nil, "what else is told")
            }
        }
    }

    /// A body without fields that are in use.
    public struct Bytes: WireStructure {
        public static let structureName: StaticString = "BODY"
        /// The bytes.
        public var bytes: [UInt8] = []
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.bytes("body", &bytes, count: nil, "a body without fields that are in use")
        }
    }
}
