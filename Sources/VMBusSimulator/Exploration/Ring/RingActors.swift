import VMBusRing

/// The sender of a model and where it stands.
struct SendingActor: Hashable, Sendable {
    /// The value that is shipped.
    var ring: RingSender
    /// What it does next or is in the middle of.
    var phase = Phase.send
    /// What the accesses of the operation in hand gave so far.
    var results: [UInt64] = []
    /// Packets that were sent.
    var sent = 0
    /// A signal for it is on its way.
    var isSignalled = false

    enum Phase: Hashable, Sendable {
        case send
        case waitForSpace(needed: UInt32)
        /// The receiver must be signalled; then comes the next packet.
        case signal
        case asleep(needed: UInt32)
        case done
    }

    var isAsleep: Bool {
        if case .asleep = phase { return true }
        return false
    }

    var isAwake: Bool { !isAsleep && phase != .done }

    /// Whether no operation is in hand and none of its accesses was made.
    var isBetweenOperations: Bool { results.isEmpty && phase != .signal }

    mutating func wake() {
        isSignalled = false
        phase = .send
    }

    /// What each phase is called, by its number.
    static let phaseNames = ["sends", "asks for space", "signals", "sleeps", "is done"]

    var phaseNumber: Int {
        switch phase {
        case .send: 0
        case .waitForSpace: 1
        case .signal: 2
        case .asleep: 3
        case .done: 4
        }
    }

    func add(to digest: inout StateDigest) {
        let needed: UInt32 =
            switch phase {
            case .waitForSpace(let needed), .asleep(let needed): needed
            default: 0
            }
        digest.add(UInt64(phaseNumber) << 40 | UInt64(needed) << 8 | (isSignalled ? 1 : 0))
        digest.add(UInt64(ring.position) << 32 | UInt64(ring.pendingSendSize))
        digest.add(UInt64(sent))
        digest.add(UInt64(results.count))
        for result in results { digest.add(result) }
    }
}

/// The receiver of a model and where it stands.
struct ReceivingActor: Hashable, Sendable {
    /// The value that is shipped.
    var ring: RingReceiver
    /// What it does next or is in the middle of.
    var phase = Phase.asleep
    /// What the accesses of the operation in hand gave so far.
    var results: [UInt64] = []
    /// Packets that were taken.
    var taken = 0
    /// A signal for it is on its way.
    var isSignalled = false

    enum Phase: Hashable, Sendable {
        case mask
        case next
        case commit
        case finish
        /// The sender must be signalled; then it goes on, or sleeps.
        case signal(thenReads: Bool)
        case asleep
    }

    var isAwake: Bool { phase != .asleep }

    /// Whether it holds packets and stands before the next one.
    var mayCommit: Bool { phase == .next && results.isEmpty && ring.position != ring.published }

    /// Whether no operation is in hand and none of its accesses was made.
    var isBetweenOperations: Bool {
        if case .signal = phase { return false }
        return results.isEmpty
    }

    mutating func wake() {
        isSignalled = false
        phase = .mask
    }

    /// What each phase is called, by its number.
    static let phaseNames = ["masks", "reads", "gives back", "finishes", "signals", "signals and reads on", "sleeps"]

    var phaseNumber: Int {
        switch phase {
        case .mask: 0
        case .next: 1
        case .commit: 2
        case .finish: 3
        case .signal(thenReads: false): 4
        case .signal(thenReads: true): 5
        case .asleep: 6
        }
    }

    func add(to digest: inout StateDigest) {
        digest.add(UInt64(phaseNumber) << 8 | (isSignalled ? 1 : 0))
        digest.add(UInt64(ring.position) << 32 | UInt64(ring.published))
        digest.add(UInt64(taken) << 32 | UInt64(ring.loadedWriteIndex))
        digest.add(UInt64(results.count))
        for result in results { digest.add(result) }
    }
}
