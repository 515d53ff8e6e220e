import BusModel

/// The lines of `watch`: one for each channel and sample, which programs that read columns or JSON follow for hours.
public struct WatchLines: Sendable {
    /// The schema of a line of JSON, which only grows.
    public static let schema = "vmbusscope.watch/1"

    /// Whether lines are JSON.
    public let isJSON: Bool
    private var samples: UInt64 = 0
    private var start: UInt64?
    private var labelWidth = 12

    /// No sample yet.
    public init(isJSON: Bool) { self.isJSON = isJSON }

    /// The lines of one more sample, each ended; before the first a line of titles, unless they are JSON.
    ///
    /// - Parameter time: the moment of the sample, in the log's nanoseconds.
    public mutating func sample(_ state: InspectorState, at time: UInt64) -> [UInt8] {
        samples += 1
        let channels = channels(of: state)
        if isJSON { return json(state, channels, time) }
        var text = ""
        let first = start ?? time
        if start == nil {
            labelWidth = max(labelWidth, channels.map(\.label.count).max() ?? 0)
            text = line(Self.titles)
        }
        start = first
        for channel in channels { text += line(cells(state, channel, time - min(time, first))) }
        return Array(text.utf8)
    }

    private struct Watched {
        let partition: PartitionSnapshot
        let device: DeviceSnapshot
        let channel: ChannelSnapshot
        let label: String

        var key: ChannelKey {
            ChannelKey(partition: partition.number, device: device.instance, subchannel: channel.subchannel)
        }
    }

    private func channels(of state: InspectorState) -> [Watched] {
        state.snapshot.partitions.flatMap { partition in
            partition.devices.flatMap { device in
                device.channels.map { channel in
                    Watched(
                        partition: partition, device: device, channel: channel,
                        label: ChannelLabel.text(device, subchannel: channel.subchannel, in: partition))
                }
            }
        }
    }

    // MARK: Text

    private static let titles = [
        "TIME", "CHANNEL", "RELID", "STATE", "CPU", "IN", "OUT", "INTR", "INTR/S", "SIGNALS", "SIGNALS/S", "FULL",
        "VERDICT",
    ]
    private static let widths = [9, 0, 5, 9, 4, 11, 11, 10, 7, 10, 9, 6, 9]
    /// Columns whose text stands at the left.
    private static let leading: Set<Int> = [1, 3, 12]

    private func cells(_ state: InspectorState, _ watched: Watched, _ elapsed: UInt64) -> [String] {
        let channel = watched.channel
        let rates = state.rates(watched.key)
        let hundredths = String(elapsed / 10_000_000 % 100)
        func number(_ value: UInt64?) -> String { value.map(String.init) ?? "-" }
        func rate(_ value: Double?) -> String { value.map(Quantity.rate) ?? "-" }
        return [
            "\(elapsed / 1_000_000_000)." + (hundredths.count < 2 ? "0" : "") + hundredths, watched.label,
            String(channel.relid), channel.phase.value?.word ?? "-",
            number(channel.cpu.value), ring(channel.inbound), ring(channel.outbound),
            number(state.interruptCount(channel).value), rate(rates.interrupts),
            number(state.signalCount(channel).value), rate(rates.signals), number(channel.outFullFirst.value),
            Verdict(channel, of: watched.device, rates, at: state.snapshot.position.time).word.title,
        ]
    }

    /// Bytes waiting of bytes that fit.
    private func ring(_ ring: RingSnapshot) -> String {
        guard ring.used.value != nil || ring.size.value != nil else { return "-" }
        return (ring.used.value.map(Quantity.bytes) ?? "?") + "/" + (ring.size.value.map(Quantity.bytes) ?? "?")
    }

    private func line(_ cells: [String]) -> String {
        var text = ""
        for (column, cell) in cells.enumerated() {
            let width = column == 1 ? labelWidth : Self.widths[column]
            let padding = String(repeating: " ", count: max(0, width - cell.count))
            text += (column == 0 ? "" : "  ") + (Self.leading.contains(column) ? cell + padding : padding + cell)
        }
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }

    // MARK: JSON

    private func json(_ state: InspectorState, _ channels: [Watched], _ time: UInt64) -> [UInt8] {
        var writer = JSONWriter()
        for watched in channels {
            writer.object { writer in
                writer.member("schema", Self.schema)
                writer.member("sample", samples)
                writer.member("time_ns", time)
                SnapshotJSON.members(state, watched.partition, watched.device, watched.channel, to: &writer)
            }
            writer.endLine()
        }
        return writer.take()
    }
}
