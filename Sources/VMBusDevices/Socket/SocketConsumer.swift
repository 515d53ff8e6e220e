/// The guest's end of an hv_sock connection. When it has finished, the guest closes the channel.
public struct SocketConsumer: SocketEndpoint {
    public static let name = "hv_sock"
    public var stream: SocketStream

    /// Waits for its channel.
    public init(_ plan: SocketPlan) { stream = SocketStream(plan) }
}
