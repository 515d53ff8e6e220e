import BusModel
import VMBusWire

/// Rules about requests of the control plane (anchors D.1).
enum ControlRules {
    static let all: [DoctorRule] = [
        waitCycle, openUnanswered, openingStuck, pageListUnanswered, pageListIncomplete, teardownUnanswered,
        contactUnanswered, offersUnfinished, moveUnanswered, socketUnanswered, rescindUnreleased, unloadUnanswered,
        otherUnanswered, requestRefused, postFailed, releasedEarly, unaskedOffers, offerStorm, socketsLost,
        deviceRemoved, transactionOld, pageListTotal,
    ]

    // MARK: Waiting requests

    /// Findings about requests of some kinds that have waited so many seconds.
    private static func waiting(
        _ rule: String, _ kinds: [ControlRequestKind], _ context: DoctorContext, seconds: UInt64, _ severity: Severity,
        _ party: ResponsibleParty, where fits: (ControlRequest) -> Bool = { _ in true }
    ) -> [Finding] {
        context.ledger.waiting.compactMap { request in
            guard kinds.contains(request.kind), request.age(at: context.now) >= seconds * DoctorContext.second,
                fits(request)
            else { return nil }
            return finding(rule, severity, request, context, party)
        }
    }

    static func finding(
        _ rule: String, _ severity: Severity, _ request: ControlRequest, _ context: DoctorContext,
        _ party: ResponsibleParty, text: String? = nil, more: [String] = []
    ) -> Finding {
        let partition = context.snapshot.partition(request.partition)
        let subject = request.channel.map { FindingSubject.channel($0) } ?? .partition(request.partition)
        let label = request.label.isEmpty ? PlainText.clean(partition?.name ?? "") : request.label
        var evidence = [
            "\(request.kind.title)\(request.relid == 0 ? "" : ", relid \(request.relid)")"
                + (request.detail.isEmpty ? "" : ", \(request.detail)"),
            "sent by the \(request.sender.rawValue) at \(Quantity.time(request.sentAt)) s (record \(request.record)), "
                + "\(context.text(since: request.sentAt)) ago, no answer",
        ]
        if let expected = request.pagesExpected, let received = request.pagesReceived {
            evidence.append("\(received) of \(expected) pages sent")
        }
        return Finding(
            rule: rule, severity: severity, subject: subject, label: label,
            text: text ?? "no answer to: \(request.kind.title)", since: request.sentAt, actor: party,
            evidence: evidence + more, request: request.id)
    }

    /// Whether the host has taken the channel of a request back, after which it answers nothing (reference §8.2).
    private static func isRescinded(_ request: ControlRequest, _ context: DoctorContext) -> Bool {
        context.ledger.waiting.contains {
            $0.kind == .release && $0.partition == request.partition && $0.relid == request.relid
        }
    }

    static let waitCycle = DoctorRule(
        "wait-cycle", .critical,
        "Guest and host wait for each other, so neither goes on.",
        method: "a ring in the graph of who waits for whom, of waits that are at least 5 s old",
        cause: "A rescind met a request in flight, such as an open, and each side waits for the other's answer.",
        remedy: "Nothing in the guest ends it but a restart of the guest; report it with the requests below.",
        source: "reference §8.2; WSL#41286, docker/for-win#1994, linuxkit#2724", rows: [1, 4, 11]
    ) { context in
        context.graph.cycles.compactMap { cycle in
            guard let youngest = cycle.map(\.since).max(), context.age(youngest) >= 5 * DoctorContext.second,
                let first = cycle.first, let request = context.ledger.request(first.request)
            else { return nil }
            var result = finding(
                "wait-cycle", .critical, request, context, .guestKernel,
                text: "guest and host wait for each other")
            result.since = youngest
            result.evidence = cycle.map { edge in
                let name = context.ledger.request(edge.request)?.label ?? ""
                return "\(edge.from.party.rawValue) waits for \(edge.to.party.rawValue)"
                    + (name.isEmpty ? "" : " (\(name))")
                    + " for \(context.text(since: edge.since)): \(edge.reason)"
            }
            return result
        }
    }

    static let openUnanswered = DoctorRule(
        "open-unanswered", .critical,
        "The guest asked to open a channel and nobody has answered.",
        method: "OPEN_CHANNEL without a result for 5 s",
        cause: "The host's side of the device hangs, or the channel was rescinded in between.",
        remedy: "Look at the host's worker process of this VM. Linux waits without a limit.",
        source: "reference §8.8: no timeout for open; WSL#41286", rows: [1, 4, 6, 11]
    ) { context in
        context.ledger.waiting.compactMap { request in
            guard request.kind == .open, context.age(request.sentAt) >= 5 * DoctorContext.second else { return nil }
            let isRescinded = isRescinded(request, context)
            return finding(
                "open-unanswered", .critical, request, context, isRescinded ? .guestKernel : .hostProvider,
                more: isRescinded ? ["the host has rescinded the channel, so no answer will come"] : [])
        }
    }

    static let openingStuck = DoctorRule(
        "opening-stuck", .critical,
        "A device stays in the state of being opened.",
        method: "sysfs state 1 (opening) for 5 s and three looks, where no request in the ledger says more",
        cause: "The guest waits for the host's answer to a page list or to the open.",
        remedy: "Turn tracing on to see which answer is missing; look at the host's worker process of this VM.",
        source: "reference §8.2: state 1 lasts until GPADL_CREATED and OPEN_CHANNEL_RESULT; linuxkit#2910",
        rows: [1, 5, 11]
    ) { context in
        context.devices.compactMap { place in
            guard let state = place.watch?.state, state.value == 1,
                let since = context.held(since: state.since, seconds: 5),
                !context.ledger.waiting.contains(where: { $0.channel?.device == place.device.instance })
            else { return nil }
            return context.finding(
                "opening-stuck", .critical, place, since: since, .hostProvider, "it has been opening for long",
                evidence: ["state 1 (opening) for \(context.text(since: since))"])
        }
    }

    static let pageListUnanswered = DoctorRule(
        "gpadl-unanswered", .critical,
        "The guest gave the host a complete page list and nobody has answered.",
        method: "GPADL_HEADER and all its bodies without GPADL_CREATED for 5 s",
        cause: "The host hangs, or did not get all of it.",
        remedy: "Look at the host's worker process of this VM. Linux waits without a limit.",
        source: "reference §8.8, §3.9", rows: [1, 4, 16]
    ) { context in
        waiting("gpadl-unanswered", [.pageList], context, seconds: 5, .critical, .hostProvider) {
            ($0.pagesReceived ?? 0) >= ($0.pagesExpected ?? 0)
        }
    }

    static let pageListIncomplete = DoctorRule(
        "gpadl-incomplete", .critical,
        "A page list was begun and not finished, so the host cannot answer.",
        method: "fewer pages sent than the header announces, and no further part for 5 s",
        cause: "The guest stopped in the middle: a post failed, or the driver was removed.",
        remedy: "Look at the guest's kernel log for posts that failed.",
        source: "reference §3.9; openvmm PR#2410", rows: [16]
    ) { context in
        waiting("gpadl-incomplete", [.pageList], context, seconds: 5, .critical, .guestKernel) { request in
            (request.pagesReceived ?? 0) < (request.pagesExpected ?? 0)
                && context.age(request.lastPartAt) >= 5 * DoctorContext.second
        }
    }

    static let teardownUnanswered = DoctorRule(
        "teardown-unanswered", .critical,
        "The guest wants memory back from the host and nobody has answered.",
        method: "GPADL_TEARDOWN without GPADL_TORNDOWN for 5 s",
        cause: "The host still uses the pages, or the channel was rescinded, after which no answer comes.",
        remedy: "Look at the host's worker process of this VM; update a guest that tears down behind a rescind.",
        source: "reference §8.2; LIS/lis-next#253", rows: [15]
    ) { context in
        context.ledger.waiting.compactMap { request in
            guard request.kind == .teardown, context.age(request.sentAt) >= 5 * DoctorContext.second else { return nil }
            let isRescinded = isRescinded(request, context)
            return finding(
                "teardown-unanswered", .critical, request, context, isRescinded ? .guestDriver : .hostProvider,
                more: isRescinded ? ["the channel is rescinded, so no answer will come"] : [])
        }
    }

    static let contactUnanswered = DoctorRule(
        "contact-unanswered", .critical,
        "The guest proposed a version and nobody has answered.",
        method: "INITIATE_CONTACT without VERSION_RESPONSE for 5 s",
        cause: "The host has no VMBus server for this guest, or the answer goes to a processor that is not there.",
        remedy: "Look at the host; a guest that starts after a crash must unload first.",
        source: "reference §2.5, §8.8", rows: [12]
    ) { context in waiting("contact-unanswered", [.contact], context, seconds: 5, .critical, .rootPartition) }

    static let offersUnfinished = DoctorRule(
        "offers-unfinished", .warning,
        "The guest asked for all offers and their end was not told.",
        method: "REQUEST_OFFERS without ALL_OFFERS_DELIVERED for 10 s",
        cause: "The host is still making devices, or stopped in the middle.",
        remedy: "Look at the host; devices may be missing.",
        source: "reference §3.5", rows: [6]
    ) { context in waiting("offers-unfinished", [.offers], context, seconds: 10, .warning, .rootPartition) }

    static let moveUnanswered = DoctorRule(
        "modify-unanswered", .warning,
        "The guest moved a channel's interrupts and nobody has answered.",
        method: "MODIFY_CHANNEL without a response for 5 s, where the version is known to be 5.3 or newer",
        cause: "The host hangs; until it answers no further move of this channel can be asked for.",
        remedy: "Look at the host's worker process of this VM.",
        source: "reference §3.13: always acknowledged from 5.3 on", rows: [9]
    ) { context in
        waiting("modify-unanswered", [.move], context, seconds: 5, .warning, .rootPartition) { request in
            guard let partition = context.snapshot.partition(request.partition) else { return false }
            let logged = partition.evidence.text(.loggedVersion).flatMap { Double($0) } ?? 0
            return partition.version.value.map { $0 >= .iron } ?? (logged >= 5.3)
        }
    }

    static let socketUnanswered = DoctorRule(
        "tl-connect-unanswered", .warning,
        "The guest asked for a socket to the host and got neither an offer nor a refusal.",
        method: "TL_CONNECT_REQUEST for 5 s without a result and without an offer of that endpoint",
        cause: "Nobody listens at that port of the host, or the host's socket service hangs.",
        remedy: "Start the service on the host; Linux gives up with error 110.",
        source: "reference §3.12; WSL#41253, WSL#4226", rows: [3]
    ) { context in waiting("tl-connect-unanswered", [.socket], context, seconds: 5, .warning, .rootPartition) }

    static let rescindUnreleased = DoctorRule(
        "rescind-unreleased", .critical,
        "The host took a channel back and the guest still holds it.",
        method:
            "RESCIND without RELID_RELEASED for 10 s; critical from 60 s on; only a warning for sockets and UIO, which a "
            + "program may hold for long",
        cause:
            "The driver's removal hangs: it waits for requests, for an open, or for a program that has the device open.",
        remedy: "Look at the guest's kernel log for blocked tasks; end the program that holds the device.",
        source: "reference §8.2: the number is released with the last reference; linuxkit#1616", rows: [1, 4, 48]
    ) { context in
        context.ledger.waiting.compactMap { request in
            let age = context.age(request.sentAt)
            guard request.kind == .release, age >= 10 * DoctorContext.second else { return nil }
            let device = request.channel.flatMap { context.snapshot.device($0.partition, $0.device) }
            let isForProgram =
                device?.driver.value == "uio_hv_generic" || device?.deviceClass.kind == .socket || device == nil
            let severity: Severity = age >= 60 * DoctorContext.second && !isForProgram ? .critical : .warning
            return finding(
                "rescind-unreleased", severity, request, context, isForProgram ? .guestProgram : .guestDriver,
                text: "the guest still holds a channel that was taken back")
        }
    }

    static let unloadUnanswered = DoctorRule(
        "unload-unanswered", .critical,
        "The guest ends its connection and the host has not said that it is done.",
        method: "UNLOAD without UNLOAD_COMPLETE for 5 s; or the kernel log says so, within ten minutes",
        cause: "The host still cleans up, or answers to a processor that has stopped.",
        remedy: "A crash kernel waits up to 100 s and goes on. Look at the host.",
        source: "reference §2.7, §8.8; commits 38d6a52a7, b5d840fb4, c21bf98ef", rows: [47]
    ) { context in
        waiting("unload-unanswered", [.unload], context, seconds: 5, .critical, .rootPartition)
            + context.lines(.unloadUnanswered, within: 600).map {
                context.finding(
                    "unload-unanswered", .warning, $0, .rootPartition, "the host did not answer the guest's unload")
            }
    }

    static let otherUnanswered = DoctorRule(
        "request-unanswered", .warning,
        "A request of another kind has no answer.",
        method: "MODIFY_CONNECTION, CLOSE_RESERVED_CHANNEL or PAUSE without a response for 5 s",
        cause: "The host hangs.", remedy: "Look at the host's worker process of this VM.",
        source: "reference §3.11, §3.14"
    ) { context in
        waiting(
            "request-unanswered", [.monitorPages, .reservedClose, .pause], context, seconds: 5, .warning,
            .rootPartition)
    }

    // MARK: Answers

    static let requestRefused = DoctorRule(
        "request-refused", .warning,
        "The host refused a request.",
        method:
            "an open, a page list or a move that was answered with a status that is no success, within ten minutes; or "
            + "the kernel log says so",
        cause: "A quota is reached, the request is malformed, or the device is going away.",
        remedy: "Look at the status; for page lists at the sum of all rings and buffers (about 1,280 MB).",
        source: "reference §3.15; WSL#41474; commit 2d8ab4a0c", rows: [30, 31]
    ) { context in
        let refused = context.ledger.finished.compactMap { request -> Finding? in
            guard request.state == .refused, let answered = request.answeredAt, let status = request.status,
                [.open, .pageList, .move].contains(request.kind), context.age(answered) <= 600 * DoctorContext.second,
                // The same asked again and granted later is no trouble any more.
                !context.ledger.finished.contains(where: {
                    $0.kind == request.kind && $0.relid == request.relid && $0.partition == request.partition
                        && $0.state == .done && $0.sentAt > request.sentAt
                })
            else { return nil }
            var result = finding(
                "request-refused", .warning, request, context, .hostProvider,
                text: "the host refused: \(request.kind.title)")
            result.evidence = [
                result.evidence[0],
                "answered \(context.text(since: answered)) ago with status \(Hexadecimal.prefixed(status.rawValue))",
            ]
            return result
        }
        return refused
            + context.lines(.pageListFailed, within: 600).map {
                context.finding(
                    "request-refused", .warning, $0, .hostProvider,
                    "the host refused a page list with \(Hexadecimal.prefixed(UInt64(bitPattern: $0.firstNumber)))")
            }
    }

    static let postFailed = DoctorRule(
        "post-failed", .warning,
        "A message to the host could not be posted.",
        method: "a trace record with an error, or a line of the kernel log, within ten minutes",
        cause: "The host has no room for messages, or the connection id is unknown.",
        remedy: "Look for a flood of messages; a single failure is tried again by the kernel.",
        source: "reference §1.4, §7.8; openvmm PR#3273", rows: [12, 17]
    ) { context in
        let unsent = context.ledger.finished.compactMap { request -> Finding? in
            guard request.state == .unsent, context.age(request.sentAt) <= 600 * DoctorContext.second else {
                return nil
            }
            var result = finding(
                "post-failed", .warning, request, context, .guestKernel, text: "not sent: \(request.kind.title)")
            result.evidence = Array(result.evidence.prefix(1))
            return result
        }
        return unsent
            + context.lines(.postFailed, within: 600).map {
                context.finding(
                    "post-failed", .warning, $0, .guestKernel, "posting a message failed with \($0.firstNumber)")
            }
    }

    static let releasedEarly = DoctorRule(
        "released-early", .info,
        "The guest let go of a channel while the host still owed it an answer.",
        method: "RELID_RELEASED while a page list or a move waits for its answer, within ten minutes",
        cause: "A rescind came in between. Hosts must cope with it.",
        remedy: "Nothing, unless the host goes wrong behind it.",
        source: "openvmm PR#1100", rows: [9]
    ) { context in
        context.ledger.finished.compactMap { request in
            guard request.state == .abandoned, [.pageList, .move].contains(request.kind),
                let end = request.answeredAt, context.age(end) <= 600 * DoctorContext.second
            else { return nil }
            var result = finding(
                "released-early", .info, request, context, .nobody,
                text: "released while it waited: \(request.kind.title)")
            result.since = end
            result.evidence = [result.evidence[0], "given up \(context.text(since: end)) ago"]
            return result
        }
    }

    static let unaskedOffers = DoctorRule(
        "offers-unasked", .warning,
        "The host offered channels before the guest asked for any.",
        method: "OFFER_CHANNEL behind a contact and before REQUEST_OFFERS, where the log shows messages",
        cause: "A host that restored a guest and forgot how far it was.",
        remedy: "Report it to whoever runs the host; a guest may drop or double such offers.",
        source: "openvmm PR#1681; ecosystem §6.4 offers-after-request", rows: [10]
    ) { context in
        context.snapshot.partitions.compactMap { partition in
            guard let unasked = context.ledger.unaskedOffers(partition.number) else { return nil }
            return context.finding(
                "offers-unasked", .warning, partition, since: unasked.first, .rootPartition,
                "\(unasked.count) offers came before they were asked for",
                evidence: ["the first of \(unasked.count) \(context.text(since: unasked.first)) ago"])
        }
    }

    // MARK: Comings and goings

    static let offerStorm = DoctorRule(
        "offer-storm", .warning,
        "A device comes and goes in quick succession.",
        method: "the same instance was offered or taken back six times within 10 s, the last within ten minutes",
        cause: "Something on the host adds and removes it again and again; older kernels crash of it.",
        remedy: "Find out who on the host does it.",
        source: "openvmm PR#4081", rows: [7]
    ) { context in
        comings(context).compactMap { name, list in
            guard list.count >= 6, let last = list.last, context.age(last.time) <= 600 * DoctorContext.second else {
                return nil
            }
            let ends = zip(list, list.dropFirst(5))
            guard let burst = ends.first(where: { $0.1.time - $0.0.time <= 10 * DoctorContext.second }) else {
                return nil
            }
            return device(
                "offer-storm", .warning, name, context, since: burst.0.time, .rootPartition,
                "offered and taken back again and again",
                [
                    "\(list.count) changes within \(DoctorContext.text(last.time - list[0].time)), "
                        + "six within \(DoctorContext.text(burst.1.time - burst.0.time))",
                    "the last \(context.text(since: last.time)) ago",
                ])
        }
    }

    static let socketsLost = DoctorRule(
        "sockets-lost", .info,
        "Several sockets went within a second and none has come since.",
        method: "three or more hv_sock devices gone within one second, ten seconds ago, no new one since",
        cause: "The host took the socket plane down, as at the start of standby.",
        remedy: "If the guest cannot be reached any more, look at the host's side of the sockets.",
        source: "WSL#14005", rows: [2]
    ) { context in
        context.snapshot.partitions.compactMap { partition in
            let all = comings(context).filter { $0.name.partition == partition.number }.flatMap(\.list)
                .filter { $0.kind == .socket }
            let gone = all.filter { !$0.isArrival }.map(\.time).sorted()
            guard let last = gone.last, context.age(last) >= 10 * DoctorContext.second,
                context.age(last) <= 600 * DoctorContext.second,
                !all.contains(where: { $0.isArrival && $0.time > last })
            else { return nil }
            let burst = gone.filter { last - $0 <= DoctorContext.second }
            guard burst.count >= 3 else { return nil }
            return context.finding(
                "sockets-lost", .info, partition, since: last, .rootPartition, "\(burst.count) sockets went at once",
                evidence: ["\(burst.count) rescinds within a second, \(context.text(since: last)) ago, no offer since"])
        }
    }

    static let deviceRemoved = DoctorRule(
        "device-removed", .info,
        "A device is gone.",
        method:
            "a device that was there went within 15 minutes and did not come back; not PCI functions and sockets, which "
            + "come and go",
        cause: "Somebody removed it on the host; after hibernation it may be missing.",
        remedy: "Nothing, if it was meant.",
        source: "ecosystem §1.4, DeviceRemoved; commit 6ed60e5ea", rows: [46]
    ) { context in
        comings(context).compactMap { name, list in
            guard let last = list.last, !last.isArrival, ![.pci, .socket].contains(last.kind),
                context.age(last.time) <= 900 * DoctorContext.second
            else { return nil }
            return device(
                "device-removed", .info, name, context, since: last.time, .nobody, "\(last.kind.word) is gone",
                ["gone \(context.text(since: last.time)) ago", "instance \(name.device)"])
        }
    }

    /// Comings and goings in a fixed order.
    private static func comings(
        _ context: DoctorContext
    ) -> [(name: WatchBook.DeviceName, list: [WatchBook.Coming])] {
        context.watch.comings.map { (name: $0.key, list: $0.value) }.sorted { left, right in
            (left.name.partition, left.name.device) < (right.name.partition, right.name.device)
        }
    }

    private static func device(
        _ rule: String, _ severity: Severity, _ name: WatchBook.DeviceName, _ context: DoctorContext, since: UInt64,
        _ actor: ResponsibleParty, _ text: String, _ evidence: [String]
    ) -> Finding {
        let place = context.devices.first {
            $0.partition.number == name.partition && $0.device.instance == name.device
        }
        return Finding(
            rule: rule, severity: severity, subject: .device(name.partition, name.device),
            label: place?.label ?? name.device.description, text: text, since: since, actor: actor, evidence: evidence)
    }

    // MARK: Rings and memory

    static let transactionOld = DoctorRule(
        "transaction-old", .critical,
        "A packet asked for a completion long ago.",
        method:
            "the oldest packet of a channel without its completion for 10 s, where the log shows packets; critical from "
            + "60 s on",
        cause: "The other side lost the request, or what is behind the device hangs.",
        remedy: "Go to the packet in the flow. For storage look at the disk on the host.",
        source: "commits 91cac0030, 16b1c98f6", rows: [32, 37, 48]
    ) { context in
        // Only looked up, never walked.
        var seen: Set<ChannelKey> = []
        return context.transactions.oldest(256).compactMap { transaction in
            let age = context.age(transaction.sentAt)
            guard age >= 10 * DoctorContext.second, seen.insert(transaction.channel).inserted,
                let place = context.channels.first(where: { $0.key == transaction.channel }), place.isOpen
            else { return nil }
            let isGuests = transaction.direction == .guestToHost
            return context.finding(
                "transaction-old", age >= 60 * DoctorContext.second ? .critical : .warning, place,
                since: transaction.sentAt, isGuests ? .hostProvider : .guestDriver,
                "a request has waited \(context.text(since: transaction.sentAt)) for its completion",
                evidence: [
                    "transaction \(Hexadecimal.prefixed(transaction.transactionID)) of the "
                        + "\(isGuests ? "guest" : "host") (record \(transaction.record))",
                    "\(context.transactions.count(transaction.channel, transaction.direction)) wait, "
                        + "\(context.transactions.completed(transaction.channel, transaction.direction)) were completed",
                ])
        }
    }

    static let pageListTotal = DoctorRule(
        "gpadl-total", .warning,
        "The guest shares nearly as much memory with the host as it may.",
        method: "the sum of all page lists, or of all rings where only those are seen, is above 90% of 1,280 MB",
        cause: "Many channels with large rings and buffers.",
        remedy: "Use fewer channels or smaller rings; older hosts allow about 384 MB only.",
        source: "kernel document vmbus.rst", rows: [50]
    ) { context in
        context.snapshot.partitions.compactMap { partition in
            let lists = partition.pageLists.reduce(UInt64(0)) { $0 &+ UInt64(max(0, $1.pageCount)) &* 4096 }
            var rings: UInt64 = 0
            for device in partition.devices {
                for channel in device.channels where channel.phase.value == .open {
                    rings &+= (channel.inbound.size.value ?? 0) &+ (channel.outbound.size.value ?? 0)
                }
            }
            let total = max(lists, rings)
            let limit: UInt64 = 1280 << 20
            guard total > limit / 10 * 9 else { return nil }
            return context.finding(
                "gpadl-total", .warning, partition, since: nil, .operatorOfGuest,
                "\(Quantity.bytes(total)) are shared with the host",
                evidence: ["\(total) bytes of about \(limit)"])
        }
    }
}
