public import VMBusDevices

/// A disk in memory, which takes memory only for what was written. A copy is a checkpoint.
public struct MemoryDisk: DiskBackend, Hashable {
    /// Bytes that are kept together.
    private static let chunkSize = 4096
    /// What a chunk reads as that was never written: copied as a whole, not byte by byte.
    private static let zeros = [UInt8](repeating: 0, count: chunkSize)

    public let byteCount: UInt64
    /// Whether nobody may write.
    public let isReadOnly: Bool
    // Only looked up by number, never walked.
    private var chunks: [UInt64: [UInt8]] = [:]

    /// A disk of zeros.
    public init(byteCount: UInt64, isReadOnly: Bool = false) {
        self.byteCount = byteCount
        self.isReadOnly = isReadOnly
    }

    /// A disk of zeros as described.
    public init(_ disk: DiskDescription) { self.init(byteCount: disk.byteCount, isReadOnly: disk.isReadOnly) }

    public mutating func perform(_ operation: DiskOperation, blockSize: Int) -> Result<[UInt8], DiskError> {
        let size = UInt64(clamping: max(1, blockSize))
        func bytes(_ block: UInt64, _ count: UInt64) -> (UInt64, Int)? {
            let (start, first) = block.multipliedReportingOverflow(by: size)
            let (length, second) = count.multipliedReportingOverflow(by: size)
            guard !first, !second, start <= byteCount, length <= byteCount - start else { return nil }
            return (start, Int(clamping: length))
        }
        switch operation {
        case .flush: return .success([])
        case .read(let range):
            guard let (start, length) = bytes(range.block, UInt64(range.count)) else { return .failure(.outOfRange) }
            return .success(read(start, length))
        case .write, .fill, .discard:
            guard !isReadOnly else { return .failure(.writeProtected) }
        }
        switch operation {
        case .write(let block, let data, _):
            guard let (start, _) = bytes(block, (UInt64(data.count) + size - 1) / size) else {
                return .failure(.outOfRange)
            }
            write(start, data[...])
        case .fill(let range, let pattern):
            guard bytes(range.block, UInt64(range.count)) != nil else { return .failure(.outOfRange) }
            let isEmpty = pattern.allSatisfy { $0 == 0 }
            if isEmpty { return perform(.discard([range]), blockSize: blockSize) }
            for index in 0..<UInt64(range.count) { write((range.block + index) * size, pattern.prefix(Int(size))) }
        case .discard(let ranges):
            for range in ranges {
                guard let (start, length) = bytes(range.block, UInt64(range.count)) else {
                    return .failure(.outOfRange)
                }
                discard(start, UInt64(length))
            }
        case .read, .flush: break
        }
        return .success([])
    }

    private func read(_ start: UInt64, _ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let place = start + UInt64(bytes.count)
            let offset = Int(place % UInt64(Self.chunkSize))
            let part = min(count - bytes.count, Self.chunkSize - offset)
            if let chunk = chunks[place / UInt64(Self.chunkSize)] {
                bytes += chunk[offset..<offset + part]
            } else {
                bytes += Self.zeros[..<part]
            }
        }
        return bytes
    }

    private mutating func write(_ start: UInt64, _ bytes: ArraySlice<UInt8>) {
        var (place, rest) = (start, bytes)
        while !rest.isEmpty {
            let (index, offset) = (place / UInt64(Self.chunkSize), Int(place % UInt64(Self.chunkSize)))
            let part = rest.prefix(Self.chunkSize - offset)
            if part.count == Self.chunkSize {
                chunks[index] = Array(part)
            } else {
                chunks[index, default: [UInt8](repeating: 0, count: Self.chunkSize)]
                    .replaceSubrange(offset..<offset + part.count, with: part)
            }
            rest = rest.dropFirst(part.count)
            place += UInt64(part.count)
        }
    }

    private mutating func discard(_ start: UInt64, _ count: UInt64) {
        guard count > 0, !chunks.isEmpty else { return }
        let size = UInt64(Self.chunkSize)
        let (first, last) = ((start + size - 1) / size, (start + count) / size)
        func zeros(_ from: UInt64, _ to: UInt64) {
            guard from < to, chunks[from / size] != nil else { return }
            write(from, [UInt8](repeating: 0, count: Int(to - from))[...])
        }
        guard first <= last else { return zeros(start, start + count) }
        zeros(start, first * size)
        zeros(last * size, start + count)
        if last - first > UInt64(chunks.count) {
            chunks = chunks.filter { $0.key < first || $0.key >= last }
        } else {
            for index in first..<last { chunks[index] = nil }
        }
    }
}
