import BusModel
import ProtocolRules
import VMBusPartitions
import VMBusWire

extension ModelBreach {
    /// What a rule's checker found.
    init(_ breach: RuleBreach) {
        self.init(rule: breach.rule.id, text: "\(breach.place): \(breach.value): \(breach.explanation)")
    }
}

extension Simulation {
    /// The first rule that is broken; what is only a warning does not count.
    var brokenRule: ModelBreach? { firstBreach { !$0.rule.isWarning } }

    /// The first breach that is meant.
    func firstBreach(where isMeant: (RuleBreach) -> Bool) -> ModelBreach? {
        checker?.breaches.first(where: isMeant).map { ModelBreach($0) }
    }
}

extension ScheduleStep {
    /// What the records of a step tell: an arrow for whatever goes from one partition to the other, a note for the rest.
    static func steps(of batch: FlowBatch, in scenario: Scenario) -> [ScheduleStep] {
        let steps = batch.headers.compactMap { header in step(header, batch.payload(of: header), scenario) }
        return steps.isEmpty ? [ScheduleStep(scenario.rootName, "nothing that is recorded")] : steps
    }

    private static func step(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, _ scenario: Scenario
    ) -> ScheduleStep? {
        let index = Int(header.partition) - 1
        let guest = scenario.guests.indices.contains(index) ? scenario.guests[index].name : scenario.rootName
        let channel = header.relid == 0 ? "" : " of channel \(header.relid)"
        let text: String
        switch header.kind {
        case .message:
            text = (MessageType(rawValue: header.code).meaning ?? "message \(header.code)") + channel
        case .packet:
            text = "\(PacketType(rawValue: UInt16(truncatingIfNeeded: header.code)))" + channel
        case .signal: text = "signal" + channel
        case .interrupt: text = "interrupt" + channel
        case .fault, .note: return ScheduleStep(guest, String(decoding: payload, as: UTF8.self))
        default: return nil
        }
        switch header.direction {
        case .guestToHost: return ScheduleStep(guest, to: scenario.rootName, text)
        case .hostToGuest: return ScheduleStep(scenario.rootName, to: guest, text)
        default: return ScheduleStep(guest, text)
        }
    }
}
