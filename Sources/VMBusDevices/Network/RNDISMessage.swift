public import VMBusWire

extension RNDIS {
    /// One message: type, length and what follows (reference §6.1.5).
    public struct Message: WireStructure {
        public static let structureName: StaticString = "RNDIS"

        /// What follows the length.
        public enum Body: Sendable, Hashable {
            case packet(Packet)
            case initialize(Initialize)
            case initializeComplete(InitializeComplete)
            case halt(RequestReference)
            /// QUERY, SET and SET_EX.
            case request(Request)
            /// QUERY_COMPLETE and SET_EX_COMPLETE.
            case answer(Answer)
            /// SET_COMPLETE and KEEPALIVE_COMPLETE.
            case result(Result)
            case reset(Bytes)
            case resetComplete(ResetComplete)
            case indicateStatus(IndicateStatus)
            case keepalive(RequestReference)
            case other(Bytes)
        }

        /// Which message it is.
        public var type = MessageType(rawValue: 0)
        /// Bytes of the message, type and length included.
        public var length: UInt32 = 0
        /// What follows.
        public var body = Body.other(Bytes())

        public init() {}

        /// A message; its length follows from the body.
        public init(_ type: MessageType, _ body: Body) {
            self.type = type
            self.body = body
            let byteCount: Int =
                switch body {
                case .packet(let packet): packet.byteCount
                case .initialize: 16
                case .initializeComplete: 44
                case .halt, .keepalive: 4
                case .request(let request): 20 + Int(request.informationLength)
                case .answer(let answer): 16 + Int(answer.informationLength)
                case .result: 8
                case .reset(let bytes), .other(let bytes): bytes.bytes.count
                case .resetComplete: 8
                case .indicateStatus(let status): 12 + status.bufferSize
                }
            length = UInt32(truncatingIfNeeded: RNDIS.headerSize + byteCount)
        }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("ndis_msg_type", &type, .hexadecimal, "which message it is")
            try visitor.field("msg_len", &length, "bytes of the message, type and length included")
            try visitor.require(length >= 8, "msg_len", UInt64(length), "at least the 8 bytes of type and length")
            try visitor.region("body", at: RNDIS.headerSize, length: Int(length) - RNDIS.headerSize, "the body") {
                visitor throws(WireError) in
                try visitBody(&visitor)
            }
        }

        private mutating func visitBody<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try part(
                "PACKET", type == .packet, &visitor, { if case .packet(let part) = $0 { part } else { nil } },
                { .packet($0) })
            try part(
                "INITIALIZE", type == .initialize, &visitor,
                { if case .initialize(let part) = $0 { part } else { nil } }, { .initialize($0) })
            try part(
                "INITIALIZE_COMPLETE", type == MessageType.initialize.completion, &visitor,
                { if case .initializeComplete(let part) = $0 { part } else { nil } }, { .initializeComplete($0) })
            try part(
                "HALT", type == .halt, &visitor, { if case .halt(let part) = $0 { part } else { nil } },
                { .halt($0) })
            try part(
                "QUERY, SET or SET_EX", [.query, .set, .setEx].contains(type), &visitor,
                { if case .request(let part) = $0 { part } else { nil } }, { .request($0) })
            try part(
                "QUERY_COMPLETE or SET_EX_COMPLETE",
                type == MessageType.query.completion || type == MessageType.setEx.completion, &visitor,
                { if case .answer(let part) = $0 { part } else { nil } }, { .answer($0) })
            try part(
                "SET_COMPLETE or KEEPALIVE_COMPLETE",
                type == MessageType.set.completion || type == MessageType.keepalive.completion, &visitor,
                { if case .result(let part) = $0 { part } else { nil } }, { .result($0) })
            try part(
                "RESET", type == .reset, &visitor, { if case .reset(let part) = $0 { part } else { nil } },
                { .reset($0) })
            try part(
                "RESET_COMPLETE", type == MessageType.reset.completion, &visitor,
                { if case .resetComplete(let part) = $0 { part } else { nil } }, { .resetComplete($0) })
            try part(
                "INDICATE_STATUS", type == .indicateStatus, &visitor,
                { if case .indicateStatus(let part) = $0 { part } else { nil } }, { .indicateStatus($0) })
            try part(
                "KEEPALIVE", type == .keepalive, &visitor,
                { if case .keepalive(let part) = $0 { part } else { nil } }, { .keepalive($0) })
            try part(
                "any other type", type.meaning == nil || type == .busPrivate, &visitor,
                { if case .other(let part) = $0 { part } else { nil } }, { .other($0) })
        }

        private mutating func part<Part: WireStructure, Visitor: FieldVisitor>(
            _ label: StaticString, _ condition: Bool, _ visitor: inout Visitor, _ current: (Body) -> Part?,
            _ wrap: (Part) -> Body
        ) throws(WireError) {
            try visitor.choice(label, when: condition) { visitor throws(WireError) in
                var part = current(body) ?? Part()
                try part.visit(&visitor)
                body = wrap(part)
            }
        }
    }
}
