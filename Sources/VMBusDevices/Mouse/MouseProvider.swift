/// The host's end of a mouse: says what device it is and reports where its pointer is (reference §6.9).
public struct MouseProvider: MessageEndpoint {
    /// How far it is.
    public enum Phase: Sendable, Hashable {
        /// The guest has not asked for a version that there is.
        case waiting
        /// The guest knows what device it is and has not said that it has read that.
        case described
        /// Reports go.
        case ready
    }

    public var line = MessageLine("mouse")
    /// How far it is.
    public private(set) var phase = Phase.waiting
    /// Where the pointer is, and which buttons are down.
    public private(set) var pointer = PointerReport()

    /// Waits for its channel.
    public init() {}

    public mutating func began() -> [DeviceEffect] { [] }

    public mutating func take(_ message: MouseMessage) -> [DeviceEffect] {
        switch message.body {
        case .request(let version):
            let isApproved = version == MouseMessage.version
            phase = isApproved ? .described : .waiting
            let answer = line.send(MouseMessage(.response(.init(version: version, isApproved: isApproved))))
            return isApproved
                ? answer + line.send(MouseMessage(.deviceInfo(.absolutePointer)))
                : answer + [.note("mouse: the guest speaks \(message.info); there is only version 2.0")]
        case .deviceInfoAck:
            guard phase == .described else { return unexpected(message, "device info is acknowledged once") }
            phase = .ready
            return [.ready]
        case .response, .deviceInfo, .report, .other:
            return unexpected(message, "a guest sends PROTOCOL_REQUEST and INITIAL_DEVICE_INFO_ACK")
        }
    }

    public mutating func perform<Memory: DeviceMemory>(
        _ command: DeviceCommand, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect]? {
        guard case .mouse(let command) = command else { return nil }
        guard phase == .ready else { return [.note("mouse: the guest has no driver for it yet, so nothing moves")] }
        switch command {
        case .move(let x, let y): (pointer.x, pointer.y) = (x, y)
        case .press(let buttons): pointer.buttons.formUnion(buttons)
        case .release(let buttons): pointer.buttons.subtract(buttons)
        case .click(let buttons):
            pointer.buttons.formUnion(buttons)
            let pressed = report()
            pointer.buttons.subtract(buttons)
            return pressed + report()
        case .wheel(let steps): return report(wheel: steps)
        }
        return report()
    }

    private mutating func report(wheel: Int16 = 0) -> [DeviceEffect] {
        var report = pointer
        report.wheel = wheel
        return line.send(MouseMessage(.report(report)))
    }

    public mutating func ended() -> [DeviceEffect] {
        (phase, pointer) = (.waiting, PointerReport())
        return []
    }
}
