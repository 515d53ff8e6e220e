import BusModel
import VMBusWire

/// Rules about bytes that wait in rings (anchors D.2).
enum RingRules {
    static let all: [DoctorRule] = [
        DoctorRule(
            "inbound-stalled", .critical, .guestDriver,
            "Bytes from the host wait in a ring that the guest should be reading, and no interrupt comes.",
            method: """
                open channel of a kernel driver: bytes wait and do not change for 5 s and three looks, the guest has not \
                masked the ring, interrupts stand still
                """,
            cause:
                "The guest ignored or lost an interrupt, as storage drivers did when one came before the open result.",
            remedy: """
                Signal by hand helps at once: unbind and bind the driver, or reset the device. Update the kernel. Look at \
                the target processor.
                """,
            source: """
                reference §4.7: a writer signals only when the ring was empty, so the host will not signal again; openvmm \
                PR#1829, #1834
                """,
            rows: [18, 22],
            search: unread(by: .guest, isMasked: false, seconds: 5)),
        DoctorRule(
            "inbound-reader-stuck", .warning, .guestDriver,
            "The guest said that it reads a ring by itself and does not.",
            method: """
                open channel of a kernel driver: bytes wait unchanged for 60 s and three looks while the guest has the \
                ring masked
                """,
            cause: "The reader (NAPI, a tasklet) does not get processor time, or was lost on its way.",
            remedy: """
                Look at the target processor: interrupts disabled for long, a thread with real-time priority, a soft \
                lockup in the kernel log.
                """,
            source: "reference §4.7: who masks a ring must read until it is empty; openvmm PR#2854",
            rows: [19],
            search: unread(by: .guest, isMasked: true, seconds: 60)),
        DoctorRule(
            "program-not-reading", .warning, .guestProgram,
            "Bytes from the host wait for a program in the guest.",
            method: """
                open channel that a socket, a daemon or a UIO program reads: bytes wait unchanged for 30 s and three looks
                """,
            cause: "The program hangs, is slow, or does not run.",
            remedy: "Look at the program; for key/value exchange and backup start the daemon.",
            source: """
                linux-guest-data §7: services stay silent until a daemon opens their node; commits 95f0c765d, 4c477d739
                """,
            rows: [28, 42, 43, 45],
            search: unread(by: .program, isMasked: nil, seconds: 30)),
        DoctorRule(
            "outbound-stalled", .critical, .hostProvider,
            "Bytes from the guest wait in a ring that the host should be reading.",
            method: "open channel: bytes wait unchanged for 5 s and three looks, the host has not masked the ring",
            cause: "The host's side of the device hangs or is overloaded, or the guest's signal was lost.",
            remedy: """
                Look at the host: storage or network behind the device, the VM's worker process. In the guest, unbinding \
                and binding the driver opens the channel anew.
                """,
            source:
                "reference §4.7: the guest signals only when the ring was empty, so only the host's reading goes on",
            rows: [12, 18],
            search: unread(by: .host, isMasked: false, seconds: 5)),
        DoctorRule(
            "outbound-masked", .critical, .hostProvider,
            "The host said that it reads a ring by itself and does not.",
            method: "open channel: bytes wait unchanged for 10 s and three looks while the host has the ring masked",
            cause: "The host's reader hangs, or the mask was left behind when it changed its mode.",
            remedy: """
                Only the host can end it: report it with these numbers. Closing and opening the channel (unbind and bind) \
                clears the mask.
                """,
            source: "reference §4.7; openvmm PR#2854: out mask left at 1 after ethtool -L",
            rows: [19],
            search: unread(by: .host, isMasked: true, seconds: 10)),
        DoctorRule(
            "ring-nearly-full", .warning, .guestDriver,
            "More than nine tenths of a ring have been waiting for a minute.",
            method: "fill above 90% in every look for 60 s and three looks",
            cause: "The reader is slower than the writer.",
            remedy:
                "Spread the load over more channels or processors, or make the ring larger (ethtool -G, ring_size).",
            source: "ecosystem §1.4, RingNearlyFull",
            rows: [29],
            search: .openChannels { context, place, watch in
                let rings = [
                    ("host to guest", watch.inNearlyFull, place.channel.inbound, ResponsibleParty.guestDriver),
                    ("guest to host", watch.outNearlyFull, place.channel.outbound, .hostProvider),
                ]
                for (name, full, ring, reader) in rings where full?.value == 1 {
                    guard context.isAlive(place.key.partition), let since = context.held([full], seconds: 60) else {
                        continue
                    }
                    return Symptom(
                        "the \(name) ring is nearly full", since: since, actor: reader,
                        evidence: [
                            ring.waitingText.map { "\($0) wait" }, "above 90% for \(context.text(since: since))",
                        ])
                }
                return nil
            }),
        DoctorRule(
            "outbound-full", .warning, .operatorOfGuest,
            "The guest meets a full ring again and again.",
            method: "out_full_total grows by more than one a second and out_full_first grows too, over at least 5 s",
            cause: "The ring is too small for the load, or the host reads too slowly.",
            remedy: """
                Make the ring larger (ethtool -G, ring_size), use more channels, or look at what is behind the device.
                """,
            source: "ecosystem §1.4, OutboundRingFull; kernel ABI: out_full_first, out_full_total",
            rows: [25, 29],
            search: .openChannels { context, place, watch in
                guard let writes = watch.fullWrites, let episodes = watch.fullEpisodes, episodes.growth.count >= 2,
                    let rate = writes.rate, rate > 1, writes.isLong, let last = episodes.grewAt,
                    context.isWithin(60, last)
                else { return nil }
                let (count, time) = writes.growth
                return Symptom(
                    "\(Quantity.rate(rate)) writes a second meet a full ring", since: episodes.grewFirst,
                    evidence: [
                        "\(count) full writes in \(episodes.growth.count) episodes within \(DoctorContext.text(time))",
                        "the last \(context.text(since: last)) ago",
                        place.channel.outbound.waitingText.map { "\($0) wait now" },
                    ])
            }),
        DoctorRule(
            "request-ids-used-up", .warning, .guestDriver,
            "Writes fail as if the ring was full, but it is not.",
            method: "kernel log: error -11 within ten minutes, while less than half of the guest to host ring waits",
            cause: "The request ids are used up: as many requests wait for completions as the driver has ids.",
            remedy: "Look for requests that are never completed (Ledger, outstanding transactions); update the kernel.",
            source: "commits 8a8ffa547, c27769ec0",
            rows: [25],
            search: .lines(.ringFull, within: 600) { context, entry in
                let place = context.channels.first {
                    $0.device.instance == entry.device && $0.partition.number == entry.partition
                }
                let isFull = (place?.channel.outbound.fill ?? 1) >= 0.5
                let count = place.map { context.transactions.count($0.key, .guestToHost) } ?? 0
                return Symptom(
                    isFull ? "writes met a full ring" : "writes fail though the ring has room",
                    actor: isFull ? .hostProvider : nil,
                    evidence: [
                        place?.channel.outbound.waitingText.map { "\($0) wait in the ring" },
                        count > 0 ? "\(count) requests wait for completions" : nil,
                    ])
            }),
        DoctorRule(
            "ring-corrupt", .critical, .guestDriver,
            "A ring's indices are impossible, so nobody can use it any more.",
            method: """
                an index that is not below the ring's size, or no multiple of 8; or the kernel log says so, within ten \
                minutes
                """,
            cause: "One side, or something else in the guest, has written over the control page.",
            remedy: """
                Unbind and bind the driver. Keep the kernel log and the indices: this is a fault of the guest or the host.
                """,
            source: "reference §4.2, §7.8; ecosystem §6.4 index-range",
            rows: [24],
            search: .any(
                .lines(.ringCorrupt, within: 600, "the kernel found a ring's indices out of range"),
                .openChannels { _, place, _ in
                    let (inbound, outbound) = (place.channel.inbound, place.channel.outbound)
                    return impossible(inbound, "host to guest", writer: .rootPartition)
                        ?? impossible(outbound, "guest to host", writer: .guestDriver)
                })),
        DoctorRule(
            "ring-size-unusual", .info, .nobody,
            "A ring has another size than Linux gives rings of this class.",
            method: "live guest with a kernel driver, measured size of the primary's rings",
            cause: "A module parameter, ethtool -G, pages of 64 KiB, or another kernel than is thought.",
            remedy: "Nothing, if it was meant. A ring that is half as large fills twice as soon.",
            source: "reference §4.11; commit 39bed29d7",
            rows: [26],
            search: .openChannels { context, place, _ in
                let norms = RingNorm.sizes(of: place.kind, driver: place.driver)
                let ring = place.channel.inbound
                guard context.kind == .live, !place.isForProgram, let least = norms.min(), let size = ring.size.value,
                    ring.sizeSource == .measured, size < least / 2 || size > least * 4
                else { return nil }
                return Symptom(
                    "rings of \(Quantity.bytes(size))",
                    evidence: ["\(size) data bytes; usual are \(norms.map(String.init).joined(separator: " or "))"])
            }),
        DoctorRule(
            "ring-left-at-close", .info, .nobody,
            "Bytes were left in the rings when the channel was closed.",
            method: "bytes waiting in the last look before a close, within ten minutes",
            cause: "The channel was closed while packets were on their way.",
            remedy: "Nothing, unless requests are missed: a device should be quiet before it is closed.",
            source: "openvmm PR#1927, #1967",
            rows: [20],
            search: .channels { context, _, watch in
                guard let closed = watch.closedAt, watch.leftAtClose > 0, context.isWithin(600, closed) else {
                    return nil
                }
                let ago = "closed \(context.text(since: closed)) ago"
                return Symptom(
                    "\(watch.leftAtClose) bytes were left at the close", since: closed,
                    evidence: ["\(ago) with \(watch.leftAtClose) bytes in both rings"])
            }),
    ]

    /// Who reads a ring.
    private enum Reader: String {
        case guest, program, host

        func reads(_ place: ChannelCase) -> Bool {
            switch self {
            case .guest: !place.waitsForProgram
            case .program: place.waitsForProgram
            case .host: place.kind != .socket
            }
        }
    }

    /// Looks for bytes that wait and do not move, in rings of this reader that it has masked, has not, or either.
    private static func unread(by reader: Reader, isMasked: Bool?, seconds: UInt64) -> RuleSearch {
        .openChannels { context, place, watch in
            let isInbound = reader != .host
            let ring = isInbound ? place.channel.inbound : place.channel.outbound
            let (bytes, mask) = isInbound ? (watch.inUsed, watch.inMask) : (watch.outUsed, watch.outMask)
            var conditions = [bytes]
            if let isMasked {
                guard let mask, (mask.value != 0) == isMasked else { return nil }
                conditions.append(mask)
            }
            // A guest that is interrupted has not lost an interrupt.
            if reader == .guest, isMasked == false { conditions.append(watch.interrupts) }
            guard context.isAlive(place.key.partition), reader.reads(place), let used = bytes, used.value > 0,
                let since = context.held(conditions, seconds: seconds)
            else { return nil }
            // A size that was taken over from the primary says something only if fewer bytes were seen to wait before.
            if !isInbound, ring.sizeSource == .inferred, watch.outUsedLeast == used.value { return nil }
            let owner = isInbound ? "guest" : "host"
            let counters =
                isInbound
                ? [("interrupts", watch.interrupts)]
                : [("signals", watch.signals), ("signals because the ring was empty", watch.outEmpty)]
            return Symptom(
                text(reader, isMasked, used.value), since: since, severity: place.kind == .socket ? .info : nil,
                evidence: [
                    ring.waitingText.map {
                        "\($0) wait for the \(reader.rawValue), \(context.unchanged(used)) in \(used.looks) looks"
                    },
                    mask.map {
                        "\($0.value == 0 ? "not " : "")masked by the \(owner), for \(context.text(since: $0.since))"
                    },
                ] + counters.map { name, steady in steady.map { "\(name) \($0.value), " + context.unchanged($0) } } + [
                    isInbound ? place.channel.cpu.value.map { "target processor \($0)" } : nil,
                    reader == .program && !place.driver.isEmpty ? "driver \(PlainText.clean(place.driver))" : nil,
                ])
        }
    }

    private static func text(_ reader: Reader, _ isMasked: Bool?, _ bytes: UInt64) -> String {
        guard let isMasked else { return "no program in the guest reads \(bytes) bytes" }
        let (name, writer) = reader == .host ? ("host", "guest") : ("guest", "host")
        return isMasked
            ? "the \(name) has masked the ring and does not read \(bytes) bytes"
            : "the \(name) does not read \(bytes) bytes that the \(writer) sent"
    }

    /// An index that cannot be, for which who writes the ring answers.
    private static func impossible(_ ring: RingSnapshot, _ name: String, writer: ResponsibleParty) -> Symptom? {
        guard let size = ring.size.value, ring.sizeSource == .measured else { return nil }
        for (index, what) in [(ring.writeIndex, "write"), (ring.readIndex, "read")] {
            guard let value = index.value, value >= size || value % 8 != 0 else { continue }
            return Symptom(
                "the \(name) ring's \(what) index is impossible", since: index.time, actor: writer,
                evidence: ["\(what) index \(value), ring of \(size) bytes"])
        }
        return nil
    }
}

extension RingSnapshot {
    /// `800 bytes of 520192`, as far as it is known.
    fileprivate var waitingText: String? {
        used.value.map { used in "\(used) bytes" + (size.value.map { " of \($0)" } ?? "") }
    }
}
