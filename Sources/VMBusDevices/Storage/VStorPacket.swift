public import VMBusWire

extension VStor {
    /// One packet of a storage channel (reference §6.2).
    ///
    /// What lies behind the status depends on the operation; an answer has what its request asked for, which the context's
    /// subject names.
    public struct Packet: WireStructure {
        public static let structureName: StaticString = "VSTOR"
        /// Bytes in front of what depends on the operation.
        static let headerSize = 12

        /// What it is for.
        public var operation = Operation(rawValue: 0)
        /// What the sender wants.
        public var flags: Flags = []
        /// How the host fared; 0 in requests.
        public var status = Status.success
        /// The SCSI request, for EXECUTE_SRB, the resets, and their answers.
        public var request = Request()
        /// The version that is proposed.
        public var version = Version(rawValue: 0)
        /// The controller's limits.
        public var properties = Properties()
        /// The names of a Fibre Channel adapter.
        public var ports = FibreChannelPorts()
        /// How many sub-channels the guest wants.
        public var subchannels: UInt16 = 0
        /// Which disk something happened to.
        public var event = Event()
        /// What other packets carry.
        public var rest: [UInt8] = []

        public init() {}

        /// A packet without a body.
        public init(_ operation: Operation, flags: Flags = []) {
            self.operation = operation
            self.flags = flags
        }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("operation", &operation, "which packet it is")
            // A host's own news may end here.
            let isLong = visitor.remaining.map { $0 >= 8 } ?? true
            try visitor.choice("unless the packet ends behind its operation", when: isLong) {
                visitor throws(WireError) in
                try visitor.field("flags", &flags, .hexadecimal, "bit 0: an answer is wanted")
                try visitor.field("status", &status, .hexadecimal, "how the host's driver fared; 0 in requests")
                try visitBody(&visitor)
            }
        }

        private mutating func visitBody<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            let subject = Operation(rawValue: visitor.context.subject & 0xFF)
            let kind = operation == .completeIO ? subject : operation
            try visitor.choice("EXECUTE_SRB, RESET and their answers", when: kind.carriesRequest) {
                visitor throws(WireError) in
                try visitor.structure("request", &request, "a SCSI request, or how it ended")
            }
            try visitor.choice("QUERY_PROTOCOL_VERSION", when: kind == .queryProtocolVersion) {
                visitor throws(WireError) in
                try visitor.field("version", &version, .hexadecimal, "the version that the guest proposes")
                try visitor.reserved(2, "revision")
            }
            try visitor.choice("QUERY_PROPERTIES", when: kind == .queryProperties) { visitor throws(WireError) in
                try visitor.structure("properties", &properties, "the controller's limits, in the answer")
            }
            try visitor.choice("FCHBA_DATA", when: kind == .fibreChannelData) { visitor throws(WireError) in
                try visitor.structure("ports", &ports, "names of the adapter's ports, in the answer")
            }
            try visitor.choice("CREATE_SUB_CHANNELS", when: kind == .createSubchannels) { visitor throws(WireError) in
                try visitor.field("sub_channel_count", &subchannels, "how many more channels the guest wants")
            }
            try visitor.choice("EVENT_NOTIFICATION", when: kind == .eventNotification) { visitor throws(WireError) in
                try visitor.structure("event", &event, "which disk something happened to")
            }
            let carriesNothing: Bool =
                switch kind {
                case .beginInitialization, .endInitialization, .enumerateBus, .removeDevice: true
                default: kind.meaning == nil || kind == .completeIO
                }
            try visitor.choice("any other packet", when: carriesNothing) { visitor throws(WireError) in
                try visitor.bytes("rest", &rest, count: nil, "carries nothing, or is not known")
            }
        }

        /// The packet's bytes, padded with zeros to what senders of `version` write.
        ///
        /// - Parameter subject: what an answer answers.
        public func encoded(version: Version, sender: Direction, subject: Operation = Operation(rawValue: 0)) -> [UInt8]
        {
            var bytes = encoded(context: .newest(sender: sender, subject: subject.rawValue))
            let size = version.packetSize
            if bytes.count < size { bytes.append(contentsOf: repeatElement(0, count: size - bytes.count)) }
            return bytes.count > size ? Array(bytes.prefix(size)) : bytes
        }
    }

    /// A SCSI request, and its answer in the same place.
    public struct Request: WireStructure {
        public static let structureName: StaticString = "SCSI_REQUEST"

        /// Bytes of the request, as its sender says.
        public var length = VStor.requestSize
        /// How it ended.
        public var status = RequestStatus.pending
        /// What the disk says.
        public var scsiStatus = SCSI.Status.good
        /// The controller's number.
        public var port: UInt8 = 0
        /// Which bus.
        public var path: UInt8 = 0
        /// Which target on it.
        public var target: UInt8 = 0
        /// Which unit of it.
        public var lun: UInt8 = 0
        /// Bytes of the command block.
        public var commandLength: UInt8 = 0
        /// Bytes that sense data may have, or has.
        public var senseLength = UInt8(VStor.senseRoom)
        /// Which way the data goes.
        public var direction = DataDirection.unknown
        /// Bytes of the data; in an answer those that were transferred.
        public var dataLength: UInt32 = 0
        /// The command block in a request, sense data in an answer: 20 bytes.
        public var block: [UInt8] = []
        /// A number that orders the queue; 0xFF for none.
        public var queueTag: UInt8 = 0xFF
        /// What the tag means; 0x20 for simple.
        public var queueAction: UInt8 = 0x20
        /// How the guest wants it treated.
        public var flags: RequestFlags = []
        /// Seconds until the guest loses patience.
        public var timeout: UInt32 = 60
        /// Where the request belongs in the queue.
        public var queueSortKey: UInt32 = 0

        public init() {}

        /// The command.
        public var command: SCSI.Command { SCSI.Command(Array(block.prefix(VStor.commandRoom))) }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("length", &length, "bytes of the request")
            try visitor.field("srb_status", &status, .hexadecimal, "how the request ended")
            try visitor.field("scsi_status", &scsiStatus, .hexadecimal, "what the disk says")
            try visitor.field("port_number", &port, "the controller's number")
            try visitor.field("path_id", &path, "which bus")
            try visitor.field("target_id", &target, "which target on the bus")
            try visitor.field("lun", &lun, "which unit of the target")
            try visitor.field("cdb_length", &commandLength, "bytes of the command block")
            try visitor.field("sense_length", &senseLength, "bytes that sense data may have, or has")
            try visitor.field("data_in", &direction, "which way the data goes")
            try visitor.reserved(1)
            try visitor.field("data_transfer_length", &dataLength, "bytes of data; in an answer, of those transferred")
            if visitor.context.sender == .hostToGuest {
                try visitor.bytes("sense", &block, count: VStor.senseRoom, "sense data, where the status says so")
            } else {
                try visitor.bytes(
                    "cdb", &block, count: VStor.senseRoom, "the command block, then what is left of its room")
            }
            let isLong = visitor.remaining.map { $0 >= 16 } ?? true
            try visitor.choice("from 5.1 on", when: isLong) { visitor throws(WireError) in
                try visitor.reserved(2)
                try visitor.field("queue_tag", &queueTag, "a number that orders the queue; 255 for none")
                try visitor.field("queue_action", &queueAction, .hexadecimal, "what the tag means; 0x20 is simple")
                try visitor.field("srb_flags", &flags, .hexadecimal, "how the guest wants the request treated")
                try visitor.field("time_out_value", &timeout, "seconds until the guest loses patience")
                try visitor.field("queue_sort_key", &queueSortKey, "where the request belongs in the queue")
            }
        }
    }

    /// A controller's limits, in the answer to QUERY_PROPERTIES.
    public struct Properties: WireStructure {
        public static let structureName: StaticString = "PROPERTIES"
        /// The most sub-channels that it gives.
        public var maximumSubchannels: UInt16 = 0
        /// What it can do.
        public var flags: PropertyFlags = []
        /// Bytes of the longest transfer.
        public var maximumTransfer: UInt32 = 0
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.reserved(4)
            try visitor.field("max_channel_cnt", &maximumSubchannels, "the most sub-channels that can be had")
            try visitor.reserved(2)
            try visitor.field("flags", &flags, .hexadecimal, "bit 0: sub-channels can be had")
            try visitor.field("max_transfer_bytes", &maximumTransfer, "bytes of the longest transfer")
            try visitor.reserved(8)
        }
    }

    /// The names of a Fibre Channel adapter, in the answer to FCHBA_DATA.
    public struct FibreChannelPorts: WireStructure {
        public static let structureName: StaticString = "FCHBA_DATA"
        /// Whether the first pair of names is in use, and not the second.
        public var isPrimaryActive: UInt8 = 0
        /// World wide names: port and node, then port and node of the second pair; big-endian on the wire.
        public var names: [UInt8] = []
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("primary_active", &isPrimaryActive, "1 when the first pair of names is in use")
            try visitor.reserved(3)
            try visitor.bytes(
                "world_wide_names", &names, count: 32, "port and node name, then those of the second pair")
        }
    }

    /// Which disk something happened to.
    public struct Event: WireStructure {
        public static let structureName: StaticString = "EVENT_NOTIFICATION"
        /// Which unit of the target.
        public var lun: UInt8 = 0
        /// Which target on the bus.
        public var target: UInt8 = 0
        /// Which bus.
        public var path: UInt8 = 0
        /// What happened.
        public var flags: UInt8 = 0
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("lun", &lun, "which unit of the target")
            try visitor.field("target", &target, "which target on the bus")
            try visitor.field("path", &path, "which bus")
            try visitor.field("flags", &flags, .hexadecimal, "what happened")
        }
    }
}
