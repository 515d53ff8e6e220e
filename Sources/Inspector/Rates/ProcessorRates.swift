import BusModel

/// How fast the interrupts of VMBus grow that the kernel counts for each processor of a guest: of channels and of messages.
struct ProcessorRates: Sendable, Hashable {
    // Only looked up, never walked.
    private var tracks: [String: CounterTrack] = [:]
    private var rates: [String: Double] = [:]

    /// Takes in what a look at the counts gave; they are held in 32 bits.
    mutating func look(at counts: [NamedCount], time: UInt64) {
        for count in counts {
            switch CounterTrack.look(&tracks[count.name], count.count, at: time) {
            case .nothing: break
            case .reset: rates[count.name] = nil
            case .step(let step): rates[count.name] = step.rate
            }
        }
    }

    /// Interrupts per second of a processor; nil until it was looked at twice.
    subscript(processor: Int) -> Double? { rates["cpu\(processor)"] }
}
