import Testing
import VMBusWire

@testable import BusModel

@Suite struct `Flow frames` {
    private static func batch(_ seed: UInt64, records: Int) -> FlowBatch {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        var batch = FlowBatch()
        for _ in 0..<records {
            var header = FlowRecordHeader(
                kind: FlowKind(rawValue: UInt8(truncatingIfNeeded: next())), time: next(),
                partition: UInt16(truncatingIfNeeded: next()), device: GUID(low: next(), high: next()),
                subchannel: UInt16(truncatingIfNeeded: next()), relid: UInt32(truncatingIfNeeded: next()),
                direction: next() % 2 == 0 ? .hostToGuest : nil, code: UInt32(truncatingIfNeeded: next()))
            header.sequence = next()
            let payload = (0..<Int(next() % 40)).map { UInt8($0) }
            batch.append(header, payload, attachment: [UInt8](repeating: 7, count: Int(next() % 3)))
        }
        return batch
    }

    /// All frames that come of pieces.
    private static func frames(_ pieces: [[UInt8]]) throws(FlowFrameError) -> [FlowFrame] {
        var decoder = FlowFrameDecoder()
        var frames: [FlowFrame] = []
        for piece in pieces {
            decoder.append(piece)
            while let frame = try decoder.next() { frames.append(frame) }
        }
        return frames
    }

    private static func error(_ bytes: [UInt8]) -> FlowFrameError? {
        do throws(FlowFrameError) {
            _ = try frames([bytes])
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [1, 2, 3, 7, 24, 1000])
    func `are read whatever pieces they come in`(size: Int) throws {
        let batches = (1...5).map { Self.batch($0, records: Int($0) * 3 - 3) }
        let bytes = batches.enumerated().flatMap { FlowFrame.bytes(of: $1, sentAt: UInt64($0)) }
        let pieces = stride(from: 0, to: bytes.count, by: size).map {
            Array(bytes[$0..<min($0 + size, bytes.count)])
        }
        let frames = try Self.frames(pieces)
        #expect(frames == batches.enumerated().map { FlowFrame(sentTime: UInt64($0), batch: $1) })
    }

    @Test func `begin behind what a shell prints`() throws {
        let greeting = Array("Welcome to web-2!\r\nVMBSFLO VMBSFL\n".utf8)
        let frame = FlowFrame.bytes(of: Self.batch(1, records: 2), sentAt: 5)
        #expect(try Self.frames([greeting, frame, frame]).count == 2)
        #expect(try Self.frames((greeting + frame).map { [$0] }).count == 1)
    }

    @Test func `are cut where a batch is long, and none is longer than is read`() throws {
        var batch = FlowBatch()
        for index in 0..<5 {
            let header = FlowRecordHeader(kind: .note, time: UInt64(index), partition: 1)
            batch.append(header, [UInt8](repeating: UInt8(index), count: 600_000))
        }
        batch.append(FlowRecordHeader(kind: .packet, time: 9, partition: 1), [UInt8](repeating: 1, count: 9_000_000))
        let frames = try Self.frames([FlowFrame.bytes(of: batch, sentAt: 1)])
        #expect(frames.count == 5)
        let headers = frames.flatMap(\.batch.headers)
        #expect(headers.map(\.kind) == [.note, .note, .note, .note, .note, .gap])
        #expect(headers.map(\.time) == [0, 1, 2, 3, 4, 9])
    }

    @Test func `are refused with the reason`() {
        let frame = FlowFrame.bytes(of: Self.batch(1, records: 1), sentAt: 5)
        let greeting = [UInt8](repeating: 0x41, count: 70_000) + [0x1B]
        #expect(Self.error(greeting) == .noFrame(beginning: String(repeating: "A", count: 80)))
        #expect(Self.error(frame + [UInt8](repeating: 0, count: 24)) == .lostTrack)
        var other = frame
        other[8] = 2
        #expect(Self.error(other) == .version(2))
        other = frame
        other[15] = 0xFF
        guard case .tooLong = Self.error(other) else {
            Issue.record("a frame of more than 4 GB was accepted")
            return
        }
        other = frame
        other[12] -= 1
        guard case .malformed = Self.error(other) else {
            Issue.record("a record that is cut short was accepted")
            return
        }
    }

    @Test func `of an unknown kind are skipped`() throws {
        let frame = FlowFrame.bytes(of: Self.batch(1, records: 1), sentAt: 5)
        var unknown = frame
        unknown[10] = 9
        #expect(try Self.frames([unknown + frame]).count == 1)
    }

    @Test(arguments: 0..<200)
    func `with wrong bytes never keep more than one frame`(seed: UInt64) {
        var bytes = FlowFrame.bytes(of: Self.batch(seed + 1, records: 8), sentAt: 5)
        let place = Int(seed &* 7919 % UInt64(bytes.count))
        bytes[place] ^= UInt8(truncatingIfNeeded: seed % 255 + 1)
        var decoder = FlowFrameDecoder()
        for _ in 0..<3 {
            decoder.append(bytes)
            do throws(FlowFrameError) {
                while try decoder.next() != nil {}
                #expect(decoder.waitingCount <= FlowFrame.longestBody + FlowFrameHead.size)
            } catch {
                #expect(!error.description.isEmpty)
                return
            }
        }
    }
}
