import BusModel
import Testing
import VMBusPartitions
import VMBusRing
import VMBusWire

@testable import VMBusSimulator

/// Numbers are drawn until three of them are more than a limit; a variation adds a rule that the first even one breaks.
private struct Numbers: FuzzSubject {
    var variationBits: Int { 3 }
    var lifelines: [String] { ["numbers"] }

    func variationName(_ bit: Int) -> String { "\(bit)" }
    func name(of cell: CoverageCell) -> (state: String, event: String) { ("\(cell.state)", "\(cell.event)") }
    func story(of trial: FuzzCase) -> (steps: [ScheduleStep], breach: ModelBreach?) { ([], run(trial).breach) }

    func run(_ trial: FuzzCase) -> FuzzRun {
        var run = FuzzRun()
        var generator = trial.seed.map { SeededGenerator(seed: $0, stream: 0) }
        var large = 0
        for index in 0..<40 {
            let drawn = (generator?.next() ?? 0) % 1000
            let number = index < trial.choices.count ? trial.choices[index] : drawn
            run.choices.append(number)
            run.steps += 1
            run.coverage.insert(CoverageCell(state: UInt32(large), event: UInt32(number / 100)))
            if number >= 700 { large += 1 }
            if large == 3 { run.breach = ModelBreach(rule: "three-large", text: "at \(index)") }
            if trial.variation & 4 != 0, number % 2 == 0, number > 0, large == 1 {
                run.breach = ModelBreach(rule: "even-behind-large", text: "at \(index)")
            }
            if run.breach != nil { break }
        }
        return run
    }
}

@Suite struct FuzzTests {
    private func firstFailure<Subject: FuzzSubject>(
        _ subject: Subject, seed: UInt64, runs: Int = 500
    ) -> FuzzCampaign<Subject>.Failure? {
        var campaign = FuzzCampaign(subject, seed: seed)
        while campaign.failure == nil, campaign.runs < runs { campaign.runNext() }
        return campaign.failure
    }

    private func shrunk<Subject: FuzzSubject>(
        _ failure: FuzzCampaign<Subject>.Failure, _ subject: Subject
    ) -> FuzzShrinker<Subject> {
        var shrinker = FuzzShrinker(failure, of: subject)
        while !shrinker.isDone, shrinker.runs < 20_000 { shrinker.tryNext() }
        return shrinker
    }

    @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6])
    func `shrinking keeps the rule and ends with the least that breaks it`(seed: UInt64) throws {
        let failure = try #require(firstFailure(Numbers(), seed: seed))
        let shrinker = shrunk(failure, Numbers())
        #expect(shrinker.isDone)
        #expect(shrinker.breach.rule == failure.breach.rule)
        #expect(Numbers().run(shrinker.best).breach == shrinker.breach)
        if failure.breach.rule == "three-large" {
            #expect(shrinker.best.variation == 0)
            #expect(shrinker.best.choices.count == 3)
            #expect(shrinker.best.choices.allSatisfy { 700..<1400 ~= $0 })
        } else {
            #expect(shrinker.best.variation == 4)
            #expect(shrinker.best.choices.count <= 2)
        }
    }

    @Test func `a campaign is decided by its seed`() {
        func campaign(_ seed: UInt64) -> FuzzCampaign<Numbers> {
            var campaign = FuzzCampaign(Numbers(), seed: seed)
            for _ in 0..<50 { campaign.runNext() }
            return campaign
        }
        #expect(campaign(9).coverage == campaign(9).coverage)
        #expect(campaign(9).corpus == campaign(9).corpus)
        #expect(campaign(9).failure?.trial == campaign(9).failure?.trial)
        #expect(campaign(9).steps != campaign(10).steps)
        #expect(!campaign(9).corpus.isEmpty)
    }

    @Test(arguments: ["0:", "7:ab3", "ff:a(1000)2b", "0::12", "3:abc:99"])
    func `a case is one word and back`(text: String) {
        #expect(FuzzCase(text)?.description == text)
    }

    @Test(arguments: ["", "abc", "0", "x:a", "0:A", "0:a:", "0:a:1:2", "0:a:-1"])
    func `what is no case is refused`(text: String) {
        #expect(FuzzCase(text) == nil)
    }

    @Test func `random runs of the shipped ring break nothing and end`() {
        var campaign = FuzzCampaign(RingSubject(RingModelSettings(), stepLimit: 2000), seed: 1)
        for _ in 0..<20 { campaign.runNext() }
        #expect(campaign.failure == nil)
        #expect(campaign.steps > 2000)
        #expect(campaign.steps < 40_000)
        #expect(campaign.coverage.count > 50)
    }

    #if Mutations
        @Test(arguments: [
            Mutation.noRecheckAfterUnmask, .noBarrierBeforeMaskTest, .noBarrierAfterReadIndex, .pendingSizeNotRechecked,
            .pendingSizeOneStepLate,
        ])
        func `random runs find each planted bug of the ring, and shrinking keeps its rule`(mutation: Mutation) throws {
            var settings = RingModelSettings()
            settings.ends.mutation = mutation
            let subject = RingSubject(settings, stepLimit: 500)
            let failure = try #require(firstFailure(subject, seed: 1))
            #expect(failure.breach.rule == mutation.rule)
            let shrinker = shrunk(failure, subject)
            #expect(shrinker.breach.rule == mutation.rule)
            #expect(shrinker.best.choices.count <= failure.trial.choices.count)
            let story = subject.story(of: shrinker.best)
            #expect(story.breach == shrinker.breach)
            #expect(story.steps.count == shrinker.steps)
        }
    #endif
}
