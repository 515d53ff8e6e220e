public import VMBusDevices
public import VMBusRing
import VMBusWire

/// One end of a device whose channels somebody else opens and closes: its machine, its rings and what it shares, without the
/// connection. A kernel that hands a device to a program through `/dev/uioN` leaves both sides with just that.
///
/// It is the host's end with a provider and the guest's with a consumer. What it wants done comes back as effects, in order.
public struct OpenedDevice<Endpoint: DeviceEndpoint>: Sendable {
    /// What the device wants done by whoever runs it.
    public typealias Effect = OpenedDeviceEffect
    /// What one visit of a channel came to.
    public typealias Visit = OpenedDeviceVisit

    /// The device's machine.
    public private(set) var endpoint: Endpoint
    private var lists: [SharedPages] = []
    private let settings: RingSettings
    /// By number of the sub-channel, the primary first.
    private var ports: [ChannelPort?] = []
    /// Whether packets are kept for somebody who shows them.
    public var keepsPackets = false
    private var kept: [OpenedDevicePacket] = []

    /// A device without channels.
    public init(_ endpoint: Endpoint, _ settings: RingSettings = RingSettings()) {
        self.endpoint = endpoint
        self.settings = settings
    }

    /// The guest shares pages with the host, which both know by a number.
    public mutating func share(gpadl: UInt32, pages: [UInt64]) {
        lists.append(SharedPages(handle: gpadl, pages: pages))
    }

    /// Writes the control words of a fresh ring, as a guest does before it opens a channel; false where a page is not there.
    public static func prepare<Memory: PhysicalMemory>(_ pages: RingPages, _ memory: inout Memory) -> Bool {
        ChannelPort.prepare(pages, &memory)
    }

    /// Sub-channels that are open, the primary (0) first.
    public var openChannels: [UInt16] { ports.indices.filter { ports[$0] != nil }.map { UInt16($0) } }

    /// Whether a channel is open and a packet waits for room in its ring.
    public func isBlocked(subchannel: UInt16) -> Bool { port(subchannel)?.isBlocked ?? false }

    /// Whether any channel waits for room.
    public var isBlocked: Bool { ports.contains { $0?.isBlocked == true } }

    /// A channel has been opened on fresh rings.
    public mutating func open<Memory: PhysicalMemory>(
        subchannel: UInt16, outgoing: RingPages, incoming: RingPages, time: UInt64, memory: inout Memory
    ) -> [Effect] {
        while ports.count <= Int(subchannel) { ports.append(nil) }
        ports[Int(subchannel)] = ChannelPort(outgoing: outgoing, incoming: incoming, settings)
        return act(&memory) { $0.opened(subchannel: subchannel, time: time, memory: &$1) }
    }

    /// A channel is closed.
    public mutating func close<Memory: PhysicalMemory>(subchannel: UInt16, memory: inout Memory) -> [Effect] {
        guard port(subchannel) != nil else { return [] }
        ports[Int(subchannel)] = nil
        return act(&memory) { end, _ in end.closed(subchannel: subchannel) }
    }

    /// Whether packets of the other side wait in a channel, or its ring cannot be read, which a visit tells.
    public func hasPackets<Memory: PhysicalMemory>(subchannel: UInt16, memory: inout Memory) -> Bool {
        port(subchannel)?.hasPackets(&memory) ?? false
    }

    /// Takes packets out of a channel's ring, and tries again what did not fit the other one.
    ///
    /// A ring that is damaged is not looked at again until it is opened anew.
    ///
    /// - Parameter look: sees each packet before the device does, and may change it.
    public mutating func visit<Memory: PhysicalMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory, look: (inout ChannelPacket) -> Void = { _ in }
    ) -> Visit {
        var visit = Visit()
        guard var port = port(subchannel) else { return visit }
        let drained: ChannelPort.Drained
        do throws(ProtocolViolation) {
            drained = try port.drain(&memory, limit: endpoint.appetite.packets)
        } catch {
            ports[Int(subchannel)] = nil
            visit.effects.append(.device(.violation(error)))
            return visit
        }
        ports[Int(subchannel)] = port
        if drained.signal { visit.effects.append(.signal(subchannel: subchannel)) }
        visit.effects += drained.violations.map { .device(.violation($0)) }
        visit.packetCount = drained.packets.count
        visit.hasMore = drained.hasMore
        for (packet, _) in drained.packets {
            var packet = packet
            look(&packet)
            let (keeps, place) = (keepsPackets, kept.count)
            if keeps { keep(packet, subchannel: subchannel, isSent: false) }
            var carried: [UInt8] = []
            defer { if keeps { kept[place].attachment = carried } }
            act(&memory, &visit.effects) { end, memory in
                let attachment = end.attachment(of: packet, memory: memory)
                if keeps { carried = attachment }
                return end.receive(
                    packet, attachment: attachment, subchannel: subchannel, time: time, memory: &memory)
            }
        }
        if port.isBlocked { visit.effects += tryAgain(subchannel: subchannel, memory: &memory) }
        return visit
    }

    /// There may be room in a channel's ring: what waits is sent.
    public mutating func tryAgain<Memory: PhysicalMemory>(
        subchannel: UInt16, memory: inout Memory
    ) -> [Effect] {
        guard isBlocked(subchannel: subchannel) else { return [] }
        ports[Int(subchannel)]?.unblock()
        return act(&memory) { end, _ in end.channelWritable(subchannel: subchannel) }
    }

    /// What waits is sent if there is room now, for a device that is not signalled when there is.
    public mutating func tryAgainIfRoom<Memory: PhysicalMemory>(
        subchannel: UInt16, memory: inout Memory
    ) -> [Effect] {
        guard port(subchannel)?.hasRoom(&memory) == true else { return [] }
        return tryAgain(subchannel: subchannel, memory: &memory)
    }

    /// A frame for the device, from the switch or from the guest's stack.
    public mutating func transmit<Memory: PhysicalMemory>(frame: [UInt8], memory: inout Memory) -> [Effect] {
        act(&memory) { $0.transmit(frame: frame, memory: &$1) }
    }

    /// Frames that are ready together, so that short ones may share a packet.
    public mutating func transmit<Memory: PhysicalMemory>(frames: [[UInt8]], memory: inout Memory) -> [Effect] {
        act(&memory) { $0.transmit(frames: frames, memory: &$1) }
    }

    /// A buffer that was asked for stands, or could not be had.
    public mutating func bufferCreated<Memory: PhysicalMemory>(
        purpose: BufferPurpose, buffer: GuestBuffer?, memory: inout Memory
    ) -> [Effect] {
        act(&memory) { $0.bufferCreated(purpose: purpose, buffer: buffer, memory: &$1) }
    }

    /// Time that was asked for has passed.
    public mutating func wake<Memory: PhysicalMemory>(token: UInt64, time: UInt64, memory: inout Memory) -> [Effect] {
        act(&memory) { $0.wake(token: token, time: time, memory: &$1) }
    }

    /// Something is asked of the device; nil when it does not know such a command.
    public mutating func perform<Memory: PhysicalMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [Effect]? {
        var isKnown = false
        let effects = act(&memory) { end, memory in
            let effects = end.perform(command, time: time, memory: &memory)
            isKnown = effects != nil
            return effects ?? []
        }
        return isKnown ? effects : nil
    }

    /// The packets of both ways since the last call, in order, for somebody who shows them.
    public mutating func takePackets() -> [OpenedDevicePacket] {
        defer { kept = [] }
        return kept
    }

    private mutating func keep(
        _ packet: ChannelPacket, subchannel: UInt16, isSent: Bool, _ attachment: [UInt8] = []
    ) {
        kept.append(
            OpenedDevicePacket(subchannel: subchannel, isSent: isSent, packet: packet, attachment: attachment))
    }

    private func port(_ subchannel: UInt16) -> ChannelPort? {
        ports.indices.contains(Int(subchannel)) ? ports[Int(subchannel)] : nil
    }

    private mutating func act<Memory: PhysicalMemory>(
        _ memory: inout Memory, _ body: (inout Endpoint, inout SharedMemory<Memory>) -> [DeviceEffect]
    ) -> [Effect] {
        var results: [Effect] = []
        act(&memory, &results, body)
        return results
    }

    private mutating func act<Memory: PhysicalMemory>(
        _ memory: inout Memory, _ results: inout [Effect],
        _ body: (inout Endpoint, inout SharedMemory<Memory>) -> [DeviceEffect]
    ) {
        var lent = SharedMemory(memory: Memory.detached, lists: lists)
        swap(&memory, &lent.memory)
        let effects = body(&endpoint, &lent)
        swap(&memory, &lent.memory)
        for effect in effects {
            guard case .send(let subchannel, let packet, let attachment) = effect else {
                results.append(.device(effect))
                continue
            }
            guard ports.indices.contains(Int(subchannel)) else { continue }
            do throws(ProtocolViolation) {
                switch try ports[Int(subchannel)]?.send(packet, spare: endpoint.spareRingBytes(behind: packet), &memory)
                {
                case .written(let isSignalled):
                    if keepsPackets { keep(packet, subchannel: subchannel, isSent: true, attachment) }
                    if isSignalled { results.append(.signal(subchannel: subchannel)) }
                case .refused: endpoint.sendRefused(packet, attachment: attachment, subchannel: subchannel)
                case nil: break
                }
            } catch {
                ports[Int(subchannel)] = nil
                results.append(.device(.violation(error)))
            }
        }
    }
}

/// What an opened device wants done. It is the same for all devices, so that lists of it are not made for each kind anew.
public enum OpenedDeviceEffect: Sendable, Hashable {
    /// Signal the other end of a channel.
    case signal(subchannel: UInt16)
    /// Anything else that a device asks for; never a packet to send.
    case device(DeviceEffect)
}

/// What one visit of a channel of an opened device came to.
public struct OpenedDeviceVisit {
    /// What is to be done.
    public var effects: [OpenedDeviceEffect] = []
    /// Packets that came.
    public var packetCount = 0
    /// More is waiting than one visit takes: come again, nobody will signal.
    public var hasMore = false
}

/// A packet that went through a channel of an opened device.
public struct OpenedDevicePacket: Sendable, Hashable {
    /// 0 for the primary.
    public let subchannel: UInt16
    /// Whether this end sent it.
    public let isSent: Bool
    /// The packet.
    public let packet: ChannelPacket
    /// The bytes that it points to.
    public fileprivate(set) var attachment: [UInt8]
}
