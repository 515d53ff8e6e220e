import FuzzTargets
import Platform
import Testing

/// Every input that once led a fuzz target somewhere new leads it there again, without libFuzzer.
@Suite struct `Fuzz corpora` {
    static let directory =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        .joined(separator: "/") + "/corpora"
    static let names = FuzzTarget.all.map(\.name)

    @Test(arguments: names)
    func `hold nothing that breaks their target`(name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        let place = "\(Self.directory)/\(name)"
        let files = try SystemFiles().names(in: place)
        try #require(!files.isEmpty, "\(place) is empty")
        var total = 0
        for file in files {
            let bytes = try WholeFile.read("\(place)/\(file)", limit: 1 << 20)
            total += bytes.count
            do throws(Finding) {
                try target.run(bytes)
            } catch {
                Issue.record("\(place)/\(file): \(error)")
            }
        }
        #expect(files.count <= 200 && total <= 200_000, "\(place) has \(files.count) files of \(total) bytes")
    }

    @Test func `belong to a target each`() throws {
        #expect(try SystemFiles().names(in: Self.directory) == Self.names.sorted())
    }

    @Test(arguments: names)
    func `are not needed for inputs that are empty or of one kind`(name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        for value: UInt8 in [0, 1, 0x7F, 0xFF] {
            for count in [0, 1, 2, 17, 300] { try target.run([UInt8](repeating: value, count: count)) }
        }
    }
}
