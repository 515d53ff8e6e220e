import Benchmarks
import CRing
import Platform
import Testing
import VMBusRing
import VMBusWire

/// A ring that ours and the one in C both work on.
private final class SharedRing {
    static let dataBytes = 8192

    let mapping: BackToBackMapping
    var memory: MappedRingMemory
    var c: cring

    init(isMappedTwice: Bool) throws {
        let bytes = 4096 + Self.dataBytes
        mapping = try BackToBackMapping(ofNewFile: bytes, parts: [0..<bytes] + (isMappedTwice ? [4096..<bytes] : []))
        let data = mapping.address + 4096
        memory = try MappedRingMemory(
            controlPage: mapping.address, data: data, dataSize: Self.dataBytes, isMappedTwice: isMappedTwice)
        c = cring(
            control: mapping.address.assumingMemoryBound(to: UInt8.self),
            data: data.assumingMemoryBound(to: UInt8.self), data_size: UInt32(Self.dataBytes),
            mapped_twice: isMappedTwice)
        cring_initialize(&c)
    }

    /// Lets the ring in C receive `packets` packets at `position`.
    func receiveInC(at position: UInt32, packets: Int, _ buffer: inout [UInt8]) -> (cring_status, UInt32) {
        var receiver = cring_receiver(position: position, published: position, known_write: position)
        var (sum, signals) = (UInt64(0), UInt64(0))
        let status = cring_receive_all(&c, &receiver, &buffer, buffer.count, 16, packets, &sum, &signals)
        return (status, receiver.position)
    }
}

/// The opponent in the benchmark must be honest: it reads and writes the same ring and refuses the same damage.
@Suite struct RingBenchmarkTests {
    @Test(arguments: [true, false])
    func `the ring in C reads what ours wrote, from every position`(isMappedTwice: Bool) throws {
        let ring = try SharedRing(isMappedTwice: isMappedTwice)
        var buffer = [UInt8](repeating: 0, count: 512)
        for position in stride(from: UInt32(0), to: 8192, by: 8) {
            var sender = RingSender(position: position)
            try sender.initialize(&ring.memory)
            try RingReceiver(position: position).initialize(&ring.memory)
            for number: UInt8 in 0..<3 {
                _ = try sender.send(
                    PacketInfo(.dataInBand, transactionID: UInt64(number)),
                    payload: [UInt8](repeating: number + 1, count: 30 + Int(number) * 100), in: &ring.memory)
            }
            let (status, end) = ring.receiveInC(at: position, packets: 3, &buffer)
            let last = buffer[..<232]
            guard status == CRING_OK, end == sender.position, last[..<230].allSatisfy({ $0 == 3 }),
                last[230...].allSatisfy({ $0 == 0 })
            else {
                Issue.record("position \(position): status \(status.rawValue), \(end) instead of \(sender.position)")
                return
            }
        }
    }

    @Test(arguments: [true, false])
    func `ours reads what the ring in C wrote, from every position`(isMappedTwice: Bool) throws {
        let ring = try SharedRing(isMappedTwice: isMappedTwice)
        let payload = (0..<333).map { UInt8(truncatingIfNeeded: $0 + 1) }
        for position in stride(from: UInt32(0), to: 8192, by: 8) {
            try RingSender(position: position).initialize(&ring.memory)
            var receiver = RingReceiver(position: position)
            try receiver.initialize(&ring.memory)
            var sender = cring_sender(position: position, published: position, free: 0, pending: 0)
            var signals: UInt64 = 0
            let status = cring_send_all(&ring.c, &sender, payload, payload.count, 2, 4, &signals)
            guard status == CRING_OK, signals == 1 else {
                Issue.record("position \(position): status \(status.rawValue), \(signals) signals")
                return
            }
            for number: UInt64 in 0..<4 {
                let packet = try #require(try receiver.next(in: ring.memory))
                var copy: [UInt8] = []
                packet.appendPayload(from: ring.memory, to: &copy)
                guard packet.descriptor.info == PacketInfo(.dataInBand, transactionID: number),
                    copy == payload + [0, 0, 0]
                else {
                    Issue.record("position \(position), packet \(number): \(packet)")
                    return
                }
            }
            #expect(try receiver.next(in: ring.memory) == nil)
            #expect(sender.position == receiver.position)
        }
    }

    @Test func `the ring in C takes the same for damage`() throws {
        var buffer = [UInt8](repeating: 0, count: 512)
        /// Changes a ring with one packet of 88 bytes at 4096; whether ours and the one in C both refuse it.
        func refused(_ change: (inout MappedRingMemory) -> Void) throws -> (ours: Bool, c: Bool) {
            let ring = try SharedRing(isMappedTwice: true)
            var sender = RingSender(position: 4096)
            try sender.initialize(&ring.memory)
            try RingReceiver(position: 4096).initialize(&ring.memory)
            _ = try sender.send(
                PacketInfo(.dataInBand), payload: [UInt8](repeating: 1, count: 64), in: &ring.memory)
            change(&ring.memory)
            var receiver = RingReceiver(position: 4096)
            let ours = Result { try receiver.next(in: ring.memory) }
            let (status, _) = ring.receiveInC(at: 4096, packets: 1, &buffer)
            if case .failure = ours { return (true, status == CRING_DAMAGE) }
            return (false, status == CRING_DAMAGE)
        }
        func descriptor(_ header: UInt64, _ total: UInt64) -> (inout MappedRingMemory) -> Void {
            { $0.storeData(6 | header << 16 | total << 32, at: 4096) }
        }
        #expect(try refused { _ in } == (false, false))
        for value: UInt32 in [8192, 8193, 4097, .max, 4104, 4112] {
            #expect(try refused { $0.storeReleasing(value, to: .writeIndex) } == (true, true), "write index \(value)")
        }
        for (header, total): (UInt64, UInt64) in [(1, 10), (0, 10), (11, 10), (2, 11), (2, 0xFFFF), (2, 9)] {
            #expect(try refused(descriptor(header, total)) == (true, true), "offset \(header), length \(total)")
        }
        #expect(try refused { $0.storeData(8 << 32, at: 4096 + 80) } == (true, true), "trailer")
    }

    @Test func `every case has a result, and the document has the names that it promises`() throws {
        let benchmark = RingBenchmark(rounds: 1)
        let cases = RingBenchmark.Case.all
        #expect(cases.count == 24)
        let results = try [cases[0], cases[23]].map { try benchmark.measure($0) }
        for result in results {
            for time in [result.ours, result.c, result.memcpy] { #expect(time.best > 0 && time.median >= time.best) }
        }
        #expect(results[0].coreRoundTrip == nil)
        #expect(try #require(results[1].coreRoundTrip).best > 0)
        let time = SliceSummary([3.456, 1, 200])
        let result = RingBenchmark.Result(case: cases[3], ours: time, c: time, memcpy: time, coreRoundTrip: nil)
        #expect(
            RingBenchmark.json([result])
                == #"{"schema":"vmbusscope.bench.ring/1","results":[{"threads":1,"ring_bytes":65536,"#
                + #""payload_bytes":1500,"batch":16,"ours_ns":3.46,"ours_best_ns":1.0,"c_ns":3.46,"c_best_ns":1.0,"#
                + #""memcpy_ns":3.46,"memcpy_best_ns":1.0,"core_round_trip_ns":null}]}"# + "\n")
        #expect(
            RingBenchmark.row(result)
                == "      1     65536    1500    16       3.5       1.0       3.5       1.0       3.5       1.0    1.00"
                + "    1.00          -\n")
    }
}
