import BusModel
public import VMBusWire

extension InspectorState {
    /// What is known of the thing that a row stands for; nil when it is gone.
    public func details(of row: RowID) -> DetailsModel? {
        switch row {
        case .partition(let number): snapshot.partition(number).map(partitionDetails)
        case .device(let number, let instance):
            snapshot.partition(number).flatMap { partition in
                snapshot.device(number, instance).map { deviceDetails(partition, $0) }
            }
        case .channel(let key), .ring(let key, _): channelDetails(key)
        case .record(let sequence): recordDetails(sequence)
        case .processor(let partition, let number): processorDetails(partition, number)
        case .request(let id): requestDetails(id)
        case .cycle(let index): cycleDetails(index)
        case .finding(let id): findingDetails(id)
        case .session(let row): sessionDetails(row)
        }
    }

    /// A label with a value that may not be had: how old it is, or why it is not known.
    func pair<Value>(
        _ label: String, _ reading: Reading<Value>, _ value: Cell, _ help: String
    ) -> DetailPair {
        let note: String =
            switch reading.outcome {
            case .known where reading.time == 0 && snapshot.position.time > 0: ""
            case .known: Quantity.age(snapshot.position.time &- min(reading.time, snapshot.position.time))
            case .unavailable: "this source does not tell it"
            case .denied: "no permission to read it"
            case .failed(let symbol): "reading failed: " + PlainText.clean(symbol)
            }
        return DetailPair(label, value, help, note: note)
    }

    private func partitionDetails(_ partition: PartitionSnapshot) -> DetailsModel {
        let rates = rates(partition: partition.number)
        let traffic = partition.traffic
        var identity = [
            DetailPair("Name", Cell(PlainText.clean(partition.name), .accent), "what the partition is called"),
            DetailPair(
                "Role", Cell(partition.role == .root ? "root" : "guest"),
                "the root partition offers devices, guests use them"),
            DetailPair("Number", Cell(String(partition.number), .identifier), "0 for the root, then the guests"),
            pair("Kernel", partition.kernelRelease, Cell(text: partition.kernelRelease), "the kernel that runs in it"),
            pair(
                "Processors", partition.virtualProcessors, Cell(partition.virtualProcessors), "virtual processors"),
        ]
        if partition.role == .root { identity.removeAll { $0.label == "Kernel" && $0.value == .unknown } }
        var connection = [
            pair(
                "State", partition.connection, Cell(partition.connection), "how far the connection to the host is"),
            pair(
                "Version", partition.version, partition.version.value.map { Cell($0.description, .number) } ?? .unknown,
                "the newest version that both sides speak"),
            pair(
                "Features", partition.features,
                partition.features.value.map { Cell($0.meaning ?? "none") } ?? .unknown,
                "what both sides can do beyond the base, from 6.0 on"),
        ]
        if let requested = partition.requestedVersion {
            connection.append(
                DetailPair("Proposed", Cell(requested.description, .warn), "proposed last, no answer has come"))
        }
        if let trouble = partition.evidence.text(.remoteTrouble), !trouble.isEmpty {
            connection.append(
                DetailPair("Remote", Cell(PlainText.clean(trouble), .warn), "why nothing is heard of the machine now"))
        }
        return DetailsModel(
            title: PlainText.clean(partition.name),
            sections: [
                DetailSection("Partition", identity), DetailSection("Connection", connection),
                DetailSection(
                    "What it has",
                    [
                        DetailPair("Devices", Cell(String(partition.devices.count), .number), "devices offered to it"),
                        DetailPair(
                            "Channels", Cell(String(partition.channelCount), .number), "primaries and sub-channels"),
                        DetailPair(
                            "Open", Cell(String(partition.openChannelCount), .number), "channels that carry data"),
                        DetailPair(
                            "Page lists", Cell(String(partition.pageLists.count), .number),
                            "guest memory that the host may use (GPADL)"),
                    ]),
            ] + evidenceSections(of: partition)
                + [DetailSection("Traffic", trafficPairs(traffic, rates, isPartition: true))]
                + hypervisorBitSections(of: partition))
    }

    func trafficPairs(_ traffic: Traffic, _ rates: FlowRates, isPartition: Bool) -> [DetailPair] {
        var pairs: [DetailPair] = []
        if isPartition {
            pairs.append(
                DetailPair("Messages", counted(traffic.messages, rates.messages), "channel messages, both directions"))
        }
        pairs += [
            DetailPair(
                "Packets out", counted(traffic.packetsOut, nil), "ring packets from the guest, as the log shows them"),
            DetailPair("Packets in", counted(traffic.packetsIn, nil), "ring packets to the guest"),
            DetailPair("Bytes out", Cell(Quantity.bytes(traffic.bytesOut), .number), "in the guest's packets"),
            DetailPair("Bytes in", Cell(Quantity.bytes(traffic.bytesIn), .number), "in packets to the guest"),
            DetailPair("Packets/s", Cell(rate: rates.packets), "both directions"),
            DetailPair("Bytes/s", Cell(rate: rates.bytes), "both directions"),
            DetailPair("Activity", Cell("", .accent, series: rates.activity), "over time, the newest on the right"),
        ]
        return pairs
    }

    private func counted(_ count: UInt64, _ rate: Double?) -> Cell {
        Cell(Quantity.count(count) + (rate.map { " (\(Quantity.rate($0))/s)" } ?? ""), .number)
    }

    private func deviceDetails(_ partition: PartitionSnapshot, _ device: DeviceSnapshot) -> DetailsModel {
        let entry = device.deviceClass
        let states = ["offered", "opening", "offered, not open", "open"]
        var sections = [
            DetailSection(
                "Device",
                [
                    DetailPair("Class", Cell("\(entry.title) (\(entry.kind.word))", .accent), "what kind it is"),
                    DetailPair("Class id", Cell(device.classID.description, .identifier), "the class as a GUID"),
                    DetailPair("Instance", Cell(device.instance.description, .identifier), "which device it is"),
                    DetailPair("Name", Cell(PlainText.clean(device.name)), "its directory, or its instance"),
                    DetailPair("Partition", Cell(PlainText.clean(partition.name)), "to whom it is offered"),
                    pair("Driver", device.driver, Cell(text: device.driver), "the driver that owns it"),
                    pair(
                        "State", device.state,
                        Cell(device.state) { number in
                            number < UInt64(states.count) ? "\(number) \(states[Int(number)])" : String(number)
                        }, "as sysfs counts it: 0 to 3"),
                    pair(
                        "NUMA node", device.numaNode,
                        device.numaNode.value.map { Cell(String($0), .number) } ?? .unknown,
                        "of the primary's processor; -1 for none"),
                ])
        ]
        if let known = DeviceClass.instanceName(device.instance) {
            sections[0].pairs.insert(
                DetailPair("Known as", Cell(known), "this instance is the same on every guest"), at: 3)
        }
        let kernel = [
            ("Interfaces", device.kernel.net, "network interfaces"),
            ("SCSI host", [device.kernel.scsiHost].compactMap { $0 }, "the SCSI host"),
            ("Disks", device.kernel.block, "block devices"), ("PCI", device.kernel.pci, "PCI functions"),
        ].filter { !$0.1.isEmpty }
        if !kernel.isEmpty {
            sections.append(
                DetailSection(
                    "In the kernel",
                    kernel.map {
                        DetailPair($0.0, Cell($0.1.map(PlainText.clean).joined(separator: " "), .accent), $0.2)
                    }))
        }
        let notes = normNotes(partition: partition.number, device: device.instance)
        if !notes.isEmpty { sections.append(normSection(notes)) }
        sections.append(
            DetailSection(
                "Channels",
                device.channels.map { channel in
                    let rates = rates(Self.key(partition, device, channel))
                    let rate = rates.packets ?? rates.interrupts
                    return DetailPair(
                        channel.subchannel == 0 ? "Primary" : "Sub-channel \(channel.subchannel)",
                        Cell(
                            "relid \(channel.relid), \(channel.phase.value?.word ?? "-"), cpu "
                                + (channel.cpu.value.map { String($0) } ?? "-")
                                + (rate.map { ", \(Quantity.rate($0))/s" } ?? ""),
                            Cell(channel.phase).tone), "")
                }))
        sections += evidenceSections(of: device)
        if !device.problems.isEmpty {
            sections.append(
                DetailSection(
                    "Could not be read",
                    device.problems.map { DetailPair(PlainText.clean($0.path), Cell(PlainText.clean($0.error), .warn)) }
                ))
        }
        return DetailsModel(
            title: ChannelLabel.text(device, subchannel: 0, in: partition) + " in " + PlainText.clean(partition.name),
            sections: sections)
    }

    /// Counters and the monitor bit, for where the monitor page is not explained.
    func signalPairs(_ channel: ChannelSnapshot, _ rates: FlowRates) -> [DetailPair] {
        counterPairs(channel, rates) + [
            pair(
                "Monitor bit", channel.monitorID, Cell(channel.monitorID), "its bit in the monitor page; - for none"),
            pair(
                "Monitor latency", channel.monitorLatency,
                Cell(channel.monitorLatency) { Quantity.count($0 / 10) + " us" },
                "the longest wait of a signal through the monitor page"),
        ]
    }

    /// What a channel counts, in plain words.
    func counterPairs(_ channel: ChannelSnapshot, _ rates: FlowRates) -> [DetailPair] {
        var pairs = [
            pair(
                "Interrupts", interruptCount(channel), Cell(interruptCount(channel)),
                "host to guest: look into your ring"),
            DetailPair("Interrupts/s", Cell(rate: rates.interrupts), "host to guest"),
            pair(
                "Signals", signalCount(channel), Cell(signalCount(channel)),
                "guest to host, " + (channel.countedSignals?.basis ?? .log).explanation),
            DetailPair("Signals/s", Cell(rate: rates.signals), "guest to host"),
            pair(
                "In ring was full", channel.interruptsInFull, Cell(channel.interruptsInFull),
                "signals since the host waited for room"),
            pair(
                "Out ring was empty", channel.interruptsOutEmpty, Cell(channel.interruptsOutEmpty),
                "signals since the host may have slept"),
            pair(
                "Full episodes", channel.outFullFirst, Cell(channel.outFullFirst), "writes that first met a full ring"),
            pair(
                "Full writes", channel.outFullTotal, Cell(channel.outFullTotal), "all writes that met a full ring"),
        ]
        if rates.resets > 0 {
            pairs.append(
                DetailPair("Counter resets", Cell(String(rates.resets), .warn), "times that a counter began again"))
        }
        return pairs
    }

    func ringPairs(_ ring: RingSnapshot, reader: String) -> [DetailPair] {
        let size = Cell(ring.size) { Quantity.bytes($0) + (ring.sizeSource == .inferred ? " (as its primary)" : "") }
        return [
            pair("Size", ring.size, size, "data bytes, without the control page"),
            pair(
                "Waiting", ring.used, Cell(ring.used, text: Quantity.bytes), "bytes that the \(reader) has not read"),
            DetailPair("Fill", Cell(fill: ring), "share of the ring that waits"),
            pair(
                "Write index", ring.writeIndex, Cell(ring.writeIndex), "where the next packet will be written"),
            pair(
                "Read index", ring.readIndex, Cell(ring.readIndex), "where the next packet will be read"),
            pair(
                "Masked", ring.masked, Cell(ring.masked) { $0 == 0 ? "no" : "yes" },
                "yes while the \(reader) reads on by itself and wants no signal"),
        ]
    }

    private func recordDetails(_ sequence: UInt64) -> DetailsModel? {
        guard let (entry, _, tree) = record(sequence) else { return nil }
        let header = entry.header
        var pairs = [
            DetailPair("Sequence", Cell(String(sequence), .number), "the record's number in the log"),
            DetailPair("Time", Cell(Quantity.time(header.time) + " s", .number), "the log's time"),
            DetailPair("Kind", Cell(header.kind.word, Tone(header.kind)), "what the record tells"),
            DetailPair("Partition", Cell(entry.partitionName), "whose bus it is"),
            DetailPair(
                "Direction",
                Cell(
                    header.direction?.words ?? "-",
                    Tone(header.direction)), "who sent it"),
            DetailPair("Length", Cell("\(header.payloadLength) bytes", .number), "bytes of the record"),
        ]
        if !entry.channelLabel.isEmpty {
            pairs.insert(DetailPair("Channel", Cell(entry.channelLabel, .accent), "what people call it"), at: 4)
        }
        if header.attachmentLength > 0 {
            pairs.append(
                DetailPair(
                    "Outside the ring", Cell("\(header.attachmentLength) bytes", .number),
                    "in pages that the packet points to"))
        }
        if let problem = tree.problem {
            pairs.append(DetailPair("Damaged", Cell(PlainText.clean(problem.description), .bad), "why reading stopped"))
        }
        var sections = [DetailSection(entry.name, pairs)]
        var fields: [DetailPair] = []
        func add(_ nodes: [FieldNode], _ depth: Int) {
            for node in nodes where fields.count < 400 {
                fields.append(
                    DetailPair(
                        String(repeating: "  ", count: depth) + PlainText.clean(node.name), Cell(node), node.help))
                add(node.children, depth + 1)
            }
        }
        add(tree.fields, 0)
        if !fields.isEmpty { sections.append(DetailSection("Fields", fields)) }
        return DetailsModel(title: "\(sequence) \(entry.name)", sections: sections)
    }
}

extension Cell {
    /// A field's value as people read it: number and name, GUID, text, or the first bytes.
    public init(_ node: FieldNode) {
        let name = node.text.map { " " + PlainText.clean($0) } ?? ""
        switch node.value {
        case .unsigned(let number): self.init(String(number) + name, .number)
        case .signed(let number): self.init(String(number) + name, .number)
        case .identifier(let number): self.init(Hexadecimal.prefixed(number) + name, .identifier)
        case .guid(let guid): self.init(guid.description + name, .identifier)
        case .text(let text): self.init(PlainText.clean(text))
        case .composite: self.init(node.text.map(PlainText.clean) ?? "", .dim)
        case .bytes(let bytes):
            let shown = bytes.prefix(16).map { Hexadecimal.digits(UInt64($0), count: 2) }.joined(separator: " ")
            self.init(shown + (bytes.count > 16 ? " … \(bytes.count) bytes" : ""), .dim)
        }
    }
}
