import Glibc
import Platform
import Synchronization

/// A guest's files in memory, with any error at any path and with contents that change from one read to the next.
final class InjectedFiles: FileLayer {
    /// What one look at a path gives.
    enum Answer: Sendable {
        case text(String)
        case bytes([UInt8])
        case link(String)
        case failure(Int32)
    }

    private struct State {
        var answers: [String: [Answer]] = [:]
        var listings: [String: Int32] = [:]
        var reads: [String] = []
        var vanishing: (path: String, afterReads: Int)?
    }

    private let state = Mutex(State())

    /// Puts an answer, or several that are given one after the other and of which the last one stays.
    func put(_ path: String, _ answers: Answer...) {
        state.withLock { $0.answers[path] = answers }
    }

    /// Puts answers that are given one after the other and of which the last one stays.
    func put(_ path: String, _ answers: [Answer]) {
        state.withLock { $0.answers[path] = answers }
    }

    /// Puts a file with one line.
    func put(_ path: String, _ line: String) {
        put(path, .text(line + "\n"))
    }

    /// Takes a path and everything below it away.
    func remove(_ path: String) {
        state.withLock { state in Self.remove(path, from: &state) }
    }

    /// Lets the listing of a directory fail.
    func refuseListing(_ path: String, _ code: Int32) {
        state.withLock { $0.listings[path] = code }
    }

    /// Takes a path away after that many reads of anything.
    func vanish(_ path: String, afterReads count: Int) {
        state.withLock { $0.vanishing = (path, $0.reads.count + count) }
    }

    /// Every path that was read, in order.
    var reads: [String] { state.withLock { $0.reads } }

    func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        let answer: Answer? = state.withLock { state in
            let real = Self.resolve(path, state, followingLast: true)
            state.reads.append(path)
            if let vanishing = state.vanishing, state.reads.count > vanishing.afterReads {
                Self.remove(vanishing.path, from: &state)
            }
            guard let answers = state.answers[real], let first = answers.first else { return nil }
            if answers.count > 1 { state.answers[real] = Array(answers.dropFirst()) }
            return first
        }
        let bytes: [UInt8]
        switch answer {
        case .text(let text): bytes = Array(text.utf8)
        case .bytes(let content): bytes = content
        case .failure(let code): throw SystemError(call: "read", code: code, path: path)
        case .link, nil: throw SystemError(call: "open", code: ENOENT, path: path)
        }
        guard bytes.count <= limit else { throw SystemError(call: "read", code: EFBIG, path: path) }
        return bytes
    }

    func names(in path: String) throws(SystemError) -> [String] {
        let result: Result<[String], SystemError> = state.withLock { state in
            if let code = state.listings[path] {
                return .failure(SystemError(call: "opendir", code: code, path: path))
            }
            let prefix = Self.resolve(path, state, followingLast: true) + "/"
            let names = state.answers.keys.filter { $0.hasPrefix(prefix) }
                .compactMap { $0.dropFirst(prefix.count).split(separator: "/").first.map(String.init) }
            guard !names.isEmpty else { return .failure(SystemError(call: "opendir", code: ENOENT, path: path)) }
            return .success(Set(names).sorted())
        }
        return try result.get()
    }

    func linkTarget(of path: String) throws(SystemError) -> String {
        let answer = state.withLock { $0.answers[Self.resolve(path, $0, followingLast: false)]?.first }
        switch answer {
        case .link(let target): return target
        case .failure(let code): throw SystemError(call: "readlink", code: code, path: path)
        case .text, .bytes: throw SystemError(call: "readlink", code: EINVAL, path: path)
        case nil: throw SystemError(call: "readlink", code: ENOENT, path: path)
        }
    }

    func kind(of path: String) throws(SystemError) -> FileKind {
        let kind: FileKind? = state.withLock { state in
            let real = Self.resolve(path, state, followingLast: true)
            if state.answers[real] != nil { return .regular }
            return state.answers.keys.contains { $0.hasPrefix(real + "/") } ? .directory : nil
        }
        guard let kind else { throw SystemError(call: "stat", code: ENOENT, path: path) }
        return kind
    }

    private static func remove(_ path: String, from state: inout State) {
        let real = resolve(path, state, followingLast: true)
        for key in state.answers.keys where key == path || key == real || key.hasPrefix(real + "/") {
            state.answers[key] = nil
        }
    }

    private static func resolve(_ path: String, _ state: State, followingLast: Bool) -> String {
        var waiting = Array(path.split(separator: "/").map(String.init).reversed())
        var settled: [String] = []
        while let component = waiting.popLast() {
            if component == ".." {
                _ = settled.popLast()
                continue
            }
            let location = "/" + (settled + [component]).joined(separator: "/")
            if followingLast || !waiting.isEmpty, case .link(let target)? = state.answers[location]?.first {
                waiting += target.split(separator: "/").map(String.init).reversed()
                if target.hasPrefix("/") { settled = [] }
            } else {
                settled.append(component)
            }
        }
        return "/" + settled.joined(separator: "/")
    }
}
