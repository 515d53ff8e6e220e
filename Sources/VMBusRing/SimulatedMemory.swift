import Synchronization

/// The memory of a simulated guest: a value, so that a copy is a checkpoint.
///
/// Pages of 4096 bytes come into being with their first write and read as zeros before; copies share every page and every
/// directory of 64 pages until one of them writes there. Nobody else can see it, so all its words are sequentially
/// consistent.
public struct SimulatedMemory: PhysicalMemory, Sendable {
    /// Outside, misaligned, or stopped by the meter.
    public typealias Failure = SimulatedMemoryFailure

    /// Bytes that can be addressed, from 0 on.
    public let byteCount: UInt64
    /// Counts the accesses and can stop them; nil, as at first, does neither. It is shared by all copies of this value.
    public var meter: AccessMeter?
    /// Pages by page frame number: 64 to a directory. Empty arrays stand for what was never written.
    private var directories: [[[UInt8]]]

    private static let pageSize = 4096
    private static let pagesPerDirectory = 64
    private static let directorySize = UInt64(pageSize * pagesPerDirectory)

    /// The largest memory: 1 TiB, whose list of directories takes 32 MiB.
    public static let maximumByteCount: UInt64 = 1 << 40

    /// A memory of zeros.
    /// - Parameter byteCount: bytes that can be addressed, at most ``maximumByteCount``; more are cut off.
    public init(byteCount: UInt64) {
        self.byteCount = min(byteCount, Self.maximumByteCount)
        let count = (self.byteCount + Self.directorySize - 1) / Self.directorySize
        directories = Array(repeating: [], count: Int(count))
    }

    /// A memory without a byte.
    public static var detached: SimulatedMemory { SimulatedMemory(byteCount: 0) }

    /// Loads a little-endian word; one access.
    public func load32(_ address: UInt64) throws(SimulatedMemoryFailure) -> UInt32 {
        try checkWord(address)
        var value: UInt32 = 0
        withUnsafeMutableBytes(of: &value) { copyOut(address, into: $0) }
        return UInt32(littleEndian: value)
    }

    /// Stores a little-endian word; one access.
    public mutating func store32(_ value: UInt32, at address: UInt64) throws(SimulatedMemoryFailure) {
        try checkWord(address)
        withUnsafeBytes(of: value.littleEndian) { copyIn($0, at: address) }
    }

    /// Fills `buffer` from the bytes at `address`; one access however many pages it touches.
    public func read(
        _ address: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SimulatedMemoryFailure) {
        try check(address, count: buffer.count)
        copyOut(address, into: buffer)
    }

    /// Puts `bytes` at `address`; one access however many pages it touches.
    public mutating func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) throws(SimulatedMemoryFailure) {
        try check(address, count: bytes.count)
        copyIn(bytes, at: address)
    }

    /// Number of pages that were written at least once.
    public var residentPages: Int {
        directories.reduce(0) { $0 + $1.count { !$0.isEmpty } }
    }

    private func checkWord(_ address: UInt64) throws(SimulatedMemoryFailure) {
        try check(address, count: 4)
        guard address % 4 == 0 else { throw .misaligned(address: address) }
    }

    private func check(_ address: UInt64, count: Int) throws(SimulatedMemoryFailure) {
        if let stopped = meter?.admit() { throw .stopped(access: stopped) }
        guard address <= byteCount, UInt64(count) <= byteCount - address else {
            throw .outside(address: address, count: count, byteCount: byteCount)
        }
    }

    private func copyOut(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) {
        Self.forEachPart(of: buffer.count, at: address) { directory, page, offset, range in
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[range])
            if directories[directory].isEmpty || directories[directory][page].isEmpty {
                target.initializeMemory(as: UInt8.self, repeating: 0)
            } else {
                directories[directory][page].withUnsafeBytes { bytes in
                    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + range.count]))
                }
            }
        }
    }

    private mutating func copyIn(_ bytes: UnsafeRawBufferPointer, at address: UInt64) {
        Self.forEachPart(of: bytes.count, at: address) { directory, page, offset, range in
            if directories[directory].isEmpty {
                directories[directory] = Array(repeating: [], count: Self.pagesPerDirectory)
            }
            if directories[directory][page].isEmpty {
                directories[directory][page] = Array(repeating: 0, count: Self.pageSize)
            }
            directories[directory][page].withUnsafeMutableBytes { target in
                UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + range.count])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[range]))
            }
        }
    }

    /// Calls `body` once for every page that `count` bytes at `address` touch, with the page, the offset in it, and which of
    /// the bytes lie there.
    private static func forEachPart(
        of count: Int, at address: UInt64, _ body: (Int, Int, Int, Range<Int>) -> Void
    ) {
        var done = 0
        while done < count {
            let place = address + UInt64(done)
            let offset = Int(place % UInt64(pageSize))
            let part = min(count - done, pageSize - offset)
            let page = Int(place / UInt64(pageSize)) % pagesPerDirectory
            body(Int(place / directorySize), page, offset, done..<done + part)
            done += part
        }
    }
}

extension SimulatedMemory: Equatable {
    /// Whether both have the same size and bytes; a page of zeros equals one never written. The meters do not count.
    public static func == (left: SimulatedMemory, right: SimulatedMemory) -> Bool {
        guard left.byteCount == right.byteCount else { return false }
        for (ours, theirs) in zip(left.directories, right.directories) {
            for page in 0..<max(ours.count, theirs.count) {
                let our = page < ours.count ? ours[page] : []
                let their = page < theirs.count ? theirs[page] : []
                let equal =
                    our.isEmpty ? !their.contains { $0 != 0 } : their.isEmpty ? !our.contains { $0 != 0 } : our == their
                if !equal { return false }
            }
        }
        return true
    }
}

/// Why a simulated memory did not do an access; the access left no trace.
public enum SimulatedMemoryFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// `count` bytes at `address` do not all lie in a memory of `byteCount` bytes.
    case outside(address: UInt64, count: Int, byteCount: UInt64)
    /// A word at an address that is not a multiple of 4.
    case misaligned(address: UInt64)
    /// The meter was told to stop here; accesses count from 1.
    case stopped(access: Int)

    /// One sentence for people.
    public var description: String {
        switch self {
        case .outside(let address, let count, let byteCount):
            "\(count) bytes at guest address \(address) are outside the guest's memory of \(byteCount) bytes"
        case .misaligned(let address): "a word at guest address \(address), which is not a multiple of 4"
        case .stopped(let access): "stopped before access \(access), as it was told to"
        }
    }
}

/// Counts the accesses to a simulated memory and can stop them at the k-th.
///
/// A class, because a load must count too and loads do not change the memory.
public final class AccessMeter: Sendable {
    private let accesses = Atomic<Int>(0)
    private let limit: Int

    /// A meter that lets accesses 1 to `stop` − 1 through and stops every later one; nil never stops.
    public init(stoppingAt stop: Int? = nil) {
        limit = stop ?? .max
    }

    /// Accesses that were let through.
    public var count: Int { min(accesses.load(ordering: .relaxed), limit - 1) }

    /// Counts an access; its number if it must not happen.
    func admit() -> Int? {
        let number = accesses.wrappingAdd(1, ordering: .relaxed).newValue
        return number >= limit ? number : nil
    }
}
