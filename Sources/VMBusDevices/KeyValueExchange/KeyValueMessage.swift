public import VMBusWire

/// A question about keys, values or addresses, with the answer in the same place (reference §6.5).
public struct KeyValueMessage: WireStructure {
    public static let structureName: StaticString = "KVP"
    /// Bytes of a key, terminator included.
    public static let keySize = 512
    /// Bytes of a value, terminator included.
    public static let valueSize = 2048
    /// Bytes of a message about a key: hosts send all of them, whatever is asked.
    static let byteCount = 2580

    /// What follows operation and pool.
    public enum Body: Sendable, Hashable {
        /// GET, SET.
        case value(KeyValue)
        /// DELETE.
        case key(KeyName)
        /// ENUMERATE.
        case item(index: UInt32, KeyValue)
        /// GET_IP_INFO, SET_IP_INFO.
        case addresses(AdapterAddresses)
    }

    /// What is asked for.
    public var operation = KeyValueOperation.get
    /// Whose key it is.
    public var pool = KeyValuePool.external
    /// Key, value, index or addresses.
    public var body = Body.value(KeyValue())
    private var rest: [UInt8] = []

    public init() {}

    /// A question.
    public init(_ operation: KeyValueOperation, _ pool: KeyValuePool, _ body: Body) {
        self.operation = operation
        self.pool = pool
        self.body = body
        switch body {
        case .value: rest = [UInt8](repeating: 0, count: 4)
        case .key: rest = [UInt8](repeating: 0, count: Self.byteCount - 8 - Self.keySize)
        case .item, .addresses: break
        }
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("operation", &operation, "what is asked for")
        try visitor.field(
            "pool", &pool, "who keeps the key: 0 the host for the guest, 1 the guest, 2 facts of the guest")
        try visitor.require(
            operation.meaning != nil, "operation", UInt64(operation.rawValue), "one of the operations 0 to 5")
        try visitor.choice("a key", when: !operation.isAboutAddresses) { visitor throws(WireError) in
            try visitor.reserved(2)
            try visitKey(&visitor)
            try visitor.bytes("unused", &rest, count: nil, "room of the longest form of this message")
        }
        try visitor.choice("addresses", when: operation.isAboutAddresses) { visitor throws(WireError) in
            var addresses = AdapterAddresses()
            if case .addresses(let current) = body { addresses = current }
            try visitor.structure("ip_info", &addresses, "addresses of an adapter")
            body = .addresses(addresses)
        }
    }

    private mutating func visitKey<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        var (index, value) = (UInt32(0), KeyValue())
        switch body {
        case .value(let current): value = current
        case .item(let number, let current): (index, value) = (number, current)
        default: break
        }
        try visitor.choice("ENUMERATE", when: operation == .enumerate) { visitor throws(WireError) in
            try visitor.field("index", &index, "which key, counted from 0; the list ends at the first that is refused")
        }
        try visitor.choice("DELETE", when: operation == .delete) { visitor throws(WireError) in
            var key = KeyName()
            if case .key(let current) = body { key = current }
            try visitor.structure("key", &key, "which key")
            body = .key(key)
        }
        try visitor.choice("GET, SET, ENUMERATE", when: operation != .delete) { visitor throws(WireError) in
            try visitor.structure("data", &value, "key and value")
            body = operation == .enumerate ? .item(index: index, value) : .value(value)
        }
    }
}

/// A key alone.
public struct KeyName: WireStructure {
    public static let structureName: StaticString = "KVP_KEY"
    private var size: UInt32 = 0
    private var bytes: [UInt8] = []

    public init() {}

    /// A key of at most 255 UTF-16 units; what is longer is cut.
    public init(_ key: String) {
        bytes = UTF16Text.terminated(key, limit: KeyValueMessage.keySize)
        size = UInt32(bytes.count)
    }

    /// The key.
    public var key: String { UTF16Text.text(bytes) }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("key_size", &size, "bytes of the key, terminator included")
        try visitor.require(size <= KeyValueMessage.keySize, "key_size", UInt64(size), "at most 512 bytes")
        try visitor.bytes(
            "key", &bytes, count: KeyValueMessage.keySize, "the key in UTF-16", meaning: { UTF16Text.text($0) })
    }
}

/// A key and its value.
public struct KeyValue: WireStructure {
    public static let structureName: StaticString = "KVP_VALUE"
    /// How the value is to be read.
    public var type = KeyValueType.string
    private var keySize: UInt32 = 0
    private var size: UInt32 = 0
    private var keyBytes: [UInt8] = []
    private var bytes: [UInt8] = []

    public init() {}

    /// A key of at most 255 UTF-16 units and a text of at most 1023; what is longer is cut.
    public init(key: String, text: String = "", type: KeyValueType = .string) {
        self.init(key: key, type: type, bytes: UTF16Text.terminated(text, limit: KeyValueMessage.valueSize))
    }

    /// A key and a number of 4 or 8 bytes, as the type says.
    public init(key: String, number: UInt64, type: KeyValueType) {
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64($0 * 8)) }
        self.init(key: key, type: type, bytes: Array(bytes.prefix(type.valueSize ?? 8)))
    }

    private init(key: String, type: KeyValueType, bytes: [UInt8]) {
        self.type = type
        keyBytes = UTF16Text.terminated(key, limit: KeyValueMessage.keySize)
        keySize = UInt32(keyBytes.count)
        self.bytes = bytes
        size = UInt32(bytes.count)
    }

    /// The key.
    public var key: String { UTF16Text.text(keyBytes) }

    /// The value as a number; nil for a text.
    public var number: UInt64? {
        guard let count = type.valueSize else { return nil }
        return bytes.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The value in words.
    public var text: String { number.map { String($0) } ?? UTF16Text.text(bytes) }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("value_type", &type, "how the value is to be read")
        try visitor.field("key_size", &keySize, "bytes of the key, terminator included")
        try visitor.field("value_size", &size, "bytes of the value, terminator included")
        try visitor.require(keySize <= KeyValueMessage.keySize, "key_size", UInt64(keySize), "at most 512 bytes")
        try visitor.require(size <= KeyValueMessage.valueSize, "value_size", UInt64(size), "at most 2048 bytes")
        try visitor.bytes(
            "key", &keyBytes, count: KeyValueMessage.keySize, "the key in UTF-16", meaning: { UTF16Text.text($0) })
        let type = type
        try visitor.bytes(
            "value", &bytes, count: KeyValueMessage.valueSize, "the value: UTF-16 or a number",
            meaning: { type.valueSize == nil ? UTF16Text.text($0) : nil })
    }
}

/// The addresses of an adapter, as a host reads or gives them (reference §6.5). Lists are separated by semicolons.
public struct AdapterAddresses: WireStructure {
    public static let structureName: StaticString = "KVP_IP_INFO"

    /// A text in a field of fixed size.
    public struct Text: Sendable, Hashable {
        var bytes: [UInt8]

        /// The text.
        public var text: String { UTF16Text.text(bytes) }

        init(_ text: String, limit: Int) { bytes = UTF16Text.terminated(text, limit: limit) }
    }

    /// Which adapter: its instance in braces.
    public var adapter = Text("", limit: 256)
    /// Which kinds of addresses.
    public var family: AddressFamily = []
    /// 1 when a DHCP server gives them.
    public var usesDHCP: UInt8 = 0
    /// The addresses.
    public var addresses = Text("", limit: 2048)
    /// Their masks or prefix lengths.
    public var subnets = Text("", limit: 2048)
    /// Routers.
    public var gateways = Text("", limit: 1024)
    /// Name servers.
    public var nameServers = Text("", limit: 2048)

    public init() {}

    /// Asks for the addresses of an adapter, or gives it some.
    public init(
        adapter: String, family: AddressFamily = [], usesDHCP: Bool = false, addresses: String = "",
        subnets: String = "", gateways: String = "", nameServers: String = ""
    ) {
        self.adapter = Text(adapter, limit: 256)
        self.family = family
        self.usesDHCP = usesDHCP ? 1 : 0
        self.addresses = Text(addresses, limit: 2048)
        self.subnets = Text(subnets, limit: 2048)
        self.gateways = Text(gateways, limit: 1024)
        self.nameServers = Text(nameServers, limit: 2048)
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        func text(
            _ name: StaticString, _ value: inout Text, _ count: Int, _ help: StaticString, _ visitor: inout Visitor
        ) throws(WireError) {
            try visitor.bytes(name, &value.bytes, count: count, help, meaning: { UTF16Text.text($0) })
        }
        try text("adapter_id", &adapter, 256, "which adapter: its instance in braces, in UTF-16", &visitor)
        try visitor.field("addr_family", &family, .hexadecimal, "1 IPv4, 2 IPv6, 3 both")
        try visitor.field("dhcp_enabled", &usesDHCP, "1 when a DHCP server gives the addresses")
        try text("ip_addr", &addresses, 2048, "addresses, separated by semicolons", &visitor)
        try text("sub_net", &subnets, 2048, "their masks or prefix lengths, in the same order", &visitor)
        try text("gate_way", &gateways, 1024, "routers, separated by semicolons", &visitor)
        try text("dns_addr", &nameServers, 2048, "name servers, separated by semicolons", &visitor)
    }

    /// What matters of it, in one line.
    public var summary: String {
        let parts = [
            ("addresses", addresses.text), ("subnets", subnets.text), ("gateways", gateways.text),
            ("dns", nameServers.text),
        ]
        let texts = parts.filter { !$0.1.isEmpty }.map { "\($0.0)=\($0.1)" }
        return ([adapter.text] + (usesDHCP != 0 ? ["dhcp"] : []) + texts).joined(separator: " ")
    }
}

extension UTF16Text {
    /// The bytes of a text with its terminator, cut to fit.
    static func terminated(_ text: String, limit: Int) -> [UInt8] {
        Array(bytes(text).prefix(limit - 2)) + [0, 0]
    }
}
