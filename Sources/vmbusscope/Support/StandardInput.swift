import Glibc
import Platform
import Synchronization
import VMBusWire

/// Standard input as a log: a recording or a text, packed or not, of which more may come.
final class StandardInput: Sendable {
    /// What stands in the way of reading on.
    private struct State: ~Copyable, Sendable {
        let file: OwnedDescriptor
        var decompressor: Decompressor?
        var problem: DecompressionError?
        var hasEnded = false
        var packedByteCount: UInt64 = 0
        var unpackedByteCount: UInt64 = 0

        init(_ file: consuming OwnedDescriptor) { self.file = file }
    }

    /// What it begins with, unpacked: as much as says what it is.
    let beginning: [UInt8]
    private let state: Mutex<State>

    /// Waits for the first bytes. What comes later is read here even when something else becomes standard input.
    init() throws(CommandFailure) {
        do throws(SystemError) {
            var state = State(try .duplicate(of: STDIN_FILENO))
            var bytes: [UInt8] = []
            while bytes.count < 4, let more = try Self.next(&state) { bytes += more }
            if let compression = Compression(beginning: bytes) {
                // What comes out is looked at piece by piece, or has the limit of its reader.
                state.decompressor = try Decompressor(compression, limit: .max)
                bytes = try Self.unpacked(bytes, &state)
                while bytes.count < 4, let more = try Self.next(&state) { bytes += more }
            }
            beginning = bytes
            self.state = Mutex(state)
        } catch {
            throw Self.failure(error)
        }
    }

    /// Whether it is a recording.
    var isRecording: Bool { beginning.count >= 4 && beginning[...].word32(0) == RecordingFile.beginning }

    /// The next piece, unpacked; nil at the end.
    func next() throws(CommandFailure) -> [UInt8]? {
        let result = state.withLock { state -> Result<[UInt8]?, CommandFailure> in
            do throws(SystemError) {
                return .success(try Self.next(&state))
            } catch {
                return .failure(Self.failure(error))
            }
        }
        return try result.get()
    }

    /// Writes all that comes to a file, from the beginning on, and tells how far it is.
    func copy(to file: borrowing OwnedDescriptor, _ told: (Int) -> Void = { _ in }) throws(CommandFailure) {
        var next: [UInt8]? = beginning
        while let bytes = next {
            do throws(SystemError) {
                try file.write(bytes)
            } catch {
                throw Self.failure(error)
            }
            told(bytes.count)
            next = try self.next()
        }
    }

    /// Why it was not read to its end; nil while all is well.
    var problem: String? { state.withLock { $0.problem?.description } }

    private static func next(_ state: inout State) throws(SystemError) -> [UInt8]? {
        while !state.hasEnded {
            let bytes = try state.file.read(atMost: 1 << 20) ?? []
            guard !bytes.isEmpty else {
                state.hasEnded = true
                if state.decompressor?.isInside == true { state.problem = .cutShort }
                return nil
            }
            let unpacked = try unpacked(bytes, &state)
            if !unpacked.isEmpty { return unpacked }
        }
        return nil
    }

    private static func unpacked(_ bytes: [UInt8], _ state: inout State) throws(SystemError) -> [UInt8] {
        guard state.decompressor != nil else { return bytes }
        state.packedByteCount += UInt64(bytes.count)
        let limit = Decompressor.likelyLimit(of: state.packedByteCount)
        let before = state.unpackedByteCount
        var output: [UInt8] = []
        do throws(DecompressionError) {
            let problem = try state.decompressor?.append(bytes) { (more) throws(DecompressionError) in
                output += more
                if before + UInt64(output.count) > limit { throw .tooLong(limit: limit) }
            }
            if let problem { throw problem }
        } catch {
            (state.problem, state.hasEnded) = (error, true)
        }
        state.unpackedByteCount += UInt64(output.count)
        return output
    }

    private static func failure(_ error: SystemError) -> CommandFailure {
        CommandFailure(.failure, "standard input: \(error)")
    }
}
