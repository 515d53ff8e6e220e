import BusModel
import VMBusDevices
import VMBusWire

/// A request of a network adapter: ids are unique within a channel.
struct AdapterRequest: Sendable, Hashable {
    var subchannel: UInt16
    var id: UInt64
}

/// A packet of a network adapter with its NVSP message, none of which is decoded.
struct NetworkPacket {
    let record: RuleRecord
    let descriptor: DescriptorWords
    let request: AdapterRequest
    let direction: Direction
    /// From the NVSP message on.
    let message: ArraySlice<UInt8>
    /// What the packet points to.
    let attachment: ArraySlice<UInt8>

    init(_ record: RuleRecord, _ descriptor: DescriptorWords, _ request: AdapterRequest, _ direction: Direction) {
        self.record = record
        self.descriptor = descriptor
        self.request = request
        self.direction = direction
        let split = record.payload.endIndex - min(record.payload.count, Int(record.header.attachmentLength))
        message = record.payload[..<split].dropFirst(descriptor.offset)
        attachment = record.payload[split...]
    }

    /// The NVSP message's number.
    var type: NVSP.MessageType? { message.number32(0).map { NVSP.MessageType(rawValue: $0) } }
    /// Who sent it.
    var party: RuleParty { RuleParty(sending: direction) }

    /// The ranges of a transfer-page packet (reference §4.5).
    var ranges: [(byteCount: UInt32, offset: UInt32)] {
        let count = Int(record.payload.number32(20) ?? 0)
        // Sixteen bytes of descriptor and eight of header come first.
        return (0..<max(0, min(count, (descriptor.offset - 24) / 8))).compactMap { index in
            guard let byteCount = record.payload.number32(24 + index * 8),
                let offset = record.payload.number32(28 + index * 8)
            else { return nil }
            return (byteCount, offset)
        }
    }
}

/// The rules of one network adapter: 31 to 34.
struct AdapterRules: Sendable {
    let partition: UInt16
    let instance: GUID
    /// Bytes of a place in the receive buffer, and where the last one ends; nil before the host has taken the buffer.
    private var receive: (placeSize: UInt32, end: UInt64)?
    /// Bytes of a section of the send buffer; nil before the host has taken it.
    private var sectionSize: UInt32?
    /// Log2 of the alignment of RNDIS messages in one packet.
    private var alignment = 0
    /// Sub-channels that are open, a bit for each.
    private var openChannels: UInt64 = 0
    // Only looked up, so that their order reaches nobody.
    /// The packet that uses a section, and whether it is a control message.
    private var users: [UInt32: (request: AdapterRequest, isControl: Bool)] = [:]
    /// The section that a packet uses.
    private var sections: [AdapterRequest: UInt32] = [:]
    /// The places that a packet gave to the guest.
    private var places: [AdapterRequest: HeldPlaces] = [:]
    private var heldPlaces = Set<UInt32>()

    /// The places of one packet: most have one.
    private struct HeldPlaces: Sendable {
        var first: UInt32
        var others: [UInt32] = []
    }

    init(partition: UInt16, instance: GUID) {
        self.partition = partition
        self.instance = instance
    }

    /// The primary is being opened: the adapter is as new.
    mutating func begin() { self = AdapterRules(partition: partition, instance: instance) }

    /// A channel is open.
    mutating func opened(_ subchannel: UInt16) {
        if subchannel < 64 { openChannels |= 1 << UInt64(subchannel) }
    }

    /// A channel is being closed.
    mutating func closed(_ subchannel: UInt16) {
        if subchannel < 64 { openChannels &= ~(1 << UInt64(subchannel)) }
        forget(subchannel)
    }

    /// What went through a sub-channel is completed no more.
    mutating func forget(_ subchannel: UInt16) {
        for (request, section) in sections where request.subchannel == subchannel {
            sections[request] = nil
            users[section] = nil
        }
        for (request, held) in places where request.subchannel == subchannel {
            places[request] = nil
            release(held)
        }
    }

    private mutating func release(_ held: HeldPlaces) {
        heldPlaces.remove(held.first)
        for place in held.others { heldPlaces.remove(place) }
    }

    /// A packet that is no completion.
    mutating func take(_ packet: NetworkPacket, _ report: inout RuleReport) {
        switch packet.type {
        case .sendRNDISPacket where packet.direction == .guestToHost: sent(packet, &report)
        case .sendRNDISPacket where packet.descriptor.type == PacketType.dataUsingTransferPages.rawValue:
            received(packet, &report)
        case .revokeReceiveBuffer where packet.direction == .guestToHost: receive = nil
        case .revokeSendBuffer where packet.direction == .guestToHost: sectionSize = nil
        default: break
        }
    }

    /// A completion of a request that waited.
    mutating func completed(_ packet: NetworkPacket) {
        guard packet.direction == .hostToGuest else {
            if let held = places.removeValue(forKey: packet.request) { release(held) }
            return
        }
        if let section = sections.removeValue(forKey: packet.request), users[section]?.request == packet.request {
            users[section] = nil
        }
        let isSuccess = packet.message.number32(4) == NVSP.Status.success.rawValue
        switch packet.type {
        case .sendReceiveBufferComplete where isSuccess:
            let (size, count) = (packet.message.number32(16) ?? 0, packet.message.number32(20) ?? 0)
            receive = (size, max(UInt64(packet.message.number32(24) ?? 0), UInt64(size) * UInt64(count)))
        case .sendSendBufferComplete where isSuccess: sectionSize = packet.message.number32(8)
        default: break
        }
    }

    /// RNDIS messages of the guest.
    private mutating func sent(_ packet: NetworkPacket, _ report: inout RuleReport) {
        let section = packet.message.number32(8) ?? NVSP.noSection
        let size = packet.message.number32(12) ?? 0
        let usesSection = section != NVSP.noSection
        let isControl = packet.message.number32(4) == NVSP.ChannelType.control.rawValue
        report.check(
            .netvscOrder, receive != nil && (!usesSection || sectionSize != nil), by: .guest, packet.record,
            place: "SEND_RNDIS_PACKET",
            value: receive == nil ? "no receive buffer" : "section \(section) of no send buffer",
            "the host has taken the buffers before they are used")
        if usesSection {
            if let sectionSize {
                report.check(
                    .rndisBounds, size <= sectionSize, by: .guest, packet.record, place: "send_buf_section_size",
                    value: "\(size)", "at most the \(sectionSize) bytes of a section")
            }
            exclusive(section, isControl, packet, &report)
        }
        var isFirst = true
        RNDISMessages(packet.attachment, alignment: alignment).forEach { message, problem in
            bounds(problem, message, packet, &report)
            if isControl, isFirst { receiveScale(message, packet, &report) }
            isFirst = false
        }
    }

    private mutating func exclusive(
        _ section: UInt32, _ isControl: Bool, _ packet: NetworkPacket, _ report: inout RuleReport
    ) {
        let user = users[section]
        report.check(
            .sendSectionExclusive, user == nil, by: .guest, packet.record, place: "send_buf_section_index",
            value: "\(section)", "a section that no packet uses; id \(user?.request.id ?? 0) is not completed")
        guard packet.descriptor.asksForCompletion, packet.descriptor.id != 0 else { return }
        users[section] = (packet.request, isControl)
        sections[packet.request] = section
    }

    /// RNDIS messages of the host.
    private mutating func received(_ packet: NetworkPacket, _ report: inout RuleReport) {
        report.check(
            .netvscOrder, receive != nil, by: .host, packet.record, place: "SEND_RNDIS_PACKET",
            value: "no receive buffer", "the host has taken the buffer before it uses it")
        guard let receive else { return }
        let isControl = packet.message.number32(4) == NVSP.ChannelType.control.rawValue
        var held: HeldPlaces?
        var rest = packet.attachment
        for range in packet.ranges {
            report.check(
                .rndisBounds,
                range.byteCount <= receive.placeSize && UInt64(range.offset) + UInt64(range.byteCount) <= receive.end,
                by: .host, packet.record, place: "range", value: "\(range.byteCount) bytes at \(range.offset)",
                "at most \(receive.placeSize) bytes that end at \(receive.end) at the latest")
            let place = range.offset / max(1, receive.placeSize)
            report.check(
                .receiveSectionReturnedOnce, heldPlaces.insert(place).inserted, by: .host, packet.record,
                place: "place of the receive buffer", value: "\(place)", "a place that the guest has given back")
            if held == nil { held = HeldPlaces(first: place) } else { held?.others.append(place) }
            guard let bytes = rest.part(0, Int(range.byteCount)) else { continue }
            rest = rest.dropFirst(bytes.count)
            // A place holds one message.
            bounds(RNDISMessages.problem(of: bytes), bytes, packet, &report)
            if isControl { control(bytes) }
        }
        if let held, packet.descriptor.asksForCompletion, packet.descriptor.id != 0 {
            places[packet.request] = held
        } else if let held {
            release(held)
        }
    }

    private func bounds(
        _ problem: String?, _ bytes: ArraySlice<UInt8>, _ packet: NetworkPacket, _ report: inout RuleReport
    ) {
        report.check(
            .rndisBounds, problem == nil, by: packet.party, packet.record, place: "RNDIS message", value: problem ?? "",
            "the data of a message lie inside it, and the message inside its \(bytes.count) bytes")
    }

    /// What a control message of the host tells.
    private mutating func control(_ message: ArraySlice<UInt8>) {
        let type = RNDIS.MessageType(rawValue: message.number32(0) ?? 0)
        if type == RNDIS.MessageType.initialize.completion {
            alignment = Int(min(message.number32(40) ?? 0, 12))
        }
        // Some hosts complete no control messages: their answer says that the section is free.
        guard type.rawValue & 0x8000_0000 != 0 else { return }
        for (section, user) in users where user.isControl {
            users[section] = nil
            sections[user.request] = nil
        }
    }

    /// A setting of the receive table, in which every entry names a channel (reference §6.1.5).
    private func receiveScale(_ message: ArraySlice<UInt8>, _ packet: NetworkPacket, _ report: inout RuleReport) {
        guard message.number32(0) == RNDIS.MessageType.set.rawValue,
            message.number32(12) == RNDIS.ObjectIdentifier.receiveScaleParameters.rawValue,
            let length = message.number32(16), let offset = message.number32(20),
            let parameters = message.part(8 + Int(offset), Int(length)), let flags = parameters.number16(4),
            // Bit 4 switches the table off.
            flags & 0x10 == 0, let size = parameters.number16(12), let start = parameters.number32(16)
        else { return }
        for entry in stride(from: 0, to: Int(size), by: 4) {
            guard let channel = parameters.number32(Int(start) + entry) else { return }
            let isOpen = channel < 64 && openChannels >> UInt64(channel) & 1 == 1
            let holds = report.check(
                .netvscOrder, isOpen, by: .guest, packet.record, place: "entry \(entry / 4) of the receive table",
                value: "channel \(channel)", "a channel that is open")
            if !holds { return }
        }
    }
}

/// RNDIS messages that lie one behind the other (reference §6.1.4, §6.1.5).
struct RNDISMessages {
    private let bytes: ArraySlice<UInt8>
    private let alignment: Int

    /// - Parameter alignment: log2 of what the start of each message is a multiple of.
    init(_ bytes: ArraySlice<UInt8>, alignment: Int) {
        self.bytes = bytes
        self.alignment = 1 << alignment
    }

    /// Calls `body` with each message, and what is wrong with it, which ends the search.
    func forEach(_ body: (ArraySlice<UInt8>, String?) -> Void) {
        var rest = bytes
        while rest.count >= 8 {
            let problem = Self.problem(of: rest)
            body(rest, problem)
            guard problem == nil, let length = rest.number32(4) else { return }
            rest = rest.dropFirst((Int(length) + alignment - 1) / alignment * alignment)
        }
    }

    /// What is wrong with the first message in some bytes; nil for nothing.
    static func problem(of bytes: ArraySlice<UInt8>) -> String? {
        guard let type = bytes.number32(0), let length = bytes.number32(4) else { return "\(bytes.count) bytes" }
        if length < 8 || Int(length) > bytes.count { return "message length \(length)" }
        guard type == RNDIS.MessageType.packet.rawValue else { return nil }
        guard length >= 44 else { return "PACKET of \(length) bytes" }
        for (name, field) in [("data", 8), ("out-of-band data", 16), ("per-packet info", 28)] {
            guard let offset = bytes.number32(field), let size = bytes.number32(field + 4), size > 0 else { continue }
            // Offsets count from behind type and length.
            if 8 + UInt64(offset) + UInt64(size) > UInt64(length) {
                return "\(size) bytes of \(name) at offset \(offset) in a message of \(length) bytes"
            }
        }
        return nil
    }
}
