import VMBusWire

/// Lets faults happen to what partitions want done: every effect passes it before it is carried out, and comes out unchanged,
/// changed, later, more than once or not at all. What it did it tells.
///
/// It is a value. Each armed fault has random numbers of its own, so that one more moves no other.
public struct FaultInjector: Sendable, Hashable {
    private struct Armed: Sendable, Hashable {
        let fault: FaultConfiguration
        /// Effects that fitted.
        var met: UInt64 = 0
        /// How often it was done.
        var count: UInt64 = 0
        var draws: UInt64 = 0

        var isOff = false

        var isDone: Bool { isOff || fault.times != 0 && count >= fault.times }
        /// Whether it waits for its time and for nothing else.
        var waitsForTime: Bool { fault.time != nil && fault.kind.comesByItself }
    }

    /// Messages of one direction wait behind one that was held up.
    private struct Queue: Sendable, Hashable {
        let guest: Int
        let direction: Direction
        let until: UInt64
    }

    /// A channel's interrupt or signal waits for others, which are one with it.
    private struct Merger: Sendable, Hashable {
        let guest: Int
        let direction: Direction
        let relid: UInt32
        let until: UInt64
        let fault: FaultKind
    }

    private var armed: [Armed] = []
    private var queues: [Queue] = []
    private var mergers: [Merger] = []
    private let seed: UInt64

    /// Faults of a scenario; the same seed gives the same.
    public init(_ faults: [FaultConfiguration] = [], seed: UInt64) {
        self.seed = seed
        armed = faults.map { Armed(fault: $0) }
    }

    /// Whether anything may still come of it: without that nothing needs to pass.
    public var isArmed: Bool { !armed.allSatisfy(\.isDone) || !queues.isEmpty || !mergers.isEmpty }

    /// Arms one more.
    public mutating func arm(_ fault: FaultConfiguration) { armed.append(Armed(fault: fault)) }

    /// Lets go of one fault; it keeps its place, as random numbers go by that. False where there is none.
    public mutating func disarm(_ index: Int) -> Bool {
        guard armed.indices.contains(index), !armed[index].isOff else { return false }
        armed[index].isOff = true
        return true
    }

    /// Whether a fault was let go of.
    public func isOff(_ index: Int) -> Bool { armed.indices.contains(index) && armed[index].isOff }

    /// Lets go of all faults.
    public mutating func disarm() { armed = [] }

    /// The faults with how often each was done, in order of arming.
    public var counts: [(fault: FaultConfiguration, count: UInt64)] { armed.map { ($0.fault, $0.count) } }

    /// Lets an effect pass.
    ///
    /// - Parameters:
    ///   - guest: whose bus it is.
    ///   - time: nanoseconds, on the clock that the faults' times are meant by.
    ///   - place: the channel that a message is about.
    ///   - choose: a source of choices in the place of the injector's own: a number below its argument.
    /// - Returns: what is to be done instead, in order; nil when the effect stays as it is.
    public mutating func pass(
        _ effect: PartitionEffect, guest: Int, time: UInt64, place: @autoclosure () -> ChannelPlace? = nil,
        choose: ((UInt64) -> UInt64)? = nil
    ) -> [DelayedFaultAct]? {
        guard var passage = FaultPassage(effect, guest: guest, time: time) else { return nil }
        if passage.isMessage {
            passage.place = place()
            queues.removeAll { $0.until <= time }
            let ahead = queues.filter { $0.guest == guest && $0.direction == passage.direction }
            if let last = ahead.map(\.until).max() { passage.wait(last - time) }
        } else if !mergers.isEmpty {
            mergers.removeAll { $0.until <= time }
            if let merger = mergers.first(where: {
                $0.guest == guest && $0.direction == passage.direction && $0.relid == passage.place?.relid
            }), passage.isWakeUp {
                return passage.merged(merger.fault)
            }
        }
        for index in armed.indices where !armed[index].isDone && !armed[index].waitsForTime {
            let fault = armed[index].fault
            guard passage.fits(fault) else { continue }
            var draw = FaultDraw(seed: seed, fault: index, count: armed[index].draws, choose: choose)
            var attempt = passage
            guard attempt.undergo(fault, &draw) else { continue }
            armed[index].met += 1
            let isDue =
                armed[index].met >= fault.nth && (fault.odds >= 1_000_000 || draw.next(below: 1_000_000) < fault.odds)
            armed[index].draws = draw.count
            guard isDue else { continue }
            armed[index].count += 1
            passage = attempt
            let until = time &+ passage.delay
            switch fault.kind.action {
            case .delay where fault.kind.id == FaultKind.inOrder:
                queues.append(Queue(guest: guest, direction: passage.direction, until: until))
            case .coalesce:
                mergers.append(
                    Merger(
                        guest: guest, direction: passage.direction, relid: passage.place?.relid ?? 0, until: until,
                        fault: fault.kind))
            default: break
            }
        }
        return passage.isUntouched ? nil : passage.acts
    }

    /// When the first fault comes that waits for its time.
    public var nextTime: UInt64? {
        armed.filter { $0.waitsForTime && !$0.isDone }.compactMap(\.fault.time).min()
    }

    /// What comes by itself at a time, and to which guest; nil for the first.
    public mutating func takeDue(at time: UInt64) -> [(guest: Int?, acts: [DelayedFaultAct])] {
        var due: [(guest: Int?, acts: [DelayedFaultAct])] = []
        for index in armed.indices where armed[index].waitsForTime && !armed[index].isDone {
            guard let start = armed[index].fault.time, start <= time else { continue }
            // Once: without an effect to be done to there is no second chance.
            armed[index].count = max(1, armed[index].fault.times)
            due.append((armed[index].fault.guest, FaultPassage.acts(of: armed[index].fault)))
        }
        return due
    }

    /// A guest's connection has ended: nothing of it is held up any more.
    public mutating func forget(guest: Int) {
        queues.removeAll { $0.guest == guest }
        mergers.removeAll { $0.guest == guest }
    }
}

/// The random numbers of one armed fault: the n-th is a function of seed, fault and n.
struct FaultDraw {
    let seed: UInt64
    let fault: Int
    var count: UInt64
    let choose: ((UInt64) -> UInt64)?

    /// A number below a bound, which is not 0.
    mutating func next(below bound: UInt64) -> UInt64 {
        count += 1
        if let choose { return choose(bound) }
        var mixed = seed ^ (UInt64(fault) &+ 1) &* 0xD134_2543_DE82_EF95 ^ count &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return (mixed ^ (mixed >> 31)) % bound
    }
}
