/// Many runs of a subject, each with other choices, which look for a broken rule and for what was not met before.
///
/// Every run has a random half of the variations (swarm: a few strong mixes find more than one even mix). Every second run
/// begins as one did that met something new. The same seed gives the same campaign.
public struct FuzzCampaign<Subject: FuzzSubject>: Sendable {
    /// What is run.
    public let subject: Subject
    /// Runs so far.
    public private(set) var runs = 0
    /// Steps of all runs.
    public private(set) var steps = 0
    /// How many runs met each cell.
    public private(set) var coverage: [CoverageCell: Int] = [:]
    /// The beginnings of runs that met something new, at most ``maximumCorpus``.
    public private(set) var corpus: [FuzzCase] = []
    /// The first run that broke a rule.
    public private(set) var failure: Failure?
    private var generator: SeededGenerator

    /// The most beginnings that are kept.
    public static var maximumCorpus: Int { 256 }

    /// A run that broke a rule.
    public struct Failure: Sendable {
        /// The case that breaks it.
        public var trial: FuzzCase
        /// The rule and what was seen.
        public var breach: ModelBreach
        /// Steps until it broke.
        public var steps: Int
        /// Which run it was, from 1.
        public var run: Int
    }

    /// A campaign that has not begun.
    public init(_ subject: Subject, seed: UInt64) {
        self.subject = subject
        generator = SeededGenerator(seed: seed, stream: 0)
    }

    /// Makes one run; the first broken rule is kept.
    public mutating func runNext() {
        let trial = nextCase()
        let run = subject.run(trial)
        runs += 1
        steps += run.steps
        var isNew = false
        for cell in run.coverage {
            isNew = isNew || coverage[cell] == nil
            coverage[cell, default: 0] += 1
        }
        if isNew, corpus.count < Self.maximumCorpus {
            corpus.append(FuzzCase(variation: trial.variation, choices: run.choices))
        }
        if let breach = run.breach, failure == nil {
            failure = Failure(
                trial: FuzzCase(variation: trial.variation, choices: run.choices), breach: breach, steps: run.steps,
                run: runs)
        }
    }

    private mutating func nextCase() -> FuzzCase {
        let bits = subject.variationBits
        // Two draws, as a mix in which each takes part by one half is no different from the next.
        var variation = generator.next()
        if generator.next() % 2 == 0 { variation &= generator.next() }
        if bits < 64 { variation &= (1 << UInt64(bits)) - 1 }
        var trial = FuzzCase(variation: variation, seed: generator.next())
        if !corpus.isEmpty, generator.next() % 2 == 0 {
            let beginning = corpus[Int(generator.next() % UInt64(corpus.count))]
            trial.variation = beginning.variation
            trial.choices = Array(
                beginning.choices.prefix(Int(generator.next() % UInt64(beginning.choices.count + 1))))
        }
        return trial
    }
}
