import Glibc
import Platform
import Synchronization
import VMBusRing
import VMBusWire

@testable import VMMBridge

/// A guest's memory in a file of its own, as a monitor would share it.
struct SharedFile: ~Copyable {
    let descriptor: OwnedDescriptor
    let byteCount: UInt64

    init(pages: Int) throws {
        byteCount = UInt64(pages) * 4096
        descriptor = try OwnedDescriptor.memoryFile("guest", byteCount: byteCount)
    }

    var region: MemoryRegion { MemoryRegion(address: 0, byteCount: byteCount, fileOffset: 0) }

    func memory() throws -> GuestMemory { try GuestMemory([region], of: descriptor) }
}

/// Counts what the bridge does to a guest's memory.
final class Meter: Sendable {
    private let accesses = Atomic<Int>(0)
    var count: Int { accesses.load(ordering: .relaxed) }
    func add() { accesses.wrappingAdd(1, ordering: .relaxed) }
}

/// A guest's memory that counts every access, and can let something happen right after bits were set.
struct MeteredMemory: BridgeMemory, Sendable {
    var base: GuestMemory
    let meter: Meter
    var afterSettingBits: (@Sendable (GuestMemory) -> Void)?

    static var detached: MeteredMemory { MeteredMemory(base: .detached, meter: Meter()) }

    func load32(_ address: UInt64) throws(GuestMemoryFailure) -> UInt32 {
        meter.add()
        return try base.load32(address)
    }

    mutating func store32(_ value: UInt32, at address: UInt64) throws(GuestMemoryFailure) {
        meter.add()
        try base.store32(value, at: address)
    }

    func read(_ address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(GuestMemoryFailure) {
        meter.add()
        try base.read(address, into: buffer)
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) throws(GuestMemoryFailure) {
        meter.add()
        try base.write(bytes, at: address)
    }

    mutating func setBits(_ bits: UInt32, at address: UInt64) throws(GuestMemoryFailure) -> UInt32 {
        meter.add()
        let before = try base.setBits(bits, at: address)
        afterSettingBits?(base)
        return before
    }

    mutating func exchange(_ value: UInt32, at address: UInt64) throws(GuestMemoryFailure) -> UInt32 {
        meter.add()
        return try base.exchange(value, at: address)
    }
}
