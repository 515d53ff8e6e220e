public import VMBusWire

extension NVSP {
    /// INIT (1): the guest proposes a range of versions, in practice one.
    public struct Initialize: WireStructure {
        public static let structureName: StaticString = "INIT"
        /// The oldest that the guest would take.
        public var minimum = Version(rawValue: 0)
        /// The newest.
        public var maximum = Version(rawValue: 0)
        public init() {}
        /// Proposes exactly one version, as Linux does.
        public init(version: Version) {
            minimum = version
            maximum = version
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("min_protocol_ver", &minimum, .hexadecimal, "oldest version that the guest takes")
            try visitor.field("max_protocol_ver", &maximum, .hexadecimal, "newest version that the guest takes")
        }
    }

    /// INIT_COMPLETE (2): the host takes the version or does not.
    public struct InitializeComplete: WireStructure {
        public static let structureName: StaticString = "INIT_COMPLETE"
        /// Deprecated: guests go by the status.
        public var version = Version(rawValue: 0)
        /// How many pieces of memory one request may have.
        public var maximumChain: UInt32 = 0
        /// Success or not.
        public var status = Status.none
        public init() {}
        /// An answer.
        public init(version: Version, maximumChain: UInt32, status: Status) {
            self.version = version
            self.maximumChain = maximumChain
            self.status = status
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("negotiated_protocol_ver", &version, .hexadecimal, "deprecated: the status decides")
            try visitor.field("max_mdl_chain_len", &maximumChain, "pieces of memory that one request may have")
            try visitor.field("status", &status, "1 when the host takes the version")
        }
    }

    /// SEND_NDIS_VERSION (100).
    public struct NDISVersion: WireStructure {
        public static let structureName: StaticString = "SEND_NDIS_VERSION"
        /// 6.
        public var major: UInt32 = 0
        /// 1 up to NVSP 4, 30 from NVSP 5.
        public var minor: UInt32 = 0
        public init() {}
        /// What a guest says under an NVSP version.
        public init(for version: Version) {
            major = 6
            minor = version >= .version5 ? 0x1E : 1
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("ndis_major_ver", &major, "major version of the guest's network interface standard")
            try visitor.field("ndis_minor_ver", &minor, "minor version: 1 up to NVSP 4, 30 from NVSP 5")
        }
    }

    /// SEND_RECEIVE_BUFFER (101) and SEND_SEND_BUFFER (104): the guest shares a page list.
    public struct SharedBuffer: WireStructure {
        public static let structureName: StaticString = "SEND_BUFFER"
        /// The page list.
        public var gpadl: UInt32 = 0
        /// 0xCAFE for the receive buffer, 0 for the send buffer.
        public var id: UInt16 = 0
        public init() {}
        /// A buffer.
        public init(gpadl: UInt32, id: UInt16) {
            self.gpadl = gpadl
            self.id = id
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("gpadl_handle", &gpadl, .hexadecimal, "the page list that is the buffer")
            try visitor.field("id", &id, .hexadecimal, "0xcafe for the receive buffer, 0 for the send buffer")
        }
    }

    /// REVOKE_RECEIVE_BUFFER (103) and REVOKE_SEND_BUFFER (106): the guest takes a buffer back.
    public struct RevokedBuffer: WireStructure {
        public static let structureName: StaticString = "REVOKE_BUFFER"
        /// Which buffer.
        public var id: UInt16 = 0
        public init() {}
        /// A buffer.
        public init(id: UInt16) { self.id = id }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("id", &id, .hexadecimal, "0xcafe for the receive buffer, 0 for the send buffer")
        }
    }

    /// How the host divides the receive buffer.
    public struct ReceiveSection: WireStructure {
        public static let structureName: StaticString = "RECEIVE_SECTION"
        /// Where the section begins in the buffer.
        public var offset: UInt32 = 0
        /// Bytes of one sub-allocation: the room for one RNDIS message.
        public var subAllocationSize: UInt32 = 0
        /// How many there are.
        public var subAllocationCount: UInt32 = 0
        /// Where the section ends in the buffer.
        public var endOffset: UInt32 = 0
        public init() {}
        /// A section.
        public init(offset: UInt32, subAllocationSize: UInt32, subAllocationCount: UInt32, endOffset: UInt32) {
            self.offset = offset
            self.subAllocationSize = subAllocationSize
            self.subAllocationCount = subAllocationCount
            self.endOffset = endOffset
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("offset", &offset, "where the section begins in the buffer")
            try visitor.field("sub_alloc_size", &subAllocationSize, "bytes of one sub-allocation")
            try visitor.field("num_sub_allocs", &subAllocationCount, "how many sub-allocations there are")
            try visitor.field("end_offset", &endOffset, "where the section ends in the buffer")
        }
    }

    /// SEND_RECEIVE_BUFFER_COMPLETE (102).
    public struct ReceiveBufferComplete: WireStructure {
        public static let structureName: StaticString = "SEND_RECEIVE_BUFFER_COMPLETE"
        /// Success or not.
        public var status = Status.none
        /// The sections; exactly one where the host succeeded.
        public var sections: [ReceiveSection] = []
        public init() {}
        /// An answer.
        public init(status: Status, sections: [ReceiveSection]) {
            self.status = status
            self.sections = sections
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("status", &status, "1 when the host took the buffer")
            var count = UInt32(truncatingIfNeeded: sections.count)
            try visitor.field("num_sections", &count, "how many sections follow")
            try visitor.repeated("section", &sections, count: Int(count), "how the host divides the buffer")
        }
    }

    /// SEND_SEND_BUFFER_COMPLETE (105).
    public struct SendBufferComplete: WireStructure {
        public static let structureName: StaticString = "SEND_SEND_BUFFER_COMPLETE"
        /// Success or not.
        public var status = Status.none
        /// Bytes of one section.
        public var sectionSize: UInt32 = 0
        public init() {}
        /// An answer.
        public init(status: Status, sectionSize: UInt32) {
            self.status = status
            self.sectionSize = sectionSize
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("status", &status, "1 when the host took the buffer")
            try visitor.field("section_size", &sectionSize, "bytes of one section of the send buffer")
        }
    }

    /// SEND_RNDIS_PACKET (107): an RNDIS message, in a send section, in guest pages or in the receive buffer.
    public struct RNDISPacket: WireStructure {
        public static let structureName: StaticString = "SEND_RNDIS_PACKET"
        /// Data or control.
        public var channelType = ChannelType.data
        /// The send section that holds the message; `noSection` for none.
        public var sectionIndex: UInt32 = 0
        /// How many bytes of the section are used.
        public var sectionSize: UInt32 = 0
        public init() {}
        /// A message whose place is told.
        public init(channelType: ChannelType, sectionIndex: UInt32 = NVSP.noSection, sectionSize: UInt32 = 0) {
            self.channelType = channelType
            self.sectionIndex = sectionIndex
            self.sectionSize = sectionSize
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("channel_type", &channelType, "0 data, 1 control")
            try visitor.field(
                "send_buf_section_index", &sectionIndex, sectionIndex == NVSP.noSection ? .hexadecimal : .decimal,
                "section of the send buffer that holds the message; 0xffffffff for none")
            try visitor.field("send_buf_section_size", &sectionSize, "bytes of the section that are used")
        }
    }

    /// SEND_RNDIS_PACKET_COMPLETE (108).
    public struct Result: WireStructure {
        public static let structureName: StaticString = "SEND_RNDIS_PACKET_COMPLETE"
        /// How it went.
        public var status = Status.none
        public init() {}
        /// A result.
        public init(status: Status) { self.status = status }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("status", &status, "how it went")
        }
    }

    /// SEND_NDIS_CONFIG (125).
    public struct NDISConfig: WireStructure {
        public static let structureName: StaticString = "SEND_NDIS_CONFIG"
        /// Largest frame: MTU and 14 bytes of Ethernet header.
        public var maximumFrame: UInt32 = 0
        /// What the guest can do.
        public var capabilities: Capabilities = []
        public init() {}
        /// A configuration.
        public init(mtu: Int, capabilities: Capabilities) {
            maximumFrame = UInt32(truncatingIfNeeded: mtu + 14)
            self.capabilities = capabilities
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("mtu", &maximumFrame, "largest frame: MTU and 14 bytes of Ethernet header")
            try visitor.reserved(4)
            try visitor.field("capability", &capabilities, .hexadecimal, "what the guest can do")
        }
    }

    /// SEND_VF_ASSOCIATION (128).
    public struct VFAssociation: WireStructure {
        public static let structureName: StaticString = "SEND_VF_ASSOCIATION"
        /// 1 when there is a virtual function.
        public var allocated: UInt32 = 0
        /// Its number, which the PCI function carries too.
        public var serial: UInt32 = 0
        public init() {}
        /// A virtual function of that number, or none.
        public init(serial: UInt32?) {
            allocated = serial == nil ? 0 : 1
            self.serial = serial ?? 0
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("allocated", &allocated, "1 when there is a virtual function")
            try visitor.field("serial", &serial, "the number that its PCI function carries too")
        }
    }

    /// SWITCH_DATA_PATH (129).
    public struct SwitchDataPath: WireStructure {
        public static let structureName: StaticString = "SWITCH_DATA_PATH"
        /// The way that frames take from now on.
        public var active = DataPath.synthetic
        public init() {}
        /// A way.
        public init(_ active: DataPath) { self.active = active }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("active_datapath", &active, "0 synthetic, 1 virtual function")
        }
    }

    /// OID_QUERY_EX (131).
    public struct ObjectQuery: WireStructure {
        public static let structureName: StaticString = "OID_QUERY_EX"
        /// What kind of object the parameters are.
        public var header = RNDIS.ObjectHeader()
        /// Which object is asked for.
        public var object = RNDIS.ObjectIdentifier(rawValue: 0)
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.structure("header", &header, "what kind of object the parameters are")
            try visitor.field("oid", &object, .hexadecimal, "which object is asked for")
        }
    }

    /// OID_QUERY_EX_COMPLETE (132).
    public struct ObjectQueryComplete: WireStructure {
        public static let structureName: StaticString = "OID_QUERY_EX_COMPLETE"
        /// Success or not.
        public var status = Status.none
        /// Bytes of the answer.
        public var byteCount: UInt32 = 0
        public init() {}
        /// An answer without data.
        public init(status: Status) { self.status = status }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("status", &status, "how it went")
            try visitor.field("bytes", &byteCount, "bytes of the answer")
        }
    }

    /// SUBCHANNEL (133) from the guest.
    public struct SubchannelRequest: WireStructure {
        public static let structureName: StaticString = "SUBCHANNEL"
        /// 1 allocates.
        public static let allocate: UInt32 = 1
        /// What is asked.
        public var operation: UInt32 = 0
        /// How many sub-channels.
        public var count: UInt32 = 0
        public init() {}
        /// Asks for sub-channels.
        public init(count: UInt32) {
            operation = Self.allocate
            self.count = count
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("op", &operation, "1 allocates sub-channels")
            try visitor.field("num_subchannels", &count, "how many are wanted")
        }
    }

    /// SUBCHANNEL (133) from the host.
    public struct SubchannelComplete: WireStructure {
        public static let structureName: StaticString = "SUBCHANNEL"
        /// Success or not.
        public var status = Status.none
        /// How many sub-channels the host will offer.
        public var granted: UInt32 = 0
        public init() {}
        /// An answer.
        public init(status: Status, granted: UInt32) {
            self.status = status
            self.granted = granted
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("status", &status, "how it went")
            try visitor.field("num_subchannels", &granted, "how many the host will offer")
        }
    }

    /// One entry of a table of channels.
    public struct ChannelIndex: WireStructure {
        public static let structureName: StaticString = "CHANNEL_INDEX"
        /// 0 is the primary.
        public var channel: UInt32 = 0
        public init() {}
        /// Names a channel.
        public init(_ channel: UInt32) { self.channel = channel }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("channel_index", &channel, "0 is the primary channel")
        }
    }

    /// SEND_INDIRECTION_TABLE (134): which channel the guest should send a frame through, by the frame's hash.
    public struct IndirectionTable: WireStructure {
        public static let structureName: StaticString = "SEND_INDIRECTION_TABLE"
        /// Where the table really lies in what hosts of NVSP 6.0 and older send (reference §6.1.2).
        static let usualOffset = 40
        /// Where the table begins, from the message's start.
        public var offset: UInt32 = 0
        /// The channels.
        public var entries: [ChannelIndex] = []
        public init() {}
        /// A table in its usual place.
        public init(_ channels: [UInt32]) {
            offset = UInt32(Self.usualOffset)
            entries = channels.map { ChannelIndex($0) }
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            var count = UInt32(truncatingIfNeeded: entries.count)
            try visitor.field("count", &count, "entries in the table")
            try visitor.field("offset", &offset, "where the table begins, from the message's start")
            let length = Int(count) * 4
            var place = Int(offset)
            if let remaining = visitor.remaining {
                let end = visitor.offset + remaining
                // Hosts of NVSP 6.0 and older may give a wrong offset; the table then follows the 40-byte message.
                let version = Version(rawValue: visitor.context.subject)
                let isOld = version >= .version1 && version <= .version6 && Self.usualOffset + length <= end
                if isOld || place < visitor.offset || place + length > end { place = Self.usualOffset }
            }
            try visitor.region("table", at: place, length: length, "the table") { visitor throws(WireError) in
                try visitor.repeated("entry", &entries, count: Int(count), "channel for frames with this hash")
            }
        }
    }

    /// The rest of a message whose fields nobody uses today.
    public struct Bytes: WireStructure {
        public static let structureName: StaticString = "BODY"
        /// The bytes.
        public var bytes: [UInt8] = []
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.bytes("body", &bytes, count: nil, "the body of a message that is not in use today")
        }
    }
}
