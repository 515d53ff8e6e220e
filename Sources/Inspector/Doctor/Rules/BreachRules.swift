import BusModel
import ProtocolRules
import VMBusWire

/// What a checker of the protocol's rules says: in a simulation, which shows it everything.
enum BreachRules {
    static let all: [DoctorRule] = [
        DoctorRule(
            "broken-rule", .critical, .guestDriver,
            "A rule of the protocol is broken.",
            method: """
                the checker of a simulation looks at every step; a signal that is missing is critical until the channel \
                goes on, then a warning, as is a signal too many
                """,
            cause: "One end has a bug, or a fault was injected; the record before the breach tells which.",
            remedy: "Step back from the record of the breach: M and E go to what came before.",
            source: "ecosystem §6.4; 'vmbusscope print protocol-rules' has them all",
            search: RuleSearch { rule, context in
                // What stands still comes first, as it speaks for its channel.
                let entries = context.breaches.entries
                return (entries.filter(\.isStuck) + entries.filter { !$0.isStuck }).map { entry in
                    rule.finding(symptom(entry, context), of: subject(entry), label(entry, context))
                }
            })
    ]

    private static func symptom(_ entry: BreachEntry, _ context: DoctorContext) -> Symptom {
        var evidence = [
            "rule \(entry.rule.rawValue), \(entry.rule.id): \(entry.rule.text)",
            "\(entry.place): \(entry.value); \(entry.explanation)",
            "record \(entry.record) at \(Quantity.time(entry.time)) s, \(context.text(since: entry.time)) ago",
            "broken by the \(entry.party.rawValue)" + (entry.relid == 0 ? "" : ", channel \(entry.relid)"),
        ]
        if entry.count > 1 {
            evidence.append("\(entry.count) times, the last \(context.text(since: entry.lastTime)) ago")
        }
        if let time = entry.wentOn { evidence.append("it went on at \(Quantity.time(time)) s") }
        let isMild = entry.rule.isWarning || entry.isAboutWakeups && !entry.isStuck
        let actor: ResponsibleParty =
            entry.party == .guest ? .guestDriver : entry.channel == nil ? .rootPartition : .hostProvider
        return Symptom(
            entry.text(guest: PlainText.clean(context.snapshot.partition(entry.partition)?.name ?? "")),
            since: entry.time, severity: isMild ? .warning : nil, actor: actor, evidence: evidence)
    }

    private static func subject(_ entry: BreachEntry) -> FindingSubject {
        entry.channel.map { .channel($0) } ?? .partition(entry.partition)
    }

    private static func label(_ entry: BreachEntry, _ context: DoctorContext) -> String {
        let partition = context.snapshot.partition(entry.partition)
        guard let key = entry.channel else { return PlainText.clean(partition?.name ?? "") }
        return context.channels.first { $0.key == key }?.label ?? "channel \(entry.relid)"
    }
}
