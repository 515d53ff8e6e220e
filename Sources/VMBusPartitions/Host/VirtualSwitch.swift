public import VMBusWire

/// Joins network devices of several guests: learns who is where, floods what it does not know.
public struct VirtualSwitch: Sendable, Hashable {
    /// A network device of one guest.
    public struct Port: Sendable, Hashable {
        /// Which guest.
        public let guest: Int
        /// Which device.
        public let device: GUID

        /// Names a port.
        public init(guest: Int, device: GUID) {
            self.guest = guest
            self.device = device
        }
    }

    /// Addresses that are remembered; older ones are forgotten first.
    public static let maximumAddresses = 4096

    private var learned: [(address: [UInt8], port: Port)] = []
    /// The ports, in order of their arrival.
    public private(set) var ports: [Port] = []

    /// A switch without ports.
    public init() {}

    /// Adds a port; one that is there stays where it is.
    public mutating func connect(_ port: Port) {
        if !ports.contains(port) { ports.append(port) }
    }

    /// Removes a port and forgets who was behind it.
    public mutating func disconnect(_ port: Port) {
        ports.removeAll { $0 == port }
        learned.removeAll { $0.port == port }
    }

    /// Where a frame goes that came in at a port.
    public mutating func forward(_ frame: [UInt8], from port: Port) -> [Port] {
        guard frame.count >= 14 else { return [] }
        let source = Array(frame[6..<12])
        learned.removeAll { $0.address == source }
        if learned.count >= Self.maximumAddresses { learned.removeFirst() }
        learned.append((source, port))
        let target = Array(frame[0..<6])
        if target[0] & 1 == 0, let known = learned.first(where: { $0.address == target }) {
            return known.port == port ? [] : [known.port]
        }
        return ports.filter { $0 != port }
    }

    /// Equal when they forward alike.
    public static func == (left: Self, right: Self) -> Bool {
        left.ports == right.ports && left.learned.elementsEqual(right.learned) { $0 == $1 }
    }

    /// By the ports alone.
    public func hash(into hasher: inout Hasher) { hasher.combine(ports) }
}
