public import VMBusWire

/// Remote NDIS: frames and the control of a network adapter, inside NVSP (reference §6.1.5).
public enum RNDIS {
    /// Bytes of type and length in front of every message's body; offsets count from behind them.
    public static let headerSize = 8
    /// Bytes of a PACKET message before its per-packet info.
    public static let packetHeaderSize = 44
}

extension RNDIS {
    /// The number at the start of a message.
    public struct MessageType: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// A frame.
        public static let packet = MessageType(rawValue: 0x1)
        /// The guest starts.
        public static let initialize = MessageType(rawValue: 0x2)
        /// The guest stops.
        public static let halt = MessageType(rawValue: 0x3)
        /// The guest asks for an object.
        public static let query = MessageType(rawValue: 0x4)
        /// The guest sets an object.
        public static let set = MessageType(rawValue: 0x5)
        /// The guest resets the adapter.
        public static let reset = MessageType(rawValue: 0x6)
        /// The host tells that something changed.
        public static let indicateStatus = MessageType(rawValue: 0x7)
        /// Is the other side there?
        public static let keepalive = MessageType(rawValue: 0x8)
        /// The guest sets an object and wants an answer with data.
        public static let setEx = MessageType(rawValue: 0x9)
        /// Not for the other side's network stack.
        public static let busPrivate = MessageType(rawValue: 0xFF00_0001)
        /// Set in the answers' numbers.
        public static let completionBit: UInt32 = 0x8000_0000

        /// The number of the answer.
        public var completion: MessageType { MessageType(rawValue: rawValue | Self.completionBit) }

        /// The name as the reference's table spells it.
        public var meaning: String? {
            switch rawValue {
            case 0x1: "PACKET"
            case 0x2: "INITIALIZE"
            case 0x3: "HALT"
            case 0x4: "QUERY"
            case 0x5: "SET"
            case 0x6: "RESET"
            case 0x7: "INDICATE_STATUS"
            case 0x8: "KEEPALIVE"
            case 0x9: "SET_EX"
            case 0x8000_0002: "INITIALIZE_COMPLETE"
            case 0x8000_0004: "QUERY_COMPLETE"
            case 0x8000_0005: "SET_COMPLETE"
            case 0x8000_0006: "RESET_COMPLETE"
            case 0x8000_0008: "KEEPALIVE_COMPLETE"
            case 0x8000_0009: "SET_EX_COMPLETE"
            case 0xFF00_0001: "BUS_PRIVATE"
            default: nil
            }
        }

        /// The name, or the number where there is none.
        public var name: String { meaning ?? "UNKNOWN_\(rawValue)" }
    }

    /// How a request ended, or what changed (reference §6.1.5).
    public struct Status: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Done.
        public static let success = Status(rawValue: 0)
        /// Not done.
        public static let failure = Status(rawValue: 0xC000_0001)
        /// There is no such thing.
        public static let notSupported = Status(rawValue: 0xC000_00BB)
        /// The data is not what the object needs.
        public static let invalidData = Status(rawValue: 0xC001_0015)
        /// The data is too short.
        public static let bufferTooShort = Status(rawValue: 0xC001_0016)
        /// There is no such object.
        public static let invalidOID = Status(rawValue: 0xC001_0017)
        /// The link came up.
        public static let mediaConnect = Status(rawValue: 0x4001_000B)
        /// The link went down.
        public static let mediaDisconnect = Status(rawValue: 0x4001_000C)
        /// The link has another speed; the status buffer tells it.
        public static let linkSpeedChange = Status(rawValue: 0x4001_0013)
        /// The adapter hangs on another network: addresses are to be asked for again.
        public static let networkChange = Status(rawValue: 0x4001_0018)
        /// Offloads were switched; the status buffer tells them.
        public static let offloadConfiguration = Status(rawValue: 0x4002_0006)

        public var meaning: String? {
            switch rawValue {
            case 0: "success"
            case 0xC000_0001: "failure"
            case 0xC000_00BB: "not supported"
            case 0xC001_0015: "invalid data"
            case 0xC001_0016: "buffer too short"
            case 0xC001_0017: "invalid OID"
            case 0x4001_000B: "media connect"
            case 0x4001_000C: "media disconnect"
            case 0x4001_0013: "link speed change"
            case 0x4001_0018: "network change"
            case 0x4002_0006: "offload config"
            default: nil
            }
        }
    }

    /// What a query or set is about (reference §6.1.5).
    public struct ObjectIdentifier: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Which objects there are.
        public static let supportedList = ObjectIdentifier(rawValue: 0x0001_0101)
        /// The MTU.
        public static let maximumFrameSize = ObjectIdentifier(rawValue: 0x0001_0106)
        /// In units of 100 bit/s.
        public static let linkSpeed = ObjectIdentifier(rawValue: 0x0001_0107)
        /// Which frames the guest wants.
        public static let packetFilter = ObjectIdentifier(rawValue: 0x0001_010E)
        /// Frame with header.
        public static let maximumTotalSize = ObjectIdentifier(rawValue: 0x0001_0111)
        /// 0 connected, 1 not.
        public static let mediaConnectStatus = ObjectIdentifier(rawValue: 0x0001_0114)
        /// The fastest that the link can be, both ways.
        public static let maximumLinkSpeed = ObjectIdentifier(rawValue: 0x0001_0206)
        /// The link as a whole.
        public static let linkState = ObjectIdentifier(rawValue: 0x0001_0207)
        /// Who made the adapter, as text.
        public static let vendorDescription = ObjectIdentifier(rawValue: 0x0001_010D)
        /// Groups that the guest joined.
        public static let multicastList = ObjectIdentifier(rawValue: 0x0101_0103)
        /// Around which frames offloads work.
        public static let offloadEncapsulation = ObjectIdentifier(rawValue: 0x0101_010A)
        /// What the host can do to spread received frames.
        public static let receiveScaleCapabilities = ObjectIdentifier(rawValue: 0x0001_0203)
        /// How the host is to spread received frames.
        public static let receiveScaleParameters = ObjectIdentifier(rawValue: 0x0001_0204)
        /// A named setting of the adapter.
        public static let configurationParameter = ObjectIdentifier(rawValue: 0x0001_021B)
        /// The adapter's name.
        public static let friendlyName = ObjectIdentifier(rawValue: 0x0002_0216)
        /// The address that the host gave.
        public static let permanentAddress = ObjectIdentifier(rawValue: 0x0101_0101)
        /// The address in use.
        public static let currentAddress = ObjectIdentifier(rawValue: 0x0101_0102)
        /// Which offloads are on.
        public static let offloadCurrentConfiguration = ObjectIdentifier(rawValue: 0xFC01_020B)
        /// Switches offloads.
        public static let offloadParameters = ObjectIdentifier(rawValue: 0xFC01_020C)
        /// Which offloads there are.
        public static let offloadHardwareCapabilities = ObjectIdentifier(rawValue: 0xFC01_020D)

        /// The name as NDIS spells it, without its OID_ in front.
        public var meaning: String? {
            switch rawValue {
            case 0x0001_0101: "GEN_SUPPORTED_LIST"
            case 0x0001_0102: "GEN_HARDWARE_STATUS"
            case 0x0001_0103: "GEN_MEDIA_SUPPORTED"
            case 0x0001_0104: "GEN_MEDIA_IN_USE"
            case 0x0001_0105: "GEN_MAXIMUM_LOOKAHEAD"
            case 0x0001_0106: "GEN_MAXIMUM_FRAME_SIZE"
            case 0x0001_0107: "GEN_LINK_SPEED"
            case 0x0001_0108: "GEN_TRANSMIT_BUFFER_SPACE"
            case 0x0001_0109: "GEN_RECEIVE_BUFFER_SPACE"
            case 0x0001_010A: "GEN_TRANSMIT_BLOCK_SIZE"
            case 0x0001_010B: "GEN_RECEIVE_BLOCK_SIZE"
            case 0x0001_010C: "GEN_VENDOR_ID"
            case 0x0001_010D: "GEN_VENDOR_DESCRIPTION"
            case 0x0001_010E: "GEN_CURRENT_PACKET_FILTER"
            case 0x0001_010F: "GEN_CURRENT_LOOKAHEAD"
            case 0x0001_0110: "GEN_DRIVER_VERSION"
            case 0x0001_0111: "GEN_MAXIMUM_TOTAL_SIZE"
            case 0x0001_0112: "GEN_PROTOCOL_OPTIONS"
            case 0x0001_0113: "GEN_MAC_OPTIONS"
            case 0x0001_0114: "GEN_MEDIA_CONNECT_STATUS"
            case 0x0001_0115: "GEN_MAXIMUM_SEND_PACKETS"
            case 0x0001_0116: "GEN_VENDOR_DRIVER_VERSION"
            case 0x0001_0203: "GEN_RECEIVE_SCALE_CAPABILITIES"
            case 0x0001_0204: "GEN_RECEIVE_SCALE_PARAMETERS"
            case 0x0001_0206: "GEN_MAX_LINK_SPEED"
            case 0x0001_0207: "GEN_LINK_STATE"
            case 0x0001_021B: "GEN_RNDIS_CONFIG_PARAMETER"
            case 0x0002_0101: "GEN_XMIT_OK"
            case 0x0002_0102: "GEN_RCV_OK"
            case 0x0002_0103: "GEN_XMIT_ERROR"
            case 0x0002_0104: "GEN_RCV_ERROR"
            case 0x0002_0105: "GEN_RCV_NO_BUFFER"
            case 0x0002_0216: "GEN_FRIENDLY_NAME"
            case 0x0101_0101: "802_3_PERMANENT_ADDRESS"
            case 0x0101_0102: "802_3_CURRENT_ADDRESS"
            case 0x0101_0103: "802_3_MULTICAST_LIST"
            case 0x0101_0104: "802_3_MAXIMUM_LIST_SIZE"
            case 0x0101_010A: "OFFLOAD_ENCAPSULATION"
            case 0x0102_0101: "802_3_RCV_ERROR_ALIGNMENT"
            case 0x0102_0102: "802_3_XMIT_ONE_COLLISION"
            case 0x0102_0103: "802_3_XMIT_MORE_COLLISIONS"
            case 0xFC01_020B: "TCP_OFFLOAD_CURRENT_CONFIG"
            case 0xFC01_020C: "TCP_OFFLOAD_PARAMETERS"
            case 0xFC01_020D: "TCP_OFFLOAD_HARDWARE_CAPABILITIES"
            default: nil
            }
        }

        /// The name, or the number where there is none.
        public var name: String { meaning ?? "OID " + Hexadecimal.prefixed(rawValue) }

        /// Objects that are one 32-bit number.
        var isNumber: Bool {
            switch rawValue {
            case 0x0001_0102...0x0001_010C, 0x0001_010F...0x0001_0113, 0x0001_0115...0x0001_0116,
                0x0002_0101...0x0002_0105, 0x0101_0104, 0x0102_0101...0x0102_0103:
                true
            default: false
            }
        }
    }

    /// Which frames a guest wants.
    public struct PacketFilter: OptionSet, NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt32
        /// Any bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Frames for its own address.
        public static let directed = PacketFilter(rawValue: 0x01)
        /// Frames for the groups that it joined.
        public static let multicast = PacketFilter(rawValue: 0x02)
        /// Frames for all groups.
        public static let allMulticast = PacketFilter(rawValue: 0x04)
        /// Frames for everybody.
        public static let broadcast = PacketFilter(rawValue: 0x08)
        /// All frames.
        public static let promiscuous = PacketFilter(rawValue: 0x20)
        public var meaning: String? {
            BitNames.text(rawValue, ["directed", "multicast", "all multicast", "broadcast", "", "promiscuous"])
        }
    }

    /// Whether there is a link.
    public struct MediaState: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// A link.
        public static let connected = MediaState(rawValue: 0)
        /// None.
        public static let disconnected = MediaState(rawValue: 1)
        public var meaning: String? {
            switch rawValue {
            case 0: "connected"
            case 1: "disconnected"
            default: nil
            }
        }
    }

    /// A link speed in bit/s.
    public struct BitRate: NamedScalar {
        /// In bit/s.
        public let rawValue: UInt64
        /// Any speed.
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        public var meaning: String? { "\(rawValue / 1_000_000) Mbit/s" }
    }

    /// A link speed.
    public struct LinkSpeed: NamedScalar {
        /// In units of 100 bit/s.
        public let rawValue: UInt32
        /// Any speed.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public var meaning: String? { "\(UInt64(rawValue) / 10_000) Mbit/s" }
    }
}
