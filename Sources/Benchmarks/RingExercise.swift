import Glibc
public import Platform
public import VMBusRing
import VMBusWire

/// One end of a ring whose other end is another process or thread: it exchanges numbered packets of all lengths, checks every
/// one, sleeps whenever the rules allow it and wakes the other end exactly when they ask for it. A signal that is missing
/// leaves both asleep, which the time limit of a sleep finds.
public struct RingExercise: Sendable {
    /// Which end it is.
    public enum Role: String, Sendable, CaseIterable {
        /// Sends.
        case send
        /// Receives.
        case receive
    }

    /// What an end has done.
    public struct Outcome: Hashable, Sendable {
        /// How often it slept.
        public var sleeps = 0
        /// How often it woke the other end.
        public var signals = 0
    }

    /// Which end this is.
    public let role: Role
    /// Packets that travel.
    public let packets: Int
    /// How this end behaves.
    public let settings: RingSettings
    /// The longest sleep, in milliseconds.
    public let patience: Int32

    private static let longestPayload = 400

    /// An end that is about to start.
    public init(_ role: Role, packets: Int, settings: RingSettings, patience: Int32 = 10_000) {
        self.role = role
        self.packets = packets
        self.settings = settings
        self.patience = patience
    }

    /// What payloads are cut out of.
    private static let bytes = (0..<600).map { UInt8(truncatingIfNeeded: $0) }

    /// Bytes of payload in a packet.
    static func byteCount(of number: Int) -> Int { number &* 37 % longestPayload }

    /// Where a packet's payload is cut out.
    static func firstByte(of number: Int) -> Int { number % 200 }

    /// Does this end's part in a ring that lies in a file.
    /// - Parameters:
    ///   - file: a descriptor of the file: a control page, then the data.
    ///   - ringBytes: bytes in the file.
    ///   - isMappedTwice: whether this end maps the data twice back to back.
    ///   - own: what the other end wakes this one with.
    ///   - other: what this end wakes the other one with.
    public func run(
        file: Int32, ringBytes: Int, isMappedTwice: Bool, own: borrowing Bell, other: borrowing Bell
    ) throws(BenchmarkFailure) -> Outcome {
        do {
            let page = RingControl.byteCount
            let mapping = try BackToBackMapping(
                of: file, parts: [0..<ringBytes] + (isMappedTwice ? [page..<ringBytes] : []))
            var memory = try MappedRingMemory(
                controlPage: mapping.address, data: mapping.address + page, dataSize: ringBytes - page,
                isMappedTwice: isMappedTwice)
            return switch role {
            case .send: try send(&memory, own: own, other: other)
            case .receive: try receive(&memory, own: own, other: other)
            }
        } catch {
            throw BenchmarkFailure(description: "the end that is to \(role.rawValue): \(error)")
        }
    }

    private func send(
        _ memory: inout MappedRingMemory, own: borrowing Bell, other: borrowing Bell
    ) throws -> Outcome {
        var outcome = Outcome()
        var sender = RingSender(settings)
        var number = 0
        while number < packets {
            let first = Self.firstByte(of: number)
            let payload = Self.bytes.span.bytes.extracting(first..<first + Self.byteCount(of: number))
            let info = PacketInfo(.dataInBand, transactionID: UInt64(number))
            switch try sender.send(info, payload: payload, in: &memory) {
            case .sent(let signal):
                number += 1
                if signal {
                    outcome.signals += 1
                    try other.ring()
                }
            case .full(let needed, _):
                guard try sender.waitForSpace(needed, in: &memory) == .wait else { continue }
                try sleep(own, "for space for packet \(number)", &outcome)
            }
        }
        return outcome
    }

    private func receive(
        _ memory: inout MappedRingMemory, own: borrowing Bell, other: borrowing Bell
    ) throws -> Outcome {
        var outcome = Outcome()
        var receiver = RingReceiver(settings)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.longestPayload, alignment: 8)
        defer { buffer.deallocate() }
        var number = 0
        while number < packets {
            var (signal, isIdle) = (false, false)
            if let packet = try receiver.next(in: memory) {
                let count = packet.copyPayload(from: memory, into: buffer)
                guard isRight(packet, UnsafeRawBufferPointer(rebasing: buffer[..<count]), number) else {
                    throw BenchmarkFailure(description: "packet \(number) is not what was sent: \(packet)")
                }
                number += 1
                // Not after each packet, so that the sender meets a full ring, and not after all.
                if number % 4 == 0 || number == packets { signal = try receiver.commit(in: &memory) }
            } else {
                let drained = try receiver.finishDraining(in: &memory)
                signal = drained.signal
                isIdle = !drained.hasMore
            }
            if signal {
                outcome.signals += 1
                try other.ring()
            }
            if isIdle {
                try sleep(own, "for packet \(number)", &outcome)
                try receiver.mask(in: &memory)
            }
        }
        return outcome
    }

    /// Compares with C's function, as this runs in debug builds too.
    private func isRight(_ packet: ReceivedPacket, _ payload: UnsafeRawBufferPointer, _ number: Int) -> Bool {
        let count = Self.byteCount(of: number)
        guard packet.transactionID == UInt64(number), payload.count == (count + 7) & ~7 else { return false }
        guard let bytes = payload.baseAddress else { return count == 0 }
        return Self.bytes.withUnsafeBytes { expected in
            expected.baseAddress.map { memcmp(bytes, $0 + Self.firstByte(of: number), count) == 0 } ?? false
        } && payload[count...].allSatisfy { $0 == 0 }
    }

    private func sleep(_ bell: borrowing Bell, _ what: String, _ outcome: inout Outcome) throws {
        outcome.sleeps += 1
        guard try bell.wait(atMost: patience) else {
            throw BenchmarkFailure(description: "waited in vain \(what)")
        }
    }
}
