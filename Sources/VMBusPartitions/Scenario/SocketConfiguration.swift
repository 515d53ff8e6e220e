import Configuration
public import VMBusDevices

/// An hv_sock service with what becomes of its connections, at both ends.
public struct SocketConfiguration: Sendable, Hashable {
    /// What the end that listens does with a connection.
    public enum Answer: String, Sendable, Hashable, CaseIterable {
        /// Takes it.
        case accept
        /// Says no; a guest has no word for that, and leaves the host's offer alone.
        case refuse
        /// Says nothing.
        case silence
    }

    /// The AF_VSOCK port that names the service.
    public var port: UInt32
    /// Whether the host connects and the guest listens; else it is the other way round.
    public var isFromHost: Bool
    /// What the end that listens does.
    public var answer: Answer
    /// Nanoseconds from the guest's contact to the connection; nil for a service that waits for others.
    public var delay: UInt64?
    /// Nanoseconds between two connections; nil for one.
    public var interval: UInt64?
    /// What the guest's end does.
    public var guest: SocketPlan
    /// What the host's end does.
    public var host: SocketPlan

    /// Nanoseconds that a host waits until the guest takes its connection.
    static let limit: UInt64 = 2_000_000_000

    init(_ table: ConfigurationTable) throws(ConfigurationError) {
        try table.requireOnly(ScenarioSchema.socket.names)
        port = UInt32(try table.integer("port", in: 1...0xFFFF_FFFF))
        isFromHost = try table.choiceIfPresent("connects", ["guest", "host"]) == 1
        answer = Answer.allCases[try table.choiceIfPresent("answer", Answer.allCases.map(\.rawValue)) ?? 0]
        delay = try table.durationIfPresent("at")
        interval = try table.durationIfPresent("every").map { max($0, 1_000_000) }
        let closesFirst = try table.choiceIfPresent("closes_first", ["both", "guest", "host"]) ?? 0
        guest = try SocketPlan(table, "guest", waits: closesFirst == 2)
        host = try SocketPlan(table, "host", waits: closesFirst == 1)
        host.echoes = try table.booleanIfPresent("echo") ?? false
        host.linger = 1_000_000_000
    }
}

extension SocketPlan {
    fileprivate init(_ table: ConfigurationTable, _ end: String, waits: Bool) throws(ConfigurationError) {
        self.init()
        byteCount = UInt64(try table.integerIfPresent("\(end)_sends", in: 0...1 << 40) ?? 0)
        readPause = try table.durationIfPresent("\(end)_read_pause") ?? 0
        frameByteCount = Int(try table.integerIfPresent("write_bytes", in: 1...16_384) ?? 4088)
        interval = max(1000, try table.durationIfPresent("write_interval") ?? interval)
        ending = waits ? .afterPeer : .afterSending
    }
}
