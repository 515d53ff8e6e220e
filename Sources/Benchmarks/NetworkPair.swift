import Platform
import VMBusDevices
import VMBusPartitions
import VMBusRing
import VMBusWire

/// Both ends of a network adapter in one process: machines, real rings, shared buffers, and no clock.
struct NetworkPair {
    private static let ringPages = 128
    /// Frames that go before anybody looks at the rings.
    static let batch = 32

    private var memory = MappedWindows()
    private var guest: OpenedDevice<NetworkConsumer>
    private var host: OpenedDevice<NetworkProvider>
    private var nextPage = 0
    private let pageCount: Int
    private var isReady = false
    private var broken: String?
    /// Whether the host sends every frame back.
    var isEcho = false
    /// Frames that arrived, and something of each, so that none can be left out.
    private(set) var arrived = 0
    private(set) var sum: UInt64 = 0

    /// A pair that has finished its start-up.
    init() throws(BenchmarkFailure) {
        var consumer = NetworkConsumer.Configuration()
        consumer.channels = 1
        consumer.receiveBufferSize = 1 << 20
        consumer.sendBufferSize = 1 << 20
        consumer.copyLimit = 2048
        consumer.frameSlots = 64
        var provider = NetworkProvider.Configuration(address: [0x02, 0, 0, 0, 0, 0x02])
        provider.maximumChannels = 1
        guest = OpenedDevice(NetworkConsumer(configuration: consumer))
        host = OpenedDevice(NetworkProvider(configuration: provider))
        pageCount = 2 * Self.ringPages + 1024
        do {
            let file = try OwnedDescriptor.memoryFile("network", byteCount: UInt64(pageCount) * 4096)
            let mapping = try SharedMapping(file, offset: 0, byteCount: pageCount * 4096)
            memory.add(at: 0, base: mapping.base, byteCount: mapping.byteCount, owner: mapping)
            let up = try RingPages(take(Self.ringPages) ?? [])
            let down = try RingPages(take(Self.ringPages) ?? [])
            _ = OpenedDevice<NetworkConsumer>.prepare(up, &memory)
            _ = OpenedDevice<NetworkConsumer>.prepare(down, &memory)
            _ = host.open(subchannel: 0, outgoing: down, incoming: up, time: 0, memory: &memory)
            perform(guest.open(subchannel: 0, outgoing: up, incoming: down, time: 0, memory: &memory))
        } catch {
            throw BenchmarkFailure(description: "\(error)")
        }
        for _ in 0..<100 where !isReady { pump() }
        try check()
        guard isReady else { throw BenchmarkFailure(description: "the adapter did not start") }
    }

    /// Fails if anybody broke a rule or lost a frame.
    func check() throws(BenchmarkFailure) {
        if let broken { throw BenchmarkFailure(description: broken) }
    }

    /// Sends frames from the guest, or to it.
    mutating func send(_ frame: [UInt8], count: Int, toHost: Bool) {
        for first in stride(from: 0, to: count, by: Self.batch) {
            for _ in first..<min(count, first + Self.batch) {
                if toHost {
                    perform(guest.transmit(frame: frame, memory: &memory))
                } else {
                    answer(host.transmit(frame: frame, memory: &memory))
                }
            }
            pump()
        }
    }

    /// Lets both ends work until neither has anything to do.
    private mutating func pump() {
        while true {
            let atHost = host.visit(subchannel: 0, time: 0, memory: &memory)
            answer(atHost.effects)
            let atGuest = guest.visit(subchannel: 0, time: 0, memory: &memory)
            perform(atGuest.effects)
            if atHost.packetCount == 0, atGuest.packetCount == 0 { return }
        }
    }

    private mutating func take(_ count: Int) -> [UInt64]? {
        guard nextPage + count <= pageCount else { return nil }
        defer { nextPage += count }
        return (nextPage..<nextPage + count).map { UInt64($0) }
    }

    private mutating func count(_ frame: [UInt8]) {
        arrived += 1
        sum &+= UInt64(frame.last ?? 0)
    }

    /// What the guest's end wants.
    private mutating func perform(_ effects: [OpenedDevice<NetworkConsumer>.Effect]) {
        for effect in effects {
            switch effect {
            case .device(.frame(let frame)): count(frame)
            case .device(.ready): isReady = true
            case .device(.createBuffer(let purpose, let byteCount)):
                let handle = purpose.rawValue
                let buffer = take((byteCount + 4095) / 4096).map {
                    GuestBuffer(gpadl: handle, byteCount: $0.count * 4096, pages: $0)
                }
                if let buffer {
                    guest.share(gpadl: handle, pages: buffer.pages)
                    host.share(gpadl: handle, pages: buffer.pages)
                }
                perform(guest.bufferCreated(purpose: purpose, buffer: buffer, memory: &memory))
            case .device(.violation(let violation)): broken = "\(violation)"
            case .device(.failed(let reason)): broken = reason
            case .signal, .device: break
            }
        }
    }

    /// What the host's end wants.
    private mutating func answer(_ effects: [OpenedDevice<NetworkProvider>.Effect]) {
        for effect in effects {
            switch effect {
            case .device(.frame(let frame)):
                if isEcho { answer(host.transmit(frame: frame, memory: &memory)) } else { count(frame) }
            case .device(.violation(let violation)): broken = "\(violation)"
            case .signal, .device: break
            }
        }
    }
}
