public import VMBusWire

extension RNDIS {
    /// What a per-packet info element tells (reference §6.1.5).
    public struct PerPacketInfoType: NamedScalar {
        /// The number on the wire; bit 31 marks those between host and guest only.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Checksums to be made, or made.
        public static let checksum = PerPacketInfoType(rawValue: 0)
        /// A large segment to be cut.
        public static let largeSend = PerPacketInfoType(rawValue: 2)
        /// An 802.1Q tag.
        public static let vlan = PerPacketInfoType(rawValue: 6)
        /// The hash by which the host chose the channel.
        public static let hash = PerPacketInfoType(rawValue: 8)
        /// What the hash was made from; from guests it is something else.
        public static let hashInformation = PerPacketInfoType(rawValue: 9)
        /// Which coalesced frame a fragment belongs to.
        public static let packetID = PerPacketInfoType(rawValue: 0x8000_0001)

        public var meaning: String? {
            switch rawValue {
            case 0: "TCP/IP checksum"
            case 1: "IPsec"
            case 2: "large send"
            case 3: "classification"
            case 4: "reserved"
            case 5: "scatter-gather list"
            case 6: "802.1Q"
            case 7: "original packet"
            case 8: "hash value"
            case 9: "hash information or original buffer list"
            case 10: "cached buffer list"
            case 11: "short packet padding"
            case 0x8000_0001: "packet id (internal)"
            default: nil
            }
        }
    }

    /// What the host is to do about the checksums of a frame that the guest sends.
    public struct TransmitChecksum: NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt32
        /// Any bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// The frame is IPv4.
        public static let internet4: UInt32 = 0x01
        /// The frame is IPv6.
        public static let internet6: UInt32 = 0x02
        /// TCP's checksum is wanted.
        public static let tcp: UInt32 = 0x04
        /// UDP's checksum is wanted.
        public static let udp: UInt32 = 0x08
        /// The IPv4 header's checksum is wanted.
        public static let header: UInt32 = 0x10
        /// Whether all of these bits are set.
        public func has(_ bits: UInt32) -> Bool { rawValue & bits == bits }
        /// Where the TCP or UDP header begins in the frame; 0 where it is not told.
        public var headerOffset: UInt32 { rawValue >> 16 & 0x3FF }
        public var meaning: String? {
            let bits = BitNames.text(rawValue & ~0x03FF_0000, ["IPv4", "IPv6", "TCP", "UDP", "IP header"])
            return headerOffset == 0 ? bits : "\(bits), TCP header at \(headerOffset)"
        }
    }

    /// What the host found about the checksums of a frame that the guest receives.
    public struct ReceiveChecksum: NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt32
        /// Any bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// TCP's checksum is wrong; one bit on, UDP's; two, the IPv4 header's.
        public static let tcpFailed: UInt32 = 0x01
        /// TCP's checksum is right; one bit on, UDP's; two, the IPv4 header's.
        public static let tcpSucceeded: UInt32 = 0x08
        /// Whether one is wrong.
        public var hasFailed: Bool { rawValue & 0x07 != 0 }
        public var meaning: String? {
            BitNames.text(
                rawValue,
                [
                    "TCP failed", "UDP failed", "IP failed", "TCP ok", "UDP ok", "IP ok", "loopback",
                    "TCP value not valid", "IP value not valid",
                ])
        }
    }

    /// A segment that the host is to cut.
    public struct LargeSend: NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt32
        /// Any bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// The second form.
        public init(segmentSize: UInt32, headerOffset: UInt32, isVersion6: Bool) {
            rawValue = segmentSize & 0xF_FFFF | (headerOffset & 0x3FF) << 20 | 1 << 30 | (isVersion6 ? 1 << 31 : 0)
        }
        /// Bytes of TCP payload in a segment.
        public var segmentSize: UInt32 { rawValue & 0xF_FFFF }
        /// Where the TCP header begins in the frame.
        public var headerOffset: UInt32 { rawValue >> 20 & 0x3FF }
        /// Whether it is the second form, which knows IPv6.
        public var isSecondForm: Bool { rawValue & 1 << 30 != 0 }
        /// Whether the frame is IPv6.
        public var isVersion6: Bool { isSecondForm && rawValue >> 31 != 0 }
        public var meaning: String? {
            let family = isVersion6 ? "IPv6" : isSecondForm ? "IPv4" : "first form"
            return "\(family), segments of \(segmentSize) bytes, TCP header at \(headerOffset)"
        }
    }

    /// An 802.1Q tag.
    public struct VLANTag: NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt32
        /// Any bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// The tag as it stands in a frame: priority in bits 15:13, then CFI, then the VLAN.
        public init(control: UInt16) {
            rawValue = UInt32(control >> 13 | (control >> 12 & 1) << 3 | (control & 0xFFF) << 4)
        }
        /// The tag as it stands in a frame.
        public var control: UInt16 {
            UInt16(truncatingIfNeeded: (rawValue & 7) << 13 | (rawValue & 8) << 9 | rawValue >> 4 & 0xFFF)
        }
        public var meaning: String? {
            "VLAN \(rawValue >> 4 & 0xFFF), priority \(rawValue & 7)" + (rawValue & 8 != 0 ? ", CFI" : "")
        }
    }

    /// Flags of a coalesced frame's fragment.
    public struct PacketIDFlags: NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt8
        /// Any bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// The fragment lies in one sub-allocation of several.
        public static let subAllocation: UInt8 = 1
        /// The first.
        public static let first: UInt8 = 2
        /// The last.
        public static let last: UInt8 = 4
        /// Whether all of these bits are set.
        public func has(_ bits: UInt8) -> Bool { rawValue & bits == bits }
        public var meaning: String? {
            BitNames.text(rawValue, ["sub-allocation", "first fragment", "last fragment"])
        }
    }

    /// Which coalesced frame a fragment belongs to.
    public struct PacketID: WireStructure {
        public static let structureName: StaticString = "PACKET_ID"
        /// 1.
        public var version: UInt8 = 1
        /// First, last, …
        public var flags = PacketIDFlags(rawValue: 0)
        /// The frame.
        public var id: UInt16 = 0
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("ver", &version, "1")
            try visitor.field("flag", &flags, .hexadecimal, "1 sub-allocation, 2 first fragment, 4 last fragment")
            try visitor.field("pkt_id", &id, "which frame the fragment belongs to")
        }
    }

    /// One element of a frame's per-packet info: size, type, place of the data, data.
    public struct PerPacketInfo: WireStructure {
        public static let structureName: StaticString = "PER_PACKET_INFO"

        /// Bytes in front of the data.
        public static let headerSize = 12

        /// The data of an element.
        public enum Value: Sendable, Hashable {
            case transmitChecksum(TransmitChecksum)
            case receiveChecksum(ReceiveChecksum)
            case largeSend(LargeSend)
            case vlan(VLANTag)
            case hash(UInt32)
            case hashInformation(HashInformation)
            case packetID(PacketID)
            case bytes([UInt8])
        }

        /// Bytes of the element, this header included.
        public var size: UInt32 = 0
        /// What it tells.
        public var type = PerPacketInfoType(rawValue: 0)
        /// Where the data begins, from the element's start.
        public var offset: UInt32 = 0
        /// The data.
        public var value = Value.bytes([])

        public init() {}

        /// An element of four bytes of data.
        public init(_ type: PerPacketInfoType, _ value: Value) {
            size = UInt32(Self.headerSize) + 4
            self.type = type
            offset = UInt32(Self.headerSize)
            self.value = value
        }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("size", &size, "bytes of the element, this header included")
            // A size of nothing, or beyond the rest, would keep a reader walking forever (reference §9, 14).
            try visitor.require(size >= 12, "size", UInt64(size), "at least the 12 bytes of its own header")
            if let remaining = visitor.remaining {
                try visitor.require(
                    Int(size) - 4 <= remaining, "size", UInt64(size), "at most what is left of the per-packet info")
            }
            try visitor.field("type", &type, .hexadecimal, "what the element tells; bit 31 marks internal ones")
            try visitor.field("ppi_offset", &offset, "where the data begins, from the element's start")
            try visitor.require(
                offset >= 12 && (offset < size || size == 12), "ppi_offset", UInt64(offset),
                "behind the header and inside the element")
            let length = max(0, Int(size) - Int(offset))
            try visitor.region("data", at: Int(offset), length: length, "the data") { visitor throws(WireError) in
                try visitValue(&visitor, isShort: (visitor.remaining ?? length) < 4)
            }
        }

        private mutating func visitValue<Visitor: FieldVisitor>(
            _ visitor: inout Visitor, isShort: Bool
        ) throws(WireError) {
            let fromHost = visitor.context.sender == .hostToGuest
            try visitor.choice("checksum from the guest", when: !isShort && type == .checksum && !fromHost) {
                visitor throws(WireError) in
                var checksum = TransmitChecksum(rawValue: 0)
                if case .transmitChecksum(let current) = value { checksum = current }
                try visitor.field("checksum", &checksum, .hexadecimal, "checksums that the host is to make")
                value = .transmitChecksum(checksum)
            }
            try visitor.choice("checksum from the host", when: !isShort && type == .checksum && fromHost) {
                visitor throws(WireError) in
                var checksum = ReceiveChecksum(rawValue: 0)
                if case .receiveChecksum(let current) = value { checksum = current }
                try visitor.field("checksum", &checksum, .hexadecimal, "checksums that the host looked at")
                value = .receiveChecksum(checksum)
            }
            try visitor.choice("large send", when: !isShort && type == .largeSend) { visitor throws(WireError) in
                var send = LargeSend(rawValue: 0)
                if case .largeSend(let current) = value { send = current }
                try visitor.field("large_send", &send, .hexadecimal, "how the host is to cut the segment")
                value = .largeSend(send)
            }
            try visitor.choice("802.1Q", when: !isShort && type == .vlan) { visitor throws(WireError) in
                var tag = VLANTag(rawValue: 0)
                if case .vlan(let current) = value { tag = current }
                try visitor.field("vlan", &tag, .hexadecimal, "bits 0-2 priority, 3 CFI, 4-15 VLAN id")
                value = .vlan(tag)
            }
            try visitor.choice("hash value", when: !isShort && type == .hash) { visitor throws(WireError) in
                var hash: UInt32 = 0
                if case .hash(let current) = value { hash = current }
                try visitor.field("hash", &hash, .hexadecimal, "the hash by which the channel was chosen")
                value = .hash(hash)
            }
            try visitor.choice("hash information from the host", when: !isShort && type == .hashInformation && fromHost)
            {
                visitor throws(WireError) in
                var information = HashInformation(rawValue: 0)
                if case .hashInformation(let current) = value { information = current }
                try visitor.field("hash_info", &information, .hexadecimal, "what the hash was made from")
                value = .hashInformation(information)
            }
            try visitor.choice("packet id", when: !isShort && type == .packetID) { visitor throws(WireError) in
                var id = PacketID()
                if case .packetID(let current) = value { id = current }
                try visitor.structure("packet_id", &id, "which coalesced frame a fragment belongs to")
                value = .packetID(id)
            }
            let isNamed =
                switch type {
                case .checksum, .largeSend, .vlan, .hash, .packetID: true
                case .hashInformation: fromHost
                default: false
                }
            try visitor.choice("any other type", when: isShort || !isNamed) { visitor throws(WireError) in
                var bytes: [UInt8] = []
                if case .bytes(let current) = value { bytes = current }
                try visitor.bytes("info", &bytes, count: nil, "data that neither end uses today")
                value = .bytes(bytes)
            }
        }
    }
}
