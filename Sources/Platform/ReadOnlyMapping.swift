import CLinux
import Glibc
import Synchronization

/// A whole file that others write to, mapped without a right to write, as long as this object lives.
///
/// The file can become shorter, or the device behind it can go. A page that is gone reads as zeros then, and ``isDamaged`` says so.
///
/// `@unchecked Sendable` because it only reads memory that others change anyway.
final class ReadOnlyMapping: FileMemory, @unchecked Sendable {
    let byteCount: Int
    private let base: UnsafeMutableRawPointer
    private let place: Int32

    init(_ descriptor: borrowing OwnedDescriptor, limit: Int, path: String) throws(SystemError) {
        let size = try descriptor.regularFileSize()
        guard size > 0 else { throw SystemError(call: "mmap", code: ENODATA, path: path) }
        guard let byteCount = Int(exactly: size), byteCount <= limit else {
            throw SystemError(call: "mmap", code: EFBIG, path: path)
        }
        let mapped = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor.rawValue, 0)
        let refusal = SystemError.last("mmap", path: path)
        guard let base = mapped, base != MAP_FAILED else { throw refusal }
        place = cl_memory_guard_add(base, byteCount)
        let error = SystemError.last("memory guard", path: path)
        guard place >= 0 else {
            munmap(base, byteCount)
            throw error
        }
        self.base = base
        self.byteCount = byteCount
    }

    deinit {
        // First the mapping, then the guard: a late fault is still caught, and nobody gets the place meanwhile.
        munmap(base, byteCount)
        cl_memory_guard_remove(place)
    }

    func word(at offset: Int) -> UInt32 {
        guard offset >= 0, offset % 4 == 0, offset <= byteCount - 4 else { return 0 }
        return base.advanced(by: offset).assumingMemoryBound(to: Atomic<UInt32>.self).pointee.load(ordering: .acquiring)
    }

    func bytes(_ range: Range<Int>) -> [UInt8] {
        let range = range.clamped(to: 0..<byteCount)
        return [UInt8](UnsafeRawBufferPointer(start: base.advanced(by: range.lowerBound), count: range.count))
    }

    /// Lets all bytes be looked at.
    func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
        body(RawSpan(_unsafeStart: base, byteCount: byteCount))
    }

    var isDamaged: Bool { cl_memory_guard_faults(place) > 0 }
}
