import Testing
import VMBusRing
import VMBusWire

@Suite struct RunAgainTests {
    typealias Ring = PagedRingMemory<SimulatedMemory>
    typealias Failure = RingError<SimulatedMemoryFailure>

    /// Stops an operation at its first access, its second and so on; each time nothing private may have changed, and running
    /// it again from its start must end as if it had never been stopped.
    private func stopEverywhere<End: Equatable, Outcome: Equatable>(
        _ end: End, _ ring: Ring, _ operation: (inout End, inout Ring) throws(Failure) -> Outcome
    ) throws -> Int {
        var wholeRing = ring
        var wholeEnd = end
        let counter = AccessMeter()
        wholeRing.guest.meter = counter
        let outcome = try operation(&wholeEnd, &wholeRing)
        for stop in 1...counter.count {
            var ring = ring
            var stopped = end
            ring.guest.meter = AccessMeter(stoppingAt: stop)
            #expect(throws: Failure.memory(.stopped(access: stop))) { try operation(&stopped, &ring) }
            #expect(stopped == end, "stopped at access \(stop)")
            ring.guest.meter = nil
            let again = try operation(&stopped, &ring)
            #expect(again == outcome, "stopped at access \(stop)")
            #expect(stopped == wholeEnd, "stopped at access \(stop)")
            #expect(ring.guest == wholeRing.guest, "stopped at access \(stop)")
        }
        return counter.count
    }

    private func ring(_ start: UInt32, packets: Int) throws -> (Ring, RingSender, RingReceiver) {
        var ring = try pagedRing(dataPages: 2)
        var sender = RingSender(position: start)
        let receiver = RingReceiver(position: start)
        try sender.initialize(&ring)
        try receiver.initialize(&ring)
        for _ in 0..<packets {
            _ = try sender.send(PacketInfo(.dataInBand), payload: Array(repeating: 3, count: 1000), in: &ring)
        }
        return (ring, sender, receiver)
    }

    @Test func `every operation of a sender can be run again from any access`() throws {
        for start: UInt32 in [0, 4000, 8184] {
            for packets in [0, 1, 7] {
                let (ring, sender, _) = try ring(start, packets: packets)
                let header = Array(repeating: UInt8(8), count: 24)
                let payload = Array(repeating: UInt8(9), count: 333)
                let accesses = try stopEverywhere(sender, ring) { sender, ring throws(Failure) in
                    try sender.send(PacketInfo(.completion), header: header, payload: payload, in: &ring)
                }
                #expect(accesses >= 8)
                let batch = try stopEverywhere(sender, ring) { sender, ring throws(Failure) in
                    var batch = try sender.batch(in: ring)
                    _ = try batch.append(PacketInfo(.dataInBand), payload: payload, in: &ring)
                    _ = try batch.append(PacketInfo(.dataInBand), payload: [1], in: &ring)
                    return try sender.publish(batch, in: &ring)
                }
                #expect(batch >= 12)
                let waiting = try stopEverywhere(sender, ring) { sender, ring throws(Failure) in
                    try sender.waitForSpace(2000, in: &ring)
                }
                #expect(waiting == 2)
            }
        }
    }

    @Test func `every operation of a receiver can be run again from any access`() throws {
        for start: UInt32 in [0, 4000, 8184] {
            for reads in [1, 3, 7] {
                var (ring, _, receiver) = try ring(start, packets: 7)
                try ring.storeReleasing(1500, to: .pendingSendSize)
                let next = try stopEverywhere(receiver, ring) { receiver, ring throws(Failure) in
                    var bytes: [UInt8] = []
                    _ = try receiver.next(in: ring, appendingTo: &bytes)
                    return bytes
                }
                #expect(next >= 4)
                for _ in 0..<reads { _ = try receiver.next(in: ring) }
                let commit = try stopEverywhere(receiver, ring) { receiver, ring throws(Failure) in
                    try receiver.commit(in: &ring)
                }
                #expect(commit == 4)
                let drain = try stopEverywhere(receiver, ring) { receiver, ring throws(Failure) in
                    try receiver.finishDraining(in: &ring)
                }
                #expect(drain == (reads == 7 ? 6 : 7))
            }
        }
    }
}
