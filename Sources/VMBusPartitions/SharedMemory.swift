import VMBusDevices
import VMBusEngine
import VMBusRing
import VMBusWire

/// Pages that a device's guest shares with the host.
struct SharedPages: Sendable {
    let handle: UInt32
    let pages: [UInt64]
    /// What the guest's driver has them for; nil for rings, and at the host's end, which is not told.
    var purpose: BufferPurpose?
    /// The channel that they came with, at the host's end.
    var channel: HostChannelKey?
}

/// A guest's memory as a device may touch it: by page list or by range, and nothing else.
struct SharedMemory<Memory: PhysicalMemory>: DeviceMemory {
    var memory: Memory
    /// The page lists of the device's channels.
    let lists: [SharedPages]

    func byteCount(gpadl: UInt32) -> Int? { lists.first { $0.handle == gpadl }.map { $0.pages.count * 4096 } }

    @_specialize(where Memory == SimulatedMemory)
    func read(gpadl: UInt32, offset: Int, count: Int) -> [UInt8]? {
        guard let pages = lists.first(where: { $0.handle == gpadl })?.pages else { return nil }
        return memory.read(pages, offset: offset, count: count)
    }

    @_specialize(where Memory == SimulatedMemory)
    mutating func write(gpadl: UInt32, offset: Int, _ bytes: [UInt8]) -> Bool {
        guard let pages = lists.first(where: { $0.handle == gpadl })?.pages else { return false }
        return memory.write(pages, offset: offset, bytes)
    }

    @_specialize(where Memory == SimulatedMemory)
    func read(_ range: GPARange) -> [UInt8]? {
        if let address = addressInOnePage(range) { return try? memory.bytes(address, count: Int(range.byteCount)) }
        return memory.read(range.pages.map(\.number), offset: Int(range.byteOffset), count: Int(range.byteCount))
    }

    @_specialize(where Memory == SimulatedMemory)
    mutating func write(_ range: GPARange, _ bytes: [UInt8]) -> Bool {
        guard bytes.count <= Int(range.byteCount) else { return false }
        if bytes.isEmpty { return true }
        if let address = addressInOnePage(range) { return (try? memory.write(bytes, at: address)) != nil }
        return memory.write(range.pages.map(\.number), offset: Int(range.byteOffset), bytes)
    }

    /// Where a range begins that lies in one page, as those of most packets do; they need no list of pages.
    private func addressInOnePage(_ range: GPARange) -> UInt64? {
        guard range.byteCount > 0, let page = range.pages.first?.number, page < RingShape.pageFrameNumberLimit,
            UInt64(range.byteOffset) + UInt64(range.byteCount) <= 4096
        else { return nil }
        return page * 4096 + UInt64(range.byteOffset)
    }
}

extension PhysicalMemory {
    /// The part of a byte range that lies in pages side by side.
    private func place(_ pages: [UInt64], _ offset: Int, _ count: Int) -> (address: UInt64, count: Int)? {
        var index = offset / 4096
        guard index < pages.count, pages[index] < RingShape.pageFrameNumberLimit else { return nil }
        let address = pages[index] * 4096 + UInt64(offset % 4096)
        var found = 4096 - offset % 4096
        while found < count, index + 1 < pages.count, pages[index + 1] == pages[index] + 1,
            pages[index + 1] < RingShape.pageFrameNumberLimit
        {
            found += 4096
            index += 1
        }
        return (address, min(count, found))
    }

    /// Bytes that lie in a list of pages; nil when the list ends before, or a page is not there.
    func read(_ pages: [UInt64], offset: Int, count: Int) -> [UInt8]? {
        guard offset >= 0, count >= 0, count <= pages.count * 4096 else { return nil }
        // Mostly all of them lie side by side.
        if let part = place(pages, offset, count), part.count == count {
            return try? self.bytes(part.address, count: count)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            guard let part = place(pages, offset + bytes.count, count - bytes.count),
                (try? appendBytes(part.address, count: part.count, to: &bytes)) != nil
            else { return nil }
        }
        return bytes
    }

    /// Writes into a list of pages; false when the list ends before, or a page is not there.
    mutating func write(_ pages: [UInt64], offset: Int, _ bytes: [UInt8]) -> Bool {
        guard offset >= 0, bytes.count <= pages.count * 4096 else { return false }
        var done = 0
        while done < bytes.count {
            guard let part = place(pages, offset + done, bytes.count - done),
                (try? write(bytes[done..<done + part.count], at: part.address)) != nil
            else { return false }
            done += part.count
        }
        return true
    }
}

extension PartitionActivity {
    /// Lends the memory to a device machine.
    mutating func withSharedMemory<Result>(
        _ lists: [SharedPages], _ body: (inout SharedMemory<Memory>) -> Result
    ) -> Result {
        var shared = SharedMemory(memory: Memory.detached, lists: lists)
        swap(&memory, &shared.memory)
        defer { swap(&memory, &shared.memory) }
        return body(&shared)
    }
}

/// Hands out the guest's pages, lowest first, and takes them back.
struct PageAllocator: Sendable, Hashable {
    private var next: UInt64
    private let end: UInt64
    private var free: [UInt64] = []

    /// Pages from `first` up to and without `end`.
    init(first: UInt64, end: UInt64) {
        next = first
        self.end = end
    }

    /// Pages that need not lie side by side; nil when there are not so many.
    mutating func allocate(_ count: Int) -> [UInt64]? {
        guard count >= 0, UInt64(count) <= UInt64(free.count) + (end - next) else { return nil }
        var pages: [UInt64] = []
        while pages.count < count {
            if let page = free.popLast() {
                pages.append(page)
            } else {
                pages.append(next)
                next += 1
            }
        }
        return pages
    }

    /// Takes pages back.
    mutating func release(_ pages: [UInt64]) { free.append(contentsOf: pages.reversed()) }
}

extension PhysicalMemory {
    /// Fills pages with zeros, as a guest must before it shares them; false when a page is not there.
    mutating func clear(_ pages: [UInt64]) -> Bool {
        var done = 0
        while done < pages.count * 4096 {
            guard let part = place(pages, done, pages.count * 4096 - done),
                (try? clear(part.address, count: part.count)) != nil
            else { return false }
            done += part.count
        }
        return true
    }
}
