import Glibc
import Synchronization
import Testing
import VMBusRing

/// A ring mapped into this process for as long as this value lives.
final class Mapping {
    struct Failed: Error {
        let call: String
        let errno: Int32
    }

    let memory: MappedRingMemory
    /// The same ring as a host sees it that maps the guest's memory: its data pages, but not in the order they lie in.
    let pages: PagedRingMemory<MappedPhysicalMemory>
    private let start: UnsafeMutableRawPointer
    private let byteCount: Int

    init(dataSize: Int, twice: Bool) throws {
        let page = Int(RingControl.byteCount)
        byteCount = page + (twice ? 2 : 1) * dataSize
        guard let file = tmpfile() else { throw Failed(call: "tmpfile", errno: errno) }
        defer { fclose(file) }
        guard ftruncate(fileno(file), off_t(page + dataSize)) == 0 else {
            throw Failed(call: "ftruncate", errno: errno)
        }
        let access = PROT_READ | PROT_WRITE
        guard let base = mmap(nil, byteCount, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), base != MAP_FAILED else {
            throw Failed(call: "mmap", errno: errno)
        }
        start = base
        func map(_ place: Int, _ count: Int, _ offset: Int) throws {
            guard mmap(base + place, count, access, MAP_SHARED | MAP_FIXED, fileno(file), off_t(offset)) != MAP_FAILED
            else { throw Failed(call: "mmap", errno: errno) }
        }
        try map(0, page + dataSize, 0)
        if twice { try map(page + dataSize, dataSize, page) }
        memory = try MappedRingMemory(
            controlPage: base, data: base + page, dataSize: dataSize, isMappedTwice: twice)
        pages = PagedRingMemory(
            guest: MappedPhysicalMemory(base: base, byteCount: page + dataSize),
            pages: try RingPages([0] + (1...dataSize / page).reversed().map { UInt64($0) }))
    }

    deinit {
        munmap(start, byteCount)
    }
}

/// A guest's memory that is really shared: the bytes of a mapping, by address. Pages of it in any order are what a host sees
/// of a guest's ring. `@unchecked Sendable` as the words that both sides touch at once are atomic.
struct MappedPhysicalMemory: PhysicalMemory, @unchecked Sendable {
    enum Failure: Error, Equatable { case outside(UInt64) }

    let base: UnsafeMutableRawPointer
    let byteCount: Int

    static var detached: MappedPhysicalMemory {
        MappedPhysicalMemory(base: UnsafeMutableRawPointer.allocate(byteCount: 0, alignment: 8), byteCount: 0)
    }

    private func place(_ address: UInt64, _ count: Int) throws(Failure) -> UnsafeMutableRawPointer {
        guard address <= UInt64(byteCount), UInt64(count) <= UInt64(byteCount) - address else {
            throw .outside(address)
        }
        return base + Int(address)
    }

    func load32(_ address: UInt64) throws(Failure) -> UInt32 {
        try place(address, 4).assumingMemoryBound(to: Atomic<UInt32>.self).pointee.load(ordering: .acquiring)
    }

    mutating func store32(_ value: UInt32, at address: UInt64) throws(Failure) {
        try place(address, 4).assumingMemoryBound(to: Atomic<UInt32>.self).pointee.store(value, ordering: .releasing)
    }

    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Failure) {
        guard let target = buffer.baseAddress else { return }
        target.copyMemory(from: try place(address, buffer.count), byteCount: buffer.count)
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) throws(Failure) {
        guard let source = bytes.baseAddress else { return }
        try place(address, bytes.count).copyMemory(from: source, byteCount: bytes.count)
    }

    mutating func fence() { atomicMemoryFence(ordering: .sequentiallyConsistent) }
}

/// A ring in scattered pages of a simulated guest, in no order and not next to each other.
func pagedRing(dataPages: Int) throws -> PagedRingMemory<SimulatedMemory> {
    let numbers = (0...dataPages).map { UInt64(3 + ($0 * 7) % (dataPages * 7 + 3)) }
    return PagedRingMemory(
        guest: SimulatedMemory(byteCount: UInt64(dataPages * 7 + 16) * 4096), pages: try RingPages(numbers))
}

func imageRing(dataPages: Int) throws -> RingCopy {
    try RingCopy(control: RingControl(), data: Array(repeating: 0, count: dataPages * 4096))
}

extension RingMemory {
    func bytes(from offset: UInt32, count: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        try appendBytes(from: offset, count: count, to: &bytes)
        return bytes
    }
}

/// Bytes from hexadecimal text with any white space.
func bytes(hex text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// Something that must hold of a ring in every kind of memory.
protocol RingProperty {
    func check<Memory: RingMemory & Sendable>(_ memory: inout Memory) throws
}

/// Every kind of memory that a ring can lie in.
enum MemoryKind: CaseIterable {
    case mappedOnce, mappedTwice, mappedPages, simulatedPages, image

    /// Checks a property of a fresh ring in memory of this kind.
    func check(_ property: some RingProperty, dataPages: Int = 1) throws {
        switch self {
        case .mappedOnce, .mappedTwice, .mappedPages:
            let mapping = try Mapping(dataSize: dataPages * 4096, twice: self == .mappedTwice)
            if self == .mappedPages {
                var pages = mapping.pages
                try property.check(&pages)
            } else {
                var memory = mapping.memory
                try property.check(&memory)
            }
            withExtendedLifetime(mapping) {}
        case .simulatedPages:
            var memory = try pagedRing(dataPages: dataPages)
            try property.check(&memory)
        case .image:
            var memory = try imageRing(dataPages: dataPages)
            try property.check(&memory)
        }
    }
}
