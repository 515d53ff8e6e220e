public import VMBusWire

/// What disks and CD drives are asked: the commands of SPC, SBC and MMC that guests send.
public enum SCSI {
    /// The first byte of a command block.
    public struct Opcode: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt8
        /// Any number.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        static let testUnitReady = Opcode(rawValue: 0x00)
        static let requestSense = Opcode(rawValue: 0x03)
        static let read6 = Opcode(rawValue: 0x08)
        static let write6 = Opcode(rawValue: 0x0A)
        static let inquiry = Opcode(rawValue: 0x12)
        static let modeSense6 = Opcode(rawValue: 0x1A)
        static let startStopUnit = Opcode(rawValue: 0x1B)
        static let preventAllowRemoval = Opcode(rawValue: 0x1E)
        static let readCapacity10 = Opcode(rawValue: 0x25)
        static let read10 = Opcode(rawValue: 0x28)
        static let write10 = Opcode(rawValue: 0x2A)
        static let verify10 = Opcode(rawValue: 0x2F)
        static let synchronizeCache10 = Opcode(rawValue: 0x35)
        static let writeSame10 = Opcode(rawValue: 0x41)
        static let unmap = Opcode(rawValue: 0x42)
        static let readTOC = Opcode(rawValue: 0x43)
        static let getConfiguration = Opcode(rawValue: 0x46)
        static let getEventStatus = Opcode(rawValue: 0x4A)
        static let readDiscInformation = Opcode(rawValue: 0x51)
        static let readTrackInformation = Opcode(rawValue: 0x52)
        static let modeSense10 = Opcode(rawValue: 0x5A)
        static let persistentReserveIn = Opcode(rawValue: 0x5E)
        static let persistentReserveOut = Opcode(rawValue: 0x5F)
        static let read16 = Opcode(rawValue: 0x88)
        static let write16 = Opcode(rawValue: 0x8A)
        static let verify16 = Opcode(rawValue: 0x8F)
        static let synchronizeCache16 = Opcode(rawValue: 0x91)
        static let writeSame16 = Opcode(rawValue: 0x93)
        static let serviceActionIn16 = Opcode(rawValue: 0x9E)
        static let reportLUNs = Opcode(rawValue: 0xA0)
        static let maintenanceIn = Opcode(rawValue: 0xA3)
        static let read12 = Opcode(rawValue: 0xA8)
        static let write12 = Opcode(rawValue: 0xAA)
        static let setCDSpeed = Opcode(rawValue: 0xBB)
        static let readCD = Opcode(rawValue: 0xBE)

        /// The command's name; from its layout where it has one.
        public var meaning: String? { CommandLayouts.layout(rawValue)?.name ?? Self.refused[rawValue] }

        /// Commands that are sent, and that no disk here knows.
        private static let refused: [UInt8: String] = [
            0x04: "FORMAT UNIT", 0x15: "MODE SELECT(6)", 0x4D: "LOG SENSE", 0x55: "MODE SELECT(10)",
            0x85: "ATA PASS-THROUGH(16)", 0xA1: "ATA PASS-THROUGH(12)", 0xAD: "READ DISC STRUCTURE",
        ]
    }

    /// What a disk says of a command.
    public struct Status: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt8
        /// Any number.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Done.
        public static let good = Status(rawValue: 0)
        /// Not done: sense data says why.
        public static let checkCondition = Status(rawValue: 2)
        /// Come again.
        public static let busy = Status(rawValue: 8)
        /// Too many commands at a time.
        public static let taskSetFull = Status(rawValue: 0x28)
        public var meaning: String? {
            switch rawValue {
            case 0: "good"
            case 2: "check condition"
            case 4: "condition met"
            case 8: "busy"
            case 0x18: "reservation conflict"
            case 0x28: "task set full"
            case 0x30: "ACA active"
            case 0x40: "task aborted"
            default: nil
            }
        }
    }

    /// Which kind of trouble sense data tells of.
    public struct SenseKey: NamedScalar {
        /// The number on the wire: the low four bits count.
        public let rawValue: UInt8
        /// Any number.
        public init(rawValue: UInt8) { self.rawValue = rawValue & 0xF }
        private static let names = [
            "no sense", "recovered error", "not ready", "medium error", "hardware error", "illegal request",
            "unit attention", "data protect", "blank check", "vendor specific", "copy aborted", "aborted command", "",
            "volume overflow", "miscompare", "completed",
        ]
        public var meaning: String? { Self.names[Int(rawValue & 0xF)] }
    }

    /// Additional sense code and its qualifier: what exactly is the trouble.
    public struct AdditionalSense: NamedScalar {
        /// Code in the high byte, qualifier in the low one.
        public let rawValue: UInt16
        /// Any number.
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        public var meaning: String? {
            switch rawValue {
            case 0x0000: "no additional sense"
            case 0x0402: "not ready, a start command is required"
            case 0x0C00: "write error"
            case 0x1100: "unrecovered read error"
            case 0x1A00: "parameter list length error"
            case 0x2000: "invalid command operation code"
            case 0x2100: "logical block address out of range"
            case 0x2400: "invalid field in command block"
            case 0x2500: "logical unit not supported"
            case 0x2600: "invalid field in parameter list"
            case 0x2700: "write protected"
            case 0x2800: "medium may have changed"
            case 0x2900: "power on or reset occurred"
            case 0x2A09: "capacity has changed"
            case 0x3A00: "medium not present"
            case 0x3F0E: "reported logical units have changed"
            case 0x4400: "internal target failure"
            case 0x5302: "medium removal prevented"
            case 0x6400: "illegal mode for this track"
            default: nil
            }
        }
    }

    /// Why a command was not carried out.
    public struct Sense: Sendable, Hashable {
        /// Which kind of trouble.
        public var key: UInt8
        /// What exactly.
        public var additional: UInt16
        /// The block that it is about, where one is known.
        public var information: UInt64?

        /// A reason.
        public init(_ key: UInt8, _ additional: UInt16, information: UInt64? = nil) {
            self.key = key & 0xF
            self.additional = additional
            self.information = information
        }

        static let invalidOpcode = Sense(5, 0x2000)
        static let outOfRange = Sense(5, 0x2100)
        static let invalidField = Sense(5, 0x2400)
        static let invalidParameter = Sense(5, 0x2600)
        static let listLength = Sense(5, 0x1A00)
        static let writeProtected = Sense(7, 0x2700)
        static let notStarted = Sense(2, 0x0402)
        static let noMedium = Sense(2, 0x3A00)
        static let removalPrevented = Sense(5, 0x5302)
        static let wrongTrackMode = Sense(5, 0x6400)

        /// The bytes in fixed format, 18 of them; a block beyond 32 bits is left out.
        public var fixed: [UInt8] {
            let block = information.flatMap { UInt32(exactly: $0) }
            return [block == nil ? 0x70 : 0xF0, 0, key] + bigEndian(block ?? 0) + [10, 0, 0, 0, 0]
                + bigEndian(additional) + [0, 0, 0, 0]
        }

        /// The bytes in descriptor format: 8, or 20 with a block.
        public var descriptors: [UInt8] {
            let head: [UInt8] = [0x72, key] + bigEndian(additional) + [0, 0, 0]
            guard let information else { return head + [0] }
            return head + [12, 0, 0x0A, 0x80, 0] + bigEndian(information)
        }

        /// Reads either format; nil for bytes that are neither.
        public init?(_ bytes: [UInt8]) {
            guard let first = bytes.first else { return nil }
            switch first & 0x7F {
            case 0x70, 0x71:
                guard bytes.count >= 14 else { return nil }
                let block = first & 0x80 != 0 ? bytes[3..<7].number : nil
                self.init(bytes[2], UInt16(bytes[12..<14].number), information: block)
            case 0x72, 0x73:
                guard bytes.count >= 8 else { return nil }
                let hasBlock = bytes.count >= 20 && bytes[8] == 0
                self.init(
                    bytes[1], UInt16(bytes[2..<4].number), information: hasBlock ? bytes[12..<20].number : nil)
            default: return nil
            }
        }

        /// Kind and reason in words.
        public var text: String {
            let reason =
                AdditionalSense(rawValue: additional).meaning
                ?? "additional sense \(Hexadecimal.prefixed(additional))"
            let place = information.map { " at block \($0)" } ?? ""
            return "\(SenseKey(rawValue: key).meaning ?? ""): \(reason)\(place)"
        }
    }
}

/// A number's bytes, the highest first, as SCSI has them.
func bigEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> (Number.bitWidth - 8 - $0 * 8)) }
}

extension Sequence where Element == UInt8 {
    /// The bytes as a number, the highest first. More than eight lose the first ones.
    var number: UInt64 { reduce(0) { $0 << 8 | UInt64($1) } }
}
