import BusModel
import VMBusWire

/// Rules about signals and interrupts (anchors D.2).
enum SignalRules {
    static let all: [DoctorRule] = [
        DoctorRule(
            "monitor-bit-stuck", .critical, .rootPartition,
            "A signal through the monitor page was given and nobody took it.",
            method: """
                the channel's own bit of its monitor group is set for 10 s and three looks while the guest gives no new \
                signal; critical when bytes wait besides
                """,
            cause: "The hypervisor does not look at the monitor page: it was moved, disabled, or the group is off.",
            remedy: "Report it to whoever runs the host; unbinding and binding the driver opens the channel anew.",
            source: "reference §1.8: a pending bit is taken within its latency, about 100 us; openvmm PR#3579",
            rows: [21],
            search: .openChannels { context, place, watch in
                guard context.isAlive(place.key.partition), let bit = watch.monitorBit, bit.value == 1,
                    let signals = watch.outEmpty, let since = context.held([bit, signals], seconds: 10)
                else { return nil }
                let used = watch.outUsed?.value ?? 0
                return Symptom(
                    "monitor bit \(place.channel.monitorID.value ?? 0) stays set", since: since,
                    severity: used > 0 ? nil : .warning,
                    evidence: [
                        "bit set for \(context.text(since: bit.since)) in \(bit.looks) looks",
                        place.channel.monitorLatency.value.map { "its latency is \($0 / 10) us" },
                        "signals because the ring was empty \(signals.value), " + context.unchanged(signals),
                        "\(used) bytes wait for the host",
                    ])
            }),
        DoctorRule(
            "needless-signals", .warning, .guestDriver,
            "The guest signals the host though the rules ask for no signal.",
            method: """
                signals by hypercall grow by more than those that the rules explain (intr_out_empty, intr_in_full), by \
                more than 100 a second and a tenth of all, over at least 5 s; not for channels with a monitor bit
                """,
            cause: "A driver or program signals with every write.",
            remedy: "Update the driver; hosts slow a guest down that signals without need.",
            source: "reference §4.7; kernel document vmbus.rst",
            rows: [50],
            search: .openChannels { _, place, watch in
                guard place.channel.monitorID.value == nil, let signals = watch.signalGrowth, signals.isLong,
                    let empty = watch.outEmptyGrowth, let full = watch.inFullGrowth, let rate = signals.rate
                else { return nil }
                let explained = empty.growth.count &+ full.growth.count
                let (given, time) = signals.growth
                guard given > explained else { return nil }
                let share = Double(given - explained) / Double(given)
                guard rate * share > 100, share > 0.1 else { return nil }
                return Symptom(
                    "\(Quantity.share(share)) of the guest's signals are not needed", since: signals.grewFirst,
                    evidence: [
                        "\(given) signals within \(DoctorContext.text(time)), \(explained) explained by the rules",
                        "\(Quantity.rate(rate * share)) a second too many",
                    ])
            }),
        DoctorRule(
            "interrupt-storm", .info, .operatorOfGuest,
            "A channel is interrupted very often.",
            method: "more than 150,000 interrupts a second over at least 5 s",
            cause: "Very many small packets, or an interrupt for each of them.",
            remedy: "Let the device coalesce (ethtool -C), or poll.",
            source: "ecosystem §1.4, InterruptStorm",
            search: .openChannels { _, place, watch in
                guard let growth = watch.interruptGrowth, growth.isLong, let rate = growth.rate, rate > 150_000 else {
                    return nil
                }
                let (count, time) = growth.growth
                return Symptom(
                    "\(Quantity.rate(rate)) interrupts a second", since: growth.grewFirst,
                    evidence: [
                        "\(count) interrupts within \(DoctorContext.text(time))",
                        place.channel.cpu.value.map { "all on processor \($0)" },
                    ])
            }),
        DoctorRule(
            "interrupt-before-open", .info, .nobody,
            "The host interrupted the guest for a channel before it had answered the open.",
            method: "interrupts of a channel between its open request and the answer, where the log shows interrupts",
            cause: "The host writes at once. A guest that ignores this interrupt never gets another one.",
            remedy: "Nothing while the channel works; see inbound-stalled when it does not.",
            source: "commit d21864355; openvmm PR#1829",
            rows: [22],
            search: .channels { _, _, watch in
                let count = watch.interruptsBeforeOpen
                guard count > 0 else { return nil }
                return Symptom(
                    "\(count) interrupts came before the channel was open", since: watch.phase?.since,
                    evidence: ["\(count) interrupts while the open waited for its answer"])
            }),
    ]
}
