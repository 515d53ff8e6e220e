import BusModel
import VMBusWire

/// Rules about devices that come and go (anchors D.1).
enum ArrivalRules {
    static let all: [DoctorRule] = [
        DoctorRule(
            "offers-unasked", .warning, .rootPartition,
            "The host offered channels before the guest asked for any.",
            method: "OFFER_CHANNEL behind a contact and before REQUEST_OFFERS, where the log shows messages",
            cause: "A host that restored a guest and forgot how far it was.",
            remedy: "Report it to whoever runs the host; a guest may drop or double such offers.",
            source: "openvmm PR#1681; ecosystem §6.4 offers-after-request",
            rows: [10],
            search: .partitions { context, partition in
                context.ledger.unaskedOffers(partition.number).map { unasked in
                    Symptom(
                        "\(unasked.count) offers came before they were asked for", since: unasked.first,
                        evidence: ["the first of \(unasked.count) \(context.text(since: unasked.first)) ago"])
                }
            }),
        DoctorRule(
            "offer-storm", .warning, .rootPartition,
            "A device comes and goes in quick succession.",
            method: "the same instance was offered or taken back six times within 10 s, the last within ten minutes",
            cause: "Something on the host adds and removes it again and again; older kernels crash of it.",
            remedy: "Find out who on the host does it.",
            source: "openvmm PR#4081",
            rows: [7],
            search: comings { context, _, list in
                let bursts = zip(list, list.dropFirst(5)).map { (first: $0.time, span: $1.time - $0.time) }
                guard let last = list.last?.time, context.isWithin(600, last), let start = list.first?.time,
                    let burst = bursts.first(where: { $0.span <= 10 * DoctorContext.second })
                else { return nil }
                let spans = (all: DoctorContext.text(last - start), six: DoctorContext.text(burst.span))
                return Symptom(
                    "offered and taken back again and again", since: burst.first,
                    evidence: [
                        "\(list.count) changes within \(spans.all), six within \(spans.six)",
                        "the last \(context.text(since: last)) ago",
                    ])
            }),
        DoctorRule(
            "sockets-lost", .info, .rootPartition,
            "Several sockets went within a second and none has come since.",
            method: "three or more hv_sock devices gone within one second, ten seconds ago, no new one since",
            cause: "The host took the socket plane down, as at the start of standby.",
            remedy: "If the guest cannot be reached any more, look at the host's side of the sockets.",
            source: "WSL#14005",
            rows: [2],
            search: .partitions { context, partition in
                let sockets = context.watch.comings.filter { $0.key.partition == partition.number }.values
                    .flatMap { $0 }.filter { $0.kind == .socket }
                let gone = sockets.filter { !$0.isArrival }.map(\.time)
                guard let last = gone.max(), context.hasLasted(10, since: last), context.isWithin(600, last),
                    !sockets.contains(where: { $0.isArrival && $0.time > last }),
                    case let count = gone.count(where: { last - $0 <= DoctorContext.second }), count >= 3
                else { return nil }
                return Symptom(
                    "\(count) sockets went at once", since: last,
                    evidence: ["\(count) rescinds within a second, \(context.text(since: last)) ago, no offer since"])
            }),
        DoctorRule(
            "device-removed", .info, .nobody,
            "A device is gone.",
            method: """
                a device that was there went within 15 minutes and did not come back; not PCI functions and sockets, \
                which come and go
                """,
            cause: "Somebody removed it on the host; after hibernation it may be missing.",
            remedy: "Nothing, if it was meant.",
            source: "ecosystem §1.4, DeviceRemoved; commit 6ed60e5ea",
            rows: [46],
            search: comings { context, name, list in
                guard let last = list.last, !last.isArrival, ![.pci, .socket].contains(last.kind),
                    context.isWithin(900, last.time)
                else { return nil }
                return Symptom(
                    "\(last.kind.word) is gone", since: last.time,
                    evidence: ["gone \(context.text(since: last.time)) ago", "instance \(name.device)"])
            }),
    ]

    /// Looks at the comings and goings of every device, also of those that are gone.
    private static func comings(
        _ look: @escaping @Sendable (DoctorContext, WatchBook.DeviceName, [WatchBook.Coming]) -> Symptom?
    ) -> RuleSearch {
        RuleSearch { rule, context in
            let names = context.watch.comings.keys.sorted { ($0.partition, $0.device) < ($1.partition, $1.device) }
            return names.compactMap { name in
                look(context, name, context.watch.comings[name] ?? []).map { symptom in
                    let place = context.devices.first {
                        $0.partition.number == name.partition && $0.device.instance == name.device
                    }
                    return rule.finding(
                        symptom, of: .device(name.partition, name.device),
                        place?.label ?? name.device.description)
                }
            }
        }
    }
}
