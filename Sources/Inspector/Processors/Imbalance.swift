/// How unevenly interrupts lie on processors.
///
/// The population is the processors that could share the load: as many as there are channels or online processors, whichever
/// are fewer. So four channels on four of 128 processors are even, which they would not be over all 128.
public struct Imbalance: Sendable, Hashable {
    /// All interrupts per second together.
    public let total: Double
    /// How many processors could share them.
    public let population: Int
    /// The busiest processor's interrupts per second.
    public let peak: Double
    /// The busiest over the mean: 1 is even, the population is all on one.
    public let peakToMean: Double
    /// The Gini coefficient: 0 is even, near 1 is all on one.
    public let gini: Double

    /// Measures loads; nil where there is no load to be measured.
    ///
    /// - Parameters:
    ///   - loads: interrupts per second of each processor that has any, in any order.
    ///   - population: how many processors could share them, those without load included.
    public init?(loads: [Double], over population: Int) {
        let sorted = loads.filter { $0.isFinite && $0 > 0 }.sorted()
        let total = sorted.reduce(0, +)
        guard let peak = sorted.last, total > 0 else { return nil }
        // More processors can have a load than could share it evenly, such as after channels were moved by hand.
        let population = max(population, sorted.count, 1)
        let idle = population - sorted.count
        var weighted = 0.0
        for (place, load) in sorted.enumerated() { weighted += Double(idle + place + 1) * load }
        (self.total, self.peak, self.population) = (total, peak, population)
        let count = Double(population)
        peakToMean = peak * count / total
        gini = max(0, (2 * weighted / total - count - 1) / count)
    }
}
