public import VMBusWire

extension RNDIS {
    /// The four bytes in front of NDIS objects: type, revision, size.
    public struct ObjectHeader: WireStructure {
        public static let structureName: StaticString = "NDIS_OBJECT_HEADER"
        /// Which object it is.
        public var type = ObjectType(rawValue: 0)
        /// Its revision.
        public var revision: UInt8 = 0
        /// Its bytes, this header included.
        public var size: UInt16 = 0
        public init() {}
        /// A header.
        public init(type: ObjectType, revision: UInt8, size: UInt16) {
            self.type = type
            self.revision = revision
            self.size = size
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("type", &type, .hexadecimal, "which object it is")
            try visitor.field("revision", &revision, "its revision")
            try visitor.field("size", &size, "its bytes, this header included")
        }
    }

    /// The type in an object's header.
    public struct ObjectType: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt8
        /// Any number.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// Switches of offloads.
        public static let standard = ObjectType(rawValue: 0x80)
        /// A query of the switch.
        public static let objectRequest = ObjectType(rawValue: 0x96)
        /// RSS capabilities.
        public static let receiveScaleCapabilities = ObjectType(rawValue: 0x88)
        /// RSS parameters.
        public static let receiveScaleParameters = ObjectType(rawValue: 0x89)
        /// Offload capabilities.
        public static let offload = ObjectType(rawValue: 0xA7)
        /// How offloaded frames are encapsulated.
        public static let offloadEncapsulation = ObjectType(rawValue: 0xA8)
        public var meaning: String? {
            switch rawValue {
            case 0x80: "default"
            case 0x88: "RSS capabilities"
            case 0x89: "RSS parameters"
            case 0x96: "OID request"
            case 0xA7: "offload"
            case 0xA8: "offload encapsulation"
            default: nil
            }
        }
    }

    /// What the hash of a frame is made from.
    public struct HashInformation: NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt32
        /// Any bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Toeplitz over addresses, and ports for TCP, in both families.
        public static let toeplitz = HashInformation(rawValue: 0x1701)
        public var meaning: String? {
            BitNames.text(
                rawValue,
                [
                    "Toeplitz", "", "", "", "", "", "", "", "IPv4", "TCP4", "IPv6", "IPv6 with extensions", "TCP6",
                    "TCP6 with extensions", "UDP4", "UDP6", "UDP6 with extensions",
                ])
        }
    }

    /// Which parts of new RSS parameters count.
    public struct ReceiveScaleChanges: OptionSet, NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt16
        /// Any bits.
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// The hash stays made from what it was.
        public static let hashUnchanged = ReceiveScaleChanges(rawValue: 0x02)
        /// The table stays.
        public static let tableUnchanged = ReceiveScaleChanges(rawValue: 0x04)
        /// The key stays.
        public static let keyUnchanged = ReceiveScaleChanges(rawValue: 0x08)
        /// Received frames are not spread.
        public static let disable = ReceiveScaleChanges(rawValue: 0x10)
        public var meaning: String? {
            BitNames.text(
                rawValue,
                [
                    "first processor unchanged", "hash unchanged", "table unchanged", "key unchanged", "disable",
                    "default processor unchanged",
                ])
        }
    }

    /// An entry of the receive table.
    public struct TableEntry: WireStructure {
        public static let structureName: StaticString = "RSS_ENTRY"
        /// The channel for frames with this hash.
        public var channel: UInt32 = 0
        public init() {}
        /// Names a channel.
        public init(_ channel: UInt32) { self.channel = channel }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("entry", &channel, "channel for frames with this hash")
        }
    }

    /// What GEN_RECEIVE_SCALE_PARAMETERS sets: which channel gets which received frame (reference §6.1.5). 40 bytes, then table and key.
    public struct ReceiveScaleParameters: WireStructure {
        public static let structureName: StaticString = "RSS_PARAMETERS"
        /// Bytes before table and key.
        static let fixedSize = 40
        /// Bytes of the hash's key.
        public static let keySize = 40
        /// The most entries of the table.
        public static let maximumEntries = 256

        /// What it is.
        public var header = ObjectHeader(type: .receiveScaleParameters, revision: 2, size: 40)
        /// What stays as it was; 0x10 disables.
        public var flags: ReceiveScaleChanges = []
        /// First processor.
        public var baseCPU: UInt16 = 0
        /// What the hash is made from.
        public var hashInformation = HashInformation(rawValue: 0)
        /// Bytes of the table.
        public var tableSize: UInt16 = 0
        /// Where it is.
        public var tableOffset: UInt32 = 0
        /// Bytes of the key.
        public var keySize: UInt16 = 0
        /// Where it is.
        public var keyOffset: UInt32 = 0
        /// Where the processor masks are; not used.
        public var maskOffset: UInt32 = 0
        /// How many there are.
        public var maskCount: UInt32 = 0
        /// Bytes of one.
        public var maskEntrySize: UInt32 = 0
        /// Channel by hash.
        public var table: [TableEntry] = []
        /// The hash's key.
        public var key: [UInt8] = []

        public init() {}

        /// Spreads frames over a table with a key; disabled when `enabled` is false.
        public init(table: [UInt32], key: [UInt8], enabled: Bool) {
            flags = enabled ? [] : .disable
            hashInformation = enabled ? .toeplitz : HashInformation(rawValue: 0)
            tableSize = UInt16(truncatingIfNeeded: table.count * 4)
            tableOffset = UInt32(Self.fixedSize)
            keySize = UInt16(truncatingIfNeeded: key.count)
            keyOffset = UInt32(truncatingIfNeeded: Self.fixedSize + table.count * 4)
            self.table = table.map { TableEntry($0) }
            self.key = key
        }

        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.structure("header", &header, "type 0x89, revision 2, 40 bytes")
            try visitor.field("flag", &flags, .hexadecimal, "0x10: received frames are not spread; others: what stays")
            try visitor.field("base_cpu_number", &baseCPU, "first processor")
            try visitor.field("hashinfo", &hashInformation, .hexadecimal, "what the hash is made from")
            try visitor.field("indirect_tabsize", &tableSize, "bytes of the table")
            try visitor.reserved(2, "padding")
            try visitor.field("indirect_taboffset", &tableOffset, "where the table is, from this structure's start")
            try visitor.field("hashkey_size", &keySize, "bytes of the key")
            try visitor.reserved(2, "padding")
            try visitor.field("hashkey_offset", &keyOffset, "where the key is, from this structure's start")
            try visitor.field("processor_masks_offset", &maskOffset, "where processor masks are; not used")
            try visitor.field("num_processor_masks", &maskCount, "how many processor masks there are")
            try visitor.field("processor_masks_entry_size", &maskEntrySize, "bytes of one processor mask")
            try visitor.require(tableSize % 4 == 0, "indirect_tabsize", UInt64(tableSize), "a multiple of 4")
            try visitor.require(
                tableSize == 0 || tableOffset >= 40, "indirect_taboffset", UInt64(tableOffset),
                "behind the 40 bytes of the fixed fields")
            try visitor.region("table", at: Int(tableOffset), length: Int(tableSize), "the table") {
                visitor throws(WireError) in
                try visitor.repeated("indirect_table", &table, count: nil, "channel for frames with this hash")
            }
            try visitor.require(
                keySize == 0 || keyOffset >= 40, "hashkey_offset", UInt64(keyOffset),
                "behind the 40 bytes of the fixed fields")
            try visitor.region("key", at: Int(keyOffset), length: Int(keySize), "the key") {
                visitor throws(WireError) in
                try visitor.bytes("hashkey", &key, count: nil, "the hash's key")
            }
        }
    }

    /// How an adapter can spread received frames.
    public struct ReceiveScaleFlags: NamedScalar {
        /// The bits on the wire.
        public let rawValue: UInt32
        /// Any bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Toeplitz over TCP in both families.
        public static let hashes = ReceiveScaleFlags(rawValue: 0x301)
        public var meaning: String? {
            BitNames.text(
                rawValue,
                [
                    "Toeplitz", "", "", "", "", "", "", "", "TCP4", "TCP6", "TCP6 with extensions", "UDP4", "UDP6",
                    "UDP6 with extensions", "", "", "", "", "", "", "", "", "", "", "message interrupts",
                    "classified at interrupt", "classified later", "MSI-X in use", "available on ports", "MSI-X",
                    "entries move alone",
                ])
        }
    }

    /// What GEN_RECEIVE_SCALE_CAPABILITIES answers (reference §6.1.5). 18 bytes.
    public struct ReceiveScaleCapabilities: WireStructure {
        public static let structureName: StaticString = "RSS_CAPABILITIES"
        /// What it is.
        public var header = ObjectHeader(type: .receiveScaleCapabilities, revision: 2, size: 18)
        /// What the adapter can do.
        public var flags = ReceiveScaleFlags(rawValue: 0)
        /// Interrupt messages.
        public var messageCount: UInt32 = 0
        /// Channels that can receive.
        public var queueCount: UInt32 = 0
        /// Entries of the receive table.
        public var tableEntries: UInt16 = 0
        public init() {}
        /// An adapter's capabilities.
        public init(queueCount: UInt32, tableEntries: UInt16) {
            flags = .hashes
            messageCount = queueCount
            self.queueCount = queueCount
            self.tableEntries = tableEntries
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.structure("header", &header, "type 0x88, revision 2, 18 bytes")
            try visitor.field("cap_flag", &flags, .hexadecimal, "what the adapter can do")
            try visitor.field("num_int_msg", &messageCount, "interrupt messages")
            try visitor.field("num_recv_que", &queueCount, "channels that can receive")
            try visitor.field("num_indirect_tabent", &tableEntries, "entries of the receive table")
        }
    }

    /// What kind of value a configuration parameter has.
    public struct ParameterType: NamedScalar {
        /// The number on the wire.
        public let rawValue: UInt32
        /// Any number.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// UTF-16.
        public static let string = ParameterType(rawValue: 2)
        public var meaning: String? {
            switch rawValue {
            case 0: "integer"
            case 1: "hexadecimal integer"
            case 2: "string"
            case 3: "strings"
            case 4: "binary"
            default: nil
            }
        }
    }

    /// What GEN_RNDIS_CONFIG_PARAMETER sets: a name and a value (reference §6.1.5).
    public struct ConfigurationParameter: WireStructure {
        public static let structureName: StaticString = "CONFIG_PARAMETER"
        /// Where the name is.
        public var nameOffset: UInt32 = 0
        /// Its bytes.
        public var nameLength: UInt32 = 0
        /// Integer, string, …
        public var type = ParameterType(rawValue: 0)
        /// Where the value is.
        public var valueOffset: UInt32 = 0
        /// Its bytes.
        public var valueLength: UInt32 = 0
        /// UTF-16.
        public var name: [UInt8] = []
        /// The value.
        public var value: [UInt8] = []
        public init() {}
        /// A string parameter.
        public init(name: String, value: String) {
            self.name = UTF16Text.bytes(name)
            self.value = UTF16Text.bytes(value)
            type = .string
            nameOffset = 20
            nameLength = UInt32(truncatingIfNeeded: self.name.count)
            valueOffset = 20 + nameLength
            valueLength = UInt32(truncatingIfNeeded: self.value.count)
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("parameter_name_offset", &nameOffset, "where the name is, from this structure's start")
            try visitor.field("parameter_name_length", &nameLength, "bytes of the name")
            try visitor.field("parameter_type", &type, "0 integer, 2 string")
            try visitor.field("parameter_value_offset", &valueOffset, "where the value is")
            try visitor.field("parameter_value_length", &valueLength, "bytes of the value")
            try visitor.region("name", at: Int(nameOffset), length: Int(nameLength), "the name") {
                visitor throws(WireError) in
                try visitor.bytes(
                    "parameter_name", &name, count: nil, "the name in UTF-16", meaning: { UTF16Text.text($0) })
            }
            try visitor.region("value", at: Int(valueOffset), length: Int(valueLength), "the value") {
                visitor throws(WireError) in
                try visitor.bytes(
                    "parameter_value", &value, count: nil, "the value", meaning: { UTF16Text.text($0) })
            }
        }
    }
}

/// UTF-16 as Windows writes it, little-endian.
public enum UTF16Text {
    /// The bytes of a text, without terminator.
    public static func bytes(_ text: String) -> [UInt8] {
        text.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    }

    /// The text up to its terminator, with control characters and lone surrogates replaced.
    public static func text(_ bytes: [UInt8]) -> String {
        var units: [UInt16] = []
        for index in stride(from: 0, to: bytes.count - bytes.count % 2, by: 2) {
            let unit = UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8
            if unit == 0 { break }
            units.append(unit < 0x20 || (0x7F..<0xA0).contains(unit) ? 0xFFFD : unit)
        }
        return String(decoding: units, as: UTF16.self)
    }
}
