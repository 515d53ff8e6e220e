public import VMBusWire

/// Which message of a display it is (reference §6.10).
public struct VideoMessageType: NamedScalar {
    /// The number on the wire.
    public let rawValue: UInt32
    /// Any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The guest asks for a version.
    public static let versionRequest = VideoMessageType(rawValue: 1)
    /// The host takes it or does not.
    public static let versionResponse = VideoMessageType(rawValue: 2)
    /// The guest says where its frame buffer is.
    public static let vramLocation = VideoMessageType(rawValue: 3)
    /// The host knows it.
    public static let vramLocationAck = VideoMessageType(rawValue: 4)
    /// The guest says how its picture lies in the frame buffer.
    public static let situationUpdate = VideoMessageType(rawValue: 5)
    /// The host knows it.
    public static let situationUpdateAck = VideoMessageType(rawValue: 6)
    /// The guest says where its pointer is.
    public static let pointerPosition = VideoMessageType(rawValue: 7)
    /// The guest says how its pointer looks.
    public static let pointerShape = VideoMessageType(rawValue: 8)
    /// The host says what it wants to be told.
    public static let featureChange = VideoMessageType(rawValue: 9)
    /// The guest has changed parts of its picture.
    public static let dirt = VideoMessageType(rawValue: 10)
    /// The guest asks for facts about the firmware.
    public static let biosInfoRequest = VideoMessageType(rawValue: 11)
    /// The host tells them.
    public static let biosInfoResponse = VideoMessageType(rawValue: 12)
    /// The guest asks for the sizes that a picture may have.
    public static let resolutionRequest = VideoMessageType(rawValue: 13)
    /// The host tells them.
    public static let resolutionResponse = VideoMessageType(rawValue: 14)
    /// The guest asks what else the host can do.
    public static let capabilityRequest = VideoMessageType(rawValue: 15)
    /// The host tells it.
    public static let capabilityResponse = VideoMessageType(rawValue: 16)
    public var meaning: String? {
        switch rawValue {
        case 1: "VERSION_REQUEST"
        case 2: "VERSION_RESPONSE"
        case 3: "VRAM_LOCATION"
        case 4: "VRAM_LOCATION_ACK"
        case 5: "SITUATION_UPDATE"
        case 6: "SITUATION_UPDATE_ACK"
        case 7: "POINTER_POSITION"
        case 8: "POINTER_SHAPE"
        case 9: "FEATURE_CHANGE"
        case 10: "DIRT"
        case 11: "BIOS_INFO_REQUEST"
        case 12: "BIOS_INFO_RESPONSE"
        case 13: "RESOLUTION_REQUEST"
        case 14: "RESOLUTION_RESPONSE"
        case 15: "CAPABILITY_REQUEST"
        case 16: "CAPABILITY_RESPONSE"
        default: nil
        }
    }
}

/// A version of the display's protocol: the minor part is above (reference §6.10).
public struct VideoVersion: NamedScalar, Comparable, CustomStringConvertible {
    /// The number on the wire.
    public let rawValue: UInt32
    /// Any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// A version.
    public init(_ major: UInt16, _ minor: UInt16) { rawValue = UInt32(minor) << 16 | UInt32(major) }
    /// From here on the host tells the sizes that a picture may have.
    public static let windows10 = VideoVersion(3, 5)
    /// All that there are, newest first.
    public static let all = [windows10, VideoVersion(3, 4), VideoVersion(3, 3), VideoVersion(3, 2), VideoVersion(3, 0)]
    public static func < (first: Self, second: Self) -> Bool {
        (first.rawValue & 0xFFFF, first.rawValue >> 16) < (second.rawValue & 0xFFFF, second.rawValue >> 16)
    }
    public var description: String { "\(rawValue & 0xFFFF).\(rawValue >> 16)" }
    public var meaning: String? { description }
}

/// The size of a picture.
public struct VideoResolution: WireStructure, CustomStringConvertible {
    public static let structureName: StaticString = "RESOLUTION"
    /// Dots in a row.
    public var width: UInt16 = 0
    /// Rows.
    public var height: UInt16 = 0
    public init() {}
    /// A size.
    public init(_ width: UInt16, _ height: UInt16) {
        self.width = width
        self.height = height
    }
    /// Reads "1024x768"; nil for anything else, or a side outside 1 to 8192.
    public init?(_ text: String) {
        let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { UInt16($0) ?? 0 }
        guard sides.count == 2, sides.allSatisfy({ (1...8192).contains($0) }) else { return nil }
        self.init(sides[0], sides[1])
    }
    /// Bytes of a picture with four bytes to a dot.
    public var byteCount: Int { Int(width) * Int(height) * 4 }
    public var description: String { "\(width)x\(height)" }
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("width", &width, "dots in a row")
        try visitor.field("height", &height, "rows")
    }
}

/// A part of a picture, from a corner to behind the other.
public struct VideoRectangle: WireStructure, CustomStringConvertible {
    public static let structureName: StaticString = "RECTANGLE"
    /// Left edge.
    public var left: Int32 = 0
    /// Upper edge.
    public var top: Int32 = 0
    /// Behind the right edge.
    public var right: Int32 = 0
    /// Behind the lower edge.
    public var bottom: Int32 = 0
    public init() {}
    /// A part.
    public init(left: Int32, top: Int32, right: Int32, bottom: Int32) {
        (self.left, self.top, self.right, self.bottom) = (left, top, right, bottom)
    }
    public var description: String {
        "\(Int64(right) - Int64(left))x\(Int64(bottom) - Int64(top)) at \(left), \(top)"
    }
    public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
        try visitor.field("x1", &left, "left edge, in dots")
        try visitor.field("y1", &top, "upper edge, in rows")
        try visitor.field("x2", &right, "behind the right edge")
        try visitor.field("y2", &bottom, "behind the lower edge")
    }
}
