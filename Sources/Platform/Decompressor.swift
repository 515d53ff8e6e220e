import CCompression
import Glibc

/// How a file is compressed.
public enum Compression: String, Sendable, Hashable, CaseIterable {
    case gzip
    case zstd

    /// What the first bytes of a file say; nil for one that is not compressed in a way that is known here.
    public init?(beginning bytes: some Collection<UInt8>) {
        if bytes.starts(with: [0x1F, 0x8B, 0x08] as [UInt8]) {
            self = .gzip
        } else if bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD] as [UInt8]) {
            self = .zstd
        } else {
            return nil
        }
    }
}

/// Why compressed bytes are not taken apart any further. What came out before is as it was.
public enum DecompressionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// They break the rules of their format, in the library's words.
    case broken(String)
    /// They end before they say so.
    case cutShort
    /// So many bytes come out that somebody wants to fill the disk.
    case tooLong(limit: UInt64)

    /// One line.
    public var description: String {
        switch self {
        case .broken(let reason): "what is compressed here is damaged: \(reason)"
        case .cutShort: "what is compressed here ends too early"
        case .tooLong(let limit): "more than \(limit >> 20) MiB come out, which no recording has; unpack it yourself"
        }
    }
}

/// Takes a compressed stream apart, piece by piece. Several streams one behind the other are one.
public struct Decompressor: ~Copyable, @unchecked Sendable {
    private enum State {
        case gzip(UnsafeMutablePointer<z_stream>)
        case zstd(OpaquePointer)
    }

    private let state: State
    /// Bytes that may still come out.
    private var left: UInt64
    private let limit: UInt64
    /// Whether a stream has begun and not ended.
    public private(set) var isInside = true

    private static let portion = 1 << 17
    /// zlib's 32 KiB window, behind a gzip header.
    private static let gzipWindow: Int32 = 15 + 16

    /// The most bytes that can be meant to come out of so many: a thousand times as many, and 64 MiB in any case.
    public static func likelyLimit(of packedByteCount: UInt64) -> UInt64 {
        max(packedByteCount.multipliedReportingOverflow(by: 1024).partialValue, 64 << 20)
    }

    /// Before the first byte.
    ///
    /// - Parameter limit: the most bytes that may come out.
    public init(_ compression: Compression, limit: UInt64) throws(SystemError) {
        switch compression {
        case .gzip:
            let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            stream.initialize(to: z_stream())
            let code = inflateInit2_(stream, Self.gzipWindow, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
            guard code == Z_OK else {
                stream.deallocate()
                throw SystemError(call: "inflateInit2", code: ENOMEM)
            }
            state = .gzip(stream)
        case .zstd:
            // Its window has at most 128 MiB unless one asks for more.
            guard let stream = ZSTD_createDStream() else {
                throw SystemError(call: "ZSTD_createDStream", code: ENOMEM)
            }
            state = .zstd(stream)
        }
        left = limit
        self.limit = limit
    }

    deinit {
        switch state {
        case .gzip(let stream):
            inflateEnd(stream)
            stream.deallocate()
        case .zstd(let stream): ZSTD_freeDStream(stream)
        }
    }

    /// Takes in bytes and hands out what they come to, in portions.
    public mutating func append<Failure: Error>(
        _ bytes: [UInt8], _ take: ([UInt8]) throws(Failure) -> Void
    ) throws(Failure) -> DecompressionError? {
        var place = 0
        while true {
            let (output, read, problem) = next(bytes, from: place)
            place += read
            guard output.count <= left else { return .tooLong(limit: limit) }
            left -= UInt64(output.count)
            if !output.isEmpty { try take(output) }
            if let problem { return problem }
            // An output that is not full says that nothing is left inside.
            if place == bytes.count, output.count < Self.portion { return nil }
            if read == 0, output.isEmpty { return .broken("nothing comes of it") }
        }
    }

    private mutating func next(
        _ bytes: [UInt8], from place: Int
    ) -> (output: [UInt8], read: Int, problem: DecompressionError?) {
        var (read, problem, hasEnded) = (0, DecompressionError?.none, false)
        let state = state
        let output = bytes.withUnsafeBufferPointer { input in
            [UInt8](unsafeUninitializedCapacity: Self.portion) { output, count in
                switch state {
                case .gzip(let stream):
                    let available = min(input.count - place, 1 << 30)
                    stream.pointee.next_in = input.baseAddress.map { UnsafeMutablePointer(mutating: $0 + place) }
                    stream.pointee.avail_in = UInt32(available)
                    stream.pointee.next_out = output.baseAddress
                    stream.pointee.avail_out = UInt32(output.count)
                    let code = inflate(stream, Z_NO_FLUSH)
                    read = available - Int(stream.pointee.avail_in)
                    count = output.count - Int(stream.pointee.avail_out)
                    switch code {
                    case Z_STREAM_END:
                        hasEnded = true
                        inflateReset(stream)
                    case Z_OK, Z_BUF_ERROR: break
                    default: problem = .broken(stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(code)")
                    }
                case .zstd(let stream):
                    var from = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: place)
                    var to = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
                    let code = ZSTD_decompressStream(stream, &to, &from)
                    (read, count) = (from.pos - place, to.pos)
                    if ZSTD_isError(code) != 0 { problem = .broken(String(cString: ZSTD_getErrorName(code))) }
                    hasEnded = code == 0
                }
            }
        }
        if hasEnded { isInside = false } else if read > 0 || !output.isEmpty { isInside = true }
        return (output, read, problem)
    }

    /// All that comes out of bytes.
    public static func whole(
        _ bytes: [UInt8], _ compression: Compression, limit: Int
    ) throws(DecompressionError) -> [UInt8] {
        guard var decompressor = try? Decompressor(compression, limit: UInt64(max(0, limit))) else {
            throw .broken("no memory is left")
        }
        var all: [UInt8] = []
        let problem = decompressor.append(bytes) { (bytes) throws(Never) in all += bytes }
        if let problem { throw problem }
        if decompressor.isInside { throw .cutShort }
        return all
    }
}
