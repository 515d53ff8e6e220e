import BusModel
import VMBusWire

/// Which device and channel a tracepoint speaks of. The log's own records tell it, so that every name that outlives a change
/// of relid stays the same (linux-guest-data §2).
struct TraceCarrier: Sendable {
    private struct Channel: Sendable {
        var device: GUID
        var subchannel: UInt16
    }

    // Looked up only, never walked where order could be seen.
    private var channels: [UInt32: Channel] = [:]
    private var interfaces: [String: GUID] = [:]
    private var hosts: [UInt32: GUID] = [:]
    private var disks: [UInt32: GUID] = [:]
    private var relids: [ChannelKey: UInt32] = [:]

    /// More names than any guest has; with more all start again.
    private static let limit = 16384

    /// Takes note of what a record of the sampler tells.
    mutating func learn(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, numbers: (String) -> UInt32?) {
        guard header.kind == .state || header.kind == .sample, header.device != .zero else { return }
        if header.relid != 0 { return learn(header.device, header.subchannel, header.relid, header.partition) }
        guard header.kind == .state, let list = try? AttributeList.decode(payload) else { return }
        for reading in list.readings where reading.form == .text {
            let words = reading.string.split(separator: " ").map(String.init)
            switch reading.attribute {
            case .networkInterfaces: for word in words { interfaces[word] = header.device }
            case .scsiHost:
                for word in words where word.hasPrefix("host") {
                    if let number = UInt32(word.dropFirst(4)) { hosts[number] = header.device }
                }
            case .blockDevices: for word in words { if let number = numbers(word) { disks[number] = header.device } }
            default: break
            }
        }
        if interfaces.count + hosts.count + disks.count > Self.limit { self = TraceCarrier() }
    }

    private mutating func learn(_ device: GUID, _ subchannel: UInt16, _ relid: UInt32, _ partition: UInt16) {
        if channels.count > Self.limit { self = TraceCarrier() }
        channels[relid] = Channel(device: device, subchannel: subchannel)
        relids[ChannelKey(partition: partition, device: device, subchannel: subchannel)] = relid
    }

    /// Fills in what a tracepoint leaves out of its header, and takes note of what an offer tells.
    mutating func place(_ record: TraceRecord, _ header: inout FlowRecordHeader) {
        if header.device != .zero {
            if header.relid != 0 { learn(header.device, header.subchannel, header.relid, header.partition) }
            return
        }
        if let channel = channels[header.relid], header.relid != 0 {
            (header.device, header.subchannel) = (channel.device, channel.subchannel)
            return
        }
        let device: GUID? =
            if let name = record.text("name") {
                interfaces[name]
            } else if let number = record.number("host_no") {
                hosts[UInt32(truncatingIfNeeded: number)]
            } else if let number = record.number("dev") {
                disks[UInt32(truncatingIfNeeded: number)]
            } else {
                nil
            }
        guard let device else { return }
        header.device = device
        header.subchannel = UInt16(truncatingIfNeeded: record.number("qid") ?? record.number("queue") ?? 0)
        let key = ChannelKey(partition: header.partition, device: device, subchannel: header.subchannel)
        header.relid = relids[key] ?? 0
    }

    /// The numbers of the SCSI hosts of VMBus devices, lowest first.
    var hostNumbers: [UInt32] { hosts.keys.sorted() }
    /// The kernel's numbers of their disks, lowest first.
    var diskNumbers: [UInt32] { disks.keys.sorted() }
}
