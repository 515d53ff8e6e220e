import BusModel
import ProtocolRules
import VMBusDevices
public import VMBusWire

/// Turns any record of the log into named fields that cover its bytes.
public enum RecordDissector {
    /// The structures whose fields a tree can hold besides those of the bus, for completion.
    static let structures: [any WireStructure.Type] = [
        MonitorSignal.self, EventFlagDelivery.self, RegisterWrite.self, AttributeReading.self, TraceRecord.self,
        TraceField.self, KernelLogRecord.self, NVSP.Initialize.self,
        NVSP.InitializeComplete.self, NVSP.NDISVersion.self, NVSP.NDISConfig.self, NVSP.SharedBuffer.self,
        NVSP.RevokedBuffer.self, NVSP.ReceiveBufferComplete.self, NVSP.SendBufferComplete.self, NVSP.RNDISPacket.self,
        NVSP.SubchannelRequest.self, NVSP.SubchannelComplete.self, NVSP.IndirectionTable.self, RNDIS.Initialize.self,
        RNDIS.InitializeComplete.self, RNDIS.Request.self, RNDIS.Answer.self, RNDIS.IndicateStatus.self,
        RNDIS.Packet.self, RNDIS.PerPacketInfo.self, IntegrationComponent.Negotiate.self, HeartbeatMessage.self,
        ShutdownMessage.self, TimeSample.self, TimeReference.self, KeyValueMessage.self, AdapterAddresses.self,
        BackupMessage.self, FileCopyMessage.self, KeyboardMessage.self, MouseMessage.self, VideoMessage.self,
    ]

    /// The fields of a record, under what was agreed on when it was written.
    public static func tree(_ entry: FlowEntry, _ payload: ArraySlice<UInt8>) -> FieldTree {
        let header = entry.header
        var tree: FieldTree
        switch header.kind {
        case .message: return ChannelMessage.tree(payload, context: entry.context)
        case .packet:
            tree = ChannelDissector.tree(
                payload, attachmentLength: Int(header.attachmentLength), direction: header.direction ?? .guestToHost,
                kind: entry.deviceClass, hint: entry.hint)
        case .signal where SignalCode(rawValue: header.code) == .hypercall:
            tree = structured(SignalEventInput.self, payload)
        case .signal where SignalCode(rawValue: header.code) == .monitorPage:
            tree = structured(MonitorSignal.self, payload)
        case .interrupt: tree = structured(EventFlagDelivery.self, payload)
        case .register: tree = structured(RegisterWrite.self, payload)
        case .trace: tree = worded(structured(TraceRecord.self, payload))
        case .kernelLog: tree = worded(structured(KernelLogRecord.self, payload))
        case .state, .sample: tree = structured(AttributeList.self, payload)
        case .fault: tree = FieldTree(name: "", fields: rule(header) + text(payload))
        case .note, .gap: tree = FieldTree(name: "", fields: text(payload))
        case .keyframe: tree = keyframe(payload)
        case .frame where header.code == 1: tree = FieldTree(name: "", fields: EthernetFrame.fields(payload))
        default: tree = FieldTree(name: "", fields: bytes("data", payload))
        }
        tree.name = entry.name
        return tree
    }

    private static func structured<Value: WireStructure>(
        _ type: Value.Type, _ payload: ArraySlice<UInt8>
    ) -> FieldTree {
        guard !payload.isEmpty else { return FieldTree(name: "", fields: []) }
        let (fields, _, problem) = Value.fields(payload)
        return FieldTree(name: "", fields: fields, problem: problem)
    }

    /// The same where all bytes are words, which the fields then say as well.
    private static func worded(_ tree: FieldTree) -> FieldTree {
        func worded(_ nodes: [FieldNode]) -> [FieldNode] {
            nodes.map { node in
                var node = node
                if case .bytes(let bytes) = node.value, node.text == nil { node.text = PlainText.line(bytes[...]) }
                node.children = worded(node.children)
                return node
            }
        }
        var tree = tree
        tree.fields = worded(tree.fields)
        return tree
    }

    private static func keyframe(_ payload: ArraySlice<UInt8>) -> FieldTree {
        let (fields, problem) = BusSnapshot.keyframeFields(payload)
        return FieldTree(name: "", fields: fields, problem: problem)
    }

    /// The rule that is broken, which the record's code names.
    private static func rule(_ header: FlowRecordHeader) -> [FieldNode] {
        guard let rule = header.brokenRule.flatMap({ ProtocolRule(rawValue: $0) }) else { return [] }
        return [
            FieldNode(
                name: "rule", offset: 0, size: 0, value: .text("\(rule.rawValue) \(rule.id)"), help: rule.text)
        ]
    }

    private static func text(_ payload: ArraySlice<UInt8>) -> [FieldNode] {
        guard !payload.isEmpty else { return [] }
        return [
            FieldNode(
                name: "text", offset: 0, size: payload.count, value: .text(PlainText.line(payload)),
                help: "what was written down")
        ]
    }

    private static func bytes(_ name: String, _ payload: ArraySlice<UInt8>) -> [FieldNode] {
        guard !payload.isEmpty else { return [] }
        return [FieldNode(name: name, offset: 0, size: payload.count, value: .bytes(Array(payload)))]
    }
}
