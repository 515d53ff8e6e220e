import VMBusDevices
import VMBusWire

/// A packet that went over a channel, as a recording keeps it.
struct RecordedPacket: Hashable {
    var bytes: [UInt8]
    var attachment: [UInt8]
    var direction: Direction
    var subchannel: UInt16
    var record: [UInt8] { bytes + attachment }
}

/// A consumer and a provider over channels that never lose anything, without rings, signals or time of their own.
struct DevicePair<Guest: DeviceEndpoint, Host: DeviceEndpoint> {
    var guest: Guest
    var host: Host
    var memory = FakeMemory()
    var time: UInt64 = 0
    var log: [RecordedPacket] = []
    var guestFrames: [[UInt8]] = []
    var hostFrames: [[UInt8]] = []
    var violations: [ProtocolViolation] = []
    var failures: [String] = []
    var notes: [String] = []
    var utilities: [UtilityEvent] = []
    var readyCount = 0
    var finishedCount = 0
    var offered: UInt16 = 0
    /// What disks were asked, and what asks them at once; nil for nobody.
    var requests: [DiskRequest] = []
    var disk: ((DiskRequest) -> DiskCompletion)?
    var results: [StorageResult] = []
    var diskChanges = 0
    /// Room in each ring, in packets; nil for as many as there come.
    var room: Int?
    /// Wake-ups by who asked, in order of time.
    private var timers: [(time: UInt64, direction: Direction, token: UInt64)] = []
    private var queue: [(RecordedPacket, ChannelPacket)] = []
    private var blocked: Set<UInt16> = []

    init(guest: Guest, host: Host) {
        self.guest = guest
        self.host = host
    }

    mutating func open(_ subchannel: UInt16 = 0) {
        perform(host.opened(subchannel: subchannel, time: time, memory: &memory), from: .hostToGuest)
        perform(guest.opened(subchannel: subchannel, time: time, memory: &memory), from: .guestToHost)
    }

    mutating func perform(_ effects: [DeviceEffect], from direction: Direction) {
        for effect in effects {
            switch effect {
            case .send(let subchannel, let packet, let attachment):
                send(packet, attachment, subchannel, direction)
            case .createBuffer(let purpose, let byteCount):
                let buffer = memory.allocate(byteCount, purpose)
                perform(
                    guest.bufferCreated(purpose: purpose, buffer: buffer, memory: &memory), from: .guestToHost)
            case .destroyBuffer: break
            case .offerSubchannels(let count): offered += count
            case .wake(let after, let token): timers.append((time + after, direction, token))
            case .frame(let frame):
                if direction == .guestToHost { guestFrames.append(frame) } else { hostFrames.append(frame) }
            case .ready: readyCount += 1
            case .disk(let request):
                requests.append(request)
                if let disk { perform(host.completed(disk(request), time: time, memory: &memory), from: .hostToGuest) }
            case .submitted(let result): results.append(result)
            case .disksChanged: diskChanges += 1
            case .plugged, .unplugged: break
            case .interruptMessage(let address, let data):
                let command = DeviceCommand.pci(.interrupted(address: address, data: data))
                perform(guest.perform(command, time: time, memory: &memory) ?? [], from: .guestToHost)
            case .failed(let reason): failures.append(reason)
            case .utility(let event): utilities.append(event)
            case .note(let text): notes.append(text)
            case .finished: finishedCount += 1
            case .violation(let violation): violations.append(violation)
            }
        }
    }

    private mutating func send(
        _ packet: ChannelPacket, _ attachment: [UInt8], _ subchannel: UInt16, _ direction: Direction
    ) {
        let key = subchannel << 1 | (direction == .guestToHost ? 1 : 0)
        let used = queue.filter { $0.0.subchannel == subchannel && $0.0.direction == direction }.count
        if blocked.contains(key) || room.map({ used >= $0 }) == true {
            blocked.insert(key)
            if direction == .guestToHost {
                guest.sendRefused(packet, attachment: attachment, subchannel: subchannel)
            } else {
                host.sendRefused(packet, attachment: attachment, subchannel: subchannel)
            }
            return
        }
        let record = RecordedPacket(
            bytes: packet.encoded ?? [], attachment: attachment, direction: direction, subchannel: subchannel)
        queue.append((record, packet))
    }

    /// Delivers the oldest packet. False when there is none.
    mutating func deliver() -> Bool {
        guard !queue.isEmpty else { return false }
        let (record, _) = queue.removeFirst()
        log.append(record)
        guard let packet = try? ChannelPacket.decode(record.bytes[...]) else { return true }
        if record.direction == .guestToHost {
            let attachment = host.attachment(of: packet, memory: memory)
            perform(
                host.receive(
                    packet, attachment: attachment, subchannel: record.subchannel, time: time, memory: &memory),
                from: .hostToGuest)
        } else {
            let attachment = guest.attachment(of: packet, memory: memory)
            perform(
                guest.receive(
                    packet, attachment: attachment, subchannel: record.subchannel, time: time, memory: &memory),
                from: .guestToHost)
        }
        let key = record.subchannel << 1 | (record.direction == .guestToHost ? 1 : 0)
        if blocked.remove(key) != nil {
            if record.direction == .guestToHost {
                perform(guest.channelWritable(subchannel: record.subchannel), from: .guestToHost)
            } else {
                perform(host.channelWritable(subchannel: record.subchannel), from: .hostToGuest)
            }
        }
        return true
    }

    /// Delivers until nothing moves, opening sub-channels as they are offered. At most `limit` packets.
    mutating func settle(limit: Int = 10_000) {
        var opened: UInt16 = 0
        for _ in 0..<limit {
            if deliver() { continue }
            guard offered > opened else { return }
            opened += 1
            open(opened)
            if opened == offered { (offered, opened) = (0, 0) }
        }
    }

    /// Lets the next timer run out.
    mutating func tick() {
        guard let index = timers.indices.min(by: { timers[$0].time < timers[$1].time }) else { return }
        let timer = timers.remove(at: index)
        time = timer.time
        if timer.direction == .guestToHost {
            perform(guest.wake(token: timer.token, time: time, memory: &memory), from: .guestToHost)
        } else {
            perform(host.wake(token: timer.token, time: time, memory: &memory), from: .hostToGuest)
        }
    }

    /// A packet that the endpoint on the other side did not write.
    mutating func inject(_ packet: ChannelPacket, attachment: [UInt8]? = nil, from direction: Direction, on: UInt16 = 0)
    {
        if direction == .guestToHost {
            let read = attachment ?? host.attachment(of: packet, memory: memory)
            perform(
                host.receive(packet, attachment: read, subchannel: on, time: time, memory: &memory), from: .hostToGuest)
        } else {
            let read = attachment ?? guest.attachment(of: packet, memory: memory)
            perform(
                guest.receive(packet, attachment: read, subchannel: on, time: time, memory: &memory),
                from: .guestToHost)
        }
    }
}

typealias NetworkPair = DevicePair<NetworkConsumer, NetworkProvider>
typealias HeartbeatPair = DevicePair<HeartbeatConsumer, HeartbeatProvider>

extension DevicePair where Guest == NetworkConsumer, Host == NetworkProvider {
    /// A network adapter that has not been opened.
    static func network(
        guestVersion: NVSP.Version = .version61, hostVersion: NVSP.Version = .version61, channels: Int = 4,
        mtu: Int = 1500, change: (inout NetworkProvider.Configuration) -> Void = { _ in }
    ) -> NetworkPair {
        var configuration = NetworkConsumer.Configuration()
        configuration.maximumVersion = guestVersion
        configuration.channels = channels
        configuration.mtu = mtu
        var provider = NetworkProvider.Configuration(address: Frames.guest)
        provider.maximumVersion = hostVersion
        provider.mtu = mtu
        change(&provider)
        return NetworkPair(
            guest: NetworkConsumer(configuration: configuration), host: NetworkProvider(configuration: provider))
    }

    mutating func transmit(_ frame: [UInt8]) {
        perform(guest.transmit(frame: frame, memory: &memory), from: .guestToHost)
    }

    mutating func deliver(_ frame: [UInt8]) {
        perform(host.transmit(frame: frame, memory: &memory), from: .hostToGuest)
    }
}

/// Frames as guests send them.
enum Frames {
    static let guest: [UInt8] = [0x00, 0x15, 0x5D, 0x00, 0x01, 0x01]
    static let other: [UInt8] = [0x00, 0x15, 0x5D, 0x00, 0x01, 0x02]

    /// An ICMP echo request or reply of `size` bytes in all.
    static func echo(
        _ sequence: UInt16, size: Int = 98, isReply: Bool = false, to target: [UInt8] = other,
        from source: [UInt8] = guest
    ) -> [UInt8] {
        var frame = target + source + [0x08, 0x00]
        let length = UInt16(size - 14)
        frame += [0x45, 0, UInt8(length >> 8), UInt8(length & 0xFF), 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
        frame += [isReply ? 0 : 8, 0, 0, 0, 0, 1, UInt8(sequence >> 8), UInt8(sequence & 0xFF)]
        frame += (0..<max(0, size - frame.count)).map { UInt8(truncatingIfNeeded: $0) }
        return frame
    }

    /// The start of a TCP connection from `port`.
    static func connect(port: UInt16, to target: [UInt8] = other, from source: [UInt8] = guest) -> [UInt8] {
        var frame = target + source + [0x08, 0x00]
        frame += [0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
        frame += [UInt8(port >> 8), UInt8(port & 0xFF), 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x02, 0, 0, 0, 0, 0, 0]
        return frame
    }

    static let arp: [UInt8] =
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF] + guest + [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1] + guest
        + [10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2]
}
