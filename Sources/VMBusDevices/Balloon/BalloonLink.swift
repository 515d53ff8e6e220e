import VMBusWire

/// What both ends of a balloon do alike: messages in-band, numbered, and kept while the ring is full.
struct BalloonLink: Sendable, Hashable {
    /// Whose end it is.
    let isGuest: Bool
    private(set) var isOpen = false
    /// The number of the last message of ours.
    private(set) var transactionID: UInt32 = 0
    /// All ranges that an end keeps fit so many messages.
    private var outbound = OutboundQueues(capacity: 256)

    init(isGuest: Bool) { self.isGuest = isGuest }

    mutating func opened() { isOpen = true }
    mutating func closed() { self = BalloonLink(isGuest: isGuest) }

    /// Reads a message.
    ///
    /// - Throws: which rule it breaks.
    func read(_ packet: ChannelPacket) throws(ProtocolViolation) -> Balloon.Message {
        guard isOpen else { throw broken("channel-open", "\(packet.type)", "packets come on open channels") }
        guard packet.type == .dataInBand, !packet.flags.contains(.completionRequested) else {
            throw broken("dm-in-band", "\(packet.type)", "messages are in-band, and nobody completes them")
        }
        let (message, byteCount): (Balloon.Message, Int)
        do throws(WireError) {
            (message, byteCount) = try Balloon.Message.decodePrefix(packet.payload[...])
        } catch {
            throw ProtocolViolation(error)
        }
        guard let isGuests = message.type.isGuests, isGuests != isGuest else {
            throw broken(
                "dm-type", message.type.name, isGuest ? "what hosts say to guests" : "what guests say to hosts")
        }
        guard Int(message.size) == byteCount else {
            throw broken("dm-size", "\(message.size) bytes", "\(message.type.name) has \(byteCount) bytes")
        }
        return message
    }

    /// Sends a message, under our next number unless it answers one.
    mutating func send(_ message: Balloon.Message, answering number: UInt32? = nil) -> [DeviceEffect] {
        if number == nil { transactionID &+= 1 }
        return outbound.send(ChannelPacket(payload: message.finished(number ?? transactionID)), subchannel: 0)
    }

    /// Sends a message as often as its ranges need, with the flag that says whether more follow.
    mutating func send(_ message: Balloon.Message, ranges: [Balloon.PageRange]) -> [DeviceEffect] {
        var effects: [DeviceEffect] = []
        var rest = ranges[...]
        repeat {
            var part = message
            part.ranges = rest.prefix(Balloon.maximumRanges).map { Balloon.Range($0) }
            rest = rest.dropFirst(Balloon.maximumRanges)
            if message.type == .balloonResponse {
                part.rangeCount = .init(part.ranges.count, more: !rest.isEmpty)
            } else {
                part.rangeCount = .init(0, more: !rest.isEmpty)
                part.unballoonCount = UInt32(part.ranges.count)
            }
            effects += send(part)
        } while !rest.isEmpty
        return effects
    }

    mutating func refused(_ packet: ChannelPacket, _ attachment: [UInt8], _ subchannel: UInt16) {
        outbound.refused(packet, attachment: attachment, subchannel: subchannel)
    }

    mutating func writable(_ subchannel: UInt16) -> [DeviceEffect] { outbound.writable(subchannel: subchannel) }

    func broken(_ rule: String, _ value: String, _ explanation: String) -> ProtocolViolation {
        ProtocolViolation(rule: rule, place: "balloon", value: value, explanation: explanation)
    }
}
