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
}
