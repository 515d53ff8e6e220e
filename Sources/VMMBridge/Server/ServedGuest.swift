import BusModel
import Platform
import VMBusPartitions
import VMBusRing
import VMBusWire

/// One virtual machine that is being served: the thin layer between its socket and ``BridgeSession``.
struct ServedGuest: ~Copyable {
    private var link: MonitorLink
    private(set) var session: BridgeSession<GuestMemory>
    private let clock: BridgeClock
    /// Why it is to be let go of.
    private var end: String?

    /// Whether it is to be let go of.
    var isOver: Bool { end != nil }

    init(
        _ stream: consuming UnixStream, _ entrance: BridgeSetup.Entrance, number: UInt16, _ setup: BridgeSetup,
        clock: BridgeClock
    ) {
        link = MonitorLink(stream)
        self.clock = clock
        let events = entrance.events.map { CommandFiles.supply($0) }
        session = BridgeSession(
            entrance.guest.with(wallClock: clock.wallClockAtStart), partition: number, events: events.map(\.0),
            mode: setup.mode, time: clock.time, disks: entrance.disks)
        session.arm(entrance.faults, atContact: false)
        for problem in events.compactMap(\.problem) { session.note(problem, at: clock.time) }
    }

    var fileDescriptor: Int32 { link.fileDescriptor }
    /// Whether the monitor has not taken everything yet.
    var isBehind: Bool { link.isBehind }
    var nextTime: UInt64? { session.nextTime }

    mutating func takeRecords() -> FlowBatch { session.takeRecords() }

    mutating func takeNetworkEvents() -> [BridgeSession<GuestMemory>.NetworkEvent] { session.takeNetworkEvents() }

    func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage? {
        session.ringImage(channel, direction)
    }

    /// Takes what has come.
    mutating func receive() {
        switch link.receive() {
        case .nothing: return
        case .end: end = "the monitor has disconnected" + (link.isInsideFrame ? " in the middle of a frame" : "")
        case .failed(let error): end = "the connection to the monitor failed: \(error)"
        case .bytes: takeFrames()
        }
    }

    private mutating func takeFrames() {
        while session.failure == nil, end == nil {
            do throws(WireError) {
                guard let (header, body) = try link.nextFrame() else { return }
                take(header, body)
            } catch {
                session.fail(ProtocolViolation(error))
                end = "let go of the guest: its frames cannot be told apart any more"
                return
            }
            // The answer first: a processor of the guest waits for it.
            send()
            guard end == nil else { return }
            session.work(at: clock.time)
            send()
        }
    }

    private mutating func take(_ header: FrameHeader, _ body: ArraySlice<UInt8>) {
        do throws(WireError) {
            let frame = try MonitorFrame.decode(header, body)
            guard case .hello(let hello) = frame, !session.hasMemory else {
                return session.receive(frame, at: clock.time)
            }
            do throws(ProtocolViolation) {
                session.show(try link.memory(hello), hello, at: clock.time)
            } catch {
                session.fail(error)
            }
        } catch {
            if header.type == .hello {
                session.fail(ProtocolViolation(error))
            } else {
                session.refuse(header, error, at: clock.time)
            }
        }
    }

    /// Does something to the guest.
    mutating func perform(_ command: BridgeCommand) {
        guard case .device(let instance, let asked) = command else { return session.perform(command, at: clock.time) }
        let (supplied, problem) = CommandFiles.supply(asked)
        if let problem { session.note(problem, at: clock.time) }
        session.perform(.device(instance, supplied), at: clock.time)
    }

    /// A frame comes from the switch.
    mutating func deliver(_ frame: [UInt8], device: GUID) {
        if end == nil { session.deliver(frame, device: device, at: clock.time) }
    }

    /// Lets time pass.
    mutating func advance() {
        guard end == nil else { return }
        session.advance(to: clock.time)
        settle()
    }

    /// Sends what is to be sent, and finds out whether this can go on.
    mutating func settle() {
        guard end == nil else { return }
        send()
        end = end ?? session.failure.map { "let go of the guest: \($0.rule)" }
        if end == nil, link.isDamaged {
            end = "let go of the guest: the file of its memory was cut short, what is read there is not its memory"
        }
    }

    private mutating func send() {
        session.serveDisks { [clock] in clock.time }
        end = link.send(session.takeFrames()) ?? end
    }

    /// The last words.
    mutating func finish(_ reason: String) { session.end(end ?? reason, at: clock.time) }
}

/// Nanoseconds since a log's start.
struct BridgeClock: Sendable {
    private let start = MonotonicClock.now()

    var time: UInt64 { MonotonicClock.now() &- start }

    /// What the wall clock showed when the log started, in nanoseconds after 1970.
    var wallClockAtStart: UInt64 { WallClock.now() &- time }
}
