public import VMBusWire

/// Which message of a keyboard it is (reference §6.8).
public struct KeyboardMessageType: NamedScalar {
    /// The number on the wire.
    public let rawValue: UInt32
    /// Any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The guest asks for a version.
    public static let protocolRequest = KeyboardMessageType(rawValue: 1)
    /// The host takes it or does not.
    public static let protocolResponse = KeyboardMessageType(rawValue: 2)
    /// A key goes down or comes up.
    public static let event = KeyboardMessageType(rawValue: 3)
    /// The guest says which of its lights are on.
    public static let lights = KeyboardMessageType(rawValue: 4)
    public var meaning: String? {
        switch rawValue {
        case 1: "PROTOCOL_REQUEST"
        case 2: "PROTOCOL_RESPONSE"
        case 3: "EVENT"
        case 4: "LED_INDICATORS"
        default: nil
        }
    }
}

/// How the host answers a request for a version (reference §6.8).
public struct KeyboardStatus: OptionSet, NamedScalar {
    /// The bits on the wire.
    public let rawValue: UInt32
    /// Any bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The version is taken.
    public static let accepted = KeyboardStatus(rawValue: 1)
    public var meaning: String? { BitNames.text(rawValue, ["accepted"]) }
}

/// What happened to a key (reference §6.8).
public struct KeystrokeFlags: OptionSet, NamedScalar {
    /// The bits on the wire.
    public let rawValue: UInt32
    /// Any bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The code is a character and no key.
    public static let unicode = KeystrokeFlags(rawValue: 1)
    /// The key comes up.
    public static let released = KeystrokeFlags(rawValue: 2)
    /// The code has the prefix E0.
    public static let extended0 = KeystrokeFlags(rawValue: 4)
    /// The code has the prefix E1.
    public static let extended1 = KeystrokeFlags(rawValue: 8)
    public var meaning: String? { BitNames.text(rawValue, ["unicode", "break", "E0", "E1"]) }
}

/// The lights of a keyboard (reference §6.8).
public struct KeyboardLights: OptionSet, NamedScalar {
    /// The bits on the wire.
    public let rawValue: UInt16
    /// Any bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }
    /// Scroll Lock.
    public static let scrollLock = KeyboardLights(rawValue: 1)
    /// Num Lock.
    public static let numLock = KeyboardLights(rawValue: 2)
    /// Caps Lock.
    public static let capsLock = KeyboardLights(rawValue: 4)
    public var meaning: String? { BitNames.text(rawValue, ["scroll lock", "num lock", "caps lock"]) }
}

/// A key that goes down or comes up, by its scan code of set 1 (reference §6.8).
public struct Keystroke: WireStructure, CustomStringConvertible {
    public static let structureName: StaticString = "KEYSTROKE"
    /// The code without prefix and without the bit of a release; a UTF-16 unit for a character.
    public var code: UInt16 = 0
    /// What happened.
    public var flags: KeystrokeFlags = []
    public init() {}
    /// A key.
    public init(_ code: UInt16, _ flags: KeystrokeFlags = []) {
        self.code = code
        self.flags = flags
    }

    /// "a down", "0x7f (E0) up".
    public var description: String { KeyTable.words(self) }

    /// The same key, coming up.
    public var release: Keystroke { Keystroke(code, flags.union(.released)) }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field(
            "make_code", &code, .hexadecimal, "scan code of set 1 without prefix or release, or a character")
        try visitor.reserved(2)
        try visitor.field("info", &flags, .hexadecimal, "1 unicode, 2 break, 4 prefix E0, 8 prefix E1")
    }
}

/// One message of a keyboard; it has no pipe header (reference §6.8).
public struct KeyboardMessage: DeviceMessage {
    public static let structureName: StaticString = "KEYBOARD"
    public static var layer: String { "KEYBOARD" }
    /// The only version there is: 1.0, the major part above.
    public static let version: UInt32 = 0x0001_0000

    /// What follows the type.
    public enum Body: Sendable, Hashable {
        /// PROTOCOL_REQUEST: the version that the guest speaks.
        case request(UInt32)
        /// PROTOCOL_RESPONSE.
        case response(KeyboardStatus)
        /// EVENT.
        case event(Keystroke)
        /// LED_INDICATORS.
        case lights(KeyboardLights)
        /// A message that is not known: its bytes.
        case other([UInt8])
    }

    /// Which message it is.
    public var type = KeyboardMessageType(rawValue: 0)
    /// What follows.
    public var body = Body.other([])

    public init() {}

    /// A message.
    public init(_ body: Body) {
        self.body = body
        switch body {
        case .request: type = .protocolRequest
        case .response: type = .protocolResponse
        case .event: type = .event
        case .lights: type = .lights
        case .other: break
        }
    }

    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("type", &type, "which message it is")
        try visitor.choice("PROTOCOL_REQUEST", when: type == .protocolRequest) { visitor throws(WireError) in
            var version: UInt32 = 0
            if case .request(let current) = body { version = current }
            try visitor.field("version", &version, .hexadecimal, "0x10000, version 1.0")
            body = .request(version)
        }
        try visitor.choice("PROTOCOL_RESPONSE", when: type == .protocolResponse) { visitor throws(WireError) in
            var status: KeyboardStatus = []
            if case .response(let current) = body { status = current }
            try visitor.field("status", &status, .hexadecimal, "bit 0: the version is accepted")
            body = .response(status)
        }
        try visitor.choice("EVENT", when: type == .event) { visitor throws(WireError) in
            var stroke = Keystroke()
            if case .event(let current) = body { stroke = current }
            try visitor.structure("keystroke", &stroke, "a key that goes down or comes up")
            body = .event(stroke)
        }
        try visitor.choice("LED_INDICATORS", when: type == .lights) { visitor throws(WireError) in
            var lights: KeyboardLights = []
            if case .lights(let current) = body { lights = current }
            try visitor.field("leds", &lights, .hexadecimal, "1 scroll lock, 2 num lock, 4 caps lock")
            try visitor.reserved(2)
            body = .lights(lights)
        }
        try visitor.choice("any other type", when: type.meaning == nil) { visitor throws(WireError) in
            var bytes: [UInt8] = []
            if case .other(let current) = body { bytes = current }
            try visitor.bytes("message", &bytes, count: nil, "a message that is not known")
            body = .other(bytes)
        }
    }

    public var name: String { type.meaning ?? "TYPE_\(type.rawValue)" }

    public var info: String {
        switch body {
        case .request(let version): "version \(version >> 16).\(version & 0xFFFF)"
        case .response(let status): status.contains(.accepted) ? "accepted" : "not accepted"
        case .event(let stroke): stroke.description
        case .lights(let lights): lights.meaning ?? ""
        case .other(let bytes): "\(bytes.count) bytes"
        }
    }
}
