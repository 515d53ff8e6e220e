public import Platform
public import VMBusPartitions

/// What a ``BridgeServer`` serves: guests, each at a socket of its own, and the switch that joins their network devices.
public struct BridgeSetup: Sendable {
    /// Where one guest comes in, and what is made for it.
    struct Entrance: Sendable {
        let listener: Handover<UnixListener>
        let guest: GuestConfiguration
        let events: [ScenarioEvent]
        let disks: DiskShelf?
        let faults: FaultInjector
    }

    let rootName: String
    let mode: InterruptMode
    let exchange: VirtualSwitch
    private(set) var entrances: [Entrance] = []
    private(set) var outside: Handover<FramePort>?
    /// The guests, in the order of their sockets; their numbers in the log begin with 1.
    public private(set) var guests: [GuestConfiguration] = []
    private let events: [ScenarioEvent]
    private let faults: [FaultConfiguration]
    private let seed: UInt64

    /// Nobody to serve yet.
    ///
    /// - Parameters:
    ///   - scenario: names the root partition, says who answers inside the switch, and what happens to which guest when.
    ///   - mode: who writes the guests' message slots and event flags.
    public init(_ scenario: Scenario, mode: InterruptMode) {
        rootName = scenario.rootName
        events = scenario.events
        faults = scenario.faults
        seed = scenario.seed
        exchange = scenario.makeSwitch(usual: .usual)
        self.mode = mode
    }

    /// One guest more, at a socket; without disks all that its controllers have are in memory.
    public mutating func add(_ guest: GuestConfiguration, disks: DiskShelf? = nil, at listener: consuming UnixListener)
    {
        let number = entrances.count
        guests.append(guest)
        // A session has one guest, whatever its number in the scenario.
        let faults = faults.filter { $0.guest ?? number == number }.map { fault in
            var fault = fault
            fault.guest = nil
            return fault
        }
        entrances.append(
            Entrance(
                listener: Handover(listener), guest: guest, events: events.filter { $0.guest == number },
                disks: disks, faults: FaultInjector(faults, seed: seed)))
    }

    /// Joins the switch with the world outside.
    public mutating func connect(_ outside: consuming FramePort) { self.outside = Handover(outside) }
}
