import VMBusRing

/// What one choice did in a ring's model.
enum RingHappening {
    /// An end made an access; none where an operation ended without one.
    case access(RingEnd, RingAccess?, result: UInt64)
    case signal(from: RingEnd)
    /// What an end held back is seen by the other.
    case flush(RingEnd, StoreBufferedRing.Store?)
    /// An end wakes up.
    case wake(RingEnd, isSpurious: Bool)
    /// A signal reaches a sender that does not wait.
    case ignored

    /// The same for people.
    var step: ScheduleStep {
        switch self {
        case .access(let end, let access?, let result):
            ScheduleStep(
                end.rawValue, to: access == .fence ? nil : RingModel.memoryName, access.text(result: result))
        case .access(let end, nil, _): ScheduleStep(end.rawValue, "goes on")
        case .signal(.sender): ScheduleStep(RingEnd.sender.rawValue, to: RingEnd.receiver.rawValue, "signals")
        case .signal(.receiver): ScheduleStep(RingEnd.receiver.rawValue, to: RingEnd.sender.rawValue, "signals")
        case .flush(let end, let store):
            ScheduleStep(
                end.rawValue, to: RingModel.memoryName, "\(store?.text ?? "nothing") leaves the store buffer")
        case .wake(let end, let isSpurious):
            ScheduleStep(end.rawValue, isSpurious ? "wakes up for nothing" : "wakes up, signalled")
        case .ignored: ScheduleStep(RingEnd.sender.rawValue, "is signalled and does not wait")
        }
    }
    /// A number for the kind of thing that it is.
    var number: UInt32 {
        switch self {
        case .access(let end, let access?, _):
            switch access {
            case .load(let word): 0x1000 + word.rawValue + (end == .sender ? 0 : 0x100)
            case .store(_, let word): 0x2000 + word.rawValue + (end == .sender ? 0 : 0x100)
            case .loadData: 0
            case .storeData: 1
            case .fence: 2
            }
        case .access(_, nil, _): 3
        case .signal: 4
        case .flush: 5
        case .wake(_, isSpurious: false): 6
        case .wake(_, isSpurious: true): 7
        case .ignored: 8
        }
    }

    /// The kind of thing that a number stands for.
    static func name(_ number: UInt32) -> String {
        let names = [
            "load of data", "store of data", "fence", "going on", "signal", "flush", "wake-up", "spurious wake-up",
            "signal that nobody waits for",
        ]
        if Int(number) < names.count { return names[Int(number)] }
        let end = number & 0x100 == 0 ? "sender's" : "receiver's"
        let word = RingWord(rawValue: number & 0xFF)?.name ?? "word"
        return "\(end) \(number & 0x1000 == 0 ? "store" : "load") of \(word)"
    }
}
