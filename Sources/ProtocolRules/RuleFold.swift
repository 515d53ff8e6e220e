import BusModel
import VMBusWire

/// A record as the rules look at it: decoded once for all of them.
struct RuleRecord {
    let header: FlowRecordHeader
    let payload: ArraySlice<UInt8>
    /// The channel message, under what was agreed on; nil for other records and for bytes that are no message.
    let message: ChannelMessage?
}

/// Some rules as one fold over records and evidence. The bus is as it was before the record, and after it for evidence.
protocol RuleFold: Sendable {
    mutating func observe(_ record: RuleRecord, _ bus: RuleBus, _ report: inout RuleReport)
    mutating func observe(_ evidence: RuleEvidence, _ bus: RuleBus, _ report: inout RuleReport)
}

extension RuleFold {
    mutating func observe(_ record: RuleRecord, _ bus: RuleBus, _ report: inout RuleReport) {}
    mutating func observe(_ evidence: RuleEvidence, _ bus: RuleBus, _ report: inout RuleReport) {}
}
