import Glibc
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

/// What the sending thread works with; it is alone with it from its start to its join.
private final class SendingThread: @unchecked Sendable {
    let memory: MappedRingMemory
    let settings: RingSettings
    let packets: Int
    let data: Doorbell
    let space: Doorbell
    var problem: String?
    var waits = 0

    init(_ memory: MappedRingMemory, _ settings: RingSettings, packets: Int, data: Doorbell, space: Doorbell) {
        self.memory = memory
        self.settings = settings
        self.packets = packets
        self.data = data
        self.space = space
    }

    func run() {
        do {
            var memory = memory
            var sender = RingSender(settings)
            let bytes = (0..<600).map { UInt8(truncatingIfNeeded: $0) }
            var number = 0
            while number < packets {
                let info = PacketInfo(.dataInBand, transactionID: UInt64(number))
                let length = number &* 37 % 400
                let first = number % 200
                let payload = bytes.span.bytes.extracting(first..<first + length)
                switch try sender.send(info, payload: payload, in: &memory) {
                case .sent(let signal):
                    number += 1
                    if signal { data.ring() }
                case .full(let needed, _):
                    guard try sender.waitForSpace(needed, in: &memory) == .wait else { continue }
                    waits += 1
                    guard space.wait() else {
                        problem = "the sender waited for space in vain before packet \(number)"
                        return
                    }
                }
            }
        } catch {
            problem = "\(error)"
        }
    }
}

@Suite struct TwoThreadTests {
    @Test func `two threads lose neither packet nor wake-up, mapped once, strictly more`() throws {
        try exchange(twice: false, RingSettings(wakeRule: .strictlyMore), packets: 100_000)
    }

    @Test func `two threads lose neither packet nor wake-up, mapped twice, at least`() throws {
        try exchange(twice: true, RingSettings(wakeRule: .atLeast), packets: 100_000)
    }

    private func exchange(twice: Bool, _ settings: RingSettings, packets: Int) throws {
        let mapping = try Mapping(dataSize: 4096, twice: twice)
        var memory = mapping.memory
        let (data, space) = (try Doorbell(), try Doorbell())
        defer {
            data.close()
            space.close()
        }
        try RingSender(settings).initialize(&memory)
        var receiver = RingReceiver(settings)
        try receiver.initialize(&memory)
        let sending = SendingThread(memory, settings, packets: packets, data: data, space: space)
        var thread = pthread_t()
        let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
            if let argument { Unmanaged<SendingThread>.fromOpaque(argument).takeUnretainedValue().run() }
            return nil
        }
        #expect(pthread_create(&thread, nil, body, Unmanaged.passUnretained(sending).toOpaque()) == 0)
        let result = Result { try receive(&receiver, &memory, packets: packets, data: data, space: space) }
        // An impossible read index ends a sender that still has something to send when this end has failed.
        if case .failure = result { memory.storeReleasing(4, to: .readIndex) }
        space.ring()
        pthread_join(thread, nil)
        #expect(sending.problem == nil)
        #expect(sending.waits > 0, "the ring was never full, so that waiting was not tried")
        try result.get()
        _ = mapping
    }

    private func receive(
        _ receiver: inout RingReceiver, _ memory: inout MappedRingMemory, packets: Int, data: Doorbell, space: Doorbell
    ) throws {
        var buffer = [UInt8](repeating: 0, count: 512)
        var number = 0
        var taken = 0
        while number < packets {
            guard let packet = try receiver.next(in: memory) else {
                let outcome = try receiver.finishDraining(in: &memory)
                if outcome.signal { space.ring() }
                if !outcome.hasMore {
                    try #require(data.wait(), "the receiver waited for packet \(number) in vain")
                }
                try receiver.mask(in: &memory)
                continue
            }
            let count = buffer.withUnsafeMutableBytes { packet.copyPayload(from: memory, into: $0) }
            let length = number &* 37 % 400
            let first = number % 200
            let right =
                packet.transactionID == UInt64(number) && count == (length + 7) & ~7
                && (length == 0
                    || buffer[0] == UInt8(truncatingIfNeeded: first)
                        && buffer[length - 1] == UInt8(truncatingIfNeeded: first + length - 1))
                && buffer[length..<count].allSatisfy { $0 == 0 }
            guard right else {
                Issue.record("packet \(number) is not what was sent: \(packet)")
                throw Mapping.Failed(call: "receive", errno: 0)
            }
            number += 1
            taken += 1
            if taken == 4 {
                taken = 0
                if try receiver.commit(in: &memory) { space.ring() }
            }
        }
        if try receiver.commit(in: &memory) { space.ring() }
    }
}
