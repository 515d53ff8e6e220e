import Glibc
public import Platform

/// The writes that take changes back, and what is to be so afterwards. It travels as text, so that somebody else can do it for a
/// program that has died.
///
/// It may be done at any moment, as often as one likes: each write is tried, and what counts is how things are at the end.
public struct Undoing: Sendable, Hashable {
    /// How things are when all is undone.
    public enum Goal: Sendable, Hashable {
        /// A device has this driver; nil for none.
        case driver(device: String, name: String?)
        /// A file says this.
        case contents(path: String, text: String)
    }

    /// In order.
    public let writes: [GuestWrite]
    /// What is to be so.
    public let goal: Goal

    /// Writes towards a goal.
    public init(_ writes: [GuestWrite], goal: Goal) {
        self.writes = writes
        self.goal = goal
    }

    // MARK: Doing it

    /// What came of it.
    public struct Outcome: Sendable, Hashable, CustomStringConvertible {
        /// Whether things are as they were.
        public let isDone: Bool
        /// In one sentence.
        public let description: String
    }

    /// How often what the kernel refuses is tried, and the pause in milliseconds: a channel that was just closed is still being
    /// closed by the host.
    private static let (attempts, pause) = (50, Int32(100))

    /// Takes everything back.
    public func perform(in files: SystemFiles) -> Outcome {
        var failures: [String] = []
        for attempt in 0..<Self.attempts {
            if attempt > 0 { _ = poll(nil, 0, Self.pause) }
            failures = []
            for write in writes {
                do throws(SystemError) {
                    try write.perform(in: files)
                } catch {
                    failures.append("\(write): \(error.symbol)")
                }
            }
            switch state(files) {
            case .reached: return Outcome(isDone: true, description: success)
            case .gone: return Outcome(isDone: true, description: "\(subject) is gone; nothing is left to put back")
            case .missed: continue
            }
        }
        let commands = writes.map(\.description).joined(separator: "; ")
        return Outcome(
            isDone: false,
            description: "\(subject) is not as it was (\(failures.joined(separator: ", "))); to do by hand: \(commands)"
        )
    }

    private enum State { case reached, missed, gone }

    private func state(_ files: SystemFiles) -> State {
        switch goal {
        case .driver(let device, let name):
            guard (try? files.kind(of: device)) == .directory else { return .gone }
            return SpareDevice.driver(of: device, files) == name ? .reached : .missed
        case .contents(let path, let text):
            let now = files.readout(path, limit: 64, as: AttributeText.text)
            if case .missing = now { return .gone }
            return now.value == text ? .reached : .missed
        }
    }

    private var subject: String {
        switch goal {
        case .driver(let device, _): String(device.split(separator: "/").last ?? "")
        case .contents(let path, _): path
        }
    }

    private var success: String {
        switch goal {
        case .driver(_, let name?): "\(subject) is back with \(name)"
        case .driver(_, nil): "\(subject) is without a driver again"
        case .contents(_, let text): "\(subject) is \(text) again"
        }
    }

    // MARK: As text

    /// Lines of words with tabs between. No path and no word of ours holds either, as names with control characters are refused.
    public var encoded: String {
        var lines: [[String]] = []
        switch goal {
        case .driver(let device, let name): lines.append(["driver", device, name ?? ""])
        case .contents(let path, let text): lines.append(["contents", path, text])
        }
        for write in writes {
            switch write {
            case .line(let text, let path): lines.append(["line", path, text])
            case .load(let module): lines.append(["load", module, ""])
            case .unload(let module): lines.append(["unload", module, ""])
            }
        }
        return lines.map { $0.joined(separator: "\t") + "\n" }.joined()
    }

    /// Reads it back; nil for what is none.
    public init?(encoded bytes: [UInt8]) {
        var goal: Goal?
        var writes: [GuestWrite] = []
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard words.count == 3 else { return nil }
            switch words[0] {
            case "driver": goal = .driver(device: words[1], name: words[2].isEmpty ? nil : words[2])
            case "contents": goal = .contents(path: words[1], text: words[2])
            case "line": writes.append(.line(words[2], path: words[1]))
            case "load": writes.append(.load(module: words[1]))
            case "unload": writes.append(.unload(module: words[1]))
            default: return nil
            }
        }
        guard let goal else { return nil }
        self.init(writes, goal: goal)
    }
}
