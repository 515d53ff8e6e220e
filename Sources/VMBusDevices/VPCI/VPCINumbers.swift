public import VMBusWire

/// Virtual PCI: a function of a device that is given to a guest, with its bus (reference §6.13).
public enum VPCI {
    /// Bytes of the window: a page that selects a function, and a page with its configuration space.
    public static let windowSize = 8192
    /// The most bytes of a block.
    public static let maximumBlock = 128
    /// The most processors that an interrupt can name.
    static let maximumProcessors = 32

    /// What a message is for.
    public struct MessageType: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// The number of BUS_RELATIONS; the others follow.
        static let base: UInt32 = 0x4249_0000
        private init(_ index: UInt32) { rawValue = Self.base + index }

        /// The host: the functions on the bus.
        public static let busRelations = MessageType(0x00)
        /// The guest asks for them.
        public static let queryBusRelations = MessageType(0x01)
        /// Power goes on or off.
        public static let powerStateChange = MessageType(0x04)
        /// The guest asks what address space a function wants.
        public static let queryResourceRequirements = MessageType(0x05)
        /// The guest asks what a function has.
        public static let getResources = MessageType(0x06)
        /// The guest powers the bus up, and says where its window is.
        public static let busD0Entry = MessageType(0x07)
        /// The guest powers the bus down.
        public static let busD0Exit = MessageType(0x08)
        /// The guest reads a block of the function's own.
        public static let readBlock = MessageType(0x09)
        /// The guest writes one.
        public static let writeBlock = MessageType(0x0A)
        /// The host wants a function back.
        public static let eject = MessageType(0x0B)
        /// The guest has let go of it.
        public static let ejectionComplete = MessageType(0x0F)
        /// The guest has given a function its address space.
        public static let resourcesAssigned = MessageType(0x10)
        /// The guest takes it back.
        public static let resourcesReleased = MessageType(0x11)
        /// The host: blocks have changed.
        public static let invalidateBlock = MessageType(0x12)
        /// The guest proposes a version.
        public static let queryProtocolVersion = MessageType(0x13)
        /// The guest wants an interrupt message.
        public static let createInterrupt = MessageType(0x14)
        /// It does not need one any more.
        public static let deleteInterrupt = MessageType(0x15)
        /// As `resourcesAssigned`, from 1.2 on.
        public static let resourcesAssigned2 = MessageType(0x16)
        /// As `createInterrupt`, from 1.2 on.
        public static let createInterrupt2 = MessageType(0x17)
        /// As `deleteInterrupt`, from 1.2 on.
        public static let deleteInterrupt2 = MessageType(0x18)
        /// As `busRelations`, from 1.3 on.
        public static let busRelations2 = MessageType(0x19)
        /// As `resourcesAssigned`, from 1.4 on.
        public static let resourcesAssigned3 = MessageType(0x1A)
        /// As `createInterrupt`, from 1.4 on.
        public static let createInterrupt3 = MessageType(0x1B)
        /// The guest resets a function, from 1.5 on.
        public static let resetDevice = MessageType(0x1C)

        private static let names = [
            "BUS_RELATIONS", "QUERY_BUS_RELATIONS", "INVALIDATE_DEVICE", "INVALIDATE_BUS", "POWER_STATE_CHANGE",
            "QUERY_RESOURCE_REQUIREMENTS", "GET_RESOURCES", "BUS_D0ENTRY", "BUS_D0EXIT", "READ_BLOCK", "WRITE_BLOCK",
            "EJECT", "QUERY_STOP", "RE_ENABLE", "QUERY_STOP_FAILED", "EJECTION_COMPLETE", "RESOURCES_ASSIGNED",
            "RESOURCES_RELEASED", "INVALIDATE_BLOCK", "QUERY_PROTOCOL_VERSION", "CREATE_INTERRUPT", "DELETE_INTERRUPT",
            "RESOURCES_ASSIGNED2", "CREATE_INTERRUPT2", "DELETE_INTERRUPT2", "BUS_RELATIONS2", "RESOURCES_ASSIGNED3",
            "CREATE_INTERRUPT3", "RESET_DEVICE", "TDISP_COMMAND",
        ]

        public var meaning: String? {
            let index = rawValue &- Self.base
            return index < Self.names.count ? Self.names[Int(index)] : nil
        }

        /// The name, or the number where there is none.
        public var name: String { meaning ?? "UNKNOWN_\(rawValue)" }

        /// Whether it says what space a function was given.
        var assigns: Bool { self == .resourcesAssigned || self == .resourcesAssigned2 || self == .resourcesAssigned3 }
        /// Whether it asks for an interrupt message.
        var creates: Bool { self == .createInterrupt || self == .createInterrupt2 || self == .createInterrupt3 }
        /// Whether it gives one back.
        var deletes: Bool { self == .deleteInterrupt || self == .deleteInterrupt2 }

        /// The version from which on it is known.
        var since: Version {
            switch self {
            case .resourcesAssigned2, .createInterrupt2, .deleteInterrupt2: .version12
            case .busRelations2: .version13
            case .resourcesAssigned3, .createInterrupt3: .version14
            case .resetDevice: .version15
            default: .version10
            }
        }
    }

    /// A version of the protocol: major in the high half.
    public struct Version: NamedScalar, Comparable {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Windows 8.
        public static let version10 = Version(rawValue: 0x1_0000)
        /// Windows 10.
        public static let version11 = Version(rawValue: 0x1_0001)
        /// Interrupts for processors beyond 64.
        public static let version12 = Version(rawValue: 0x1_0002)
        /// NUMA nodes.
        public static let version13 = Version(rawValue: 0x1_0003)
        /// Vectors of 32 bits.
        public static let version14 = Version(rawValue: 0x1_0004)
        /// Resets.
        public static let version15 = Version(rawValue: 0x1_0005)
        /// As OpenVMM has it.
        public static let version16 = Version(rawValue: 0x1_0006)
        /// All, newest first.
        public static let newestFirst: [Version] = [
            version16, version15, version14, version13, version12, version11, version10,
        ]

        /// The version as people write it.
        public var meaning: String? { "\(rawValue >> 16).\(rawValue & 0xFFFF)" }

        /// Older is less.
        public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// How something went (an NTSTATUS).
    public struct Status: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Done.
        public static let success = Status(rawValue: 0)
        /// A number is none that is possible.
        public static let invalidParameter = Status(rawValue: 0xC000_000D)
        /// There is no such function.
        public static let noSuchDevice = Status(rawValue: 0xC000_000E)
        /// The version is not spoken here.
        public static let revisionMismatch = Status(rawValue: 0xC000_0059)
        /// There are no more interrupt messages.
        public static let insufficientResources = Status(rawValue: 0xC000_009A)
        /// Nobody here does that.
        public static let notSupported = Status(rawValue: 0xC000_00BB)
        /// Not now.
        public static let invalidDeviceState = Status(rawValue: 0xC000_0184)

        public var meaning: String? {
            switch self {
            case .success: "success"
            case .invalidParameter: "invalid parameter"
            case .noSuchDevice: "no such device"
            case .revisionMismatch: "revision mismatch"
            case .insufficientResources: "insufficient resources"
            case .notSupported: "not supported"
            case .invalidDeviceState: "invalid device state"
            default: nil
            }
        }

        /// The words, or the number where there are none.
        public var words: String { meaning ?? Hexadecimal.prefixed(rawValue) }
    }

    /// A function's place on the bus: bits 4:0 device, 7:5 function.
    public struct Slot: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public var meaning: String? { "\(rawValue & 31).\(rawValue >> 5 & 7)" }
    }

    /// Whether a function has power.
    public struct PowerState: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// It has.
        public static let d0 = PowerState(rawValue: 1)
        /// It has none.
        public static let d3 = PowerState(rawValue: 4)
        public var meaning: String? { (1...4).contains(rawValue) ? "D\(rawValue - 1)" : nil }
    }

    /// What a description of a function says besides.
    public struct FunctionFlags: OptionSet, NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt32
        /// Any bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// The NUMA node counts.
        public static let hasNode = FunctionFlags(rawValue: 1)
        public var meaning: String? { BitNames.text(rawValue, ["NUMA node"]) }
    }
}
