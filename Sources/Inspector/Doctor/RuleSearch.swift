import BusModel
import VMBusWire

/// What a search sees in one place. The rule adds its name, and all that is nil here.
struct Symptom {
    /// What is the matter, in one line.
    var text: String
    /// Since when, in the log's nanoseconds.
    var since: UInt64?
    var severity: Severity?
    var actor: ResponsibleParty?
    /// The numbers and times that say so.
    var evidence: [String]

    init(
        _ text: String, since: UInt64? = nil, severity: Severity? = nil, actor: ResponsibleParty? = nil,
        evidence: [String?] = []
    ) {
        (self.text, self.since, self.severity, self.actor) = (text, since, severity, actor)
        self.evidence = evidence.compactMap { $0 }
    }
}

/// How a rule searches: where it looks, and what it looks for there.
struct RuleSearch: Sendable {
    let run: @Sendable (DoctorRule, DoctorContext) -> [Finding]

    /// What any of these searches finds.
    static func any(_ searches: RuleSearch...) -> RuleSearch {
        RuleSearch { rule, context in searches.flatMap { $0.run(rule, context) } }
    }
}

extension RuleSearch {
    // MARK: Things

    /// Looks at every channel.
    static func channels(
        _ look: @escaping @Sendable (DoctorContext, ChannelCase, ChannelWatch) -> Symptom?
    ) -> RuleSearch {
        RuleSearch { rule, context in
            context.channels.compactMap { place in
                place.watch.flatMap { look(context, place, $0) }.map {
                    rule.finding($0, of: place.subject, place.label)
                }
            }
        }
    }

    /// Looks at every channel that is open.
    static func openChannels(
        _ look: @escaping @Sendable (DoctorContext, ChannelCase, ChannelWatch) -> Symptom?
    ) -> RuleSearch {
        channels { $1.isOpen ? look($0, $1, $2) : nil }
    }

    /// Looks at every device of these kinds.
    static func devices(
        _ kinds: [DeviceKind] = DeviceKind.allCases,
        _ look: @escaping @Sendable (DoctorContext, DeviceCase, DeviceWatch) -> Symptom?
    ) -> RuleSearch {
        RuleSearch { rule, context in
            context.devices.compactMap { place in
                guard kinds.contains(place.kind), let watch = place.watch else { return nil }
                return look(context, place, watch).map { rule.finding($0, of: place.subject, place.label) }
            }
        }
    }

    /// Looks for devices of these kinds that have been in this state for so many seconds.
    static func state(
        _ number: UInt64, _ word: String, _ kinds: [DeviceKind] = DeviceKind.allCases, seconds: UInt64,
        _ text: @escaping @Sendable (DoctorContext, DeviceCase) -> String?
    ) -> RuleSearch {
        devices(kinds) { context, place, watch in
            guard let state = watch.state, state.value == number,
                let since = context.held(since: state.since, of: watch, seconds: seconds),
                let text = text(context, place)
            else { return nil }
            return Symptom(
                text, since: since, evidence: ["state \(number) (\(word)) for \(context.text(since: since))"])
        }
    }

    /// Looks for devices of these kinds of which something has been 0 for so many seconds.
    static func off(
        _ attribute: Attribute, _ word: String, _ kinds: [DeviceKind], seconds: UInt64,
        _ look: @escaping @Sendable (DeviceCase) -> (text: String, more: String?)?
    ) -> RuleSearch {
        devices(kinds) { context, place, watch in
            guard let value = watch.steady[attribute.rawValue], value.value == 0,
                let since = context.held([value], seconds: seconds), let (text, more) = look(place)
            else { return nil }
            return Symptom(text, since: since, evidence: ["\(word) for \(context.text(since: since))", more])
        }
    }

    /// Looks at every partition.
    static func partitions(
        _ look: @escaping @Sendable (DoctorContext, PartitionSnapshot) -> Symptom?
    ) -> RuleSearch {
        RuleSearch { rule, context in
            context.snapshot.partitions.compactMap { partition in
                look(context, partition).map {
                    rule.finding($0, of: .partition(partition.number), PlainText.clean(partition.name))
                }
            }
        }
    }

    /// Looks for a text about a partition that is empty where all is well.
    static func words(_ attribute: Attribute, _ text: String) -> RuleSearch {
        partitions { _, partition in
            guard let words = partition.evidence.text(attribute), !words.isEmpty else { return nil }
            return Symptom(text, evidence: [PlainText.clean(words)])
        }
    }

    /// Looks for devices of which a counter grew within ten minutes: by so much in all, and by so much a second, lately and over
    /// at least 5 s, where that is asked for.
    static func growth(
        of counter: String, _ kinds: [DeviceKind], _ text: String, by least: UInt64 = 1, rate leastRate: Double = 0,
        actor: ResponsibleParty? = nil
    ) -> RuleSearch {
        devices(kinds) { context, place, watch in
            guard let window = watch.counters[counter], window.growth.count >= least, let last = window.grewAt,
                let rate = window.rate
            else { return nil }
            let (count, time) = window.growth
            var evidence = ["\(counter) grew by \(count) within \(DoctorContext.text(time))"]
            if leastRate > 0 {
                let isLately = time >= 5 * DoctorContext.second && context.isWithin(60, last)
                guard rate >= leastRate, isLately else { return nil }
                evidence[0] += ", \(Quantity.rate(rate)) a second"
                for channel in place.device.channels {
                    guard let used = channel.outbound.used.value, let size = channel.outbound.size.value else {
                        continue
                    }
                    evidence.append("relid \(channel.relid): \(used) of \(size) bytes wait for the host")
                    if evidence.count > 8 { break }
                }
            }
            evidence.append("the last \(context.text(since: last)) ago")
            return Symptom(text, since: window.grewFirst, actor: actor, evidence: evidence)
        }
    }

    // MARK: The log of the kernel

    /// Looks at what the kernel's log tells of these facts, the last line at most so many seconds ago.
    static func lines(
        _ facts: KernelLogFact..., within seconds: UInt64? = nil,
        _ look: @escaping @Sendable (DoctorContext, LogEntry) -> Symptom?
    ) -> RuleSearch {
        RuleSearch { rule, context in
            facts.flatMap { context.lines($0, within: seconds) }.compactMap { entry in
                guard var symptom = look(context, entry) else { return nil }
                symptom.since = symptom.since ?? entry.first
                symptom.evidence = context.evidence(entry) + symptom.evidence
                let (subject, label) = context.subject(entry)
                return rule.finding(symptom, of: subject, label)
            }
        }
    }

    /// Looks for lines that say it all.
    static func lines(_ fact: KernelLogFact, within seconds: UInt64, _ text: String) -> RuleSearch {
        lines(fact, within: seconds) { _, _ in Symptom(text) }
    }

    // MARK: The ledger

    /// Looks at requests of these kinds that have waited for so many seconds.
    static func waiting(
        _ kinds: ControlRequestKind..., seconds: UInt64,
        _ look: @escaping @Sendable (DoctorContext, ControlRequest, inout Symptom) -> Bool = { _, _, _ in true }
    ) -> RuleSearch {
        RuleSearch { rule, context in
            context.ledger.waiting.compactMap { request in
                guard kinds.contains(request.kind), context.hasLasted(seconds, since: request.sentAt) else {
                    return nil
                }
                var symptom = context.symptom(request)
                return look(context, request, &symptom) ? rule.finding(symptom, of: request, context) : nil
            }
        }
    }

    /// Looks at requests of these kinds that ended so within ten minutes.
    static func ended(
        _ state: ControlRequestState, _ text: String, of kinds: [ControlRequestKind] = ControlRequestKind.allCases,
        _ look: @escaping @Sendable (DoctorContext, ControlRequest, _ end: UInt64, inout Symptom) -> Bool
    ) -> RuleSearch {
        RuleSearch { rule, context in
            context.ledger.finished.compactMap { request in
                guard request.state == state, kinds.contains(request.kind), let end = request.answeredAt,
                    context.isWithin(600, end)
                else { return nil }
                var symptom = context.symptom(request)
                symptom.text = "\(text): \(request.kind.title)"
                symptom.evidence = Array(symptom.evidence.prefix(1))
                return look(context, request, end, &symptom) ? rule.finding(symptom, of: request, context) : nil
            }
        }
    }
}

extension DoctorRule {
    func finding(_ symptom: Symptom, of request: ControlRequest, _ context: DoctorContext) -> Finding {
        let name = PlainText.clean(context.snapshot.partition(request.partition)?.name ?? "")
        return finding(
            symptom, of: request.channel.map { .channel($0) } ?? .partition(request.partition),
            request.label.isEmpty ? name : request.label, request: request.id)
    }
}

extension DoctorContext {
    /// A request that waits, with all that is known of it.
    func symptom(_ request: ControlRequest) -> Symptom {
        let relid = request.relid == 0 ? "" : ", relid \(request.relid)"
        let detail = request.detail.isEmpty ? "" : ", \(request.detail)"
        let sent = "sent by the \(request.sender.rawValue) at \(Quantity.time(request.sentAt)) s"
        return Symptom(
            "no answer to: \(request.kind.title)", since: request.sentAt,
            evidence: [
                request.kind.title + relid + detail,
                "\(sent) (record \(request.record)), \(text(since: request.sentAt)) ago, no answer",
                request.pagesExpected.map { "\(request.pagesReceived ?? 0) of \($0) pages sent" },
            ])
    }
}
