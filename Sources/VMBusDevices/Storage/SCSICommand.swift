import VMBusWire

extension SCSI {
    /// A command block of sixteen bytes, the unused ones 0 (SPC-4 §4.3).
    public struct Command: Sendable, Hashable {
        /// The bytes.
        public private(set) var bytes: [UInt8]

        /// Bytes as they came, cut or padded to sixteen.
        public init(_ bytes: [UInt8]) {
            self.bytes =
                bytes.count == VStor.commandRoom
                ? bytes : Array((bytes + [UInt8](repeating: 0, count: VStor.commandRoom)).prefix(VStor.commandRoom))
        }

        /// A command about blocks.
        ///
        /// - Parameters:
        ///   - block: the first block, where the command has one.
        ///   - count: how many blocks, or bytes of an answer.
        init(_ opcode: Opcode, block: UInt64 = 0, count: UInt64 = 0, options: UInt8 = 0) {
            self.init([opcode.rawValue, options])
            let numbers = CommandLayouts.numbers(bytes[0])
            for (place, value) in [(numbers.block, block), (numbers.count, count)] {
                for index in place {
                    bytes[index] |= UInt8(truncatingIfNeeded: value >> (8 * (place.upperBound - 1 - index)))
                }
            }
        }

        /// Reads blocks.
        public static func read(block: UInt64, count: UInt32) -> Command {
            Command(.read16, block: block, count: UInt64(count))
        }

        /// Writes blocks.
        public static func write(block: UInt64, count: UInt32) -> Command {
            Command(.write16, block: block, count: UInt64(count))
        }

        /// Has everything that was written kept for good.
        public static let flush = Command(.synchronizeCache10)

        /// Asks how large the disk is.
        public static let readCapacity = Command(.serviceActionIn16, count: 32, options: 0x10)

        /// Asks who the disk is.
        public static let inquiry = Command(.inquiry, count: 96)

        /// Asks which units a target has.
        public static let reportUnits = Command(.reportLUNs, count: 2056)

        /// The first byte.
        public var opcode: Opcode { Opcode(rawValue: bytes[0]) }

        /// Where its fields lie; nil for a command that is not known.
        var layout: SCSILayout? { CommandLayouts.layout(bytes[0]) }

        /// The first block that it is about.
        public var block: UInt64 {
            let number = CommandLayouts.Numbers.read(bytes, CommandLayouts.numbers(bytes[0]).block)
            // The six-byte form has 21 bits for it (SBC-3 §5.8).
            return bytes[0] < 0x20 ? number & 0x1F_FFFF : number
        }

        /// How many blocks, or bytes of an answer.
        public var count: UInt64 {
            let number = CommandLayouts.Numbers.read(bytes, CommandLayouts.numbers(bytes[0]).count)
            // In the six-byte forms of READ and WRITE 0 stands for 256 blocks.
            return number == 0 && (opcode == .read6 || opcode == .write6) ? 256 : number
        }

        /// Bytes of the block as its sender sends it: by the group of its first byte (SPC-4 §4.2.5.1).
        public var length: UInt8 {
            switch bytes[0] >> 5 {
            case 0: 6
            case 4: 16
            case 5: 12
            default: 10
            }
        }
    }
}
