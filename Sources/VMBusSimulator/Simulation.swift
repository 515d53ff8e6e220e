public import BusModel
public import ProtocolRules
import VMBusDevices
public import VMBusPartitions
import VMBusRing
import VMBusWire

/// A root partition and its guests in software, as one value: the same scenario and choices give the same records, byte for
/// byte, on every machine.
///
/// A copy is a checkpoint. The copy itself costs some references; what it costs in the end is what is written afterwards: of
/// the guests' memory the blocks of 1 KiB that change, and the lists of both ends that change. Two guests that ping each other
/// every millisecond over four channels each, which is 20,000 steps a virtual second, change
///
/// | steps between checkpoints | blocks that change | for a million steps |
/// |---|---|---|
/// | 256 | 46 KiB | 180 MiB |
/// | 1024 | 97 KiB | 93 MiB |
/// | 2048 | 153 KiB | 73 MiB |
/// | 4096 | 272 KiB | 65 MiB |
///
/// A jump runs on from the checkpoint before it, half the distance on average and almost all of it at the 99th percentile:
/// within 16 ms that is 64,000 steps a second for a distance of 1024, and four times as many for 4096. Two guests that send
/// bursts write more: a million steps of the scenario `network` take 359 MiB with a distance of 1024. So it is 2048, which
/// halves the number of checkpoints and doubles the longest way. Three quarters of what such a checkpoint costs are blocks of
/// memory: both rings of each guest's first channel, which are written all round in 2048 steps, and the buffers of the frames.
public struct Simulation: Sendable {
    /// What it was made from.
    public let scenario: Scenario
    /// The virtual clock, in nanoseconds.
    public internal(set) var time: UInt64 = 0
    /// Steps so far: events that have happened.
    public private(set) var steps: UInt64 = 0
    /// The number of the next record.
    public private(set) var nextSequence: UInt64 = 1
    var guests: [SimulatedGuest]
    var exchange: VirtualSwitch
    /// The disks of each guest.
    var disks: [DiskShelf]
    var queue = EventQueue<SimulationEvent>()
    var records = FlowBatch()
    /// What goes wrong.
    var faults: FaultInjector
    /// Where its decisions come from. What is changed here counts from the next step on.
    public var choices: ChoiceSource
    /// Which of the events that wait may act next.
    public let ordering: EventOrdering
    /// In which order what one end of a bus stores reaches the other.
    public let memoryOrder: MemoryOrder
    /// Checks the rules of the protocol after every step; nil for not. Each breach becomes a record of the log.
    public internal(set) var checker: RuleChecker?
    /// Whether there is a checker: every step asks, and to ask the checker itself would copy it.
    private var checksRules = false
    /// What the rules must be shown of the step that has just happened.
    private var touch: RuleTouch?

    /// Nanoseconds between two looks at a guest's counters and fills.
    static let sampleInterval: UInt64 = 250_000_000

    /// Everything is off; the guests boot when their time comes.
    ///
    /// - Parameter seed: of all decisions; the scenario's own unless another is asked for.
    public init(_ scenario: Scenario, seed: UInt64? = nil) {
        self.init(scenario, choices: .seed(seed ?? scenario.seed))
    }

    /// Everything is off; the guests boot when their time comes.
    public init(
        _ scenario: Scenario, choices: ChoiceSource, ordering: EventOrdering = .byTime, memoryOrder: MemoryOrder = .sc
    ) {
        self.scenario = scenario
        self.choices = choices
        self.ordering = ordering
        self.memoryOrder = memoryOrder
        exchange = scenario.makeSwitch()
        faults = FaultInjector(scenario.faults, seed: scenario.seed)
        guests = scenario.guests.map { SimulatedGuest($0, memoryOrder: memoryOrder) }
        disks = scenario.guests.map { DiskShelf(inMemory: $0) }
        announce()
        for (index, guest) in scenario.guests.enumerated() {
            queue.push(.boot(guest: index), at: guest.bootTime)
            guard ordering == .byTime else { continue }
            queue.push(.sample(guest: index), at: guest.bootTime + Self.sampleInterval)
        }
        for (index, event) in scenario.events.enumerated() { queue.push(.scenario(index), at: event.time) }
        scheduleFaults()
    }

    /// Lets the next event happen. The decisions that it took are in `choices.taken`.
    ///
    /// - Returns: what it left in the log; nil when nothing will ever happen again, or a question waits for its answer.
    public mutating func step() -> FlowBatch? {
        var batch = FlowBatch()
        return step(into: &batch) == .happened || !batch.isEmpty ? batch : nil
    }

    /// Lets the next event happen. The decisions that it took are in `choices.taken`.
    ///
    /// - Parameter batch: gets what it left in the log behind what it holds; nothing while a question waits.
    public mutating func step(into batch: inout FlowBatch) -> StepOutcome {
        guard choices.asked.isEmpty else { return stepOrAsk(into: &batch) }
        // The records go where they belong at once; what was left before the first step comes in front of them.
        let first = batch.headers.count
        if !records.isEmpty {
            batch.append(records)
            records.removeAll()
        }
        swap(&batch, &records)
        defer { swap(&batch, &records) }
        guard let entry = next() else {
            finish(from: first)
            return .ended
        }
        happen(entry)
        finish(from: first)
        return .happened
    }

    /// A person may have to be asked in the middle of the event: then it has not happened, and happens again from its start
    /// when there is an answer.
    private mutating func stepOrAsk(into batch: inout FlowBatch) -> StepOutcome {
        let before = self
        guard let entry = next() else {
            takeRecords(into: &batch)
            return .ended
        }
        if choices.question == nil { happen(entry) }
        if let question = choices.question {
            self = before
            return .asks(question)
        }
        takeRecords(into: &batch)
        return .happened
    }

    /// Decides who acts.
    private mutating func next() -> EventQueue<SimulationEvent>.Entry? {
        choices.begin()
        guard let earliest = queue.nextTime else { return nil }
        var end = earliest
        if case .interleaved(let window) = ordering {
            let (sum, overflow) = max(time, earliest).addingReportingOverflow(window)
            end = overflow ? .max : sum
        }
        guard queue.hasSeveral(until: end) else { return queue.pop() }
        let candidates = queue.candidates(until: end) { $0.lane }
        let choice = choices.choose(.next, UInt64(candidates.count))
        return queue.take(candidates[Int(choice)])
    }

    /// Checks the rules from now on; the rules of what was begun before cannot be checked then.
    public mutating func checkRules() {
        guard !checksRules else { return }
        checker = RuleChecker()
        checksRules = true
    }

    private mutating func happen(_ entry: EventQueue<SimulationEvent>.Entry) {
        time = max(time, entry.time)
        steps += 1
        if checksRules { touch = touch(of: entry.event) }
        perform(entry.event)
    }

    /// When the next thing happens.
    public var nextTime: UInt64? { queue.nextTime }

    /// What has been left in the log since the last time.
    mutating func takeRecords() -> FlowBatch {
        var batch = FlowBatch()
        takeRecords(into: &batch)
        return batch
    }

    private mutating func takeRecords(into batch: inout FlowBatch) {
        finish(from: 0)
        if batch.isEmpty {
            batch = FlowBatch()
            swap(&batch, &records)
        } else {
            batch.append(records)
            records.removeAll()
        }
    }

    /// Gives the records from a place on their numbers, and shows them to the rules as those of one step.
    private mutating func finish(from first: Int) {
        let touch = touch.take()
        guard records.headers.count > first || touch != nil else { return }
        records.number(from: &nextSequence, startingAt: first)
        if checksRules { examine(touch ?? RuleTouch(), recordsFrom: first) }
    }

    /// Gives records the next numbers.
    mutating func number(_ batch: inout FlowBatch) { batch.number(from: &nextSequence) }

    /// Decides something; the answer is from 0 to `count` − 1.
    mutating func choose(_ purpose: ChoicePurpose, _ count: UInt64) -> UInt64 { choices.choose(purpose, count) }

    /// How long something takes, decided anew each time. Where events are interleaved the order alone counts, and everything
    /// takes its shortest time.
    mutating func delay(_ purpose: ChoicePurpose, _ range: ClosedRange<UInt64>) -> UInt64 {
        guard ordering == .byTime else { return range.lowerBound }
        let (count, overflow) = (range.upperBound - range.lowerBound).addingReportingOverflow(1)
        return range.lowerBound + choices.choose(purpose, overflow ? .max : count)
    }

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
