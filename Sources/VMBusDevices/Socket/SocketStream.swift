import VMBusWire

/// One end of an hv_sock connection: a byte stream in each direction, whose halves end one by one (reference §6.12).
///
/// The ring's room is the only flow control: a frame that does not fit waits, and nothing more is written behind it. An end that
/// sends back what comes takes no packets while too much waits, so that its own peer has to wait.
public struct SocketStream: Sendable, Hashable {
    /// Bytes that wait to be sent back before an end takes no more packets.
    public static let echoLimit = 65_536
    /// Frames that wait for the ring: one write and the end behind it.
    private static let waitingLimit = 4
    /// Sets the token of the time limit apart from that of the next write.
    private static let limitBit: UInt64 = 1 << 63

    /// What this end does with its stream.
    public let plan: SocketPlan
    /// Whether the channel is open.
    public private(set) var isOpen = false
    /// Bytes that were sent.
    public private(set) var sent: UInt64 = 0
    /// Of the bytes that were sent.
    public private(set) var sentChecksum = StreamChecksum()
    /// Bytes that came.
    public private(set) var received: UInt64 = 0
    /// Of the bytes that came.
    public private(set) var receivedChecksum = StreamChecksum()
    /// Whether this end has closed its half.
    public private(set) var hasEnded = false
    /// Whether the other end has closed its half.
    public private(set) var peerHasEnded = false
    /// Whether both have, or the other took too long.
    public private(set) var isOver = false
    /// Whether the channel is of no use any more.
    public private(set) var isFinished = false
    private var made: UInt64 = 0
    private var echo: [UInt8] = []
    private var outbound = OutboundQueues(capacity: waitingLimit)
    private var isBlocked = false
    private var isWaking = false
    private var generation: UInt64 = 0
    /// Bytes that had come when the time limit began.
    private var receivedBefore: UInt64 = 0

    /// Waits for its channel.
    public init(_ plan: SocketPlan) { self.plan = plan }

    /// How much of the ring is read before others get their turn.
    var appetite: RingAppetite {
        if echo.count >= Self.echoLimit { return RingAppetite(packets: 0, pause: max(1000, plan.interval)) }
        return plan.readPause == 0 ? RingAppetite() : RingAppetite(packets: 1, pause: plan.readPause)
    }

    mutating func opened() -> [DeviceEffect] {
        guard !isOpen else { return [] }
        isOpen = true
        return [.ready] + again(after: 1000)
    }

    mutating func closed() {
        self = SocketStream(plan, generation: generation + 1)
    }

    private init(_ plan: SocketPlan, generation: UInt64) {
        self.plan = plan
        self.generation = generation
    }

    private mutating func again(after nanoseconds: UInt64) -> [DeviceEffect] {
        guard !isWaking else { return [] }
        isWaking = true
        return [.wake(afterNanoseconds: nanoseconds, token: generation)]
    }

    mutating func receive(_ packet: ChannelPacket) -> [DeviceEffect] {
        guard isOpen, !isFinished else { return [] }
        guard packet.type == .dataInBand, !packet.flags.contains(.completionRequested) else {
            return broken(
                "hvsock-in-band", "PACKET.type", "\(packet.type)",
                "a stream is data in-band that asks for no completion")
        }
        let frame: SocketFrame
        do throws(WireError) {
            frame = try SocketFrame.decode(packet.payload)
        } catch {
            return [.violation(ProtocolViolation(error))]
        }
        guard !peerHasEnded else {
            return broken(
                "hvsock-after-end", "HVSOCK.pipe_length", "\(frame.pipe.length)", "nothing follows the end of a stream")
        }
        received += UInt64(frame.data.count)
        receivedChecksum.add(frame.data)
        if plan.echoes, !hasEnded { echo += frame.data }
        peerHasEnded = frame.isEnd
        return again(after: plan.interval)
    }

    private func broken(_ rule: String, _ place: String, _ value: String, _ explanation: String) -> [DeviceEffect] {
        [.violation(ProtocolViolation(rule: rule, place: place, value: value, explanation: explanation))]
    }

    mutating func wake(token: UInt64, name: String) -> [DeviceEffect] {
        if token == generation | Self.limitBit {
            guard isOpen, !isOver else { return [] }
            // As long as something comes, the other end has not been silent for so long.
            guard received == receivedBefore else { return [limit()] }
            return [.note("\(name): the other end does not close its half")] + end(name) + finish()
        }
        guard token == generation else { return [] }
        isWaking = false
        guard isOpen, !isFinished, !isBlocked else { return [] }
        guard !isOver else { return finish() }
        if hasEnded {
            guard peerHasEnded else { return [] }
            return end(name) + (plan.linger == 0 ? finish() : again(after: plan.linger))
        }
        let bytes = nextBytes()
        if !bytes.isEmpty {
            sent += UInt64(bytes.count)
            sentChecksum.add(bytes)
            return send(bytes) + again(after: plan.interval)
        }
        guard peerHasEnded || !plan.echoes && plan.ending == .afterSending else { return [] }
        hasEnded = true
        return send([]) + again(after: plan.interval) + [limit()]
    }

    private mutating func limit() -> DeviceEffect {
        receivedBefore = received
        return .wake(afterNanoseconds: plan.patience, token: generation | Self.limitBit)
    }

    private mutating func nextBytes() -> [UInt8] {
        let limit = min(max(1, plan.frameByteCount), SocketFrame.maximumByteCount)
        if made < plan.byteCount {
            let end = made + min(UInt64(limit), plan.byteCount - made)
            defer { made = end }
            return (made..<end).map { SocketPlan.byte(at: $0) }
        }
        let bytes = Array(echo.prefix(limit))
        echo.removeFirst(bytes.count)
        return bytes
    }

    private mutating func send(_ bytes: [UInt8]) -> [DeviceEffect] {
        outbound.send(ChannelPacket(payload: SocketFrame(bytes).encoded()), subchannel: 0)
    }

    private mutating func end(_ name: String) -> [DeviceEffect] {
        isOver = true
        func words(_ count: UInt64, _ checksum: StreamChecksum) -> String {
            "\(count) bytes (CRC \(Hexadecimal.prefixed(checksum.value)))"
        }
        return [.note("\(name): sent \(words(sent, sentChecksum)), got \(words(received, receivedChecksum))")]
    }

    private mutating func finish() -> [DeviceEffect] {
        guard !isFinished else { return [] }
        isFinished = true
        return [.finished]
    }

    mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8]) {
        isBlocked = true
        outbound.refused(packet, attachment: attachment, subchannel: 0)
    }

    mutating func writable() -> [DeviceEffect] {
        isBlocked = false
        return outbound.writable(subchannel: 0) + again(after: plan.interval)
    }
}

/// An end of an hv_sock connection as a device: the guest's and the host's differ in their names only.
public protocol SocketEndpoint: DeviceEndpoint {
    /// Both halves of the connection.
    var stream: SocketStream { get set }
    /// How its notes call it.
    static var name: String { get }
}

extension SocketEndpoint {
    public mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        subchannel == 0 ? stream.opened() : []
    }

    public mutating func closed(subchannel: UInt16) -> [DeviceEffect] {
        if subchannel == 0 { stream.closed() }
        return []
    }

    public mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        subchannel == 0 ? stream.receive(packet) : []
    }

    public mutating func wake<Memory: DeviceMemory>(
        token: UInt64, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        stream.wake(token: token, name: Self.name)
    }

    public mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        stream.sendRefused(packet, attachment: attachment)
    }

    public mutating func channelWritable(subchannel: UInt16) -> [DeviceEffect] { stream.writable() }

    public var appetite: RingAppetite { stream.appetite }

    public func spareRingBytes(behind packet: ChannelPacket) -> UInt32 {
        packet.payload.count > PipeHeader.byteCount ? SocketFrame.endRingBytes : 0
    }
}
