import Glibc
import Platform
import Testing
import VMBusDevices
import VMBusPartitions
import VMMBridge

@Suite struct FileDiskTests {
    /// A folder of its own for each test, removed afterwards.
    private static func withFolder(_ body: (String) throws -> Void) throws {
        var name = Array("/tmp/vmbusscope-disk-XXXXXX".utf8CString)
        let folder = try #require(mkdtemp(&name).map { String(cString: $0) })
        defer {
            for file in ["disk", "other"] { unlink("\(folder)/\(file)") }
            rmdir(folder)
        }
        try body(folder)
    }

    private static func failure(_ body: () throws(SystemError) -> FileDisk) -> Int32? {
        do throws(SystemError) {
            _ = try body()
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `a file that is made takes no room until it is written, and none again when discarded`() throws {
        try Self.withFolder { folder in
            let disk = try FileDisk(path: "\(folder)/disk", byteCount: 1 << 24)
            var status = stat()
            #expect(stat("\(folder)/disk", &status) == 0)
            #expect(status.st_size == 16_777_216)
            #expect(status.st_blocks == 0)
            let data = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 / 3) }
            let written = disk.perform(.write(block: 100, data, isForced: true), blockSize: 512)
            #expect(written == .success([]))
            let read = disk.perform(.read(BlockRange(block: 100, count: 128)), blockSize: 512)
            #expect(read == .success(data))
            let gone = disk.perform(.discard([BlockRange(block: 0, count: 32_768)]), blockSize: 512)
            #expect(gone == .success([]))
            let empty = disk.perform(.read(BlockRange(block: 100, count: 128)), blockSize: 512)
            #expect(empty == .success([UInt8](repeating: 0, count: 65_536)))
            let flushed = disk.perform(.flush, blockSize: 512)
            #expect(flushed == .success([]))
            let far = disk.perform(.read(BlockRange(block: 32_767, count: 2)), blockSize: 512)
            #expect(far == .failure(.outOfRange))
        }
    }

    @Test func `a file that shrinks under the disk gives unreadable blocks`() throws {
        try Self.withFolder { folder in
            let disk = try FileDisk(path: "\(folder)/disk", byteCount: 8192)
            #expect(truncate("\(folder)/disk", 4096) == 0)
            let read = disk.perform(.read(BlockRange(block: 8, count: 1)), blockSize: 512)
            #expect(read == .failure(.unreadable(block: 8)))
        }
    }

    @Test func `a read-only file is not written`() throws {
        try Self.withFolder { folder in
            _ = try FileDisk(path: "\(folder)/disk", byteCount: 4096)
            let disk = try FileDisk(path: "\(folder)/disk", isReadOnly: true)
            #expect(disk.byteCount == 4096)
            let zeros = [UInt8](repeating: 0, count: 512)
            for operation: DiskOperation in [
                .write(block: 0, zeros, isForced: false), .fill(BlockRange(block: 0, count: 1), pattern: zeros),
                .discard([BlockRange(block: 0, count: 1)]),
            ] {
                let refused = disk.perform(operation, blockSize: 512)
                #expect(refused == .failure(.writeProtected))
            }
        }
    }

    @Test func `what is no file for a disk is refused with the reason`() throws {
        try Self.withFolder { folder in
            let missing = Self.failure { () throws(SystemError) in try FileDisk(path: "\(folder)/disk") }
            #expect(missing == ENOENT)
            let readOnly = Self.failure { () throws(SystemError) in
                try FileDisk(path: "\(folder)/disk", byteCount: 4096, isReadOnly: true)
            }
            #expect(readOnly == ENOENT)
            _ = try FileDisk(path: "\(folder)/disk", byteCount: 4096)
            let short = Self.failure { () throws(SystemError) in try FileDisk(path: "\(folder)/disk", byteCount: 8192) }
            #expect(short == EFBIG)
            let directory = Self.failure { () throws(SystemError) in try FileDisk(path: folder, isReadOnly: true) }
            #expect(directory == EOPNOTSUPP)
            let device = Self.failure { () throws(SystemError) in try FileDisk(path: "/dev/null") }
            #expect(device == EOPNOTSUPP)
        }
    }
}
