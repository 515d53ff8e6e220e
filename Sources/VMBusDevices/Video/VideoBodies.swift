public import VMBusWire

extension VideoMessage {
    /// VERSION_RESPONSE.
    public struct VersionResponse: WireStructure {
        public static let structureName: StaticString = "VIDEO_VERSION_RESPONSE"
        /// The version that was asked for.
        public var version = VideoVersion(rawValue: 0)
        /// 0 when it is not taken; hosts say 2 when it is.
        public var accepted: UInt8 = 0
        /// Screens that the host can show.
        public var outputs: UInt8 = 0
        public init() {}
        /// An answer.
        public init(version: VideoVersion, isAccepted: Bool) {
            self.version = version
            accepted = isAccepted ? 2 : 0
            outputs = 1
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("version", &version, .hexadecimal, "the version that was asked for")
            try visitor.field("is_accepted", &accepted, "0 not taken, 1 taken, 2 taken with its exchange")
            try visitor.field("max_video_outputs", &outputs, "screens that the host can show")
        }
    }

    /// VRAM_LOCATION: where the frame buffer is.
    public struct Location: WireStructure {
        public static let structureName: StaticString = "VRAM_LOCATION"
        /// The guest's own; the answer repeats it.
        public var context: UInt64 = 0
        /// 1 when the address counts.
        public var hasAddress: UInt8 = 0
        /// Where the frame buffer begins in the guest's memory.
        public var address: UInt64 = 0
        public init() {}
        /// A frame buffer; its address is the context too, as Linux has it.
        public init(address: UInt64) {
            context = address
            hasAddress = 1
            self.address = address
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("user_ctx", &context, .hexadecimal, "the guest's own; the answer repeats it")
            try visitor.field("is_vram_gpa_specified", &hasAddress, "1 when the address counts")
            try visitor.field("vram_gpa", &address, .hexadecimal, "where the frame buffer begins in the guest's memory")
        }
    }

    /// How a picture lies in the frame buffer.
    public struct Output: WireStructure {
        public static let structureName: StaticString = "VIDEO_OUTPUT"
        /// 1 when there is a picture.
        public var active: UInt8 = 0
        /// Where it begins in the frame buffer.
        public var offset: UInt32 = 0
        /// Bits of a dot.
        public var depth: UInt8 = 0
        /// Dots in a row.
        public var width: UInt32 = 0
        /// Rows.
        public var height: UInt32 = 0
        /// Bytes from one row to the next.
        public var pitch: UInt32 = 0
        public init() {}
        /// A picture with four bytes to a dot at the start of the frame buffer.
        public init(_ resolution: VideoResolution) {
            (active, depth) = (1, 32)
            (width, height) = (UInt32(resolution.width), UInt32(resolution.height))
            pitch = width * 4
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("active", &active, "1 when there is a picture")
            try visitor.field("vram_offset", &offset, "where it begins in the frame buffer, in bytes")
            try visitor.field("depth_bits", &depth, "bits of a dot")
            try visitor.field("width_pixels", &width, "dots in a row")
            try visitor.field("height_pixels", &height, "rows")
            try visitor.field("pitch_bytes", &pitch, "bytes from one row to the next")
        }
    }

    /// SITUATION_UPDATE.
    public struct Situation: WireStructure {
        public static let structureName: StaticString = "SITUATION_UPDATE"
        /// The guest's own; the answer repeats it.
        public var context: UInt64 = 0
        /// One for each screen.
        public var outputs: [Output] = []
        public init() {}
        /// One screen.
        public init(_ output: Output) { outputs = [output] }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            var count = UInt8(truncatingIfNeeded: outputs.count)
            try visitor.field("user_ctx", &context, .hexadecimal, "the guest's own; the answer repeats it")
            try visitor.field("video_output_count", &count, "screens")
            try visitor.repeated("video_output", &outputs, count: Int(count), "how a picture lies in the frame buffer")
        }
    }

    /// POINTER_POSITION.
    public struct PointerPosition: WireStructure {
        public static let structureName: StaticString = "POINTER_POSITION"
        /// 1 when it is to be seen.
        public var visible: UInt8 = 0
        /// The screen.
        public var output: UInt8 = 0
        /// From the left edge.
        public var x: Int32 = 0
        /// From the upper edge.
        public var y: Int32 = 0
        public init() {}
        /// A pointer that is to be seen.
        public init(x: Int32, y: Int32) { (visible, self.x, self.y) = (1, x, y) }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("is_visible", &visible, "1 when the pointer is to be seen")
            try visitor.field("video_output", &output, "the screen")
            try visitor.field("image_x", &x, "from the left edge, in dots")
            try visitor.field("image_y", &y, "from the upper edge, in rows")
        }
    }

    /// POINTER_SHAPE, or a part of it.
    public struct PointerShape: WireStructure {
        public static let structureName: StaticString = "POINTER_SHAPE"
        /// The last part, or the only one.
        public static let lastPart: UInt8 = 0xFF
        /// The greatest width and height.
        public static let greatestSide: UInt32 = 96
        /// Counts from 0; 0xFF for the last.
        public var part: UInt8 = 0
        /// 1 when dots have an opacity.
        public var hasAlpha: UInt8 = 0
        /// Dots in a row.
        public var width: UInt32 = 0
        /// Rows.
        public var height: UInt32 = 0
        /// The dot that points, from the left.
        public var hotX: UInt32 = 0
        /// The dot that points, from above.
        public var hotY: UInt32 = 0
        /// Blue, green, red and opacity of each dot.
        public var pixels: [UInt8] = []
        public init() {}
        /// A whole shape.
        public init(width: UInt32, height: UInt32, pixels: [UInt8]) {
            (part, hasAlpha, self.width, self.height) = (Self.lastPart, 1, width, height)
            self.pixels = pixels
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("part_idx", &part, "counts from 0; 255 for the last part")
            try visitor.field("is_argb", &hasAlpha, "1 when dots have an opacity")
            try visitor.field("width", &width, "dots in a row")
            try visitor.field("height", &height, "rows")
            try visitor.field("hot_x", &hotX, "the dot that points, from the left")
            try visitor.field("hot_y", &hotY, "the dot that points, from above")
            try visitor.bytes("pixels", &pixels, count: nil, "blue, green, red and opacity of each dot")
        }
    }

    /// FEATURE_CHANGE: what the host wants to be told.
    public struct Features: WireStructure {
        public static let structureName: StaticString = "FEATURE_CHANGE"
        /// 1 for changed parts of the picture.
        public var dirt: UInt8 = 0
        /// 1 for the place of the pointer.
        public var pointerPosition: UInt8 = 0
        /// 1 for the look of the pointer.
        public var pointerShape: UInt8 = 0
        /// 1 for how the picture lies in the frame buffer.
        public var situation: UInt8 = 0
        /// What a screen says of itself; not in the short form.
        public var identification: [UInt8] = []
        public init() {}
        /// Everything, and the changed parts where they are wanted.
        public init(dirt: Bool) {
            self.dirt = dirt ? 1 : 0
            (pointerPosition, pointerShape, situation) = (1, 1, 1)
        }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("is_dirt_needed", &dirt, "1: tell which parts of the picture change")
            try visitor.field("is_ptr_pos_needed", &pointerPosition, "1: tell where the pointer is")
            try visitor.field("is_ptr_shape_needed", &pointerShape, "1: tell how the pointer looks")
            try visitor.field("is_situ_needed", &situation, "1: tell how the picture lies in the frame buffer")
            try visitor.bytes("edid_block", &identification, count: nil, "what a screen says of itself, if at all")
        }
    }

    /// DIRT: parts of the picture that have changed.
    public struct Dirt: WireStructure {
        public static let structureName: StaticString = "DIRT"
        /// The screen.
        public var output: UInt8 = 0
        /// The parts.
        public var rectangles: [VideoRectangle] = []
        public init() {}
        /// Parts of the first screen, 255 at most.
        public init(_ rectangles: [VideoRectangle]) { self.rectangles = Array(rectangles.prefix(255)) }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            var count = UInt8(truncatingIfNeeded: rectangles.count)
            try visitor.field("video_output", &output, "the screen")
            try visitor.field("dirt_count", &count, "parts that follow")
            try visitor.repeated("rect", &rectangles, count: Int(count), "a part of the picture")
        }
    }

    /// BIOS_INFO_RESPONSE.
    public struct BIOSInfo: WireStructure {
        public static let structureName: StaticString = "BIOS_INFO"
        /// 1 when the firmware's own display can be stopped.
        public var stopSupported: UInt32 = 0
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("stop_device_supported", &stopSupported, "1: the firmware's display can be stopped")
            try visitor.reserved(12)
        }
    }

    /// RESOLUTION_RESPONSE: sizes that a picture may have.
    public struct Resolutions: WireStructure {
        public static let structureName: StaticString = "RESOLUTIONS"
        /// The most that there are.
        public static let greatestCount = 64
        /// What a screen says of itself; zeros for nothing.
        public var identification: [UInt8] = [UInt8](repeating: 0, count: 128)
        /// Which of them is usual.
        public var usual: UInt8 = 0
        /// 1 where they come from a standard.
        public var isStandard: UInt8 = 0
        /// The sizes.
        public var list: [VideoResolution] = []
        public init() {}
        /// Sizes, the usual one first.
        public init(_ list: [VideoResolution]) { self.list = Array(list.prefix(Self.greatestCount)) }
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            var count = UInt8(truncatingIfNeeded: list.count)
            try visitor.bytes("edid_block", &identification, count: 128, "what a screen says of itself; zeros")
            try visitor.field("resolution_count", &count, "sizes that follow")
            try visitor.require(
                Int(count) <= Self.greatestCount, "resolution_count", UInt64(count), "at most 64 sizes")
            try visitor.field("default_resolution_index", &usual, "which of them is usual")
            try visitor.field("is_standard", &isStandard, "1 where they come from a standard")
            try visitor.repeated("supported_resolution", &list, count: Int(count), "a size")
        }
    }

    /// CAPABILITY_RESPONSE.
    public struct Capability: WireStructure {
        public static let structureName: StaticString = "VIDEO_CAPABILITY"
        /// 1 when the guest may lock its screen as the person goes.
        public var lockOnDisconnect: UInt32 = 0
        public init() {}
        public mutating func visit<Visitor: FieldVisitor>(_ visitor: inout Visitor) throws(WireError) {
            try visitor.field("lock_on_disconnect", &lockOnDisconnect, "1: the screen is locked as the person goes")
            try visitor.reserved(60)
        }
    }
}
