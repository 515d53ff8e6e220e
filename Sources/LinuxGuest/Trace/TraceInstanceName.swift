/// The name of a tracing instance of ours, `vmbusscope-PID-STARTTIME`: it tells whose it is, so that what a dead program left
/// behind can be known from what a living one uses (ecosystem §3.4).
public struct TraceInstanceName: Sendable, Hashable, CustomStringConvertible {
    /// The process.
    public let process: UInt32
    /// When it was started, in the kernel's ticks since boot (field 22 of `/proc/PID/stat`).
    public let startTime: UInt64

    private static let prefix = "vmbusscope-"

    /// The instance of a process.
    public init(process: UInt32, startTime: UInt64) {
        self.process = process
        self.startTime = startTime
    }

    /// The instance of the program itself, from the bytes of `/proc/self/stat`; nil for another form.
    public init?(own stat: [UInt8]) {
        guard let blank = stat.firstIndex(of: UInt8(ascii: " ")),
            let process = UInt32(String(decoding: stat[..<blank], as: UTF8.self)), let start = Self.startTime(stat)
        else { return nil }
        self.init(process: process, startTime: start)
    }

    /// Takes a name apart; nil for anybody else's.
    public init?(_ name: String) {
        guard name.hasPrefix(Self.prefix) else { return nil }
        let parts = name.dropFirst(Self.prefix.count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let process = UInt32(parts[0]), process > 0, let start = UInt64(parts[1]) else {
            return nil
        }
        self.init(process: process, startTime: start)
        // Another spelling of the same numbers, such as one with zeros in front, is nobody's of ours.
        guard description == name else { return nil }
    }

    /// The name.
    public var description: String { "\(Self.prefix)\(process)-\(startTime)" }

    /// When a process was started, from the bytes of its `stat` file; nil for another form. The program's name in it may hold
    /// anything, so everything is counted from its last parenthesis.
    public static func startTime(_ stat: [UInt8]) -> UInt64? {
        guard let end = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let words = String(decoding: stat[(end + 1)...], as: UTF8.self).split { $0 == " " || $0 == "\n" }
        return words.count > 19 ? UInt64(words[19]) : nil
    }
}
