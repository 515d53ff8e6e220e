/// How far a search may go.
public struct ExplorationLimits: Hashable, Sendable {
    /// States that are looked at.
    public var states: Int
    /// Bytes that the search may take, as it reckons itself.
    public var bytes: Int

    /// Limits of a search.
    public init(states: Int = 10_000_000, bytes: Int = 2 << 30) {
        self.states = states
        self.bytes = bytes
    }
}

/// How far a search has come.
public struct ExplorationProgress: Hashable, Sendable {
    /// Different states found, the first included.
    public var states = 1
    /// Steps taken, also those that led to a state that was known.
    public var transitions = 0
    /// Steps from the start to the states that are being looked at now.
    public var depth = 0
    /// States that were found and not yet looked at.
    public var waiting = 1
    /// Bytes of fingerprints and links; the states that wait come on top.
    public var bytes = 0

    /// The chance that two different states had one fingerprint, so that one of them was never looked at.
    public var collisionChance: Double { Double(states) * Double(states) / 0x1p65 }
}

/// How a search ended.
public enum ExplorationVerdict: Hashable, Sendable {
    /// Every state was looked at, and none breaks a rule.
    case holds
    /// A limit was reached first: nothing is said of what lies beyond.
    case bounded(ExplorationLimit)
    /// A state breaks a rule; no shorter schedule leads to a broken rule.
    case broken(ModelBreach, Schedule)
}

/// Which limit ended a search.
public enum ExplorationLimit: String, Hashable, Sendable, CaseIterable {
    /// As many states as were allowed.
    case states
    /// As many bytes as were allowed.
    case memory
    /// Whoever searched had enough.
    case interrupted
}

/// A breadth-first search through all states of a model, which a caller lets run piece by piece.
///
/// Only fingerprints of states are kept, and from which state each was reached by which choice; the states themselves only
/// while they wait to be looked at. Whatever breaks a rule is found by a shortest schedule.
public struct Exploration<Model: ExplorableModel>: Sendable {
    /// How far it has come.
    public private(set) var progress = ExplorationProgress()
    /// How it has ended; nil as long as it has not.
    public private(set) var verdict: ExplorationVerdict?
    private let limits: ExplorationLimits
    private let stateBytes: Int
    private var seen = FingerprintSet()
    /// For each state but the first: the number of the one it was reached from, and by which choice.
    private var links: [Link] = []
    /// The states of the present depth that are not yet looked at, and those of the next.
    private var current: [Waiting]
    private var next: [Waiting] = []

    private struct Link: Sendable {
        var parent: UInt32
        var choice: UInt32
    }

    private struct Waiting: Sendable {
        var model: Model
        var number: UInt32
    }

    /// A search that begins at a state.
    /// - Parameter stateBytes: about how many bytes one waiting state takes.
    public init(_ start: Model, limits: ExplorationLimits = ExplorationLimits(), stateBytes: Int) {
        self.limits = limits
        self.stateBytes = stateBytes
        current = [Waiting(model: start, number: 0)]
        _ = seen.insert(start.fingerprint)
        if let breach = start.breach { verdict = .broken(breach, Schedule()) }
    }

    /// Looks at some states.
    /// - Returns: whether there is more to do.
    public mutating func advance(states count: Int) -> Bool {
        for _ in 0..<count {
            guard verdict == nil else { return false }
            lookAtNext()
        }
        return verdict == nil
    }

    /// Ends the search as it is.
    public mutating func stop(_ limit: ExplorationLimit) {
        if verdict == nil { verdict = .bounded(limit) }
    }

    private mutating func lookAtNext() {
        if current.isEmpty {
            guard !next.isEmpty else {
                verdict = .holds
                return
            }
            swap(&current, &next)
            progress.depth += 1
        }
        guard let waiting = current.popLast() else { return }
        for (choice, successor) in waiting.model.successors().enumerated() {
            progress.transitions += 1
            let link = Link(parent: waiting.number, choice: UInt32(truncatingIfNeeded: choice))
            // Whatever the state is, the step to it breaks the rule.
            if let breach = successor.breach {
                links.append(link)
                verdict = .broken(breach, schedule(to: links.count))
                progress.depth += 1
                break
            }
            guard seen.insert(successor.fingerprint) else { continue }
            links.append(link)
            next.append(Waiting(model: successor, number: UInt32(truncatingIfNeeded: links.count)))
        }
        progress.states = seen.count
        progress.waiting = current.count + next.count
        progress.bytes = seen.byteCount + links.count * 8 + progress.waiting * stateBytes
        if seen.count >= limits.states { stop(.states) }
        if progress.bytes >= limits.bytes { stop(.memory) }
    }

    private func schedule(to state: Int) -> Schedule {
        var choices: [Int] = []
        var number = state
        while number > 0 {
            let link = links[number - 1]
            choices.append(Int(link.choice))
            number = Int(link.parent)
        }
        return Schedule(choices.reversed())
    }
}
