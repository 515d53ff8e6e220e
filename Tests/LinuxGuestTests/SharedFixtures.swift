import Glibc
import Platform

/// The trees that are kept outside the repository; VMBUSSCOPE_FIXTURES names their directory.
enum SharedFixtures {
    /// The directory, if it is there.
    static let directory: String? = {
        guard let value = getenv("VMBUSSCOPE_FIXTURES") else { return nil }
        let path = String(cString: value)
        return access(path + "/trees", R_OK) == 0 ? path : nil
    }()

    /// What is said where the trees are not there.
    static let absence = "NOT TESTED: set VMBUSSCOPE_FIXTURES to the directory that holds trees/ and real-linux-6.12/"

    /// Unpacks an archive below the fixtures' directory, hands the place over and removes it again.
    static func withUnpacked<Result>(_ archive: String, _ body: (String) throws -> Result) throws -> Result {
        guard let directory else { throw Failure.notThere }
        var template = Array("/tmp/vmbusscope-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError.last("mkdtemp") }
        let place = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { try? run("rm", "-rf", place) }
        try run("tar", "-xJf", directory + "/" + archive, "-C", place)
        return try body(place)
    }

    /// The bytes of a file below the fixtures' directory, or of any other if the path is absolute.
    static func contents(_ name: String) throws -> [UInt8] {
        let path = name.hasPrefix("/") ? name : (directory ?? "") + "/" + name
        return try SystemFiles().read(path, limit: 1 << 25)
    }

    private static func run(_ arguments: String...) throws {
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var process: pid_t = 0
        let code = posix_spawnp(&process, arguments[0], nil, nil, &pointers, nil)
        guard code == 0 else { throw SystemError(call: "posix_spawnp", code: code, path: arguments[0]) }
        var status: Int32 = 0
        guard waitpid(process, &status, 0) == process, status == 0 else { throw Failure.command(arguments, status) }
    }

    enum Failure: Error {
        case notThere
        case command([String], Int32)
    }
}

/// A tree in which the reads that the live kernel refused fail again as they did there.
struct RefusingFiles: FileLayer {
    let tree: SystemFiles
    /// The errno of every refused file, by its place below /sys/devices.
    let refused: [String: Int32]

    func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        let bus = "/sys/bus/vmbus/devices/"
        if path.hasPrefix(bus) {
            let parts = path.dropFirst(bus.count).split(separator: "/", maxSplits: 1)
            if parts.count == 2 {
                let target = try tree.linkTarget(of: bus + parts[0])
                let real = "/sys/" + target.split(separator: "/").filter { $0 != ".." }.joined(separator: "/")
                if let code = refused[real + "/" + parts[1]] { throw SystemError(call: "read", code: code, path: path) }
            }
        }
        return try tree.read(path, limit: limit)
    }

    func names(in path: String) throws(SystemError) -> [String] { try tree.names(in: path) }
    func linkTarget(of path: String) throws(SystemError) -> String { try tree.linkTarget(of: path) }
    func kind(of path: String) throws(SystemError) -> FileKind { try tree.kind(of: path) }
}
