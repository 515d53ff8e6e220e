import BusModel
import VMBusWire

extension InspectorState {
    /// What is known of a channel: whether that is normal, how fast it goes, what it counts, and its rings.
    func channelDetails(_ key: ChannelKey) -> DetailsModel? {
        guard let partition = snapshot.partition(key.partition),
            let device = snapshot.device(key.partition, key.device),
            let channel = snapshot.channel(key)
        else { return nil }
        let rates = rates(key)
        let label = ChannelLabel.text(device, subchannel: key.subchannel, in: partition)
        var sections = [
            verdictSection(Verdict(channel, of: device, rates, at: snapshot.position.time), channel, rates),
            DetailSection("Channel", identityPairs(device, channel)),
        ]
        if let history = rates.history { sections.append(rateSection(channel, rates, history)) }
        sections += [
            DetailSection("Counted so far", counterPairs(channel, rates)),
            DetailSection("Monitor page", monitorPairs(channel)),
            DetailSection("Host to guest ring", ringPairs(channel.inbound, reader: "guest")),
            DetailSection("Guest to host ring", ringPairs(channel.outbound, reader: "host")),
            DetailSection("Traffic", trafficPairs(channel.traffic, rates, isPartition: false)),
        ]
        return DetailsModel(title: "\(label) in \(PlainText.clean(partition.name))", sections: sections)
    }

    private func identityPairs(_ device: DeviceSnapshot, _ channel: ChannelSnapshot) -> [DetailPair] {
        var identity = [
            DetailPair("Device", Cell(device.deviceClass.title, .accent), "what it is a channel of"),
            DetailPair(
                "Sub-channel", Cell(channel.subchannel == 0 ? "0, the primary" : String(channel.subchannel), .number),
                "the primary negotiates, sub-channels share its load"),
            DetailPair("Relid", Cell(String(channel.relid), .identifier), "the channel's number while it is offered"),
            pair("State", channel.phase, Cell(channel.phase), "open channels carry data"),
            pair("CPU", channel.cpu, Cell(channel.cpu), "the processor that takes its interrupts"),
            pair(
                "Connection", channel.connectionID,
                Cell(channel.connectionID, .identifier, text: { Hexadecimal.prefixed($0) }),
                "the connection that signals the host"),
        ]
        if channel.generation > 0 {
            identity.append(
                DetailPair("Offered again", Cell(String(channel.generation), .number), "times under the same name"))
        }
        if let list = channel.ringPageList {
            identity.append(
                DetailPair(
                    "Page list", Cell(Hexadecimal.prefixed(list), .identifier), "the guest memory that holds its rings")
            )
        }
        return identity
    }

    // MARK: Is this normal?

    private func verdictSection(
        _ verdict: Verdict, _ channel: ChannelSnapshot, _ rates: FlowRates
    ) -> DetailSection {
        var pairs = [
            DetailPair(
                "Verdict", Cell(verdict.word.title, verdict.tone, raw: verdict.word.rawValue),
                "how it is in a word, measured by what is normal for its kind")
        ]
        pairs += DetailPair.sentence("Why", verdict.why, help: "what the verdict rests on")
        if let age = staleness(channel, rates) {
            pairs.append(
                DetailPair("Values are old", Cell(Quantity.span(age), .warn), "since the counters were last looked at"))
        }
        return DetailSection("Is this normal?", pairs)
    }

    /// How a device compares with what is normal for its kind.
    func normSection(_ notes: [NormNote]) -> DetailSection {
        DetailSection(
            "Is this normal?",
            notes.map { note in
                let tone: Tone = note.weight == .normal ? .good : note.weight == .notable ? .warn : .bad
                return DetailPair(note.subject.title, Cell(PlainText.clean(note.finding), tone), note.norm)
            })
    }

    // MARK: Rates

    /// Now and the last minutes beside each other.
    private func rateSection(_ channel: ChannelSnapshot, _ rates: FlowRates, _ history: RateHistory) -> DetailSection {
        let now = snapshot.position.time
        let sum = history.summary(at: now)
        let span = Quantity.span(history.windowDuration)
        var pairs = [
            DetailPair(
                "In a second", Cell(Self.columns(["now", "mean", "peak", "count"]), .dim),
                "mean, peak and count are of the last \(span), of which \(Quantity.span(sum.observed)) were watched"),
            ratePair(
                "Interrupts", rates.interrupts, sum.mean(.interrupts), sum.interrupts, sum[.interrupts],
                "host to guest: look into your ring"),
            ratePair(
                "Signals", rates.signals, rates.meanSignals(in: sum), sum.signals, rates.signals(in: sum),
                "guest to host, " + (rates.signalBasis ?? .log).explanation),
        ]
        if channel.outFullTotal.value != nil {
            pairs += [
                ratePair(
                    "Full writes", rates.refusedWrites, sum.mean(.refusedWrites), nil, sum[.refusedWrites],
                    "writes that met a full ring: the host reads more slowly than the guest writes"),
                ratePair(
                    "Full episodes", rates.fullEpisodes, sum.mean(.fullEpisodes), nil, sum[.fullEpisodes],
                    "how often that began"),
            ]
        }
        if channel.interruptsInFull.value != nil {
            pairs.append(
                ratePair(
                    "In was full", rates.inFull, sum.mean(.inFull), nil, sum[.inFull],
                    "the host waited for room: the guest reads more slowly than the host writes"))
        }
        if let needless = rates.needlessSignals(at: now) {
            pairs.append(
                ratePair(
                    "Needless", nil, needless, nil, nil,
                    "signals that the ring did not ask for; a host may suspend a guest that sends many"))
        }
        pairs += [
            fillPair("Host to guest", channel.inbound, sum.inboundFill),
            fillPair("Guest to host", channel.outbound, sum.outboundFill),
        ]
        return DetailSection("Now and in the last \(span)", pairs + graphPairs(rates, history, now))
    }

    private func ratePair(
        _ label: String, _ rate: Double?, _ mean: Double?, _ range: RateRange?, _ count: UInt64?, _ help: String
    ) -> DetailPair {
        let cells = [
            rate.map(Quantity.rate), mean.map(Quantity.rate),
            range.flatMap { $0.isEmpty ? nil : Quantity.rate(Double($0.peak)) },
            count.map { Quantity.rate(Double($0)) },
        ]
        let exact = [rate?.description, mean?.description, range.map { $0.peak.description }, count.map(String.init)]
        return DetailPair(
            label, Cell(Self.columns(cells), .number, raw: exact.map { $0 ?? "-" }.joined(separator: " ")), help)
    }

    private func fillPair(_ label: String, _ ring: RingSnapshot, _ peak: Float?) -> DetailPair {
        let cells = [ring.fill.map(Quantity.share), nil, peak.map { Quantity.share(Double($0)) }]
        return DetailPair(
            label, Cell(Self.columns(cells), .number), "share of the ring that waited to be read when it was looked at")
    }

    /// The history as graphs, where something is to be seen in them.
    private func graphPairs(_ rates: FlowRates, _ history: RateHistory, _ now: UInt64) -> [DetailPair] {
        let buckets = history.window(at: now)
        let span = Quantity.span(history.windowDuration)
        let length = Quantity.span(history.bucketLength)
        return [
            ("Interrupts", { $0.mean(.interrupts) }), ("Signals", { rates.meanSignals(in: $0) }),
            ("Full writes", { $0.mean(.refusedWrites) }), ("Fullest", { $0.fillMaximum.map(Double.init) }),
        ].compactMap { (label: String, value: (RateBucket) -> Double?) in
            let series = buckets.map { $0.flatMap(value) ?? 0 }
            guard series.contains(where: { $0 > 0 }) else { return nil }
            return DetailPair(
                label, Cell("", .accent, series: series), "over \(span), each step \(length), the newest on the right")
        }
    }

    /// Places for four numbers below each other.
    private static func columns(_ cells: [String?]) -> String {
        cells.map { cell in
            let text = cell ?? "-"
            return String(repeating: " ", count: max(0, 6 - text.count)) + text
        }.joined(separator: " ")
    }

    // MARK: Monitor page

    private func monitorPairs(_ channel: ChannelSnapshot) -> [DetailPair] {
        guard channel.isMonitored, let bit = channel.monitorID.value else {
            return DetailPair.sentence(
                "How it signals",
                channel.monitorID.outcome == .unavailable && channel.events.value == nil
                    ? "This source does not tell whether it has a bit in the monitor page."
                    : "By hypercall, every time: it has no bit in the monitor page.",
                help: "a device that may wait a little gets a bit in the monitor page instead of a hypercall")
        }
        var pairs = DetailPair.sentence(
            "How it signals",
            "It sets its bit in the monitor page, and the host looks there from time to time. No hypercall, so events "
                + "does not count it.", help: "cheaper than a hypercall and a little later")
        pairs.append(
            DetailPair(
                "Bit", Cell("\(bit % 32) of group \(bit / 32)", .identifier, raw: String(bit)),
                "there are 4 groups of 32 bits"))
        if let pending = channel.monitorPending.value {
            let isSet = pending >> (bit % 32) & 1 == 1
            pairs.append(
                DetailPair(
                    "Pending", Cell(isSet ? "yes" : "no", isSet ? .warn : .plain),
                    "yes while the host has not taken the signal; the file shows the whole group's word"))
        }
        pairs.append(
            pair(
                "Latency", channel.monitorLatency, Cell(channel.monitorLatency) { Quantity.count($0 / 10) + " us" },
                "the longest that a signal waits"))
        return pairs
    }
}

extension DetailPair {
    /// A sentence as lines that fit beside other values.
    static func sentence(_ label: String, _ text: String, _ tone: Tone = .plain, help: String = "") -> [DetailPair] {
        var lines: [String] = []
        for word in PlainText.clean(text).split(separator: " ") {
            if let last = lines.last, last.count + word.count < lineLength {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines.enumerated().map { DetailPair($0 == 0 ? label : "", Cell($1, tone), help) }
    }

    private static let lineLength = 31
}
