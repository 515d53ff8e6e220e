public import VMBusWire

/// The network service protocol: what a network channel's packets carry (reference §6.1).
public enum NVSP {
    /// The transfer-page set that holds received frames (reference §4.5).
    public static let receiveBufferID: UInt16 = 0xCAFE
    /// "No send section": the RNDIS message lies in the packet's guest pages.
    public static let noSection: UInt32 = 0xFFFF_FFFF
    /// Entries of the table by which a guest chooses the channel for a frame.
    public static let sendTableEntries = 16
    /// The most ranges of one receive packet that hosts send (reference §6.1.4, with RSC).
    public static let maximumReceiveRanges = 562
}

extension NVSP {
    /// A version of the protocol (reference §6.1.1).
    public struct Version: NamedScalar, Comparable {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// The base.
        public static let version1 = Version(rawValue: 0x0000_0002)
        /// Adds NDIS_CONFIG.
        public static let version2 = Version(rawValue: 0x0003_0002)
        /// Adds virtual functions.
        public static let version4 = Version(rawValue: 0x0004_0000)
        /// Adds sub-channels and the send indirection table.
        public static let version5 = Version(rawValue: 0x0005_0000)
        /// Adds packet direct.
        public static let version6 = Version(rawValue: 0x0006_0000)
        /// Adds receive segment coalescing.
        public static let version61 = Version(rawValue: 0x0006_0001)

        /// What a guest tries, newest first.
        public static let newestFirst: [Version] = [version61, version6, version5, version4, version2, version1]

        /// The version as people write it.
        public var meaning: String? {
            switch self {
            case .version1: "NVSP 1"
            case .version2: "NVSP 2"
            case .version4: "NVSP 4"
            case .version5: "NVSP 5"
            case .version6: "NVSP 6"
            case .version61: "NVSP 6.1"
            default: nil
            }
        }

        /// Bytes of a message as senders write it (reference §6.1).
        public var messageSize: Int { self >= .version61 ? 40 : 28 }

        /// Older is less.
        public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// How a request ended (reference §6.1.2).
    public struct Status: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Nothing is said.
        public static let none = Status(rawValue: 0)
        /// Done.
        public static let success = Status(rawValue: 1)
        /// Not done.
        public static let failure = Status(rawValue: 2)
        /// The proposed version is newer than the host.
        public static let tooNew = Status(rawValue: 3)
        /// The proposed version is older than the host accepts.
        public static let tooOld = Status(rawValue: 4)
        /// The RNDIS message is not readable.
        public static let invalidRNDISPacket = Status(rawValue: 5)
        /// Try again.
        public static let busy = Status(rawValue: 6)
        /// The version has no such message.
        public static let unsupported = Status(rawValue: 7)

        public var meaning: String? {
            switch rawValue {
            case 0: "none"
            case 1: "success"
            case 2: "fail"
            case 3: "too new"
            case 4: "too old"
            case 5: "invalid RNDIS packet"
            case 6: "busy"
            case 7: "unsupported"
            default: nil
            }
        }
    }

    /// What a guest can do, in SEND_NDIS_CONFIG (reference §6.1.2).
    public struct Capabilities: OptionSet, NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt64
        /// Any bits.
        public init(rawValue: UInt64) { self.rawValue = rawValue }

        /// Virtual machine queues.
        public static let virtualMachineQueue = Capabilities(rawValue: 0x01)
        /// TCP chimney.
        public static let chimney = Capabilities(rawValue: 0x02)
        /// Virtual functions.
        public static let virtualFunction = Capabilities(rawValue: 0x04)
        /// 802.1Q tags.
        public static let vlan = Capabilities(rawValue: 0x08)
        /// Correlation ids.
        public static let correlationID = Capabilities(rawValue: 0x10)
        /// Teaming; needed to get link-speed updates.
        public static let teaming = Capabilities(rawValue: 0x20)
        /// Virtual subnet ids.
        public static let virtualSubnetID = Capabilities(rawValue: 0x40)
        /// Receive segment coalescing.
        public static let receiveCoalescing = Capabilities(rawValue: 0x80)

        public var meaning: String? {
            BitNames.text(
                rawValue,
                ["VMQ", "chimney", "SR-IOV", "802.1Q", "correlation id", "teaming", "virtual subnet id", "RSC"])
        }
    }

    /// What an RNDIS message in a channel is for.
    public struct ChannelType: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Frames.
        public static let data = ChannelType(rawValue: 0)
        /// Everything else.
        public static let control = ChannelType(rawValue: 1)
        public var meaning: String? {
            switch rawValue {
            case 0: "data"
            case 1: "control"
            default: nil
            }
        }
    }

    /// Which way frames take.
    public struct DataPath: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Through the channels.
        public static let synthetic = DataPath(rawValue: 0)
        /// Through the virtual function, past the channels.
        public static let virtualFunction = DataPath(rawValue: 1)
        public var meaning: String? {
            switch rawValue {
            case 0: "synthetic"
            case 1: "virtual function"
            default: nil
            }
        }
    }

    /// The number at the start of a message (reference §6.1.2).
    public struct MessageType: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// The guest proposes a version.
        public static let initialize = MessageType(rawValue: 1)
        /// The host's answer to it.
        public static let initializeComplete = MessageType(rawValue: 2)
        /// The guest's NDIS version.
        public static let sendNDISVersion = MessageType(rawValue: 100)
        /// The guest shares its receive buffer.
        public static let sendReceiveBuffer = MessageType(rawValue: 101)
        /// The host's answer to it.
        public static let sendReceiveBufferComplete = MessageType(rawValue: 102)
        /// The guest takes its receive buffer back.
        public static let revokeReceiveBuffer = MessageType(rawValue: 103)
        /// The guest shares its send buffer.
        public static let sendSendBuffer = MessageType(rawValue: 104)
        /// The host's answer to it.
        public static let sendSendBufferComplete = MessageType(rawValue: 105)
        /// The guest takes its send buffer back.
        public static let revokeSendBuffer = MessageType(rawValue: 106)
        /// An RNDIS message.
        public static let sendRNDISPacket = MessageType(rawValue: 107)
        /// The answer to it.
        public static let sendRNDISPacketComplete = MessageType(rawValue: 108)
        /// The guest's frame size and capabilities.
        public static let sendNDISConfig = MessageType(rawValue: 125)
        /// The host gives or takes a virtual function.
        public static let sendVFAssociation = MessageType(rawValue: 128)
        /// The guest chooses the way of its frames.
        public static let switchDataPath = MessageType(rawValue: 129)
        /// The guest queries an object of the switch.
        public static let oidQueryEx = MessageType(rawValue: 131)
        /// The host's answer to it.
        public static let oidQueryExComplete = MessageType(rawValue: 132)
        /// The guest asks for sub-channels; the answer has the same number.
        public static let subchannel = MessageType(rawValue: 133)
        /// The host's wish which frame goes to which channel.
        public static let sendIndirectionTable = MessageType(rawValue: 134)

        private static let names: [String] = [
            "SEND_NDIS_VERSION", "SEND_RECEIVE_BUFFER", "SEND_RECEIVE_BUFFER_COMPLETE", "REVOKE_RECEIVE_BUFFER",
            "SEND_SEND_BUFFER", "SEND_SEND_BUFFER_COMPLETE", "REVOKE_SEND_BUFFER", "SEND_RNDIS_PACKET",
            "SEND_RNDIS_PACKET_COMPLETE", "INDICATE_CHIMNEY_EVENT", "CHIMNEY_SEND", "CHIMNEY_SEND_COMPLETE",
            "CHIMNEY_RECEIVE_DATA", "POST_CHIMNEY_RECEIVE", "POST_CHIMNEY_RECEIVE_COMPLETE",
            "ALLOCATE_RECEIVE_BUFFER_FOR_OBSOLETE_VMQ", "ALLOCATE_RECEIVE_BUFFER", "ALLOCATE_RECEIVE_BUFFER_COMPLETE",
            "FREE_RECEIVE_BUFFER", "SEND_VMQ_RNDIS_PACKET", "SEND_VMQ_RNDIS_PACKET_COMPLETE",
            "ALLOCATE_RECEIVE_BUFFER_2", "ALLOCATE_RECEIVE_BUFFER_2_COMPLETE", "FREE_RECEIVE_BUFFER_2",
            "FREE_RECEIVE_BUFFER_2_COMPLETE", "SEND_NDIS_CONFIG", "ALLOCATE_CHIMNEY_HANDLE",
            "ALLOCATE_CHIMNEY_HANDLE_COMPLETE", "SEND_VF_ASSOCIATION", "SWITCH_DATA_PATH", "UPLINK_CONNECT_STATE",
            "OID_QUERY_EX", "OID_QUERY_EX_COMPLETE", "SUBCHANNEL", "SEND_INDIRECTION_TABLE", "PD_API",
            "PD_POST_BATCH",
        ]

        /// The name as the reference's table spells it.
        public var meaning: String? {
            switch rawValue {
            case 1: "INIT"
            case 2: "INIT_COMPLETE"
            case 100...136: Self.names[Int(rawValue) - 100]
            default: nil
            }
        }

        /// The name, or the number where there is none.
        public var name: String { meaning ?? "UNKNOWN_\(rawValue)" }

        /// The version that brought the message (reference §6.1.1).
        public var since: Version {
            switch rawValue {
            case 125: .version2
            case 128...130: .version4
            case 131...134: .version5
            case 135...136: .version6
            default: .version1
            }
        }
    }
}
