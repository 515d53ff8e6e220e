import BusModel
import Configuration
import Testing
import VMBusEngine
import VMBusPartitions
import VMBusRing
import VMBusWire

@testable import VMMBridge

enum TestScenario {
    static func guest(_ devices: String) throws -> GuestConfiguration {
        try #require(scenario(devices).guests.first)
    }

    static func scenario(_ devices: String) throws -> Scenario {
        let text = """
            name = "test"
            [[guest]]
            name = "guest"
            version = "6.0"
            processors = 2
            memory_mib = 4
            \(devices)
            """
        return try Scenario(ConfigurationDocument(parsing: Array(text.utf8), file: "test.toml"))
    }

    static let heartbeat = "[[guest.device]]\nkind = \"heartbeat\""
    static let monitoredNetwork = """
        [[guest.device]]
        kind = "network"
        monitored = true
        ping = ["10.0.0.9"]
        ping_interval = "5ms"
        """
}

/// A monitor and our own guest in one, in front of a session: frames cross by function call, both ends share real mapped
/// memory, and the clock is virtual.
struct BridgedGuest: ~Copyable {
    static let messagePage: UInt64 = 4 * 4096
    static let eventFlagsPage: UInt64 = 5 * 4096
    /// Nanoseconds that a disk takes for a request.
    static let diskTime: UInt64 = 40_000

    let configuration: GuestConfiguration
    let mode: InterruptMode
    let file: SharedFile
    let memory: GuestMemory
    let meter = Meter()
    var session: BridgeSession<MeteredMemory>
    var guest: GuestPartition
    var time: UInt64 = 0
    var records = FlowBatch()
    /// Hypercalls that were answered, by status.
    var statuses: [HypercallStatus] = []
    private var timers: [(due: UInt64, token: WakeToken)] = []
    private var sequence: UInt64 = 0
    /// What the host has asked for and the guest has not yet noticed.
    private var noticed: [HostFrame] = []

    init(_ configuration: GuestConfiguration, events: [ScenarioEvent] = [], mode: InterruptMode) throws {
        let file = try SharedFile(pages: Int(configuration.memoryPages))
        memory = try file.memory()
        self.file = consume file
        self.configuration = configuration
        self.mode = mode
        session = BridgeSession(configuration, events: events, mode: mode, time: 0)
        guest = GuestPartition(configuration)
        let hello = Hello(processors: configuration.processors, regions: [self.file.region])
        session.show(MeteredMemory(base: memory, meter: meter), hello, at: 0)
    }

    /// The records with this name of a kind.
    func count(_ kind: FlowKind, code: UInt32? = nil, _ direction: Direction? = nil) -> Int {
        records.headers.count {
            $0.kind == kind && (code == nil || $0.code == code) && (direction == nil || $0.direction == direction)
        }
    }

    /// What notes and faults say.
    func texts(_ kind: FlowKind) -> [String] {
        records.headers.filter { $0.kind == kind }.map { String(decoding: records.payload(of: $0), as: UTF8.self) }
    }

    // MARK: The machine

    /// Switches the guest on.
    mutating func boot() throws {
        try memory.clearAll(byteCount: file.byteCount)
        guest = GuestPartition(configuration)
        timers = []
        for vp in 0..<configuration.processors {
            let offset = UInt64(vp) * 2 * 4096
            try exchange(
                .register(RegisterWrite(vp: vp, register: .messagePage, value: (Self.messagePage + offset) | 1)))
            try exchange(
                .register(RegisterWrite(vp: vp, register: .eventFlagsPage, value: (Self.eventFlagsPage + offset) | 1)))
            try exchange(.register(RegisterWrite(vp: vp, register: .control, value: 1)))
        }
        try act { $0.boot(&$1) }
    }

    /// Lets the guest act, and all that follows from it at once.
    mutating func act(
        _ body: (inout GuestPartition, inout PartitionActivity<GuestMemory>) -> Void
    ) throws {
        try visitGuest(body)
        try settle()
    }

    private mutating func visitGuest(
        _ body: (inout GuestPartition, inout PartitionActivity<GuestMemory>) -> Void
    ) throws {
        var activity = PartitionActivity(memory: memory, time: time)
        body(&guest, &activity)
        for effect in activity.effects {
            switch effect {
            case .post(let bytes, let connectionID):
                let before = statuses.count
                let message = PostedMessage(processor: 0, connectionID: connectionID, payload: bytes)
                sequence += 1
                try exchange(.postMessage(message, sequence: sequence))
                try #require(statuses.count == before + 1)
                if statuses.last != .success {
                    let refused = GuestPost(bytes: bytes, connectionID: connectionID)
                    try visitGuest { $0.postRefused(.invalidConnectionID, [refused], &$1) }
                }
            case .signal(let place, let connectionID):
                if connectionID == ConnectionID.event, let bit = ChannelBit.sendHalf(place.relid) {
                    let word = GuestPartition.interruptPageAddress + UInt64(bit.byte & ~3)
                    _ = try activity.memory.setBits(1 << UInt32(bit.byte % 4 * 8 + bit.bit), at: word)
                }
                sequence += 1
                let event = SignalledEvent(processor: 0, connectionID: connectionID)
                try exchange(.signalEvent(event, sequence: sequence))
            case .wake(let after, let token): timers.append((time + after, token))
            case .violation(let violation): Issue.record("the guest saw: \(violation)")
            default: break
            }
        }
    }

    /// Hands a frame to the host, and lets all happen that follows from it at once.
    mutating func frame(_ frame: MonitorFrame) throws {
        try exchange(frame)
        try settle()
    }

    /// Hands a frame to the host; the answer must come before anything else.
    private mutating func exchange(_ frame: MonitorFrame) throws {
        let bytes = frame.encoded
        let header = try FrameHeader.decode(bytes[...])
        #expect(Int(header.length) == bytes.count)
        let decoded = try MonitorFrame.decode(header, bytes[FrameHeader.byteCount...])
        #expect(decoded == frame)
        session.receive(decoded, at: time)
        let answers = session.takeFrames()
        for answer in answers {
            guard case .result(let status, let answered) = answer else {
                Issue.record("\(answer) before the answer")
                continue
            }
            #expect(answered == header.sequence)
            statuses.append(status)
        }
        session.work(at: time)
        collect()
    }

    /// Does what the host asks the monitor for, until nothing more follows.
    mutating func settle() throws {
        collect()
        while !noticed.isEmpty { try notice(noticed.removeFirst()) }
    }

    private mutating func collect() {
        var clock = time
        session.serveDisks {
            clock += Self.diskTime
            return clock
        }
        time = clock
        noticed += session.takeFrames()
        var batch = session.takeRecords()
        var next = UInt64(records.headers.count + 1)
        batch.number(from: &next)
        records.append(batch)
    }

    private mutating func notice(_ frame: HostFrame) throws {
        switch try HostFrame.decode(frame.encoded[...]) {
        case .result: Issue.record("an answer that nobody waits for")
        case .postToProcessor(let message, let tag):
            #expect(mode == .monitorPages)
            try answer(tag)
            try visitGuest { $0.receive(message: message.payload, &$1) }
        case .setEvent(let event, let tag):
            #expect(mode == .monitorPages)
            try answer(tag)
            try takeFlag(event.flag)
        case .raiseSource(let interrupt, let tag):
            #expect(mode == .ownPages)
            try answer(tag)
            try interrupted(interrupt.processor)
        }
    }

    private mutating func answer(_ tag: UInt64) throws {
        #expect(tag != 0)
        session.receive(.delivered(Delivery(status: 0), tag: tag), at: time)
    }

    /// What a guest does in its interrupt handler (reference §1.2, §1.3).
    private mutating func interrupted(_ processor: UInt32) throws {
        var memory = memory
        let offset = UInt64(processor) * 2 * 4096 + 0x200
        for word in 0..<64 as Range<UInt64> {
            let flags = try memory.exchange(0, at: Self.eventFlagsPage + offset + word * 4)
            for bit in 0..<32 as Range<UInt32> where flags & 1 << bit != 0 { try takeFlag(UInt32(word) * 32 + bit) }
        }
        let slot = Self.messagePage + offset
        let message = try MessageSlot.decode(memory.bytes(slot, count: 256))
        guard message.messageType != 0 else { return }
        try memory.store32(0, at: slot)
        try visitGuest { $0.receive(message: Array(message.payload.prefix(Int(message.payloadSize))), &$1) }
        if message.isPending {
            try exchange(.register(RegisterWrite(vp: processor, register: .endOfMessage, value: 0)))
        }
    }

    private mutating func takeFlag(_ flag: UInt32) throws {
        guard flag == 0 else { return try visitGuest { $0.interrupted(relid: flag, &$1) } }
        var memory = memory
        for word in 0..<64 as Range<UInt64> {
            let bits = try memory.exchange(0, at: GuestPartition.interruptPageAddress + word * 4)
            for bit in 0..<32 as Range<UInt32> where bits & 1 << bit != 0 {
                try visitGuest { $0.interrupted(relid: UInt32(word) * 32 + bit, &$1) }
            }
        }
    }

    /// Lets virtual time pass, for both.
    mutating func run(until end: UInt64) throws {
        while let next = ([session.nextTime].compactMap { $0 } + timers.map(\.due)).min(), next <= end {
            time = max(time, next)
            if let index = timers.indices.min(by: { timers[$0].due < timers[$1].due }), timers[index].due <= time {
                let token = timers.remove(at: index).token
                try visitGuest { $0.wake(token, &$1) }
            }
            session.advance(to: time)
            try settle()
        }
        time = max(time, end)
    }
}

extension GuestMemory {
    /// Fills all of it.
    func fill(_ byte: UInt8, byteCount: UInt64) throws {
        var memory = self
        let page = [UInt8](repeating: byte, count: 4096)
        for address in stride(from: 0, to: byteCount, by: 4096) { try memory.write(page, at: address) }
    }

    func clearAll(byteCount: UInt64) throws { try fill(0, byteCount: byteCount) }

    /// Whether every byte is this one.
    func isFilled(_ byte: UInt8, byteCount: UInt64) throws -> Bool {
        let page = [UInt8](repeating: byte, count: 4096)
        for address in stride(from: 0, to: byteCount, by: 4096) where try bytes(address, count: 4096) != page {
            return false
        }
        return true
    }
}
