public import BusModel
import VMBusDevices
public import VMBusPartitions
import VMBusRing
import VMBusWire

/// A root partition and its guests in software, as one value: the same scenario and seed give the same records, byte for
/// byte, on every machine. A copy is a checkpoint.
public struct Simulation: Sendable {
    /// What it was made from.
    public let scenario: Scenario
    /// The virtual clock, in nanoseconds.
    public internal(set) var time: UInt64 = 0
    /// Choices made so far.
    public private(set) var steps: UInt64 = 0
    /// The number of the next record.
    public private(set) var nextSequence: UInt64 = 1
    var guests: [SimulatedGuest]
    var exchange: VirtualSwitch
    /// The disks of each guest.
    var disks: [DiskShelf]
    var queue = EventQueue<SimulationEvent>()
    var records = FlowBatch()
    private var latencies: SeededGenerator

    /// Nanoseconds between two looks at a guest's counters and fills.
    static let sampleInterval: UInt64 = 250_000_000

    /// Everything is off; the guests boot when their time comes.
    public init(_ scenario: Scenario, seed: UInt64? = nil) {
        self.scenario = scenario
        exchange = scenario.makeSwitch()
        latencies = SeededGenerator(seed: seed ?? scenario.seed, stream: 1)
        guests = scenario.guests.map { SimulatedGuest($0) }
        disks = scenario.guests.map { DiskShelf(inMemory: $0) }
        announce()
        for (index, guest) in scenario.guests.enumerated() {
            queue.push(.boot(guest: index), at: guest.bootTime)
            queue.push(.sample(guest: index), at: guest.bootTime + Self.sampleInterval)
        }
        for (index, event) in scenario.events.enumerated() { queue.push(.scenario(index), at: event.time) }
    }

    /// Makes one choice and carries it out: the next thing happens.
    ///
    /// - Returns: what it left in the log; nil when nothing will ever happen again.
    public mutating func step() -> FlowBatch? {
        guard let (due, event) = queue.pop() else { return records.isEmpty ? nil : takeRecords() }
        time = max(time, due)
        steps += 1
        perform(event)
        return takeRecords()
    }

    /// When the next thing happens.
    public var nextTime: UInt64? { queue.nextTime }

    /// What has been left in the log since the last time.
    mutating func takeRecords() -> FlowBatch {
        records.number(from: &nextSequence)
        defer { records = FlowBatch() }
        return records
    }

    /// How long something takes, drawn anew each time.
    mutating func latency(_ range: ClosedRange<UInt64>) -> UInt64 { latencies.next(in: range) }

    /// The number of a guest's partition: the root is 0.
    static func partition(_ guest: Int) -> UInt16 { UInt16(truncatingIfNeeded: guest + 1) }

    /// The partitions stand before the first guest boots.
    private mutating func announce() {
        var root = PartitionSnapshot(number: 0, name: scenario.rootName, role: .root)
        root.virtualProcessors = .unavailable
        root.connection = .known(.connected)
        record(.state, partition: 0, code: StateCode.appeared.rawValue, AttributeList(root.attributeReadings).encoded())
        for (index, configuration) in scenario.guests.enumerated() {
            var partition = PartitionSnapshot(
                number: Self.partition(index), name: configuration.name, role: .guest)
            partition.virtualProcessors = .known(UInt64(configuration.processors))
            partition.connection = .known(.disconnected)
            record(
                .state, partition: Self.partition(index), code: StateCode.appeared.rawValue,
                AttributeList(partition.attributeReadings).encoded())
        }
    }

    /// Writes a record without a channel.
    mutating func record(
        _ kind: FlowKind, partition: UInt16, direction: Direction? = nil, code: UInt32 = 0, _ payload: [UInt8]
    ) {
        records.append(
            FlowRecordHeader(kind: kind, time: time, partition: partition, direction: direction, code: code), payload)
    }

    /// Writes a record of a channel.
    mutating func record(
        _ kind: FlowKind, partition: UInt16, _ place: ChannelPlace, direction: Direction? = nil, code: UInt32 = 0,
        _ payload: [UInt8], attachment: [UInt8] = []
    ) {
        records.append(
            FlowRecordHeader(
                kind: kind, time: time, partition: partition, device: place.device, subchannel: place.subchannel,
                relid: place.relid, direction: direction, code: code), payload, attachment: attachment)
    }
}

/// Something that the hypervisor will let happen.
enum SimulationEvent: Sendable {
    case boot(guest: Int)
    /// A post reaches the host.
    case hostMessage(guest: Int, bytes: [UInt8], connectionID: UInt32)
    /// A processor is interrupted for its message slot.
    case messageInterrupt(guest: Int, processor: UInt32)
    /// A processor is interrupted for its event flags.
    case eventInterrupt(guest: Int, processor: UInt32)
    /// A signal reaches the host's end of a channel.
    case hostSignal(guest: Int, relid: UInt32)
    /// The hypervisor looks at a guest's monitor page.
    case monitorPoll(guest: Int)
    case guestWake(guest: Int, WakeToken)
    case hostWake(guest: Int, WakeToken)
    /// A frame reaches a network device of the host.
    case frame(VirtualSwitch.Port, [UInt8])
    /// The guest ends, as its host has asked it to.
    case end(guest: Int, bootsAgain: Bool)
    /// A disk of the host has done what it was asked.
    case disk(guest: Int, device: GUID, generation: UInt32, DiskCompletion)
    /// The guest's counters and fills are looked at.
    case sample(guest: Int)
    /// A guest that hibernates is there again.
    case resume(guest: Int)
    /// A host that was saved is there again.
    case restore(guest: Int)
    /// An event of the scenario.
    case scenario(Int)

    /// The guest that it is about, if it ends with the guest's run.
    var guest: Int? {
        switch self {
        case .hostMessage(let guest, _, _), .messageInterrupt(let guest, _), .eventInterrupt(let guest, _),
            .hostSignal(let guest, _), .monitorPoll(let guest), .guestWake(let guest, _), .end(let guest, _):
            guest
        case .boot, .hostWake, .frame, .disk, .sample, .resume, .restore, .scenario: nil
        }
    }
}
