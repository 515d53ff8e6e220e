public import BusModel
import VMBusWire

extension Verdict {
    /// Judges a channel by what is normal for its kind.
    ///
    /// - Parameters:
    ///   - rates: how its counters grow.
    ///   - now: the moment, in the log's nanoseconds.
    public init(_ channel: ChannelSnapshot, of device: DeviceSnapshot, _ rates: FlowRates, at now: UInt64) {
        self =
            Self.ofFiles(channel, now)
            ?? Self.ofLife(channel, device)
            ?? Self.ofStandingBytes(channel, rates, now)
            ?? Self.ofPressure(rates, now)
            ?? Self.ofTraffic(channel, device, rates, now)
    }

    // MARK: Files

    private static func ofFiles(_ channel: ChannelSnapshot, _ now: UInt64) -> Verdict? {
        guard let since = channel.staleSince.value else { return nil }
        return Verdict(
            .hanging, .wrong,
            "Reading its files in sysfs has not come back for \(Quantity.span(now - min(now, since))): the driver or the host "
                + "keeps the reader waiting. All values are older than that.")
    }

    // MARK: Life

    private static func ofLife(_ channel: ChannelSnapshot, _ device: DeviceSnapshot) -> Verdict? {
        switch channel.phase.value {
        case .rescinded:
            return Verdict(
                .rescinded, .wrong, "The host has taken the offer back and the guest still holds its number.")
        case .opening:
            return Verdict(.opening, .notable, "The guest has asked to open it and no answer has come.")
        case .open: return nil
        case .closed: return ofClosed(channel, device)
        case nil:
            return Verdict(.unknown, .normal, "How far its life is cannot be read here.")
        }
    }

    private static func ofClosed(_ channel: ChannelSnapshot, _ device: DeviceSnapshot) -> Verdict {
        let entry = device.deviceClass
        if isUnbound(device) {
            if entry.kind == .unknown {
                return Verdict(.unbound, .normal, "No driver has taken it; of an unknown class that says little.")
            }
            return entry.linuxDrivers.isEmpty
                ? Verdict(.unbound, .normal, "No driver has taken it, which is normal: Linux has none for this class.")
                : Verdict(
                    .unbound, entry.isPerformanceDevice ? .wrong : .notable,
                    "No driver has taken it; \(entry.linuxDrivers.joined(separator: " or ")) would.")
        }
        if channel.subchannel > 0 {
            return Verdict(.closed, .normal, "The driver uses fewer channels than the host has offered.")
        }
        guard device.driver.value != nil else { return Verdict(.closed, .normal, "The guest has not opened it.") }
        return device.driver.value == "uio_hv_generic"
            ? Verdict(.closed, .normal, "No program holds its UIO device open.")
            : Verdict(.closed, .notable, "A driver has taken it and has not opened it.")
    }

    /// Whether no driver has taken the device, as far as a live guest tells: then its state is known.
    private static func isUnbound(_ device: DeviceSnapshot) -> Bool {
        if let driver = device.driver.value { return driver.isEmpty }
        return device.driver.outcome == .unavailable && device.state.value != nil
    }

    // MARK: Rings

    private static func ofStandingBytes(
        _ channel: ChannelSnapshot, _ rates: FlowRates, _ now: UInt64
    ) -> Verdict? {
        func age(_ standing: StandingBytes) -> UInt64 { now - min(now, standing.since) }
        if let standing = rates.inboundStanding {
            let isMasked = channel.inbound.masked.value.map { $0 != 0 } ?? false
            if age(standing) >= (isMasked ? RateNorm.maskedStanding : RateNorm.standing) {
                let why =
                    isMasked
                    ? "the guest has masked its interrupts, so it must look by itself"
                    : "the guest wants interrupts and gets none"
                return Verdict(
                    .stuck, .wrong,
                    "\(Quantity.bytes(standing.bytes))B for the guest have not moved for \(Quantity.span(age(standing))): "
                        + why + ".")
            }
        }
        // The size of a sub-channel's ring is taken over from its primary: if that is wrong, so are the bytes that wait.
        if let standing = rates.outboundStanding, channel.outbound.sizeSource != .inferred,
            age(standing) >= RateNorm.standing
        {
            return Verdict(
                .stuck, .wrong,
                "\(Quantity.bytes(standing.bytes))B for the host have not moved for \(Quantity.span(age(standing))): "
                    + "the host does not read.")
        }
        return nil
    }

    private static func ofPressure(_ rates: FlowRates, _ now: UInt64) -> Verdict? {
        if let interrupts = rates.interrupts, interrupts > RateNorm.interruptStorm {
            return Verdict(
                .storm, .notable,
                "\(Quantity.rate(interrupts)) interrupts per second; more than "
                    + "\(Quantity.rate(RateNorm.interruptStorm)) are more than one channel should need.")
        }
        guard let history = rates.history else { return nil }
        let minute = history.summary(at: now, buckets: RateNorm.minute)
        let (writes, episodes) = (minute[.refusedWrites], minute[.fullEpisodes])
        guard writes > 0 || episodes > 0 else { return nil }
        return Verdict(
            .pressed, .notable,
            "\(Quantity.number(max(writes, episodes), "write")) met a full ring in "
                + "\(Quantity.number(episodes, "episode")) in the last "
                + "\(Quantity.span(history.bucketLength &* UInt64(RateNorm.minute))): the host reads more slowly than the "
                + "guest writes.")
    }

    // MARK: Traffic

    private static func ofTraffic(
        _ channel: ChannelSnapshot, _ device: DeviceSnapshot, _ rates: FlowRates, _ now: UInt64
    ) -> Verdict {
        guard rates.interrupts != nil || rates.signals != nil || rates.packets != nil else {
            return Verdict(.unknown, .normal, "Rates need two looks at the counters.")
        }
        let traffic = max((rates.interrupts ?? 0) + (rates.signals ?? 0), rates.packets ?? 0)
        let text = flow(rates)
        if isMasked(channel.inbound), traffic > 0 || device.driver.value == "uio_hv_generic" {
            return Verdict(
                .polling, .normal,
                "The guest reads on by itself and has masked interrupts, which spares them while much comes: \(text).")
        }
        if traffic >= RateNorm.busy { return Verdict(.busy, .normal, "It carries traffic: \(text).") }
        if device.evidence.number(.virtualFunctionActive) == 1 {
            let name = device.evidence.text(.virtualFunction).map { PlainText.clean($0) } ?? "A virtual function"
            return Verdict(
                .byVF, .normal,
                "\(name.isEmpty ? "A virtual function" : name) carries the interface's traffic past the bus, so that its "
                    + "channels have little to do.")
        }
        guard traffic == 0 else { return Verdict(.quiet, .normal, "It has a little to do: \(text).") }
        guard let history = rates.history else { return Verdict(.idle, .normal, "Nothing moves.") }
        let sum = history.summary(at: now)
        let count = CounterSeries.allCases.reduce(UInt64(0)) { $0 &+ sum[$1] }
        let span = Quantity.span(UInt64(sum.seconds * 1e9))
        return count > 0
            ? Verdict(.quiet, .normal, "Nothing moves now; something did within the last \(span).")
            : Verdict(.idle, .normal, "Nothing has moved for the \(span) that were watched.")
    }

    private static func isMasked(_ ring: RingSnapshot) -> Bool { ring.masked.value.map { $0 != 0 } ?? false }

    private static func flow(_ rates: FlowRates) -> String {
        var parts: [String] = []
        if let packets = rates.packets, packets > 0 { parts.append("\(Quantity.rate(packets)) packets/s") }
        if let interrupts = rates.interrupts { parts.append("\(Quantity.rate(interrupts)) interrupts/s") }
        if let signals = rates.signals { parts.append("\(Quantity.rate(signals)) signals/s") }
        return parts.joined(separator: ", ")
    }
}
