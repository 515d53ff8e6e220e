/// A regular expression that takes time in proportion to the text, whatever the pattern: filters come from people, texts from
/// the other side of a bus. It finds its pattern anywhere in a text and does not care for the case of ASCII letters.
///
/// Understood: characters, `.`, `[a-z]`, `[^…]`, `\d \w \s \D \W \S`, `\` in front of a character that is meant itself,
/// `( )`, `(?: )`, `|`, `*`, `+`, `?`, `{2}`, `{2,}`, `{2,5}`, `^`, `$`.
struct QueryPattern: Sendable, Hashable {
    /// Why a pattern is not understood.
    struct Problem: Error, Hashable { let message: String }

    fileprivate indirect enum Tree {
        case empty
        case bytes(ByteSet)
        case start
        case end
        case sequence([Tree])
        case either([Tree])
        case repeated(Tree, Int, Int?)
    }

    struct ByteSet: Sendable, Hashable {
        private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

        init(_ ranges: [ClosedRange<UInt8>]) { for range in ranges { for byte in range { insert(byte) } } }

        func contains(_ byte: UInt8) -> Bool {
            let bit = UInt64(1) << UInt64(byte & 63)
            return switch byte >> 6 {
            case 0: words.0 & bit != 0
            case 1: words.1 & bit != 0
            case 2: words.2 & bit != 0
            default: words.3 & bit != 0
            }
        }

        mutating func insert(_ byte: UInt8) {
            let bit = UInt64(1) << UInt64(byte & 63)
            switch byte >> 6 {
            case 0: words.0 |= bit
            case 1: words.1 |= bit
            case 2: words.2 |= bit
            default: words.3 |= bit
            }
        }

        mutating func formUnion(_ other: ByteSet) {
            words = (
                words.0 | other.words.0, words.1 | other.words.1, words.2 | other.words.2, words.3 | other.words.3
            )
        }

        var inverted: ByteSet {
            var set = self
            set.words = (~words.0, ~words.1, ~words.2, ~words.3)
            return set
        }

        /// Letters in both cases, as texts are compared in lower case.
        var folded: ByteSet {
            var set = self
            for letter in UInt8(ascii: "A")...UInt8(ascii: "Z") where contains(letter) { set.insert(letter | 0x20) }
            return set
        }

        static func == (left: ByteSet, right: ByteSet) -> Bool { left.words == right.words }
        func hash(into hasher: inout Hasher) {
            hasher.combine(words.0)
            hasher.combine(words.1)
            hasher.combine(words.2)
            hasher.combine(words.3)
        }
    }

    private enum Step: Sendable, Hashable {
        case byte(ByteSet)
        case start
        case end
        case jump(Int)
        case split(Int, Int)
        case found
    }

    /// The most steps that a pattern may take.
    static let maximumSteps = 2000

    private var steps: [Step] = []

    /// Reads a pattern.
    init(_ text: String) throws(Problem) {
        var reader = Reader(Array(text.utf8))
        let tree = try reader.whole()
        try emit(tree)
        try add(.found)
    }

    private mutating func add(_ step: Step) throws(Problem) {
        guard steps.count < Self.maximumSteps else { throw Problem(message: "it is too large") }
        steps.append(step)
    }

    private mutating func emit(_ tree: Tree) throws(Problem) {
        switch tree {
        case .empty: break
        case .bytes(let set): try add(.byte(set))
        case .start: try add(.start)
        case .end: try add(.end)
        case .sequence(let parts): for part in parts { try emit(part) }
        case .either(let branches):
            var ends: [Int] = []
            for (number, branch) in branches.enumerated() {
                guard number < branches.count - 1 else {
                    try emit(branch)
                    break
                }
                let split = steps.count
                try add(.split(split + 1, 0))
                try emit(branch)
                ends.append(steps.count)
                try add(.jump(0))
                steps[split] = .split(split + 1, steps.count)
            }
            for end in ends { steps[end] = .jump(steps.count) }
        case .repeated(let part, let least, let most):
            for _ in 0..<least {
                let before = steps.count
                try emit(part)
                // Nothing, repeated, is nothing; trying it often enough would take for ever.
                if steps.count == before { break }
            }
            guard let most else {
                let split = steps.count
                try add(.split(0, 0))
                try emit(part)
                try add(.jump(split))
                steps[split] = .split(split + 1, steps.count)
                return
            }
            var splits: [Int] = []
            for _ in least..<max(least, most) {
                splits.append(steps.count)
                try add(.split(0, 0))
                try emit(part)
            }
            for split in splits { steps[split] = .split(split + 1, steps.count) }
        }
    }

    // MARK: Matching

    /// Whether the pattern is found anywhere in a text, which is in lower case.
    func matches(_ text: [UInt8]) -> Bool {
        var now: [Int] = []
        var marks = [Int](repeating: -1, count: steps.count)
        for place in 0...text.count {
            // The pattern may begin at every place, so the first step joins those that are under way.
            if follow(0, place, text.count, &now, &marks) { return true }
            guard place < text.count else { return false }
            let current = now
            now.removeAll(keepingCapacity: true)
            for step in current {
                guard case .byte(let set) = steps[step], set.contains(text[place]) else { continue }
                if follow(step + 1, place + 1, text.count, &now, &marks) { return true }
            }
        }
        return false
    }

    /// Adds the steps that can come next without a byte; true when the pattern is found.
    private func follow(_ first: Int, _ place: Int, _ end: Int, _ list: inout [Int], _ marks: inout [Int]) -> Bool {
        var waiting = [first]
        while let step = waiting.popLast() {
            guard marks[step] != place else { continue }
            marks[step] = place
            switch steps[step] {
            case .byte: list.append(step)
            case .start: if place == 0 { waiting.append(step + 1) }
            case .end: if place == end { waiting.append(step + 1) }
            case .jump(let target): waiting.append(target)
            case .split(let one, let other): waiting += [other, one]
            case .found: return true
            }
        }
        return false
    }
}

// MARK: Reading

extension QueryPattern {
    private struct Reader {
        private let text: [UInt8]
        private var place = 0
        private var depth = 0

        init(_ text: [UInt8]) { self.text = text }

        private var next: UInt8? { place < text.count ? text[place] : nil }

        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard next == UInt8(truncatingIfNeeded: character.value) else { return false }
            place += 1
            return true
        }

        mutating func whole() throws(Problem) -> Tree {
            let tree = try either()
            guard next == nil else { throw Problem(message: "a ')' too many") }
            return tree
        }

        private mutating func either() throws(Problem) -> Tree {
            guard depth < 32 else { throw Problem(message: "more than 32 parentheses inside each other") }
            depth += 1
            defer { depth -= 1 }
            var branches = [try sequence()]
            while take("|") { branches.append(try sequence()) }
            return branches.count == 1 ? branches[0] : .either(branches)
        }

        private mutating func sequence() throws(Problem) -> Tree {
            var parts: [Tree] = []
            while let byte = next, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
                parts.append(try repetition())
            }
            return parts.isEmpty ? .empty : .sequence(parts)
        }

        private mutating func repetition() throws(Problem) -> Tree {
            let part = try atom()
            var tree = part
            if take("*") {
                tree = .repeated(part, 0, nil)
            } else if take("+") {
                tree = .repeated(part, 1, nil)
            } else if take("?") {
                tree = .repeated(part, 0, 1)
            } else if next == UInt8(ascii: "{"), let (least, most) = try bounds() {
                tree = .repeated(part, least, most)
            } else {
                return part
            }
            // Whether a repetition takes as little as it can makes no difference to whether the pattern is found.
            _ = take("?")
            if let byte = next, byte == UInt8(ascii: "*") || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "?") {
                throw Problem(message: "two repetitions behind each other")
            }
            return tree
        }

        /// `{2}`, `{2,}`, `{2,5}`; nil when the brace is meant itself.
        private mutating func bounds() throws(Problem) -> (Int, Int?)? {
            let start = place
            place += 1
            guard let least = try number() else {
                place = start
                return nil
            }
            var most: Int? = least
            if take(",") { most = try number() }
            guard take("}") else { throw Problem(message: "a '{' is not closed") }
            if let most, most < least {
                throw Problem(message: "{\(least),\(most)} has its bounds the wrong way round")
            }
            return (least, most)
        }

        private mutating func number() throws(Problem) -> Int? {
            var value: Int?
            while let byte = next, byte >= 0x30, byte <= 0x39 {
                value = (value ?? 0) * 10 + Int(byte - 0x30)
                place += 1
                guard let value, value <= 1000 else { throw Problem(message: "more than 1000 repetitions") }
            }
            return value
        }

        private mutating func atom() throws(Problem) -> Tree {
            guard let byte = next else { throw Problem(message: "it ends too soon") }
            place += 1
            switch Unicode.Scalar(byte) {
            case "(":
                if take("?") {
                    guard take(":") else { throw Problem(message: "after '(?' only ':' is understood") }
                }
                let tree = try either()
                guard take(")") else { throw Problem(message: "a '(' is not closed") }
                return tree
            case "[": return .bytes(try set())
            case ".": return .bytes(ByteSet([0...255]))
            case "^": return .start
            case "$": return .end
            case "*", "+", "?": throw Problem(message: "'\(Unicode.Scalar(byte))' has nothing in front of it")
            case "\\": return .bytes(try escaped())
            default: return .bytes(ByteSet([byte...byte]).folded)
            }
        }

        private mutating func escaped() throws(Problem) -> ByteSet {
            guard let byte = next else { throw Problem(message: "it ends with a backslash") }
            place += 1
            let digits = ByteSet([0x30...0x39])
            let word = ByteSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
            let blank = ByteSet([0x09...0x0D, 0x20...0x20])
            switch Unicode.Scalar(byte) {
            case "d": return digits
            case "D": return digits.inverted
            case "w": return word
            case "W": return word.inverted
            case "s": return blank
            case "S": return blank.inverted
            case "t": return ByteSet([0x09...0x09])
            case "a"..."z", "A"..."Z", "0"..."9":
                throw Problem(message: "'\\\(Unicode.Scalar(byte))' is not understood")
            default: return ByteSet([byte...byte])
            }
        }

        private mutating func set() throws(Problem) -> ByteSet {
            let isInverted = take("^")
            var set = ByteSet([])
            var isFirst = true
            while true {
                guard let byte = next else { throw Problem(message: "a '[' is not closed") }
                place += 1
                if byte == UInt8(ascii: "]"), !isFirst { break }
                isFirst = false
                if byte == UInt8(ascii: "\\") {
                    set.formUnion(try escaped())
                    continue
                }
                guard next == UInt8(ascii: "-"), place + 1 < text.count, text[place + 1] != UInt8(ascii: "]") else {
                    set.insert(byte)
                    continue
                }
                let last = text[place + 1]
                guard last >= byte, last != UInt8(ascii: "\\") else {
                    throw Problem(message: "a range in '[ ]' goes the wrong way")
                }
                place += 2
                set.formUnion(ByteSet([byte...last]))
            }
            return isInverted ? set.folded.inverted : set.folded
        }
    }
}
