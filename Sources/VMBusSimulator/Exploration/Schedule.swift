/// The choices of a run of a model, by number, from its start: what makes a counterexample happen again.
///
/// As text: a small letter for each choice from 0 (`a`) to 25 (`z`), a larger one as a number in brackets, and how often
/// behind one that is taken several times in a row, so that one line holds it: `ab7c(40)3`.
public struct Schedule: Hashable, Sendable, CustomStringConvertible {
    /// The choices, first to last.
    public var choices: [Int]

    /// The most choices that a text can stand for.
    static let maximumCount = 1 << 24

    /// A schedule of these choices.
    public init(_ choices: [Int] = []) {
        self.choices = choices
    }

    /// Reads the text form; nil for what is none.
    public init?(_ text: String) {
        var choices: [Int] = []
        var rest = text.utf8[...]
        func number() -> Int? {
            let digits = rest.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
            rest = rest.dropFirst(digits.count)
            return Int(String(decoding: digits, as: UTF8.self))
        }
        while let first = rest.popFirst() {
            var choice = Int(first) - Int(UInt8(ascii: "a"))
            if first == UInt8(ascii: "(") {
                guard let number = number(), rest.popFirst() == UInt8(ascii: ")") else { return nil }
                choice = number
            } else if !(0..<26 ~= choice) {
                return nil
            }
            var count = 1
            if let next = rest.first, UInt8(ascii: "0")...UInt8(ascii: "9") ~= next {
                guard let number = number(), number > 0 else { return nil }
                count = number
            }
            guard count <= Self.maximumCount - choices.count else { return nil }
            choices += Array(repeating: choice, count: count)
        }
        self.choices = choices
    }

    /// The text form.
    public var description: String {
        var text = ""
        var index = choices.startIndex
        while index < choices.endIndex {
            let choice = choices[index]
            let count = choices[index...].prefix { $0 == choice }.count
            text +=
                0..<26 ~= choice
                ? String(UnicodeScalar(UInt8(ascii: "a") + UInt8(choice))) : "(\(choice))"
            if count > 1 { text += "\(count)" }
            index += count
        }
        return text
    }
}

extension ExplorableModel {
    /// Runs a schedule from here until a rule is broken or the schedule ends.
    /// - Returns: what each choice did; shorter than the schedule where one of its choices is none of the model's.
    public mutating func run(_ schedule: Schedule) -> [[ScheduleStep]] {
        var steps: [[ScheduleStep]] = []
        for choice in schedule.choices {
            guard breach == nil, let step = take(choice) else { break }
            steps.append(step)
        }
        return steps
    }
}
