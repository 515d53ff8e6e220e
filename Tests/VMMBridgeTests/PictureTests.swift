import BusModel
import Glibc
import Platform
import Testing
import VMBusDevices

@testable import VMMBridge

@Suite struct `A picture of a guest` {
    private static let display = """
        [[guest.device]]
        kind = "video"
        resolution = "64x32"
        squares = 3
        """

    /// The rows of a PNG file, each behind its filter, and its header; every checksum is held against its chunk.
    private func decoded(_ file: [UInt8]) throws -> (header: [UInt8], rows: [UInt8]) {
        func word(_ place: Int) -> Int { file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) } }
        try #require(file.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
        var chunks: [String: [UInt8]] = [:]
        var place = 8
        while place + 12 <= file.count, place + 12 + word(place) <= file.count {
            let length = word(place)
            var checksum = StreamChecksum()
            checksum.add(file[place + 4..<place + 8 + length])
            #expect(word(place + 8 + length) == Int(checksum.value))
            chunks[String(decoding: file[place + 4..<place + 8], as: UTF8.self)] =
                Array(file[place + 8..<place + 8 + length])
            place += 12 + length
        }
        #expect(place == file.count)
        #expect(chunks.keys.sorted() == ["IDAT", "IEND", "IHDR"])
        let data = try #require(chunks["IDAT"])
        // What lies in a zlib stream is what lies in a gzip file, whose own header and ending are others.
        let header: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
        var decompressor = try Decompressor(.gzip, limit: 1 << 20)
        var rows: [UInt8] = []
        _ = decompressor.append(header + data.dropFirst(2).dropLast(4)) { (part) throws(Never) in rows += part }
        return (chunks["IHDR"] ?? [], rows)
    }

    @Test func `is read out of its memory and kept as a PNG file`() throws {
        var name = Array("/tmp/vmbusscope-picture-XXXXXX".utf8CString)
        let folder = try #require(mkdtemp(&name).map { String(cString: $0) })
        defer {
            unlink("\(folder)/guest.png")
            rmdir(folder)
        }
        let configuration = try TestScenario.guest(Self.display)
        var machine = try BridgedGuest(configuration, mode: .monitorPages)
        let command = try BridgeCommand("video screenshot \(folder)/guest.png", for: configuration)
        machine.session.perform(command, at: 0)
        try machine.boot()
        try machine.run(until: 1_000_000_000)
        machine.session.perform(command, at: machine.time)
        try machine.settle()
        let notes = machine.texts(.note)
        #expect(notes.contains("the guest's picture was not kept: the guest shows nothing yet"))
        #expect(notes.contains("the guest's picture of 64x32 is in \(folder)/guest.png"))
        #expect(machine.texts(.fault) == [])
        let (header, rows) = try decoded(WholeFile.read("\(folder)/guest.png", limit: 1 << 20))
        #expect(header == [0, 0, 0, 64, 0, 0, 0, 32, 8, 2, 0, 0, 0])
        #expect(rows.count == 6176)
        // The third square lies on the first: its red, green and blue.
        #expect(Array(rows.prefix(4)) == [0, 96, 207, 80])
    }

    @Test func `is not kept where nothing can be written, and asked only of a display`() throws {
        let configuration = try TestScenario.guest(Self.display + "\n" + TestScenario.heartbeat)
        var machine = try BridgedGuest(configuration, mode: .monitorPages)
        try machine.boot()
        try machine.run(until: 100_000_000)
        try machine.session.perform(
            BridgeCommand("video screenshot /nowhere/a.png", for: configuration), at: machine.time)
        try machine.settle()
        #expect(machine.texts(.note).contains { $0.hasPrefix("the guest's picture was not kept: open") })
        for line in ["heartbeat screenshot a.png", "video screenshot"] {
            var problem = ""
            do throws(BridgeCommandError) {
                _ = try BridgeCommand(line, for: configuration)
            } catch {
                problem = error.description
            }
            #expect(problem.contains("is no command"), "\(line)")
        }
    }
}
