/// The host's end of an hv_sock connection. When it has finished and the guest keeps the channel open, the host takes it back.
public struct SocketProvider: SocketEndpoint {
    public static let name = "host's hv_sock"
    public var stream: SocketStream

    /// Waits for its channel.
    public init(_ plan: SocketPlan) { stream = SocketStream(plan) }
}
