import BusModel
import VMBusWire

/// The log as a trace of Perfetto: a partition is a process, a channel a group of tracks; requests are slices, signals and
/// messages instants, ring fills counters, and a flow leads from a request to its completion.
///
/// A trace is one packet after the other, so that it can be cut anywhere (perfetto/trace_packet.proto, track_event.proto).
struct PerfettoTrace: Sendable {
    private struct Asked: Hashable, Sendable {
        var channel: ChannelKey
        var sender: Direction
        var transaction: UInt64
    }

    private struct Lane: Hashable, Sendable {
        var channel: ChannelKey
        var number: Int
    }

    private struct Place: Hashable, Sendable {
        var partition: UInt16
        var channel: ChannelKey?
        var name: String
    }

    // Dictionaries are only looked up.
    private var tracks: [Place: UInt64] = [:]
    private var waiting: [Asked: (lane: Int, record: UInt64)] = [:]
    private var busy: [ChannelKey: Set<Int>] = [:]
    private var next: UInt64 = 1

    /// Requests beyond so many at a time on a channel are instants, so that a guest cannot fill the memory.
    private static let mostLanes = 1024
    /// Only one writer numbers its packets here.
    private static let sequence: UInt64 = 1

    private enum EventType: UInt64 { case begin = 1, end, instant, counter }

    mutating func add(_ entry: FlowEntry, _ payload: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        let header = entry.header
        switch header.kind {
        case .packet: addPacket(entry, payload, &bytes)
        case .sample: addSample(entry, payload, &bytes)
        case .signal, .interrupt:
            let track = track(entry, header.channel, "signals", &bytes)
            event(.instant, track, entry, &bytes)
        case .keyframe: break
        default:
            let track = track(entry, nil, header.kind == .message ? "messages" : "notes", &bytes)
            event(.instant, track, entry, &bytes)
        }
    }

    // MARK: Packets

    private mutating func addPacket(_ entry: FlowEntry, _ payload: ArraySlice<UInt8>, _ bytes: inout [UInt8]) {
        let header = entry.header
        guard let channel = header.channel, let sender = header.direction,
            let descriptor = try? PacketDescriptor.decode(payload.prefix(PacketDescriptor.byteCount))
        else {
            let track = track(entry, header.channel, "packets", &bytes)
            return event(.instant, track, entry, &bytes)
        }
        if descriptor.type == .completion {
            let asker: Direction = sender == .guestToHost ? .hostToGuest : .guestToHost
            let key = Asked(channel: channel, sender: asker, transaction: descriptor.transactionID)
            let asked = waiting.removeValue(forKey: key)
            if let asked {
                busy[channel]?.remove(asked.lane)
                let track = lane(entry, channel, asked.lane, &bytes)
                event(.end, track, entry, &bytes)
            }
            let track = track(entry, channel, "completions", &bytes)
            return event(.instant, track, entry, &bytes) { event in
                // A flow ends here (terminating_flow_ids).
                if let asked { event.fixed(48, asked.record) }
            }
        }
        let key = Asked(channel: channel, sender: sender, transaction: descriptor.transactionID)
        guard descriptor.flags.contains(.completionRequested), waiting[key] == nil,
            let free = (0..<Self.mostLanes).first(where: { busy[channel]?.contains($0) != true })
        else {
            let track = track(entry, channel, "packets", &bytes)
            return event(.instant, track, entry, &bytes)
        }
        busy[channel, default: []].insert(free)
        waiting[key] = (free, header.sequence)
        let track = lane(entry, channel, free, &bytes)
        event(.begin, track, entry, &bytes) { event in
            // A flow begins here (flow_ids); a record's number is never 0.
            event.fixed(47, header.sequence)
        }
    }

    /// Overlapping requests need tracks of their own; those of one name are shown as one.
    private mutating func lane(
        _ entry: FlowEntry, _ channel: ChannelKey, _ number: Int, _ bytes: inout [UInt8]
    ) -> UInt64 {
        track(entry, channel, "requests", lane: number, &bytes)
    }

    // MARK: Fills

    private mutating func addSample(_ entry: FlowEntry, _ payload: ArraySlice<UInt8>, _ bytes: inout [UInt8]) {
        guard let channel = entry.header.channel, let list = try? AttributeList.decode(payload) else { return }
        for reading in list.readings where reading.form == .number {
            let name: String
            switch reading.attribute {
            case .inUsed: name = "host to guest ring"
            case .outUsed: name = "guest to host ring"
            default: continue
            }
            let track = track(entry, channel, name, isCounter: true, &bytes)
            packet(&bytes) { packet in
                packet.field(8, entry.header.time)
                packet.field(11) { event in
                    event.field(9, EventType.counter.rawValue)
                    event.field(11, track)
                    event.field(30, reading.number)
                }
            }
        }
    }

    // MARK: Events

    private func event(
        _ type: EventType, _ track: UInt64, _ entry: FlowEntry, _ bytes: inout [UInt8],
        _ more: (inout ProtobufWriter) -> Void = { _ in }
    ) {
        let header = entry.header
        packet(&bytes) { packet in
            packet.field(8, header.time)
            packet.field(11) { event in
                event.field(9, type.rawValue)
                event.field(11, track)
                guard type != .end else { return }
                event.field(22, header.kind.word)
                event.field(23, entry.name)
                annotate(&event, "record") { $0.field(3, header.sequence) }
                if !entry.info.isEmpty { annotate(&event, "info") { $0.field(6, entry.info) } }
                if let word = entry.directionWord { annotate(&event, "direction") { $0.field(6, word) } }
                annotate(&event, "length") { $0.field(3, UInt64(header.payloadLength)) }
                more(&event)
            }
        }
    }

    private func annotate(_ event: inout ProtobufWriter, _ name: String, _ value: (inout ProtobufWriter) -> Void) {
        event.field(4) { annotation in
            annotation.field(10, name)
            value(&annotation)
        }
    }

    private func packet(_ bytes: inout [UInt8], _ body: (inout ProtobufWriter) -> Void) {
        var trace = ProtobufWriter()
        trace.field(1) { packet in
            packet.field(10, Self.sequence)
            body(&packet)
        }
        bytes += trace.bytes
    }

    // MARK: Tracks

    /// The track of a name, which is described where it is met first.
    private mutating func track(
        _ entry: FlowEntry, _ channel: ChannelKey?, _ name: String, lane: Int = 0, isCounter: Bool = false,
        _ bytes: inout [UInt8]
    ) -> UInt64 {
        let partition = entry.header.partition
        let place = Place(partition: partition, channel: channel, name: lane == 0 ? name : "\(name) \(lane)")
        if let known = tracks[place] { return known }
        let parent = group(entry, channel, &bytes)
        let track = newTrack(place)
        packet(&bytes) { packet in
            packet.field(60) { descriptor in
                descriptor.field(1, track)
                descriptor.field(5, parent)
                descriptor.field(2, name)
                // UNIT_SIZE_BYTES
                if isCounter { descriptor.field(8) { $0.field(3, 3) } }
            }
        }
        return track
    }

    /// The track of a channel, or of a partition, around others.
    private mutating func group(_ entry: FlowEntry, _ channel: ChannelKey?, _ bytes: inout [UInt8]) -> UInt64 {
        let place = Place(partition: entry.header.partition, channel: channel, name: "")
        if let known = tracks[place] { return known }
        guard let channel else {
            let track = newTrack(place)
            packet(&bytes) { packet in
                packet.field(60) { descriptor in
                    descriptor.field(1, track)
                    descriptor.field(3) { process in
                        // 0 is the idle process there.
                        process.field(1, UInt64(place.partition) + 1)
                        process.field(6, entry.partitionName)
                    }
                }
            }
            return track
        }
        let parent = group(entry, nil, &bytes)
        let track = newTrack(place)
        let label = entry.channelLabel.isEmpty ? channel.device.description : entry.channelLabel
        packet(&bytes) { packet in
            packet.field(60) { descriptor in
                descriptor.field(1, track)
                descriptor.field(5, parent)
                descriptor.field(2, label)
            }
        }
        return track
    }

    private mutating func newTrack(_ place: Place) -> UInt64 {
        defer { next += 1 }
        tracks[place] = next
        return next
    }
}
