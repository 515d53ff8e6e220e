public import BusModel
import VMBusWire

/// Compares a device with what is normal for its kind: "is this normal?" in sentences.
public struct DeviceNorms {
    private let device: DeviceSnapshot
    private let topology: ProcessorTopology
    private let rates: [FlowRates]
    private let now: UInt64

    /// A device at a moment.
    ///
    /// - Parameters:
    ///   - rates: how the counters of its channels grow, in their order.
    ///   - now: the moment, in the log's nanoseconds.
    public init(_ device: DeviceSnapshot, on topology: ProcessorTopology, rates: [FlowRates], at now: UInt64) {
        (self.device, self.topology, self.rates, self.now) = (device, topology, rates, now)
    }

    /// Everything that can be said, what is normal included.
    public var notes: [NormNote] {
        ringNotes + [channelCountNote, sharedProcessorNote].compactMap { $0 } + targetNotes + rateNotes
            + [imbalanceNote].compactMap { $0 }
    }

    /// The open channels.
    private var open: [ChannelSnapshot] { device.channels.filter { $0.phase.value == .open } }

    // MARK: Rings

    private var ringNotes: [NormNote] {
        let kind = device.deviceClass.kind
        let sizes = RingNorm.sizes(of: kind, driver: device.driver.value)
        guard !sizes.isEmpty, let primary = open.first(where: { $0.subchannel == 0 }) else { return [] }
        let norm =
            "normal are \(sizes.map(Quantity.count).joined(separator: " or ")) bytes, as drivers ask for; "
            + "a driver's option or 64 KiB pages give others"
        var found: [UInt64] = []
        for ring in [primary.outbound, primary.inbound] where ring.sizeSource != .inferred {
            if let size = ring.size.value, size > 0, !found.contains(size) { found.append(size) }
        }
        return found.map { size in
            NormNote(
                .ringSize, sizes.contains(size) ? .normal : .notable, "\(Quantity.count(size)) bytes each way",
                norm: norm)
        }
    }

    // MARK: Channels

    private var channelCountNote: NormNote? {
        let processors = topology.onlineCount
        guard processors > 0, !open.isEmpty else { return nil }
        let kind = device.deviceClass.kind
        let expectations = ChannelCountNorm.expectations(of: kind, processors: processors)
        guard !expectations.isEmpty else { return nil }
        let range = ChannelCountNorm.range(of: kind, processors: processors)
        let count = open.count
        let finding =
            "\(count) open" + (count < device.channels.count ? " of \(device.channels.count) offered" : "")
            + " on \(Quantity.number(UInt64(processors), "processor"))"
        let norm = expectations.map { "\($0.count) (\($0.source))" }.joined(separator: "; ")
        return NormNote(
            .channelCount, range.contains(count) ? .normal : .notable, finding,
            norm: (count < range.lowerBound
                ? "fewer than any rule gives: " : count > range.upperBound ? "more than any rule gives: " : "")
                + norm)
    }

    /// Before 5.14 two channels of one NIC could share a processor (linux-guest-data §2).
    private var sharedProcessorNote: NormNote? {
        guard open.count > 1 else { return nil }
        var users: [UInt64: [UInt16]] = [:]
        for channel in open {
            if let cpu = channel.cpu.value { users[cpu, default: []].append(channel.subchannel) }
        }
        let shared = users.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }
        guard !shared.isEmpty, users.count < min(open.count, topology.onlineCount) else { return nil }
        let text = shared.prefix(3).map { "\($0.value.count) channels on CPU \($0.key)" }.joined(separator: ", ")
        return NormNote(
            .sharedProcessor, .notable, text + (shared.count > 3 ? ", \(shared.count - 3) more" : ""),
            norm:
                "one channel a processor, as long as there are processors without one (kernels before 5.14 get it wrong)",
            subchannels: shared.flatMap(\.value).sorted())
    }

    private var targetNotes: [NormNote] {
        func targets(_ isOne: (Int) -> Bool) -> [ChannelSnapshot] {
            open.filter { channel in
                guard let cpu = channel.cpu.value, cpu < UInt64(ProcessorSet.limit) else { return false }
                return isOne(Int(cpu))
            }
        }
        func list(_ channels: [ChannelSnapshot]) -> String {
            channels.prefix(4).map { "channel \($0.subchannel) on CPU \($0.cpu.value ?? 0)" }.joined(separator: ", ")
                + (channels.count > 4 ? ", \(channels.count - 4) more" : "")
        }
        var notes: [NormNote] = []
        let offline = targets { !topology.isOnline($0) }
        if !offline.isEmpty {
            notes.append(
                NormNote(
                    .offlineProcessor, .wrong, list(offline),
                    norm: "an interrupt for a processor that is offline is lost",
                    subchannels: offline.map(\.subchannel)))
        }
        let isolated = targets { topology.isolated.contains($0) }
        if !isolated.isEmpty {
            notes.append(
                NormNote(
                    .isolatedProcessor, .notable, list(isolated),
                    norm:
                        "a processor that was isolated is to be left in peace; the kernel refuses to move a channel there",
                    subchannels: isolated.map(\.subchannel)))
        }
        return notes
    }

    // MARK: Rates

    private var rateNotes: [NormNote] {
        var notes: [NormNote] = []
        for (channel, rates) in zip(device.channels, rates) where channel.phase.value == .open {
            if let interrupts = rates.interrupts, interrupts > RateNorm.interruptStorm {
                notes.append(
                    NormNote(
                        .interruptStorm, .notable,
                        "channel \(channel.subchannel): \(Quantity.rate(interrupts)) interrupts/s",
                        norm: "up to \(Quantity.rate(RateNorm.interruptStorm)) a channel",
                        subchannels: [channel.subchannel]))
            }
            // A program in user space signals without the kernel knowing what the ring asked for.
            guard device.driver.value != "uio_hv_generic", let needless = rates.needlessSignals(at: now),
                needless > RateNorm.needlessSignals, let signals = rates.history?.summary(at: now).mean(.hypercalls),
                needless > signals * RateNorm.needlessShare
            else { continue }
            notes.append(
                NormNote(
                    .needlessSignals, .notable,
                    "channel \(channel.subchannel): \(Quantity.rate(needless)) of \(Quantity.rate(signals)) signals/s",
                    norm:
                        "signals only when the ring was empty or the host waits for room; a host may suspend a guest for "
                        + "seconds that signals too often (kernel document on VMBus)", subchannels: [channel.subchannel]
                ))
        }
        return notes
    }

    private var imbalanceNote: NormNote? {
        guard open.count > 1 else { return nil }
        var loads: [Int: Double] = [:]
        for (channel, rates) in zip(device.channels, rates) {
            guard channel.phase.value == .open, let cpu = channel.cpu.value, cpu < UInt64(ProcessorSet.limit) else {
                continue
            }
            loads[Int(cpu), default: 0] += rates.interrupts ?? 0
        }
        guard
            let imbalance = Imbalance(
                loads: loads.values.sorted(), over: min(open.count, max(1, topology.onlineCount)))
        else { return nil }
        let isBusy = imbalance.total >= RateNorm.busy * Double(imbalance.population)
        return NormNote(
            .imbalance, isBusy && imbalance.peakToMean >= RateNorm.uneven ? .notable : .normal,
            "busiest \(Quantity.ratio(imbalance.peakToMean)) times the mean, Gini \(Quantity.ratio(imbalance.gini))",
            norm: "1 is even; from \(Quantity.ratio(RateNorm.uneven)) on one processor does much of the work")
    }
}
