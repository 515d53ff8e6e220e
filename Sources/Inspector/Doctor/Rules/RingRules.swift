import BusModel
import VMBusWire

/// Rules about rings and signals (anchors D.2).
enum RingRules {
    static let all: [DoctorRule] = [
        inboundStalled, inboundReaderStuck, programNotReading, outboundStalled, outboundMasked, monitorBitStuck,
        nearlyFull, fullEpisodes, requestIdsUsedUp, needlessSignals, interruptStorm, indicesOutOfRange,
        unexpectedSize, interruptBeforeOpen, leftAtClose,
    ]

    /// The bytes that wait, with how long they have not moved.
    private static func waiting(_ context: DoctorContext, _ used: Steady, _ ring: RingSnapshot, _ reader: String)
        -> String
    {
        "\(used.value) bytes\(ring.size.value.map { " of \($0)" } ?? "") wait for the \(reader), unchanged for "
            + "\(context.text(since: used.since)) in \(used.looks) looks"
    }

    private static func counter(_ name: String, _ steady: Steady?, _ context: DoctorContext) -> String? {
        steady.map { "\(name) \($0.value), unchanged for \(context.text(since: $0.since))" }
    }

    private static func mask(_ steady: Steady?, _ owner: String, _ context: DoctorContext) -> String? {
        steady.map {
            ($0.value == 0 ? "not masked by the \(owner)" : "masked by the \(owner)")
                + ", for \(context.text(since: $0.since))"
        }
    }

    static let inboundStalled = DoctorRule(
        "inbound-stalled", .critical,
        "Bytes from the host wait in a ring that the guest should be reading, and no interrupt comes.",
        method:
            "open channel of a kernel driver: bytes wait and do not change for 5 s and three looks, the guest has not "
            + "masked the ring, interrupts stand still",
        cause: "The guest ignored or lost an interrupt, as storage drivers did when one came before the open result.",
        remedy:
            "Signal by hand helps at once: unbind and bind the driver, or reset the device. Update the kernel. Look at the "
            + "target processor.",
        source: "reference §4.7: a writer signals only when the ring was empty, so the host will not signal again; "
            + "openvmm PR#1829, #1834", rows: [18, 22]
    ) { context in
        context.channels.compactMap { place in
            guard place.isOpen, !place.waitsForProgram, context.isAlive(place.key.partition),
                let watch = place.watch, let used = watch.inUsed, used.value > 0, watch.inMask?.value == 0,
                let since = context.held([watch.inUsed, watch.inMask, watch.interrupts], seconds: 5)
            else { return nil }
            return context.finding(
                "inbound-stalled", .critical, place, since: since, .guestDriver,
                "the guest does not read \(used.value) bytes that the host sent",
                evidence: [
                    waiting(context, used, place.channel.inbound, "guest"), mask(watch.inMask, "guest", context),
                    counter("interrupts", watch.interrupts, context),
                    place.channel.cpu.value.map { "target processor \($0)" },
                ].compactMap { $0 })
        }
    }

    static let inboundReaderStuck = DoctorRule(
        "inbound-reader-stuck", .warning,
        "The guest said that it reads a ring by itself and does not.",
        method:
            "open channel of a kernel driver: bytes wait unchanged for 60 s and three looks while the guest has the ring "
            + "masked",
        cause: "The reader (NAPI, a tasklet) does not get processor time, or was lost on its way.",
        remedy:
            "Look at the target processor: interrupts disabled for long, a thread with real-time priority, a soft lockup "
            + "in the kernel log.",
        source: "reference §4.7: who masks a ring must read until it is empty; openvmm PR#2854", rows: [19]
    ) { context in
        context.channels.compactMap { place in
            guard place.isOpen, !place.waitsForProgram, context.isAlive(place.key.partition),
                let watch = place.watch, let used = watch.inUsed, used.value > 0, let mask = watch.inMask,
                mask.value != 0, let since = context.held([watch.inUsed, watch.inMask], seconds: 60)
            else { return nil }
            return context.finding(
                "inbound-reader-stuck", .warning, place, since: since, .guestDriver,
                "the guest has masked the ring and does not read \(used.value) bytes",
                evidence: [
                    waiting(context, used, place.channel.inbound, "guest"), Self.mask(mask, "guest", context),
                    counter("interrupts", watch.interrupts, context),
                ].compactMap { $0 })
        }
    }

    static let programNotReading = DoctorRule(
        "program-not-reading", .warning,
        "Bytes from the host wait for a program in the guest.",
        method:
            "open channel that a socket, a daemon or a UIO program reads: bytes wait unchanged for 30 s and three looks",
        cause: "The program hangs, is slow, or does not run.",
        remedy: "Look at the program; for key/value exchange and backup start the daemon.",
        source:
            "linux-guest-data §7: services stay silent until a daemon opens their node; commits 95f0c765d, 4c477d739",
        rows: [28, 42, 43, 45]
    ) { context in
        context.channels.compactMap { place in
            guard place.isOpen, place.waitsForProgram, context.isAlive(place.key.partition), let watch = place.watch,
                let used = watch.inUsed, used.value > 0, let since = context.held([watch.inUsed], seconds: 30)
            else { return nil }
            let severity: Severity = place.kind == .socket ? .info : .warning
            return context.finding(
                "program-not-reading", severity, place, since: since, .guestProgram,
                "no program in the guest reads \(used.value) bytes",
                evidence: [
                    waiting(context, used, place.channel.inbound, "program"), mask(watch.inMask, "guest", context),
                    place.driver.isEmpty ? nil : "driver \(PlainText.clean(place.driver))",
                ].compactMap { $0 })
        }
    }

    /// Since when the guest's bytes have not moved, where that says something: a size that was taken over from the primary
    /// says it only if fewer bytes were seen to wait before.
    private static func outboundHeld(_ context: DoctorContext, _ place: ChannelCase, seconds: UInt64) -> UInt64? {
        guard place.isOpen, place.kind != .socket, context.isAlive(place.key.partition), let watch = place.watch,
            let used = watch.outUsed, used.value > 0
        else { return nil }
        if place.channel.outbound.sizeSource == .inferred, watch.outUsedLeast == used.value { return nil }
        return context.held([watch.outUsed, watch.outMask], seconds: seconds)
    }

    static let outboundStalled = DoctorRule(
        "outbound-stalled", .critical,
        "Bytes from the guest wait in a ring that the host should be reading.",
        method: "open channel: bytes wait unchanged for 5 s and three looks, the host has not masked the ring",
        cause: "The host's side of the device hangs or is overloaded, or the guest's signal was lost.",
        remedy:
            "Look at the host: storage or network behind the device, the VM's worker process. In the guest, unbinding and "
            + "binding the driver opens the channel anew.",
        source: "reference §4.7: the guest signals only when the ring was empty, so only the host's reading goes on",
        rows: [12, 18]
    ) { context in
        context.channels.compactMap { place in
            guard let watch = place.watch, let used = watch.outUsed, watch.outMask?.value == 0,
                let since = outboundHeld(context, place, seconds: 5)
            else { return nil }
            return context.finding(
                "outbound-stalled", .critical, place, since: since, .hostProvider,
                "the host does not read \(used.value) bytes that the guest sent",
                evidence: [
                    waiting(context, used, place.channel.outbound, "host"), mask(watch.outMask, "host", context),
                    counter("signals", watch.signals, context),
                    counter("signals because the ring was empty", watch.outEmpty, context),
                ].compactMap { $0 })
        }
    }

    static let outboundMasked = DoctorRule(
        "outbound-masked", .critical,
        "The host said that it reads a ring by itself and does not.",
        method: "open channel: bytes wait unchanged for 10 s and three looks while the host has the ring masked",
        cause: "The host's reader hangs, or the mask was left behind when it changed its mode.",
        remedy:
            "Only the host can end it: report it with these numbers. Closing and opening the channel (unbind and bind) "
            + "clears the mask.",
        source: "reference §4.7; openvmm PR#2854: out mask left at 1 after ethtool -L", rows: [19]
    ) { context in
        context.channels.compactMap { place in
            guard let watch = place.watch, let used = watch.outUsed, let mask = watch.outMask, mask.value != 0,
                let since = outboundHeld(context, place, seconds: 10)
            else { return nil }
            return context.finding(
                "outbound-masked", .critical, place, since: since, .hostProvider,
                "the host has masked the ring and does not read \(used.value) bytes",
                evidence: [
                    waiting(context, used, place.channel.outbound, "host"), Self.mask(mask, "host", context),
                ].compactMap { $0 })
        }
    }

    static let monitorBitStuck = DoctorRule(
        "monitor-bit-stuck", .critical,
        "A signal through the monitor page was given and nobody took it.",
        method:
            "the channel's own bit of its monitor group is set for 10 s and three looks while the guest gives no new "
            + "signal; critical when bytes wait besides",
        cause: "The hypervisor does not look at the monitor page: it was moved, disabled, or the group is off.",
        remedy: "Report it to whoever runs the host; unbinding and binding the driver opens the channel anew.",
        source: "reference §1.8: a pending bit is taken within its latency, about 100 us; openvmm PR#3579", rows: [21]
    ) { context in
        context.channels.compactMap { place in
            guard place.isOpen, context.isAlive(place.key.partition), let watch = place.watch,
                let bit = watch.monitorBit, bit.value == 1, watch.outEmpty != nil,
                let since = context.held([watch.monitorBit, watch.outEmpty], seconds: 10)
            else { return nil }
            let used = watch.outUsed?.value ?? 0
            return context.finding(
                "monitor-bit-stuck", used > 0 ? .critical : .warning, place, since: since, .rootPartition,
                "monitor bit \(place.channel.monitorID.value ?? 0) stays set",
                evidence: [
                    "bit set for \(context.text(since: bit.since)) in \(bit.looks) looks",
                    place.channel.monitorLatency.value.map { "its latency is \($0 / 10) us" },
                    counter("signals because the ring was empty", watch.outEmpty, context),
                    "\(used) bytes wait for the host",
                ].compactMap { $0 })
        }
    }

    static let nearlyFull = DoctorRule(
        "ring-nearly-full", .warning,
        "More than nine tenths of a ring have been waiting for a minute.",
        method: "fill above 90% in every look for 60 s",
        cause: "The reader is slower than the writer.",
        remedy: "Spread the load over more channels or processors, or make the ring larger (ethtool -G, ring_size).",
        source: "ecosystem §1.4, RingNearlyFull", rows: [29]
    ) { context in
        context.channels.flatMap { place -> [Finding] in
            guard place.isOpen, context.isAlive(place.key.partition), let watch = place.watch else { return [] }
            let rings = [
                (place.channel.inbound, watch.inNearlyFull, ResponsibleParty.guestDriver, "host to guest"),
                (place.channel.outbound, watch.outNearlyFull, .hostProvider, "guest to host"),
            ]
            return rings.compactMap { ring, start, actor, name in
                guard let since = context.held(since: start, seconds: 60), let used = ring.used.value,
                    let size = ring.size.value
                else { return nil }
                return context.finding(
                    "ring-nearly-full", .warning, place, since: since, actor, "the \(name) ring is nearly full",
                    evidence: ["\(used) of \(size) bytes wait", "above 90% for \(context.text(since: since))"])
            }
        }
    }

    static let fullEpisodes = DoctorRule(
        "outbound-full", .warning,
        "The guest meets a full ring again and again.",
        method: "out_full_total grows by more than one a second and out_full_first grows too, over at least 5 s",
        cause: "The ring is too small for the load, or the host reads too slowly.",
        remedy:
            "Make the ring larger (ethtool -G, ring_size), use more channels, or look at what is behind the device.",
        source: "ecosystem §1.4, OutboundRingFull; kernel ABI: out_full_first, out_full_total", rows: [25, 29]
    ) { context in
        context.channels.compactMap { place in
            guard place.isOpen, let watch = place.watch, let writes = watch.fullWrites,
                let episodes = watch.fullEpisodes, episodes.growth.count >= 2, let rate = writes.rate, rate > 1,
                writes.growth.nanoseconds >= 5 * DoctorContext.second, let last = episodes.grewAt,
                context.age(last) <= 60 * DoctorContext.second
            else { return nil }
            return context.finding(
                "outbound-full", .warning, place, since: episodes.grewFirst, .operatorOfGuest,
                "\(Quantity.rate(rate)) writes a second meet a full ring",
                evidence: [
                    "\(writes.growth.count) full writes in \(episodes.growth.count) episodes within "
                        + DoctorContext.text(writes.growth.nanoseconds),
                    "the last \(context.text(since: last)) ago",
                    place.channel.outbound.used.value.map { used in
                        "\(used)\(place.channel.outbound.size.value.map { " of \($0)" } ?? "") bytes wait now"
                    },
                ].compactMap { $0 })
        }
    }

    static let requestIdsUsedUp = DoctorRule(
        "request-ids-used-up", .warning,
        "Writes fail as if the ring was full, but it is not.",
        method: "kernel log: error -11 within ten minutes, while less than half of the guest to host ring waits",
        cause: "The request ids are used up: as many requests wait for completions as the driver has ids.",
        remedy: "Look for requests that are never completed (Ledger, outstanding transactions); update the kernel.",
        source: "commits 8a8ffa547, c27769ec0", rows: [25]
    ) { context in
        context.lines(.ringFull, within: 600).map { entry in
            let place = context.channels.first {
                $0.device.instance == entry.device && $0.partition.number == entry.partition
            }
            let fill = place?.channel.outbound.fill
            let isFull = (fill ?? 1) >= 0.5
            var finding = context.finding(
                "request-ids-used-up", .warning, entry, isFull ? .hostProvider : .guestDriver,
                isFull ? "writes met a full ring" : "writes fail though the ring has room")
            if let place, let used = place.channel.outbound.used.value {
                finding.evidence.append(
                    "\(used)\(place.channel.outbound.size.value.map { " of \($0)" } ?? "") bytes wait in the ring")
                let count = context.transactions.count(place.key, .guestToHost)
                if count > 0 { finding.evidence.append("\(count) requests wait for completions") }
            }
            return finding
        }
    }

    static let needlessSignals = DoctorRule(
        "needless-signals", .warning,
        "The guest signals the host though the rules ask for no signal.",
        method:
            "signals by hypercall grow by more than those that the rules explain (intr_out_empty, intr_in_full), by more "
            + "than 100 a second and a tenth of all, over at least 5 s; not for channels with a monitor bit",
        cause: "A driver or program signals with every write.",
        remedy: "Update the driver; hosts slow a guest down that signals without need.",
        source: "reference §4.7; kernel document vmbus.rst", rows: [50]
    ) { context in
        context.channels.compactMap { place in
            guard place.isOpen, place.channel.monitorID.value == nil, let watch = place.watch,
                let signals = watch.signalGrowth, let empty = watch.outEmptyGrowth, let full = watch.inFullGrowth,
                signals.growth.nanoseconds >= 5 * DoctorContext.second
            else { return nil }
            let explained = empty.growth.count &+ full.growth.count
            let given = signals.growth.count
            guard given > explained, let rate = signals.rate else { return nil }
            let share = Double(given - explained) / Double(given)
            guard rate * share > 100, share > 0.1 else { return nil }
            return context.finding(
                "needless-signals", .warning, place, since: signals.grewFirst, .guestDriver,
                "\(Quantity.share(share)) of the guest's signals are not needed",
                evidence: [
                    "\(given) signals within \(DoctorContext.text(signals.growth.nanoseconds)), "
                        + "\(explained) explained by the rules",
                    "\(Quantity.rate(rate * share)) a second too many",
                ])
        }
    }

    static let interruptStorm = DoctorRule(
        "interrupt-storm", .info,
        "A channel is interrupted very often.",
        method: "more than 150,000 interrupts a second over at least 5 s",
        cause: "Very many small packets, or an interrupt for each of them.",
        remedy: "Let the device coalesce (ethtool -C), or poll.",
        source: "ecosystem §1.4, InterruptStorm"
    ) { context in
        context.channels.compactMap { place in
            guard place.isOpen, let growth = place.watch?.interruptGrowth, let rate = growth.rate, rate > 150_000,
                growth.growth.nanoseconds >= 5 * DoctorContext.second
            else { return nil }
            return context.finding(
                "interrupt-storm", .info, place, since: growth.grewFirst, .operatorOfGuest,
                "\(Quantity.rate(rate)) interrupts a second",
                evidence: [
                    "\(growth.growth.count) interrupts within \(DoctorContext.text(growth.growth.nanoseconds))",
                    place.channel.cpu.value.map { "all on processor \($0)" },
                ].compactMap { $0 })
        }
    }

    static let indicesOutOfRange = DoctorRule(
        "ring-corrupt", .critical,
        "A ring's indices are impossible, so nobody can use it any more.",
        method:
            "an index that is not below the ring's size, or no multiple of 8; or the kernel log says so, within ten "
            + "minutes",
        cause: "One side, or something else in the guest, has written over the control page.",
        remedy:
            "Unbind and bind the driver. Keep the kernel log and the indices: this is a fault of the guest or the host.",
        source: "reference §4.2, §7.8; ecosystem §6.4 index-range", rows: [24]
    ) { context in
        let logged = context.lines(.ringCorrupt, within: 600).map { entry in
            context.finding(
                "ring-corrupt", .critical, entry, .guestDriver, "the kernel found a ring's indices out of range")
        }
        return logged
            + context.channels.compactMap { place in
                guard place.isOpen else { return nil }
                let rings = [
                    (place.channel.inbound, "host to guest", ResponsibleParty.rootPartition),
                    (place.channel.outbound, "guest to host", .guestDriver),
                ]
                for (ring, name, writer) in rings {
                    guard let size = ring.size.value, ring.sizeSource == .measured else { continue }
                    for (index, what) in [(ring.writeIndex, "write"), (ring.readIndex, "read")] {
                        guard let value = index.value, value >= size || value % 8 != 0 else { continue }
                        return context.finding(
                            "ring-corrupt", .critical, place, since: index.time, writer,
                            "the \(name) ring's \(what) index is impossible",
                            evidence: ["\(what) index \(value), ring of \(size) bytes"])
                    }
                }
                return nil
            }
    }

    static let unexpectedSize = DoctorRule(
        "ring-size-unusual", .info,
        "A ring has another size than Linux gives rings of this class.",
        method: "live guest with a kernel driver, measured size of the primary's rings",
        cause: "A module parameter, ethtool -G, pages of 64 KiB, or another kernel than is thought.",
        remedy: "Nothing, if it was meant. A ring that is half as large fills twice as soon.",
        source: "reference §4.11; commit 39bed29d7", rows: [26]
    ) { context in
        guard context.kind == .live else { return [] }
        return context.channels.compactMap { place in
            let norms = RingNorm.sizes(of: place.kind, driver: place.driver)
            guard place.isOpen, !place.isForProgram, let least = norms.min(),
                let size = place.channel.inbound.size.value,
                place.channel.inbound.sizeSource == .measured, size < least / 2 || size > least * 4
            else { return nil }
            return context.finding(
                "ring-size-unusual", .info, place, since: nil, .nobody, "rings of \(Quantity.bytes(size))",
                evidence: ["\(size) data bytes; usual are \(norms.map(String.init).joined(separator: " or "))"])
        }
    }

    static let interruptBeforeOpen = DoctorRule(
        "interrupt-before-open", .info,
        "The host interrupted the guest for a channel before it had answered the open.",
        method: "interrupts of a channel between its open request and the answer, where the log shows interrupts",
        cause: "The host writes at once. A guest that ignores this interrupt never gets another one.",
        remedy: "Nothing while the channel works; see inbound-stalled when it does not.",
        source: "commit d21864355; openvmm PR#1829", rows: [22]
    ) { context in
        context.channels.compactMap { place in
            guard let watch = place.watch, watch.interruptsBeforeOpen > 0 else { return nil }
            return context.finding(
                "interrupt-before-open", .info, place, since: watch.phase?.since, .nobody,
                "\(watch.interruptsBeforeOpen) interrupts came before the channel was open",
                evidence: ["\(watch.interruptsBeforeOpen) interrupts while the open waited for its answer"])
        }
    }

    static let leftAtClose = DoctorRule(
        "ring-left-at-close", .info,
        "Bytes were left in the rings when the channel was closed.",
        method: "bytes waiting in the last look before a close, within ten minutes",
        cause: "The channel was closed while packets were on their way.",
        remedy: "Nothing, unless requests are missed: a device should be quiet before it is closed.",
        source: "openvmm PR#1927, #1967", rows: [20]
    ) { context in
        context.channels.compactMap { place in
            guard let watch = place.watch, let closed = watch.closedAt, watch.leftAtClose > 0,
                context.age(closed) <= 600 * DoctorContext.second
            else { return nil }
            return context.finding(
                "ring-left-at-close", .info, place, since: closed, .nobody,
                "\(watch.leftAtClose) bytes were left at the close",
                evidence: ["closed \(context.text(since: closed)) ago with \(watch.leftAtClose) bytes in both rings"])
        }
    }
}
