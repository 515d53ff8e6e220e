import BusModel
import VMBusWire

/// Rules about network devices (anchors D.3).
enum NetworkRules {
    /// The counters of an interface whose growth the rules look at (`ethtool -S` of hv_netvsc).
    static let watchedCounters: Set<String> = [
        "tx_send_full", "rx_comp_busy", "tx_no_space", "tx_no_memory", "stop_queue", "wake_queue", "rx_no_memory",
        "tx_busy", "tx_packets", "tx_errors", "rx_errors", "tx_dropped", "rx_dropped",
    ]

    static let all: [DoctorRule] = [
        DoctorRule(
            "nic-send-buffer-full", .warning, .hostProvider,
            "The network driver has no free section in its send buffer, and must use a slower way.",
            method: "ethtool -S tx_send_full grows by 10 a second or more over at least 5 s",
            cause: """
                More packets wait for the host's completions than the send buffer has sections; the host is slower than \
                the guest.
                """,
            remedy: """
                More channels (ethtool -L), fewer small packets, accelerated networking; packets are not lost by this alone.
                """,
            source: "microsoft/azure-linux-kernel#36, #42",
            rows: [29],
            search: .growth(of: "tx_send_full", [.network], "the send buffer is full again and again", rate: 10)),
        DoctorRule(
            "nic-completions-blocked", .warning, .hostProvider,
            "The network driver could not give receive buffers back to the host, as the ring was full.",
            method: "ethtool -S rx_comp_busy grows by 10 a second or more over at least 5 s",
            cause: """
                The guest to host ring is full of packets, so completions find no room; the host then runs out of buffers \
                and drops packets.
                """,
            remedy: "Larger rings (ethtool -G), more channels, accelerated networking.",
            source: "microsoft/azure-linux-kernel#36, #42",
            rows: [29],
            search: .growth(of: "rx_comp_busy", [.network], "receive completions find the ring full", rate: 10)),
        DoctorRule(
            "nic-queue-stopped", .warning, .hostProvider,
            "A send queue was stopped and has not been woken.",
            method: """
                ethtool -S stop_queue is ahead of wake_queue by more than before, unchanged for 30 s and three looks, \
                while no packet is sent
                """,
            cause: "The completion that would wake the queue did not come.",
            remedy: "Look for stuck bytes in the device's rings; setting the interface down and up wakes it.",
            source: "Linux hv_netvsc: a stopped queue is woken by a completion; openvmm PR#2854",
            rows: [19],
            search: .devices([.network]) { context, _, watch in
                guard let stop = watch.counters["stop_queue"], let wake = watch.counters["wake_queue"],
                    let sent = watch.counters["tx_packets"], stop.growth.count > wake.growth.count,
                    let last = stop.grewAt, (sent.grewAt ?? 0) <= last,
                    let since = context.held([stop.steady], seconds: 30)
                else { return nil }
                return Symptom(
                    "a send queue stays stopped", since: since,
                    evidence: [
                        "stop_queue grew by \(stop.growth.count), wake_queue by \(wake.growth.count)",
                        "nothing sent for \(context.text(since: since))",
                    ])
            }),
        DoctorRule(
            "data-path-flapping", .warning, .rootPartition,
            "The network's packets go over to the virtual function and back again and again.",
            method: """
                six or more lines of the kernel log within ten minutes about one device that tell the same: the data path \
                is switched, or the virtual function, its slot or its link comes or goes
                """,
            cause: "The host takes the virtual function away and gives it back, as in servicing that does not end.",
            remedy: "Report it to whoever runs the host; switching accelerated networking off stops it.",
            source: "MicrosoftDocs/azure-docs#100444; kernel document netvsc",
            rows: [33],
            search: .lines(
                .dataPathSwitched, .virtualFunctionChanged, .virtualFunctionSlot, .virtualFunctionLink, within: 600
            ) { context, entry in
                let recent = entry.moments.filter { context.isWithin(600, $0) }
                guard recent.count >= 6 else { return nil }
                let what =
                    entry.fact == .dataPathSwitched ? "switches of the data path" : "changes of its virtual function"
                return Symptom("\(recent.count) \(what) within ten minutes", since: recent.min())
            }),
        DoctorRule(
            "carrier-flapping", .warning, .rootPartition,
            "An interface loses and gets its carrier again and again.",
            method: "carrier_changes grew by four or more within ten minutes",
            cause: "The host's switch port is reconfigured, or the interface is set down and up.",
            remedy: "Look at the virtual switch on the host.",
            source: "anchors D.3; Linux ABI: carrier_changes",
            rows: [33],
            search: .growth(of: "carrier_changes", [.network], "the carrier comes and goes", by: 4)),
        DoctorRule(
            "nic-link-down", .info, .operatorOfGuest,
            "An interface has no carrier.",
            method: "carrier 0 of a network device for 5 s and three looks",
            cause: "The network card is not connected to a switch on the host, or the interface is down.",
            remedy: "Nothing, if it was meant.",
            source: "Linux ABI: carrier, operstate",
            search: .off(.linkCarrier, "carrier 0", [.network], seconds: 5) { place in
                ("no carrier", place.evidence.text(.linkState).map { "operstate \(PlainText.clean($0))" })
            }),
        DoctorRule(
            "function-idle", .info, .operatorOfGuest,
            "A virtual function is there and the packets do not take it.",
            method: "the interface has a virtual function that is not active for 60 s and three looks",
            cause: "Its driver does not run, or its link is down; the packets take the slower way through the rings.",
            remedy: "Look at the function's interface and driver.",
            source: "linux-guest-data §8; kernel document netvsc",
            search: .off(.virtualFunctionActive, "not active", [.network], seconds: 60) { place in
                guard let name = place.evidence.text(.virtualFunction), !name.isEmpty else { return nil }
                return ("\(PlainText.clean(name)) carries no packets", nil)
            }),
        DoctorRule(
            "nic-errors", .warning, .guestDriver,
            "The host ends network requests with errors.",
            method: """
                the kernel log tells of failed network requests within ten minutes; or tx_errors, rx_errors grow by one a \
                second or more
                """,
            cause: "Malformed page ranges in a request, or a host that goes away.",
            remedy: "Look at the status in the log; update the kernel.",
            source: "commit 2d8ab4a0c",
            rows: [30],
            search: .any(
                .lines(.networkError, within: 600) { Symptom("network requests end with status \($1.firstNumber)") },
                .growth(of: "tx_errors", [.network], "packets are not sent", rate: 1),
                .growth(of: "rx_errors", [.network], "packets come damaged", rate: 1, actor: .hostProvider))),
    ]
}
