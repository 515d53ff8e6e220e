import BusModel
import Testing
import VMBusDevices
import VMBusPartitions
import VMBusSimulator

@Suite struct StorageScenarioTests {
    /// The records of the scenario's first seconds, as text.
    static func run(seconds: UInt64) throws -> (packets: Int, faults: [String], bytes: [UInt8]) {
        let scenario = try #require(try Scenarios.named("storage"))
        var simulation = Simulation(scenario)
        var (packets, faults, bytes) = (0, [String](), [UInt8]())
        while let next = simulation.nextTime, next < seconds * 1_000_000_000, let batch = simulation.step() {
            for header in batch.headers {
                if header.kind == .packet { packets += 1 }
                if header.kind == .fault { faults.append(String(decoding: batch.payload(of: header), as: UTF8.self)) }
                bytes += batch.payload(of: header)
            }
        }
        return (packets, faults, bytes)
    }

    @Test func `a guest works on its disks, which come and go, without a fault`() throws {
        let outcome = try Self.run(seconds: 5)
        #expect(outcome.faults == [])
        #expect(outcome.packets > 2000)
    }

    @Test func `the same scenario gives the same records`() throws {
        let first = try Self.run(seconds: 1)
        let second = try Self.run(seconds: 1)
        #expect(first.bytes == second.bytes)
    }

    @Test func `a disk in memory keeps what was written and forgets what was discarded`() {
        var disk = MemoryDisk(byteCount: 65_536)
        let data = (0..<6000).map { UInt8(truncatingIfNeeded: $0 * 3 + 1) } + [UInt8](repeating: 9, count: 144)
        let written = disk.perform(.write(block: 3, data, isForced: false), blockSize: 512)
        #expect(written == .success([]))
        let read = disk.perform(.read(BlockRange(block: 3, count: 12)), blockSize: 512)
        #expect(read == .success(data))
        _ = disk.perform(.discard([BlockRange(block: 4, count: 11)]), blockSize: 512)
        let after = disk.perform(.read(BlockRange(block: 3, count: 12)), blockSize: 512)
        #expect(after == .success(Array(data.prefix(512)) + [UInt8](repeating: 0, count: 5632)))
        _ = disk.perform(
            .fill(BlockRange(block: 0, count: 128), pattern: [UInt8](repeating: 7, count: 512)), blockSize: 512)
        let all = disk.perform(.read(BlockRange(block: 0, count: 128)), blockSize: 512)
        #expect(all == .success([UInt8](repeating: 7, count: 65_536)))
        let far = disk.perform(.read(BlockRange(block: 120, count: 9)), blockSize: 512)
        #expect(far == .failure(.outOfRange))
        let wild = disk.perform(.discard([BlockRange(block: .max, count: .max)]), blockSize: 4096)
        #expect(wild == .failure(.outOfRange))
        var fixed = MemoryDisk(byteCount: 512, isReadOnly: true)
        let refused = fixed.perform(.write(block: 0, [UInt8](repeating: 0, count: 512), isForced: true), blockSize: 512)
        #expect(refused == .failure(.writeProtected))
    }
}
