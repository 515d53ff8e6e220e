import BusModel
import ProtocolRules
import VMBusWire

/// A rule of the protocol that is broken in one place, as records of the log say.
struct BreachEntry: Sendable, Hashable {
    let rule: ProtocolRule
    /// Who broke it, which is who owes what the rule asks for.
    let party: BusParty
    let partition: UInt16
    let channel: ChannelKey?
    let relid: UInt32
    /// How often.
    var count: UInt64 = 0
    /// The record that says so first, and its time in the log's nanoseconds.
    let record: UInt64
    let time: UInt64
    var lastTime: UInt64 = 0
    /// Where, the value that is wrong, and what should be: the newest.
    var place = ""
    var value = ""
    var explanation = ""
    /// When a channel that stood still went on; nil while it stands still.
    var wentOn: UInt64?

    /// Whether the rule is about signals that are missing, so that nothing moves until one comes.
    var isAboutWakeups: Bool { rule == .noLostWakeupData || rule == .noLostWakeupSpace }
    /// Whether the channel has stood still since.
    var isStuck: Bool { isAboutWakeups && wentOn == nil }

    /// What is wrong, in one line.
    ///
    /// - Parameter guest: the partition's name.
    func text(guest: String) -> String {
        let start = (isStuck ? "stuck: " : "") + "rule \(rule.id) broken: "
        guard isAboutWakeups else { return start + "\(place): \(value): \(explanation)" }
        return start + "\(value), the \(party == .guest ? "guest" : "host of") \(guest) owes a signal"
    }
}

/// The rules that a checker found to be broken, by place.
struct BreachBook: Sendable {
    /// The most rules and places that are told apart.
    private static let limit = 256

    /// In order of their first records.
    private(set) var entries: [BreachEntry] = []

    /// Takes in one record.
    mutating func follow(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        if let rule = header.brokenRule.flatMap({ ProtocolRule(rawValue: $0) }) {
            add(rule, header, payload)
        } else if !entries.isEmpty {
            goOn(header)
        }
    }

    private mutating func add(_ rule: ProtocolRule, _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        let party = BusParty(sending: header.direction)
        let known = entries.firstIndex {
            $0.rule == rule && $0.party == party && $0.partition == header.partition && $0.channel == header.channel
        }
        guard known != nil || entries.count < Self.limit else { return }
        if known == nil {
            entries.append(
                BreachEntry(
                    rule: rule, party: party, partition: header.partition, channel: header.channel,
                    relid: header.relid, record: header.sequence, time: header.time))
        }
        let index = known ?? entries.count - 1
        let words = BreachWords(payload)
        entries[index].count += 1
        entries[index].lastTime = header.time
        entries[index].wentOn = nil
        (entries[index].place, entries[index].value) = (words.place, words.value)
        entries[index].explanation = words.explanation
    }

    /// A signal of the party that owed one moves its channel again, a new connection all of them.
    private mutating func goOn(_ header: FlowRecordHeader) {
        for index in entries.indices where entries[index].isStuck && entries[index].partition == header.partition {
            let isSignal = header.kind == .signal || header.kind == .interrupt
            let isOwed = isSignal && header.channel == entries[index].channel
            let direction: Direction = entries[index].party == .guest ? .guestToHost : .hostToGuest
            let isAnew = header.kind == .message && MessageType(rawValue: header.code) == .initiateContact
            if isAnew || isOwed && header.direction == direction { entries[index].wentOn = header.time }
        }
    }
}

/// The parts of a breach's line: `id: place: value: explanation`.
struct BreachWords {
    let place: String
    let value: String
    let explanation: String

    init(_ payload: ArraySlice<UInt8>) {
        var parts: [Substring] = []
        var rest = Substring(PlainText.line(payload))
        while parts.count < 3, let colon = rest.firstRange(of: ": ") {
            parts.append(rest[..<colon.lowerBound])
            rest = rest[colon.upperBound...]
        }
        parts.append(rest)
        place = parts.count > 2 ? String(parts[1]) : ""
        value = parts.count > 3 ? String(parts[2]) : ""
        explanation = String(rest)
    }

    /// All of it in one line.
    var text: String { [place, value, explanation].filter { !$0.isEmpty }.joined(separator: ": ") }
}
