import Synchronization

/// The memory of a simulated guest: a value, so that a copy is a checkpoint.
///
/// A table of two levels: directories of 128 KiB, and in each of them blocks of 1024 bytes. A block comes into being with
/// the first write of something that is not zero, and reads as zeros before; copies share every block and every directory
/// until one of them writes there. So a copy costs one reference; the first write to a block after it costs that block, a
/// directory of 1024 bytes, and 8 bytes for each 128 KiB of the memory. A block is smaller than a page as rings and buffers
/// are written in pieces of some hundred bytes: what lies between two checkpoints is then a third of what it is by pages.
///
/// Nobody else can see it, so all its words are sequentially consistent, unless ``heldStores`` is given: then words that are
/// stored wait there until a fence, or until somebody lets them out. Bytes are always seen at once: of a ring nobody reads
/// data beyond an index that he sees.
public struct SimulatedMemory: PhysicalMemory, Sendable {
    /// Outside, misaligned, or stopped by the meter.
    public typealias Failure = SimulatedMemoryFailure

    /// Bytes that can be addressed, from 0 on.
    public let byteCount: UInt64
    /// Counts the accesses and can stop them; nil, as at first, does neither. It is shared by all copies of this value.
    public var meter: AccessMeter?
    /// The words that whoever uses it at present holds back from others; nil, as at first, holds nothing back.
    public var heldStores: HeldStores?
    /// Blocks by their place. Empty arrays stand for what was never written.
    private var directories: [[[UInt8]]]

    private static let blockSize = 1024
    private static let blocksPerDirectory = 128
    private static let directorySize = UInt64(blockSize * blocksPerDirectory)

    /// The largest memory: 1 TiB, whose list of directories takes 64 MiB.
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
        if let held = heldStores?.value(at: address) { return held }
        let (directory, block, offset) = Self.place(address)
        guard !directories[directory].isEmpty, !directories[directory][block].isEmpty else { return 0 }
        return directories[directory][block].withUnsafeBytes {
            UInt32(littleEndian: $0.load(fromByteOffset: offset, as: UInt32.self))
        }
    }

    /// Stores a little-endian word; one access.
    public mutating func store32(_ value: UInt32, at address: UInt64) throws(SimulatedMemoryFailure) {
        try checkWord(address)
        if heldStores?.hold(value, at: address) != nil { return }
        publish(value, at: address)
    }

    /// Lets all words that are held back be seen.
    public mutating func fence() { while publishOldest() {} }

    /// Lets the oldest word that is held back be seen; false when there is none.
    public mutating func publishOldest() -> Bool {
        guard let store = heldStores?.takeOldest() else { return false }
        publish(store.value, at: store.address)
        return true
    }

    private mutating func publish(_ value: UInt32, at address: UInt64) {
        let (directory, block, offset) = Self.place(address)
        guard !directories[directory].isEmpty, !directories[directory][block].isEmpty else {
            withUnsafeBytes(of: value.littleEndian) { copyIn($0, at: address) }
            return
        }
        directories[directory][block].withUnsafeMutableBytes {
            $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
        }
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

    /// Fills `count` bytes at `address` with zeros; one access. Whole blocks are given up, those that never were cost nothing.
    public mutating func clear(_ address: UInt64, count: Int) throws(SimulatedMemoryFailure) {
        try check(address, count: count)
        var done = 0
        while done < count {
            let (directory, block, offset) = Self.place(address + UInt64(done))
            guard !directories[directory].isEmpty else {
                done += Self.blockSize * (Self.blocksPerDirectory - block) - offset
                continue
            }
            let part = min(count - done, Self.blockSize - offset)
            done += part
            if part == Self.blockSize {
                directories[directory][block] = []
            } else if !directories[directory][block].isEmpty {
                for place in offset..<offset + part { directories[directory][block][place] = 0 }
            }
        }
    }

    /// Number of pages of 4096 bytes that were written at least once with something that is not zero.
    public var residentPages: Int {
        directories.reduce(0) { count, directory in
            count
                + stride(from: 0, to: directory.count, by: 4).count { first in
                    directory[first..<first + 4].contains { !$0.isEmpty }
                }
        }
    }

    /// Calls `body` for each block that holds something else than zeros, with its address, lowest first.
    public func forEachBlock(_ body: (UInt64, UnsafeRawBufferPointer) -> Void) {
        for (index, directory) in directories.enumerated() {
            for (place, block) in directory.enumerated() where !block.isEmpty {
                let address = UInt64(index) * Self.directorySize + UInt64(place * Self.blockSize)
                block.withUnsafeBytes { bytes in
                    if !Self.isZero(bytes) { body(address, bytes) }
                }
            }
        }
    }

    @inline(__always)
    private func checkWord(_ address: UInt64) throws(SimulatedMemoryFailure) {
        try check(address, count: 4)
        guard address % 4 == 0 else { throw .misaligned(address: address) }
    }

    @inline(__always)
    private func check(_ address: UInt64, count: Int) throws(SimulatedMemoryFailure) {
        if let meter, let stopped = meter.admit() { throw .stopped(access: stopped) }
        guard address <= byteCount, UInt64(count) <= byteCount - address else {
            throw .outside(address: address, count: count, byteCount: byteCount)
        }
    }

    /// Where a byte lies.
    @inline(__always)
    private static func place(_ address: UInt64) -> (directory: Int, block: Int, offset: Int) {
        let block = Int(truncatingIfNeeded: address / UInt64(blockSize))
        return (
            block / blocksPerDirectory, block % blocksPerDirectory,
            Int(truncatingIfNeeded: address % UInt64(blockSize))
        )
    }

    private func copyOut(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) {
        var done = 0
        while done < buffer.count {
            let (directory, block, offset) = Self.place(address + UInt64(done))
            let part = min(buffer.count - done, Self.blockSize - offset)
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + part])
            if directories[directory].isEmpty || directories[directory][block].isEmpty {
                target.initializeMemory(as: UInt8.self, repeating: 0)
            } else {
                directories[directory][block].withUnsafeBytes { bytes in
                    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + part]))
                }
            }
            done += part
        }
    }

    private mutating func copyIn(_ bytes: UnsafeRawBufferPointer, at address: UInt64) {
        var done = 0
        while done < bytes.count {
            let (directory, block, offset) = Self.place(address + UInt64(done))
            let part = min(bytes.count - done, Self.blockSize - offset)
            let source = UnsafeRawBufferPointer(rebasing: bytes[done..<done + part])
            done += part
            if directories[directory].isEmpty {
                if Self.isZero(source) { continue }
                directories[directory] = Array(repeating: [], count: Self.blocksPerDirectory)
            }
            if directories[directory][block].isEmpty {
                // Zeros over zeros: buffers that are cleared and never used stay without blocks.
                if Self.isZero(source) { continue }
                directories[directory][block] = Array(repeating: 0, count: Self.blockSize)
            }
            directories[directory][block].withUnsafeMutableBytes { target in
                UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + part]).copyMemory(from: source)
            }
        }
    }

    private static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var offset = 0
        while offset + 8 <= bytes.count {
            if bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) != 0 { return false }
            offset += 8
        }
        return bytes[offset...].allSatisfy { $0 == 0 }
    }
}

extension SimulatedMemory: Equatable {
    /// Whether both have the same size and bytes; a block of zeros equals one never written. The meters do not count.
    public static func == (left: SimulatedMemory, right: SimulatedMemory) -> Bool {
        guard left.byteCount == right.byteCount else { return false }
        for (ours, theirs) in zip(left.directories, right.directories) {
            for place in 0..<max(ours.count, theirs.count) {
                let our = place < ours.count ? ours[place] : []
                let their = place < theirs.count ? theirs[place] : []
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
