import Glibc
import Platform
import Testing

@Suite struct DecompressorTests {
    private static let plain = Array(String(repeating: "VMBus ", count: 100).utf8)
    private static let gzip: [UInt8] = [
        0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x0B, 0xF3, 0x75, 0x2A, 0x2D, 0x56, 0x08, 0x1B,
        0x25,
        0x47, 0x49, 0xAA, 0x92, 0x00, 0xB9, 0xCB, 0xB4, 0x68, 0x58, 0x02, 0x00, 0x00,
    ]
    private static let zstd: [UInt8] = [
        0x28, 0xB5, 0x2F, 0xFD, 0x60, 0x58, 0x01, 0x6D, 0x00, 0x00, 0x30, 0x56, 0x4D, 0x42, 0x75, 0x73, 0x20, 0x01,
        0x00,
        0x4F, 0x52, 0x95, 0x22,
    ]
    private static let all: [(Compression, [UInt8])] = [(.gzip, gzip), (.zstd, zstd)]

    private func whole(_ bytes: [UInt8], _ compression: Compression, limit: Int = 1 << 20) -> Result<
        [UInt8], DecompressionError
    > {
        do throws(DecompressionError) {
            return .success(try Decompressor.whole(bytes, compression, limit: limit))
        } catch {
            return .failure(error)
        }
    }

    @Test func `both kinds are known by their beginning and taken apart`() {
        for (compression, bytes) in Self.all {
            #expect(Compression(beginning: bytes) == compression)
            #expect(whole(bytes, compression) == .success(Self.plain))
            // Several streams one behind the other are one.
            #expect(whole(bytes + bytes, compression) == .success(Self.plain + Self.plain))
        }
        #expect(Compression(beginning: [0x1F, 0x8B]) == nil && Compression(beginning: [UInt8]()) == nil)
    }

    @Test func `pieces of any size come to the same`() throws {
        for (compression, bytes) in Self.all {
            for size in 1...bytes.count {
                var decompressor = try Decompressor(compression, limit: 1 << 20)
                var output: [UInt8] = []
                for start in stride(from: 0, to: bytes.count, by: size) {
                    let piece = Array(bytes[start..<min(start + size, bytes.count)])
                    let problem = decompressor.append(piece) { (bytes) throws(Never) in output += bytes }
                    #expect(problem == nil)
                }
                let isInside = decompressor.isInside
                #expect(output == Self.plain && !isInside, "pieces of \(size)")
            }
        }
    }

    @Test func `what ends too early, is broken or too long is told`() {
        for (compression, bytes) in Self.all {
            for count in 4..<bytes.count {
                let result = whole(Array(bytes.prefix(count)), compression)
                if case .success = result { Issue.record("\(count) bytes of \(compression) are whole") }
            }
            #expect(whole(bytes, compression, limit: 599) == .failure(.tooLong(limit: 599)))
            #expect(whole(bytes, compression, limit: 600) == .success(Self.plain))
            var broken = bytes
            broken[8] ^= 0xFF
            broken[10] ^= 0xFF
            if case .success(Self.plain) = whole(broken, compression) { Issue.record("broken \(compression) is whole") }
        }
    }

    @Test func `random bytes behind a beginning never come to much`() {
        var state: UInt64 = 3
        for (compression, bytes) in Self.all {
            for _ in 0..<3000 {
                var broken = bytes
                for _ in 0..<4 {
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    broken[Int(state >> 40) % broken.count] = UInt8(truncatingIfNeeded: state >> 33)
                }
                if case .success(let output) = whole(broken, compression) { #expect(output.count <= 1 << 20) }
            }
        }
    }

    @Test func `a temporary file has no name and keeps what was written`() throws {
        let temporary = try TemporaryFile()
        try temporary.writer().write([1, 2, 3])
        let file = try temporary.mapped()
        #expect(file.byteCount == 3)
        #expect(try WholeFile.read(temporary.path, limit: 10) == [1, 2, 3])
    }
}
