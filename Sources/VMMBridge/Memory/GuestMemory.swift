public import Platform
import Synchronization
import VMBusRing
public import VMBusWire

/// The memory of a virtual machine, as its monitor shares it: runs of a mapped file by guest-physical address.
///
/// Copies name the same memory, which stays mapped as long as one of them lives. Every address is checked; words are atomic
/// and bytes are copied once, so the guest may write meanwhile what it wants.
public struct GuestMemory: BridgeMemory, Sendable {
    /// Outside, or misaligned.
    public typealias Failure = GuestMemoryFailure

    private struct Run: Sendable {
        let address: UInt64
        let mapping: SharedMapping

        var byteCount: UInt64 { UInt64(mapping.byteCount) }
    }

    /// In order of their addresses, without overlap.
    private let runs: [Run]

    /// A memory without a byte.
    public static var detached: GuestMemory { GuestMemory(runs: []) }

    private init(runs: [Run]) { self.runs = runs }

    /// Maps the memory that a monitor shows.
    ///
    /// - Throws: the rule that the regions break, or what the system says.
    public init(
        _ regions: [MemoryRegion], of file: borrowing OwnedDescriptor
    ) throws(ProtocolViolation) {
        let fileSize: UInt64
        do throws(SystemError) {
            fileSize = try file.regularFileSize()
        } catch {
            throw ProtocolViolation(
                rule: "hello-memory", place: "HELLO's descriptor", value: "\(error)",
                explanation: "the guest's memory is a regular file or a memory file")
        }
        let ordered = try Self.checked(regions, fileSize: fileSize)
        var runs: [Run] = []
        for region in ordered {
            do throws(SystemError) {
                let mapping = try SharedMapping(file, offset: region.fileOffset, byteCount: Int(region.byteCount))
                runs.append(Run(address: region.address, mapping: mapping))
            } catch {
                throw ProtocolViolation(
                    rule: "hello-memory", place: Self.place(region), value: "\(error)",
                    explanation: "the guest's memory can be mapped")
            }
        }
        self.runs = runs
    }

    /// Regions that are whole pages, lie in the file, and share no address; in order of their addresses.
    private static func checked(
        _ regions: [MemoryRegion], fileSize: UInt64
    ) throws(ProtocolViolation) -> [MemoryRegion] {
        let ordered = regions.sorted { $0.address < $1.address }
        var end: UInt64 = 0
        for region in ordered {
            func violation(_ value: UInt64, _ explanation: String) -> ProtocolViolation {
                ProtocolViolation(
                    rule: "hello-memory", place: place(region), value: Hexadecimal.prefixed(value),
                    explanation: explanation)
            }
            for value in [region.address, region.byteCount, region.fileOffset] where value % 4096 != 0 {
                throw violation(value, "regions are whole pages")
            }
            guard region.byteCount > 0, region.byteCount <= addressLimit, region.address <= addressLimit else {
                throw violation(region.byteCount, "a region has bytes, and addresses have at most 52 bits")
            }
            guard region.address >= end else { throw violation(region.address, "regions share no address") }
            end = region.address + region.byteCount
            guard region.fileOffset <= fileSize, region.byteCount <= fileSize - region.fileOffset else {
                throw violation(fileSize, "a region lies inside the file, which has so many bytes")
            }
        }
        return ordered
    }

    /// What the page frame numbers of a processor can reach.
    private static let addressLimit: UInt64 = 1 << 52

    private static func place(_ region: MemoryRegion) -> String {
        "HELLO region at \(Hexadecimal.prefixed(region.address))"
    }

    /// Whether the file was cut short under the mapping: what is read is not the guest's memory any more.
    public var isDamaged: Bool { runs.contains { $0.mapping.isDamaged } }

    // MARK: Access

    /// The first bytes of a range that lie in one run; nil when not even one does.
    private func locate(_ address: UInt64, _ count: Int) -> (pointer: UnsafeMutableRawPointer, count: Int)? {
        for run in runs where address >= run.address && address - run.address < run.byteCount {
            let offset = address - run.address
            return (run.mapping.base + Int(offset), min(count, Int(run.byteCount - offset)))
        }
        return nil
    }

    private func word(_ address: UInt64) throws(GuestMemoryFailure) -> UnsafeMutablePointer<Atomic<UInt32>> {
        guard address % 4 == 0 else { throw .misaligned(address: address) }
        // Regions are whole pages, so a word that starts in one ends in it.
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

    /// Sets bits of a word.
    public mutating func setBits(_ bits: UInt32, at address: UInt64) throws(GuestMemoryFailure) -> UInt32 {
        let word = try word(address)
        return UInt32(
            littleEndian: word.pointee.bitwiseOr(bits.littleEndian, ordering: .sequentiallyConsistent).oldValue)
    }

    /// Puts a word in the place of another.
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
            guard let part = locate(address + UInt64(found), count - found) else {
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
    /// `count` bytes at `address` do not all lie in the memory that the monitor has shown, or it is not shown now.
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
