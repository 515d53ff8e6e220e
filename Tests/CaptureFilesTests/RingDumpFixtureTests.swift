import CaptureFiles
import Glibc
import Platform
import Testing

/// Images that an independent writer made (`Fixtures/make_rings.py`), with what it says is in them.
@Suite struct `Ring dumps of an independent writer` {
    /// An image's name, how it is to be read, and whether it is damaged.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let layout: RingDump.Layout
        let isDamaged: Bool

        var testDescription: String { name }

        init?(line: Substring) {
            let words = line.split(separator: " ")
            guard words.count == 3, let layout = RingDump.Layout.allCases.first(where: { "\($0)" == words[1] }) else {
                return nil
            }
            (name, self.layout, isDamaged) = (String(words[0]), layout, words[2] == "2")
        }
    }

    static let fixtures =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        .joined(separator: "/") + "/Fixtures"

    static func contents(_ name: String) throws -> [UInt8] {
        try WholeFile.read("\(fixtures)/rings/\(name)", limit: 1 << 24)
    }

    static let cases: [Case] = {
        let lines = (try? contents("cases.txt")) ?? []
        return String(decoding: lines, as: UTF8.self).split(separator: "\n").compactMap { Case(line: $0) }
    }()

    /// The messages are for people and not foretold.
    static func withoutMessages(_ text: String) -> String {
        let parts = text.split(separator: #","message":""#, omittingEmptySubsequences: false)
        return parts.dropFirst().reduce(String(parts.first ?? "")) { text, part in
            text + (part.firstIndex(of: "\"").map { String(part[part.index(after: $0)...]) } ?? "")
        }
    }

    @Test func `there are images`() {
        #expect(Self.cases.count == 43)
    }

    @Test(arguments: cases)
    func `are read packet for packet, damage included`(_ image: Case) throws {
        let dump = try RingDump(try Self.contents(image.name + ".bin"), layout: image.layout)
        var written: [UInt8] = []
        RingDumpJSON.write(dump) { (piece) throws(Never) in written += piece }
        let found = Self.withoutMessages(String(decoding: written, as: UTF8.self))
        let expected = String(decoding: try Self.contents(image.name + ".json"), as: UTF8.self)
        let isSame = found == expected
        #expect(isSame, "\(image.name): found \(found.prefix(1500)) instead of \(expected.prefix(1500))")
        #expect(dump.rings.contains { !$0.damage.isEmpty } == image.isDamaged)
    }

    @Test func `are what the writer makes today`() throws {
        var template = Array("/tmp/vmbusscope-rings-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError.last("mkdtemp") }
        let directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        let names = Self.cases.flatMap { ["\($0.name).bin", "\($0.name).json"] } + ["cases.txt"]
        defer {
            for name in names { _ = unlink("\(directory)/\(name)") }
            _ = rmdir(directory)
        }
        guard try run("python3", "\(Self.fixtures)/make_rings.py", directory) else { return }
        for name in names {
            let isSame = try WholeFile.read("\(directory)/\(name)", limit: 1 << 24) == Self.contents(name)
            #expect(isSame, "\(name) is not what make_rings.py writes")
        }
    }

    /// Whether a program of the `PATH` ran well; false where there is none.
    private func run(_ words: String...) throws -> Bool {
        var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var process: pid_t = 0
        guard posix_spawnp(&process, words[0], nil, nil, &pointers, environ) == 0 else { return false }
        var status: Int32 = 0
        guard waitpid(process, &status, 0) == process else { throw SystemError.last("waitpid") }
        guard status >> 8 != 127 else { return false }
        #expect(status == 0)
        return true
    }
}
