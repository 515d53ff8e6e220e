import BusModel
import Platform
import VMBusPartitions
import VMBusRing
import VMBusWire

/// A socket, and the guest that is served there, one after another. It belongs to the thread of its server.
final class BridgePlace {
    private let listener: UnixListener
    private let entrance: BridgeSetup.Entrance
    private let setup: BridgeSetup
    private let clock: BridgeClock
    /// The guest's number in the log.
    let partition: UInt16
    private var served: ServedGuest?
    private var waiting: BridgeCommand?

    init?(_ entrance: BridgeSetup.Entrance, number: Int, _ setup: BridgeSetup, clock: BridgeClock) {
        guard let listener = entrance.listener.take() else { return nil }
        self.listener = listener
        self.entrance = entrance
        self.setup = setup
        self.clock = clock
        partition = UInt16(truncatingIfNeeded: number + 1)
    }

    var path: String { listener.path }
    var name: String { entrance.guest.name }
    var hasGuest: Bool { served != nil }
    var isBehind: Bool { served?.isBehind ?? false }
    var nextTime: UInt64? { served?.nextTime }

    /// What is waited for: a guest, or what it says.
    var fileDescriptor: Int32 { served?.fileDescriptor ?? listener.fileDescriptor }

    /// Something has come: a guest, or what it says.
    func receive() throws(SystemError) {
        if served != nil {
            served?.receive()
        } else if let stream = try listener.accept() {
            served = ServedGuest(stream, entrance, number: partition, setup, clock: clock)
            if let command = waiting.take() { served?.perform(command) }
        }
    }

    func takeRecords() -> FlowBatch { served?.takeRecords() ?? FlowBatch() }

    func takeNetworkEvents() -> [BridgeSession<GuestMemory>.NetworkEvent] { served?.takeNetworkEvents() ?? [] }

    func deliver(_ frame: [UInt8], device: GUID) { served?.deliver(frame, device: device) }

    /// Faults that are armed before there is a guest wait for it.
    func perform(_ command: BridgeCommand) {
        if case .arm = command, served == nil { waiting = command }
        served?.perform(command)
    }

    func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage? {
        served?.ringImage(channel, direction)
    }

    func advance() { served?.advance() }

    func settle() { served?.settle() }

    /// Whether the guest is to be let go of.
    var isOver: Bool { served?.isOver ?? false }

    /// Says the last words; `release` follows when they were taken.
    func finish(_ reason: String) { served?.finish(reason) }

    /// Lets go of the guest.
    func release() { served = nil }
}
