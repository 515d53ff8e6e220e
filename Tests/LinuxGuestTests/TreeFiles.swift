import Glibc
import Platform
import Synchronization

/// A copied tree held in memory, of which copies with other contents cost next to nothing.
struct MemoryTree: Sendable {
    enum Node: Sendable {
        case directory([String: Int])
        case file([UInt8])
        case link(String)
    }

    private(set) var nodes: [Node] = [.directory([:])]
    /// The path of every file and link.
    private(set) var paths: [String] = []
    /// The number of the node at each of these paths.
    private(set) var places: [Int] = []

    /// Reads everything below `sys` and `proc` of a tree on disk.
    init(_ root: String) throws {
        for top in ["sys", "proc"] where access(root + "/" + top, R_OK) == 0 {
            try add(root, "/" + top, to: 0, name: top)
        }
    }

    private mutating func add(_ root: String, _ path: String, to parent: Int, name: String) throws {
        var status = stat()
        guard lstat(root + path, &status) == 0 else { throw SystemError.last("lstat", path: root + path) }
        let number = nodes.count
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            nodes.append(.directory([:]))
            for child in try SystemFiles().names(in: root + path) {
                try add(root, path + "/" + child, to: number, name: child)
            }
        case S_IFLNK:
            nodes.append(.link(try SystemFiles().linkTarget(of: root + path)))
            paths.append(path)
            places.append(number)
        default:
            nodes.append(.file(try SystemFiles().read(root + path, limit: 1 << 16)))
            paths.append(path)
            places.append(number)
        }
        guard case .directory(var children) = nodes[parent] else { return }
        children[name] = number
        nodes[parent] = .directory(children)
    }

    private let chains = Chains()

    /// The ways that were looked for already, as trees are looked at many times.
    private final class Chains: Sendable {
        let known = Mutex<[String: [Int]?]>([:])
    }

    /// The node at a path, links followed as in a guest.
    func node(_ path: String, followingLast: Bool = true) -> Int? { chain(path, followingLast: followingLast)?.last }

    /// The nodes from the root to a path, links followed.
    func chain(_ path: String, followingLast: Bool = true) -> [Int]? {
        let key = followingLast ? path : path + "@"
        if let known = chains.known.withLock({ $0[key] }) { return known }
        let found = walk(path, followingLast: followingLast)
        chains.known.withLock { $0[key] = found }
        return found
    }

    private func walk(_ path: String, followingLast: Bool) -> [Int]? {
        var waiting = Array(path.split(separator: "/").map(String.init).reversed())
        var settled: [Int] = [0]
        var links = 0
        while let component = waiting.popLast() {
            if component == "." { continue }
            if component == ".." {
                if settled.count > 1 { settled.removeLast() }
                continue
            }
            guard let here = settled.last, case .directory(let children) = nodes[here], let next = children[component]
            else { return nil }
            if case .link(let target) = nodes[next], followingLast || !waiting.isEmpty {
                links += 1
                guard links <= 40 else { return nil }
                if target.hasPrefix("/") { settled = [0] }
                waiting += target.split(separator: "/").map(String.init).reversed()
            } else {
                settled.append(next)
            }
        }
        return settled
    }
}

/// A tree in memory of which some things are not as they were.
final class TamperedFiles: FileLayer {
    enum Tampering: Sendable {
        case removed
        case refused(Int32)
        case contents([UInt8])
    }

    private let tree: MemoryTree
    private let tampered: Mutex<[Int: Tampering]>
    /// What is gone after so many reads of anything.
    private let vanishing: [(reads: Int, node: Int)]
    private let reads = Mutex(0)

    init(_ tree: MemoryTree, _ tampered: [Int: Tampering], vanishing: [(reads: Int, node: Int)] = []) {
        self.tree = tree
        self.tampered = Mutex(tampered)
        self.vanishing = vanishing
    }

    private func find(_ path: String, _ call: String, followingLast: Bool = true) throws(SystemError) -> Int {
        guard let chain = tree.chain(path, followingLast: followingLast), let node = chain.last else {
            throw SystemError(call: call, code: ENOENT, path: path)
        }
        let code: Int32? = tampered.withLock { tampered in
            if case .refused(let code) = tampered[node] { return code }
            for node in chain { if case .removed = tampered[node] { return ENOENT } }
            return nil
        }
        if let code { throw SystemError(call: call, code: code, path: path) }
        return node
    }

    func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        let count = reads.withLock { reads in
            reads += 1
            return reads
        }
        for (reads, node) in vanishing where reads == count { tampered.withLock { $0[node] = .removed } }
        let node = try find(path, "open")
        let bytes: [UInt8]
        if case .contents(let other) = tampered.withLock({ $0[node] }) {
            bytes = other
        } else if case .file(let own) = tree.nodes[node] {
            bytes = own
        } else {
            throw SystemError(call: "open", code: EISDIR, path: path)
        }
        guard bytes.count <= limit else { throw SystemError(call: "read", code: EFBIG, path: path) }
        return bytes
    }

    func names(in path: String) throws(SystemError) -> [String] {
        guard case .directory(let children) = tree.nodes[try find(path, "opendir")] else {
            throw SystemError(call: "opendir", code: ENOTDIR, path: path)
        }
        let left = children.filter { child in
            tampered.withLock { tampered in
                if case .removed = tampered[child.value] { false } else { true }
            }
        }
        return left.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    func linkTarget(of path: String) throws(SystemError) -> String {
        let node = try find(path, "readlink", followingLast: false)
        if case .contents(let bytes) = tampered.withLock({ $0[node] }) { return String(decoding: bytes, as: UTF8.self) }
        guard case .link(let target) = tree.nodes[node] else {
            throw SystemError(call: "readlink", code: EINVAL, path: path)
        }
        return target
    }

    func kind(of path: String) throws(SystemError) -> FileKind {
        if case .directory = tree.nodes[try find(path, "stat")] { .directory } else { .regular }
    }
}
