/// The guest pages of one ring: the control page, then the data area (reference §3.9, §4.1).
public struct RingPages: Hashable, Sendable {
    /// The page frame numbers, the control page's first.
    public let pageFrameNumbers: [UInt64]
    /// Whether the pages lie side by side.
    public let areConsecutive: Bool

    /// Checks a list that came from a GPADL.
    /// - Throws: ``RingShapeError`` for too few or too many pages, or a number without an address.
    public init(_ pageFrameNumbers: some Sequence<UInt64>) throws(RingShapeError) {
        let numbers = Array(pageFrameNumbers)
        guard numbers.count >= 2, numbers.count - 1 <= Int(RingShape.maximumDataSize / RingShape.pageSize) else {
            throw .pageCount(numbers.count)
        }
        for (index, number) in numbers.enumerated() where number >= RingShape.pageFrameNumberLimit {
            throw .pageFrameNumber(number, index: index)
        }
        self.pageFrameNumbers = numbers
        areConsecutive = zip(numbers, numbers.dropFirst()).allSatisfy { $0 + 1 == $1 }
    }

    /// Bytes in the data area.
    @inlinable public var dataSize: UInt32 { UInt32(pageFrameNumbers.count - 1) * RingShape.pageSize }
}

/// A ring that lies in scattered pages of a guest's memory, as a host sees it.
public struct PagedRingMemory<Guest: PhysicalMemory>: RingMemory {
    /// What the guest's memory can end in.
    public typealias Failure = Guest.Failure

    /// The memory that the pages lie in.
    public var guest: Guest
    /// The pages of the ring.
    public let pages: RingPages

    /// A ring in `guest`.
    @inlinable
    public init(guest: Guest, pages: RingPages) {
        self.guest = guest
        self.pages = pages
    }

    /// Bytes in the data area: 4096 for each page but the first.
    @inlinable public var dataSize: UInt32 { pages.dataSize }

    /// Loads a control word once, with acquire ordering.
    @inlinable
    public func loadAcquiring(_ word: RingWord) throws(Failure) -> UInt32 {
        try guest.load32(controlAddress(word))
    }

    /// Stores a control word with release ordering.
    @inlinable
    public mutating func storeReleasing(_ value: UInt32, to word: RingWord) throws(Failure) {
        try guest.store32(value, at: controlAddress(word))
    }

    /// Orders every access before it before every access after it.
    @inlinable
    public mutating func fence() throws(Failure) {
        try guest.fence()
    }

    /// Loads eight bytes of the data area, once.
    @inlinable
    public func loadData(at offset: UInt32) throws(Failure) -> UInt64 {
        var value: UInt64 = 0
        try withUnsafeMutableBytes(of: &value) { (buffer) throws(Failure) in
            try guest.read(dataAddress(offset), into: buffer)
        }
        return UInt64(littleEndian: value)
    }

    /// Stores eight bytes into the data area.
    @inlinable
    public mutating func storeData(_ value: UInt64, at offset: UInt32) throws(Failure) {
        let address = dataAddress(offset)
        var value = value.littleEndian
        try withUnsafeMutableBytes(of: &value) { (buffer) throws(Failure) in
            try guest.write(UnsafeRawBufferPointer(buffer), at: address)
        }
    }

    /// Fills `buffer` from the data area, round its end where needed.
    @inlinable
    public func copyOut(from offset: UInt32, into buffer: UnsafeMutableRawBufferPointer) throws(Failure) {
        var offset = offset
        var done = 0
        while done < buffer.count {
            let part = bytesInPage(buffer.count - done, at: offset)
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + part])
            try guest.read(dataAddress(offset), into: target)
            done += part
            offset = ringOffset(offset, advancedBy: UInt32(part), dataSize: dataSize)
        }
    }

    /// Puts `bytes` into the data area, round its end where needed.
    @inlinable
    public mutating func copyIn(_ bytes: UnsafeRawBufferPointer, at offset: UInt32) throws(Failure) {
        var offset = offset
        var done = 0
        while done < bytes.count {
            let part = bytesInPage(bytes.count - done, at: offset)
            try guest.write(UnsafeRawBufferPointer(rebasing: bytes[done..<done + part]), at: dataAddress(offset))
            done += part
            offset = ringOffset(offset, advancedBy: UInt32(part), dataSize: dataSize)
        }
    }

    @inlinable
    func controlAddress(_ word: RingWord) -> UInt64 {
        (pages.pageFrameNumbers[0] << 12) + UInt64(word.rawValue)
    }

    @inlinable
    func dataAddress(_ offset: UInt32) -> UInt64 {
        (pages.pageFrameNumbers[1 + Int(offset >> 12)] << 12) + UInt64(offset & 0xFFF)
    }

    @inlinable
    func bytesInPage(_ count: Int, at offset: UInt32) -> Int {
        min(count, Int(RingShape.pageSize - (offset & 0xFFF)))
    }
}

extension PagedRingMemory: Sendable where Guest: Sendable {}

extension PhysicalMemory {
    /// Works on a ring in this memory without a second reference to it: the memory is lent to the ring and taken back
    /// afterwards, also when `body` throws, so that a memory with value semantics is never copied.
    @inlinable
    public mutating func withRing<Result, Failed: Error>(
        _ pages: RingPages, _ body: (inout PagedRingMemory<Self>) throws(Failed) -> Result
    ) throws(Failed) -> Result {
        var ring = PagedRingMemory<Self>(guest: Self.detached, pages: pages)
        swap(&self, &ring.guest)
        defer { swap(&self, &ring.guest) }
        return try body(&ring)
    }

    /// The ring where it lies in this process, without a detour through the memory; nil where it does not lie side by side.
    /// To be used only while this memory is neither changed nor given up.
    @inlinable
    public func mappedRing(_ pages: RingPages) -> MappedRingMemory? {
        guard pages.areConsecutive, let first = pages.pageFrameNumbers.first,
            let control = mapping(of: first << 12, count: pages.pageFrameNumbers.count << 12)
        else { return nil }
        return try? MappedRingMemory(
            controlPage: control, data: control + 4096, dataSize: Int(pages.dataSize), isMappedTwice: false)
    }
}
