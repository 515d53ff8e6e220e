import Glibc

/// Parts of a file that lie one behind the other in this process's memory, seen by everybody who has mapped them too.
///
/// The same part may be mapped more than once, which is how the data of a ring gets a second image behind the first.
public struct BackToBackMapping: ~Copyable, @unchecked Sendable {
    /// The first byte; valid as long as this value lives.
    public let address: UnsafeMutableRawPointer
    /// Bytes in all parts together.
    public let byteCount: Int

    /// Maps parts of a file, to be read and written.
    /// - Parameters:
    ///   - descriptor: the file; it may be closed afterwards.
    ///   - parts: byte ranges of the file, in the order in which they are to lie; all bounds are multiples of the page size.
    public init(of descriptor: Int32, parts: [Range<Int>]) throws(SystemError) {
        let count = parts.reduce(0) { $0 + $1.count }
        // One reservation first, so that nothing else can come to lie between the parts.
        guard let start = mmap(nil, count, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), start != MAP_FAILED else {
            throw SystemError.last("mmap")
        }
        var place = 0
        for part in parts {
            let access = PROT_READ | PROT_WRITE
            guard
                mmap(start + place, part.count, access, MAP_SHARED | MAP_FIXED, descriptor, off_t(part.lowerBound))
                    != MAP_FAILED
            else {
                let error = SystemError.last("mmap")
                munmap(start, count)
                throw error
            }
            place += part.count
        }
        address = start
        byteCount = count
    }

    /// Maps a new file in memory that has no name.
    /// - Parameters:
    ///   - size: bytes in the file, all zero.
    ///   - parts: as above.
    public init(ofNewFile size: Int, parts: [Range<Int>]) throws(SystemError) {
        let file = try OwnedDescriptor.memoryFile("vmbusscope", byteCount: UInt64(clamping: size))
        try self.init(of: file.rawValue, parts: parts)
    }

    deinit {
        munmap(address, byteCount)
    }
}
