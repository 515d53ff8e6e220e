import VMBusDevices

/// Which interface has which address, and for how long: the memory of a DHCP server (RFC 2131).
struct LeaseTable: Sendable, Hashable {
    private struct Lease: Sendable, Hashable {
        let address: InternetAddress
        /// Whose it is; empty for an address that somebody has found in use.
        var hardware: [UInt8]
        /// When it ends, in nanoseconds.
        var end: UInt64
    }

    /// Interfaces that are remembered.
    static let maximumLeases = 256
    private static let second: UInt64 = 1_000_000_000
    /// How long an offer stands, and how long an address in use is left alone.
    private static let offerTime = 120 * second
    private static let leaseTime = UInt64(SwitchResponder.Configuration.leaseSeconds) * second

    private let configuration: SwitchResponder.Configuration
    private var leases: [Lease] = []

    init(_ configuration: SwitchResponder.Configuration) { self.configuration = configuration }

    /// The answer to a client's message; nil when there is none to give.
    mutating func answer(_ message: DHCPMessage, _ kind: DHCPMessage.Kind, time: UInt64) -> DHCPMessage? {
        let hardware = message.clientHardware
        let wanted = message.option(.requestedAddress).map { InternetAddress($0) } ?? message.clientAddress
        switch kind {
        case .discover:
            guard let address = give(hardware, wanted, until: time &+ Self.offerTime, time) else { return nil }
            return reply(message, .offer, address)
        case .request:
            if let server = message.option(.server), InternetAddress(server) != configuration.address {
                leases.removeAll { $0.hardware == hardware }
                return nil
            }
            guard give(hardware, wanted, until: time &+ Self.leaseTime, time) == wanted else {
                return reply(message, .refuse, .none)
            }
            return reply(message, .acknowledge, wanted)
        case .release:
            leases.removeAll { $0.hardware == hardware && $0.address == message.clientAddress }
            return nil
        case .decline:
            if let index = leases.firstIndex(where: { $0.hardware == hardware && $0.address == wanted }) {
                (leases[index].hardware, leases[index].end) = ([], time &+ Self.offerTime)
            }
            return nil
        case .inform: return reply(message, .acknowledge, .none)
        default: return nil
        }
    }

    /// Keeps an address for an interface: the one that it has, the one that is reserved for it, the one that it wants, or the
    /// first that nobody has. Nil when there is none.
    private mutating func give(
        _ hardware: [UInt8], _ wanted: InternetAddress, until end: UInt64, _ time: UInt64
    ) -> InternetAddress? {
        if let index = leases.firstIndex(where: { $0.hardware == hardware }) {
            leases[index].end = max(leases[index].end, end)
            return leases[index].address
        }
        leases.removeAll { $0.end <= time }
        guard leases.count < Self.maximumLeases else { return nil }
        let reserved = configuration.reservations.first { $0.hardware == hardware }?.internet
        let address = [reserved, wanted].compactMap { $0 }.first { isFree($0, for: hardware) } ?? firstFree(hardware)
        if let address { leases.append(Lease(address: address, hardware: hardware, end: end)) }
        return address
    }

    private func isFree(_ address: InternetAddress, for hardware: [UInt8]) -> Bool {
        configuration.isHost(address) && address != configuration.address
            && !leases.contains { $0.address == address }
            && !configuration.reservations.contains { $0.internet == address && $0.hardware != hardware }
    }

    private func firstFree(_ hardware: [UInt8]) -> InternetAddress? {
        let first = configuration.address.rawValue & configuration.mask &+ 1
        // As many as can be taken, and one more.
        let most = Self.maximumLeases + configuration.reservations.count + 2
        return (0..<UInt32(most)).lazy.map { InternetAddress(rawValue: first &+ $0) }
            .first { isFree($0, for: hardware) }
    }

    private func reply(
        _ message: DHCPMessage, _ kind: DHCPMessage.Kind, _ address: InternetAddress
    ) -> DHCPMessage {
        func long(_ number: UInt32) -> [UInt8] { InternetAddress(rawValue: number).bytes }
        var answer = DHCPMessage()
        answer.operation = .reply
        answer.transaction = message.transaction
        answer.flags = message.flags
        answer.clientHardware = message.clientHardware
        answer.options = [
            DHCPMessage.Option(.messageType, [kind.rawValue]),
            DHCPMessage.Option(.server, configuration.address.bytes),
        ]
        if kind != .refuse {
            answer.clientAddress = message.clientAddress
            answer.yourAddress = address
            if address != .none {
                answer.options.append(
                    DHCPMessage.Option(.leaseTime, long(SwitchResponder.Configuration.leaseSeconds)))
            }
            answer.options += [
                DHCPMessage.Option(.subnetMask, long(configuration.mask)),
                DHCPMessage.Option(.router, configuration.address.bytes),
                DHCPMessage.Option(.broadcast, configuration.broadcast.bytes),
            ]
        }
        answer.options.append(DHCPMessage.Option(.end))
        return answer
    }
}
