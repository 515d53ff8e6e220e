import CLinux
import Glibc

/// Part of a file that other processes map as well, readable and writable here, mapped as long as this object lives.
///
/// Another process can cut the file short. Where the file is not sealed against that, a page that is gone reads as zeros and
/// keeps what is written to it for this process alone, and ``isDamaged`` says so; nothing dies of it.
///
/// `@unchecked Sendable` because it only names the memory: whoever touches it orders the accesses.
public final class SharedMapping: @unchecked Sendable {
    /// The first byte.
    public let base: UnsafeMutableRawPointer
    /// How many bytes there are.
    public let byteCount: Int
    private let place: Int32

    /// Maps part of a file. The descriptor is not needed afterwards.
    ///
    /// - Parameters:
    ///   - descriptor: a regular file, open for reading and writing.
    ///   - offset: where the part starts; a multiple of 4096.
    ///   - byteCount: a positive number.
    public init(_ descriptor: borrowing OwnedDescriptor, offset: UInt64, byteCount: Int) throws(SystemError) {
        guard byteCount > 0, let offset = off_t(exactly: offset) else {
            throw SystemError(call: "mmap", code: EINVAL)
        }
        let mapped = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.rawValue, offset)
        guard let base = mapped, base != MAP_FAILED else { throw SystemError.last("mmap") }
        var place: Int32 = -1
        if cl_is_sealed_against_shrinking(descriptor.rawValue) == 0 {
            place = cl_memory_guard_add(base, byteCount)
            let error = SystemError.last("memory guard")
            guard place >= 0 else {
                munmap(base, byteCount)
                throw error
            }
        }
        self.base = base
        self.byteCount = byteCount
        self.place = place
    }

    deinit {
        // First the mapping, then the guard: a late fault is still caught, and nobody gets the place meanwhile.
        munmap(base, byteCount)
        cl_memory_guard_remove(place)
    }

    /// Whether pages were gone when they were touched.
    public var isDamaged: Bool { cl_memory_guard_faults(place) > 0 }
}

extension OwnedDescriptor {
    /// Bytes of a regular file, a memory file among them; anything else has no size that means something.
    public borrowing func regularFileSize() throws(SystemError) -> UInt64 {
        var status = stat()
        guard fstat(rawValue, &status) == 0 else { throw SystemError.last("fstat") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError(call: "fstat", code: EOPNOTSUPP) }
        return UInt64(clamping: status.st_size)
    }

    /// A file in memory that has no name, of `byteCount` zeros.
    public static func memoryFile(_ name: String, byteCount: UInt64) throws(SystemError) -> OwnedDescriptor {
        let descriptor = try OwnedDescriptor(checking: cl_memfd(name), "memfd_create")
        try descriptor.truncate(to: byteCount)
        return descriptor
    }

    /// Makes the file shorter or longer.
    public borrowing func truncate(to byteCount: UInt64) throws(SystemError) {
        guard let length = off_t(exactly: byteCount) else { throw SystemError(call: "ftruncate", code: EFBIG) }
        guard ftruncate(rawValue, length) == 0 else { throw SystemError.last("ftruncate") }
    }
}
