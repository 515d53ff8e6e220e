public import VMBusWire

/// What a data exchange message asks for (reference §6.5).
public struct KeyValueOperation: NamedScalar {
    /// The number on the wire.
    public let rawValue: UInt8
    /// Any number.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The value of a key.
    public static let get = KeyValueOperation(rawValue: 0)
    /// Gives a key a value.
    public static let set = KeyValueOperation(rawValue: 1)
    /// Removes a key.
    public static let delete = KeyValueOperation(rawValue: 2)
    /// The key and value at an index.
    public static let enumerate = KeyValueOperation(rawValue: 3)
    /// The addresses of an adapter.
    public static let getIPInfo = KeyValueOperation(rawValue: 4)
    /// Gives an adapter addresses.
    public static let setIPInfo = KeyValueOperation(rawValue: 5)
    public var meaning: String? {
        switch rawValue {
        case 0: "GET"
        case 1: "SET"
        case 2: "DELETE"
        case 3: "ENUMERATE"
        case 4: "GET_IP_INFO"
        case 5: "SET_IP_INFO"
        default: nil
        }
    }

    /// Whether it is about addresses.
    public var isAboutAddresses: Bool { rawValue == 4 || rawValue == 5 }
}

/// Who keeps a key, and who may write it (reference §6.5).
public struct KeyValuePool: NamedScalar {
    /// The number on the wire.
    public let rawValue: UInt8
    /// Any number.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The host writes, the guest reads.
    public static let external = KeyValuePool(rawValue: 0)
    /// The guest writes, the host reads.
    public static let guest = KeyValuePool(rawValue: 1)
    /// What the guest tells of itself.
    public static let auto = KeyValuePool(rawValue: 2)
    /// What the host tells of itself.
    public static let autoExternal = KeyValuePool(rawValue: 3)
    /// The guest's own.
    public static let autoInternal = KeyValuePool(rawValue: 4)

    /// All of them, in order of their numbers.
    public static let all = [external, guest, auto, autoExternal, autoInternal]

    public var meaning: String? {
        switch rawValue {
        case 0: "external"
        case 1: "guest"
        case 2: "auto"
        case 3: "auto-external"
        case 4: "auto-internal"
        default: nil
        }
    }

    /// The pool of that name.
    public init?(word: String) {
        guard let pool = Self.all.first(where: { $0.meaning == word }) else { return nil }
        self = pool
    }
}

/// How a value is to be read (reference §6.5).
public struct KeyValueType: NamedScalar {
    /// The number on the wire.
    public let rawValue: UInt32
    /// Any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// UTF-16 with a terminator.
    public static let string = KeyValueType(rawValue: 1)
    /// The same with names of variables in it.
    public static let expandableString = KeyValueType(rawValue: 2)
    /// Four bytes.
    public static let number32 = KeyValueType(rawValue: 4)
    /// Eight bytes, as Linux numbers it.
    public static let number64Linux = KeyValueType(rawValue: 8)
    /// Eight bytes, as Windows numbers it.
    public static let number64 = KeyValueType(rawValue: 11)
    public var meaning: String? {
        switch rawValue {
        case 1: "string"
        case 2: "expandable string"
        case 4: "u32"
        case 8: "u64 (Linux)"
        case 11: "u64"
        default: nil
        }
    }

    /// Bytes of a value of this type; nil for texts, which tell their own.
    public var valueSize: Int? {
        switch rawValue {
        case 4: 4
        case 8, 11: 8
        default: nil
        }
    }
}

/// Which kinds of addresses an adapter has (reference §6.5).
public struct AddressFamily: OptionSet, NamedScalar {
    /// The bits on the wire.
    public let rawValue: UInt8
    /// Any bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// IPv4.
    public static let v4 = AddressFamily(rawValue: 1)
    /// IPv6.
    public static let v6 = AddressFamily(rawValue: 2)
    public var meaning: String? { BitNames.text(rawValue, ["IPv4", "IPv6"]) }
}
