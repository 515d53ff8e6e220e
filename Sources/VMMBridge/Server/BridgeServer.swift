public import BusModel
import Glibc
public import Platform
public import VMBusPartitions
import VMBusWire

/// Serves a host's end of the bus to one virtual machine after another: the thin loop between a socket, a clock and
/// ``BridgeSession``.
///
/// Nothing that a machine sends or leaves out ends it: the machine is let go of, the log says why, and the next one is served.
public struct BridgeServer: ~Copyable {
    /// What the loop tells.
    public enum Report: Sendable {
        /// What happened since the report before.
        case batch(FlowBatch)
        /// The bytes of the rings that were asked for; nil where they cannot be had.
        case rings(ChannelKey, hostToGuest: RingImage?, guestToHost: RingImage?)
        /// The loop cannot go on.
        case failed(SystemError)
    }

    /// What the loop is asked.
    public enum Request: Sendable {
        /// Do something to the guest.
        case command(BridgeCommand)
        /// Show the rings of a channel from now on, a few times a second; nil for none.
        case showRings(ChannelKey?)
    }

    private let listener: UnixListener
    private let guest: GuestConfiguration
    private let scenario: Scenario
    private let disks: DiskShelf?
    private let mode: InterruptMode
    private let start = MonotonicClock.now()
    private var outbox: ReportOutbox
    private let requests: Mailbox<Request>
    private let stop: StopRequest
    private var shownChannel: ChannelKey?
    private var nextImage: UInt64 = 0

    /// Nanoseconds between two images of the rings that are shown.
    private static let imageInterval: UInt64 = 100_000_000

    private enum Token { case stop, request, listener, stream, timer }

    /// A server at a socket.
    ///
    /// - Parameters:
    ///   - scenario: names the root partition, and says what happens to its first guest when.
    ///   - guest: says what devices there are, and which versions.
    ///   - mode: who writes the guest's message slots and event flags.
    ///   - disks: the disks of every guest's controllers; without them all are in memory.
    ///   - reports: takes what the loop tells.
    ///   - requests: gives what the loop is asked.
    ///   - stop: ends the loop.
    public init(
        _ listener: consuming UnixListener, scenario: Scenario, guest: GuestConfiguration, mode: InterruptMode,
        disks: DiskShelf? = nil, reports: Mailbox<Report>, requests: Mailbox<Request>, stop: StopRequest
    ) {
        self.listener = listener
        self.guest = guest
        self.scenario = scenario
        self.mode = mode
        self.disks = disks
        outbox = ReportOutbox(reports)
        self.requests = requests
        self.stop = stop
    }

    /// Nanoseconds since the log's start.
    private var time: UInt64 { MonotonicClock.now() &- start }

    /// Serves until it is asked to stop, or the system does not let it go on.
    public mutating func run() {
        var records = FlowBatch()
        var root = PartitionSnapshot(number: 0, name: scenario.rootName, role: .root)
        root.connection = .known(.connected)
        records.append(
            FlowRecordHeader(kind: .state, time: time, partition: 0, code: StateCode.appeared.rawValue),
            AttributeList(root.attributeReadings).encoded())
        records.append(
            FlowRecordHeader(kind: .note, time: time, partition: 0), Array("listens at \(listener.path)".utf8))
        outbox.post(records)
        do throws(SystemError) {
            while let stream = try waitForGuest() { try serve(stream) }
            outbox.note("the host ends", at: time)
        } catch {
            outbox.fail(error)
        }
    }

    /// Waits for the next machine; nil when the server is to stop.
    private mutating func waitForGuest() throws(SystemError) -> UnixStream? {
        var loop = PollLoop<Token>()
        loop.add(stop.fileDescriptor, token: .stop)
        loop.add(requests.fileDescriptor, token: .request)
        loop.add(listener.fileDescriptor, token: .listener)
        while !stop.isRequested {
            for event in try loop.wait(timeout: outbox.patience) where !stop.isRequested {
                switch event.token {
                case .listener:
                    if let stream = try listener.accept() { return stream }
                case .request:
                    for request in requests.takeAll() {
                        switch request {
                        case .command: outbox.note("no guest is here to do that to", at: time)
                        case .showRings(let channel): shownChannel = channel
                        }
                    }
                default: break
                }
            }
            outbox.flush()
        }
        return nil
    }

    // MARK: One machine

    /// Serves a machine until it goes, breaks a rule that leaves nothing to go on with, or the server is to stop.
    mutating func serve(_ stream: consuming UnixStream) throws(SystemError) {
        var link = MonitorLink(stream)
        var session = BridgeSession<GuestMemory>(
            guest, events: scenario.events.filter { $0.guest == 0 }, mode: mode, time: time, disks: disks)
        var loop = PollLoop<Token>()
        loop.add(stop.fileDescriptor, token: .stop)
        loop.add(requests.fileDescriptor, token: .request)
        loop.add(link.fileDescriptor, token: .stream)
        let timer = try TimerSource()
        loop.add(timer.fileDescriptor, token: .timer)
        var end: String?
        while end == nil, !stop.isRequested {
            outbox.post(session.takeRecords())
            try arm(timer, session)
            var isReadable = false
            for event in try loop.wait(timeout: outbox.patience) {
                switch event.token {
                case .stream: isReadable = true
                case .timer: _ = try timer.takeExpirations()
                case .request: answerRequests(&session)
                default: break
                }
            }
            if isReadable { end = takeFrames(&link, &session) }
            session.advance(to: time)
            end = end ?? link.send(session.takeFrames())
            end = end ?? session.failure.map { "let go of the guest: \($0.rule)" }
            if end == nil, link.isDamaged {
                end = "let go of the guest: the file of its memory was cut short, what is read there is not its memory"
            }
            showRings(session)
            if end == nil, link.isBehind { try waitForRoom(link) }
        }
        session.end(end ?? "the host ends while a guest is connected", at: time)
        outbox.post(session.takeRecords())
    }

    /// Takes what has come; the reason when it was the last.
    private mutating func takeFrames(
        _ link: inout MonitorLink, _ session: inout BridgeSession<GuestMemory>
    ) -> String? {
        switch link.receive() {
        case .nothing: return nil
        case .end: return "the monitor has disconnected" + (link.isInsideFrame ? " in the middle of a frame" : "")
        case .failed(let error): return "the connection to the monitor failed: \(error)"
        case .bytes: break
        }
        while session.failure == nil {
            do throws(WireError) {
                guard let (header, body) = try link.nextFrame() else { return nil }
                take(header, body, &link, &session)
            } catch {
                session.fail(ProtocolViolation(error))
                return "let go of the guest: its frames cannot be told apart any more"
            }
            // The answer first: a processor of the guest waits for it.
            if let end = link.send(session.takeFrames()) { return end }
            session.work(at: time)
            if let end = link.send(session.takeFrames()) { return end }
        }
        return nil
    }

    private mutating func take(
        _ header: FrameHeader, _ body: ArraySlice<UInt8>, _ link: inout MonitorLink,
        _ session: inout BridgeSession<GuestMemory>
    ) {
        do throws(WireError) {
            let frame = try MonitorFrame.decode(header, body)
            guard case .hello(let hello) = frame, !session.hasMemory else {
                return session.receive(frame, at: time)
            }
            do throws(ProtocolViolation) {
                session.show(try link.memory(hello), hello, at: time)
            } catch {
                session.fail(error)
            }
        } catch {
            if header.type == .hello {
                session.fail(ProtocolViolation(error))
            } else {
                session.refuse(header, error, at: time)
            }
        }
    }

    private mutating func answerRequests(_ session: inout BridgeSession<GuestMemory>) {
        for request in requests.takeAll() {
            switch request {
            case .command(let command): session.perform(command, at: time)
            case .showRings(let channel):
                shownChannel = channel
                nextImage = 0
            }
        }
    }

    private mutating func showRings(_ session: BridgeSession<GuestMemory>) {
        guard let channel = shownChannel, time >= nextImage else { return }
        nextImage = time &+ Self.imageInterval
        outbox.post(
            .rings(
                channel, hostToGuest: session.ringImage(channel, .hostToGuest),
                guestToHost: session.ringImage(channel, .guestToHost)))
    }

    private func arm(_ timer: borrowing TimerSource, _ session: BridgeSession<GuestMemory>) throws(SystemError) {
        let next = [session.nextTime, shownChannel == nil ? nil : nextImage].compactMap { $0 }.min()
        guard let next else { return try timer.stop() }
        let now = time
        try timer.start(after: .nanoseconds(Int64(clamping: next > now ? next - now : 1)))
    }

    /// A monitor that does not read makes the host wait, for a while, and for nothing but that it reads.
    private func waitForRoom(_ link: borrowing MonitorLink) throws(SystemError) {
        var loop = PollLoop<Token>()
        loop.add(stop.fileDescriptor, token: .stop)
        loop.add(link.fileDescriptor, for: .writing, token: .stream)
        _ = try loop.wait(timeout: .milliseconds(50))
    }
}
