import VMBusEngine
import VMBusWire

/// A guest and a host joined back to back: every message is delivered at once, in order.
struct BothEnds {
    var guest: GuestConnection
    var host: HostConnection
    var guestEvents: [GuestEffect] = []
    var hostEvents: [HostEffect] = []
    /// Types of all messages, in order.
    var log: [MessageType] = []

    init(
        guest: GuestConnection.Configuration = .init(), host: HostConnection.Configuration = .init(),
        offers: [OfferChannel] = []
    ) {
        self.guest = GuestConnection(guest)
        self.host = HostConnection(host)
        for offer in offers { _ = try? self.host.addOffer(offer) }
    }

    /// Connects; a host below 5.0 does not know the multi-client connection, so that the post itself fails.
    mutating func connect(hostKnowsMultiClient: Bool = true) {
        knowsMultiClient = hostKnowsMultiClient
        run(guest.connect())
    }

    private var knowsMultiClient = true

    mutating func run(_ effects: [GuestEffect]) {
        for effect in effects {
            guard case .post(let bytes, let connection) = effect else {
                guestEvents.append(effect)
                continue
            }
            if connection != ConnectionID.message, !knowsMultiClient {
                run(guest.postRefused())
                continue
            }
            note(bytes)
            run(host.receive(bytes, connectionID: connection))
        }
    }

    mutating func run(_ effects: [HostEffect]) {
        for effect in effects {
            switch effect {
            case .send(let bytes, _):
                note(bytes)
                run(guest.receive(bytes))
            case .open(let key, _):
                hostEvents.append(effect)
                run(host.openCompleted(key, success: true))
            case .close(let key):
                hostEvents.append(effect)
                run(host.closeCompleted(key))
            default: hostEvents.append(effect)
            }
        }
    }

    private mutating func note(_ bytes: [UInt8]) {
        log.append(MessageType(rawValue: UInt32(bytes[0]) | UInt32(bytes[1]) << 8))
    }

    var violations: [ProtocolViolation] {
        guestEvents.compactMap { if case .violation(let violation) = $0 { violation } else { nil } }
            + hostEvents.compactMap { if case .violation(let violation) = $0 { violation } else { nil } }
    }

    static func offer(_ number: UInt64, subchannel: UInt16 = 0) -> OfferChannel {
        var offer = OfferChannel()
        offer.interfaceType = DeviceClass.of(GUID(0x5716_4F39, 0x9115, 0x4E78, 0xAB55_382F_3BD5_422D)).classID ?? .zero
        offer.interfaceInstance = GUID(0, 0, 0, number)
        offer.subchannelIndex = subchannel
        offer.flags = .enumerateDeviceInterface
        return offer
    }
}
