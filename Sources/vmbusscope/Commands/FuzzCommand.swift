import ArgumentParser
import BusModel
import Platform
import VMBusPartitions
import VMBusSimulator
import VMBusWire

/// `fuzz`: many runs with other choices each.
struct FuzzCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fuzz",
        abstract: "Run a scenario again and again with other choices, and shrink what breaks a rule.",
        discussion: """
            Every run has a random part of the variations and choices of its own; every second one begins as a run did that \
            met something new. A machine gets time at the end of a run, in which everything under way must come to rest. The \
            first broken rule ends the campaign; its choices are made fewer and smaller as long as the same rule breaks, and \
            the line is printed that makes it happen again. Ctrl-C ends the campaign, or the shrinking with the best so far.

            With --faults each run of a machine also has some of the faults of a class, a few times each. Legal adversity \
            must break no rule, and everything must come to rest. A buggy or hostile peer breaks rules by itself: it is the \
            --offender, and only what the other end breaks is a finding. Faults that no run met are told at the end.

            --sometimes names what must have been met by the end: a word of the second column of --coverage, such as \
            'RESCIND_CHANNELOFFER of the host', or both columns with a colon. What was never met is bad news (5).

            The same seed and --runs give the same campaign; --seconds ends it earlier or later from machine to machine.

            EXAMPLES
              vmbusscope fuzz two-guests --runs 200
              vmbusscope fuzz ring --memory tso --seconds 10
              vmbusscope fuzz network --faults legal --runs 500 --coverage
              vmbusscope fuzz rescind --faults hostile --record-session found.session
              vmbusscope fuzz rescind --replay 1:ab3c
            """)

    @OptionGroup var search: SearchOptions

    @Option(help: ArgumentHelp("Number that decides the whole campaign.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("End after so many runs.", valueName: "n"))
    var runs = 1000

    @Option(help: ArgumentHelp("End after so many seconds.", valueName: "s"))
    var seconds: Double?

    @Option(help: ArgumentHelp("Steps of one run.", valueName: "n"))
    var steps = 2000

    @Option(help: ArgumentHelp("Runs that shrinking may take.", valueName: "n"))
    var shrinkRuns = 5000

    @Option(
        help: ArgumentHelp("Machines: faults that runs have: none, legal, buggy or hostile.", valueName: "class"))
    var faults = FaultWord.none

    @Option(help: ArgumentHelp("Machines: who commits what is not legal: host or guest.", valueName: "end"))
    var offender = OffenderWord.host

    @Option(help: ArgumentHelp("What must be met in some run; repeat for more.", valueName: "event"))
    var sometimes: [String] = []

    @Option(help: ArgumentHelp("Show one case instead of a campaign.", valueName: "case"))
    var replay: String?

    @Flag(help: "List what was met in which state, and in how many runs.")
    var coverage = false

    @Flag(help: "Show what was found as a sequence chart in the language of mermaid.")
    var mermaid = false

    @Flag(help: "One JSON document of schema vmbusscope.fuzz/1.")
    var json = false

    func validate() throws {
        if runs < 1 { throw ValidationError("--runs \(runs): choose at least 1") }
        if steps < 1 { throw ValidationError("--steps \(steps): choose at least 1") }
        if search.isRing, faults != .none { throw ValidationError("--faults: 'ring' has none; choose a machine") }
        if let seconds, !(seconds > 0) { throw ValidationError("--seconds \(seconds): choose more than 0") }
    }

    func run() throws {
        if search.isRing {
            try run(RingSubject(try search.ring(), stepLimit: steps)) { _ in nil }
        } else {
            let (scenario, text) = try search.machine()
            let mix = FaultMix(faults.honesty, by: offender.direction)
            let subject = MachineSubject(
                scenario, stepLimit: steps, memoryOrder: search.machineMemory, mix: mix)
            try run(subject) { subject.found($0, text: text, file: search.machineFile) }
        }
    }

    private func run<Subject: FuzzSubject>(_ subject: Subject, _ found: (FuzzCase) -> FoundRun?) throws {
        if let replay { return try show(subject, replay, found) }
        var watch = try SearchWatch()
        var campaign = FuzzCampaign(subject, seed: seed)
        while campaign.runs < runs, campaign.failure == nil, !watch.isInterrupted {
            if let seconds, watch.seconds >= seconds { break }
            campaign.runNext()
            let (runs, steps, cells) = (campaign.runs, campaign.steps, campaign.coverage.count)
            try watch.look { "\(runs) runs, \(steps) steps, \(cells) cells of coverage" }
        }
        var result = FuzzResult(campaign, sometimes: sometimes, seconds: watch.seconds)
        if let failure = campaign.failure {
            let best = try shrink(failure, subject, &watch)
            let story = subject.story(of: best.best)
            result.shrunk = FuzzResult.Shrunk(
                trial: best.best, steps: best.steps, runs: best.runs, seconds: watch.seconds - result.seconds)
            result.report = SearchReport(
                lifelines: subject.lifelines, steps: story.steps, breach: best.breach, again: command(best.best))
            try found(best.best).map(search.write)
        }
        if json {
            try Output.write(result.document(search.scenario, seed: seed))
        } else {
            try Output.write(result.text(withCoverage: coverage))
            if let report = result.report { try Output.write(mermaid ? report.chart : report.text) }
        }
        if result.isBad { throw CommandFailure(.badNews) }
    }

    /// Makes a failure smaller until nothing smaller is left, the runs are used up, or somebody has enough.
    private func shrink<Subject: FuzzSubject>(
        _ failure: FuzzCampaign<Subject>.Failure, _ subject: Subject, _ watch: inout SearchWatch
    ) throws(SystemError) -> FuzzShrinker<Subject> {
        var shrinker = FuzzShrinker(failure, of: subject)
        while !shrinker.isDone, shrinker.runs < shrinkRuns, !watch.isInterrupted {
            shrinker.tryNext()
            let (choices, runs) = (shrinker.best.choices.count, shrinker.runs)
            try watch.look { "shrinking: \(choices) choices left after \(runs) runs" }
        }
        return shrinker
    }

    /// Shows one case.
    private func show(_ subject: some FuzzSubject, _ text: String, _ found: (FuzzCase) -> FoundRun?) throws {
        guard let trial = FuzzCase(text) else {
            throw CommandFailure(.usage, "--replay \(text): a case such as 0:ab3c(40)2")
        }
        let story = subject.story(of: trial)
        let report = SearchReport(
            lifelines: subject.lifelines, steps: story.steps,
            breach: story.breach ?? ModelBreach(rule: "none", text: "no rule is broken"), again: command(trial))
        try found(trial).map(search.write)
        try Output.write(mermaid ? report.chart : report.text)
        if story.breach != nil { throw CommandFailure(.badNews) }
    }

    private func command(_ trial: FuzzCase) -> String {
        let mix = faults == .none ? "" : "--faults \(faults.rawValue) --offender \(offender.rawValue) "
        return "vmbusscope fuzz \(search.words) \(mix)--steps \(steps) --replay '\(trial)'"
    }
}

/// Which class of faults runs have.
enum FaultWord: String, ExpressibleByArgument, CaseIterable {
    case none, legal, buggy, hostile

    var honesty: FaultClass? {
        switch self {
        case .none: nil
        case .legal: .legalAdversity
        case .buggy: .buggyPeer
        case .hostile: .hostilePeer
        }
    }
}

/// Who commits them.
enum OffenderWord: String, ExpressibleByArgument, CaseIterable {
    case host, guest

    var direction: Direction { self == .host ? .hostToGuest : .guestToHost }
}
