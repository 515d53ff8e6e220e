import Platform
import Synchronization
public import VMBusRing

/// What the host behind a device node can reach: the files that stand for the maps, and by any other address the memory of
/// the process that uses the device, whose virtual addresses are the guest's physical ones here.
///
/// No user's address reaches the upper half, which is where the maps lie.
public struct UIOMemory: BridgeMemory, Sendable {
    /// Outside, or misaligned.
    public typealias Failure = GuestMemoryFailure

    /// Where a map lies, by its number; sub-channels' rings come behind the five maps.
    public static func address(map: Int) -> UInt64 { 1 << 63 + UInt64(map) << 40 }

    /// The numbers of the pages of a map.
    public static func pages(map: Int, byteCount: Int) -> [UInt64] {
        (0..<UInt64(byteCount / 4096)).map { address(map: map) >> 12 + $0 }
    }

    /// The maps.
    public var windows = MappedWindows()
    /// Who uses the device, whoever came last first.
    var clients: [ProcessMemory] = []
    private let gone = GoneFlag()

    /// A memory without maps and users.
    public init() {}

    /// A memory without maps and users.
    public static var detached: UIOMemory { UIOMemory() }

    /// Whether a user was gone when its memory was to be touched, since the last call: what it left undone is no fault.
    func takeGone() -> Bool { gone.value.exchange(false, ordering: .relaxed) }

    private final class GoneFlag: Sendable {
        let value = Atomic(false)
    }

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

    /// Where bytes of a map lie.
    public func mapping(of address: UInt64, count: Int) -> UnsafeMutableRawPointer? {
        windows.mapping(of: address, count: count)
    }

    /// Fills `buffer` from the bytes at `address`.
    public func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(GuestMemoryFailure) {
        guard address < 1 << 63 else { return try windows.read(address, into: buffer) }
        try reach(address, buffer.count) { (client) throws(SystemError) in try client.read(address, into: buffer) }
    }

    /// Puts `bytes` at `address`.
    public mutating func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) throws(GuestMemoryFailure) {
        guard address < 1 << 63 else { return try windows.write(bytes, at: address) }
        try reach(address, bytes.count) { (client) throws(SystemError) in try client.write(bytes, at: address) }
    }

    private func reach(
        _ address: UInt64, _ count: Int, _ body: (ProcessMemory) throws(SystemError) -> Void
    ) throws(GuestMemoryFailure) {
        for client in clients {
            do throws(SystemError) {
                return try body(client)
            } catch {
                if error.isNoSuchProcess { gone.value.store(true, ordering: .relaxed) }
            }
        }
        throw .outside(address: address, count: count)
    }
}
