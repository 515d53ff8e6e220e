import BusModel
import ProtocolRules
import Query
import VMBusWire

extension InspectorState {
    /// The columns of the ledger.
    public static let ledgerColumns: [Column] = [
        Column("age", "Age", "How long it has waited, or how long the answer took.", .trailing, width: 6...9),
        Column("request", "Request", "What was asked for.", width: 12...24),
        Column("channel", "Channel", "What people call the channel.", width: 7...16),
        Column("relid", "Relid", "The channel's number.", .trailing, width: 5...6, priority: 4),
        Column("partition", "Partition", "Whose bus it is.", width: 5...12, priority: 5),
        Column("sender", "From", "Who asked.", width: 5...5, priority: 3),
        Column("owes", "Waits for", "Who must act next.", width: 5...9),
        Column("state", "State", "What became of it.", width: 7...9, priority: 1),
        Column("sent", "Sent", "When it was asked, in the log's seconds.", .trailing, width: 8...16, priority: 2),
        Column("info", "Info", "What tells it from others, and the answer.", width: 10...200, isSortable: false),
    ]

    /// The most outstanding packets that the ledger lists.
    private static let transactionRows = 100

    /// Requests of the control plane: rings of waits, then what waits, the oldest first; then packets without completions; then
    /// what is through, the newest first.
    public func ledgerTable() -> TableModel {
        var rows: [Row] = []
        var hidden = 0
        func add(_ channel: ChannelKey?, _ row: @autoclosure () -> Row) {
            if let query = query(.ledger) {
                guard let subject = channel.flatMap({ ChannelSubject(self, $0) }), query.matches(subject) else {
                    hidden += 1
                    return
                }
            }
            rows.append(row())
        }
        for (index, cycle) in waitGraph.cycles.enumerated() { add(cycle.first?.from.channel, cycleRow(index, cycle)) }
        for entry in shown.breaches.entries where entry.isStuck {
            add(entry.channel, breachRow(entry))
        }
        for request in ledger.waiting { add(request.channel, requestRow(request)) }
        for wait in ringWaits { add(wait.key, ringRow(wait.key, wait.used, wait.owes)) }
        for transaction in transactions.oldest(Self.transactionRows) {
            add(transaction.channel, transactionRow(transaction))
        }
        for request in ledger.finished.reversed() { add(request.channel, requestRow(request)) }
        return TableModel(
            columns: Self.ledgerColumns, rows: rows, hiddenCount: hidden, emptyText: ledgerEmptyText(hidden))
    }

    private func ledgerEmptyText(_ hidden: Int) -> String {
        if hidden > 0 { return "The filter hides all; \(hidden) are there." }
        if !snapshot.busAvailable { return "There is no VMBus here." }
        guard capabilities.kind == .live else { return "Nobody has asked for anything yet." }
        let rings = "No ring is seen to keep bytes waiting."
        if isTracing { return "\(rings) Tracing is on, and nobody has asked for anything since it began." }
        let untold = "\(rings) Who asks whom for what, such as to open a channel, shows only while tracing is on"
        if canTrace { return "\(untold): T switches it on." }
        guard let obstacle = tracingObstacle.map({ PlainText.clean($0) }), !obstacle.isEmpty else {
            return "\(untold), in the program that runs in the guest itself: vmbusscope live --trace."
        }
        return "\(untold), which it cannot be: \(obstacle)."
    }

    // MARK: Waits that follow from the state of rings

    /// Bytes that a reader has not taken for a second and two looks, oldest first: what can be said without tracing.
    private var ringWaits: [(key: ChannelKey, used: Steady, owes: BusParty)] {
        let context = doctorContext
        var waits: [(key: ChannelKey, used: Steady, owes: BusParty)] = []
        for place in context.channels where place.isOpen {
            for (used, party) in [(place.watch?.inUsed, BusParty.guest), (place.watch?.outUsed, .host)] {
                guard let used, used.value > 0, used.looks >= 2,
                    context.age(used.since) >= DoctorContext.second, context.isAlive(place.key.partition)
                else { continue }
                if party == .host, place.channel.outbound.sizeSource == .inferred,
                    place.watch?.outUsedLeast == used.value
                {
                    continue
                }
                waits.append((place.key, used, party))
            }
        }
        return waits.sorted { ($0.used.since, $0.key) < ($1.used.since, $1.key) }
    }

    private func ringRow(_ key: ChannelKey, _ used: Steady, _ owes: BusParty) -> Row {
        let age = doctorTime - min(doctorTime, used.since)
        return Row(
            id: .ring(key, owes == .guest ? .hostToGuest : .guestToHost),
            cells: cells(
                age: age, "read the ring", channel: label(key), relid: snapshot.channel(key)?.relid ?? 0,
                partition: key.partition, sender: owes.other, owes: owes, state: ("waiting", .warn), sent: used.since,
                info: "\(used.value) bytes wait, unchanged in \(used.looks) looks"))
    }

    // MARK: Rows

    private func label(_ key: ChannelKey) -> String {
        snapshot.device(key.partition, key.device).map {
            ChannelLabel.text($0, subchannel: key.subchannel, in: snapshot.partition(key.partition))
        } ?? ""
    }

    private func cells(
        age: UInt64, _ what: String, channel: String, relid: UInt32, partition: UInt16, sender: BusParty,
        owes: BusParty?, state: (String, Tone), sent: UInt64, info: String
    ) -> [Cell] {
        let tone: Tone = owes == nil ? .dim : age >= 5 * DoctorContext.second ? .bad : .warn
        return [
            Cell(DoctorContext.text(age), owes == nil ? .number : tone, raw: String(age)), Cell(what),
            channel.isEmpty ? .unknown : Cell(channel, .accent),
            relid == 0 ? .unknown : Cell(String(relid), .identifier),
            Cell(PlainText.clean(snapshot.partition(partition)?.name ?? PartitionSnapshot.defaultName(partition))),
            Cell(sender.rawValue, sender == .guest ? .directionOut : .directionIn),
            owes.map { Cell($0.rawValue, tone) } ?? Cell("nobody", .dim),
            Cell(state.0, state.1), Cell(Quantity.time(sent), .dim, raw: Quantity.exactTime(sent)), Cell(info),
        ]
    }

    private func requestRow(_ request: ControlRequest) -> Row {
        let state: (String, Tone) =
            switch request.state {
            case .waiting: ("waiting", .warn)
            case .done: ("done", .good)
            case .refused: ("refused", .bad)
            case .abandoned: ("abandoned", .dim)
            case .unsent: ("not sent", .bad)
            }
        return Row(
            id: .request(request.id),
            cells: cells(
                age: request.age(at: doctorTime), request.kind.title, channel: request.label, relid: request.relid,
                partition: request.partition, sender: request.sender, owes: request.owes, state: state,
                sent: request.sentAt, info: Self.info(request)))
    }

    static func info(_ request: ControlRequest) -> String {
        var parts = request.detail.isEmpty ? [] : [PlainText.clean(request.detail)]
        if let expected = request.pagesExpected, let received = request.pagesReceived {
            parts.append(received < expected ? "\(received) of \(expected) pages" : "\(expected) pages")
        }
        if let status = request.status, !status.isSuccess {
            parts.append("status \(Hexadecimal.prefixed(status.rawValue))")
        }
        return parts.joined(separator: ", ")
    }

    private func transactionRow(_ transaction: OutstandingTransaction) -> Row {
        let key = transaction.channel
        let sender = BusParty(sending: transaction.direction)
        return Row(
            id: .record(transaction.record),
            cells: cells(
                age: doctorTime - min(doctorTime, transaction.sentAt), "complete a packet", channel: label(key),
                relid: snapshot.channel(key)?.relid ?? 0, partition: key.partition, sender: sender, owes: sender.other,
                state: ("waiting", .plain), sent: transaction.sentAt,
                info: "transaction \(Hexadecimal.prefixed(transaction.transactionID))"))
    }

    /// A channel that stands still, and the rule that says who must move it.
    private func breachRow(_ entry: BreachEntry) -> Row {
        Row(
            id: .record(entry.record),
            cells: cells(
                age: doctorTime - min(doctorTime, entry.time), "wake the \(entry.party.other.rawValue) up",
                channel: entry.channel.map(label) ?? "", relid: entry.relid, partition: entry.partition,
                sender: entry.party.other, owes: entry.party, state: ("stuck", .bad), sent: entry.time,
                info: "\(entry.value): rule \(entry.rule.id)"))
    }

    private func cycleRow(_ index: Int, _ cycle: [WaitEdge]) -> Row {
        let since = cycle.map(\.since).max() ?? doctorTime
        let age = doctorTime - min(doctorTime, since)
        let key = cycle.first?.from.channel
        let info = cycle.map { "\($0.from.party.rawValue) waits for \($0.to.party.rawValue): \($0.reason)" }
        var cells = cells(
            age: age, "CYCLE", channel: key.map(label) ?? "", relid: key.flatMap { snapshot.channel($0)?.relid } ?? 0,
            partition: cycle.first?.from.partition ?? 0, sender: .guest, owes: .guest, state: ("stuck", .bad),
            sent: since, info: info.joined(separator: "; "))
        for place in cells.indices { cells[place].tone = .bad }
        cells[5] = Cell("both", .bad)
        cells[6] = Cell("nobody", .bad)
        return Row(id: .cycle(index), cells: cells)
    }

    // MARK: Details

    func requestDetails(_ id: UInt64) -> DetailsModel? {
        guard let request = ledger.request(id) else { return nil }
        var pairs = [
            DetailPair("Request", Cell(request.kind.title, .accent), "what was asked for"),
            DetailPair("Kind", Cell(request.kind.rawValue), "its name in JSON"),
            DetailPair("Sent by", Cell(request.sender.rawValue), "who asked"),
            DetailPair(
                "Sent", Cell(Quantity.time(request.sentAt) + " s", .number),
                "the log's time; 4 goes to record \(request.record) in the flow"),
            DetailPair("Record", Cell(String(request.record), .identifier), "4 goes there in the flow"),
        ]
        if !request.label.isEmpty {
            pairs.insert(DetailPair("Channel", Cell(request.label, .accent), "what people call it"), at: 2)
        }
        if request.relid != 0 {
            pairs.insert(DetailPair("Relid", Cell(String(request.relid), .identifier), "the channel's number"), at: 2)
        }
        var answer = [
            DetailPair("State", Cell(request.state.rawValue), "what became of it"),
            DetailPair(
                "Must act next", Cell(request.owes.map(\.rawValue) ?? "nobody", request.owes == nil ? .dim : .warn),
                "who owes the next step"),
            DetailPair(
                request.answeredAt == nil ? "Waiting for" : "Took",
                Cell(DoctorContext.text(request.age(at: doctorTime)), .number), "from the request to the answer"),
        ]
        if let time = request.answeredAt {
            answer.append(DetailPair("Answered", Cell(Quantity.time(time) + " s", .number), "the log's time"))
        }
        if let record = request.answerRecord {
            answer.append(DetailPair("Answer", Cell(String(record), .identifier), "the record with the answer"))
        }
        if let status = request.status {
            answer.append(
                DetailPair(
                    "Status",
                    Cell(
                        "\(Hexadecimal.prefixed(status.rawValue)) \(status.meaning ?? "")",
                        status.isSuccess ? .good : .bad), "as the answer says"))
        }
        if let expected = request.pagesExpected, let received = request.pagesReceived {
            answer.append(
                DetailPair(
                    "Pages", Cell("\(received) of \(expected)", received < expected ? .warn : .number),
                    "sent of those that were announced"))
        }
        if !request.detail.isEmpty {
            answer.append(DetailPair("Detail", Cell(PlainText.clean(request.detail)), "what tells it from others"))
        }
        let waits = waitGraph.edges.filter { $0.request == id }.map { edge in
            DetailPair(
                "\(edge.from.party.rawValue) > \(edge.to.party.rawValue)", Cell(edge.reason, .warn),
                "who waits for whom, and why")
        }
        return DetailsModel(
            title: request.kind.title + (request.label.isEmpty ? "" : ", \(request.label)"),
            sections: [DetailSection("Asked", pairs), DetailSection("Answer", answer)]
                + (waits.isEmpty ? [] : [DetailSection("Waits", waits)]))
    }

    func cycleDetails(_ index: Int) -> DetailsModel? {
        let cycles = waitGraph.cycles
        guard cycles.indices.contains(index) else { return nil }
        return DetailsModel(
            title: "A ring of waits",
            sections: cycles[index].map { edge in
                DetailSection(
                    "\(edge.from.party.rawValue) waits for \(edge.to.party.rawValue)",
                    [
                        DetailPair("Channel", Cell(edge.from.channel.map(label) ?? "-", .accent), "whose wait it is"),
                        DetailPair("Reason", Cell(edge.reason, .bad), "what it waits for"),
                        DetailPair(
                            "Since", Cell(Quantity.time(edge.since) + " s", .number), "the log's time"),
                        DetailPair("Request", Cell(String(edge.request), .identifier), "its number in the ledger"),
                    ])
            })
    }
}
