import BusModel
import ProtocolRules
import VMBusDevices
import VMBusWire

/// Names and summaries of the records that are neither messages nor packets.
enum RecordNames {
    /// Whether a message can change which channels there are, or what they are called.
    static func changesChannels(_ type: MessageType) -> Bool {
        [.offerChannel, .rescindChannelOffer, .relidReleased, .initiateContact, .unloadComplete].contains(type)
    }

    /// Fills in name and summary.
    static func describe(_ entry: inout FlowEntry, _ payload: ArraySlice<UInt8>) {
        let code = entry.header.code
        switch entry.header.kind {
        case .signal:
            entry.name = "SYNIC." + (SignalCode(rawValue: code).meaning ?? "SIGNAL_\(code)")
            entry.info = signalText(code, payload)
        case .interrupt:
            entry.name = "SYNIC.EVENT_FLAG"
            if let flag = try? EventFlagDelivery.decode(payload) {
                entry.info = "flag \(flag.flag) on vp \(flag.vp), sint \(flag.sint)"
            }
        case .state:
            entry.name = "STATE." + (StateCode(rawValue: code).meaning ?? "CODE_\(code)")
            entry.info = attributesText(payload)
        case .sample:
            entry.name = entry.header.relid == 0 ? "SAMPLE.EVIDENCE" : "SAMPLE.COUNTERS"
            entry.info = attributesText(payload)
            if entry.info.isEmpty { entry.info = "nothing to be had" }
        case .fault:
            let fault = FaultCode(rawValue: code)
            entry.name = fault.isInjected ? "FAULT.INJECTED" : "FAULT.VIOLATION"
            entry.info = PlainText.line(payload)
            if let rule = fault.rule.flatMap({ ProtocolRule(rawValue: $0) }) {
                entry.name = "RULE.BROKEN"
                entry.info =
                    "rule \(rule.id) broken by the \(BusParty(sending: entry.header.direction).rawValue): \(BreachWords(payload).text)"
            }
        case .gap:
            entry.name = "GAP.RECORDS_MISSING"
            entry.info = PlainText.line(payload)
        case .note:
            entry.name = "NOTE.TEXT"
            entry.info = PlainText.line(payload)
        case .keyframe:
            entry.name = "KEYFRAME.SNAPSHOT"
            entry.info = "\(payload.count) bytes"
        case .trace:
            entry.name = "TRACE.EVENT"
            if let record = try? TraceRecord.decode(payload) {
                (entry.name, entry.info) = (TraceSummary.name(record), TraceSummary.text(record))
            }
        case .kernelLog:
            let fact = KernelLogFact(rawValue: UInt16(truncatingIfNeeded: code))
            entry.name = "LOG." + (fact.meaning ?? "FACT_\(code)")
            if let record = try? KernelLogRecord.decode(payload) { entry.info = PlainText.clean(record.line) }
        case .register:
            let register = HypervisorRegister(rawValue: code)
            entry.name = "REGISTER." + (register.meaning ?? Hexadecimal.prefixed(code))
            entry.info = registerText(payload)
        case .frame:
            entry.name = code == 1 ? "FRAME.ETHERNET" : "FRAME.LINK_\(code)"
            entry.info = code == 1 ? PlainText.clean(EthernetFrame.summary(payload)) : "\(payload.count) bytes"
        default:
            entry.name = "RECORD.KIND_\(entry.header.kind.rawValue)"
            entry.info = "\(payload.count) bytes"
        }
    }

    private static func signalText(_ code: UInt32, _ payload: ArraySlice<UInt8>) -> String {
        switch SignalCode(rawValue: code) {
        case .hypercall:
            guard let input = try? SignalEventInput.decode(payload) else { return "" }
            return "connection \(Hexadecimal.prefixed(input.connectionID)), flag \(input.flagNumber)"
        case .monitorPage:
            guard let signal = try? MonitorSignal.decode(payload) else { return "" }
            return "monitor bit \(signal.monitorID)"
        default: return ""
        }
    }

    private static func registerText(_ payload: ArraySlice<UInt8>) -> String {
        guard let write = try? RegisterWrite.decode(payload) else { return "" }
        var meaning: String?
        switch write.register {
        case .guestOSID: meaning = write.value == 0 ? "nobody" : GuestOSID(rawValue: write.value).name
        case .messagePage, .eventFlagsPage, .hypercall:
            meaning = write.value & 1 == 0 ? "disabled" : "page \(Hexadecimal.prefixed(write.value & ~0xFFF))"
        case .control: meaning = write.value & 1 == 0 ? "disabled" : "enabled"
        default:
            guard write.register.source != nil else { break }
            let isMasked = write.value & 0x1_0000 != 0
            meaning = isMasked ? "masked" : "vector \(Hexadecimal.prefixed(write.value & 0xFF))"
        }
        return "vp \(write.vp) wrote \(Hexadecimal.prefixed(write.value))" + (meaning.map { ", \($0)" } ?? "")
    }

    /// The first few values that are known, as `name=value`.
    private static func attributesText(_ payload: ArraySlice<UInt8>) -> String {
        let readings = ((try? AttributeList.decode(payload))?.readings ?? []).filter { $0.form != .unavailable }
        let shown = 8
        var parts = readings.prefix(shown).map { reading in
            (reading.attribute.meaning ?? "attribute_\(reading.attribute.rawValue)") + "=" + valueText(reading)
        }
        if readings.count > shown { parts.append("+\(readings.count - shown)") }
        return parts.joined(separator: " ")
    }

    static func valueText(_ reading: AttributeReading) -> String {
        switch reading.form {
        case .number: word(reading) ?? String(reading.number)
        case .text: reading.text.isEmpty ? "none" : PlainText.clean(reading.string)
        case .guid: reading.guid.description
        case .denied: "denied"
        case .failed: PlainText.clean(reading.string)
        default: "-"
        }
    }

    /// The word for a number that stands for one.
    private static func word(_ reading: AttributeReading) -> String? {
        switch reading.attribute {
        case .role: PartitionRole(rawValue: reading.number).map { $0 == .root ? "root" : "guest" }
        case .connectionPhase: ConnectionPhase(rawValue: reading.number)?.word
        case .channelPhase: ChannelPhase(rawValue: reading.number)?.word
        case .inSizeSource, .outSizeSource: RingSizeSource(rawValue: reading.number)?.word
        case .protocolVersion: ProtocolVersion(rawValue: UInt32(truncatingIfNeeded: reading.number)).description
        case .featureFlags: Hexadecimal.prefixed(reading.number)
        default: nil
        }
    }

    /// The name that a record gives to its partition.
    static func partitionName(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) -> String? {
        guard header.kind == .state, header.device == .zero else { return nil }
        return (try? AttributeList.decode(payload))?.readings.first { $0.attribute == .name && $0.form == .text }?
            .string
    }
}
