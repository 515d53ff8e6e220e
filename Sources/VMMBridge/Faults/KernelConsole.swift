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
    /// - Returns: the first lines of all complaints.
    public mutating func complaints(in bytes: [UInt8]) -> [String] {
        if bytes.count < position { (position, rest) = (0, []) }
        rest += bytes[position...]
        position = bytes.count
        var lines = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let last = lines.popLast() ?? []
        defer { rest = Array(last) }
        return lines.compactMap { line in
            let text = String(decoding: line.filter { $0 >= 0x20 && $0 < 0x7F }, as: UTF8.self)
            return Self.signs.contains { text.contains($0) } ? text : nil
        }
    }
}
