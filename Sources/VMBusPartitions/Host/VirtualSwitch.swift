import VMBusDevices
public import VMBusWire

/// Joins the network devices of several guests with each other, with a responder and with the world outside: learns who is
/// where, and floods what it does not know.
public struct VirtualSwitch: Sendable, Hashable {
    /// What is connected.
    public enum Port: Sendable, Hashable {
        /// A network device of one guest.
        case adapter(guest: Int, device: GUID)
        /// What answers inside the switch.
        case responder
        /// What lies behind a TAP device.
        case outside
    }

    /// A frame on its way out of the switch.
    public struct Delivery: Sendable, Hashable {
        /// Where it goes.
        public let port: Port
        /// The whole frame.
        public let frame: [UInt8]
    }

    /// Addresses that are remembered; older ones are forgotten first.
    public static let maximumAddresses = 4096

    private var places: [UInt64: Port] = [:]
    /// The addresses of `places`, those that were learned first in front.
    private var order: [UInt64] = []
    /// The ports, in order of their arrival.
    public private(set) var ports: [Port] = []
    /// What answers inside the switch, if anything does.
    public private(set) var responder: SwitchResponder?

    /// A switch without ports but that of a responder.
    public init(responder: SwitchResponder.Configuration? = nil) {
        guard let responder else { return }
        self.responder = SwitchResponder(responder)
        connect(.responder)
    }

    /// Adds a port; one that is there stays where it is.
    public mutating func connect(_ port: Port) {
        if !ports.contains(port) { ports.append(port) }
    }

    /// Removes a port and forgets who was behind it.
    public mutating func disconnect(_ port: Port) {
        ports.removeAll { $0 == port }
        order.removeAll { places[$0] == port }
        places = places.filter { $0.value != port }
    }

    /// Where a frame goes that came in at a port, and what the responder says to it.
    ///
    /// - Parameter time: nanoseconds, for the responder's leases.
    public mutating func forward(_ frame: [UInt8], from port: Port, time: UInt64) -> [Delivery] {
        var deliveries: [Delivery] = []
        for target in targets(frame, from: port) {
            guard target == .responder else {
                deliveries.append(Delivery(port: target, frame: frame))
                continue
            }
            guard let answer = responder?.receive(frame, time: time) else { continue }
            deliveries += targets(answer, from: .responder).map { Delivery(port: $0, frame: answer) }
        }
        return deliveries
    }

    /// What is worth writing down of what the responder did since the last time.
    public mutating func takeNotes() -> [String] { responder?.takeNotes() ?? [] }

    private mutating func targets(_ frame: [UInt8], from port: Port) -> [Port] {
        guard frame.count >= EthernetHeader.byteCount else { return [] }
        // A group sends nothing.
        if frame[6] & 1 == 0 { learn(Self.number(frame[6..<12]), port) }
        if frame[0] & 1 == 0, let known = places[Self.number(frame[0..<6])] { return known == port ? [] : [known] }
        return ports.filter { $0 != port }
    }

    private mutating func learn(_ address: UInt64, _ port: Port) {
        if places.updateValue(port, forKey: address) == nil {
            if order.count >= Self.maximumAddresses { places[order.removeFirst()] = nil }
            order.append(address)
        }
    }

    private static func number(_ address: ArraySlice<UInt8>) -> UInt64 {
        address.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
