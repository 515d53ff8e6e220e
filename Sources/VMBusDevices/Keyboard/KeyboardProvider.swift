/// The host's end of a keyboard: takes the guest's version and sends keys, at the pace of a person (reference §6.8).
public struct KeyboardProvider: MessageEndpoint {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// Nanoseconds between two keys: a guest's programs lose some when they come faster than those read them.
        public var interval: UInt64 = 10_000_000
        /// The most keys that wait for their turn.
        public var maximumWaiting = 4 * KeyboardCommand.maximumCount
        /// The host's defaults.
        public init() {}
    }

    /// What was chosen.
    public let configuration: Configuration
    public var line = MessageLine("keyboard")
    /// Whether the guest's version was taken.
    public private(set) var isReady = false
    /// The lights that the guest has on; none until it says so.
    public private(set) var lights: KeyboardLights = []
    /// Keys that were sent.
    public private(set) var sent: UInt64 = 0
    private var waiting: [Keystroke] = []
    private var isWaking = false

    /// Waits for its channel.
    public init(configuration: Configuration = Configuration()) { self.configuration = configuration }

    public mutating func began() -> [DeviceEffect] { [] }

    public mutating func take(_ message: KeyboardMessage) -> [DeviceEffect] {
        switch message.body {
        case .request(let version):
            guard version == KeyboardMessage.version else {
                isReady = false
                return line.send(KeyboardMessage(.response([])))
                    + [.note("keyboard: the guest speaks \(message.info); there is only version 1.0")]
            }
            // A guest may ask again, as one does that has slept.
            let isNew = !isReady
            isReady = true
            return line.send(KeyboardMessage(.response(.accepted))) + (isNew ? [.ready] : [])
        case .lights(let lights):
            guard isReady else { return unexpected(message, "the version is agreed on first") }
            guard lights != self.lights else { return [] }
            self.lights = lights
            return [.note("keyboard: the guest's lights: \(lights.meaning ?? "")")]
        case .response, .event, .other:
            return unexpected(message, "a guest sends PROTOCOL_REQUEST and LED_INDICATORS")
        }
    }

    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard case .keyboard(let command) = command else { return nil }
        guard isReady else { return [.note("keyboard: the guest has no driver for it yet, so no key is pressed")] }
        guard waiting.count + command.strokes.count <= configuration.maximumWaiting else {
            return [.note("keyboard: \(waiting.count) keys wait already; these are left out")]
        }
        waiting += command.strokes
        return isWaking ? [] : next()
    }

    private mutating func next() -> [DeviceEffect] {
        isWaking = !waiting.isEmpty
        guard isWaking else { return [] }
        sent += 1
        return line.send(KeyboardMessage(.event(waiting.removeFirst())))
            + [.wake(afterNanoseconds: configuration.interval, token: line.generation)]
    }

    public mutating func wake<Memory: DeviceMemory>(
        token: UInt64, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        token == line.generation && isWaking ? next() : []
    }

    public mutating func ended() -> [DeviceEffect] {
        (isReady, isWaking, waiting, lights, sent) = (false, false, [], [], 0)
        return []
    }
}
