/// The guest's end of a keyboard: asks for the version, takes keys, and says which of its lights are on (reference §6.8).
public struct KeyboardConsumer: MessageEndpoint {
    public var line = MessageLine("keyboard")
    /// Whether the host has taken the version.
    public private(set) var isReady = false
    /// Its lights.
    public private(set) var lights: KeyboardLights = []
    /// Keys that came, releases counted.
    public private(set) var received: UInt64 = 0
    private var isWaiting = false

    /// Waits for its channel.
    public init() {}

    public mutating func began() -> [DeviceEffect] {
        isWaiting = true
        return line.send(KeyboardMessage(.request(KeyboardMessage.version)), asks: true) + [HandshakeLimit.wait(line)]
    }

    public mutating func take(_ message: KeyboardMessage) -> [DeviceEffect] {
        switch message.body {
        case .response(let status):
            guard isWaiting else { return unexpected(message, "a request is answered once") }
            isWaiting = false
            isReady = status.contains(.accepted)
            return isReady ? [.ready] : [.failed(reason: "the host does not speak version 1.0")]
        case .event(let stroke):
            guard isReady else { return unexpected(message, "the version is agreed on first") }
            received += 1
            return [.utility(.key(stroke))] + light(stroke)
        case .request, .lights, .other:
            return unexpected(message, "a host sends PROTOCOL_RESPONSE and EVENT")
        }
    }

    /// Keys that switch a light.
    private mutating func light(_ stroke: Keystroke) -> [DeviceEffect] {
        switch KeyTable.name(of: stroke) {
        case _ where stroke.flags.contains(.released): return []
        case "caps-lock": lights.formSymmetricDifference(.capsLock)
        case "num-lock": lights.formSymmetricDifference(.numLock)
        case "scroll-lock": lights.formSymmetricDifference(.scrollLock)
        default: return []
        }
        return line.send(KeyboardMessage(.lights(lights)))
    }

    public mutating func wake<Memory: DeviceMemory>(
        token: UInt64, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard token == line.generation, isWaiting else { return [] }
        isWaiting = false
        return [HandshakeLimit.failed]
    }

    public mutating func ended() -> [DeviceEffect] {
        self = KeyboardConsumer(line)
        return []
    }

    private init(_ line: MessageLine) { self.line = line }
}
