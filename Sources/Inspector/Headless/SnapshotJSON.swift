import BusModel
import Query
import VMBusWire

/// The views over the snapshot as JSON documents: fixed key order, null for what is not known.
enum SnapshotJSON {
    static func partitions(_ state: InspectorState) -> String {
        document("vmbusscope.partitions/1", state) { writer in
            writer.memberArray("partitions") { writer in
                for row in state.partitionsTable().rows {
                    guard case .partition(let number) = row.id, let partition = state.snapshot.partition(number) else {
                        continue
                    }
                    write(partition, state.rates(partition: number), to: &writer)
                }
            }
        }
    }

    static func channels(_ state: InspectorState) -> String {
        document("vmbusscope.channels/1", state) { writer in
            writer.memberArray("channels") { writer in
                for row in state.channelsTable(isWhole: true).rows {
                    guard case .channel(let key) = row.id, let partition = state.snapshot.partition(key.partition),
                        let device = state.snapshot.device(key.partition, key.device),
                        let channel = state.snapshot.channel(key)
                    else { continue }
                    writer.object { members(state, partition, device, channel, to: &$0) }
                }
            }
        }
    }

    static func rings(_ state: InspectorState, _ models: [RingModel]) -> String {
        document("vmbusscope.rings/1", state) { writer in
            writer.memberObjects("channels", models) { writer, model in
                writer.member("partition", state.snapshot.partition(model.channel.partition)?.name)
                SessionJSON.place(model.channel.device, model.channel, state, to: &writer)
                writer.key("in")
                write(model.inbound, to: &writer)
                writer.key("out")
                write(model.outbound, to: &writer)
            }
        }
    }

    /// A document of one object, ended by a line feed: what every view's has, then what `body` adds.
    static func document(
        _ schema: String, _ state: InspectorState, at time: UInt64? = nil, _ body: (inout JSONWriter) -> Void
    ) -> String {
        SessionJSON.document(schema, state) { writer in
            writer.member("seq", state.snapshot.position.sequence)
            writer.member("time_ns", time ?? state.snapshot.position.time)
            writer.memberObject("bus") { $0.member("available", state.snapshot.busAvailable) }
            body(&writer)
        }
    }

    private static func write(_ partition: PartitionSnapshot, _ rates: FlowRates, to writer: inout JSONWriter) {
        let traffic = partition.traffic
        writer.object { writer in
            writer.member("number", partition.number)
            writer.member("name", partition.name)
            writer.member("role", partition.role == .root ? "root" : "guest")
            writer.member("state", partition.connection.value?.word)
            writer.member("version", partition.version.value?.description)
            writer.member("features", partition.features.value.map { Hexadecimal.prefixed($0.rawValue) })
            writer.member("virtual_processors", partition.virtualProcessors.value)
            writer.member("kernel_release", partition.kernelRelease.value)
            writer.member("devices", partition.devices.count)
            writer.member("channels", partition.channelCount)
            writer.member("open_channels", partition.openChannelCount)
            writer.member("messages", traffic.messages)
            writer.member("packets_in", traffic.packetsIn)
            writer.member("packets_out", traffic.packetsOut)
            writer.member("bytes_in", traffic.bytesIn)
            writer.member("bytes_out", traffic.bytesOut)
            writer.member("packets_per_second", rates.packets)
            writer.member("bytes_per_second", rates.bytes)
            writer.key("evidence")
            EvidenceJSON.write(partition.evidence, to: &writer)
            writer.memberArray("device_evidence") { writer in
                for device in partition.devices where !device.evidence.items.isEmpty {
                    writer.object { writer in
                        writer.member("device", device.instance.description)
                        writer.member("class", device.deviceClass.kind.word)
                        writer.memberArray("kernel") { writer in for name in device.kernel.all { writer.value(name) } }
                        writer.key("evidence")
                        EvidenceJSON.write(device.evidence, to: &writer)
                    }
                }
            }
        }
    }

    /// What is known of one channel, as members of an object.
    static func members(
        _ state: InspectorState, _ partition: PartitionSnapshot, _ device: DeviceSnapshot, _ channel: ChannelSnapshot,
        to writer: inout JSONWriter
    ) {
        let key = InspectorState.key(partition, device, channel)
        let rates = state.rates(key)
        let now = state.snapshot.position.time
        let verdict = Verdict(channel, of: device, rates, at: now)
        writer.member("partition", partition.name)
        writer.member("device", device.instance.description)
        writer.member("class", device.deviceClass.kind.word)
        writer.member("class_id", device.classID == .zero ? nil : device.classID.description)
        writer.memberArray("kernel") { writer in for name in device.kernel.all { writer.value(name) } }
        writer.member("driver", device.driver.value)
        writer.member("subchannel", channel.subchannel)
        writer.member("relid", channel.relid == 0 ? nil : channel.relid)
        writer.member("state", channel.phase.value?.word)
        writer.member("cpu", channel.cpu.value)
        writer.key("in")
        write(channel.inbound, to: &writer)
        writer.key("out")
        write(channel.outbound, to: &writer)
        writer.member("interrupts", state.interruptCount(channel).value)
        writer.member("events", state.eventCount(channel).value)
        writer.member("out_full_first", channel.outFullFirst.value)
        writer.member("out_full_total", channel.outFullTotal.value)
        writer.member("interrupts_per_second", rates.interrupts)
        writer.member("events_per_second", rates.events)
        writer.member("packets_per_second", rates.packets)
        writer.member("bytes_per_second", rates.bytes)
        writer.member("intr_in_full", channel.interruptsInFull.value)
        writer.member("intr_out_empty", channel.interruptsOutEmpty.value)
        writer.member("signals", state.signalCount(channel).value)
        writer.member("signals_counted_by", rates.signalBasis?.rawValue)
        writer.member("signals_per_second", rates.signals)
        writer.member("refused_writes_per_second", rates.refusedWrites)
        writer.member("full_episodes_per_second", rates.fullEpisodes)
        writer.member("in_full_per_second", rates.inFull)
        writer.member("verdict", verdict.word.rawValue)
        writer.member("verdict_weight", verdict.weight.word)
        writer.member("why", verdict.why)
        writer.member("age_ns", state.staleness(channel, rates))
        writer.key("recent")
        write(rates, rates.history, at: now, to: &writer)
    }

    /// The last minutes of a channel; null where nothing is counted.
    private static func write(
        _ rates: FlowRates, _ history: RateHistory?, at now: UInt64, to writer: inout JSONWriter
    ) {
        guard let history else {
            writer.null()
            return
        }
        let sum = history.summary(at: now)
        func known(_ range: RateRange, _ value: Float) -> Double? { range.isEmpty ? nil : Double(value) }
        writer.object { writer in
            writer.member("window_seconds", Double(history.windowDuration) / 1e9)
            writer.member("observed_seconds", sum.seconds)
            writer.member("interrupts", sum[.interrupts])
            writer.member("interrupts_per_second_min", known(sum.interrupts, sum.interrupts.least))
            writer.member("interrupts_per_second_mean", sum.mean(.interrupts))
            writer.member("interrupts_per_second_max", known(sum.interrupts, sum.interrupts.peak))
            writer.member("signals", rates.signals(in: sum))
            writer.member("signals_per_second_min", known(sum.signals, sum.signals.least))
            writer.member("signals_per_second_mean", rates.meanSignals(in: sum))
            writer.member("signals_per_second_max", known(sum.signals, sum.signals.peak))
            writer.member("needless_signals_per_second", rates.needlessSignals(at: now))
            writer.member("refused_writes", sum[.refusedWrites])
            writer.member("full_episodes", sum[.fullEpisodes])
            writer.member("in_full", sum[.inFull])
            writer.member("in_fill_max", sum.inboundFill.map(Double.init))
            writer.member("out_fill_max", sum.outboundFill.map(Double.init))
        }
    }

    private static func write(_ ring: RingSnapshot, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("size_bytes", ring.size.value)
            writer.member("size_source", ring.sizeSource?.word)
            writer.member("used_bytes", ring.used.value)
            writer.member("masked", ring.masked.value.map { $0 != 0 })
        }
    }

    private static func write(_ ring: RingPicture, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("size_bytes", ring.size)
            writer.member("used_bytes", ring.used)
            writer.member("free_bytes", ring.free)
            writer.member("write_index", ring.writeIndex)
            writer.member("read_index", ring.readIndex)
            writer.member("masked", ring.isMasked)
            writer.member("pending_size", ring.pendingSize)
            writer.member("feature_bits", ring.featureBits.map { Hexadecimal.prefixed($0) })
            writer.member("damage", ring.damage)
            writer.member("torn", ring.isFromImage ? ring.isTorn : nil)
            writer.member("used_maximum_bytes", ring.usedMaximum)
            writer.member("used_looks", ring.usedLooks)
            writer.memberObjects("packets", ring.blocks) { writer, block in
                writer.member("offset", block.offset)
                writer.member("length", block.length)
                writer.member("type", block.type.rawValue)
                writer.member("name", block.name)
                writer.member("transaction_id", Hexadecimal.prefixed(block.transactionID))
            }
        }
    }
}
