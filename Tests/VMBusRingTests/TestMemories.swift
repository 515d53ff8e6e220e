import Glibc
import VMBusRing

/// Numbers that are the same on every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// A ring mapped into this process for as long as this value lives.
final class Mapping {
    struct Failed: Error {
        let call: String
        let errno: Int32
    }

    let memory: MappedRingMemory
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
    }

    deinit {
        munmap(start, byteCount)
    }
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
