import Glibc
import Platform
import Testing
import VMBusRing
import VMBusWire

@testable import VMMBridge

@Suite struct `Frames of a monitor` {
    private func bytes(_ length: UInt32, _ type: UInt16, _ body: [UInt8]) -> [UInt8] {
        var header = FrameHeader()
        header.length = length
        header.type = FrameType(rawValue: type)
        header.sequence = 0x0102_0304_0506_0708
        return header.encoded() + body
    }

    @Test func `are laid out as the protocol says`() {
        let post = MonitorFrame.postMessage(
            PostedMessage(processor: 1, connectionID: 4, payload: [0xAA, 0xBB]), sequence: 0x1122_3344)
        #expect(
            post.encoded == [
                34, 0, 0, 0, 2, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0,
                1, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0xAA, 0xBB,
            ])
        let region = MemoryRegion(address: 0x1000, byteCount: 0x2000, fileOffset: 0x3000)
        #expect(
            MonitorFrame.hello(Hello(processors: 2, regions: [region])).encoded == [
                56, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0x48, 0x56, 0x42, 0x52, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0,
                0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0x30, 0, 0, 0, 0, 0, 0,
            ])
        #expect(
            HostFrame.result(.invalidConnectionID, sequence: 9).encoded == [
                20, 0, 0, 0, 0x81, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 18, 0, 0, 0,
            ])
        #expect(
            HostFrame.setEvent(EventForProcessor(processor: 1, flag: 5), tag: 3).encoded == [
                28, 0, 0, 0, 0x83, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0,
            ])
        #expect(
            HostFrame.raiseSource(InterruptForProcessor(processor: 1), tag: 0).encoded == [
                24, 0, 0, 0, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0,
            ])
        #expect(
            HostFrame.postToProcessor(MessageForProcessor(processor: 0, payload: [7]), tag: 1).encoded == [
                33, 0, 0, 0, 0x82, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7,
            ])
    }

    @Test(arguments: [0, 1, 15, 4097, 1 << 31, UInt32.max])
    func `have a length from 16 to 4096`(length: UInt32) {
        var assembly = FrameAssembly()
        assembly.append(bytes(length, 6, []))
        var error: WireError?
        do throws(WireError) { _ = try assembly.next() } catch let thrown { error = thrown }
        #expect(error?.field == "len")
    }

    @Test(arguments: [1, 2, 3, 7, 16, 17, 1000])
    func `come in pieces of any size`(piece: Int) throws {
        let frames: [MonitorFrame] = [
            .reset, .signalEvent(SignalledEvent(processor: 0, connectionID: 0x2001), sequence: 1),
            .postMessage(
                PostedMessage(processor: 1, connectionID: 4, payload: Array(repeating: 7, count: 240)), sequence: 2),
            .delivered(Delivery(status: -6), tag: 4), .unknown(FrameType(rawValue: 77)),
        ]
        let stream = frames.flatMap(\.encoded)
        var assembly = FrameAssembly()
        var found: [MonitorFrame] = []
        for start in stride(from: 0, to: stream.count, by: piece) {
            assembly.append(Array(stream[start..<min(start + piece, stream.count)]))
            while let (header, body) = try assembly.next() { found.append(try MonitorFrame.decode(header, body)) }
        }
        #expect(found == frames)
        #expect(!assembly.isInsideFrame)
    }

    @Test(arguments: [
        ("magic", Hello.magic &+ 1, 1, 1, 1), ("version", Hello.magic, 2, 1, 1), ("num_vps", Hello.magic, 1, 0, 1),
        ("num_vps", Hello.magic, 1, 2049, 1), ("num_vps", Hello.magic, 1, UInt32.max, 1),
        ("num_regions", Hello.magic, 1, 1, 0), ("num_regions", Hello.magic, 1, 1, 170),
        ("num_regions", Hello.magic, 1, 1, UInt32.max), ("gpa", Hello.magic, 1, 1, 2),
    ])
    func `that say hello are held to its rules`(
        field: String, magic: UInt32, version: UInt32, processors: UInt32, regions: UInt32
    ) {
        let words = [magic, version, processors, regions] + [UInt32](repeating: 0, count: 6)
        let body = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32($0 * 8)) } }
        var error: WireError?
        do throws(WireError) { _ = try Hello.decode(body) } catch let thrown { error = thrown }
        #expect(error?.field == field)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `of garbage end in an error or in a frame`(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
        var assembly = FrameAssembly()
        var (frames, errors) = (0, 0)
        for _ in 0..<500 {
            // Lengths and types that are right most of the time, so that bodies are reached.
            let length = next() % 8 == 0 ? next() : 16 + next() % 80
            let type = UInt16(truncatingIfNeeded: next() % 9)
            let body = (0..<Int(clamping: length % 96)).map { _ in UInt8(truncatingIfNeeded: next()) }
            assembly.append(
                bytes(UInt32(truncatingIfNeeded: length), type, Array(body.prefix(max(0, Int(clamping: length) - 16)))))
            do throws(WireError) {
                while let (header, body) = try assembly.next() {
                    do throws(WireError) {
                        _ = try MonitorFrame.decode(header, body)
                        frames += 1
                    } catch {
                        errors += 1
                    }
                }
            } catch {
                errors += 1
                assembly = FrameAssembly()
            }
        }
        #expect(frames > 0 && errors > 0)
    }
}

@Suite struct `Memory that a monitor shows` {
    private func refusal(_ regions: [MemoryRegion], pages: Int = 4) throws -> ProtocolViolation? {
        let file = try SharedFile(pages: pages)
        do throws(ProtocolViolation) {
            _ = try GuestMemory(regions, of: file.descriptor)
            return nil
        } catch {
            return error
        }
    }

    private static func region(_ address: UInt64, _ count: UInt64, _ offset: UInt64) -> MemoryRegion {
        MemoryRegion(address: address, byteCount: count, fileOffset: offset)
    }

    @Test(arguments: [
        [region(0, 0, 0)], [region(1, 4096, 0)], [region(0, 4095, 0)], [region(0, 4096, 8)],
        [region(0, 5 * 4096, 0)], [region(0, 4096, 4 * 4096)], [region(0, 4096, .max - 4095)],
        [region(.max - 4095, 8192, 0)], [region(0, .max - 4095, 0)], [region(1 << 53, 4096, 0)],
        [region(0, 8192, 0), region(4096, 4096, 0)], [region(4096, 4096, 0), region(0, 8192, 0)],
    ])
    func `is refused where it is not what memory is`(regions: [MemoryRegion]) throws {
        #expect(try refusal(regions)?.rule == "hello-memory")
    }

    @Test func `is refused where it is no file`() throws {
        let events = try StopRequest()
        let descriptor = OwnedDescriptor(owning: dup(events.fileDescriptor))
        var refused = false
        do throws(ProtocolViolation) {
            _ = try GuestMemory([Self.region(0, 4096, 0)], of: descriptor)
        } catch {
            refused = error.rule == "hello-memory"
        }
        #expect(refused)
    }

    @Test func `is found by address, across regions and not across holes`() throws {
        let file = try SharedFile(pages: 4)
        var memory = try GuestMemory(
            [Self.region(0x5000, 4096, 0), Self.region(0, 8192, 4096), Self.region(0x2000, 4096, 12288)],
            of: file.descriptor)
        let whole = try GuestMemory([file.region], of: file.descriptor)
        try memory.write([1, 2, 3, 4], at: 0x1FFE)
        #expect(try memory.bytes(0x1FFE, count: 4) == [1, 2, 3, 4])
        #expect(try whole.bytes(0x2FFE, count: 4) == [1, 2, 3, 4])
        try memory.write([9], at: 0x5000)
        #expect(try whole.bytes(0, count: 1) == [9])
        for address in [0x2FFD, 0x3000, 0x4FFF, 0x5FFD, 0x6000, 1 << 40, .max - 2] as [UInt64] {
            var failure: GuestMemoryFailure?
            do throws(GuestMemoryFailure) { try memory.write([7, 7, 7, 7], at: address) } catch { failure = error }
            #expect(failure == .outside(address: address, count: 4))
        }
        #expect(try memory.bytes(0x2FFD, count: 3) == [0, 0, 0])
        var misaligned: GuestMemoryFailure?
        do throws(GuestMemoryFailure) { _ = try memory.load32(2) } catch { misaligned = error }
        #expect(misaligned == .misaligned(address: 2))
    }

    @Test func `loses no bit that both sides set`() throws {
        let file = try SharedFile(pages: 1)
        let (ours, theirs) = (try file.memory(), try file.memory())
        let thread = try WorkerThread(name: "guest") {
            var memory = theirs
            for round in 0..<20_000 as Range<UInt32> { _ = try? memory.setBits(1 << (round % 16), at: 64) }
        }
        var memory = ours
        var seen: UInt32 = 0
        for round in 0..<20_000 as Range<UInt32> {
            _ = try memory.setBits(0x1_0000 << (round % 16), at: 64)
            if round % 3 == 0 { seen |= try memory.exchange(0, at: 64) }
        }
        thread.join()
        seen |= try memory.exchange(0, at: 64)
        #expect(seen == .max)
    }

    @Test func `that is cut short reads as zeros and is reported`() throws {
        let file = try SharedFile(pages: 4)
        var memory = try file.memory()
        try memory.write([1, 2, 3, 4], at: 3 * 4096)
        #expect(!memory.isDamaged)
        try file.descriptor.truncate(to: 4096)
        #expect(try memory.bytes(3 * 4096, count: 4) == [0, 0, 0, 0])
        #expect(memory.isDamaged)
        try memory.store32(5, at: 2 * 4096)
        #expect(try memory.load32(2 * 4096) == 5)
    }
}
