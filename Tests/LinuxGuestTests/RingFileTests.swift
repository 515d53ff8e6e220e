import BusModel
import Glibc
import Platform
import Synchronization
import Testing
import VMBusWire

@testable import LinuxGuest

@Suite struct `Rings that uio_hv_generic shows` {
    /// Memory whose write index moves on at some of the reads.
    private final class Memory: FileMemory {
        let byteCount: Int
        let isDamaged: Bool
        private let moves: Mutex<Int>

        init(_ byteCount: Int, moves: Int = 0, isDamaged: Bool = false) {
            self.byteCount = byteCount
            self.moves = Mutex(moves)
            self.isDamaged = isDamaged
        }

        func word(at offset: Int) -> UInt32 {
            moves.withLock { moves in
                if moves > 0 { moves -= 1 }
                return UInt32(moves)
            }
        }

        func bytes(_ range: Range<Int>) -> [UInt8] { range.map { UInt8(truncatingIfNeeded: $0 / 4096) } }
    }

    private struct Files: FileLayer {
        let answer: Result<Memory, SystemError>
        func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
            throw SystemError(call: "read", code: EIO)
        }
        func names(in path: String) throws(SystemError) -> [String] { [] }
        func linkTarget(of path: String) throws(SystemError) -> String { "" }
        func kind(of path: String) throws(SystemError) -> FileKind { .regular }
        func memory(_ path: String, limit: Int) throws(SystemError) -> any FileMemory { try answer.get() }
    }

    private func look(
        _ memory: Memory, inSize: UInt64? = nil, outSize: UInt64? = nil
    ) -> Result<RingFile.Images, SystemError> {
        do throws(SystemError) {
            return .success(
                try RingFile.images("/ring", inSize: inSize, outSize: outSize, Files(answer: .success(memory))))
        } catch {
            return .failure(error)
        }
    }

    @Test func `lie in the file one behind the other, the guest's first`() throws {
        let images = try look(Memory(8 * 4096)).get()
        #expect(images.outbound.controlPage.first == 0 && images.outbound.data.first == 1)
        #expect(images.outbound.data.count == 3 * 4096 && images.inbound.data.count == 12288)
        #expect(images.inbound.controlPage.first == 4 && images.inbound.data.last == 7)
        #expect(!images.inbound.isTorn && !images.outbound.isTorn)
    }

    @Test func `have the sizes that were measured where an older kernel gives every file 4 MiB`() throws {
        let images = try look(Memory(4 << 20), inSize: 8192, outSize: 12288).get()
        #expect(images.outbound.data.count == 12288)
        #expect(images.inbound.controlPage.first == 4)
        #expect(images.inbound.data.count == 8192)
    }

    @Test func `that do not fit into the file are refused`() {
        for sizes in [(UInt64(1) << 40, UInt64(4096)), (1 << 62, 4096), (28672, 4096), (0, 4096)] {
            guard case .failure(let error) = look(Memory(8 * 4096), inSize: sizes.0, outSize: sizes.1) else {
                Issue.record("\(sizes) was taken")
                continue
            }
            #expect(error.code == EINVAL)
        }
        guard case .failure = look(Memory(4096)) else {
            Issue.record("half a page is no ring")
            return
        }
    }

    @Test func `are copied again while their indices move, and torn if they never rest`() throws {
        // Four words are read around each copy.
        let settled = try look(Memory(8 * 4096, moves: 6)).get()
        #expect(!settled.inbound.isTorn && !settled.outbound.isTorn)
        let torn = try look(Memory(8 * 4096, moves: 1000)).get()
        #expect(torn.inbound.isTorn && torn.outbound.isTorn)
        #expect(torn.inbound.data.count == 12288)
    }

    @Test func `that went while they were copied are closed`() {
        guard case .failure(let error) = look(Memory(8 * 4096, isDamaged: true)) else {
            Issue.record("damage was not noticed")
            return
        }
        #expect(error.code == ENODEV)
    }

    @Test func `of a file on disk are mapped without a right to write`() throws {
        var template = Array("/tmp/vmbusscope-ring-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { unlink(path) }
        var bytes = [UInt8](repeating: 0, count: 4 * 4096)
        (bytes[0], bytes[4], bytes[4096], bytes[8192], bytes[12288]) = (16, 8, 0xAA, 24, 0xBB)
        try DescriptorAccess.write(descriptor, bytes)
        close(descriptor)
        chmod(path, 0o400)
        let images = try RingFile.images(path, inSize: nil, outSize: nil, SystemFiles())
        #expect(images.outbound.controlPage.prefix(5) == [16, 0, 0, 0, 8])
        #expect(images.outbound.data.first == 0xAA && images.inbound.data.first == 0xBB)
        #expect(images.inbound.controlPage.first == 24)
    }

    @Test(arguments: [EACCES, ENODEV]) func `that cannot be seen say why in the device's problems`(code: Int32) throws {
        let files = RefusingRings(files: SampleGuest.files(), code: code)
        let clock = CountingClock()
        let focus = FocusBoard()
        var source = LinuxGuestSource(
            files: files, watch: LiveWatch(focus: focus, readLimit: nil), clock: { clock.now })
        var snapshot = BusSnapshot()
        snapshot.apply(try source.advance(.steps(1)))
        let instance = try #require(GUID(SampleGuest.instance))
        let key = ChannelKey(partition: 1, device: instance, subchannel: 1)
        focus.change { $0.rings = key }
        snapshot.apply(try source.advance(.steps(1)))
        let symbol = SystemError.symbol(of: code)
        #expect(snapshot.device(1, instance)?.problems == [SnapshotProblem(path: "channels/21/ring", error: symbol)])
        #expect(source.ringImage(key, .hostToGuest) == nil)
        focus.change { $0.rings = nil }
        snapshot.apply(try source.advance(.steps(1)))
        #expect(snapshot.device(1, instance)?.problems == [])
    }
}

/// Files whose rings may not be mapped.
private struct RefusingRings: FileLayer {
    let files: InjectedFiles
    let code: Int32

    func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] { try files.read(path, limit: limit) }
    func names(in path: String) throws(SystemError) -> [String] { try files.names(in: path) }
    func linkTarget(of path: String) throws(SystemError) -> String { try files.linkTarget(of: path) }
    func kind(of path: String) throws(SystemError) -> FileKind { try files.kind(of: path) }
    func memory(_ path: String, limit: Int) throws(SystemError) -> any FileMemory {
        throw SystemError(call: "mmap", code: code, path: path)
    }
}
