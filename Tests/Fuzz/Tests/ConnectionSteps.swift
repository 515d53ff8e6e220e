import VMBusEngine
import VMBusWire

/// Inputs of the targets for both ends of a connection: a configuration, what is there before, and steps, each a number and
/// what it takes. The numbers are those of the targets' steps.
struct ConnectionSteps {
    /// The bytes that the configuration is made of.
    let configuration: [UInt8]
    /// A host's devices, two bytes each.
    var devices: [UInt8] = []
    let steps: [UInt8]

    private var isHost: Bool { configuration.count == 4 }

    /// The run.
    var input: [UInt8] { configuration + (isHost ? [UInt8(devices.count / 2)] + devices : []) + steps }

    /// The run, saved in its middle, late and at its end, and once more with what was taken up; nothing of it is changed.
    var savedInputs: [[UInt8]] {
        [steps.count / 2, steps.count * 3 / 4, steps.count].map { count in
            saved([1, UInt8(count & 0xFF), UInt8(count >> 8)]) + steps.prefix(count) + steps
        }
    }

    private func saved(_ start: [UInt8]) -> [UInt8] {
        configuration + [0] + (isHost ? Array((devices + [UInt8](repeating: 0, count: 16)).prefix(16)) : []) + start
    }

    // MARK: Guests

    private static let contacted: [UInt8] = [2]
    /// Offers of two devices, the first one with a sub-channel and the second one with a monitor bit, and their end.
    private static let offered: [UInt8] = contacted + [5, 1, 1, 0, 5, 2, 9, 0, 5, 3, 2, 8, 2]
    /// A page list of nine pages and one that takes two messages, both answered, and an open on the first.
    private static let opened: [UInt8] = offered + [8, 8, 0, 8, 40, 1, 2, 2, 9, 0, 0, 0, 4, 0, 2]

    /// A move, a pause, other monitor pages, a socket, a saved state, and everything given back.
    private static let whole: [UInt8] =
        opened
        + [11, 0, 5, 2, 23, 2, 24, 25, 3, 2, 14, 1, 2, 0, 2, 30, 1, 10, 0, 13, 0, 2, 13, 0, 3, 0, 7, 0, 12, 0, 16, 2]

    /// Guests of every profile, and what can end or interrupt a connection.
    static let guests: [ConnectionSteps] =
        [[0, 10, 8], [0, 10, 0x6A], [1, 9, 0x20], [2, 4, 0], [3, 10, 0], [0, 2, 0x20], [0, 10, 1]].map {
            ConnectionSteps(configuration: $0, steps: whole)
        } + [
            // Hibernation: one device comes back under another number, one does not in time.
            ConnectionSteps(
                configuration: [0, 10, 0], steps: offered + [19, 2, 20, 2, 5, 7, 1, 0, 2, 26, 0, 5, 8, 2, 0, 16, 2]),
            // Crashes: with an answer, and without one.
            ConnectionSteps(
                configuration: [0, 10, 0], steps: opened + [17, 26, 0, 2, 1, 2, 17, 26, 0, 26, 1, 27, 1, 2]),
            // Posts that are refused for now, for this version, and for good.
            ConnectionSteps(
                configuration: [0, 10, 0x10],
                steps: [28, 0, 0, 26, 0, 28, 3, 0, 2] + offered + [
                    8, 40, 0, 28, 0, 3, 14, 1, 0, 0, 26, 0, 28, 4, 3, 29,
                ]
            ),
            // A reserved channel that outlives its connection and is closed in the next one.
            ConnectionSteps(
                configuration: [0, 10, 0],
                steps: offered + [8, 8, 0, 2, 21, 0, 0, 1, 4, 2, 16, 2, 1, 2, 30, 0, 22, 1, 0, 2, 18, 0]),
            // Many devices, many sockets, any answers.
            ConnectionSteps(
                configuration: [0, 10, 4],
                steps: contacted + [31, 6, 1, 30, 15, 0, 159, 15, 80, 159, 4, 0, 1, 0, 0, 0]
            ),
        ]

    /// Guests that hear the host's messages as they were, some at a time.
    static func guest(hearing messages: [[UInt8]]) -> [[UInt8]] {
        pieces(messages, .hostToGuest).map { [0, 10, 0] + $0.flatMap { [0, UInt8($0.count)] + $0 } }
    }

    /// A guest that has posted its proposal, as it is saved.
    static var savedGuest: [UInt8] {
        var guest = GuestConnection()
        _ = guest.connect()
        let state = guest.saved()
        return ConnectionSteps(configuration: [0, 10, 0], steps: [])
            .saved([0, UInt8(state.count & 0xFF), UInt8(state.count >> 8)]) + state
    }

    // MARK: Hosts

    private static let twoDevices: [UInt8] = [1, 0, 6, 4]
    /// A contact of the newest version with monitor pages, and the request for offers.
    private static let contacts: [UInt8] = [1, 10, 0x2F, 24, 3]
    private static let contactsAndWaits: [UInt8] = [1, 10, 0x6F, 24, 19, 0, 0, 3]

    /// Open, move, close, give back, for a host that answers at once.
    private static let quick: [UInt8] =
        contacts + [7, 0, 0, 0, 4, 0, 19, 0, 0, 11, 0, 5, 28, 8, 0, 19, 0, 0, 9, 0, 0, 10, 0, 14]
    /// The same for a host whose devices answer later; with sockets, other monitor pages, a pause, and a second contact.
    private static let slow: [UInt8] =
        contactsAndWaits
        + [
            4, 0, 7, 0, 0, 19, 0, 0, 31, 0, 0, 0, 4, 0, 28, 19, 0, 0, 11, 0, 5, 28, 19, 0, 0, 17, 1, 3, 28, 22, 0, 18,
            3, 28,
            19, 0, 0, 12, 25, 1, 24, 9, 4, 28, 13, 4, 1, 40, 129, 0, 29, 10, 0x6F, 24, 28, 22, 0, 22, 0, 26, 1,
        ]

    /// Hosts of every profile, and what can end or interrupt a connection.
    static let hosts: [ConnectionSteps] = [
        ConnectionSteps(configuration: [0, 10, 0, 0], devices: twoDevices, steps: quick),
        ConnectionSteps(configuration: [1, 9, 0, 4], devices: twoDevices, steps: [1, 9, 24, 3] + quick),
        ConnectionSteps(configuration: [2, 2, 0, 0], devices: twoDevices, steps: [1, 2, 25, 3] + quick),
        ConnectionSteps(configuration: [0, 10, 31, 0], devices: twoDevices, steps: slow),
        ConnectionSteps(configuration: [0, 10, 31, 3], devices: twoDevices, steps: slow),
        // A paravisor's connection: trusted, for another trust level, with confidential channels.
        ConnectionSteps(
            configuration: [0, 10, 4, 10], devices: [1, 3, 6, 1],
            steps: [1, 10, 0x7F, 60, 3, 0, 4, 1, 2, 3, 4, 0, 22, 0, 14]),
        // Reserved channels: one closed after the end of its connection, one still there for the next.
        ConnectionSteps(
            configuration: [0, 10, 4, 0], devices: twoDevices,
            steps: contacts + [
                4, 0, 7, 0, 0, 4, 1, 7, 0, 1, 22, 0, 15, 0, 0, 2, 4, 15, 1, 1, 34, 4, 22, 0, 14, 28, 16, 0, 2, 22, 0, 1,
                10, 0,
                0, 3, 28, 16, 1, 2, 22, 0, 26, 0,
            ]),
        // Channels that are taken back while they open, while they are open, and that come again.
        ConnectionSteps(
            configuration: [0, 10, 12, 0], devices: twoDevices,
            steps: contacts + [
                4, 0, 7, 0, 0, 22, 0, 31, 0, 0, 0, 4, 0, 4, 2, 40, 0, 0, 25, 0, 22, 0, 24, 1, 0, 28, 10, 0, 6, 1, 0, 1,
                255, 0, 6,
                1, 0, 4, 255, 1, 27, 9, 0, 14, 1, 10, 0, 0,
            ]),
    ]

    /// Hosts that hear the guest's messages as they were, some at a time, behind a contact.
    static func host(hearing messages: [[UInt8]]) -> [[UInt8]] {
        pieces(messages, .guestToHost).map {
            [0, 10, 0, 0, 2] + twoDevices + contacts + $0.flatMap { [0, UInt8($0.count)] + $0 + [0] }
        }
    }

    /// A host that a guest of 5.3 has contacted and asked for offers, as it is saved.
    static var savedHost: [UInt8] {
        var host = HostConnection()
        let context = WireContext(version: .iron)
        let contact = InitiateContact(
            version: .iron, targetVP: 0, interruptPage: 0, targetVTL: 0, features: [], parentToChildMonitorPage: 0,
            childToParentMonitorPage: 0, clientID: nil)
        for message in [ChannelMessage.initiateContact(contact), .requestOffers] {
            _ = host.receive(message.encoded(context: context), connectionID: ConnectionID.multiClientMessage)
        }
        let state = host.saved()
        return ConnectionSteps(configuration: [0, 10, 0, 0], devices: twoDevices, steps: [])
            .saved([0, UInt8(state.count & 0xFF), UInt8(state.count >> 8)]) + state
    }

    /// The messages of one direction, twelve at a time, as far as they fit into a length byte.
    private static func pieces(_ messages: [[UInt8]], _ direction: Direction) -> [ArraySlice<[UInt8]>] {
        let ours = messages.filter { message in
            guard message.count < 256, let number = message.first else { return false }
            return MessageType(rawValue: UInt32(number)).facts?.direction == direction
        }
        return stride(from: 0, to: min(ours.count, 240), by: 12).map { ours[$0..<min($0 + 12, ours.count)] }
    }
}
