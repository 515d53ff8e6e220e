import BusModel
import VMBusWire

/// Rules about network devices (anchors D.3).
enum NetworkRules {
    static let all: [DoctorRule] = [
        sendBufferFull, completionsBusy, queueStopped, dataPathFlapping, carrierFlapping, linkDown, functionIdle,
        packetErrors,
    ]

    /// The counters of an interface whose growth the rules look at (`ethtool -S` of hv_netvsc).
    static let watchedCounters: Set<String> = [
        "tx_send_full", "rx_comp_busy", "tx_no_space", "tx_no_memory", "stop_queue", "wake_queue", "rx_no_memory",
        "tx_busy", "tx_packets", "tx_errors", "rx_errors", "tx_dropped", "rx_dropped",
    ]

    private static func devices(_ context: DoctorContext) -> [DeviceCase] {
        context.devices.filter { $0.kind == .network }
    }

    /// A finding for every network device of which a counter has grown by at least so much a second lately.
    private static func growing(
        _ rule: String, _ counter: String, atLeast least: Double, _ context: DoctorContext, _ actor: ResponsibleParty,
        _ text: String
    ) -> [Finding] {
        devices(context).compactMap { place in
            guard let growth = place.watch?.counters[counter], growth.growth.count > 0, let rate = growth.rate,
                rate >= least, growth.growth.nanoseconds >= 5 * DoctorContext.second, let last = growth.grewAt,
                context.age(last) <= 60 * DoctorContext.second
            else { return nil }
            var evidence = [
                "\(counter) grew by \(growth.growth.count) within \(DoctorContext.text(growth.growth.nanoseconds)), "
                    + "\(Quantity.rate(rate)) a second"
            ]
            for channel in place.device.channels {
                guard let used = channel.outbound.used.value, let size = channel.outbound.size.value else { continue }
                evidence.append("relid \(channel.relid): \(used) of \(size) bytes wait for the host")
                if evidence.count > 8 { break }
            }
            return context.finding(rule, .warning, place, since: growth.grewFirst, actor, text, evidence: evidence)
        }
    }

    static let sendBufferFull = DoctorRule(
        "nic-send-buffer-full", .warning,
        "The network driver has no free section in its send buffer, and must use a slower way.",
        method: "ethtool -S tx_send_full grows by 10 a second or more over at least 5 s",
        cause:
            "More packets wait for the host's completions than the send buffer has sections; the host is slower than the "
            + "guest.",
        remedy:
            "More channels (ethtool -L), fewer small packets, accelerated networking; packets are not lost by this alone.",
        source: "microsoft/azure-linux-kernel#36, #42", rows: [29]
    ) { context in
        growing(
            "nic-send-buffer-full", "tx_send_full", atLeast: 10, context, .hostProvider,
            "the send buffer is full again and again")
    }

    static let completionsBusy = DoctorRule(
        "nic-completions-blocked", .warning,
        "The network driver could not give receive buffers back to the host, as the ring was full.",
        method: "ethtool -S rx_comp_busy grows by 10 a second or more over at least 5 s",
        cause:
            "The guest to host ring is full of packets, so completions find no room; the host then runs out of buffers and "
            + "drops packets.",
        remedy: "Larger rings (ethtool -G), more channels, accelerated networking.",
        source: "microsoft/azure-linux-kernel#36, #42", rows: [29]
    ) { context in
        growing(
            "nic-completions-blocked", "rx_comp_busy", atLeast: 10, context, .hostProvider,
            "receive completions find the ring full")
    }

    static let queueStopped = DoctorRule(
        "nic-queue-stopped", .warning,
        "A send queue was stopped and has not been woken.",
        method:
            "ethtool -S stop_queue is ahead of wake_queue by more than before, unchanged for 30 s, while no packet is sent",
        cause: "The completion that would wake the queue did not come.",
        remedy: "Look for stuck bytes in the device's rings; setting the interface down and up wakes it.",
        source: "Linux hv_netvsc: a stopped queue is woken by a completion; openvmm PR#2854", rows: [19]
    ) { context in
        devices(context).compactMap { place in
            guard let stop = place.watch?.counters["stop_queue"], let wake = place.watch?.counters["wake_queue"],
                let sent = place.watch?.counters["tx_packets"], stop.growth.count > wake.growth.count,
                let last = stop.grewAt, let since = context.held(since: last, seconds: 30),
                (sent.grewAt ?? 0) <= last
            else { return nil }
            return context.finding(
                "nic-queue-stopped", .warning, place, since: since, .hostProvider, "a send queue stays stopped",
                evidence: [
                    "stop_queue grew by \(stop.growth.count), wake_queue by \(wake.growth.count)",
                    "nothing sent for \(context.text(since: since))",
                ])
        }
    }

    static let dataPathFlapping = DoctorRule(
        "data-path-flapping", .warning,
        "The network's packets go over to the virtual function and back again and again.",
        method: "six or more switches within ten minutes in the kernel log",
        cause: "The host takes the virtual function away and gives it back, as in servicing that does not end.",
        remedy: "Report it to whoever runs the host; switching accelerated networking off stops it.",
        source: "MicrosoftDocs/azure-docs#100444", rows: [33]
    ) { context in
        (context.lines(.dataPathSwitched, within: 600) + context.lines(.virtualFunctionChanged, within: 600))
            .compactMap { entry in
                let recent = entry.moments.filter { context.age($0) <= 600 * DoctorContext.second }
                guard recent.count >= 6, let first = recent.first else { return nil }
                var finding = context.finding(
                    "data-path-flapping", .warning, entry, .rootPartition,
                    "\(recent.count) switches of the data path within ten minutes")
                finding.since = first
                return finding
            }
    }

    static let carrierFlapping = DoctorRule(
        "carrier-flapping", .warning,
        "An interface loses and gets its carrier again and again.",
        method: "carrier_changes grew by four or more within ten minutes",
        cause: "The host's switch port is reconfigured, or the interface is set down and up.",
        remedy: "Look at the virtual switch on the host.",
        source: "anchors D.3; Linux ABI: carrier_changes", rows: [33]
    ) { context in
        devices(context).compactMap { place in
            guard let growth = place.watch?.counters["carrier_changes"], growth.growth.count >= 4 else { return nil }
            return context.finding(
                "carrier-flapping", .warning, place, since: growth.grewFirst, .rootPartition,
                "the carrier comes and goes",
                evidence: [
                    "\(growth.growth.count) changes within \(DoctorContext.text(growth.growth.nanoseconds))"
                ])
        }
    }

    static let linkDown = DoctorRule(
        "nic-link-down", .info,
        "An interface has no carrier.",
        method: "carrier 0 of an open network device for 5 s and three looks",
        cause: "The network card is not connected to a switch on the host, or the interface is down.",
        remedy: "Nothing, if it was meant.",
        source: "Linux ABI: carrier, operstate"
    ) { context in
        devices(context).compactMap { place in
            guard let carrier = place.watch?.steady[Attribute.linkCarrier.rawValue], carrier.value == 0,
                let since = context.held(since: carrier.since, seconds: 5)
            else { return nil }
            return context.finding(
                "nic-link-down", .info, place, since: since, .operatorOfGuest, "no carrier",
                evidence: [
                    "carrier 0 for \(context.text(since: since))",
                    place.evidence.text(.linkState).map { "operstate \(PlainText.clean($0))" },
                ].compactMap { $0 })
        }
    }

    static let functionIdle = DoctorRule(
        "function-idle", .info,
        "A virtual function is there and the packets do not take it.",
        method: "the interface has a virtual function that is not active for 60 s and three looks",
        cause: "Its driver does not run, or its link is down; the packets take the slower way through the rings.",
        remedy: "Look at the function's interface and driver.",
        source: "linux-guest-data §8; kernel document netvsc"
    ) { context in
        devices(context).compactMap { place in
            guard let name = place.evidence.text(.virtualFunction), !name.isEmpty,
                let active = place.watch?.steady[Attribute.virtualFunctionActive.rawValue], active.value == 0,
                let since = context.held(since: active.since, seconds: 60)
            else { return nil }
            return context.finding(
                "function-idle", .info, place, since: since, .operatorOfGuest,
                "\(PlainText.clean(name)) carries no packets",
                evidence: ["not active for \(context.text(since: since))"])
        }
    }

    static let packetErrors = DoctorRule(
        "nic-errors", .warning,
        "The host ends network requests with errors.",
        method:
            "the kernel log tells of failed network requests within ten minutes; or tx_errors, rx_errors grow by one a "
            + "second or more",
        cause: "Malformed page ranges in a request, or a host that goes away.",
        remedy: "Look at the status in the log; update the kernel.",
        source: "commit 2d8ab4a0c", rows: [30]
    ) { context in
        context.lines(.networkError, within: 600).map {
            context.finding(
                "nic-errors", .warning, $0, .guestDriver, "network requests end with status \($0.firstNumber)")
        }
            + growing("nic-errors", "tx_errors", atLeast: 1, context, .guestDriver, "packets are not sent")
            + growing("nic-errors", "rx_errors", atLeast: 1, context, .hostProvider, "packets come damaged")
    }
}
