public import Platform

/// Runs a ``BridgeServer`` on a thread of its own: what it tells comes through a mailbox, what it is asked goes through
/// another.
public struct BridgeThread: ~Copyable {
    private let thread: WorkerThread
    private let stop: StopRequest
    private let requests: Mailbox<BridgeServer.Request>

    /// Starts to serve. Sockets and TAP device are made before, so that a caller hears what is wrong with them.
    public init(_ setup: BridgeSetup, to reports: Mailbox<BridgeServer.Report>) throws(SystemError) {
        let stop = try StopRequest()
        let requests = try Mailbox<BridgeServer.Request>(limit: 256)
        thread = try WorkerThread(name: "bridge") {
            var server = BridgeServer(setup, reports: reports, requests: requests, stop: stop)
            server.run()
        }
        self.stop = stop
        self.requests = requests
    }

    /// Asks the server for something; false if it has too much to do already.
    public func request(_ request: BridgeServer.Request) -> Bool { requests.post(request) }

    /// Ends the server and waits until it has let go of the guests and of its sockets.
    public consuming func end() {
        stop.request()
        thread.join()
    }
}
