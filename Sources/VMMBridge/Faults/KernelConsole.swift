/// What a Linux kernel says on its console when something is wrong with itself.
public struct KernelConsole: Sendable, Hashable {
    /// Words that stand in the first line of a complaint.
    private static let signs = [
        "Kernel panic", "KASAN:", "UBSAN:", "KFENCE:", "BUG:", "kernel BUG at", "WARNING: ", "Oops",
        "general protection fault",
        "unable to handle", "blocked for more than", "soft lockup", "hard LOCKUP", "rcu_preempt detected",
        "rcu_sched detected",
        "self-detected stall", "list_add corruption", "list_del corruption", "stack-protector", "Bad page state",
        "divide error",
    ]

    /// The console's bytes that were looked at.
    private var position = 0
    private var rest: [UInt8] = []

    /// A console that is looked at from its start.
    public init() {}

    /// Looks at what came since the last time.
    ///
    /// - Parameter bytes: the whole console until now; a shorter one than before is a new one.
    /// - Returns: all complaints, each finding once.
    public mutating func complaints(in bytes: [UInt8]) -> [KernelComplaint] {
        if bytes.count < position { (position, rest) = (0, []) }
        rest += bytes[position...]
        position = bytes.count
        var lines = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let last = lines.popLast() ?? []
        defer { rest = Array(last) }
        var found: [KernelComplaint] = []
        for line in lines {
            let text = String(decoding: line.filter { $0 >= 0x20 && $0 < 0x7F }, as: UTF8.self)
            if Self.signs.contains(where: text.contains) {
                found.append(KernelComplaint(text))
            } else if let last = found.indices.last {
                found[last].read(text)
            }
        }
        var findings: Set<String> = []
        return found.filter { findings.insert($0.finding).inserted }
    }
}

/// One complaint of a kernel.
public struct KernelComplaint: Sendable, Hashable {
    /// Its first line.
    public let line: String
    /// The same without what differs each time.
    private let kind: String
    /// The function in which it happened, and whether there is no better one.
    private var place: String?
    private var isPlaceFinal = false

    /// What happened and in which function, in few words: the same for the same trouble.
    public var finding: String { kind + (place.map { " in \($0)" } ?? "") }

    /// Reads its first line.
    init(_ line: String) {
        self.line = line
        let words = Self.withoutTime(line).split(separator: " ")
        if let at = words.firstIndex(of: "at"), words[0] == "WARNING:", at + 1 < words.count {
            kind = "WARN at \(words[at + 1])"
            place = at + 2 < words.count ? Self.function(words[at + 2]) : nil
            isPlaceFinal = place != nil
        } else if let task = words.firstIndex(of: "task"), words.contains("blocked"), task + 1 < words.count {
            // A worker's number says nothing, and neither does a process's.
            kind = "hung task \(words[task + 1].prefix { $0 != ":" && $0 != "/" })"
        } else {
            // Neither do addresses, and the kernel's build, which stands behind the count of oopses.
            let end = words.firstIndex { $0.hasPrefix("[#") } ?? words.endIndex
            kind = words[..<end].filter { !$0.hasPrefix("0x") && !Self.isNumber($0) }
                .map { Self.function($0) ?? String($0) }.joined(separator: " ")
            // The place of a stall is only where it was noticed.
            isPlaceFinal = kind.hasPrefix("rcu") || words.contains { Self.function($0) != nil }
        }
    }

    /// Reads a later line: the first function of a module in the stack is the place, or the one that the processor was in.
    mutating func read(_ line: String) {
        let text = Self.withoutTime(line)
        let words = text.split(separator: " ")
        guard !isPlaceFinal, let first = words.first else { return }
        if first == "</TASK>" || text.contains("end trace") {
            isPlaceFinal = true
        } else if first == "RIP:", words.count > 1,
            let name = words[1].split(separator: ":").last.flatMap({ Self.function($0) })
        {
            guard !kind.hasPrefix("hung") else { return }
            (place, isPlaceFinal) = (name, true)
        } else if let name = Self.function(first), kind.hasPrefix("hung") {
            let isOfModule = words.count > 1 && words[1].hasPrefix("[")
            let isWaiting = ["sched", "wait", "mutex", "rwsem"].contains { name.contains($0) }
            if isOfModule || place == nil && !isWaiting { place = name }
            isPlaceFinal = isOfModule
        }
    }

    private static func isNumber(_ word: Substring) -> Bool { word.count > 3 && word.allSatisfy(\.isHexDigit) }

    /// The function of `name+0x1/0x2`; nil for another word.
    private static func function(_ word: Substring) -> String? {
        guard let plus = word.firstIndex(of: "+"), word[plus...].hasPrefix("+0x"), plus != word.startIndex else {
            return nil
        }
        return String(word[..<plus].prefix { $0 != "." })
    }

    /// A line without its time, and without the processor or thread that some kernels name behind that.
    private static func withoutTime(_ line: String) -> Substring {
        var text = line[...]
        while text.first == "[", let end = text.firstIndex(of: "]") {
            text = text[text.index(after: end)...].drop { $0 == " " }
        }
        return text
    }
}
