public import BusModel
import Glibc
public import Platform
import VMBusPartitions
import VMBusWire

/// Serves a host's end of the bus to virtual machines: the thin loop between sockets, a clock, a switch and ``BridgeSession``.
/// Several machines are served at a time, each at a socket of its own, and at each socket one after another.
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
        /// Do something to a guest, which is named by its place among the sockets.
        case command(BridgeCommand, guest: Int)
        /// Write down what the switch's responder has met.
        case tellSwitch
        /// Show the rings of a channel from now on, a few times a second; nil for none.
        case showRings(ChannelKey?)
    }

    private let setup: BridgeSetup
    private let clock = BridgeClock()
    private var places: [BridgePlace] = []
    private var exchange: VirtualSwitch
    private var outside: FramePort?
    /// What happened and was not posted yet, in the order in which it happened.
    private var records = FlowBatch()
    private var outbox: ReportOutbox
    private let requests: Mailbox<Request>
    private let stop: StopRequest
    private var shownChannel: ChannelKey?
    private var nextImage: UInt64 = 0

    /// Nanoseconds between two images of the rings that are shown.
    private static let imageInterval: UInt64 = 100_000_000

    private enum Token { case stop, request, outside, timer, place(Int), room }

    /// A server.
    ///
    /// - Parameters:
    ///   - setup: whom it serves.
    ///   - reports: takes what the loop tells.
    ///   - requests: gives what the loop is asked.
    ///   - stop: ends the loop.
    public init(
        _ setup: BridgeSetup, reports: Mailbox<Report>, requests: Mailbox<Request>, stop: StopRequest
    ) {
        self.setup = setup
        exchange = setup.exchange
        outbox = ReportOutbox(reports)
        self.requests = requests
        self.stop = stop
    }

    /// Serves until it is asked to stop, or the system does not let it go on.
    public mutating func run() {
        for (number, entrance) in setup.entrances.enumerated() {
            if let place = BridgePlace(entrance, number: number, setup, clock: clock) { places.append(place) }
        }
        outside = setup.outside?.take()
        if outside != nil { exchange.connect(.outside) }
        announce()
        do throws(SystemError) {
            try serve()
            for place in places where place.hasGuest {
                place.finish("the host ends while a guest is connected")
                collect(place)
                place.release()
            }
            note("the host ends")
            post()
        } catch {
            post()
            outbox.fail(error)
        }
    }

    private mutating func announce() {
        var root = PartitionSnapshot(number: 0, name: setup.rootName, role: .root)
        root.connection = .known(.connected)
        records.append(
            FlowRecordHeader(kind: .state, time: clock.time, partition: 0, code: StateCode.appeared.rawValue),
            AttributeList(root.attributeReadings).encoded())
        for place in places {
            note("listens at \(place.path)" + (places.count > 1 ? " for \(place.name)" : ""))
        }
        if let name = outside?.name { note("joins the guests' network with the TAP device \(name)") }
        post()
    }

    private mutating func serve() throws(SystemError) {
        let timer = try TimerSource()
        while !stop.isRequested {
            try arm(timer)
            var loop = pollLoop(timer)
            for event in try loop.wait(timeout: outbox.patience) where !stop.isRequested {
                switch event.token {
                case .stop, .room: break
                case .timer: _ = try timer.takeExpirations()
                case .request: answerRequests()
                case .outside: takeFromOutside()
                case .place(let index):
                    try places[index].receive()
                    collect(places[index])
                }
            }
            carryFrames()
            for place in places {
                place.advance()
                collect(place)
            }
            carryFrames()
            for place in places { settle(place) }
            showRings()
            post()
        }
    }

    private mutating func pollLoop(_ timer: borrowing TimerSource) -> PollLoop<Token> {
        var loop = PollLoop<Token>()
        loop.add(stop.fileDescriptor, token: .stop)
        loop.add(requests.fileDescriptor, token: .request)
        if let descriptor = outside?.fileDescriptor { loop.add(descriptor, token: .outside) }
        for (index, place) in places.enumerated() {
            loop.add(place.fileDescriptor, token: .place(index))
            // A monitor that does not read makes nobody wait but itself.
            if place.isBehind { loop.add(place.fileDescriptor, for: .writing, token: .room) }
        }
        loop.add(timer.fileDescriptor, token: .timer)
        return loop
    }

    private func arm(_ timer: borrowing TimerSource) throws(SystemError) {
        let next = (places.map(\.nextTime) + [shownChannel == nil ? nil : nextImage]).compactMap { $0 }.min()
        guard let next else { return try timer.stop() }
        let now = clock.time
        try timer.start(after: .nanoseconds(Int64(clamping: next > now ? next - now : 1)))
    }

    // MARK: Records

    private mutating func note(_ text: String) {
        records.append(FlowRecordHeader(kind: .note, time: clock.time, partition: 0), Array(text.utf8))
    }

    private mutating func collect(_ place: BridgePlace) { records.append(place.takeRecords()) }

    private mutating func post() {
        if records.isEmpty { return outbox.flush() }
        outbox.post(records)
        records = FlowBatch()
    }

    // MARK: Guests

    /// Sends what is to be sent, and lets go of a guest that is at its end.
    private mutating func settle(_ place: BridgePlace) {
        place.settle()
        if place.isOver {
            place.finish("")
            carryFrames()
            collect(place)
            place.release()
        } else {
            collect(place)
        }
    }

    private mutating func answerRequests() {
        for request in requests.takeAll() {
            switch request {
            case .command(let command, let guest):
                guard let place = places.first(where: { Int($0.partition) == guest + 1 }), place.hasGuest else {
                    note("no guest is here to do that to")
                    continue
                }
                place.perform(command)
                collect(place)
            case .tellSwitch: note(exchange.responder?.summary ?? "nobody answers inside the switch")
            case .showRings(let channel):
                shownChannel = channel
                nextImage = 0
            }
        }
    }

    private mutating func showRings() {
        let time = clock.time
        guard let channel = shownChannel, time >= nextImage,
            let place = places.first(where: { $0.partition == channel.partition })
        else { return }
        nextImage = time &+ Self.imageInterval
        outbox.post(
            .rings(
                channel, hostToGuest: place.ringImage(channel, .hostToGuest),
                guestToHost: place.ringImage(channel, .guestToHost)))
    }

    // MARK: Frames

    /// Brings the guests' frames to the switch, and what comes out of it to the guests.
    private mutating func carryFrames() {
        for (index, place) in places.enumerated() {
            for event in place.takeNetworkEvents() {
                switch event {
                case .connected(let device): exchange.connect(.adapter(guest: index, device: device))
                case .disconnected(let device): exchange.disconnect(.adapter(guest: index, device: device))
                case .frame(let device, let frame): forward(frame, from: .adapter(guest: index, device: device))
                }
            }
        }
    }

    private mutating func forward(_ frame: [UInt8], from port: VirtualSwitch.Port) {
        for delivery in exchange.forward(frame, from: port, time: clock.time) {
            switch delivery.port {
            case .adapter(let guest, let device):
                guard places.indices.contains(guest) else { continue }
                places[guest].deliver(delivery.frame, device: device)
                collect(places[guest])
            case .outside: outside?.send(delivery.frame)
            case .responder: break
            }
        }
        for text in exchange.takeNotes() { note(text) }
    }

    private mutating func takeFromOutside() {
        do throws(SystemError) {
            guard let frames = try outside?.receive() else { return leaveOutside("has ended") }
            for frame in frames { forward(frame, from: .outside) }
        } catch {
            leaveOutside("failed: \(error)")
        }
    }

    /// The guests go on without the world outside.
    private mutating func leaveOutside(_ reason: String) {
        guard let name = outside?.name else { return }
        exchange.disconnect(.outside)
        outside = nil
        note("the TAP device \(name) \(reason)")
    }
}
