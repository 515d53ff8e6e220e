import VMBusWire

extension ChannelDissector {
    /// What matters in an NVSP message.
    static func info(_ message: NVSP.Message) -> String {
        func text<Value: NamedScalar>(_ value: Value) -> String where Value.RawValue: UnsignedInteger {
            value.meaning ?? Hexadecimal.prefixed(value.rawValue)
        }
        switch message.body {
        case .initialize(let body):
            return body.minimum == body.maximum
                ? text(body.maximum) : "\(text(body.minimum)) to \(text(body.maximum))"
        case .initializeComplete(let body): return "\(text(body.status)), \(text(body.version))"
        case .sendNDISVersion(let body): return "NDIS \(body.major).\(body.minor)"
        case .sendReceiveBuffer(let body), .sendSendBuffer(let body):
            return "GPADL \(Hexadecimal.prefixed(body.gpadl)), id \(Hexadecimal.prefixed(body.id))"
        case .sendReceiveBufferComplete(let body):
            guard let section = body.sections.first else { return text(body.status) }
            return "\(text(body.status)), \(section.subAllocationCount) places of \(section.subAllocationSize) bytes"
        case .revokeReceiveBuffer(let body), .revokeSendBuffer(let body):
            return "id \(Hexadecimal.prefixed(body.id))"
        case .sendSendBufferComplete(let body): return "\(text(body.status)), sections of \(body.sectionSize) bytes"
        case .sendRNDISPacket(let body):
            let place =
                body.sectionIndex == NVSP.noSection
                ? "no section" : "section \(body.sectionIndex), \(body.sectionSize) bytes"
            return "\(text(body.channelType)), \(place)"
        case .sendRNDISPacketComplete(let body): return text(body.status)
        case .sendNDISConfig(let body): return "frames of \(body.maximumFrame) bytes, \(text(body.capabilities))"
        case .sendVFAssociation(let body):
            return body.allocated != 0 ? "virtual function \(body.serial)" : "no virtual function"
        case .switchDataPath(let body): return text(body.active)
        case .oidQueryEx(let body): return body.object.name
        case .oidQueryExComplete(let body): return "\(text(body.status)), \(body.byteCount) bytes"
        case .subchannelRequest(let body): return "\(body.count) sub-channels wanted"
        case .subchannelComplete(let body): return "\(text(body.status)), \(body.granted) sub-channels granted"
        case .sendIndirectionTable(let body):
            return "\(body.entries.count) entries over \(Set(body.entries.map { $0.channel }).count) channels"
        case .other(let body): return "\(body.bytes.count) bytes"
        }
    }

    /// What matters in an RNDIS message; `subject` is the object that an answer is about.
    static func info(_ message: RNDIS.Message, subject: UInt32) -> String {
        func text(_ status: RNDIS.Status) -> String { status.meaning ?? Hexadecimal.prefixed(status.rawValue) }
        let object = subject == 0 ? "" : " \(RNDIS.ObjectIdentifier(rawValue: subject).name)"
        switch message.body {
        case .packet(let body): return EthernetFrame.summary(body.frame[...])
        case .initialize(let body): return "request \(body.requestID), up to \(body.maximumTransfer) bytes"
        case .initializeComplete(let body):
            return "request \(body.requestID), \(text(body.status)), \(body.maximumPackets) messages per packet"
        case .halt(let body), .keepalive(let body): return "request \(body.requestID)"
        case .request(let body):
            let value = message.type == .query ? "" : " = \(body.information.summary)"
            return "request \(body.requestID), \(body.object.name)\(value)"
        case .answer(let body):
            guard body.status == .success else { return "request \(body.requestID),\(object) \(text(body.status))" }
            return "request \(body.requestID),\(object.isEmpty ? "" : object + " =") \(body.information.summary)"
        case .result(let body): return "request \(body.requestID),\(object) \(text(body.status))"
        case .resetComplete(let body): return text(body.status)
        case .indicateStatus(let body):
            return text(body.status) + (body.speed.flatMap { $0.meaning }.map { ", \($0)" } ?? "")
        case .reset, .other: return "\(message.length) bytes"
        }
    }
}
