import Platform
import Synchronization

/// Reads devices on a thread of its own, and goes on with another thread where a read does not come back.
///
/// The kernel answers most reads of sysfs at once, but some wait for a lock that a stuck driver may hold, and nothing ends such a read.
/// The thread that is in it is left behind with its device; when the read comes back after all, the device does as well.
final class ReaderCrew: Sendable {
    /// How many threads are left behind at most; after that nothing is read until one of them is free.
    static let mostHanging = 8

    private let desk: ReadingDesk
    private let limit: UInt64
    private let listing: TimedWork<BusListing>

    /// A crew that waits for one device no longer than about twice `limit`, in nanoseconds.
    ///
    /// - Parameter clock: The log's clock, which tells when a device was read.
    init(limit: UInt64, clock: @escaping @Sendable () -> UInt64) throws(SystemError) {
        desk = try ReadingDesk(clock: clock)
        listing = try TimedWork(limit: limit)
        self.limit = limit
    }

    deinit { desk.close() }

    /// Reads all devices, one after the other.
    ///
    /// - Returns: The devices that were read, the reads that began to hang, and the devices that nobody was left to read.
    func run(_ jobs: [DeviceJob]) -> (looks: [DeviceLook], hanging: [HangingRead], unread: [DeviceJob]) {
        desk.begin(jobs)
        var hanging: [HangingRead] = []
        while desk.startReader() {
            var progress = desk.progress
            var deadline = MonotonicClock.now() &+ limit
            while !desk.isDone {
                let now = MonotonicClock.now()
                let present = desk.progress
                if present != progress { (progress, deadline) = (present, now &+ limit) }
                if now >= deadline { break }
                desk.wait(deadline - now)
            }
            if desk.isDone { break }
            if let read = desk.abandon() { hanging.append(read) }
        }
        let (looks, unread) = desk.finish()
        return (looks, hanging, unread)
    }

    /// Lists what there is; nil while no answer comes.
    func list(_ files: any FileLayer, named: Set<String>?, place: ReadingPlace) -> BusListing? {
        listing.run { BusListing(files, named: named, place: place) }
    }

    /// Devices whose reads have come back since they were given up.
    func takeLate() -> [DeviceLook] { desk.takeLate() }
}

/// Where a crew's threads find their work and leave what they have read.
private final class ReadingDesk: Sendable {
    private struct State {
        /// The next one last.
        var waiting: [DeviceJob] = []
        var done: [DeviceLook] = []
        var late: [DeviceLook] = []
        /// Devices that were read since the beginning.
        var progress: UInt64 = 0
        /// The thread that has the work; the ones before are left behind.
        var reader: UInt64 = 0
        var hasReader = false
        var hangingCount = 0
        var current: (device: String, place: ReadingPlace)?
        var isClosed = false
    }

    private let state = Mutex(State())
    private let work: Bell
    private let done: Bell
    private let clock: @Sendable () -> UInt64

    init(clock: @escaping @Sendable () -> UInt64) throws(SystemError) {
        work = try Bell()
        done = try Bell()
        self.clock = clock
    }

    func begin(_ jobs: [DeviceJob]) {
        state.withLock { state in
            state.waiting = jobs.reversed()
            state.done = []
        }
    }

    /// Lets a thread read, a new one if there is none; false if too many hang already or none can be had.
    func startReader() -> Bool {
        let number: UInt64? = state.withLock { state in
            if state.hasReader { return 0 }
            guard state.hangingCount < ReaderCrew.mostHanging else { return nil }
            state.reader += 1
            state.hasReader = true
            return state.reader
        }
        guard let number else { return false }
        if number > 0, (try? WorkerThread(name: "reading", { self.read(as: number) })) == nil {
            state.withLock { $0.hasReader = false }
            return false
        }
        return (try? work.ring()) != nil
    }

    var progress: UInt64 { state.withLock { $0.progress } }

    var isDone: Bool { state.withLock { $0.waiting.isEmpty && $0.current == nil } }

    func wait(_ nanoseconds: UInt64) {
        _ = try? done.wait(atMost: Int32(clamping: nanoseconds / 1_000_000 + 1))
    }

    /// Leaves the thread behind with the device that it reads; says which file that is.
    func abandon() -> HangingRead? {
        state.withLock { state in
            guard let current = state.current else { return nil }
            state.current = nil
            state.hasReader = false
            state.hangingCount += 1
            return HangingRead(device: current.device, path: current.place.path)
        }
    }

    func finish() -> (looks: [DeviceLook], unread: [DeviceJob]) {
        state.withLock { state in
            defer { (state.done, state.waiting) = ([], []) }
            return (state.done, state.waiting.reversed())
        }
    }

    func takeLate() -> [DeviceLook] {
        state.withLock { state in
            defer { state.late = [] }
            return state.late
        }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        _ = try? work.ring()
    }

    // MARK: The reading thread

    private func read(as number: UInt64) {
        var tools = ReadingTools()
        while true {
            let job: DeviceJob? = state.withLock { state in
                guard state.reader == number, state.hasReader, let job = state.waiting.popLast() else { return nil }
                state.current = (job.reader.name, tools.place)
                return job
            }
            guard let job else {
                if isOver(number) { return }
                _ = try? work.wait(atMost: 60_000)
                continue
            }
            let look = job.run(&tools, clock: clock)
            let isLast = state.withLock { state in
                guard state.reader == number, state.hasReader else {
                    state.late.append(look)
                    state.hangingCount -= 1
                    return false
                }
                state.done.append(look)
                state.progress += 1
                state.current = nil
                return state.waiting.isEmpty
            }
            if isLast { _ = try? done.ring() }
            if isOver(number) { return }
        }
    }

    private func isOver(_ number: UInt64) -> Bool {
        state.withLock { $0.isClosed || $0.reader != number || !$0.hasReader }
    }
}
