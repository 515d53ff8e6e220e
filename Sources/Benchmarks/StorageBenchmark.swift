import VMBusDevices
import VMBusPartitions
import VMBusRing
import VMBusWire

/// How fast requests of a guest's storage driver are answered, end to end in one process: the driver, both rings of a
/// channel, the host's controller and a disk in memory. Beside it what its parts take alone, and as the floor a copy of the
/// same bytes into and out of the guest's pages.
public struct StorageBenchmark: Sendable {
    /// Slices of each contestant in each case.
    public var rounds: Int

    /// A benchmark that takes `rounds` slices of each contestant.
    public init(rounds: Int = 31) { self.rounds = rounds }

    /// What is measured once.
    public struct Case: Hashable, Sendable {
        /// Whether blocks are written, not read.
        public var isWrite: Bool
        /// Bytes of a request.
        public var byteCount: Int

        /// Its name.
        public var name: String { "\(isWrite ? "write" : "read") \(byteCount / 1024)K" }

        /// All cases.
        public static let all = [
            Case(isWrite: false, byteCount: 4096), Case(isWrite: true, byteCount: 4096),
            Case(isWrite: false, byteCount: 65_536), Case(isWrite: true, byteCount: 65_536),
        ]
    }

    /// Requests that the host works on at the same time.
    public static let depth = 16
    /// Requests of one slice.
    static let requestsPerSlice = 256

    /// Nanoseconds for one request.
    public struct Result: Hashable, Sendable {
        /// What was measured.
        public var `case`: Case
        /// Everything.
        public var ours: SliceSummary
        /// The same without rings: packets handed over as they are.
        public var devices: SliceSummary
        /// The disk alone.
        public var disk: SliceSummary
        /// A copy of the same bytes in and out.
        public var memcpy: SliceSummary

        /// Requests in a second, by the median.
        public var requestsPerSecond: Double { 1e9 / ours.median }

        /// The part that takes most, with its share in hundredths.
        public var dominant: (part: String, share: Int) {
            let parts = [
                ("rings and packets", max(0, ours.median - devices.median)),
                ("driver and controller", max(0, devices.median - disk.median)), ("disk", disk.median),
            ]
            let most = parts.max { $0.1 < $1.1 } ?? parts[0]
            return (most.0, ours.median > 0 ? Int((most.1 / ours.median * 100).rounded()) : 0)
        }
    }

    /// Measures one case.
    public func measure(_ measured: Case) throws(BenchmarkFailure) -> Result {
        let whole = try StorageContestant(measured, hasRings: true)
        let devices = try StorageContestant(measured, hasRings: false)
        var disk = MemoryDisk(byteCount: 1 << 24)
        let data = [UInt8](repeating: 0x5A, count: measured.byteCount)
        var copy = [UInt8](repeating: 0, count: measured.byteCount)
        let count = Self.requestsPerSlice
        let summaries = try InterleavedSlices(rounds: rounds).compare(4) { (turn) throws(BenchmarkFailure) in
            let time: UInt64
            switch turn {
            case 0: time = try InterleavedSlices.time { () throws(BenchmarkFailure) in try whole.run(count) }
            case 1: time = try InterleavedSlices.time { () throws(BenchmarkFailure) in try devices.run(count) }
            case 2:
                time = InterleavedSlices.time {
                    for request in 0..<count {
                        let operation = StorageContestant.operation(measured, request, data)
                        if case .success(let bytes) = disk.perform(operation, blockSize: 512) {
                            copy[0] ^= bytes.first ?? 0
                        }
                    }
                }
            default:
                time = InterleavedSlices.time {
                    for request in 0..<2 * count {
                        copy.withUnsafeMutableBytes { $0.copyBytes(from: data) }
                        // Something of each copy is used, so that none can be left out.
                        copy[0] ^= copy[request % copy.count]
                    }
                }
            }
            return Double(time) / Double(count)
        }
        return Result(
            case: measured, ours: summaries[0], devices: summaries[1], disk: summaries[2], memcpy: summaries[3])
    }
}

/// Guest pages that begin at address 0, in one piece.
private struct FlatPages: DeviceMemory {
    var bytes: [UInt8]

    func byteCount(gpadl: UInt32) -> Int? { nil }
    func read(gpadl: UInt32, offset: Int, count: Int) -> [UInt8]? { nil }
    mutating func write(gpadl: UInt32, offset: Int, _ bytes: [UInt8]) -> Bool { false }

    private func place(_ range: GPARange, _ count: Int) -> Range<Int>? {
        guard let first = range.pages.first, let start = Int(exactly: first.number * 4096 + UInt64(range.byteOffset)),
            start + count <= bytes.count
        else { return nil }
        return start..<start + count
    }

    func read(_ range: GPARange) -> [UInt8]? { place(range, Int(range.byteCount)).map { Array(bytes[$0]) } }

    mutating func write(_ range: GPARange, _ data: [UInt8]) -> Bool {
        guard let place = place(range, data.count) else { return false }
        bytes.withUnsafeMutableBytes { $0[place].copyBytes(from: data) }
        return true
    }
}

/// A driver and a controller, with rings between them or without.
private final class StorageContestant {
    private let measured: StorageBenchmark.Case
    private var guest: StorageConsumer
    private var host: StorageProvider
    private var disk = MemoryDisk(byteCount: 1 << 24)
    private var memory = FlatPages(bytes: [UInt8](repeating: 0, count: 2 << 20))
    private let rings: (out: BenchmarkRing, in: BenchmarkRing)?
    private var senders = (RingSender(), RingSender())
    private var receivers = (RingReceiver(), RingReceiver())
    private var waiting: [(toHost: Bool, ChannelPacket)] = []
    private var finished = 0
    private var submitted = 0
    private var problem: String?
    private let data: [UInt8]

    init(_ measured: StorageBenchmark.Case, hasRings: Bool) throws(BenchmarkFailure) {
        self.measured = measured
        var driver = StorageConsumer.Configuration()
        driver.slots = StorageBenchmark.depth
        guest = StorageConsumer(configuration: driver)
        var controller = StorageProvider.Configuration()
        controller.disks = [DiskDescription(lun: 0, byteCount: 1 << 24)]
        host = StorageProvider(configuration: controller)
        data = measured.isWrite ? [UInt8](repeating: 0x5A, count: measured.byteCount) : []
        if hasRings {
            rings = (
                try BenchmarkRing(ringBytes: 131_072, isMappedTwice: true),
                try BenchmarkRing(ringBytes: 131_072, isMappedTwice: true)
            )
        } else {
            rings = nil
        }
        _ = host.opened(subchannel: 0, time: 0, memory: &memory)
        act(guest.opened(subchannel: 0, time: 0, memory: &memory), isGuest: true)
        try settle()
        guard guest.isRunning else { throw BenchmarkFailure(description: "the driver did not come up") }
    }

    static func operation(_ measured: StorageBenchmark.Case, _ number: Int, _ data: [UInt8]) -> DiskOperation {
        let blocks = measured.byteCount / 512
        let block = UInt64(number % (16_384 / blocks) * blocks)
        return measured.isWrite
            ? .write(block: block, data, isForced: false) : .read(BlockRange(block: block, count: UInt32(blocks)))
    }

    /// Carries out some requests, several at a time.
    func run(_ count: Int) throws(BenchmarkFailure) {
        let end = finished + count
        let last = submitted + count
        while finished < end {
            while submitted < last, submitted - finished < StorageBenchmark.depth {
                let blocks = measured.byteCount / 512
                let block = UInt64(submitted % (16_384 / blocks) * blocks)
                let request = StorageRequest(
                    token: UInt64(submitted), lun: 0,
                    measured.isWrite
                        ? .write(block: block, count: UInt32(blocks)) : .read(block: block, count: UInt32(blocks)),
                    data: data, room: measured.isWrite ? 0 : measured.byteCount)
                submitted += 1
                act(guest.submit(request, memory: &memory), isGuest: true)
            }
            let before = finished
            try settle()
            guard finished > before else { throw BenchmarkFailure(description: "a request got lost") }
        }
    }

    private func settle() throws(BenchmarkFailure) {
        var isMoving = true
        while isMoving {
            isMoving = try deliver(toHost: true)
            if try deliver(toHost: false) { isMoving = true }
        }
        if let problem { throw BenchmarkFailure(description: problem) }
    }

    private func act(_ effects: [DeviceEffect], isGuest: Bool) {
        for effect in effects {
            switch effect {
            case .send(_, let packet, _): send(packet, toHost: isGuest)
            case .createBuffer(let purpose, let byteCount):
                let pages = (0..<UInt64(byteCount / 4096)).map { $0 }
                let buffer = GuestBuffer(gpadl: 0, byteCount: byteCount, pages: pages)
                act(guest.bufferCreated(purpose: purpose, buffer: buffer, memory: &memory), isGuest: true)
            case .disk(let request):
                let result = disk.perform(request.operation, blockSize: request.blockSize)
                let completion = DiskCompletion(token: request.token, result: result)
                act(host.completed(completion, time: 0, memory: &memory), isGuest: false)
            case .submitted(let result):
                finished += 1
                if !result.isSuccess { problem = "a request ended as \(result.status.rawValue)" }
            case .violation(let violation): problem = "\(violation)"
            case .failed(let reason): problem = reason
            default: break
            }
        }
    }

    private func send(_ packet: ChannelPacket, toHost: Bool) {
        guard let rings else {
            waiting.append((toHost, packet))
            return
        }
        guard let bytes = packet.encoded else {
            problem = "a packet is too long"
            return
        }
        let start = bytes.count - (packet.payload.count + 7) / 8 * 8
        let info = PacketInfo(packet.type, flags: packet.flags, transactionID: packet.transactionID)
        let header = Array(bytes[PacketDescriptor.byteCount..<start])
        do throws(RingError<Never>) {
            let sent =
                toHost
                ? try senders.0.send(info, header: header, payload: packet.payload, in: &rings.out.memory)
                : try senders.1.send(info, header: header, payload: packet.payload, in: &rings.in.memory)
            if case .full = sent { problem = "a ring is full" }
        } catch {
            problem = "\(error)"
        }
    }

    /// Takes what has come one way. False when nothing has.
    private func deliver(toHost: Bool) throws(BenchmarkFailure) -> Bool {
        var packets: [ChannelPacket] = []
        if let rings {
            do throws(RingError<Never>) {
                var bytes: [UInt8] = []
                while try toHost
                    ? receivers.0.next(in: rings.out.memory, appendingTo: &bytes) != nil
                    : receivers.1.next(in: rings.in.memory, appendingTo: &bytes) != nil
                {
                    if let packet = try? ChannelPacket.decode(bytes[...]) { packets.append(packet) }
                    bytes.removeAll(keepingCapacity: true)
                }
                if packets.isEmpty { return false }
                _ =
                    toHost
                    ? try receivers.0.commit(in: &rings.out.memory) : try receivers.1.commit(in: &rings.in.memory)
            } catch {
                throw BenchmarkFailure(description: "\(error)")
            }
        } else {
            packets = waiting.filter { $0.toHost == toHost }.map { $0.1 }
            waiting.removeAll { $0.toHost == toHost }
        }
        for packet in packets {
            if toHost {
                let attachment = host.attachment(of: packet, memory: memory)
                act(
                    host.receive(packet, attachment: attachment, subchannel: 0, time: 0, memory: &memory),
                    isGuest: false)
            } else {
                let attachment = guest.attachment(of: packet, memory: memory)
                act(
                    guest.receive(packet, attachment: attachment, subchannel: 0, time: 0, memory: &memory),
                    isGuest: true)
            }
        }
        return !packets.isEmpty
    }
}
