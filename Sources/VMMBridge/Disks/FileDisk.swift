import Glibc
public import Platform
public import VMBusDevices
public import VMBusPartitions

/// A disk or disc whose bytes are a file's. What is discarded becomes a hole.
public final class FileDisk: DiskBackend {
    public let byteCount: UInt64
    private let file: OwnedDescriptor
    private let isReadOnly: Bool

    /// Opens a file; one that is not there is made, of zeros that take no room, when it may be written and has a size.
    ///
    /// - Parameter byteCount: bytes of the disk, no more than an existing file has; 0 for all of them.
    /// - Throws: what the system said; `EFBIG` for more bytes than the file has, `EOPNOTSUPP` for what is no regular file, and
    ///   `ENODATA` for a file without bytes.
    public init(path: String, byteCount: UInt64 = 0, isReadOnly: Bool = false) throws(SystemError) {
        let mode = (isReadOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        var descriptor = Glibc.open(path, mode)
        if descriptor < 0, errno == ENOENT, !isReadOnly, byteCount > 0, let size = Int(exactly: byteCount) {
            descriptor = Glibc.open(path, mode | O_CREAT | O_EXCL, 0o600)
            if descriptor >= 0, ftruncate(descriptor, size) != 0 {
                let error = SystemError.last("ftruncate", path: path)
                close(descriptor)
                throw error
            }
        }
        guard descriptor >= 0 else { throw SystemError.last("open", path: path) }
        file = OwnedDescriptor(owning: descriptor)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemError.last("fstat", path: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemError(call: "open", code: EOPNOTSUPP, path: path)
        }
        let size = UInt64(clamping: status.st_size)
        guard size > 0 else { throw SystemError(call: "open", code: ENODATA, path: path) }
        guard byteCount <= size else { throw SystemError(call: "open", code: EFBIG, path: path) }
        self.byteCount = byteCount == 0 ? size : byteCount
        self.isReadOnly = isReadOnly
    }

    /// Opens what a description names: a file, or a new disk in memory.
    public static func open(_ disk: DiskDescription) throws(SystemError) -> any DiskBackend {
        guard let path = disk.path else { return MemoryDisk(disk) }
        return try FileDisk(path: path, byteCount: disk.byteCount, isReadOnly: disk.isReadOnly)
    }

    public func perform(_ operation: DiskOperation, blockSize: Int) -> Result<[UInt8], DiskError> {
        let size = UInt64(clamping: max(1, blockSize))
        func place(_ block: UInt64, _ count: UInt64) -> (offset: Int, length: Int)? {
            let (start, first) = block.multipliedReportingOverflow(by: size)
            let (length, second) = count.multipliedReportingOverflow(by: size)
            guard !first, !second, start <= byteCount, length <= byteCount - start, let offset = Int(exactly: start)
            else { return nil }
            return (offset, Int(clamping: length))
        }
        if case .read(let range) = operation {
            guard let (offset, length) = place(range.block, UInt64(range.count)) else { return .failure(.outOfRange) }
            return read(offset, length, block: range.block)
        }
        if case .flush = operation {
            return isReadOnly || fdatasync(file.rawValue) == 0 ? .success([]) : .failure(.failed)
        }
        guard !isReadOnly else { return .failure(.writeProtected) }
        switch operation {
        case .write(let block, let bytes, let isForced):
            guard let (offset, _) = place(block, (UInt64(bytes.count) + size - 1) / size) else {
                return .failure(.outOfRange)
            }
            guard write(bytes, offset) else { return .failure(.unwritable(block: block)) }
            return !isForced || fdatasync(file.rawValue) == 0 ? .success([]) : .failure(.unwritable(block: block))
        case .fill(let range, let pattern):
            guard let (offset, _) = place(range.block, UInt64(range.count)) else { return .failure(.outOfRange) }
            for index in 0..<Int(range.count) where !write(pattern, offset + index * blockSize) {
                return .failure(.unwritable(block: range.block + UInt64(index)))
            }
        case .discard(let ranges):
            for range in ranges {
                guard let (offset, length) = place(range.block, UInt64(range.count)) else {
                    return .failure(.outOfRange)
                }
                guard punch(offset, length) else { return .failure(.unwritable(block: range.block)) }
            }
        case .read, .flush: break
        }
        return .success([])
    }

    private func read(_ offset: Int, _ count: Int, block: UInt64) -> Result<[UInt8], DiskError> {
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            while done < count {
                let result = pread(
                    file.rawValue, buffer.baseAddress?.advanced(by: done), count - done, offset + done)
                if result < 0, errno == EINTR { continue }
                guard result > 0 else { return }
                done += result
            }
        }
        // A file that somebody else has cut short ends before.
        return bytes.count == count ? .success(bytes) : .failure(.unreadable(block: block))
    }

    private func write(_ bytes: [UInt8], _ offset: Int) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let result = pwrite(
                    file.rawValue, buffer.baseAddress?.advanced(by: done), buffer.count - done, offset + done)
                if result < 0, errno == EINTR { continue }
                guard result > 0 else { return false }
                done += result
            }
            return true
        }
    }

    /// Makes a hole; where the file system has none, zeros are written.
    private func punch(_ offset: Int, _ count: Int) -> Bool {
        guard count > 0 else { return true }
        if file.punchHole(offset: offset, count: count) { return true }
        let zeros = [UInt8](repeating: 0, count: min(count, 1 << 20))
        var done = 0
        while done < count {
            let part = min(zeros.count, count - done)
            guard write(part == zeros.count ? zeros : Array(zeros.prefix(part)), offset + done) else { return false }
            done += part
        }
        return true
    }
}

extension DiskShelf {
    /// Opens the disks of a guest, and tells its configuration how large those are that have no size of their own.
    ///
    /// - Throws: what the system said of the first file that it does not give.
    public init(opening guest: inout GuestConfiguration) throws(SystemError) {
        self.init()
        for device in guest.host.devices.indices {
            for index in guest.host.devices[device].storage?.disks.indices ?? 0..<0 {
                guard var disk = guest.host.devices[device].storage?.disks[index] else { continue }
                let backend = try FileDisk.open(disk)
                disk.byteCount = backend.byteCount
                guest.host.devices[device].storage?.disks[index] = disk
                insert(backend, device: guest.host.devices[device].instance, lun: disk.lun)
            }
        }
    }
}
