import CRing
import Platform
import VMBusRing
import VMBusWire

/// A ring in memory of its own, with both of its ends, for one contestant.
final class BenchmarkRing {
    private let mapping: BackToBackMapping
    var memory: MappedRingMemory
    var c: cring
    private var sender = RingSender()
    var receiver = RingReceiver()
    private var cSender = cring_sender()
    var cReceiver = cring_receiver()
    let payload: UnsafeMutableRawBufferPointer
    let buffer: UnsafeMutableRawBufferPointer
    /// First and last bytes of all payloads received, so that nobody can leave the copying out.
    var sum: UInt64 = 0
    /// Signals that were due.
    var signals: UInt64 = 0

    private static let controlBytes = 4096
    private static let largestPayload = 4096

    init(ringBytes: Int, isMappedTwice: Bool) throws(BenchmarkFailure) {
        let dataBytes = ringBytes - Self.controlBytes
        do throws(SystemError) {
            mapping = try BackToBackMapping(
                ofNewFile: ringBytes, parts: [0..<ringBytes] + (isMappedTwice ? [Self.controlBytes..<ringBytes] : []))
        } catch {
            throw BenchmarkFailure(description: "\(error)")
        }
        let data = mapping.address + Self.controlBytes
        do throws(RingShapeError) {
            memory = try MappedRingMemory(
                controlPage: mapping.address, data: data, dataSize: dataBytes, isMappedTwice: isMappedTwice)
        } catch {
            throw BenchmarkFailure(description: "our ring: \(error)")
        }
        c = cring(
            control: mapping.address.assumingMemoryBound(to: UInt8.self),
            data: data.assumingMemoryBound(to: UInt8.self), data_size: UInt32(dataBytes), mapped_twice: isMappedTwice)
        cring_initialize(&c)
        payload = .allocate(byteCount: Self.largestPayload, alignment: 64)
        buffer = .allocate(byteCount: Self.largestPayload, alignment: 64)
        for index in payload.indices { payload[index] = UInt8(truncatingIfNeeded: index &* 7 &+ 1) }
    }

    deinit {
        payload.deallocate()
        buffer.deallocate()
    }

    // MARK: One thread

    /// A slice of our ring: batches sent and received again.
    func exchangeOurs(_ measured: RingBenchmark.Case) throws(BenchmarkFailure) -> UInt64 {
        let payload = UnsafeRawBufferPointer(rebasing: payload[..<measured.payloadBytes])
        let rounds = measured.packetsPerSlice / measured.batch
        do throws(RingError<Never>) {
            return try InterleavedSlices.time { () throws(RingError<Never>) in
                try Self.exchange(
                    &memory, &sender, &receiver, payload, buffer, batch: measured.batch, rounds: rounds, &sum, &signals)
            }
        } catch {
            throw BenchmarkFailure(description: "our ring: \(error)")
        }
    }

    private static func exchange(
        _ sharedMemory: inout MappedRingMemory, _ ourSender: inout RingSender, _ ourReceiver: inout RingReceiver,
        _ payload: UnsafeRawBufferPointer, _ buffer: UnsafeMutableRawBufferPointer, batch: Int, rounds: Int,
        _ sum: inout UInt64, _ signals: inout UInt64
    ) throws(RingError<Never>) {
        var memory = sharedMemory
        var (sender, receiver) = (ourSender, ourReceiver)
        var (total, due) = (sum, signals)
        var transaction: UInt64 = 0
        for _ in 0..<rounds {
            var sending = try sender.batch(in: memory)
            for _ in 0..<batch {
                transaction &+= 1
                _ = try sending.append(
                    PacketInfo(.dataInBand, transactionID: transaction), header: RawSpan(), payload: payload.bytes,
                    in: &memory)
            }
            if try sender.publish(sending, in: &memory) { due &+= 1 }
            while let packet = try receiver.next(in: memory) {
                let count = packet.copyPayload(from: memory, into: buffer)
                total &+= UInt64(buffer[0]) &+ UInt64(buffer[count - 1])
            }
            if try receiver.commit(in: &memory) { due &+= 1 }
        }
        sharedMemory = memory
        (ourSender, ourReceiver) = (sender, receiver)
        (sum, signals) = (total, due)
    }

    /// A slice of the ring in C: the same.
    func exchangeC(_ measured: RingBenchmark.Case) throws(BenchmarkFailure) -> UInt64 {
        let rounds = measured.packetsPerSlice / measured.batch
        var status = CRING_OK
        let time = InterleavedSlices.time {
            status = cring_exchange(
                &c, &cSender, &cReceiver, payload.baseAddress, measured.payloadBytes, buffer.baseAddress,
                measured.batch, rounds, &sum, &signals)
        }
        guard status == CRING_OK else {
            throw BenchmarkFailure(description: "the ring in C ended with status \(status.rawValue)")
        }
        return time
    }

    /// A slice of copying the same bytes.
    func copy(_ measured: RingBenchmark.Case) -> UInt64 {
        InterleavedSlices.time {
            cring_copy(
                c.data, Int(c.data_size), payload.baseAddress, measured.payloadBytes, buffer.baseAddress,
                measured.batch, measured.packetsPerSlice / measured.batch, &sum)
        }
    }
}
