import BusModel
import VMBusWire

/// Rules about requests, of the control plane and in rings (anchors D.1).
enum RequestRules {
    static let all: [DoctorRule] = [
        DoctorRule(
            "wait-cycle", .critical, .guestKernel,
            "Guest and host wait for each other, so neither goes on.",
            method: "a ring in the graph of who waits for whom, of waits that are at least 5 s old",
            cause: "A rescind met a request in flight, such as an open, and each side waits for the other's answer.",
            remedy: "Nothing in the guest ends it but a restart of the guest; report it with the requests below.",
            source: "reference §8.2; WSL#41286, docker/for-win#1994, linuxkit#2724",
            rows: [1, 4, 11],
            search: RuleSearch { rule, context in
                context.graph.cycles.compactMap { cycle in
                    guard let youngest = cycle.map(\.since).max(), context.hasLasted(5, since: youngest),
                        let first = cycle.first, let request = context.ledger.request(first.request)
                    else { return nil }
                    let edges = cycle.map { edge in
                        let name = context.ledger.request(edge.request)?.label ?? ""
                        let waits = "\(edge.from.party.rawValue) waits for \(edge.to.party.rawValue)"
                        let span = context.text(since: edge.since)
                        return "\(waits)\(name.isEmpty ? "" : " (\(name))") for \(span): \(edge.reason)"
                    }
                    let symptom = Symptom("guest and host wait for each other", since: youngest, evidence: edges)
                    return rule.finding(symptom, of: request, context)
                }
            }),
        DoctorRule(
            "open-unanswered", .critical, .hostProvider,
            "The guest asked to open a channel and nobody has answered.",
            method: "OPEN_CHANNEL without a result for 5 s",
            cause: "The host's side of the device hangs, or the channel was rescinded in between.",
            remedy: "Look at the host's worker process of this VM. Linux waits without a limit.",
            source: "reference §8.8: no timeout for open; WSL#41286",
            rows: [1, 4, 6, 11],
            search: .waiting(.open, seconds: 5) { blameIfRescinded(.guestKernel, $0, $1, &$2) }),
        DoctorRule(
            "opening-stuck", .critical, .hostProvider,
            "A device stays in the state of being opened.",
            method: "sysfs state 1 (opening) for 5 s and three looks, where no request in the ledger says more",
            cause: "The guest waits for the host's answer to a page list or to the open.",
            remedy: "Turn tracing on to see which answer is missing; look at the host's worker process of this VM.",
            source: "reference §8.2: state 1 lasts until GPADL_CREATED and OPEN_CHANNEL_RESULT; linuxkit#2910",
            rows: [1, 5, 11],
            search: .state(1, "opening", seconds: 5) { context, place in
                let isExplained = context.ledger.waiting.contains { $0.channel?.device == place.device.instance }
                return isExplained ? nil : "it has been opening for long"
            }),
        DoctorRule(
            "gpadl-unanswered", .critical, .hostProvider,
            "The guest gave the host a complete page list and nobody has answered.",
            method: "GPADL_HEADER and all its bodies without GPADL_CREATED for 5 s",
            cause: "The host hangs, or did not get all of it.",
            remedy: "Look at the host's worker process of this VM. Linux waits without a limit.",
            source: "reference §8.8, §3.9",
            rows: [1, 4, 16],
            search: .waiting(.pageList, seconds: 5) { _, request, _ in request.isWhole }),
        DoctorRule(
            "gpadl-incomplete", .critical, .guestKernel,
            "A page list was begun and not finished, so the host cannot answer.",
            method: "fewer pages sent than the header announces, and no further part for 5 s",
            cause: "The guest stopped in the middle: a post failed, or the driver was removed.",
            remedy: "Look at the guest's kernel log for posts that failed.",
            source: "reference §3.9; openvmm PR#2410",
            rows: [16],
            search: .waiting(.pageList, seconds: 5) { context, request, _ in
                !request.isWhole && context.hasLasted(5, since: request.lastPartAt)
            }),
        DoctorRule(
            "teardown-unanswered", .critical, .hostProvider,
            "The guest wants memory back from the host and nobody has answered.",
            method: "GPADL_TEARDOWN without GPADL_TORNDOWN for 5 s",
            cause: "The host still uses the pages, or the channel was rescinded, after which no answer comes.",
            remedy: "Look at the host's worker process of this VM; update a guest that tears down behind a rescind.",
            source: "reference §8.2; LIS/lis-next#253",
            rows: [15],
            search: .waiting(.teardown, seconds: 5) { blameIfRescinded(.guestDriver, $0, $1, &$2) }),
        DoctorRule(
            "contact-unanswered", .critical, .rootPartition,
            "The guest proposed a version and nobody has answered.",
            method: "INITIATE_CONTACT without VERSION_RESPONSE for 5 s",
            cause: "The host has no VMBus server for this guest, or the answer goes to a processor that is not there.",
            remedy: "Look at the host; a guest that starts after a crash must unload first.",
            source: "reference §2.5, §8.8",
            rows: [12],
            search: .waiting(.contact, seconds: 5)),
        DoctorRule(
            "offers-unfinished", .warning, .rootPartition,
            "The guest asked for all offers and their end was not told.",
            method: "REQUEST_OFFERS without ALL_OFFERS_DELIVERED for 10 s",
            cause: "The host is still making devices, or stopped in the middle.",
            remedy: "Look at the host; devices may be missing.",
            source: "reference §3.5",
            rows: [6],
            search: .waiting(.offers, seconds: 10)),
        DoctorRule(
            "modify-unanswered", .warning, .rootPartition,
            "The guest moved a channel's interrupts and nobody has answered.",
            method: "MODIFY_CHANNEL without a response for 5 s, where the version is known to be 5.3 or newer",
            cause: "The host hangs; until it answers no further move of this channel can be asked for.",
            remedy: "Look at the host's worker process of this VM.",
            source: "reference §3.13: always acknowledged from 5.3 on",
            rows: [9],
            search: .waiting(.move, seconds: 5) { context, request, _ in
                guard let partition = context.snapshot.partition(request.partition) else { return false }
                let logged = partition.evidence.text(.loggedVersion).flatMap { Double($0) } ?? 0
                return partition.version.value.map { $0 >= .iron } ?? (logged >= 5.3)
            }),
        DoctorRule(
            "tl-connect-unanswered", .warning, .rootPartition,
            "The guest asked for a socket to the host and got neither an offer nor a refusal.",
            method: "TL_CONNECT_REQUEST for 5 s without a result and without an offer of that endpoint",
            cause: "Nobody listens at that port of the host, or the host's socket service hangs.",
            remedy: "Start the service on the host; Linux gives up with error 110.",
            source: "reference §3.12; WSL#41253, WSL#4226",
            rows: [3],
            search: .waiting(.socket, seconds: 5)),
        DoctorRule(
            "rescind-unreleased", .critical, .guestDriver,
            "The host took a channel back and the guest still holds it.",
            method: """
                RESCIND without RELID_RELEASED for 10 s; critical from 60 s on; only a warning for sockets and UIO, which \
                a program may hold for long
                """,
            cause: """
                The driver's removal hangs: it waits for requests, for an open, or for a program that has the device open.
                """,
            remedy: "Look at the guest's kernel log for blocked tasks; end the program that holds the device.",
            source: "reference §8.2: the number is released with the last reference; linuxkit#1616",
            rows: [1, 4, 48],
            search: .waiting(.release, seconds: 10) { context, request, symptom in
                let device = request.channel.flatMap { context.snapshot.device($0.partition, $0.device) }
                let isForProgram =
                    device?.driver.value == "uio_hv_generic" || device?.deviceClass.kind == .socket || device == nil
                if isForProgram { symptom.actor = .guestProgram }
                if isForProgram || !context.hasLasted(60, since: request.sentAt) { symptom.severity = .warning }
                symptom.text = "the guest still holds a channel that was taken back"
                return true
            }),
        DoctorRule(
            "unload-unanswered", .critical, .rootPartition,
            "The guest ends its connection and the host has not said that it is done.",
            method: "UNLOAD without UNLOAD_COMPLETE for 5 s; or the kernel log says so, within ten minutes",
            cause: "The host still cleans up, or answers to a processor that has stopped.",
            remedy: "A crash kernel waits up to 100 s and goes on. Look at the host.",
            source: "reference §2.7, §8.8; commits 38d6a52a7, b5d840fb4, c21bf98ef",
            rows: [47],
            search: .any(
                .waiting(.unload, seconds: 5),
                .lines(.unloadUnanswered, within: 600) { _, _ in
                    Symptom("the host did not answer the guest's unload", severity: .warning)
                })),
        DoctorRule(
            "request-unanswered", .warning, .rootPartition,
            "A request of another kind has no answer.",
            method: "MODIFY_CONNECTION, CLOSE_RESERVED_CHANNEL or PAUSE without a response for 5 s",
            cause: "The host hangs.",
            remedy: "Look at the host's worker process of this VM.",
            source: "reference §3.11, §3.14",
            search: .waiting(.monitorPages, .reservedClose, .pause, seconds: 5)),
        DoctorRule(
            "request-refused", .warning, .hostProvider,
            "The host refused a request.",
            method: """
                an open, a page list or a move that was answered with a status that is no success, within ten minutes; or \
                the kernel log says so
                """,
            cause: "A quota is reached, the request is malformed, or the device is going away.",
            remedy: "Look at the status; for page lists at the sum of all rings and buffers (about 1,280 MB).",
            source: "reference §3.15; WSL#41474; commit 2d8ab4a0c",
            rows: [30, 31],
            search: .any(
                .ended(.refused, "the host refused", of: [.open, .pageList, .move]) { context, request, end, symptom in
                    // The same asked again and granted later is no trouble any more.
                    let isGranted = context.ledger.finished.contains {
                        $0.kind == request.kind && $0.relid == request.relid && $0.partition == request.partition
                            && $0.state == .done && $0.sentAt > request.sentAt
                    }
                    guard let status = request.status, !isGranted else { return false }
                    let number = Hexadecimal.prefixed(status.rawValue)
                    symptom.evidence.append("answered \(context.text(since: end)) ago with status \(number)")
                    return true
                },
                .lines(.pageListFailed, within: 600) { _, entry in
                    let status = Hexadecimal.prefixed(UInt64(bitPattern: entry.firstNumber))
                    return Symptom("the host refused a page list with \(status)")
                })),
        DoctorRule(
            "post-failed", .warning, .guestKernel,
            "A message to the host could not be posted.",
            method: "a trace record with an error, or a line of the kernel log, within ten minutes",
            cause: "The host has no room for messages, or the connection id is unknown.",
            remedy: "Look for a flood of messages; a single failure is tried again by the kernel.",
            source: "reference §1.4, §7.8; openvmm PR#3273",
            rows: [12, 17],
            search: .any(
                .ended(.unsent, "not sent") { _, _, _, _ in true },
                .lines(.postFailed, within: 600) { Symptom("posting a message failed with \($1.firstNumber)") })),
        DoctorRule(
            "released-early", .info, .nobody,
            "The guest let go of a channel while the host still owed it an answer.",
            method: "RELID_RELEASED while a page list or a move waits for its answer, within ten minutes",
            cause: "A rescind came in between. Hosts must cope with it.",
            remedy: "Nothing, unless the host goes wrong behind it.",
            source: "openvmm PR#1100",
            rows: [9],
            search: .ended(.abandoned, "released while it waited", of: [.pageList, .move]) { context, _, end, symptom in
                symptom.since = end
                symptom.evidence.append("given up \(context.text(since: end)) ago")
                return true
            }),
        DoctorRule(
            "transaction-old", .critical, .hostProvider,
            "A packet asked for a completion long ago.",
            method: """
                the oldest packet of a channel without its completion for 10 s, where the log shows packets; critical \
                from 60 s on
                """,
            cause: "The other side lost the request, or what is behind the device hangs.",
            remedy: "Go to the packet in the flow. For storage look at the disk on the host.",
            source: "commits 91cac0030, 16b1c98f6",
            rows: [32, 37, 48],
            search: RuleSearch { rule, context in
                // Only looked up, never walked.
                var seen: Set<ChannelKey> = []
                return context.transactions.oldest(256).compactMap { transaction in
                    let (key, since, direction) = (transaction.channel, transaction.sentAt, transaction.direction)
                    guard context.hasLasted(10, since: since), seen.insert(key).inserted,
                        let place = context.channels.first(where: { $0.key == key }), place.isOpen
                    else { return nil }
                    let isGuests = direction == .guestToHost
                    let id = Hexadecimal.prefixed(transaction.transactionID)
                    let completed = context.transactions.completed(key, direction)
                    let symptom = Symptom(
                        "a request has waited \(context.text(since: since)) for its completion", since: since,
                        severity: context.hasLasted(60, since: since) ? nil : .warning,
                        actor: isGuests ? nil : .guestDriver,
                        evidence: [
                            "transaction \(id) of the \(isGuests ? "guest" : "host") (record \(transaction.record))",
                            "\(context.transactions.count(key, direction)) wait, \(completed) were completed",
                        ])
                    return rule.finding(symptom, of: place.subject, place.label)
                }
            }),
        DoctorRule(
            "gpadl-total", .warning, .operatorOfGuest,
            "The guest shares nearly as much memory with the host as it may.",
            method: "the sum of all page lists, or of all rings where only those are seen, is above 90% of 1,280 MB",
            cause: "Many channels with large rings and buffers.",
            remedy: "Use fewer channels or smaller rings; older hosts allow about 384 MB only.",
            source: "kernel document vmbus.rst",
            rows: [50],
            search: .partitions { _, partition in
                let lists = partition.pageLists.reduce(UInt64(0)) { $0 &+ UInt64(max(0, $1.pageCount)) &* 4096 }
                let open = partition.devices.flatMap(\.channels).filter { $0.phase.value == .open }
                let rings = open.reduce(UInt64(0)) { sum, channel in
                    sum &+ (channel.inbound.size.value ?? 0) &+ (channel.outbound.size.value ?? 0)
                }
                let (total, limit) = (max(lists, rings), UInt64(1280 << 20))
                guard total > limit / 10 * 9 else { return nil }
                return Symptom(
                    "\(Quantity.bytes(total)) are shared with the host", evidence: ["\(total) bytes of about \(limit)"])
            }),
    ]

    /// The host answers nothing about a channel that it has taken back (reference §8.2), so somebody else must act.
    private static func blameIfRescinded(
        _ actor: ResponsibleParty, _ context: DoctorContext, _ request: ControlRequest, _ symptom: inout Symptom
    ) -> Bool {
        let isRescinded = context.ledger.waiting.contains {
            $0.kind == .release && $0.partition == request.partition && $0.relid == request.relid
        }
        if isRescinded {
            symptom.actor = actor
            symptom.evidence.append("the host has rescinded the channel, so no answer will come")
        }
        return true
    }
}

extension ControlRequest {
    /// Whether all pages that were announced have come.
    fileprivate var isWhole: Bool { (pagesReceived ?? 0) >= (pagesExpected ?? 0) }
}
