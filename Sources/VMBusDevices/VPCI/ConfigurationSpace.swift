import VMBusWire

/// The configuration space of a small function: type 0 header, at most one memory range, and the capability of interrupt
/// messages, with the registers that can be written (PCI Local Bus 3.0, §6.1, §6.2.5, §6.8.1).
public struct ConfigurationSpace: Sendable, Hashable {
    /// Bytes of it.
    public static let size = 256
    /// Where the capability of interrupt messages begins.
    public static let messageCapability = 0x40

    /// The bytes as a guest reads them.
    public private(set) var bytes: [UInt8]
    /// Which bits a guest can write.
    private var writable: [UInt8]

    /// As after a reset.
    ///
    /// - Parameter memorySize: bytes of the function's memory range, a power of two from 16 on; 0 for none.
    public init(_ function: VPCI.Function, memorySize: UInt32 = 0) {
        bytes = [UInt8](repeating: 0, count: Self.size)
        writable = bytes
        set(0x00, UInt32(function.vendor) | UInt32(function.device) << 16)
        // Bit 4 of the status: there are capabilities.
        set(0x04, 0x0010_0000, writable: 0x0000_0407)
        set(
            0x08,
            UInt32(function.revision) | UInt32(function.interface) << 8 | UInt32(function.subclass) << 16
                | UInt32(function.baseClass) << 24)
        set(0x0C, 0, writable: 0xFF)
        if memorySize >= 16 { set(0x10, 0, writable: Self.probe(memorySize)) }
        set(0x2C, function.subsystem)
        set(0x34, UInt32(Self.messageCapability))
        set(0x3C, 0, writable: 0xFF)
        // One message, of 64 bits.
        let capability = Self.messageCapability
        set(capability, 0x0080_0005, writable: 0x0071_0000)
        set(capability + 4, 0, writable: 0xFFFF_FFFC)
        set(capability + 8, 0, writable: .max)
        set(capability + 12, 0, writable: 0xFFFF)
    }

    /// What the first base address register answers when all ones were written; 0 for none.
    public static func probe(_ memorySize: UInt32) -> UInt32 { memorySize < 16 ? 0 : ~(memorySize - 1) & 0xFFFF_FFF0 }

    private mutating func set(_ place: Int, _ value: UInt32, writable mask: UInt32 = 0) {
        for index in 0..<4 {
            bytes[place + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(index)))
            writable[place + index] = UInt8(truncatingIfNeeded: mask >> (8 * UInt32(index)))
        }
    }

    /// Four bytes; 0 behind the end.
    public func word(_ place: Int) -> UInt32 {
        guard place >= 0, place <= Self.size - 4 else { return 0 }
        return (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << (8 * UInt32($1)) }
    }

    /// Takes over what a guest has written: the bits that can be written; all others stay.
    ///
    /// - Returns: whether the guest's page must be put right, as it has written others too.
    public mutating func take(_ page: [UInt8]) -> Bool {
        var isWrong = false
        for index in 0..<min(page.count, Self.size) where page[index] != bytes[index] {
            bytes[index] = bytes[index] & ~writable[index] | page[index] & writable[index]
            if bytes[index] != page[index] { isWrong = true }
        }
        return isWrong
    }

    /// Whether interrupt messages are on.
    public var sendsMessages: Bool { word(Self.messageCapability) >> 16 & 1 != 0 }
    /// Where an interrupt message is written.
    public var messageAddress: UInt64 {
        UInt64(word(Self.messageCapability + 4)) | UInt64(word(Self.messageCapability + 8)) << 32
    }
    /// What is written there.
    public var messageData: UInt32 { word(Self.messageCapability + 12) & 0xFFFF }
}
