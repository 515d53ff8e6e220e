import VMBusRing

/// One ring with a sender that has so many packets to send and a receiver that sleeps until it is woken, each on a processor
/// of its own: the code that is shipped, stopped at each access to memory. The receiver gives space back when it has read
/// everything, or at any packet before.
///
/// Watched are `index-range`, `single-writer`, `one-byte-free`, `bytes-preserved`, `descriptor-sane`, `trailer-links`,
/// `no-lost-wakeup-data` and `no-lost-wakeup-space` (reference §6.4).
public struct RingModel: ExplorableModel, Hashable {
    /// What it was made from.
    public let settings: RingModelSettings
    /// The rule that the last step broke.
    public internal(set) var breach: ModelBreach?
    var ring: StoreBufferedRing
    var sender: SendingActor
    var receiver: ReceivingActor
    private var spuriousLeft: Int

    /// Something that can happen next.
    private enum Move {
        /// An end goes on.
        case act(RingEnd)
        /// The receiver gives the space of what it has taken back before it takes more.
        case commit
        /// The oldest store that an end holds back is seen.
        case flush(RingEnd)
        /// A signal reaches an end: a sender at any time, a receiver when it has read what there was.
        case signal(RingEnd)
        /// An end wakes up for nothing.
        case wakeSpuriously(RingEnd)
    }

    /// An empty ring, all packets unsent, the receiver asleep.
    /// - Parameter settings: numbers without a ``RingModelSettings/problem``.
    public init(_ settings: RingModelSettings) {
        self.settings = settings
        ring = StoreBufferedRing(dataSize: settings.ringBytes, order: settings.order)
        if settings.ends.usesPendingSendSize {
            _ = ring.perform(.store(RingControl.pendingSendSizeFeature, .featureBits), by: .sender)
            _ = ring.perform(.fence, by: .sender)
        }
        sender = SendingActor(ring: RingSender(settings.ends))
        receiver = ReceivingActor(ring: RingReceiver(settings.ends))
        spuriousLeft = settings.spuriousWakeUps
    }

    public var fingerprint: UInt64 {
        var digest = StateDigest()
        ring.add(to: &digest)
        sender.add(to: &digest)
        receiver.add(to: &digest)
        digest.add(UInt64(spuriousLeft))
        digest.add(breach == nil ? 0 : 1)
        return digest.value
    }

    /// About how many bytes one state takes.
    public var byteCount: Int { 640 + ring.data.count * 8 }

    public func successors() -> [RingModel] {
        let moves = moves
        return moves.map { move in
            var successor = self
            _ = successor.perform(move)
            return successor
        }
    }

    public mutating func take(_ choice: Int) -> [ScheduleStep]? {
        let moves = moves
        guard moves.indices.contains(choice) else { return nil }
        return [perform(moves[choice]).step]
    }

    /// Takes one step, of which `choose` says the number among so many.
    /// - Returns: what it did; nil at an end.
    mutating func step(_ choose: (Int) -> Int) -> RingHappening? {
        let moves = moves
        guard !moves.isEmpty else { return nil }
        return perform(moves[choose(moves.count)])
    }

    /// What can happen, in the order of the choices' numbers; nothing once a rule is broken.
    private var moves: [Move] {
        guard breach == nil else { return [] }
        var moves: [Move] = []
        if sender.isAwake { moves.append(.act(.sender)) }
        if receiver.isAwake { moves.append(.act(.receiver)) }
        if receiver.mayCommit { moves.append(.commit) }
        for end in RingEnd.allCases where !ring.buffer(of: end).isEmpty { moves.append(.flush(end)) }
        if sender.isSignalled { moves.append(.signal(.sender)) }
        if receiver.isSignalled, !receiver.isAwake { moves.append(.signal(.receiver)) }
        guard spuriousLeft > 0 else { return moves }
        if sender.isAsleep, !sender.isSignalled { moves.append(.wakeSpuriously(.sender)) }
        if !receiver.isAwake, !receiver.isSignalled { moves.append(.wakeSpuriously(.receiver)) }
        return moves
    }

    /// Lets something happen and checks the rules.
    private mutating func perform(_ move: Move) -> RingHappening {
        let happening: RingHappening
        switch move {
        case .act(.sender): happening = actSender()
        case .act(.receiver): happening = actReceiver()
        case .commit:
            receiver.phase = .commit
            happening = actReceiver()
        case .flush(let end): happening = .flush(end, ring.flush(end))
        case .signal(.sender) where !sender.isAsleep:
            sender.isSignalled = false
            happening = .ignored
        case .signal(let end):
            wake(end)
            happening = .wake(end, isSpurious: false)
        case .wakeSpuriously(let end):
            spuriousLeft -= 1
            wake(end)
            happening = .wake(end, isSpurious: true)
        }
        if breach == nil { breach = brokenRule }
        return happening
    }

    private mutating func wake(_ end: RingEnd) {
        switch end {
        case .sender: sender.wake()
        case .receiver: receiver.wake()
        }
    }

    /// The lifelines of a chart of a run.
    public static let lifelines = [RingEnd.sender.rawValue, memoryName, RingEnd.receiver.rawValue]
    static let memoryName = "ring"
}
