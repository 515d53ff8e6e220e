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

    /// Fills `count` bytes at `address` with zeros; by default it writes them.
    mutating func clear(_ address: UInt64, count: Int) throws(Failure)

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

    /// Writes the zeros, some pages of them at a time.
    public mutating func clear(_ address: UInt64, count: Int) throws(Failure) {
        let zeros = [UInt8](repeating: 0, count: min(count, 1 << 16))
        var done = 0
        while done < count {
            let part = zeros.prefix(count - done)
            try write(part, at: address + UInt64(done))
            done += part.count
        }
    }

    /// Nil: every access goes through the memory.
    @inlinable
    public func mapping(of address: UInt64, count: Int) -> UnsafeMutableRawPointer? { nil }

    /// Appends the `count` bytes at `address` to `bytes`; on failure `bytes` is as before.
    ///
    /// For callers that never touch a pointer. `count` must be the caller's own or checked: so much memory is taken first.
    @inlinable
    public func appendBytes(_ address: UInt64, count: Int, to bytes: inout [UInt8]) throws(Failure) {
        if let place = mapping(of: address, count: count) {
            return bytes.append(contentsOf: UnsafeRawBufferPointer(start: place, count: count))
        }
        var failure: Failure?
        func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
            do throws(Failure) {
                try read(address, into: buffer)
                return true
            } catch {
                failure = error
                return false
            }
        }
        if bytes.capacity == 0 {
            bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                let room = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
                filled = fill(room) ? count : 0
            }
        } else {
            withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { buffer in
                if fill(buffer) { bytes.append(contentsOf: UnsafeRawBufferPointer(buffer)) }
            }
        }
        if let failure { throw failure }
    }

    /// The `count` bytes at `address`; for callers that never touch a pointer.
    @inlinable
    public func bytes(_ address: UInt64, count: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        try appendBytes(address, count: count, to: &bytes)
        return bytes
    }

    /// Puts `bytes` at `address`; for callers that never touch a pointer.
    @inlinable
    public mutating func write(_ bytes: RawSpan, at address: UInt64) throws(Failure) {
        try bytes.withUnsafeBytes { (buffer) throws(Failure) in try write(buffer, at: address) }
    }

    /// Puts `bytes` at `address`; for callers that never touch a pointer.
    @inlinable
    public mutating func write(_ bytes: [UInt8], at address: UInt64) throws(Failure) {
        try write(bytes.span.bytes, at: address)
    }

    /// Puts `bytes` at `address`; for callers that never touch a pointer.
    @inlinable
    public mutating func write(_ bytes: ArraySlice<UInt8>, at address: UInt64) throws(Failure) {
        try write(bytes.span.bytes, at: address)
    }
}
