public import Platform
public import VMBusPartitions

/// Runs a ``BridgeServer`` on a thread of its own: what it tells comes through a mailbox, what it is asked goes through
/// another.
public struct BridgeThread: ~Copyable {
    private let thread: WorkerThread
    private let stop: StopRequest
    private let requests: Mailbox<BridgeServer.Request>

    /// Starts to serve. The listener is made before, so that a caller hears what is wrong with the path.
    public init(
        _ listener: consuming UnixListener, scenario: Scenario, guest: GuestConfiguration, mode: InterruptMode,
        disks: DiskShelf? = nil, to reports: Mailbox<BridgeServer.Report>
    ) throws(SystemError) {
        let stop = try StopRequest()
        let requests = try Mailbox<BridgeServer.Request>(limit: 256)
        // The thread's closure may be called once at most, and a listener cannot be copied into it.
        let handover = ListenerHandover(listener)
        thread = try WorkerThread(name: "bridge") {
            guard let listener = handover.take() else { return }
            var server = BridgeServer(
                listener, scenario: scenario, guest: guest, mode: mode, disks: disks, reports: reports,
                requests: requests, stop: stop)
            server.run()
        }
        self.stop = stop
        self.requests = requests
    }

    /// Asks the server for something; false if it has too much to do already.
    public func request(_ request: BridgeServer.Request) -> Bool { requests.post(request) }

    /// Ends the server and waits until it has let go of the guest and of its socket.
    public consuming func end() {
        stop.request()
        thread.join()
    }
}
