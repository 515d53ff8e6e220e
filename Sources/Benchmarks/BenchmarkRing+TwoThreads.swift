import CRing
import Platform
import Synchronization
import VMBusRing
import VMBusWire

/// How the two threads of a slice start together, and how the sending one ended.
private final class Start: Sendable {
    private let isReady = Atomic(false)
    private let isGiven = Atomic(false)
    private let hasFailed = Atomic(false)
    private let reason = Mutex<String?>(nil)

    /// Whether one of the threads gave up.
    var failed: Bool { hasFailed.load(ordering: .acquiring) }

    /// Why the first of them did.
    var failure: String? { reason.withLock { $0 } }

    /// The sending thread waits for the start.
    func await() {
        isReady.store(true, ordering: .releasing)
        var spins: UInt32 = 0
        while !isGiven.load(ordering: .acquiring) { cring_idle(&spins) }
    }

    /// The receiving thread gives the start as soon as the other one is there.
    func give() {
        var spins: UInt32 = 0
        while !isReady.load(ordering: .acquiring) { cring_idle(&spins) }
        isGiven.store(true, ordering: .releasing)
    }

    /// A thread gives up.
    func fail(_ why: String) {
        reason.withLock { $0 = $0 ?? why }
        hasFailed.store(true, ordering: .releasing)
    }
}

extension BenchmarkRing {
    /// A slice of our ring: another thread sends, this one receives; both wait actively, so signals are masked.
    func passOurs(_ measured: RingBenchmark.Case) throws(BenchmarkFailure) -> UInt64 {
        var (memory, receiver) = (memory, receiver)
        memory.storeReleasing(1, to: .interruptMask)
        let (sendersMemory, sender) = (memory, RingSender(position: receiver.position))
        let buffer = buffer
        var total: UInt64 = 0
        let time = try pass { start in
            let payload = [UInt8](repeating: 7, count: measured.payloadBytes)
            start.await()
            do throws(RingError<Never>) {
                try Self.sendAll(payload.span.bytes, measured, sender, sendersMemory)
            } catch {
                start.fail("our ring: \(error)")
            }
        } receive: { start in
            do throws(RingError<Never>) {
                try Self.receiveAll(measured, &receiver, &memory, buffer, &total) { start.failed }
            } catch {
                start.fail("our ring: \(error)")
            }
        }
        self.receiver = receiver
        sum &+= total
        return time
    }

    private static func sendAll(
        _ payload: RawSpan, _ measured: RingBenchmark.Case, _ ourSender: RingSender, _ ourMemory: MappedRingMemory
    ) throws(RingError<Never>) {
        var (sender, memory) = (ourSender, ourMemory)
        var spins: UInt32 = 0
        var sent = 0
        while sent < measured.packetsPerSlice {
            var batch = try sender.batch(in: memory)
            while batch.packetCount < measured.batch, sent < measured.packetsPerSlice {
                let info = PacketInfo(.dataInBand, transactionID: UInt64(sent))
                if try batch.append(info, header: RawSpan(), payload: payload, in: &memory) != nil { break }
                sent += 1
            }
            if batch.packetCount == 0 { cring_idle(&spins) }
            _ = try sender.publish(batch, in: &memory)
        }
    }

    private static func receiveAll(
        _ measured: RingBenchmark.Case, _ ourReceiver: inout RingReceiver, _ ourMemory: inout MappedRingMemory,
        _ buffer: UnsafeMutableRawBufferPointer, _ sum: inout UInt64, _ hasFailed: () -> Bool
    ) throws(RingError<Never>) {
        var (receiver, memory) = (ourReceiver, ourMemory)
        var spins: UInt32 = 0
        var total: UInt64 = 0
        var taken = 0
        while taken < measured.packetsPerSlice {
            var drained = 0
            while drained < measured.batch, let packet = try receiver.next(in: memory) {
                let count = packet.copyPayload(from: memory, into: buffer)
                total &+= UInt64(buffer[0]) &+ UInt64(buffer[count - 1])
                drained += 1
            }
            taken += drained
            if drained == 0 {
                cring_idle(&spins)
                if hasFailed() { break }
            }
            _ = try receiver.commit(in: &memory)
        }
        (ourReceiver, ourMemory) = (receiver, memory)
        sum &+= total
    }

    /// A slice of the ring in C: the same.
    func passC(_ measured: RingBenchmark.Case) throws(BenchmarkFailure) -> UInt64 {
        cring_mask(&c)
        nonisolated(unsafe) let ring = c
        let position = cReceiver.position
        var receiver = cReceiver
        var total: UInt64 = 0
        let time = try pass { start in
            let payload = [UInt8](repeating: 7, count: measured.payloadBytes)
            start.await()
            var (ring, signals) = (ring, UInt64(0))
            var sender = cring_sender(position: position, published: position, free: 0, pending: 0)
            let status = cring_send_all(
                &ring, &sender, payload, payload.count, measured.batch, measured.packetsPerSlice, &signals)
            if status != CRING_OK { start.fail("the ring in C ended with status \(status.rawValue)") }
        } receive: { start in
            var (ring, signals) = (ring, UInt64(0))
            let status = cring_receive_all(
                &ring, &receiver, buffer.baseAddress, buffer.count, measured.batch, measured.packetsPerSlice, &total,
                &signals)
            if status != CRING_OK { start.fail("the ring in C ended with status \(status.rawValue)") }
        }
        cReceiver = receiver
        sum &+= total
        return time
    }

    /// A slice of handing a word to the other thread and getting it back.
    func roundTrips(_ count: Int) throws(BenchmarkFailure) -> UInt64 {
        let turn = Turn()
        return try pass { start in
            start.await()
            for number in 0..<count { turn.answer(number) }
        } receive: { _ in
            for number in 0..<count { turn.ask(number) }
        }
    }

    /// Runs `send` in a thread and `receive` in this one, each on a processor of its own where there are two.
    /// - Returns: nanoseconds from the common start to the end of `receive`.
    private func pass(
        send: @escaping @Sendable (Start) -> Void, receive: (Start) -> Void
    ) throws(BenchmarkFailure) -> UInt64 {
        let start = Start()
        let time: UInt64
        do throws(SystemError) {
            let allowed = try ProcessorSet.ofThisThread()
            let processors = allowed.numbers
            let sendersOwn = ProcessorSet(only: processors.last ?? 0)
            try ProcessorSet(only: processors.first ?? 0).keepThisThread()
            let thread = try WorkerThread(name: "bench-send") {
                // A thread that stays with the other one measures badly, but measures.
                try? sendersOwn.keepThisThread()
                send(start)
            }
            start.give()
            let begin = MonotonicClock.now()
            receive(start)
            time = MonotonicClock.now() - begin
            thread.join()
            try allowed.keepThisThread()
        } catch {
            throw BenchmarkFailure(description: "\(error)")
        }
        if let failure = start.failure { throw BenchmarkFailure(description: failure) }
        return time
    }
}

/// A word that two threads pass to and fro.
private final class Turn: Sendable {
    private let word = Atomic<Int>(0)

    func ask(_ number: Int) {
        word.store(2 * number + 1, ordering: .releasing)
        wait(for: 2 * number + 2)
    }

    func answer(_ number: Int) {
        wait(for: 2 * number + 1)
        word.store(2 * number + 2, ordering: .releasing)
    }

    private func wait(for value: Int) {
        var spins: UInt32 = 0
        while word.load(ordering: .acquiring) != value { cring_idle(&spins) }
    }
}
