import Glibc
import Platform
import Testing

@Suite struct FileSeriesTests {
    private let directory = "/tmp/vmbusscope-series-\(getpid())-\(UInt32.random(in: 0 ... .max))"

    private func names() throws -> [String] { try SystemFiles().names(in: directory) }

    private func within(_ body: () throws -> Void) throws {
        #expect(mkdir(directory, 0o700) == 0)
        defer {
            for name in (try? names()) ?? [] { unlink("\(directory)/\(name)") }
            rmdir(directory)
        }
        try body()
    }

    @Test func `the newest files stay`() throws {
        try within {
            var series = try FileSeries("\(directory)/a.b.pcapng", keeping: 2)
            #expect(series.newest == nil)
            for number in 1...3 { try series.next().write([UInt8(number)]) }
            #expect(try names() == ["a.b-000002.pcapng", "a.b-000003.pcapng"])
            #expect(series.newest == "\(directory)/a.b-000003.pcapng")
        }
    }

    @Test func `a later run goes on behind an earlier one and counts its files`() throws {
        try within {
            // What only looks like one of the series stays.
            for name in ["x-000008.pcapng", "x-000009.pcapng", "x-9.pcapng", "x-00000a.pcapng", "x-000001.pcap"] {
                _ = try OwnedDescriptor.newFile("\(directory)/\(name)")
            }
            var series = try FileSeries("\(directory)/x.pcapng", keeping: 2)
            _ = try series.next()
            #expect(
                try names()
                    == ["x-000001.pcap", "x-000009.pcapng", "x-00000a.pcapng", "x-000010.pcapng", "x-9.pcapng"])
        }
    }

    @Test func `a name without a point and a directory that is not there`() throws {
        try within {
            var series = try FileSeries("\(directory)/.plain", keeping: 0)
            _ = try series.next()
            _ = try series.next()
            #expect(try names() == [".plain-000002"])
        }
        #expect((try? FileSeries("/nowhere/x", keeping: 1)) == nil)
    }
}
