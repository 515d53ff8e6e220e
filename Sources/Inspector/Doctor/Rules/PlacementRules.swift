import BusModel
import VMBusWire

/// Rules about processors (anchors D.2, D.3).
enum PlacementRules {
    static let all: [DoctorRule] = [
        processorOffline, processorIsolated, channelsShareProcessor, channelsFew, interruptsOnOne,
    ]

    /// Whether a list names the processor that a channel's interrupts go to.
    private static func contains(_ list: ProcessorSet, _ target: UInt64) -> Bool {
        Int(exactly: target).map(list.contains) ?? false
    }

    static let processorOffline = DoctorRule(
        "processor-offline", .critical,
        "A channel's interrupts go to a processor that is offline.",
        method: "the target processor of an open channel is not in the list of those online; critical while bytes wait",
        cause: "The processor was taken offline without moving the channel.",
        remedy: "Move the channel to a processor that is online (x in CPUs tells how), or bring the processor back.",
        source: "commit 342aed2ec", rows: [27]
    ) { context in
        context.channels.compactMap { place in
            guard place.isOpen, let target = place.channel.cpu.value,
                let text = place.partition.evidence.text(.onlineProcessors),
                case let online = ProcessorSet(parsing: text), !online.isEmpty, !contains(online, target)
            else { return nil }
            let used = place.watch?.inUsed?.value ?? 0
            return context.finding(
                "processor-offline", used > 0 ? .critical : .warning, place, since: place.watch?.inUsed?.since,
                .operatorOfGuest, "its processor \(target) is offline",
                evidence: [
                    "target processor \(target), online are \(PlainText.clean(text))",
                    "\(used) bytes wait for the guest",
                ])
        }
    }

    static let processorIsolated = DoctorRule(
        "processor-isolated", .info,
        "A channel's interrupts go to a processor that is kept free of other work.",
        method: "the target processor of an open channel is in the list of isolated ones",
        cause: "The channel was opened before the isolation, or moved there by hand.",
        remedy: "Move it away (x in CPUs tells how), if the processor is to be quiet.",
        source: "linux-guest-data §2", rows: [35]
    ) { context in
        context.channels.compactMap { place in
            guard place.isOpen, let target = place.channel.cpu.value,
                let text = place.partition.evidence.text(.isolatedProcessors),
                contains(ProcessorSet(parsing: text), target)
            else { return nil }
            return context.finding(
                "processor-isolated", .info, place, since: nil, .operatorOfGuest, "its processor \(target) is isolated",
                evidence: ["target processor \(target), isolated are \(PlainText.clean(text))"])
        }
    }

    static let channelsShareProcessor = DoctorRule(
        "channels-share-processor", .info,
        "Several channels of one device are on one processor though others are free.",
        method:
            "two or more open channels of a network or storage device have one target, while at least as many processors "
            + "are online as the device has open channels",
        cause: "Kernels before 5.14 place them so; or somebody moved them.",
        remedy: "Move one of them (x in CPUs shows what it would bring).",
        source: "commits 23e88a92fd38, 1109e7d34, ae309635e", rows: [35, 38]
    ) { context in
        context.devices.compactMap { place in
            guard place.device.deviceClass.isPerformanceDevice else { return nil }
            let open = place.device.channels.filter { $0.phase.value == .open && $0.cpu.value != nil }
            let online = place.partition.evidence.text(.onlineProcessors).map {
                UInt64(ProcessorSet(parsing: $0).count)
            }
            guard open.count > 1, let count = online ?? place.partition.virtualProcessors.value,
                count >= UInt64(open.count)
            else { return nil }
            var shared: [(processor: UInt64, relids: [UInt32])] = []
            for channel in open {
                guard let processor = channel.cpu.value else { continue }
                if let index = shared.firstIndex(where: { $0.processor == processor }) {
                    shared[index].relids.append(channel.relid)
                } else {
                    shared.append((processor, [channel.relid]))
                }
            }
            let crowded = shared.filter { $0.relids.count > 1 }
            guard !crowded.isEmpty else { return nil }
            return context.finding(
                "channels-share-processor", .info, place, since: nil, .operatorOfGuest,
                "\(open.count) channels are on \(shared.count) of \(count) processors",
                evidence: crowded.prefix(8).map { group in
                    "processor \(group.processor): relid "
                        + group.relids.prefix(16).map(String.init).joined(separator: ", ")
                })
        }
    }

    static let channelsFew = DoctorRule(
        "channels-few", .info,
        "A device has fewer open channels than is usual for so many processors.",
        method:
            "open channels of a network or storage device of a kernel driver on a live guest, compared with the fewest that "
            + "any known formula gives for the processors online",
        cause: "The host offers no more, opening the others failed, or somebody asked for fewer (ethtool -L).",
        remedy: "ethtool -L for a network card; look in the kernel log for opens and page lists that failed.",
        source: "linux-guest-data §3, §8; WSL#41474", rows: [31, 39]
    ) { context in
        guard context.kind == .live else { return [] }
        return context.devices.compactMap { place in
            let count = place.device.channels.count { $0.phase.value == .open }
            let online = place.partition.evidence.text(.onlineProcessors).map { ProcessorSet(parsing: $0).count }
            let known = place.partition.virtualProcessors.value.flatMap { Int(exactly: $0) }
            guard count > 0, place.device.driver.value != "uio_hv_generic", let processors = online ?? known,
                processors > 0,
                case let usual = ChannelCountNorm.expectations(of: place.kind, processors: processors),
                let least = usual.min(by: { $0.count < $1.count }), count < least.count
            else { return nil }
            return context.finding(
                "channels-few", .info, place, since: nil, .operatorOfGuest,
                "\(count) open channel\(count == 1 ? "" : "s") on \(processors) processors",
                evidence: [
                    "\(count) open of \(place.device.channels.count) offered",
                    "at least \(least.count) are usual: \(least.source)",
                ])
        }
    }

    static let interruptsOnOne = DoctorRule(
        "interrupts-on-one", .warning,
        "One processor takes nearly all interrupts of the bus.",
        method:
            "more than 80% of at least 20,000 interrupts a second go to one of four or more processors, over at least 5 s",
        cause: "Few channels, or several busy ones on one processor.",
        remedy: "Use more channels (ethtool -L), or move some (x in CPUs tells how).",
        source: "scylladb/seastar#3193; anchors F.8", rows: [35]
    ) { context in
        context.snapshot.partitions.compactMap { partition in
            guard let count = partition.virtualProcessors.value, count >= 4 else { return nil }
            // Only looked up; the busiest is told by a comparison that any order leaves the same.
            var rates: [UInt64: Double] = [:]
            var total = 0.0
            for place in context.channels where place.key.partition == partition.number {
                guard let growth = place.watch?.interruptGrowth, let rate = growth.rate,
                    growth.growth.nanoseconds >= 5 * DoctorContext.second, let target = place.channel.cpu.value
                else { continue }
                rates[target, default: 0] += rate
                total += rate
            }
            guard let busiest = rates.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }), total >= 20_000,
                busiest.value > total * 0.8
            else { return nil }
            return context.finding(
                "interrupts-on-one", .warning, partition, since: nil, .operatorOfGuest,
                "processor \(busiest.key) takes \(Quantity.share(busiest.value / total)) of all interrupts",
                evidence: [
                    "\(Quantity.rate(busiest.value)) of \(Quantity.rate(total)) interrupts a second, \(count) processors"
                ])
        }
    }
}
