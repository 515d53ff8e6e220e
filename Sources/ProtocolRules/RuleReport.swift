import BusModel

/// What the folds of the rules have found: how often each rule was checked, and what broke.
struct RuleReport: Sendable, Hashable {
    /// Breaches that are kept; of more only the count is.
    static let maximumBreaches = 1000

    private(set) var checks = [UInt64](repeating: 0, count: ProtocolRule.allCases.count)
    private(set) var counts = [UInt64](repeating: 0, count: ProtocolRule.allCases.count)
    private(set) var breaches: [RuleBreach] = []
    /// The record that is looked at: evidence counts as seen after it.
    var position = Position(sequence: 0, time: 0)

    /// A rule was looked at.
    mutating func checked(_ rule: ProtocolRule) { checks[rule.rawValue - 1] += 1 }

    /// A rule was looked at, and is broken where `holds` is false.
    ///
    /// - Returns: `holds`.
    @discardableResult
    mutating func check(
        _ rule: ProtocolRule, _ holds: Bool, by party: RuleParty, _ record: RuleRecord,
        place: @autoclosure () -> String,
        value: @autoclosure () -> String, _ explanation: @autoclosure () -> String
    ) -> Bool {
        checked(rule)
        if !holds { broken(rule, by: party, record, place: place(), value: value(), explanation()) }
        return holds
    }

    /// A record breaks a rule.
    mutating func broken(
        _ rule: ProtocolRule, by party: RuleParty, _ record: RuleRecord, place: String, value: String,
        _ explanation: String
    ) {
        add(
            RuleBreach(
                rule: rule, party: party, sequence: record.header.sequence, time: record.header.time,
                partition: record.header.partition, channel: record.header.channel, relid: record.header.relid,
                place: place, value: value, explanation: explanation,
                bytes: Array(record.payload.prefix(RuleBreach.maximumBytes))))
    }

    /// What a part of the machine is like after the present record breaks a rule.
    mutating func broken(
        _ rule: ProtocolRule, by party: RuleParty, partition: UInt16, channel: ChannelKey? = nil, relid: UInt32 = 0,
        place: String, value: String, _ explanation: String, bytes: [UInt8] = []
    ) {
        add(
            RuleBreach(
                rule: rule, party: party, sequence: position.sequence, time: position.time, partition: partition,
                channel: channel, relid: relid, place: place, value: value, explanation: explanation,
                bytes: Array(bytes.prefix(RuleBreach.maximumBytes))))
    }

    private mutating func add(_ breach: RuleBreach) {
        counts[breach.rule.rawValue - 1] += 1
        if breaches.count < Self.maximumBreaches { breaches.append(breach) }
    }
}
