public import Platform
public import VMBusRing
public import VMBusWire

/// The memory of a virtual machine, as its monitor shares it: parts of a mapped file by guest-physical address.
public struct GuestMemory: BridgeMemory, Sendable {
    /// Outside, or misaligned.
    public typealias Failure = GuestMemoryFailure

    private var windows = MappedWindows()
    private var mappings: [SharedMapping] = []

    /// A memory without a byte.
    public static var detached: GuestMemory { GuestMemory() }

    private init() {}

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
        for region in ordered {
            do throws(SystemError) {
                let mapping = try SharedMapping(file, offset: region.fileOffset, byteCount: Int(region.byteCount))
                windows.add(
                    at: region.address, base: mapping.base, byteCount: mapping.byteCount, owner: mapping)
                mappings.append(mapping)
            } catch {
                throw ProtocolViolation(
                    rule: "hello-memory", place: Self.place(region), value: "\(error)",
                    explanation: "the guest's memory can be mapped")
            }
        }
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
    public var isDamaged: Bool { mappings.contains { $0.isDamaged } }

    // MARK: Access

    /// Loads a word once, with acquire ordering.
    public func load32(_ address: UInt64) throws(GuestMemoryFailure) -> UInt32 { try windows.load32(address) }

    /// Stores a word with release ordering.
    public mutating func store32(_ value: UInt32, at address: UInt64) throws(GuestMemoryFailure) {
        try windows.store32(value, at: address)
    }

    /// Orders every access before it before every access after it.
    public mutating func fence() throws(GuestMemoryFailure) { try windows.fence() }

    /// Sets bits of a word.
    public mutating func setBits(_ bits: UInt32, at address: UInt64) throws(GuestMemoryFailure) -> UInt32 {
        try windows.setBits(bits, at: address)
    }

    /// Puts a word in the place of another.
    public mutating func exchange(_ value: UInt32, at address: UInt64) throws(GuestMemoryFailure) -> UInt32 {
        try windows.exchange(value, at: address)
    }

    /// Fills `buffer` from the bytes at `address`.
    public func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(GuestMemoryFailure) {
        try windows.read(address, into: buffer)
    }

    /// Puts `bytes` at `address`.
    public mutating func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) throws(GuestMemoryFailure) {
        try windows.write(bytes, at: address)
    }
}
