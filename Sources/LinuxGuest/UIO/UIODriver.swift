public import BusModel
public import Platform
public import VMBusDevices
import VMBusPartitions
import VMBusRing
public import VMBusWire

/// Drives a device through its node, with any consumer: the guest's end of the device in user space.
///
/// The kernel, or what stands for it, has connected and opened the channel. It sleeps until an interrupt whenever nothing is
/// to be done, with the mask taken back and the ring looked at once more before (reference §9, 6).
public struct UIODriver<Endpoint: DeviceEndpoint>: ~Copyable {
    /// What a consumer came to.
    public enum Event: Sendable, Hashable {
        /// The device works.
        case ready
        /// A frame came.
        case frame([UInt8])
        /// The device cannot work; why.
        case failed(reason: String)
        /// What came of something, in one sentence.
        case note(String)
        /// An integration component has learned or wants something.
        case utility(UtilityEvent)
        /// The host broke a rule.
        case violation(ProtocolViolation)
        /// The device is gone.
        case gone
    }

    private typealias Device = OpenedDevice<Endpoint>

    private struct Channel {
        let relid: UInt32
        let monitorID: UInt32?
    }

    private let place: UIOPlace
    private let node: UIONode
    private var device: Device
    private var memory: MappedWindows
    private var channels: [UInt16: Channel]
    private var loop: PollLoop<Void>
    private var timers: [(due: UInt64, token: UInt64)]
    private var events: [Event]
    private var lastSearch: UInt64
    /// When a channel was opened last.
    private var lastChannel: UInt64
    private var records: UIOPacketRecords?
    /// Whether the kernel is not asked for a signal as long as sub-channels come, and whether it has to be then.
    private var holding: (isOn: Bool, isOwed: Bool)

    /// The consumer.
    public var endpoint: Endpoint { device.endpoint }
    /// Channels that are open.
    public var channelCount: Int { device.openChannels.count }
    /// How often the host was signalled.
    public private(set) var signals: Int
    /// How often this end slept until an interrupt.
    public private(set) var sleeps: Int

    /// Opens the node and starts the consumer.
    ///
    /// - Parameter records: what keeps every packet as a record of the log; nil to keep none.
    public init(_ endpoint: Endpoint, at place: UIOPlace, records: UIOPacketRecords? = nil) throws(SystemError) {
        let node = try UIONode(place)
        try node.control(1)
        node.waitForFreshRings()
        var device = Device(endpoint)
        device.keepsPackets = records != nil
        var memory = MappedWindows()
        for (number, map) in node.maps.enumerated() {
            memory.add(
                at: Self.address(number), base: map.memory.base, byteCount: map.memory.byteCount, owner: map.memory)
            if let gpadl = map.gpadl {
                device.share(gpadl: gpadl, pages: Self.pages(Self.address(number), map.memory.byteCount))
            }
        }
        let ringBytes = node.maps.first?.memory.byteCount ?? 0
        let relid = Self.number("\(place.sysfs)/id") ?? 0
        var loop = PollLoop<Void>()
        loop.add(node.fileDescriptor, token: ())
        self.place = place
        self.node = node
        self.device = device
        self.memory = memory
        self.loop = loop
        channels = [0: Channel(relid: relid, monitorID: Self.number("\(place.sysfs)/monitor_id"))]
        (timers, events) = ([], [])
        (lastSearch, lastChannel, signals, sleeps) = (0, MonotonicClock.now(), 0, 0)
        self.records = records
        holding = (false, false)
        open(0, Self.address(0), ringBytes)
    }

    /// Maps lie where no program's memory does.
    private static func address(_ map: Int) -> UInt64 { 1 << 63 + UInt64(map) << 40 }

    private static func pages(_ address: UInt64, _ byteCount: Int) -> [UInt64] {
        (0..<UInt64(byteCount / 4096)).map { address >> 12 + $0 }
    }

    private static func number(_ path: String) -> UInt32? {
        (try? SystemFiles().read(path, limit: 64)).flatMap { try? AttributeText.unsigned($0) }
    }

    private mutating func open(_ subchannel: UInt16, _ address: UInt64, _ byteCount: Int) {
        let pages = Self.pages(address, byteCount)
        guard let outgoing = try? RingPages(pages[..<(pages.count / 2)]),
            let incoming = try? RingPages(pages[(pages.count / 2)...])
        else { return }
        perform(
            device.open(
                subchannel: subchannel, outgoing: outgoing, incoming: incoming, time: MonotonicClock.now(),
                memory: &memory))
    }

    /// A frame of this end's own, for a network.
    public mutating func transmit(frame: [UInt8]) { perform(device.transmit(frame: frame, memory: &memory)) }

    /// Frames of this end's own that are ready together.
    public mutating func transmit(frames: [[UInt8]]) { perform(device.transmit(frames: frames, memory: &memory)) }

    /// The records of every packet since the last call.
    public mutating func takeRecords() -> FlowBatch { records?.take() ?? FlowBatch() }

    /// Does all that can be done now; sleeps when that is nothing, but not for longer than `patience`.
    /// - Returns: what it came to, in order.
    public mutating func run(patience: Duration) throws(SystemError) -> [Event] {
        let isBusy = visit()
        wakeDue()
        findSubchannels()
        if holding.isOwed, !device.endpoint.awaitsSubchannels { try askForSignal() }
        if !isBusy, events.isEmpty {
            sleeps += 1
            for _ in try loop.wait(timeout: untilNextTimer(patience)) where try !node.takeInterrupts() {
                loop.remove(node.fileDescriptor)
                events.append(.gone)
            }
            _ = visit()
        }
        defer { events = [] }
        return events
    }

    private mutating func visit() -> Bool {
        var isBusy = false
        for subchannel in device.openChannels {
            let visit = device.visit(subchannel: subchannel, time: MonotonicClock.now(), memory: &memory)
            isBusy = isBusy || visit.packetCount > 0
            perform(visit.effects)
        }
        return isBusy
    }

    private mutating func wakeDue() {
        let now = MonotonicClock.now()
        while let index = timers.firstIndex(where: { $0.due <= now }) {
            let timer = timers.remove(at: index)
            perform(device.wake(token: timer.token, time: now, memory: &memory))
        }
    }

    private func untilNextTimer(_ patience: Duration) -> Duration {
        // Sub-channels appear without an interrupt.
        let longest = min(patience, .milliseconds(100))
        guard let next = timers.map(\.due).min() else { return longest }
        let now = MonotonicClock.now()
        return min(longest, .nanoseconds(next > now ? next - now : 0))
    }

    /// Looks for sub-channels whose rings have come. The kernel tells nobody of them.
    private mutating func findSubchannels() {
        let now = MonotonicClock.now()
        // They come soon after the device has come up, or when it has asked for them.
        let isYoung = now &- lastChannel < 2_000_000_000
        guard now &- lastSearch > (isYoung ? 5_000_000 : 200_000_000) else { return }
        lastSearch = now
        let directory = "\(place.sysfs)/channels"
        for name in (try? SystemFiles().names(in: directory)) ?? [] {
            guard let relid = UInt32(name), !channels.values.contains(where: { $0.relid == relid }),
                let number = Self.number("\(directory)/\(name)/subchannel_id"), number > 0,
                let subchannel = UInt16(exactly: number), channels[subchannel] == nil,
                let rings = try? UIONode.wholeFile("\(directory)/\(name)/ring")
            else { continue }
            channels[subchannel] = Channel(relid: relid, monitorID: Self.number("\(directory)/\(name)/monitor_id"))
            let address = Self.address(16 + Int(subchannel))
            memory.add(at: address, base: rings.base, byteCount: rings.byteCount, owner: rings)
            open(subchannel, address, rings.byteCount)
            lastChannel = now
        }
    }

    private mutating func perform(_ effects: [Device.Effect]) {
        if records != nil {
            for packet in device.takePackets() {
                records?.append(packet, relid: channels[packet.subchannel]?.relid ?? 0, at: MonotonicClock.now())
            }
        }
        for effect in effects {
            switch effect {
            case .signal(let subchannel): signal(subchannel)
            case .device(.createBuffer(let purpose, let byteCount)): create(purpose, byteCount)
            case .device(.wake(let after, let token)): timers.append((MonotonicClock.now() &+ after, token))
            case .device(.frame(let frame)): events.append(.frame(frame))
            case .device(.ready): events.append(.ready)
            case .device(.failed(let reason)): events.append(.failed(reason: reason))
            case .device(.note(let text)): events.append(.note(text))
            case .device(.utility(let event)): events.append(.utility(event))
            case .device(.violation(let violation)): events.append(.violation(violation))
            case .device: break
            }
        }
    }

    /// A program can make no hypercall: it sets the channel's bit, and asks the kernel where nobody looks at the bits.
    private mutating func signal(_ subchannel: UInt16) {
        signals += 1
        guard let channel = channels[subchannel] else { return }
        if let monitorID = channel.monitorID, monitorID < 128 {
            _ = try? memory.setBits(1 << (monitorID % 32), at: Self.address(2) + 8 + UInt64(monitorID / 32) * 8)
            return
        }
        let place = InterruptPage.place(of: channel.relid)
        _ = try? memory.setBits(1 << place.bit, at: Self.address(1) + InterruptPage.sendHalf + place.offset)
        if !node.hostSeesMemory { try? askForSignal() }
    }

    /// Linux 6.12 clears the mask of every sub-channel on a write to the node, also of one that it has not opened yet and that
    /// has no ring: it crashes. So nothing is written between the request for sub-channels, which the host has to hear, and the
    /// moment when all are open. The request's own write is made on the processor on which the kernel takes offers up, so that
    /// it is over before the host's answer becomes a sub-channel.
    private mutating func askForSignal() throws(SystemError) {
        let isAwaiting = device.endpoint.awaitsSubchannels
        guard !isAwaiting || !holding.isOn else {
            holding.isOwed = true
            return
        }
        holding = (isAwaiting, false)
        guard isAwaiting, let usual = try? ProcessorSet.ofThisThread() else { return try node.control(1) }
        // Where it must not run there, the write is made all the same.
        try? ProcessorSet(only: Self.offerProcessor).keepThisThread()
        defer { try? usual.keepThisThread() }
        try node.control(1)
    }

    /// VMBUS_CONNECT_CPU of Linux (drivers/hv/hyperv_vmbus.h), on which offers are taken up.
    private static var offerProcessor: Int { 0 }

    /// The kernel has made the shared buffers; pages that packets point to are this program's own, where the host can see them.
    private mutating func create(_ purpose: BufferPurpose, _ byteCount: Int) {
        var buffer: GuestBuffer?
        switch purpose {
        case .receive, .send:
            let number = purpose == .receive ? 3 : 4
            if node.maps.indices.contains(number), let gpadl = node.maps[number].gpadl {
                let size = node.maps[number].memory.byteCount
                buffer = GuestBuffer(gpadl: gpadl, byteCount: size, pages: Self.pages(Self.address(number), size))
            }
        case .frame, .blocks, .window, .screen:
            let rounded = (byteCount + 4095) / 4096 * 4096
            if node.hostSeesMemory, let file = try? OwnedDescriptor.memoryFile("frames", byteCount: UInt64(rounded)),
                let pages = try? SharedMapping(file, offset: 0, byteCount: rounded)
            {
                let address = UInt64(UInt(bitPattern: pages.base))
                memory.add(at: address, base: pages.base, byteCount: rounded, owner: pages)
                buffer = GuestBuffer(gpadl: 0, byteCount: rounded, pages: Self.pages(address, rounded))
            } else if !node.hostSeesMemory, purpose == .frame {
                // A program does not know where its pages really are: frames go through the send buffer alone.
                buffer = GuestBuffer(gpadl: 0, byteCount: 0, pages: [])
            }
        }
        perform(device.bufferCreated(purpose: purpose, buffer: buffer, memory: &memory))
    }
}
