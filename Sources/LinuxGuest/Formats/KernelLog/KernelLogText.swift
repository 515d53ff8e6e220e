import BusModel

/// A kernel log as a text: what its lines tell of the bus, and how many tell nothing of it.
///
/// Lines that a mail program wrapped are put together again. Empty lines and remarks (`# …`) count for nothing.
public struct KernelLogText: Sendable {
    /// A line that concerns the bus.
    public struct Entry: Hashable, Sendable {
        /// The line.
        public let line: KernelLogLine
        /// What it tells.
        public let meaning: KernelLogMeaning
    }

    /// What concerns the bus, in the order of the text. Times may go backwards in it.
    public private(set) var entries: [Entry] = []
    /// Lines of the kernel about other things.
    public private(set) var otherCount = 0
    /// Lines without any prefix that tell nothing of the bus: other programs' on a console, or damage.
    public private(set) var unknownCount = 0

    /// The kernel's release, where its first words are in the text.
    public private(set) var kernelRelease: String?

    /// So much earlier than the line before is the start of another boot, not the disorder of processors.
    static let reboot: UInt64 = 10_000_000_000

    /// What concerns the bus in the last boot of the text.
    var lastBoot: ArraySlice<Entry> { entries[bootStart...] }
    private var bootStart = 0
    private var lastTime: UInt64 = 0

    /// Whether a line proves that a guest of Hyper-V wrote the log.
    public var isProof: Bool { entries.contains { $0.meaning.isProof } }

    /// Takes the text apart; the bytes can be any.
    public init(parsing bytes: ArraySlice<UInt8>) {
        var pending: Read?
        for bytes in TextLines(bytes) where !bytes.isEmpty && !bytes.isRemark {
            let line = KernelLogLine(parsing: bytes)
            if let before = pending, let joined = Self.joined(before, line) {
                pending = joined
                continue
            }
            if let pending { take(pending) }
            pending = Read(line: line, meaning: KernelLogMeaning.of(line.text))
        }
        if let pending { take(pending) }
    }

    private struct Read {
        var line: KernelLogLine
        var meaning: KernelLogMeaning?
        /// How many lines of the text it is made of.
        var pieces = 1
    }

    /// No mail program breaks a line of the kernel into more.
    private static let mostPieces = 4

    private mutating func take(_ read: Read) {
        if let time = read.line.bootTime {
            if lastTime > time, lastTime - time > Self.reboot { bootStart = entries.count }
            lastTime = time
        }
        if read.line.text.hasPrefix("Linux version ") {
            kernelRelease = String(read.line.text.dropFirst(14).prefix { $0 != " " }.prefix(128))
        }
        let isKernel = read.line.hasPrefix || KernelLogWords.beginsAsKernel(read.line.text)
        if let meaning = read.meaning, isKernel || meaning.fact != .other {
            entries.append(Entry(line: read.line, meaning: meaning))
        } else if read.line.hasPrefix {
            otherCount += 1
        } else {
            unknownCount += 1
        }
    }

    /// Both lines as one, if the second is the end of the first: a parenthesis is open, or together they tell more.
    private static func joined(_ before: Read, _ line: KernelLogLine) -> Read? {
        guard before.line.hasPrefix, !line.hasPrefix, let meaning = before.meaning, before.pieces < mostPieces else {
            return nil
        }
        var whole = before
        whole.line.text += " " + line.text
        whole.meaning = KernelLogMeaning.of(whole.line.text)
        whole.pieces += 1
        let opened = before.line.text.utf8.count { $0 == UInt8(ascii: "(") }
        let closed = before.line.text.utf8.count { $0 == UInt8(ascii: ")") }
        guard opened > closed || meaning.fact == .other && whole.meaning?.fact != .other else { return nil }
        return whole
    }
}
