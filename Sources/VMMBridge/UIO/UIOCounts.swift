import BusModel

/// What a host behind a device node has counted since its start.
public struct UIOCounts: Sendable, Hashable {
    /// Clients that opened the node when nobody had.
    public let clients: Int
    /// Frames that the clients sent, and their bytes.
    public let framesReceived: Int
    /// As above.
    public let bytesReceived: Int
    /// Frames that went to the clients.
    public let framesSent: Int
    /// Of those, the clients' own that went back.
    public let echoed: Int
    /// Of those, the host's numbered ones.
    public let injected: Int
    /// Frames for a client that were lost: too many waited, or they did not fit.
    public let lost: Int
    /// Numbered frames that came from the clients as they should.
    public let whole: Int
    /// Numbered frames that did not.
    public let broken: Int
    /// Rules that the clients broke.
    public let violations: Int
    /// Packets of the clients.
    public let packets: Int
    /// Doorbells of the clients.
    public let doorbells: Int
    /// Interrupts of the clients.
    public let interrupts: UInt32

    init(_ host: UIOChannelHost) {
        let (counts, traffic) = (host.counts, host.traffic)
        clients = counts.clients
        framesReceived = traffic.received
        bytesReceived = traffic.receivedBytes
        framesSent = traffic.echoed + Int(traffic.sequence)
        echoed = traffic.echoed
        injected = Int(traffic.sequence)
        lost = traffic.lost + host.lostInDevice
        whole = traffic.whole
        broken = traffic.broken
        violations = counts.violations
        packets = counts.packets
        doorbells = counts.doorbells
        interrupts = counts.interrupts
    }

    /// Everything that should not have been: broken frames and broken rules.
    public var bad: Int { broken + violations }

    /// One line of JSON, of schema `vmbusscope.uio/1`.
    public var json: String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("schema", "vmbusscope.uio/1")
            writer.member("clients", clients)
            writer.member("frames_received", framesReceived)
            writer.member("bytes_received", bytesReceived)
            writer.member("frames_sent", framesSent)
            writer.member("echoed", echoed)
            writer.member("injected", injected)
            writer.member("lost", lost)
            writer.member("whole", whole)
            writer.member("broken", broken)
            writer.member("violations", violations)
            writer.member("bad", bad)
            writer.member("packets", packets)
            writer.member("doorbells", doorbells)
            writer.member("interrupts", interrupts)
        }
        writer.endLine()
        return writer.text
    }
}
