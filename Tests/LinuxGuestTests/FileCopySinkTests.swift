import Glibc
import LinuxGuest
import Platform
import Testing
import VMBusDevices

@Suite struct `A directory that takes a host's files` {
    /// A directory of its own, with a neighbour that nobody may write to.
    private final class Place {
        let outer: String
        var root: String { outer + "/in" }

        init() throws {
            var template = Array("/tmp/vmbusscope-test-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { throw SystemError.last("mkdtemp") }
            outer = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
            mkdir(root, 0o755)
        }

        deinit { Self.remove(outer) }

        private static func remove(_ path: String) {
            for name in Glibc.unlink(path) == 0 ? [] : (try? SystemFiles().names(in: path)) ?? [] {
                remove("\(path)/\(name)")
            }
            rmdir(path)
        }

        /// Everything in the place, as paths below it.
        func names(_ below: String = "") -> [String] {
            ((try? SystemFiles().names(in: outer + below)) ?? []).sorted().flatMap {
                let name = "\(below)/\($0)"
                var status = stat()
                lstat(outer + name, &status)
                return [name] + (status.st_mode & S_IFMT == S_IFDIR ? names(name) : [])
            }
        }
    }

    private static func start(
        _ name: String, in path: String = "/", _ flags: FileCopyFlags = [], size: UInt64 = 3
    ) -> FileCopyStep {
        .begin(.init(name: name, path: path, flags: flags, size: size))
    }

    /// Copies three bytes; the number of the error that comes of it, 0 for none.
    private static func copy(_ sink: inout FileCopySink, _ start: FileCopyStep) -> Int32 {
        do throws(SystemError) {
            for step in [start, .data(offset: 0, [1, 2]), .data(offset: 2, [3]), .complete] { _ = try sink.take(step) }
            return 0
        } catch {
            return error.code
        }
    }

    @Test(arguments: [
        ("..", "/"), (".", "/"), ("", "/"), ("a/b", "/"), ("/a", "/"), ("../a", "/"), ("a", ".."), ("a", "/.."),
        ("a", "/sub/../.."), ("a", "../../etc"), ("a\n", "/"), ("a\u{1B}[2J", "/"), ("a\u{202E}txt", "/"),
        ("a\u{7F}", "/"), ("a", "/b\rc"), (".vmbusscope.\(getpid()).tmp", "/"),
    ])
    func `takes no name that leads elsewhere or looks like another`(name: String, path: String) throws {
        let place = try Place()
        var sink = FileCopySink(root: place.root, maximumSize: 10, replaces: true)
        let code = Self.copy(&sink, Self.start(name, in: path, [.overwrite, .createPath]))
        #expect(code == EINVAL)
        #expect(place.names() == ["/in"])
    }

    @Test(arguments: [("a", "/"), ("a", ""), (".hidden", "/."), ("ä b", "//"), ("a\\b", "/")])
    func `has a file once it is whole, and nothing beside it`(name: String, path: String) throws {
        let place = try Place()
        var sink = FileCopySink(root: place.root, maximumSize: 10, replaces: false)
        let parts = [Self.start(name, in: path), .data(offset: 0, [1, 2]), .data(offset: 2, [3])]
        for part in parts { #expect(try sink.take(part) == nil) }
        #expect(place.names() == ["/in"])
        let stored = try sink.take(.complete)
        #expect(stored?.path == "\(place.root)/\(name)")
        #expect(stored?.byteCount == 3)
        #expect(try WholeFile.read("\(place.root)/\(name)", limit: 10) == [1, 2, 3])
        #expect(place.names() == ["/in", "/in/\(name)"])
    }

    @Test func `makes directories only when the host asks, and follows no link`() throws {
        let place = try Place()
        var sink = FileCopySink(root: place.root, maximumSize: 10, replaces: true)
        let missing = Self.copy(&sink, Self.start("a", in: "/x/y"))
        let made = Self.copy(&sink, Self.start("a", in: "/x/y", .createPath))
        #expect((missing, made) == (ENOENT, 0))
        mkdir(place.outer + "/outside", 0o755)
        guard symlink(place.outer + "/outside", place.root + "/out") == 0,
            symlink(place.outer + "/outside/b", place.root + "/b") == 0
        else { throw SystemError.last("symlink") }
        let below = Self.copy(&sink, Self.start("c", in: "/out", [.overwrite, .createPath]))
        let deeper = Self.copy(&sink, Self.start("c", in: "/out/d", [.overwrite, .createPath]))
        let itself = Self.copy(&sink, Self.start("b", in: "/", .overwrite))
        #expect([ENOTDIR, ELOOP].contains(below) && [ENOTDIR, ELOOP].contains(deeper))
        #expect(itself == EEXIST)
        #expect(place.names("/outside").isEmpty)
    }

    @Test(arguments: [(false, false, EEXIST), (false, true, EEXIST), (true, false, EEXIST), (true, true, 0)])
    func `replaces a file only when both ends want it`(person: Bool, host: Bool, code: Int32) throws {
        let place = try Place()
        try ReplacedFile.write(place.root + "/a", [9])
        var sink = FileCopySink(root: place.root, maximumSize: 10, replaces: person)
        let result = Self.copy(&sink, Self.start("a", in: "/", host ? .overwrite : []))
        #expect(result == code)
        #expect(try WholeFile.read(place.root + "/a", limit: 10) == (code == 0 ? [1, 2, 3] : [9]))
    }

    @Test func `never replaces what came after it had looked`() throws {
        let place = try Place()
        var sink = FileCopySink(root: place.root, maximumSize: 10, replaces: false)
        _ = try sink.take(Self.start("a"))
        try ReplacedFile.write(place.root + "/a", [9])
        let result = Result { () throws(SystemError) in try sink.take(.complete) }
        #expect((try? result.get()) == nil)
        #expect(try WholeFile.read(place.root + "/a", limit: 10) == [9])
        #expect(place.names() == ["/in", "/in/a"])
    }

    @Test func `keeps nothing of a file that is too large, given up or cut off`() throws {
        let place = try Place()
        var sink = FileCopySink(root: place.root, maximumSize: 10, replaces: false)
        let large = Self.copy(&sink, Self.start("a", size: 11))
        let more = Self.copy(&sink, Self.start("a", size: 2))
        #expect((large, more) == (EFBIG, EFBIG))
        for step in [Self.start("a"), .data(offset: 0, [1]), .cancel, .complete] { _ = try sink.take(step) }
        #expect(place.names() == ["/in"])
    }

    // MARK: The answers to a host

    private static let agreement = IntegrationComponent.Agreement(framework: .init(3, 0), messages: .init(1, 1))

    private static func answer(
        _ receiver: inout FileCopyReceiver, _ operation: FileCopyOperation, _ body: FileCopyMessage.Body = .nothing
    ) -> IntegrationAnswer {
        receiver.answer(.fileCopy(FileCopyMessage(operation, body)), agreement, time: 0)
    }

    @Test func `a host learns with each step whether it could be kept`() throws {
        let place = try Place()
        var receiver = FileCopyReceiver(into: FileCopySink(root: place.root, maximumSize: 10, replaces: false))
        let outside = Self.answer(&receiver, .start, .start(.init(name: "a", path: "/..", flags: [], size: 3)))
        let large = Self.answer(&receiver, .start, .start(.init(name: "a", path: "/", flags: [], size: 11)))
        #expect(outside.status == .invalidArgument)
        #expect(large.status == .diskFull)
        let begun = Self.answer(&receiver, .start, .start(.init(name: "a", path: "/", flags: [], size: 3)))
        let part = Self.answer(&receiver, .write, .write(.init(offset: 0, [1, 2, 3])))
        #expect(begun.status == .success && part.status == .success)
        try ReplacedFile.write(place.root + "/a", [9])
        let late = Self.answer(&receiver, .complete)
        let cancelled = Self.answer(&receiver, .cancel)
        #expect(late.status == .alreadyExists)
        #expect(cancelled.status == .success)
        let again = Self.answer(&receiver, .start, .start(.init(name: "b", path: "/", flags: [], size: 0)))
        let empty = Self.answer(&receiver, .complete)
        #expect(again.status == .success)
        #expect(empty.effects == [.note("\(place.root)/b is whole, 0 bytes")])
        #expect(place.names() == ["/in", "/in/a", "/in/b"])
    }
}
