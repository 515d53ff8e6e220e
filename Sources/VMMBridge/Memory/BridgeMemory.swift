public import VMBusRing

/// A guest's memory in front of a real machine: the guest changes words of it with locked instructions at the same time, so
/// the host does, too. A copy names the same memory.
public protocol BridgeMemory: PhysicalMemory {
    /// Sets bits of a little-endian word at a multiple of 4, and gives the word from before; sequentially consistent.
    mutating func setBits(_ bits: UInt32, at address: UInt64) throws(Failure) -> UInt32

    /// Puts a little-endian word at a multiple of 4 in the place of another, which it gives; sequentially consistent.
    mutating func exchange(_ value: UInt32, at address: UInt64) throws(Failure) -> UInt32
}
