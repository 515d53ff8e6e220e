import VMBusWire

/// The host's end of a display: agrees on a version, tells sizes, and knows where the guest's picture is, so that it can be read
/// out of the guest's memory (reference §6.10).
public struct VideoProvider: MessageEndpoint {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// The newest version that is taken.
        public var newest = VideoVersion.windows10
        /// Megabytes of address space that the offer asks for: the frame buffer.
        public var megabytes: UInt16 = 8
        /// Sizes that a picture may have, the usual one first.
        public var resolutions = [
            VideoResolution(1024, 768), VideoResolution(800, 600), VideoResolution(1280, 1024),
            VideoResolution(1600, 1200),
        ]
        /// The host's defaults.
        public init() {}
        /// The bytes of the frame buffer.
        public var byteCount: Int { Int(megabytes) << 20 }
    }

    /// The most changed parts that are kept.
    public static let keptRectangles = 64
    /// The greatest width and height of a picture.
    static let greatestSide: UInt32 = 8192

    /// What was chosen.
    public let configuration: Configuration
    public var line = MessageLine("video")
    /// What both ends speak; nil until they know.
    public private(set) var version: VideoVersion?
    /// Where the frame buffer is in the guest's memory; nil until the guest says so.
    public private(set) var address: UInt64?
    /// How the guest's picture lies in it; nil until the guest says so.
    public private(set) var output: VideoMessage.Output?
    /// Where the guest's pointer is; nil until the guest says so.
    public private(set) var pointer: VideoMessage.PointerPosition?
    /// How the guest's pointer looks, all parts together; nil until the guest says so.
    public private(set) var shape: VideoMessage.PointerShape?
    /// The last changed parts, oldest first.
    public private(set) var dirty: [VideoRectangle] = []
    /// Changed parts that were told.
    public private(set) var dirtyCount: UInt64 = 0
    private var parts: [UInt8] = []
    private var wantsDirt = true

    /// Waits for its channel.
    public init(configuration: Configuration = Configuration()) { self.configuration = configuration }

    public mutating func began() -> [DeviceEffect] { [] }

    public mutating func take(_ message: VideoMessage) -> [DeviceEffect] {
        if case .versionRequest(let version) = message.body { return agree(version) }
        guard let version else { return unexpected(message, "the version is agreed on first") }
        switch (message.type, message.body) {
        case (_, .resolutionRequest(let count)):
            guard version >= .windows10 else { return unexpected(message, "version \(version) tells no sizes") }
            let sizes = configuration.resolutions.filter { $0.byteCount <= configuration.byteCount }
            return line.send(VideoMessage(.resolutionResponse, .resolutions(.init(Array(sizes.prefix(Int(count)))))))
        case (_, .vramLocation(let location)):
            guard location.hasAddress != 0 else {
                return [line.broken("address", "none", "the guest says where its frame buffer is")]
            }
            (address, output) = (location.address, nil)
            return line.send(VideoMessage(.vramLocationAck, .vramLocationAck(location.context)))
        case (_, .situation(let situation)): return show(situation, message)
        case (_, .pointerPosition(let pointer)):
            self.pointer = pointer
            return []
        case (_, .pointerShape(let shape)): return look(shape)
        case (_, .dirt(let dirt)): return change(dirt, message)
        case (.biosInfoRequest, _): return line.send(VideoMessage(.biosInfoResponse, .biosInfo(.init())))
        case (.capabilityRequest, _): return line.send(VideoMessage(.capabilityResponse, .capability(.init())))
        default: return unexpected(message, "a guest asks and tells, and does not answer")
        }
    }

    private mutating func agree(_ version: VideoVersion) -> [DeviceEffect] {
        let isAccepted = version <= configuration.newest && VideoVersion.all.contains(version)
        let answer = line.send(
            VideoMessage(.versionResponse, .versionResponse(.init(version: version, isAccepted: isAccepted))))
        let wasAgreed = self.version != nil
        forget()
        if isAccepted { self.version = version }
        return answer + (isAccepted && !wasAgreed ? [.ready] : [])
    }

    private mutating func show(_ situation: VideoMessage.Situation, _ message: VideoMessage) -> [DeviceEffect] {
        guard address != nil else { return unexpected(message, "the frame buffer's place is told first") }
        guard situation.outputs.count == 1, let next = situation.outputs.first else {
            return [line.broken("outputs", "\(situation.outputs.count) screens", "one screen, as the host has one")]
        }
        if let problem = problem(next) {
            return [line.broken("situation", problem, "a picture that lies in the frame buffer")]
        }
        let isFirst = output == nil
        let answer = line.send(VideoMessage(.situationUpdateAck, .situationAck(situation.context)))
        guard output != next else { return answer }
        output = next
        let words =
            next.active == 0 ? "no picture" : "a picture of \(next.width)x\(next.height), \(next.depth) bits to a dot"
        // Which parts change is told only when the host wants it.
        return answer + [.note("video: the guest shows \(words)")] + (isFirst ? features() : [])
    }

    /// What keeps a picture from being read; nil for nothing.
    private func problem(_ output: VideoMessage.Output) -> String? {
        guard output.active != 0 else { return nil }
        guard [16, 24, 32].contains(output.depth) else { return "\(output.depth) bits to a dot" }
        guard (1...Self.greatestSide).contains(output.width), (1...Self.greatestSide).contains(output.height) else {
            return "\(output.width)x\(output.height)"
        }
        let row = Int(output.width) * Int(output.depth) / 8
        guard Int(output.pitch) >= row else { return "\(output.pitch) bytes a row" }
        let end = Int(output.offset) + Int(output.pitch) * (Int(output.height) - 1) + row
        return end <= configuration.byteCount ? nil : "\(end) bytes"
    }

    private mutating func features() -> [DeviceEffect] {
        line.send(VideoMessage(.featureChange, .features(.init(dirt: wantsDirt))))
    }

    private mutating func look(_ part: VideoMessage.PointerShape) -> [DeviceEffect] {
        let side = VideoMessage.PointerShape.greatestSide
        guard part.width <= side, part.height <= side else {
            parts = []
            return [line.broken("shape", "\(part.width)x\(part.height)", "at most 96 dots and rows")]
        }
        if part.part == 0 { parts = [] }
        parts += part.pixels
        let size = Int(part.width) * Int(part.height) * 4
        guard parts.count <= size else {
            defer { parts = [] }
            return [
                line.broken("shape", "\(parts.count) bytes", "four bytes for each dot of a pointer, \(size) in all")
            ]
        }
        guard part.part == VideoMessage.PointerShape.lastPart else { return [] }
        var whole = part
        whole.pixels = parts
        parts = []
        shape = whole
        return []
    }

    private mutating func change(_ dirt: VideoMessage.Dirt, _ message: VideoMessage) -> [DeviceEffect] {
        guard let output else { return unexpected(message, "the picture is told first") }
        for part in dirt.rectangles {
            guard 0 <= part.left, part.left <= part.right, part.right <= output.width, 0 <= part.top,
                part.top <= part.bottom, part.bottom <= output.height
            else { return [line.broken("dirt", part.description, "a part of the picture")] }
        }
        dirtyCount += UInt64(dirt.rectangles.count)
        dirty = Array((dirty + dirt.rectangles).suffix(Self.keptRectangles))
        return []
    }

    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard case .video(let command) = command else { return nil }
        if command != .refresh { wantsDirt = command == .watch }
        return output == nil ? [.note("video: the guest has shown nothing yet")] : features()
    }

    /// What the guest shows now, out of its memory; the pointer is not in it.
    ///
    /// - Throws: what is missing for it.
    public func picture<Memory: DeviceMemory>(_ memory: Memory) throws(VideoPictureError) -> VideoPicture {
        guard let output, output.active != 0, let address else {
            throw VideoPictureError(description: "the guest shows nothing yet")
        }
        let (start, overflows) = address.addingReportingOverflow(UInt64(output.offset))
        let count = Int(output.width) * Int(output.depth) / 8
        let picture =
            overflows
            ? nil
            : VideoPicture(width: Int(output.width), height: Int(output.height), depth: Int(output.depth)) { row in
                let (place, overflows) = start.addingReportingOverflow(UInt64(row) * UInt64(output.pitch))
                guard !overflows, let range = GPARange(address: place, count: count) else { return nil }
                return memory.read(range)
            }
        guard let picture else {
            throw VideoPictureError(
                description: "the frame buffer at \(Hexadecimal.prefixed(address)) is not in the guest's memory")
        }
        return picture
    }

    private mutating func forget() {
        (version, address, output, pointer, shape) = (nil, nil, nil, nil, nil)
        (dirty, dirtyCount, parts, wantsDirt) = ([], 0, [], true)
    }

    public mutating func ended() -> [DeviceEffect] {
        forget()
        return []
    }
}
