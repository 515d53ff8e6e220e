public import VMBusWire

extension NVSP {
    /// One message: its type and what follows it (reference §6.1.2).
    public struct Message: WireStructure {
        public static let structureName: StaticString = "NVSP"

        /// What follows the type.
        public enum Body: Sendable, Hashable {
            case initialize(Initialize)
            case initializeComplete(InitializeComplete)
            case sendNDISVersion(NDISVersion)
            case sendReceiveBuffer(SharedBuffer)
            case sendReceiveBufferComplete(ReceiveBufferComplete)
            case revokeReceiveBuffer(RevokedBuffer)
            case sendSendBuffer(SharedBuffer)
            case sendSendBufferComplete(SendBufferComplete)
            case revokeSendBuffer(RevokedBuffer)
            case sendRNDISPacket(RNDISPacket)
            case sendRNDISPacketComplete(Result)
            case sendNDISConfig(NDISConfig)
            case sendVFAssociation(VFAssociation)
            case switchDataPath(SwitchDataPath)
            case oidQueryEx(ObjectQuery)
            case oidQueryExComplete(ObjectQueryComplete)
            case subchannelRequest(SubchannelRequest)
            case subchannelComplete(SubchannelComplete)
            case sendIndirectionTable(IndirectionTable)
            /// A message that nobody sends today, or that is not known: its bytes.
            case other(Bytes)
        }

        /// Which message it is.
        public var type = MessageType(rawValue: 0)
        /// What follows.
        public var body = Body.other(Bytes())

        public init() {}

        /// A message.
        public init(_ type: MessageType, _ body: Body) {
            self.type = type
            self.body = body
        }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("msg_type", &type, "which message it is")
            try visitHandshake(&visitor)
            try visitBuffers(&visitor)
            try visitData(&visitor)
            try visitLater(&visitor)
            let other =
                !(1...2).contains(type.rawValue) && !(100...108).contains(type.rawValue)
                && !Self.laterTypes.contains(type)
            try part(
                "any other type", other, &visitor, { if case .other(let part) = $0 { part } else { nil } },
                { .other($0) })
        }

        private static let laterTypes: [MessageType] = [
            .sendNDISConfig, .sendVFAssociation, .switchDataPath, .oidQueryEx, .oidQueryExComplete, .subchannel,
            .sendIndirectionTable,
        ]

        private mutating func visitHandshake<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try part(
                "INIT", type == .initialize, &visitor,
                { if case .initialize(let part) = $0 { part } else { nil } }, { .initialize($0) })
            try part(
                "INIT_COMPLETE", type == .initializeComplete, &visitor,
                { if case .initializeComplete(let part) = $0 { part } else { nil } }, { .initializeComplete($0) })
            try part(
                "SEND_NDIS_VERSION", type == .sendNDISVersion, &visitor,
                { if case .sendNDISVersion(let part) = $0 { part } else { nil } }, { .sendNDISVersion($0) })
            try part(
                "SEND_NDIS_CONFIG", type == .sendNDISConfig, &visitor,
                { if case .sendNDISConfig(let part) = $0 { part } else { nil } }, { .sendNDISConfig($0) })
        }

        private mutating func visitBuffers<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try part(
                "SEND_RECEIVE_BUFFER", type == .sendReceiveBuffer, &visitor,
                { if case .sendReceiveBuffer(let part) = $0 { part } else { nil } }, { .sendReceiveBuffer($0) })
            try part(
                "SEND_RECEIVE_BUFFER_COMPLETE", type == .sendReceiveBufferComplete, &visitor,
                { if case .sendReceiveBufferComplete(let part) = $0 { part } else { nil } },
                { .sendReceiveBufferComplete($0) })
            try part(
                "REVOKE_RECEIVE_BUFFER", type == .revokeReceiveBuffer, &visitor,
                { if case .revokeReceiveBuffer(let part) = $0 { part } else { nil } }, { .revokeReceiveBuffer($0) })
            try part(
                "SEND_SEND_BUFFER", type == .sendSendBuffer, &visitor,
                { if case .sendSendBuffer(let part) = $0 { part } else { nil } }, { .sendSendBuffer($0) })
            try part(
                "SEND_SEND_BUFFER_COMPLETE", type == .sendSendBufferComplete, &visitor,
                { if case .sendSendBufferComplete(let part) = $0 { part } else { nil } },
                { .sendSendBufferComplete($0) })
            try part(
                "REVOKE_SEND_BUFFER", type == .revokeSendBuffer, &visitor,
                { if case .revokeSendBuffer(let part) = $0 { part } else { nil } }, { .revokeSendBuffer($0) })
        }

        private mutating func visitData<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try part(
                "SEND_RNDIS_PACKET", type == .sendRNDISPacket, &visitor,
                { if case .sendRNDISPacket(let part) = $0 { part } else { nil } }, { .sendRNDISPacket($0) })
            try part(
                "SEND_RNDIS_PACKET_COMPLETE", type == .sendRNDISPacketComplete, &visitor,
                { if case .sendRNDISPacketComplete(let part) = $0 { part } else { nil } },
                { .sendRNDISPacketComplete($0) })
            try part(
                "SEND_VF_ASSOCIATION", type == .sendVFAssociation, &visitor,
                { if case .sendVFAssociation(let part) = $0 { part } else { nil } }, { .sendVFAssociation($0) })
            try part(
                "SWITCH_DATA_PATH", type == .switchDataPath, &visitor,
                { if case .switchDataPath(let part) = $0 { part } else { nil } }, { .switchDataPath($0) })
        }

        private mutating func visitLater<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try part(
                "OID_QUERY_EX", type == .oidQueryEx, &visitor,
                { if case .oidQueryEx(let part) = $0 { part } else { nil } }, { .oidQueryEx($0) })
            try part(
                "OID_QUERY_EX_COMPLETE", type == .oidQueryExComplete, &visitor,
                { if case .oidQueryExComplete(let part) = $0 { part } else { nil } }, { .oidQueryExComplete($0) })
            // Request and answer share a number, so who sent it decides.
            let answers = visitor.context.sender == .hostToGuest
            try part(
                "SUBCHANNEL from the guest", type == .subchannel && !answers, &visitor,
                { if case .subchannelRequest(let part) = $0 { part } else { nil } }, { .subchannelRequest($0) })
            try part(
                "SUBCHANNEL from the host", type == .subchannel && answers, &visitor,
                { if case .subchannelComplete(let part) = $0 { part } else { nil } }, { .subchannelComplete($0) })
            try part(
                "SEND_INDIRECTION_TABLE", type == .sendIndirectionTable, &visitor,
                { if case .sendIndirectionTable(let part) = $0 { part } else { nil } }, { .sendIndirectionTable($0) })
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

        /// The message's bytes, padded with zeros to the size that senders of `version` write.
        public func encoded(version: Version, sender: Direction) -> [UInt8] {
            var bytes = encoded(context: .newest(sender: sender))
            if bytes.count < version.messageSize {
                bytes.append(contentsOf: repeatElement(0, count: version.messageSize - bytes.count))
            }
            return bytes
        }
    }
}
