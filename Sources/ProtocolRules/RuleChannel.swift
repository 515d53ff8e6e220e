import VMBusWire

/// A channel whose number the guest holds.
struct RuleChannel: Sendable, Hashable {
    /// How far its life is, as the records tell it.
    enum State: Sendable, Hashable {
        case closed
        /// An open with this id is not answered.
        case opening(openID: UInt32)
        case open
    }

    /// The offer.
    let offer: OfferChannel
    /// How far its life is.
    var state = State.closed
    /// Whether the host has taken it back.
    var isRescinded = false
    /// The handle of the page list of its rings; 0 while it is closed.
    private(set) var ringList: UInt32 = 0
    /// The processors that its interrupts may reach; empty for a channel that was never opened, or where it is not known.
    private(set) var targets: [UInt32] = []
    /// Where it is being moved to, one for each move that is not answered.
    private(set) var moves: [UInt32] = []

    init(_ offer: OfferChannel) { self.offer = offer }

    /// The channel's number.
    var relid: UInt32 { offer.relid }

    /// Whether a guest may write: the open was accepted and is not closed.
    var isOpen: Bool { state == .open }

    /// Whether a guest may let go of the number: it was taken back, or nobody uses it, as when a guest's driver of the bus ends
    /// (reference §8.5).
    var isReleasable: Bool { isRescinded || state == .closed }

    mutating func open(_ openID: UInt32, ring: UInt32, targets: [UInt32]) {
        state = .opening(openID: openID)
        ringList = ring
        self.targets = targets
        moves = []
    }

    mutating func close() {
        state = .closed
        ringList = 0
    }

    /// Without an answer, below 5.3, nobody can say when the interrupts move: the old processors stay possible.
    mutating func move(to targetVP: UInt32, in version: ProtocolVersion) {
        guard version >= .iron else {
            if !targets.contains(targetVP) { targets.append(targetVP) }
            return
        }
        // Each is answered before the next; a log may say anything.
        if moves.count < 8 { moves.append(targetVP) }
    }

    mutating func moved(_ status: MessageStatus) {
        guard !moves.isEmpty else { return }
        let target = moves.removeFirst()
        if status.isSuccess { targets = [target] }
    }
}

/// A page list that the guest shares.
struct RulePageList: Sendable, Hashable {
    /// How far its life is.
    enum State: Sendable, Hashable {
        /// Parts are to come, or the answer is.
        case creating
        /// The host refused it; parts that were sent before may still come.
        case refused
        case created
        /// TEARDOWN was sent.
        case tearingDown
    }

    /// The guest's handle.
    let handle: UInt32
    /// The channel that it belongs to.
    let relid: UInt32
    /// Its pages, as far as they have come.
    var parts: PageListParts
    /// How far its life is.
    var state = State.creating
    /// The channel's number was released: the list is gone, and at most one answer is still on its way.
    var isOrphan = false

    init(_ header: GPADLHeader) {
        handle = header.gpadl
        relid = header.relid
        parts = PageListParts(header)
    }

    /// Whether the host owes an answer.
    var awaitsAnswer: Bool { state == .creating || state == .tearingDown }

    /// Whether the host may touch the pages.
    var isLive: Bool { state != .refused && !isOrphan }
}

/// The ranges of a page list, joined in order of arrival (reference §3.9), without keeping the words.
struct PageListParts: Sendable, Hashable {
    /// Consecutive pages.
    struct Run: Sendable, Hashable {
        var first: UInt64
        var count: UInt64
    }

    /// 8-byte words that the header declares.
    let declaredWords: Int
    /// Ranges that the header declares.
    let declaredRanges: Int
    /// Words that have come.
    private(set) var words = 0
    /// Ranges that have begun.
    private(set) var ranges = 0
    /// The pages that have come.
    private(set) var pages: UInt64 = 0
    /// The pages as runs.
    private(set) var runs: [Run] = []
    /// Pages that the present range still brings.
    private var missing: UInt64 = 0
    /// What is wrong with a range.
    private(set) var problem: String?

    init(_ header: GPADLHeader) {
        declaredWords = Int(header.rangeBufferLength) / 8
        declaredRanges = Int(header.rangeCount)
        if header.rangeBufferLength % 8 != 0 || header.rangeBufferLength < 16 || header.rangeCount == 0 {
            problem = "\(header.rangeBufferLength) bytes for \(header.rangeCount) ranges"
        }
        append(header.words)
    }

    /// Takes in a message's words; those beyond the declared ones are padding.
    mutating func append(_ more: [UInt64]) {
        for word in more.prefix(declaredWords - words) {
            words += 1
            guard missing == 0 else {
                add(word)
                continue
            }
            ranges += 1
            let (byteCount, byteOffset) = (word & 0xFFFF_FFFF, word >> 32)
            missing = (byteOffset + byteCount + 4095) / 4096
            if byteCount == 0 || byteOffset > 4095 { problem = problem ?? "\(byteCount) bytes at offset \(byteOffset)" }
        }
        guard isComplete, problem == nil else { return }
        if ranges != declaredRanges { problem = "\(ranges) ranges, \(declaredRanges) declared" }
        if missing > 0 { problem = "\(missing) pages are missing" }
    }

    private mutating func add(_ page: UInt64) {
        missing -= 1
        pages += 1
        if let last = runs.last, last.first &+ last.count == page {
            runs[runs.count - 1].count += 1
        } else {
            runs.append(Run(first: page, count: 1))
        }
    }

    /// Whether everything that the header declares has come.
    var isComplete: Bool { words >= declaredWords }

    /// A page that both lists hold.
    func sharedPage(with other: PageListParts) -> UInt64? {
        for left in runs {
            for right in other.runs {
                let first = max(left.first, right.first)
                if first &- left.first < left.count, first &- right.first < right.count { return first }
            }
        }
        return nil
    }
}
