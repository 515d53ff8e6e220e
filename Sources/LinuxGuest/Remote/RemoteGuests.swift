public import BusModel
public import Platform

/// Looks at other machines through the same program there, all on one thread, and puts what they tell into one log with what
/// this machine's own sampling tells.
///
/// Nothing here waits for a machine: one that is slow, dead or mad delays no other.
public struct RemoteGuests: ~Copyable {
    /// What the thread says.
    public enum Report: Sendable {
        /// What happened since the report before.
        case batch(FlowBatch)
        /// Something for people: a machine was lost or found again.
        case said(String)
        /// Every machine, this one included, has been heard of or has failed once; told once.
        case settled
        /// The sampling of this machine could not go on.
        case failed(SourceError)
    }

    private let stop: StopRequest
    private let thread: WorkerThread

    /// Starts at once.
    ///
    /// - Parameters:
    ///   - hosts: The machines, which become the partitions 2, 3, … in this order.
    ///   - command: How the program is started for each.
    ///   - local: Where this machine's own sampling leaves its reports; nil where it is not looked at.
    ///   - mailbox: Where everything goes. While it is full no machine is listened to, so that none is lost.
    public init(
        _ hosts: [RemoteHost], _ command: RemoteCommand, local: Mailbox<SamplingThread.Report>?,
        to mailbox: Mailbox<Report>
    ) throws(SystemError) {
        let stop = try StopRequest()
        thread = try WorkerThread(name: "remotes") {
            var listener = RemoteListener(hosts, command, local, mailbox, stop)
            listener.run()
        }
        self.stop = stop
    }

    /// Ends the programs and the thread, which takes a moment at most.
    public consuming func end() {
        stop.request()
        thread.join()
    }
}

/// What the thread does.
private struct RemoteListener {
    /// This machine is the host and the guest in its own log.
    private static let firstPartition: UInt16 = 2
    private static let piece = 1 << 16

    private enum Token: Sendable {
        case stop
        case local
        case output(Int)
        case errors(Int)
    }

    private let command: RemoteCommand
    private let local: Mailbox<SamplingThread.Report>?
    private let mailbox: Mailbox<RemoteGuests.Report>
    private let stop: StopRequest
    private var links: [RemoteLink]
    private var children: [PipedChild?]
    /// Descriptors of a child that have been closed at its end.
    private var closed: Set<Int32> = []
    /// What the mailbox had no room for.
    private var waiting: [RemoteGuests.Report] = []
    private var hasSettled = false
    private var hasHeardLocal: Bool

    init(
        _ hosts: [RemoteHost], _ command: RemoteCommand, _ local: Mailbox<SamplingThread.Report>?,
        _ mailbox: Mailbox<RemoteGuests.Report>, _ stop: StopRequest
    ) {
        (self.command, self.local, self.mailbox, self.stop) = (command, local, mailbox, stop)
        hasHeardLocal = local == nil
        let interval = UInt64(clamping: Int64(command.interval * 1e9))
        links = hosts.enumerated().map { index, host in
            RemoteLink(
                host, partition: Self.firstPartition &+ UInt16(clamping: index),
                patience: RemoteLink.Patience(interval: interval))
        }
        children = hosts.map { _ in nil }
    }

    mutating func run() {
        for link in links { tell(link.appearance(at: MonotonicClock.now())) }
        while !stop.isRequested {
            for index in links.indices { act(on: index) }
            settle()
            flush()
            listen()
        }
        for child in children { child?.askToEnd() }
        for child in children { child?.end() }
    }

    // MARK: What is to be done

    private mutating func act(on index: Int) {
        let now = MonotonicClock.now()
        tell(links[index].passed(to: now))
        switch links[index].action(at: now) {
        case .start: start(index, now)
        case .end: finish(index)
        case nil: break
        }
        for text in links[index].takeSayings() { post(.said(text)) }
    }

    private mutating func start(_ index: Int, _ now: UInt64) {
        links[index].started(at: now)
        do throws(SystemError) {
            children[index] = try PipedChild(command.words(for: links[index].host))
        } catch {
            tell(links[index].ended(error.description, at: now))
        }
    }

    /// Ends a program, or takes note that it has ended.
    private mutating func finish(_ index: Int) {
        guard let child = children[index] else { return }
        child.end()
        let reason =
            switch child.ending() {
            case .exited(127)?: "not found there; name it with --remote-program"
            case .exited(let status)?: "status \(status)"
            case .signalled(let number)?: "ended by signal \(number)"
            case nil: "it ended"
            }
        closed.remove(child.output)
        closed.remove(child.errors)
        children[index] = nil
        tell(links[index].ended(reason, at: MonotonicClock.now()))
    }

    private mutating func settle() {
        guard !hasSettled, hasHeardLocal, links.allSatisfy(\.isSettled) else { return }
        hasSettled = true
        post(.settled)
    }

    // MARK: What comes in

    private mutating func listen() {
        var loop = PollLoop<Token>()
        loop.add(stop.fileDescriptor, token: .stop)
        let isFull = !waiting.isEmpty
        if !isFull {
            if let local { loop.add(local.fileDescriptor, token: .local) }
            for (index, child) in children.enumerated() {
                guard let child else { continue }
                if !closed.contains(child.output) { loop.add(child.output, token: .output(index)) }
                if !closed.contains(child.errors) { loop.add(child.errors, token: .errors(index)) }
            }
        }
        let now = MonotonicClock.now()
        let next = links.map(\.deadline).min() ?? .max
        // Nobody says when there is room in the mailbox again.
        let pause = isFull ? 20_000_000 : next > now ? next - now : 0
        guard let events = try? loop.wait(timeout: .nanoseconds(Int64(clamping: pause))) else { return stop.request() }
        for event in events {
            switch event.token {
            case .stop: return
            case .local: forwardLocal()
            case .output(let index): readOutput(index)
            case .errors(let index): readErrors(index)
            }
        }
    }

    private mutating func forwardLocal() {
        for report in local?.takeAll() ?? [] {
            hasHeardLocal = true
            switch report {
            case .batch(let batch): tell(batch)
            // Only who asked for rings is told of them, and nobody here does.
            case .rings: break
            case .failed(let error): post(.failed(error))
            }
        }
    }

    private mutating func readOutput(_ index: Int) {
        guard let child = children[index] else { return }
        guard let bytes = try? DescriptorAccess.read(child.output, atMost: Self.piece) else { return }
        if bytes.isEmpty {
            // The end of the output is the end of the program; what it complained of may still lie in the other pipe.
            readErrors(index)
            return finish(index)
        }
        tell(links[index].received(bytes, at: MonotonicClock.now()))
    }

    private mutating func readErrors(_ index: Int) {
        guard let child = children[index], !closed.contains(child.errors) else { return }
        guard let bytes = try? DescriptorAccess.read(child.errors, atMost: Self.piece) else { return }
        if bytes.isEmpty { closed.insert(child.errors) } else { links[index].complained(bytes) }
    }

    // MARK: What goes out

    private mutating func tell(_ batch: FlowBatch) {
        if !batch.isEmpty { post(.batch(batch)) }
    }

    private mutating func post(_ report: RemoteGuests.Report) {
        if !waiting.isEmpty || !mailbox.post(report) { waiting.append(report) }
    }

    private mutating func flush() {
        while let first = waiting.first, mailbox.post(first) { waiting.removeFirst() }
    }
}
