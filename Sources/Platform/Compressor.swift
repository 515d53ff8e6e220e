import CCompression
import Glibc

/// Makes bytes fewer.
public enum Compressor {
    /// One whole zlib stream (RFC 1950) around all bytes.
    ///
    /// - Throws: `ENOMEM` where there is no memory for it.
    public static func zlib(_ bytes: [UInt8]) throws(SystemError) -> [UInt8] {
        var length = compressBound(uLong(bytes.count))
        var result = [UInt8](repeating: 0, count: Int(length))
        guard compress2(&result, &length, bytes, uLong(bytes.count), Z_DEFAULT_COMPRESSION) == Z_OK else {
            throw SystemError(call: "compress2", code: ENOMEM)
        }
        result.removeLast(result.count - Int(length))
        return result
    }
}
