public import VMBusWire

extension RNDIS {
    /// The fixed fields of PACKET. Offsets count from behind the message's type and length.
    public struct PacketFields: WireStructure {
        public static let structureName: StaticString = "PACKET"
        /// Where the frame begins.
        public var dataOffset: UInt32 = 0
        /// Bytes of the frame.
        public var dataLength: UInt32 = 0
        /// Where out-of-band data begins.
        public var outOfBandOffset: UInt32 = 0
        /// Bytes of it.
        public var outOfBandLength: UInt32 = 0
        /// Elements of it.
        public var outOfBandCount: UInt32 = 0
        /// Where the per-packet info begins.
        public var infoOffset: UInt32 = 0
        /// Bytes of it.
        public var infoLength: UInt32 = 0
        /// 0.
        public var circuit: UInt32 = 0
        public init() {}

        /// A frame of `frameLength` bytes behind `infoLength` bytes of info.
        init(frameLength: Int, infoLength: Int) {
            let header = RNDIS.packetHeaderSize - RNDIS.headerSize
            infoOffset = infoLength == 0 ? 0 : UInt32(header)
            self.infoLength = UInt32(truncatingIfNeeded: infoLength)
            dataOffset = UInt32(truncatingIfNeeded: header + infoLength)
            dataLength = UInt32(truncatingIfNeeded: frameLength)
        }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("data_offset", &dataOffset, "where the frame begins, from behind type and length")
            try visitor.field("data_len", &dataLength, "bytes of the frame")
            try visitor.field("oob_data_offset", &outOfBandOffset, "where out-of-band data begins")
            try visitor.field("oob_data_len", &outOfBandLength, "bytes of out-of-band data")
            try visitor.field("num_oob_data_elements", &outOfBandCount, "elements of out-of-band data")
            try visitor.field("per_pkt_info_offset", &infoOffset, "where the per-packet info begins")
            try visitor.field("per_pkt_info_len", &infoLength, "bytes of per-packet info")
            try visitor.field("vc_handle", &circuit, .hexadecimal, "0")
            try visitor.reserved(4)
        }
    }

    /// PACKET (0x1): a frame, with what else is known of it.
    public struct Packet: WireStructure {
        public static let structureName: StaticString = "PACKET"

        /// Where everything is.
        public var fields = PacketFields()
        /// Data out of band, which nobody uses.
        public var outOfBand: [UInt8] = []
        /// What else is known of the frame.
        public var info: [PerPacketInfo] = []
        /// The frame, from its Ethernet header.
        public var frame: [UInt8] = []

        public init() {}

        /// A frame with its info in front.
        public init(frame: [UInt8], info: [PerPacketInfo] = []) {
            fields = PacketFields(frameLength: frame.count, infoLength: info.reduce(0) { $0 + Int($1.size) })
            self.info = info
            self.frame = frame
        }

        /// Bytes of the body.
        var byteCount: Int { Int(fields.dataOffset) + frame.count }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try fields.visit(&visitor)
            try place(fields.outOfBandOffset, fields.outOfBandLength, "oob_data_offset", &visitor)
            try visitor.region(
                "oob", at: RNDIS.headerSize + Int(fields.outOfBandOffset), length: Int(fields.outOfBandLength),
                "out-of-band data"
            ) { visitor throws(WireError) in
                try visitor.bytes("oob_data", &outOfBand, count: nil, "data out of band, which nobody uses")
            }
            try place(fields.infoOffset, fields.infoLength, "per_pkt_info_offset", &visitor)
            try visitor.region(
                "info", at: RNDIS.headerSize + Int(fields.infoOffset), length: Int(fields.infoLength), "per-packet info"
            ) { visitor throws(WireError) in
                try visitor.repeated("per_pkt_info", &info, count: nil, "something else that is known of the frame")
            }
            try place(fields.dataOffset, fields.dataLength, "data_offset", &visitor)
            try visitor.region(
                "data", at: RNDIS.headerSize + Int(fields.dataOffset), length: Int(fields.dataLength), "the frame"
            ) { visitor throws(WireError) in
                try visitor.bytes(
                    "frame", &frame, count: nil, "the frame, from its Ethernet header",
                    meaning: { EthernetFrame.summary($0[...]) })
            }
        }

        /// Refuses parts that lie in the fixed header: two readings of the same bytes.
        private func place<Visitor: FieldVisitor>(
            _ offset: UInt32, _ length: UInt32, _ name: StaticString, _ visitor: inout Visitor
        ) throws(WireError) {
            let header = RNDIS.packetHeaderSize - RNDIS.headerSize
            try visitor.require(
                length == 0 || offset >= header, name, UInt64(offset), "behind the 36 bytes of the fixed fields")
        }
    }
}
