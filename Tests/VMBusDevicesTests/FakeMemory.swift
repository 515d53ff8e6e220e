import VMBusDevices
import VMBusWire

/// Guest memory of a few pages, with page lists over them.
struct FakeMemory: DeviceMemory {
    private var pages: [UInt64: [UInt8]] = [:]
    private var lists: [UInt32: [UInt64]] = [:]
    private var nextPage: UInt64 = 0x1000
    private var nextList: UInt32 = 0xE1E10

    /// Gives pages, and a list of them where the purpose needs one.
    mutating func allocate(_ byteCount: Int, _ purpose: BufferPurpose) -> GuestBuffer {
        let count = (byteCount + 4095) / 4096
        var numbers: [UInt64] = []
        for _ in 0..<count {
            pages[nextPage] = Array(repeating: 0, count: 4096)
            numbers.append(nextPage)
            // Not in one piece, as guest memory is not, but for what must be.
            nextPage += purpose == .window || purpose == .screen ? 1 : 3
        }
        guard purpose.needsPageList else { return GuestBuffer(gpadl: 0, byteCount: count * 4096, pages: numbers) }
        nextList += 1
        lists[nextList] = numbers
        return GuestBuffer(gpadl: nextList, byteCount: count * 4096, pages: numbers)
    }

    func byteCount(gpadl: UInt32) -> Int? { lists[gpadl].map { $0.count * 4096 } }

    func read(gpadl: UInt32, offset: Int, count: Int) -> [UInt8]? {
        guard let list = lists[gpadl], offset >= 0, count >= 0, offset + count <= list.count * 4096 else { return nil }
        return (offset..<offset + count).map { pages[list[$0 / 4096]]?[$0 % 4096] ?? 0 }
    }

    mutating func write(gpadl: UInt32, offset: Int, _ bytes: [UInt8]) -> Bool {
        guard let list = lists[gpadl], offset >= 0, offset + bytes.count <= list.count * 4096 else { return false }
        for (index, byte) in bytes.enumerated() {
            pages[list[(offset + index) / 4096]]?[(offset + index) % 4096] = byte
        }
        return true
    }

    func read(_ range: GPARange) -> [UInt8]? {
        let (offset, count) = (Int(range.byteOffset), Int(range.byteCount))
        guard offset + count <= range.pages.count * 4096, range.pages.allSatisfy({ pages[$0.number] != nil }) else {
            return nil
        }
        return (offset..<offset + count).map { pages[range.pages[$0 / 4096].number]?[$0 % 4096] ?? 0 }
    }

    mutating func write(_ range: GPARange, _ bytes: [UInt8]) -> Bool {
        let offset = Int(range.byteOffset)
        guard bytes.count <= Int(range.byteCount), offset + bytes.count <= range.pages.count * 4096,
            range.pages.allSatisfy({ pages[$0.number] != nil })
        else { return false }
        for (index, byte) in bytes.enumerated() {
            pages[range.pages[(offset + index) / 4096].number]?[(offset + index) % 4096] = byte
        }
        return true
    }
}

/// Bytes from hexadecimal digits; spaces and line breaks do not count.
func bytes(_ digits: String) -> [UInt8] {
    let nibbles = digits.compactMap { $0.hexDigitValue }
    return stride(from: 0, to: nibbles.count - 1, by: 2).map { UInt8(nibbles[$0] << 4 | nibbles[$0 + 1]) }
}
