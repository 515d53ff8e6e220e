import Testing
import VMBusRing
import VMBusWire

/// A ring seen through a processor's store buffer, in the middle of whose accesses the peer does something.
///
/// Stores stay in the buffer until a fence or the end, which is as late as a processor may deliver them; loads see the
/// buffer. The peer works on the image itself. A class, because loads count too.
private final class InterruptedRing: RingMemory {
    typealias Failure = Never

    var image: RingCopy
    private var accesses = 0
    private var interruptions = 0
    private var buffer: [(inout RingCopy) -> Void] = []
    private let interruptedAccess: Int
    private let holdsStores: Bool
    private let peer: (inout RingCopy) -> Void

    init(_ image: RingCopy, interrupted access: Int, holdsStores: Bool, _ peer: @escaping (inout RingCopy) -> Void) {
        self.image = image
        interruptedAccess = access
        self.holdsStores = holdsStores
        self.peer = peer
    }

    var dataSize: UInt32 { image.dataSize }

    /// Lets the peer work now if it has not yet, then delivers what is in the buffer; whether it had.
    func finish() -> Bool {
        let interrupted = interruptions == 1
        if !interrupted { peer(&image) }
        drain()
        return interrupted
    }

    private func drain() {
        for store in buffer { store(&image) }
        buffer = []
    }

    private func access() {
        accesses += 1
        guard accesses == interruptedAccess else { return }
        interruptions += 1
        peer(&image)
    }

    private var seen: RingCopy {
        var seen = image
        for store in buffer { store(&seen) }
        return seen
    }

    private func store(_ store: @escaping (inout RingCopy) -> Void) {
        access()
        if holdsStores { buffer.append(store) } else { store(&image) }
    }

    func loadAcquiring(_ word: RingWord) -> UInt32 {
        access()
        return seen.loadAcquiring(word)
    }

    func loadData(at offset: UInt32) -> UInt64 {
        access()
        return seen.loadData(at: offset)
    }

    func copyOut(from offset: UInt32, into buffer: UnsafeMutableRawBufferPointer) {
        access()
        seen.copyOut(from: offset, into: buffer)
    }

    func storeReleasing(_ value: UInt32, to word: RingWord) {
        store { $0.storeReleasing(value, to: word) }
    }

    func storeData(_ value: UInt64, at offset: UInt32) {
        store { $0.storeData(value, at: offset) }
    }

    func copyIn(_ bytes: UnsafeRawBufferPointer, at offset: UInt32) {
        let bytes = Array(bytes)
        store { image in bytes.withUnsafeBytes { image.copyIn($0, at: offset) } }
    }

    func fence() {
        access()
        drain()
    }
}

/// Each operation of one end, with a whole operation of the other end between any two of its accesses.
@Suite struct WakeUpTests {
    private let payload = Array(repeating: UInt8(6), count: 40)

    private func ring(packets: Int, _ settings: RingSettings) throws -> (RingCopy, RingSender, RingReceiver) {
        var image = try imageRing(dataPages: 1)
        var sender = RingSender(settings, position: 4000)
        let receiver = RingReceiver(settings, position: 4000)
        try sender.initialize(&image)
        try receiver.initialize(&image, masked: true)
        for _ in 0..<packets {
            _ = try sender.send(PacketInfo(.dataInBand), payload: payload, in: &image)
        }
        return (image, sender, receiver)
    }

    /// Runs `trial` with the interruption at the first access, the second and so on until it comes after the last.
    private func everywhere(_ trial: (_ access: Int, _ holdsStores: Bool) throws -> Bool) throws -> Int {
        var trials = 0
        for holdsStores in [false, true] {
            var access = 1
            while try trial(access, holdsStores) { access += 1 }
            trials += access
        }
        return trials
    }

    @Test func `a receiver that goes to sleep while the sender sends is woken or sees the packet`() throws {
        let trials = try everywhere { access, holdsStores in
            let (image, sender, initial) = try ring(packets: 0, RingSettings())
            var receiver = initial
            var signalled = false
            var memory = InterruptedRing(image, interrupted: access, holdsStores: holdsStores) { image in
                var sender = sender
                let outcome = try? sender.send(PacketInfo(.dataInBand), payload: payload, in: &image)
                signalled = outcome == .sent(signal: true)
            }
            let drained = try receiver.finishDraining(in: &memory)
            let interrupted = memory.finish()
            #expect(drained.hasMore || signalled, "at access \(access), stores held: \(holdsStores)")
            #expect(memory.image.control.interruptMask == (drained.hasMore ? 1 : 0))
            return interrupted
        }
        #expect(trials >= 8)
    }

    @Test func `a sender that sends while the receiver goes to sleep wakes it or was seen`() throws {
        for waiting in 0...1 {
            let trials = try everywhere { access, holdsStores in
                let (image, initial, receiver) = try ring(packets: waiting, RingSettings())
                var sender = initial
                var hasMore = false
                var memory = InterruptedRing(image, interrupted: access, holdsStores: holdsStores) { image in
                    var receiver = receiver
                    if waiting == 1 { _ = try? receiver.next(in: image) }
                    hasMore = (try? receiver.finishDraining(in: &image).hasMore) ?? false
                }
                let outcome = try sender.send(PacketInfo(.dataInBand), payload: payload, in: &memory)
                let interrupted = memory.finish()
                #expect(
                    hasMore || outcome == .sent(signal: true),
                    "at access \(access), stores held: \(holdsStores), waiting \(waiting)")
                return interrupted
            }
            #expect(trials >= 16)
        }
    }

    @Test func `a receiver that frees space while the sender fills up and waits wakes it or was seen`() throws {
        for rule in WakeRule.allCases {
            for reads in [1, 2, 60] {
                let trials = try everywhere { access, holdsStores in
                    let (image, sender, initial) = try ring(packets: 62, RingSettings(wakeRule: rule))
                    var receiver = initial
                    for _ in 0..<reads { _ = try receiver.next(in: image) }
                    var waits = false
                    var memory = InterruptedRing(image, interrupted: access, holdsStores: holdsStores) { image in
                        var sender = sender
                        while case .sent = try? sender.send(PacketInfo(.dataInBand), payload: payload, in: &image) {}
                        waits = (try? sender.waitForSpace(64, in: &image)) == .wait
                    }
                    let signal = try receiver.commit(in: &memory)
                    let interrupted = memory.finish()
                    let control = memory.image.control
                    let hasRoom = try 4096 - control.usedBytes(dataSize: 4096) > 64
                    #expect(!(waits && hasRoom) || signal, "\(rule), \(reads) reads, access \(access), \(holdsStores)")
                    return interrupted
                }
                #expect(trials >= 6)
            }
        }
    }

    @Test func `a sender that waits for space while the receiver frees some is woken or sees it`() throws {
        for rule in WakeRule.allCases {
            let trials = try everywhere { access, holdsStores in
                let (image, initial, receiver) = try ring(packets: 63, RingSettings(wakeRule: rule))
                var sender = initial
                var signal = false
                var memory = InterruptedRing(image, interrupted: access, holdsStores: holdsStores) { image in
                    var receiver = receiver
                    _ = try? receiver.next(in: image)
                    signal = (try? receiver.commit(in: &image)) ?? false
                }
                let outcome = try sender.waitForSpace(64, in: &memory)
                let interrupted = memory.finish()
                #expect(outcome == .free || signal, "\(rule), access \(access), stores held: \(holdsStores)")
                return interrupted
            }
            #expect(trials >= 6)
        }
    }
}
