/// Guest-physical memory seen by whoever may touch it: the simulator's pages, or a mapping shared by a virtual machine
/// monitor.
///
/// Addresses come from the guest and can be anything; an address that is not there is a `Failure`, never a trap.
public protocol PhysicalMemory {
    /// What an access can end in.
    associatedtype Failure: Error

    /// A memory of no pages, which takes the place of another while that one is lent out.
    static var detached: Self { get }

    /// Loads a little-endian word at a multiple of 4, once; sequentially consistent, or acquiring with a ``fence()``.
    func load32(_ address: UInt64) throws(Failure) -> UInt32

    /// Stores a little-endian word at a multiple of 4; sequentially consistent, or releasing with a ``fence()``.
    mutating func store32(_ value: UInt32, at address: UInt64) throws(Failure)

    /// Fills `buffer` from the bytes at `address`.
    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Failure)

    /// Puts `bytes` at `address`.
    mutating func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) throws(Failure)

    /// Orders every access before it before every access after it. Nothing to do where `load32` and `store32` are
    /// sequentially consistent, which is what the default relies on.
    mutating func fence() throws(Failure)

    /// Where `count` bytes from `address` on lie side by side in this process; nil where they do not, or where every access
    /// must go through the memory, which is the default. Valid as long as the memory is not changed.
    func mapping(of address: UInt64, count: Int) -> UnsafeMutableRawPointer?
}

extension PhysicalMemory {
    /// Nothing, as the default memory is sequentially consistent.
    @inlinable
    public mutating func fence() throws(Failure) {}

    /// Nil: every access goes through the memory.
    public func mapping(of address: UInt64, count: Int) -> UnsafeMutableRawPointer? { nil }

    /// Appends the `count` bytes at `address` to `bytes`; on failure `bytes` is as before.
    ///
    /// For callers that never touch a pointer. `count` must be the caller's own or checked: so much memory is taken first.
    public func appendBytes(_ address: UInt64, count: Int, to bytes: inout [UInt8]) throws(Failure) {
        if let place = mapping(of: address, count: count) {
            return bytes.append(contentsOf: UnsafeRawBufferPointer(start: place, count: count))
        }
        let old = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: count))
        do throws(Failure) {
            var span = bytes.mutableSpan
            try span.withUnsafeMutableBytes { (buffer) throws(Failure) in
                try read(address, into: UnsafeMutableRawBufferPointer(rebasing: buffer[old...]))
            }
        } catch {
            bytes.removeLast(bytes.count - old)
            throw error
        }
    }

    /// The `count` bytes at `address`; for callers that never touch a pointer.
    public func bytes(_ address: UInt64, count: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        try appendBytes(address, count: count, to: &bytes)
        return bytes
    }

    /// Puts `bytes` at `address`; for callers that never touch a pointer.
    public mutating func write(_ bytes: RawSpan, at address: UInt64) throws(Failure) {
        try bytes.withUnsafeBytes { (buffer) throws(Failure) in try write(buffer, at: address) }
    }

    /// Puts `bytes` at `address`; for callers that never touch a pointer.
    public mutating func write(_ bytes: [UInt8], at address: UInt64) throws(Failure) {
        try write(bytes.span.bytes, at: address)
    }

    /// Puts `bytes` at `address`; for callers that never touch a pointer.
    public mutating func write(_ bytes: ArraySlice<UInt8>, at address: UInt64) throws(Failure) {
        try write(bytes.span.bytes, at: address)
    }
}
