import BusModel
import VMBusWire

/// Rules about processors (anchors D.2, D.3).
enum PlacementRules {
    static let all: [DoctorRule] = [
        DoctorRule(
            "processor-offline", .critical, .operatorOfGuest,
            "A channel's interrupts go to a processor that is offline.",
            method:
                "the target processor of an open channel is not in the list of those online; critical while bytes wait",
            cause: "The processor was taken offline without moving the channel.",
            remedy:
                "Move the channel to a processor that is online (x in CPUs tells how), or bring the processor back.",
            source: "commit 342aed2ec",
            rows: [27],
            search: .openChannels { _, place, watch in
                guard let (target, isListed, list) = listed(place, .onlineProcessors), !list.isEmpty, !isListed else {
                    return nil
                }
                let used = watch.inUsed?.value ?? 0
                return Symptom(
                    "its processor \(target) is offline", since: watch.inUsed?.since,
                    severity: used > 0 ? nil : .warning,
                    evidence: ["target processor \(target), online are \(list)", "\(used) bytes wait for the guest"])
            }),
        DoctorRule(
            "processor-isolated", .info, .operatorOfGuest,
            "A channel's interrupts go to a processor that is kept free of other work.",
            method: "the target processor of an open channel is in the list of isolated ones",
            cause: "The channel was opened before the isolation, or moved there by hand.",
            remedy: "Move it away (x in CPUs tells how), if the processor is to be quiet.",
            source: "linux-guest-data §2",
            rows: [35],
            search: .openChannels { _, place, _ in
                guard let (target, isListed, list) = listed(place, .isolatedProcessors), isListed else { return nil }
                return Symptom(
                    "its processor \(target) is isolated",
                    evidence: ["target processor \(target), isolated are \(list)"])
            }),
        DoctorRule(
            "channels-share-processor", .info, .operatorOfGuest,
            "Several channels of one device are on one processor though others are free.",
            method: """
                two or more open channels of a network or storage device have one target, while at least as many \
                processors are online as the device has open channels
                """,
            cause: "Kernels before 5.14 place them so; or somebody moved them.",
            remedy: "Move one of them (x in CPUs shows what it would bring).",
            source: "commits 23e88a92fd38, 1109e7d34, ae309635e",
            rows: [35, 38],
            search: .devices { _, place, _ in
                let open = place.device.channels.filter { $0.phase.value == .open && $0.cpu.value != nil }
                guard place.device.deviceClass.isPerformanceDevice, open.count > 1, let count = processors(place),
                    count >= open.count
                else { return nil }
                // Put in order before anybody sees it.
                let groups = Dictionary(grouping: open) { $0.cpu.value ?? 0 }
                let crowded = groups.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }
                guard !crowded.isEmpty else { return nil }
                return Symptom(
                    "\(open.count) channels are on \(groups.count) of \(count) processors",
                    evidence: crowded.prefix(8).map { processor, channels in
                        let relids = channels.prefix(16).map { String($0.relid) }.joined(separator: ", ")
                        return "processor \(processor): relid \(relids)"
                    })
            }),
        DoctorRule(
            "channels-few", .info, .operatorOfGuest,
            "A device has fewer open channels than is usual for so many processors.",
            method: """
                open channels of a network or storage device of a kernel driver on a live guest, compared with the fewest \
                that any known formula gives for the processors online
                """,
            cause: "The host offers no more, opening the others failed, or somebody asked for fewer (ethtool -L).",
            remedy: "ethtool -L for a network card; look in the kernel log for opens and page lists that failed.",
            source: "linux-guest-data §3, §8; WSL#41474",
            rows: [31, 39],
            search: .devices { context, place, _ in
                let count = place.device.channels.count { $0.phase.value == .open }
                guard context.kind == .live, count > 0, place.device.driver.value != "uio_hv_generic",
                    let processors = processors(place), processors > 0,
                    let usual = ChannelCountNorm.expectations(of: place.kind, processors: processors)
                        .min(by: { $0.count < $1.count }), count < usual.count
                else { return nil }
                return Symptom(
                    "\(count) open channel\(count == 1 ? "" : "s") on \(processors) processors",
                    evidence: [
                        "\(count) open of \(place.device.channels.count) offered",
                        "at least \(usual.count) are usual: \(usual.source)",
                    ])
            }),
        DoctorRule(
            "interrupts-on-one", .warning, .operatorOfGuest,
            "One processor takes nearly all interrupts of the bus.",
            method: """
                more than 80% of at least 20,000 interrupts a second go to one of four or more processors, over at least 5 s
                """,
            cause: "Few channels, or several busy ones on one processor.",
            remedy: "Use more channels (ethtool -L), or move some (x in CPUs tells how).",
            source: "scylladb/seastar#3193; anchors F.8",
            rows: [35],
            search: .partitions { context, partition in
                guard let count = partition.virtualProcessors.value, count >= 4 else { return nil }
                // Only looked up; the busiest is told by a comparison that any order leaves the same.
                var rates: [UInt64: Double] = [:]
                var total = 0.0
                for place in context.channels where place.key.partition == partition.number {
                    guard let growth = place.watch?.interruptGrowth, growth.isLong, let rate = growth.rate,
                        let target = place.channel.cpu.value
                    else { continue }
                    rates[target, default: 0] += rate
                    total += rate
                }
                guard let busiest = rates.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }), total >= 20_000,
                    busiest.value > total * 0.8
                else { return nil }
                let (rate, all) = (Quantity.rate(busiest.value), Quantity.rate(total))
                return Symptom(
                    "processor \(busiest.key) takes \(Quantity.share(busiest.value / total)) of all interrupts",
                    evidence: ["\(rate) of \(all) interrupts a second, \(count) processors"])
            }),
    ]

    /// The processor that a channel's interrupts go to, and whether a list of processors names it.
    private static func listed(
        _ place: ChannelCase, _ attribute: Attribute
    ) -> (target: UInt64, isListed: Bool, list: String)? {
        guard let target = place.channel.cpu.value, let text = place.partition.evidence.text(attribute) else {
            return nil
        }
        let list = ProcessorSet(parsing: text)
        return (target, Int(exactly: target).map(list.contains) ?? false, list.isEmpty ? "" : PlainText.clean(text))
    }

    /// How many processors are online, as far as it is known.
    private static func processors(_ place: DeviceCase) -> Int? {
        place.partition.evidence.text(.onlineProcessors).map { ProcessorSet(parsing: $0).count }
            ?? place.partition.virtualProcessors.value.flatMap { Int(exactly: $0) }
    }
}
