import Testing
import VMBusDevices
import VMBusWire

typealias VideoPair = DevicePair<VideoConsumer, VideoProvider>

@Suite struct VideoTests {
    private func opened(
        _ change: (inout VideoConsumer.Configuration, inout VideoProvider.Configuration) -> Void = { _, _ in }
    ) -> VideoPair {
        var (guest, host) = (VideoConsumer.Configuration(), VideoProvider.Configuration())
        host.resolutions = [VideoResolution(96, 64), VideoResolution(64, 64)]
        change(&guest, &host)
        var pair = VideoPair(guest: VideoConsumer(configuration: guest), host: VideoProvider(configuration: host))
        pair.open()
        pair.settle()
        return pair
    }

    private static func output(_ change: (inout VideoMessage.Output) -> Void) -> VideoMessage.Output {
        var output = VideoMessage.Output(VideoResolution(96, 64))
        change(&output)
        return output
    }

    private static func situation(_ change: (inout VideoMessage.Output) -> Void) -> [UInt8] {
        VideoMessage(.situationUpdate, .situation(.init(output(change)))).encoded()
    }

    private static let usualSituation = VideoMessage(
        .situationUpdate, .situation(.init(VideoMessage.Output(VideoResolution(1024, 768)))))

    private static let layouts: [(VideoMessage, String)] = [
        (VideoMessage(.versionRequest, .versionRequest(.windows10)), "01000000 0c000000 01000000 0c000000 03000500"),
        (
            VideoMessage(.versionResponse, .versionResponse(.init(version: .windows10, isAccepted: true))),
            "01000000 0e000000 02000000 0e000000 03000500 02 01"
        ),
        (
            VideoMessage(.vramLocation, .vramLocation(.init(address: 0x3000_0000))),
            "01000000 19000000 03000000 19000000 0000003000000000 01 0000003000000000"
        ),
        (
            VideoMessage(.vramLocationAck, .vramLocationAck(7)), "01000000 10000000 04000000 10000000 0700000000000000"
        ),
        (
            usualSituation,
            "01000000 23000000 05000000 23000000 0000000000000000 01 01 00000000 20 00040000 00030000 00100000"
        ),
        (
            VideoMessage(.pointerPosition, .pointerPosition(.init(x: -1, y: 2))),
            "01000000 12000000 07000000 12000000 01 00 ffffffff 02000000"
        ),
        (
            VideoMessage(.pointerShape, .pointerShape(.init(width: 1, height: 1, pixels: [0, 1, 1, 1]))),
            "01000000 1e000000 08000000 1e000000 ff 01 01000000 01000000 00000000 00000000 00010101"
        ),
        (VideoMessage(.featureChange, .features(.init(dirt: true))), "01000000 0c000000 09000000 0c000000 01 01 01 01"),
        (
            VideoMessage(.dirt, .dirt(.init([VideoRectangle(left: 1, top: 2, right: 3, bottom: 4)]))),
            "01000000 1a000000 0a000000 1a000000 00 01 01000000 02000000 03000000 04000000"
        ),
        (VideoMessage(.biosInfoResponse, .biosInfo(.init())), "01000000 18000000 0c000000 18000000" + zeros(16)),
        (VideoMessage(.resolutionRequest, .resolutionRequest(64)), "01000000 09000000 0d000000 09000000 40"),
        (
            VideoMessage(.resolutionResponse, .resolutions(.init([VideoResolution(1024, 768)]))),
            "01000000 8f000000 0e000000 8f000000" + zeros(128) + "01 00 00 0004 0003"
        ), (VideoMessage(.capabilityResponse, .capability(.init())), "01000000 48000000 10000000 48000000" + zeros(64)),
    ]

    @Test(arguments: layouts)
    func `messages lie as the reference says`(_ message: VideoMessage, _ digits: String) throws {
        #expect(message.encoded() == bytes(digits))
        #expect(try VideoMessage.decode(bytes(digits)) == message)
    }

    private static func zeros(_ count: Int) -> String { String(repeating: "00", count: count) }

    @Test func `a size may count the message's own header or not`() throws {
        var message = VideoMessage(.versionRequest, .versionRequest(.windows10))
        message.size = 4
        #expect(try VideoMessage.decode(message.encoded()).body == message.body)
    }

    @Test func `a display comes up in the order of the reference`() {
        let pair = opened()
        #expect(pair.violations.isEmpty)
        #expect(pair.readyCount == 2)
        #expect(pair.host.version == .windows10)
        #expect(pair.host.output == VideoMessage.Output(VideoResolution(96, 64)))
        #expect(pair.host.pointer?.visible == 1)
        #expect(pair.host.shape?.pixels == [0, 1, 1, 1])
        #expect(pair.guest.tellsDirt)
        #expect(pair.notes == ["video: the guest shows a picture of 96x64, 32 bits to a dot"])
        let names = pair.lines(.video).map { $0.split(separator: " ")[0].dropFirst(6) }
        #expect(
            names.joined(separator: " ")
                == "VERSION_REQUEST VERSION_RESPONSE RESOLUTION_REQUEST RESOLUTION_RESPONSE VRAM_LOCATION "
                + "VRAM_LOCATION_ACK POINTER_POSITION POINTER_SHAPE SITUATION_UPDATE SITUATION_UPDATE_ACK "
                + "FEATURE_CHANGE POINTER_POSITION POINTER_SHAPE SITUATION_UPDATE SITUATION_UPDATE_ACK")
    }

    @Test func `an older host tells no sizes, and the guest takes its own`() {
        let pair = opened { $1.newest = VideoVersion(3, 2) }
        #expect(pair.violations.isEmpty)
        #expect(pair.host.version == VideoVersion(3, 2))
        #expect(pair.host.output?.width == 1152)
        #expect(!pair.lines(.video).contains { $0.hasPrefix("VIDEO.RESOLUTION") })
    }

    @Test func `a guest and a host without a version in common stay silent`() {
        let pair = opened { $1.newest = VideoVersion(3, 0) }
        #expect(pair.failures == ["the host takes none of the versions"])
        #expect(pair.guest.phase == .idle)
        #expect(pair.host.version == nil)
    }

    @Test func `what the guest draws is told and can be read`() throws {
        var pair = opened { guest, _ in guest.squares = 4 }
        for _ in 0..<6 {
            pair.tick()
            pair.settle()
        }
        #expect(pair.violations.isEmpty)
        #expect(pair.host.dirtyCount == 4)
        #expect(pair.host.dirty.first == VideoRectangle(left: 0, top: 0, right: 32, bottom: 32))
        let picture = try pair.host.picture(pair.memory)
        #expect(picture.width == 96 && picture.height == 64)
        #expect(picture.bytes.count == 18432)
        // Blue, green and red in memory; red, green and blue in the picture.
        #expect(Array(picture.bytes[0..<3]) == [96, 255, 0])
        #expect(
            Set(stride(from: 0, to: picture.bytes.count, by: 3).map { picture.bytes[$0 + 1] }) == [
                0, 255, 231, 207, 183,
            ])
        #expect(pair.lines(.video).contains("VIDEO.DIRT 32x32 at 0, 0"))
    }

    @Test func `a guest that is asked not to says no more which parts change`() throws {
        var pair = opened { guest, _ in guest.squares = 3 }
        pair.command("unwatch", .video)
        pair.settle()
        for _ in 0..<6 {
            pair.tick()
            pair.settle()
        }
        #expect(pair.guest.drawn == 3)
        #expect(pair.host.dirtyCount == 0)
        pair.command("refresh", .video)
        pair.settle()
        #expect(!pair.guest.tellsDirt)
        pair.command("watch", .video)
        pair.settle()
        #expect(pair.guest.tellsDirt)
        var words = ""
        do {
            _ = try DeviceCommand(["screenshot"], for: .video)
        } catch {
            words = error.description
        }
        #expect(words.contains("it knows refresh, watch, unwatch"))
    }

    private static let dots: [(UInt8, [UInt8])] = [(16, [0x1F, 0xF8]), (24, [1, 2, 3]), (32, [1, 2, 3, 4])]

    @Test(arguments: dots)
    func `dots of every depth become red, green and blue`(_ depth: UInt8, _ dot: [UInt8]) throws {
        let expected: [UInt8] = depth == 16 ? [248, 0, 248] : [3, 2, 1]
        var pair = opened()
        let first = pair.host.address ?? 0
        let range = GPARange(byteCount: UInt32(dot.count), byteOffset: 0, pages: [first / 4096])
        let isWritten = pair.memory.write(range, dot)
        #expect(isWritten)
        pair.inject(
            ChannelPacket(payload: Self.situation { $0.depth = depth }), from: .guestToHost)
        let picture = try pair.host.picture(pair.memory)
        #expect(Array(picture.bytes.prefix(3)) == expected)
    }

    @Test func `there is no picture of nothing, nor of memory that is not there`() {
        func problem(_ pair: VideoPair) -> String {
            do {
                return "\(try pair.host.picture(pair.memory).width) dots"
            } catch {
                return error.description
            }
        }
        var pair = opened()
        #expect(problem(pair) == "96 dots")
        for address in [0xFFFF_FFFF_FFFF_F000, 0x100_0000] as [UInt64] {
            pair.inject(
                ChannelPacket(payload: VideoMessage(.vramLocation, .vramLocation(.init(address: address))).encoded()),
                from: .guestToHost)
            #expect(problem(pair) == "the guest shows nothing yet")
            pair.inject(ChannelPacket(payload: Self.situation { $0.offset = 4096 }), from: .guestToHost)
            #expect(problem(pair).contains("is not in the guest's memory"))
        }
        pair.inject(ChannelPacket(payload: Self.situation { $0.active = 0 }), from: .guestToHost)
        #expect(problem(pair) == "the guest shows nothing yet")
        #expect(pair.violations.isEmpty)
        pair.perform(pair.host.closed(subchannel: 0), from: .hostToGuest)
        #expect(pair.host.address == nil && pair.host.version == nil)
    }

    @Test func `a pointer's shape comes in parts`() {
        var pair = opened()
        var part = VideoMessage.PointerShape(width: 4, height: 4, pixels: [UInt8](repeating: 1, count: 32))
        part.part = 0
        pair.inject(
            ChannelPacket(payload: VideoMessage(.pointerShape, .pointerShape(part)).encoded()), from: .guestToHost)
        #expect(pair.host.shape?.width == 1)
        part.part = VideoMessage.PointerShape.lastPart
        pair.inject(
            ChannelPacket(payload: VideoMessage(.pointerShape, .pointerShape(part)).encoded()), from: .guestToHost)
        #expect(pair.host.shape?.width == 4 && pair.host.shape?.pixels.count == 64)
        #expect(pair.violations.isEmpty)
    }

    @Test func `firmware facts and capabilities are answered`() {
        var pair = opened()
        for type in [VideoMessageType.biosInfoRequest, .capabilityRequest] {
            pair.inject(ChannelPacket(payload: VideoMessage(type).encoded()), from: .guestToHost)
        }
        // The guest never asks, so that it does not take the answers.
        pair.settle()
        #expect(pair.lines(.video).suffix(2) == ["VIDEO.BIOS_INFO_RESPONSE", "VIDEO.CAPABILITY_RESPONSE"])
        #expect(pair.violations.map(\.rule) == ["video-order", "video-order"])
    }

    @Test func `only sizes that fit the frame buffer are told, and no more than the guest takes`() {
        let pair = opened {
            $1.megabytes = 1
            $1.resolutions = [VideoResolution(1024, 768), VideoResolution(320, 200), VideoResolution(64, 64)]
        }
        #expect(pair.lines(.video).contains("VIDEO.RESOLUTION_RESPONSE 320x200, 64x64"))
        var other = opened()
        other.inject(
            ChannelPacket(payload: VideoMessage(.resolutionRequest, .resolutionRequest(1)).encoded()),
            from: .guestToHost)
        other.settle()
        #expect(other.lines(.video).last == "VIDEO.RESOLUTION_RESPONSE 96x64")
    }

    private static func message(_ change: (inout VideoMessage) -> Void) -> [UInt8] {
        var message = VideoMessage(.pointerPosition, .pointerPosition(.init(x: 1, y: 1)))
        change(&message)
        return message.encoded()
    }

    private static func dirt(_ left: Int32, _ top: Int32, _ right: Int32, _ bottom: Int32) -> [UInt8] {
        let part = VideoRectangle(left: left, top: top, right: right, bottom: bottom)
        return VideoMessage(.dirt, .dirt(.init([part]))).encoded()
    }

    private static func shape(_ width: UInt32, _ height: UInt32, _ count: Int) -> [UInt8] {
        let pixels = [UInt8](repeating: 0, count: count)
        return VideoMessage(.pointerShape, .pointerShape(.init(width: width, height: height, pixels: pixels))).encoded()
    }

    static let refusedByHost: [RefusedMessage] = [
        RefusedMessage(payload: [1, 0, 0, 0, 0, 0, 0, 0], rule: "well-formed"),
        RefusedMessage(payload: message { $0.pipe.type = 3 }, rule: "well-formed"),
        RefusedMessage(payload: message { $0.pipe.length = 16_385 }, rule: "well-formed"),
        RefusedMessage(payload: message { $0.pipe.length = 17 }, rule: "well-formed"),
        RefusedMessage(payload: message { $0.pipe.length = 19 }, rule: "well-formed"),
        RefusedMessage(payload: message { $0.size = 11 }, rule: "well-formed"),
        RefusedMessage(payload: message { $0.size = .max }, rule: "well-formed"),
        RefusedMessage(payload: bytes("01000000 11000000 05000000 11000000 0000000000000000 ff"), rule: "well-formed"),
        RefusedMessage(payload: bytes("01000000 0a000000 0a000000 0a000000 00 05"), rule: "well-formed"),
        RefusedMessage(
            payload: bytes("01000000 11000000 05000000 11000000 0000000000000000 00"), rule: "video-outputs"),
        RefusedMessage(payload: situation { $0.depth = 31 }, rule: "video-situation"),
        RefusedMessage(payload: situation { $0.width = 0 }, rule: "video-situation"),
        RefusedMessage(payload: situation { $0.height = 8193 }, rule: "video-situation"),
        RefusedMessage(payload: situation { $0.pitch = 383 }, rule: "video-situation"),
        RefusedMessage(payload: situation { $0.pitch = .max }, rule: "video-situation"),
        RefusedMessage(payload: situation { $0.offset = .max }, rule: "video-situation"),
        RefusedMessage(payload: dirt(0, 0, 97, 1), rule: "video-dirt"),
        RefusedMessage(payload: dirt(0, 5, 1, 4), rule: "video-dirt"),
        RefusedMessage(payload: dirt(.min, .min, .max, .max), rule: "video-dirt"),
        RefusedMessage(payload: shape(97, 1, 4), rule: "video-shape"),
        RefusedMessage(payload: shape(2, 2, 20), rule: "video-shape"),
        RefusedMessage(payload: VideoMessage(.vramLocation, .vramLocation(.init())).encoded(), rule: "video-address"),
        RefusedMessage(payload: VideoMessage(.vramLocationAck, .vramLocationAck(1)).encoded(), rule: "video-order"),
        RefusedMessage(payload: VideoMessage(.featureChange, .features(.init())).encoded(), rule: "video-order"),
        RefusedMessage(payload: VideoMessage(.init(rawValue: 17)).encoded(), rule: "video-order"),
    ]

    @Test(arguments: refusedByHost)
    func `the host refuses what a guest may not say`(_ refused: RefusedMessage) {
        var pair = opened()
        pair.inject(refused.packet, from: .guestToHost)
        #expect(pair.violations.map(\.rule) == [refused.rule])
        #expect(pair.host.output == VideoMessage.Output(VideoResolution(96, 64)))
        #expect(pair.host.dirtyCount == 0)
    }

    @Test func `the host takes each step only behind the one before`() {
        var pair = VideoPair(guest: VideoConsumer(), host: VideoProvider())
        pair.perform(pair.host.opened(subchannel: 0, time: 0, memory: &pair.memory), from: .hostToGuest)
        func tell(_ type: VideoMessageType, _ body: VideoMessage.Body) -> String {
            let count = pair.violations.count
            pair.inject(ChannelPacket(payload: VideoMessage(type, body).encoded()), from: .guestToHost)
            return pair.violations.dropFirst(count).map(\.rule).joined()
        }
        #expect(tell(.vramLocation, .vramLocation(.init(address: 4096))) == "video-order")
        #expect(tell(.versionRequest, .versionRequest(VideoVersion(3, 2))) == "")
        #expect(tell(.resolutionRequest, .resolutionRequest(64)) == "video-order")
        #expect(tell(.situationUpdate, .situation(.init(.init(VideoResolution(64, 64))))) == "video-order")
        #expect(tell(.vramLocation, .vramLocation(.init(address: 4096))) == "")
        #expect(tell(.dirt, .dirt(.init([]))) == "video-order")
        #expect(tell(.situationUpdate, .situation(.init(.init(VideoResolution(64, 64))))) == "")
        #expect(tell(.dirt, .dirt(.init([]))) == "")
        // Another version is a new beginning.
        #expect(tell(.versionRequest, .versionRequest(VideoVersion(9, 9))) == "")
        #expect(pair.host.version == nil && pair.host.output == nil)
    }

    static let refusedByGuest: [RefusedMessage] = [
        RefusedMessage(
            payload: VideoMessage(.versionResponse, .versionResponse(.init(version: .windows10, isAccepted: true)))
                .encoded(), rule: "video-order"),
        RefusedMessage(
            payload: VideoMessage(.resolutionResponse, .resolutions(.init([]))).encoded(), rule: "video-order"),
        RefusedMessage(payload: VideoMessage(.vramLocationAck, .vramLocationAck(0)).encoded(), rule: "video-order"),
        RefusedMessage(payload: VideoMessage(.dirt, .dirt(.init([]))).encoded(), rule: "video-order"),
        RefusedMessage(
            payload: bytes("01000000 8b000000 0e000000 8b000000" + zeros(128) + "41 00 00"), rule: "well-formed"),
    ]

    @Test(arguments: refusedByGuest)
    func `the guest refuses what a host may not say`(_ refused: RefusedMessage) {
        var pair = opened()
        pair.inject(refused.packet, from: .hostToGuest)
        #expect(pair.violations.map(\.rule) == [refused.rule])
        #expect(pair.guest.phase == .ready)
    }

    @Test func `a guest minds wrong answers while it comes up`() {
        var pair = VideoPair(guest: VideoConsumer(), host: VideoProvider())
        pair.perform(pair.guest.opened(subchannel: 0, time: 0, memory: &pair.memory), from: .guestToHost)
        func tell(_ type: VideoMessageType, _ body: VideoMessage.Body) {
            pair.inject(ChannelPacket(payload: VideoMessage(type, body).encoded()), from: .hostToGuest)
        }
        tell(.versionResponse, .versionResponse(.init(version: VideoVersion(3, 0), isAccepted: true)))
        tell(.versionResponse, .versionResponse(.init(version: .windows10, isAccepted: true)))
        // Without a size of the host's it takes its own.
        tell(.resolutionResponse, .resolutions(.init([])))
        tell(.vramLocationAck, .vramLocationAck(12))
        #expect(pair.violations.map(\.rule) == ["video-version", "video-resolutions", "video-context"])
        #expect(pair.guest.phase == .locating)
        pair.tick()
        #expect(pair.failures == ["the host has not answered within 10 s"])
    }

    @Test func `a guest without memory in one piece shows nothing and gives it back`() {
        var guest = VideoConsumer()
        var memory = FakeMemory()
        _ = guest.opened(subchannel: 0, time: 0, memory: &memory)
        for message in [
            VideoMessage(.versionResponse, .versionResponse(.init(version: .windows10, isAccepted: true))),
            VideoMessage(.resolutionResponse, .resolutions(.init([VideoResolution(64, 64)]))),
        ] {
            _ = guest.receive(
                ChannelPacket(payload: message.encoded()), attachment: [], subchannel: 0, time: 0, memory: &memory)
        }
        let effects = guest.bufferCreated(
            purpose: .screen, buffer: memory.allocate(16_384, .frame), memory: &memory)
        #expect(effects.first == .destroyBuffer(purpose: .screen))
        #expect(effects.last == .failed(reason: "there are not 16384 bytes of memory side by side"))
    }
}
