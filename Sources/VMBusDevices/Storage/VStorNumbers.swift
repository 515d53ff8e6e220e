public import VMBusWire

/// The storage protocol that guests call vstor: packets of SCSI, IDE and Fibre Channel controllers (reference §6.2).
public enum VStor {
    /// Bytes of a packet from 5.1 on.
    public static let packetSize = 64
    /// Bytes of a packet before.
    public static let oldPacketSize = 48
    /// Bytes of a request from 5.1 on, which its length field says.
    public static let requestSize: UInt16 = 0x34
    /// Bytes of a request before.
    public static let oldRequestSize: UInt16 = 0x24
    /// Bytes of the room for the command block, and for sense data in the answer.
    public static let senseRoom = 20
    /// Bytes of the room for the command block alone.
    public static let commandRoom = 16

    /// What a packet is for.
    public struct Operation: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// The answer to any request.
        public static let completeIO = Operation(rawValue: 1)
        /// The host: a disk has gone; look again.
        public static let removeDevice = Operation(rawValue: 2)
        /// The guest: a SCSI command.
        public static let executeSRB = Operation(rawValue: 3)
        /// The guest: abort what a disk works on.
        public static let resetLUN = Operation(rawValue: 4)
        /// The guest: abort everything.
        public static let resetAdapter = Operation(rawValue: 5)
        /// The guest: abort what a bus works on.
        public static let resetBus = Operation(rawValue: 6)
        /// The guest begins to negotiate.
        public static let beginInitialization = Operation(rawValue: 7)
        /// The guest has negotiated.
        public static let endInitialization = Operation(rawValue: 8)
        /// The guest proposes a version.
        public static let queryProtocolVersion = Operation(rawValue: 9)
        /// The guest asks for the controller's limits.
        public static let queryProperties = Operation(rawValue: 10)
        /// The host: disks have come or gone; look again.
        public static let enumerateBus = Operation(rawValue: 11)
        /// The guest asks for the names of a Fibre Channel adapter.
        public static let fibreChannelData = Operation(rawValue: 12)
        /// The guest wants sub-channels.
        public static let createSubchannels = Operation(rawValue: 13)
        /// The host: something happened to a disk.
        public static let eventNotification = Operation(rawValue: 14)

        private static let names = [
            "COMPLETE_IO", "REMOVE_DEVICE", "EXECUTE_SRB", "RESET_LUN", "RESET_ADAPTER", "RESET_BUS",
            "BEGIN_INITIALIZATION", "END_INITIALIZATION", "QUERY_PROTOCOL_VERSION", "QUERY_PROPERTIES",
            "ENUMERATE_BUS", "FCHBA_DATA", "CREATE_SUB_CHANNELS", "EVENT_NOTIFICATION",
        ]

        /// The name as the reference's table spells it.
        public var meaning: String? { (1...14).contains(rawValue) ? Self.names[Int(rawValue) - 1] : nil }

        /// The name, or the number where there is none.
        public var name: String { meaning ?? "UNKNOWN_\(rawValue)" }

        /// Whether a packet of this kind carries a SCSI request.
        var carriesRequest: Bool { (3...6).contains(rawValue) }
    }

    /// The agreed version: major in the high byte.
    public struct Version: NamedScalar, Comparable {
        /// The number on the wire.
        public let rawValue: UInt16
        /// Any number.
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// Windows Server 2008.
        public static let version20 = Version(rawValue: 0x0200)
        /// Windows Server 2008 R2.
        public static let version42 = Version(rawValue: 0x0402)
        /// Windows Server 2012: longer packets, sub-channels.
        public static let version51 = Version(rawValue: 0x0501)
        /// Windows Server 2012 R2.
        public static let version60 = Version(rawValue: 0x0600)
        /// Windows Server 2016 and later.
        public static let version62 = Version(rawValue: 0x0602)

        /// What a guest tries, newest first.
        public static let newestFirst: [Version] = [version62, version60, version51, version42, version20]

        /// The version as people write it.
        public var meaning: String? { "\(rawValue >> 8).\(rawValue & 0xFF)" }

        /// Bytes of a packet as both sides write it.
        public var packetSize: Int { self >= .version51 ? VStor.packetSize : VStor.oldPacketSize }

        /// Older is less.
        public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// What the sender wants.
    public struct Flags: OptionSet, NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt32
        /// Any bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// An answer is wanted.
        public static let requestCompletion = Flags(rawValue: 1)
        public var meaning: String? { BitNames.text(rawValue, ["completion requested"]) }
    }

    /// How the host's driver fared with a packet (an NTSTATUS).
    public struct Status: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Done.
        public static let success = Status(rawValue: 0)
        /// Not done; the request says why.
        public static let unsuccessful = Status(rawValue: 0xC000_0001)
        /// A number in the packet is none that is possible.
        public static let invalidParameter = Status(rawValue: 0xC000_000D)
        /// The version is not spoken here.
        public static let revisionMismatch = Status(rawValue: 0xC000_0059)
        /// Not now.
        public static let invalidDeviceState = Status(rawValue: 0xC000_0184)

        public var meaning: String? {
            switch self {
            case .success: "success"
            case .unsuccessful: "unsuccessful"
            case .invalidParameter: "invalid parameter"
            case .revisionMismatch: "revision mismatch"
            case .invalidDeviceState: "invalid device state"
            default: nil
            }
        }
    }

    /// How a request ended: a number in the low six bits, two flags above.
    public struct RequestStatus: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt8
        /// Any number.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Still under way.
        public static let pending = RequestStatus(rawValue: 0)
        /// Done.
        public static let success = RequestStatus(rawValue: 1)
        /// Given up because the guest asked for it.
        public static let aborted = RequestStatus(rawValue: 2)
        /// The disk says no; its own status and sense data say why.
        public static let error = RequestStatus(rawValue: 4)
        /// The disk works on too much already.
        public static let busy = RequestStatus(rawValue: 5)
        /// The request itself is wrong.
        public static let invalidRequest = RequestStatus(rawValue: 6)
        /// The buffer is too short.
        public static let dataOverrun = RequestStatus(rawValue: 0x12)
        /// There is no such disk.
        public static let invalidLUN = RequestStatus(rawValue: 0x20)
        /// Sense data lies in the answer.
        public static let autosenseValid: UInt8 = 0x80
        /// The disk's queue waits for the guest.
        public static let queueFrozen: UInt8 = 0x40

        /// The number alone.
        public var code: RequestStatus { RequestStatus(rawValue: rawValue & 0x3F) }
        /// Whether the answer has sense data.
        public var hasSense: Bool { rawValue & Self.autosenseValid != 0 }

        public var meaning: String? {
            let name: String? =
                switch rawValue & 0x3F {
                case 0: "pending"
                case 1: "success"
                case 2: "aborted"
                case 4: "error"
                case 5: "busy"
                case 6: "invalid request"
                case 9: "timeout"
                case 0x0A: "selection timeout"
                case 0x0E: "bus reset"
                case 0x12: "data overrun"
                case 0x20: "invalid LUN"
                case 0x30: "internal error"
                default: nil
                }
            guard let name else { return nil }
            return name + (rawValue & Self.queueFrozen != 0 ? ", queue frozen" : "") + (hasSense ? ", sense valid" : "")
        }
    }

    /// Which way a request's data goes.
    public struct DataDirection: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt8
        /// Any number.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// To the disk.
        public static let write = DataDirection(rawValue: 0)
        /// From the disk.
        public static let read = DataDirection(rawValue: 1)
        /// Neither is said.
        public static let unknown = DataDirection(rawValue: 2)
        public var meaning: String? {
            switch self {
            case .write: "write"
            case .read: "read"
            case .unknown: "unknown"
            default: nil
            }
        }
    }

    /// How the guest wants a request treated.
    public struct RequestFlags: OptionSet, NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt32
        /// Any bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// The queue tag counts.
        public static let queueActionEnable = RequestFlags(rawValue: 0x2)
        /// No synchronous transfer.
        public static let disableSynchronousTransfer = RequestFlags(rawValue: 0x8)
        /// Data comes from the disk.
        public static let dataIn = RequestFlags(rawValue: 0x40)
        /// Data goes to the disk.
        public static let dataOut = RequestFlags(rawValue: 0x80)
        public var meaning: String? {
            BitNames.text(
                rawValue,
                [
                    "", "queue action enable", "disable disconnect", "disable synchronous transfer",
                    "bypass frozen queue", "disable autosense", "data in", "data out", "no queue freeze",
                    "adapter cache enable", "free sense buffer", "D3 processing", "", "", "", "", "is active",
                    "allocated from zone", "SG list from pool", "bypass locked queue", "no keep awake",
                    "port driver allocated sense", "sense has port", "don't start next packet",
                ])
        }
    }

    /// What a controller can do.
    public struct PropertyFlags: OptionSet, NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt32
        /// Any bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Sub-channels can be had.
        public static let multiChannel = PropertyFlags(rawValue: 1)
        public var meaning: String? { BitNames.text(rawValue, ["multi-channel"]) }
    }
}
