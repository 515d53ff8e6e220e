/// Makes a case that breaks a rule smaller, as long as the same rule breaks: fewer variations, fewer choices, smaller ones.
///
/// It works piece by piece, so that a caller can show how far it is, and stop with the best so far.
public struct FuzzShrinker<Subject: FuzzSubject>: Sendable {
    /// The smallest case so far.
    public private(set) var best: FuzzCase
    /// What it breaks.
    public private(set) var breach: ModelBreach
    /// Steps that it takes.
    public private(set) var steps: Int
    /// Runs that were tried.
    public private(set) var runs = 0
    /// Whether nothing smaller is left to try.
    public private(set) var isDone = false
    private let subject: Subject
    private var pass = Pass.variation
    /// How many choices are changed at once, and from which on.
    private var width = 0
    private var start = 0
    /// Whether anything became smaller since the first pass.
    private var hasShrunk = false

    private enum Pass: CaseIterable {
        case variation, delete, zero, halve
    }

    /// A shrinker of a case that broke a rule.
    public init(_ failure: FuzzCampaign<Subject>.Failure, of subject: Subject) {
        self.subject = subject
        best = failure.trial
        breach = failure.breach
        steps = failure.steps
        begin(.variation)
    }

    /// Tries one change.
    public mutating func tryNext() {
        guard !isDone else { return }
        guard let candidate = candidate() else { return advance() }
        runs += 1
        let run = subject.run(candidate)
        guard let found = run.breach, found.rule == breach.rule,
            let smaller = Self.smaller(FuzzCase(variation: candidate.variation, choices: run.choices), than: best)
        else { return advance() }
        best = smaller
        breach = found
        steps = run.steps
        hasShrunk = true
        // What stands at the place now is tried next, unless the change is one that can be made only once.
        if pass == .variation || pass == .zero { advance() }
    }

    /// The case without the choices at its end that the first alternative gives as well; nil unless it is smaller.
    private static func smaller(_ trial: FuzzCase, than best: FuzzCase) -> FuzzCase? {
        var trial = trial
        while trial.choices.last == 0 { trial.choices.removeLast() }
        let ours = (trial.variation.nonzeroBitCount, trial.choices.count, trial.choices.reduce(0, &+))
        let theirs = (best.variation.nonzeroBitCount, best.choices.count, best.choices.reduce(0, &+))
        return ours < theirs ? trial : nil
    }

    /// The next change of the present pass; nil when it would change nothing.
    private func candidate() -> FuzzCase? {
        var candidate = best
        let range = min(start, best.choices.count)..<min(start + width, best.choices.count)
        switch pass {
        case .variation:
            guard best.variation >> UInt64(start) & 1 != 0 else { return nil }
            candidate.variation &= ~(1 << UInt64(start))
        case .delete:
            guard !range.isEmpty else { return nil }
            candidate.choices.removeSubrange(range)
        case .zero:
            guard best.choices[range].contains(where: { $0 != 0 }) else { return nil }
            for index in range { candidate.choices[index] = 0 }
        case .halve:
            guard let index = range.first, best.choices[index] > 1 else { return nil }
            candidate.choices[index] /= 2
        }
        return candidate
    }

    /// Goes to the next place, width or pass.
    private mutating func advance() {
        start += pass == .variation ? 1 : width
        let end = pass == .variation ? subject.variationBits : best.choices.count
        guard start >= end else { return }
        start = 0
        width /= 2
        guard width == 0 || pass == .variation || pass == .halve else { return }
        switch pass {
        case .variation: begin(.delete)
        case .delete: begin(.zero)
        case .zero: begin(.halve)
        case .halve:
            isDone = !hasShrunk
            hasShrunk = false
            begin(.variation)
        }
    }

    private mutating func begin(_ next: Pass) {
        pass = next
        start = 0
        width = next == .halve || next == .variation ? 1 : max(1, best.choices.count / 2)
    }
}
