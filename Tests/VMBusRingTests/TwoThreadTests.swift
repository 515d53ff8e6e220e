import Glibc
import TestSupport
import Testing
import VMBusRing
import VMBusWire

/// A signal between two threads: bytes in a pipe, so that a signal sent before the wait is not lost.
private struct Doorbell: Sendable {
    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Mapping.Failed(call: "pipe", errno: errno) }
        (reading, writing) = (ends[0], ends[1])
    }

    func ring() {
        var byte: UInt8 = 1
        while write(writing, &byte, 1) < 0, errno == EINTR {}
    }

    /// Whether the bell rang within ten seconds; if not, a wake-up was lost.
    func wait() -> Bool {
        var poll = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, 10_000) == 1 else { return false }
        var bytes: (UInt64, UInt64) = (0, 0)
        return read(reading, &bytes, 16) > 0
    }

    func close() {
        Glibc.close(reading)
        Glibc.close(writing)
    }
}

/// Why an end stopped early.
private struct GivenUp: Error, CustomStringConvertible {
    let description: String
}

/// One end of a ring, in a thread of its own: sends or receives numbered packets, sleeps when it may and signals when it must.
private final class End<Memory: RingMemory>: @unchecked Sendable {
    // Alone with this object from its start to its join.
    private var memory: Memory
    private let settings: RingSettings
    private let packets: Int
    private let own: Doorbell
    private let other: Doorbell
    private(set) var problem: String?
    private(set) var sleeps = 0

    init(_ memory: Memory, _ settings: RingSettings, packets: Int, own: Doorbell, other: Doorbell) {
        self.memory = memory
        self.settings = settings
        self.packets = packets
        self.own = own
        self.other = other
    }

    static func byteCount(of number: Int) -> Int { number &* 37 % 400 }

    private func sleep(_ what: String) throws {
        sleeps += 1
        guard own.wait() else { throw GivenUp(description: "waited in vain \(what)") }
    }

    func run(_ body: (End<Memory>) throws -> Void) {
        do { try body(self) } catch { problem = "\(error)" }
    }

    func send() throws {
        var sender = RingSender(settings)
        let bytes = (0..<600).map { UInt8(truncatingIfNeeded: $0) }
        var number = 0
        while number < packets {
            // Every third time several packets at once.
            var batch = try sender.batch(in: memory)
            var needed: UInt32?
            for _ in 0..<(number % 3 == 0 ? 5 : 1) where number + batch.packetCount < packets && needed == nil {
                let next = number + batch.packetCount
                let first = next % 200
                needed = try batch.append(
                    PacketInfo(.dataInBand, transactionID: UInt64(next)), header: RawSpan(),
                    payload: bytes.span.bytes.extracting(first..<first + Self.byteCount(of: next)), in: &memory)
            }
            number += batch.packetCount
            if try sender.publish(batch, in: &memory) { other.ring() }
            if batch.packetCount == 0, let needed, try sender.waitForSpace(needed, in: &memory) == .wait {
                try sleep("for space for packet \(number)")
            }
        }
    }

    func receive() throws {
        var receiver = RingReceiver(settings)
        var buffer = [UInt8](repeating: 0, count: 512)
        var number = 0
        while number < packets {
            guard let packet = try receiver.next(in: memory) else {
                let outcome = try receiver.finishDraining(in: &memory)
                if outcome.signal { other.ring() }
                if !outcome.hasMore { try sleep("for packet \(number)") }
                try receiver.mask(in: &memory)
                continue
            }
            let count = try buffer.withUnsafeMutableBytes { try packet.copyPayload(from: memory, into: $0) }
            let length = Self.byteCount(of: number)
            let first = number % 200
            let right =
                packet.transactionID == UInt64(number) && count == (length + 7) & ~7
                && (length == 0
                    || buffer[0] == UInt8(truncatingIfNeeded: first)
                        && buffer[length - 1] == UInt8(truncatingIfNeeded: first + length - 1))
                && buffer[length..<count].allSatisfy { $0 == 0 }
            guard right else { throw GivenUp(description: "packet \(number) is not what was sent: \(packet)") }
            number += 1
            if number % 4 == 0, try receiver.commit(in: &memory) { other.ring() }
        }
        if try receiver.commit(in: &memory) { other.ring() }
    }
}

@Suite struct TwoThreadTests {
    private static let packets = 40_000 * min(Soak.factor, 100)

    @Test(arguments: [WakeRule.strictlyMore, .atLeast])
    func `two threads lose neither packet nor wake-up, mapped once`(rule: WakeRule) throws {
        let mapping = try Mapping(dataSize: 4096, twice: false)
        try exchange(mapping.memory, mapping.memory, RingSettings(wakeRule: rule))
        withExtendedLifetime(mapping) {}
    }

    @Test(arguments: [WakeRule.strictlyMore, .atLeast])
    func `two threads lose neither packet nor wake-up, mapped twice`(rule: WakeRule) throws {
        let mapping = try Mapping(dataSize: 4096, twice: true)
        try exchange(mapping.memory, mapping.memory, RingSettings(wakeRule: rule))
        withExtendedLifetime(mapping) {}
    }

    @Test(arguments: [WakeRule.strictlyMore, .atLeast])
    func `two threads lose neither packet nor wake-up, scattered pages`(rule: WakeRule) throws {
        let mapping = try Mapping(dataSize: 8192, twice: false)
        try exchange(mapping.pages, mapping.pages, RingSettings(wakeRule: rule))
        withExtendedLifetime(mapping) {}
    }

    /// A guest maps its ring twice, the host sees its pages: each of them sends once.
    @Test(arguments: [true, false])
    func `two threads lose neither packet nor wake-up, a guest and its host`(guestSends: Bool) throws {
        let mapping = try Mapping(dataSize: 4096, twice: true)
        if guestSends {
            try exchange(mapping.memory, mapping.pages, RingSettings())
        } else {
            try exchange(mapping.pages, mapping.memory, RingSettings())
        }
        withExtendedLifetime(mapping) {}
    }

    private func exchange<Senders: RingMemory & SendableMetatype, Receivers: RingMemory>(
        _ sendersMemory: Senders, _ receiversMemory: Receivers, _ settings: RingSettings
    ) throws {
        let (data, space) = (try Doorbell(), try Doorbell())
        defer {
            data.close()
            space.close()
        }
        var memory = sendersMemory
        try RingSender(settings).initialize(&memory)
        try RingReceiver(settings).initialize(&memory)
        let sending = End(sendersMemory, settings, packets: Self.packets, own: space, other: data)
        let receiving = End(receiversMemory, settings, packets: Self.packets, own: data, other: space)
        let thread = try Thread { sending.run { try $0.send() } }
        receiving.run { try $0.receive() }
        // An impossible read index ends a sender that still has something to send when the receiver has failed.
        if receiving.problem != nil { try memory.storeReleasing(4, to: .readIndex) }
        space.ring()
        thread.join()
        #expect(receiving.problem == nil)
        #expect(sending.problem == nil)
        #expect(sending.sleeps > 0 && receiving.sleeps > 0, "\(sending.sleeps), \(receiving.sleeps): not tried")
    }
}

/// A thread that runs a closure and is waited for.
private struct Thread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private var thread = pthread_t()

    init(_ run: @escaping @Sendable () -> Void) throws {
        let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
            if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
            return nil
        }
        let code = pthread_create(&thread, nil, entry, Unmanaged.passRetained(Body(run)).toOpaque())
        guard code == 0 else { throw Mapping.Failed(call: "pthread_create", errno: code) }
    }

    func join() { pthread_join(thread, nil) }
}
