public import Platform
public import VMBusWire

/// Serves a network device to programs as `/dev/uio0` and the host behind it would.
///
/// What a program finds, in the directories D and S:
///
/// | what | is |
/// |---|---|
/// | `D/uio0.map0` | both rings, guest→host first, each a control page of 4096 bytes and its data (reference §4.1) |
/// | `D/uio0.map1` | the interrupt page; a doorbell sets the channel's bit in its upper half, at 0x800 + relid / 8 (§1.7) |
/// | `D/uio0.map2` | the monitor page; a doorbell sets a channel's bit in `trigger_group[id / 32].pending` (§1.8) |
/// | `D/uio0.map3` | the receive buffer, which the host writes |
/// | `D/uio0.map4` | the send buffer, which the program writes |
/// | `D/uio0.sock` | `SOCK_SEQPACKET`, one connection for each time that the node would be opened |
/// | `S/uio/uio0/maps/mapN/{name,size,addr,offset}` | as the kernel shows the maps; `recv:N` and `send:N` name the page lists |
/// | `S/channels/RELID/{subchannel_id,monitor_id,ring}` | each channel; a sub-channel's ring comes last, when it is open |
///
/// The first connection opens the channel, the last one to end closes it and all is as before. A message of four bytes to the
/// program is the count of interrupts, as read(2) gives it; one of four bytes from it is what write(2) takes: 1 clears the
/// interrupt masks of all host→guest rings and signals the channels without a monitor bit, 0 sets the masks. Pages that a
/// packet points to are the program's: their addresses are its virtual ones.
///
/// Doorbells and rings are memory, so they are looked at: without a pause for 0.2 ms after something happened, then every 50 µs
/// for 20 ms, then every millisecond, and not at all while nobody is connected.
public struct UIOServer: ~Copyable {
    private let listener: UnixListener
    private var files: UIOFiles
    private var host: UIOChannelHost
    private var memory: UIOMemory
    private var clients: [Client]
    private var nextClient: Int
    private var lastBusy: UInt64

    private final class Client: Sendable {
        let number: Int
        let stream: UnixStream
        let process: ProcessMemory

        init(_ number: Int, _ stream: consuming UnixStream, _ process: ProcessMemory) {
            self.number = number
            self.stream = stream
            self.process = process
        }
    }

    /// The most connections at once.
    private static let mostClients = 256

    private enum Token: Sendable {
        case client(Int)
        case listener
        case stop
    }

    /// Makes the files and listens.
    /// - Parameters:
    ///   - directory: D of the table.
    ///   - sysfs: S of the table.
    public init(_ configuration: UIOHostConfiguration, directory: String, sysfs: String) throws(SystemError) {
        var memory = UIOMemory()
        var files = try UIOFiles(configuration, directory: directory, sysfs: sysfs, memory: &memory)
        try files.describe()
        let host = UIOChannelHost(configuration)
        host.prepare(subchannel: 0, memory: &memory)
        let listener = try UnixListener(path: files.socketPath, keepsMessages: true)
        self.listener = listener
        self.files = files
        self.host = host
        self.memory = memory
        clients = []
        nextClient = 0
        lastBusy = 0
    }

    /// What has been counted.
    public var counts: UIOCounts { UIOCounts(host) }

    /// Serves until a descriptor has something to read.
    /// - Parameter report: gets every violation.
    public mutating func serve(until stop: Int32, report: (ProtocolViolation) -> Void) throws(SystemError) {
        while true {
            var loop = PollLoop<Token>()
            for client in clients { loop.add(client.stream.fileDescriptor, token: .client(client.number)) }
            loop.add(listener.fileDescriptor, token: .listener)
            loop.add(stop, token: .stop)
            // The same descriptors are waited for until somebody comes or goes.
            let number = nextClient
            let count = clients.count
            while number == nextClient, count == clients.count {
                for event in try loop.wait(timeout: patience) {
                    switch event.token {
                    case .stop: return
                    case .client(let number): hear(number, isHungUp: event.isHungUp, report)
                    case .listener: try accept(report)
                    }
                }
                look(report)
            }
        }
    }

    private var patience: Duration? {
        if clients.isEmpty { return nil }
        let idle = MonotonicClock.now() &- lastBusy
        return idle < 200_000 ? .zero : idle < 20_000_000 ? .microseconds(50) : .milliseconds(1)
    }

    /// Hears what every client has said so far, its end among it: who comes after another has ended finds fresh rings.
    private mutating func hearAll(_ report: (ProtocolViolation) -> Void) throws(SystemError) {
        // A queue holds fewer messages than so many rounds take; who goes on talking does not keep others away.
        for _ in 0..<64 where !clients.isEmpty {
            var loop = PollLoop<Token>()
            for client in clients { loop.add(client.stream.fileDescriptor, token: .client(client.number)) }
            let events = try loop.wait(timeout: .zero)
            if events.isEmpty { return }
            for event in events {
                if case .client(let number) = event.token { hear(number, isHungUp: event.isHungUp, report) }
            }
        }
    }

    private mutating func accept(_ report: (ProtocolViolation) -> Void) throws(SystemError) {
        while let stream = try listener.accept() {
            try hearAll(report)
            guard clients.count < Self.mostClients, let process = try? stream.peerProcess() else {
                report(
                    ProtocolViolation(
                        rule: "uio-open", place: "device node", value: "\(clients.count) open",
                        explanation: "at most \(Self.mostClients), by processes that can be seen from here"))
                continue
            }
            clients.append(Client(nextClient, stream, process))
            nextClient += 1
            memory.clients.removeAll { $0 == process }
            memory.clients.insert(process, at: 0)
            lastBusy = MonotonicClock.now()
            perform(host.opened(time: lastBusy, memory: &memory), report)
        }
    }

    private mutating func hear(_ number: Int, isHungUp: Bool, _ report: (ProtocolViolation) -> Void) {
        guard let client = clients.first(where: { $0.number == number }) else { return }
        // Longer messages lose their rest, which is how they are told.
        for _ in 0..<64 {
            // A connection that cannot be read has ended.
            switch (try? client.stream.receive(atMost: 8)) ?? .end {
            case .nothing: return
            case .end:
                // An empty message looks like the end, but whoever sends it is still there.
                if isHungUp || Self.isHungUp(client) { return close(client) }
                perform(host.misused(byteCount: 0), report)
            case .bytes(let bytes, let descriptors):
                for descriptor in descriptors { _ = OwnedDescriptor(owning: descriptor) }
                lastBusy = MonotonicClock.now()
                guard bytes.count == 4 else {
                    perform(host.misused(byteCount: bytes.count), report)
                    continue
                }
                let word = bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                perform(host.control(word: Int32(bitPattern: word), memory: &memory), report)
            }
        }
    }

    /// Whether a client has gone. One that cannot be asked has.
    private static func isHungUp(_ client: Client) -> Bool {
        var loop = PollLoop<Token>()
        loop.add(client.stream.fileDescriptor, token: .client(client.number))
        guard let events = try? loop.wait(timeout: .zero) else { return true }
        return events.contains { $0.isHungUp }
    }

    private mutating func close(_ client: Client) {
        clients.removeAll { $0.number == client.number }
        if !clients.contains(where: { $0.process == client.process }) {
            memory.clients.removeAll { $0 == client.process }
        }
        guard clients.isEmpty else { return }
        host.closed(memory: &memory)
        files.removeSubchannels(memory: &memory)
    }

    private mutating func look(_ report: (ProtocolViolation) -> Void) {
        guard !clients.isEmpty else { return }
        var look: UIOChannelHost.Look
        let time = MonotonicClock.now()
        look = host.look(time: time, memory: &memory)
        if memory.takeGone() { host.forgive(&look.effects) }
        if look.isBusy || look.hasMore { lastBusy = MonotonicClock.now() }
        perform(look.effects, report)
    }

    private mutating func perform(_ effects: [UIOChannelHost.Effect], _ report: (ProtocolViolation) -> Void) {
        var isInterrupted = false
        for effect in effects {
            switch effect {
            case .interrupt: isInterrupted = true
            case .violation(let violation): report(violation)
            case .makeSubchannels(let count): makeSubchannels(count, report)
            }
        }
        guard isInterrupted else { return }
        let count = host.counts.interrupts
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: count >> UInt32(8 * $0)) }
        // Who does not read has counts enough to wake up for; who is gone is heard of soon.
        for client in clients { _ = try? client.stream.send(bytes[...]) }
    }

    private mutating func makeSubchannels(_ count: UInt16, _ report: (ProtocolViolation) -> Void) {
        do throws(SystemError) {
            for subchannel in 1..<(count + 1) {
                let host = host
                try files.addSubchannel(subchannel, memory: &memory) {
                    host.prepare(subchannel: subchannel, memory: &$0)
                }
            }
            perform(host.subchannelsMade(time: MonotonicClock.now(), memory: &memory), report)
        } catch {
            report(
                ProtocolViolation(
                    rule: "uio-files", place: "sub-channels", value: "\(count)", explanation: error.description))
        }
    }
}
