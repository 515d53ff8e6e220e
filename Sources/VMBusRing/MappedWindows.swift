import Synchronization
import VMBusWire

/// Memory that lies in windows of this process, each reached by addresses of its own: a virtual machine's memory that its
/// monitor shares, or the rings and buffers behind a device node.
///
/// Copies name the same memory, which stays mapped as long as one of them lives. Every address is checked; words are atomic
/// and bytes are copied once, so others may write meanwhile what they want. `@unchecked Sendable` for that reason.
public struct MappedWindows: PhysicalMemory, @unchecked Sendable {
    /// Outside, or misaligned.
    public typealias Failure = GuestMemoryFailure

    private struct Window {
        let address: UInt64
        let base: UnsafeMutableRawPointer
        let byteCount: UInt64
        let owner: any AnyObject & Sendable
    }

    private var windows: [Window] = []

    /// A memory without a byte.
    public init() {}

    /// A memory without a byte.
    public static var detached: MappedWindows { MappedWindows() }

    /// Adds a window.
    /// - Parameters:
    ///   - address: what its first byte is reached by; neither a window that is there nor the end of all addresses is touched.
    ///   - base: where it lies, at a multiple of 4.
    ///   - byteCount: its size, a multiple of 4.
    ///   - owner: keeps it mapped as long as it lives.
    public mutating func add(
        at address: UInt64, base: UnsafeMutableRawPointer, byteCount: Int, owner: any AnyObject & Sendable
    ) {
        windows.append(
            Window(address: address, base: base, byteCount: UInt64(max(0, byteCount)), owner: owner))
    }

    /// Takes the window away that begins at an address.
    public mutating func remove(at address: UInt64) { windows.removeAll { $0.address == address } }

    /// Whether an address lies in a window.
    public func contains(_ address: UInt64) -> Bool { locate(address, 1) != nil }

    /// The first bytes of a range that lie in one window; nil when not even one does.
    private func locate(_ address: UInt64, _ count: Int) -> (pointer: UnsafeMutableRawPointer, count: Int)? {
        for window in windows where address >= window.address && address - window.address < window.byteCount {
            let offset = address - window.address
            return (window.base + Int(offset), Int(min(UInt64(count), window.byteCount - offset)))
        }
        return nil
    }

    /// Where bytes of one window lie.
    public func mapping(of address: UInt64, count: Int) -> UnsafeMutableRawPointer? {
        guard let place = locate(address, count), place.count == count else { return nil }
        return place.pointer
    }

    private func word(_ address: UInt64) throws(GuestMemoryFailure) -> UnsafeMutablePointer<Atomic<UInt32>> {
        guard address % 4 == 0 else { throw .misaligned(address: address) }
        // Windows are whole words, so a word that starts in one ends in it.
        guard let place = locate(address, 4) else { throw .outside(address: address, count: 4) }
        return place.pointer.assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// Loads a word once, with acquire ordering.
    public func load32(_ address: UInt64) throws(GuestMemoryFailure) -> UInt32 {
        UInt32(littleEndian: try word(address).pointee.load(ordering: .acquiring))
    }

    /// Stores a word with release ordering.
    public mutating func store32(_ value: UInt32, at address: UInt64) throws(GuestMemoryFailure) {
        try word(address).pointee.store(value.littleEndian, ordering: .releasing)
    }

    /// Orders every access before it before every access after it.
    public mutating func fence() throws(GuestMemoryFailure) { atomicMemoryFence(ordering: .sequentiallyConsistent) }

    /// Sets bits of a little-endian word at a multiple of 4, and gives the word from before; sequentially consistent.
    public mutating func setBits(_ bits: UInt32, at address: UInt64) throws(GuestMemoryFailure) -> UInt32 {
        let word = try word(address)
        return UInt32(
            littleEndian: word.pointee.bitwiseOr(bits.littleEndian, ordering: .sequentiallyConsistent).oldValue)
    }

    /// Puts a little-endian word at a multiple of 4 in the place of another, which it gives; sequentially consistent.
    public mutating func exchange(_ value: UInt32, at address: UInt64) throws(GuestMemoryFailure) -> UInt32 {
        let word = try word(address)
        return UInt32(littleEndian: word.pointee.exchange(value.littleEndian, ordering: .sequentiallyConsistent))
    }

    /// Fills `buffer` from the bytes at `address`.
    public func read(
        _ address: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(GuestMemoryFailure) {
        try forEachPart(address, buffer.count) { pointer, done, count in
            UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
                .copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: count))
        }
    }

    /// Puts `bytes` at `address`.
    public mutating func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) throws(GuestMemoryFailure) {
        try forEachPart(address, bytes.count) { pointer, done, count in
            UnsafeMutableRawBufferPointer(start: pointer, count: count)
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[done..<done + count]))
        }
    }

    /// Calls `body` for every part of a range; first makes sure that all of it is there.
    private func forEachPart(
        _ address: UInt64, _ count: Int, _ body: (UnsafeMutableRawPointer, Int, Int) -> Void
    ) throws(GuestMemoryFailure) {
        guard let first = locate(address, count) else {
            if count == 0 { return }
            throw .outside(address: address, count: count)
        }
        if first.count == count { return body(first.pointer, 0, count) }
        var parts: [(pointer: UnsafeMutableRawPointer, count: Int)] = [first]
        var found = first.count
        while found < count {
            guard let part = locate(address &+ UInt64(found), count - found) else {
                throw .outside(address: address, count: count)
            }
            parts.append(part)
            found += part.count
        }
        var done = 0
        for part in parts {
            body(part.pointer, done, part.count)
            done += part.count
        }
    }
}

/// Why a guest's memory did not do an access; the access left no trace.
public enum GuestMemoryFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// `count` bytes at `address` do not all lie in the memory that may be touched now.
    case outside(address: UInt64, count: Int)
    /// A word at an address that is not a multiple of 4.
    case misaligned(address: UInt64)

    /// One sentence for people.
    public var description: String {
        switch self {
        case .outside(let address, let count):
            "\(count) bytes at guest address \(Hexadecimal.prefixed(address)) are not in the memory that may be touched"
        case .misaligned(let address):
            "a word at guest address \(Hexadecimal.prefixed(address)), which is not a multiple of 4"
        }
    }
}
