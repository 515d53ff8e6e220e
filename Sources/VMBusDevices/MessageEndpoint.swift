public import VMBusWire

/// A message of a device with one channel: a packet's payload, and what it is called.
public protocol DeviceMessage: WireStructure {
    /// What comes in front of the names of such messages, such as `KEYBOARD`.
    static var layer: String { get }
    /// Which message it is, such as `EVENT`.
    var name: String { get }
    /// What matters in it; may be empty.
    var info: String { get }
}

/// The one channel of a device whose ends send messages as they like: whether it is open, and what waits for room in its ring.
public struct MessageLine: Sendable, Hashable {
    /// What the device is called in notes and violations.
    public let name: String
    /// Whether the channel is open.
    public private(set) var isOpen = false
    /// Counts the channel's lives, so that timers of one say nothing in the next.
    public private(set) var generation: UInt64 = 0
    private let capacity: Int
    private var transactionID: UInt64 = 0
    private var outbound: OutboundQueues

    /// Waits for its channel.
    ///
    /// - Parameter capacity: the most packets that wait for room.
    init(_ name: String, capacity: Int = 64) {
        self.name = name
        self.capacity = capacity
        outbound = OutboundQueues(capacity: capacity)
    }

    mutating func opened() { isOpen = true }

    mutating func closed() {
        let generation = generation + 1
        self = MessageLine(name, capacity: capacity)
        self.generation = generation
    }

    /// Sends a message.
    ///
    /// - Parameter asks: whether a completion is wanted.
    mutating func send(_ message: some WireStructure, asks: Bool = false) -> [DeviceEffect] {
        guard isOpen else { return [] }
        var packet = ChannelPacket(payload: message.encoded())
        if asks {
            transactionID += 1
            packet.flags = .completionRequested
            packet.transactionID = transactionID
        }
        return outbound.send(packet, subchannel: 0)
    }

    fileprivate mutating func complete(_ packet: ChannelPacket) -> [DeviceEffect] {
        outbound.send(packet.completion([]), subchannel: 0)
    }

    fileprivate mutating func refused(_ packet: ChannelPacket) {
        outbound.refused(packet, attachment: [], subchannel: 0)
    }

    fileprivate mutating func writable() -> [DeviceEffect] { outbound.writable(subchannel: 0) }

    /// The other side broke a rule of the device.
    func broken(_ rule: String, _ value: String, _ explanation: String) -> DeviceEffect {
        .violation(
            ProtocolViolation(rule: "\(name)-\(rule)", place: name, value: value, explanation: explanation))
    }
}

/// One end of a device that has one channel, shares no pages, and speaks in messages of one kind.
public protocol MessageEndpoint: DeviceEndpoint {
    /// What it speaks in.
    associatedtype Message: DeviceMessage
    /// Its channel.
    var line: MessageLine { get set }
    /// The channel is open.
    mutating func began() -> [DeviceEffect]
    /// A message came, well-formed.
    mutating func take(_ message: Message) -> [DeviceEffect]
    /// The channel was closed: nothing of the conversation stays.
    mutating func ended() -> [DeviceEffect]
}

extension MessageEndpoint {
    public mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard subchannel == 0, !line.isOpen else { return [] }
        line.opened()
        return began()
    }

    public mutating func closed(subchannel: UInt16) -> [DeviceEffect] {
        guard subchannel == 0 else { return [] }
        line.closed()
        return ended()
    }

    public mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard line.isOpen, subchannel == 0 else {
            return [line.broken("open", "\(packet.type)", "packets come on the device's open channel")]
        }
        // An end that asked for it waits for the answer itself, not for this.
        if packet.type == .completion { return [] }
        guard packet.type == .dataInBand else {
            return [line.broken("in-band", "\(packet.type)", "messages come in-band")]
        }
        let completion = packet.flags.contains(.completionRequested) ? line.complete(packet) : []
        do throws(WireError) {
            return completion + take(try Message.decode(packet.payload))
        } catch {
            return completion + [.violation(ProtocolViolation(error))]
        }
    }

    public mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        line.refused(packet)
    }

    public mutating func channelWritable(subchannel: UInt16) -> [DeviceEffect] { line.writable() }

    /// A message that this end does not take at this moment, or never.
    func unexpected(_ message: Message, _ explanation: String) -> [DeviceEffect] {
        [line.broken("order", message.name, explanation)]
    }
}

/// How long a guest waits for its host's answers, and what it says then (reference §8.8).
struct HandshakeLimit {
    /// Nanoseconds.
    static let patience: UInt64 = 10_000_000_000

    static func wait(_ line: MessageLine) -> DeviceEffect {
        .wake(afterNanoseconds: patience, token: line.generation)
    }

    static let failed = DeviceEffect.failed(reason: "the host has not answered within 10 s")
}
