import VMBusWire

/// The guest's end of a display: asks for the version and the sizes, says where its frame buffer is, and draws into it
/// (reference §6.10).
public struct VideoConsumer: MessageEndpoint {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// Versions that are asked for, one after the other.
        public var versions = [VideoVersion.windows10, VideoVersion(3, 2)]
        /// The size where the host tells none.
        public var usual = VideoResolution(1152, 864)
        /// Squares that are drawn.
        public var squares: UInt32 = 0
        /// Nanoseconds between two of them (Linux: 50 ms).
        public var interval: UInt64 = 50_000_000
        /// A guest that draws nothing.
        public init() {}
    }

    /// How far it is.
    public enum Phase: Sendable, Hashable {
        /// The channel is not open, or the host did not answer.
        case idle
        /// A version is asked for.
        case asked
        /// Sizes are asked for.
        case sizing
        /// The frame buffer is asked for.
        case allocating
        /// The host is told where it is.
        case locating
        /// There is a picture.
        case ready
    }

    /// A square that is drawn has so many dots and rows.
    static let side: UInt32 = 32

    /// What was chosen.
    public let configuration: Configuration
    public var line = MessageLine("video")
    /// How far it is.
    public private(set) var phase = Phase.idle
    /// The picture's size.
    public private(set) var resolution: VideoResolution
    /// Whether the host wants to know which parts change.
    public private(set) var tellsDirt = false
    /// Squares that were drawn.
    public private(set) var drawn: UInt32 = 0
    private var attempts = 0
    private var address: UInt64 = 0
    private static let drawingBit: UInt64 = 1 << 63

    /// Waits for its channel.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        resolution = configuration.usual
    }

    private var version: VideoVersion? {
        configuration.versions.indices.contains(attempts) ? configuration.versions[attempts] : nil
    }

    public mutating func began() -> [DeviceEffect] { ask() + [HandshakeLimit.wait(line)] }

    private mutating func ask() -> [DeviceEffect] {
        guard let version else {
            phase = .idle
            return [.failed(reason: "the host takes none of the versions")]
        }
        phase = .asked
        return line.send(VideoMessage(.versionRequest, .versionRequest(version)))
    }

    public mutating func take(_ message: VideoMessage) -> [DeviceEffect] {
        switch (message.body, phase) {
        case (.versionResponse(let answer), .asked):
            guard answer.version == version else {
                return [line.broken("version", "\(answer.version)", "an answer names the version that was asked for")]
            }
            guard answer.accepted != 0 else {
                attempts += 1
                return ask()
            }
            guard answer.version >= .windows10 else { return allocate() }
            phase = .sizing
            return line.send(VideoMessage(.resolutionRequest, .resolutionRequest(64)))
        case (.resolutions(let sizes), .sizing):
            guard sizes.list.indices.contains(Int(sizes.usual)), sizes.list[Int(sizes.usual)].byteCount > 0 else {
                // Linux goes on with its own size as well.
                return [line.broken("resolutions", "\(sizes.list.count) sizes", "sizes, and which of them is usual")]
                    + allocate()
            }
            resolution = sizes.list[Int(sizes.usual)]
            return allocate()
        case (.vramLocationAck(let context), .locating):
            guard context == address else {
                return [line.broken("context", Hexadecimal.prefixed(context), "an answer repeats the guest's context")]
            }
            phase = .ready
            let drawing = configuration.squares > 0 ? [next] : []
            return tell() + [.ready] + drawing
        case (.situationAck, .ready): return []
        case (.features(let features), .ready):
            tellsDirt = features.dirt != 0
            return features.situation != 0 || features.pointerPosition != 0 || features.pointerShape != 0 ? tell() : []
        default: return unexpected(message, "a host answers what was asked, and says what it wants to be told")
        }
    }

    private mutating func allocate() -> [DeviceEffect] {
        phase = .allocating
        return [.createBuffer(purpose: .screen, byteCount: resolution.byteCount)]
    }

    public mutating func bufferCreated<Memory: DeviceMemory>(
        purpose: BufferPurpose, buffer: GuestBuffer?, memory: inout Memory
    ) -> [DeviceEffect] {
        guard purpose == .screen, phase == .allocating else {
            return buffer == nil ? [] : [.destroyBuffer(purpose: purpose)]
        }
        guard let pages = buffer?.pages, let first = pages.first,
            zip(pages, pages.dropFirst()).allSatisfy({ $1 == $0 + 1 })
        else {
            phase = .idle
            let failed = DeviceEffect.failed(
                reason: "there are not \(resolution.byteCount) bytes of memory side by side")
            return buffer == nil ? [failed] : [.destroyBuffer(purpose: purpose), failed]
        }
        phase = .locating
        address = first * 4096
        return line.send(VideoMessage(.vramLocation, .vramLocation(.init(address: address))))
    }

    /// Where the pointer is, how it looks, and how the picture lies in the frame buffer.
    private mutating func tell() -> [DeviceEffect] {
        line.send(VideoMessage(.pointerPosition, .pointerPosition(.init(x: 0, y: 0))))
            + line.send(
                VideoMessage(.pointerShape, .pointerShape(.init(width: 1, height: 1, pixels: [0, 1, 1, 1]))))
            + line.send(VideoMessage(.situationUpdate, .situation(.init(.init(resolution)))))
    }

    private var next: DeviceEffect {
        .wake(afterNanoseconds: configuration.interval, token: line.generation | Self.drawingBit)
    }

    public mutating func wake<Memory: DeviceMemory>(
        token: UInt64, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        if token == line.generation, phase != .ready, phase != .idle {
            phase = .idle
            return [HandshakeLimit.failed]
        }
        guard token == line.generation | Self.drawingBit, phase == .ready else { return [] }
        let effects = draw(&memory)
        return drawn < configuration.squares ? effects + [next] : effects
    }

    /// Draws the next square of a chequered picture, in a colour of its own.
    private mutating func draw<Memory: DeviceMemory>(_ memory: inout Memory) -> [DeviceEffect] {
        let (width, height) = (UInt32(resolution.width), UInt32(resolution.height))
        let (columns, rows) = (max(1, width / Self.side), max(1, height / Self.side))
        // A step that shares no factor with most counts, so that squares come everywhere.
        let place = drawn &* 7 % (columns * rows)
        let (left, top) = (place % columns * Self.side, place / columns * Self.side)
        let (right, bottom) = (min(width, left + Self.side), min(height, top + Self.side))
        let colour = [UInt8(truncatingIfNeeded: drawn &* 40), UInt8(truncatingIfNeeded: 255 &- drawn &* 24), 96, 0]
        let row = (left..<right).flatMap { _ in colour }
        drawn += 1
        for number in top..<bottom {
            let start = address + (UInt64(number) * UInt64(width) + UInt64(left)) * 4
            guard let range = GPARange(address: start, count: row.count), memory.write(range, row) else {
                return [.note("video: the frame buffer cannot be written")]
            }
        }
        guard tellsDirt else { return [] }
        let rectangle = VideoRectangle(
            left: Int32(left), top: Int32(top), right: Int32(right), bottom: Int32(bottom))
        return line.send(VideoMessage(.dirt, .dirt(.init([rectangle]))))
    }

    public mutating func ended() -> [DeviceEffect] {
        let hadBuffer = phase == .locating || phase == .ready
        let line = line
        self = VideoConsumer(configuration: configuration)
        self.line = line
        return hadBuffer ? [.destroyBuffer(purpose: .screen)] : []
    }
}
