/// The guest's end of a mouse: asks for the version, reads what device it is, and takes its reports (reference §6.9).
public struct MouseConsumer: MessageEndpoint {
    /// How far it is.
    public enum Phase: Sendable, Hashable {
        /// The channel is not open, or the host did not answer.
        case idle
        /// A version is asked for.
        case asked
        /// The host has taken it; what device it is comes next.
        case approved
        /// Reports come.
        case ready
    }

    public var line = MessageLine("mouse")
    /// How far it is.
    public private(set) var phase = Phase.idle
    /// What device it is.
    public private(set) var description: PointerDescription?
    /// The last report.
    public private(set) var pointer = PointerReport()

    /// Waits for its channel.
    public init() {}

    public mutating func began() -> [DeviceEffect] {
        phase = .asked
        return line.send(MouseMessage(.request(MouseMessage.version)), asks: true) + [HandshakeLimit.wait(line)]
    }

    public mutating func take(_ message: MouseMessage) -> [DeviceEffect] {
        switch message.body {
        case .response(let response):
            guard phase == .asked else { return unexpected(message, "a request is answered once") }
            guard response.approved != 0 else {
                phase = .idle
                return [.failed(reason: "the host does not speak version 2.0")]
            }
            phase = .approved
            return []
        case .deviceInfo(let device):
            // A host whose device changes says so again.
            guard phase == .approved || phase == .ready else {
                return unexpected(message, "the version is agreed on first")
            }
            if let problem = device.problem {
                return [line.broken("descriptor", problem, "a HID descriptor, then a report descriptor")]
            }
            let isNew = phase == .approved
            (phase, description) = (.ready, device)
            return line.send(MouseMessage(.deviceInfoAck), asks: true) + (isNew ? [.ready] : [])
        case .report(let report):
            guard phase == .ready else { return unexpected(message, "the device is described first") }
            guard max(report.x, report.y) <= PointerReport.greatest else {
                return [line.broken("range", "\(report.x), \(report.y)", "a place from 0 to 32767")]
            }
            pointer = report
            return [.utility(.pointer(report))]
        case .request, .deviceInfoAck, .other:
            return unexpected(message, "a host sends PROTOCOL_RESPONSE, INITIAL_DEVICE_INFO and INPUT_REPORT")
        }
    }

    public mutating func wake<Memory: DeviceMemory>(
        token: UInt64, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard token == line.generation, phase == .asked || phase == .approved else { return [] }
        phase = .idle
        return [HandshakeLimit.failed]
    }

    public mutating func ended() -> [DeviceEffect] {
        self = MouseConsumer(line)
        return []
    }

    private init(_ line: MessageLine) { self.line = line }
}
