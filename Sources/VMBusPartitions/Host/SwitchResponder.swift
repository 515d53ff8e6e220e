public import VMBusDevices
import VMBusWire

/// A host inside the switch that guests can talk to: it gives them addresses (DHCP), says who it is (ARP), answers pings and
/// datagrams to the echo port, and refuses the rest as a host does. It routes nothing.
///
/// It answers a frame with one frame at most, and remembers no more than its leases.
public struct SwitchResponder: Sendable, Hashable {
    /// Who it is and what it gives away.
    public struct Configuration: Sendable, Hashable {
        /// An address that belongs to one interface.
        public struct Reservation: Sendable, Hashable {
            /// Six bytes.
            public let hardware: [UInt8]
            /// Its address.
            public let internet: InternetAddress

            /// Names both.
            public init(hardware: [UInt8], internet: InternetAddress) {
                self.hardware = hardware
                self.internet = internet
            }
        }

        /// Its own address.
        public let address: InternetAddress
        /// Bits that all addresses of its network share, 8 to 30.
        public let prefix: Int
        /// Addresses that only their owners get.
        public var reservations: [Reservation] = []

        /// Seconds for which an address is given away.
        static let leaseSeconds: UInt32 = 86_400

        /// What a host has for its guests unless the scenario says otherwise: the end of the network in which scenarios
        /// give their guests addresses.
        public static let usual = Configuration(address: InternetAddress([10, 0, 0, 254]), prefixLength: 24)

        private init(address: InternetAddress, prefixLength: Int) {
            self.address = address
            prefix = prefixLength
        }

        /// Reads an address with the length of its network's prefix, such as `10.0.0.1/24`.
        ///
        /// - Returns: nil for what is none, and for an address that is not a host's.
        public init?(_ text: String) {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, let address = InternetAddress(parts[0]), let prefix = Int(parts[1]),
                (8...30).contains(prefix)
            else { return nil }
            self.init(address: address, prefixLength: prefix)
            guard isHost(address) else { return nil }
        }

        var mask: UInt32 { UInt32.max << UInt32(32 - prefix) }

        /// The last address of the network, which means all of it.
        var broadcast: InternetAddress { InternetAddress(rawValue: address.rawValue | ~mask) }

        /// Whether an address belongs to the network and to a host there.
        func isHost(_ other: InternetAddress) -> Bool {
            let part = other.rawValue & ~mask
            return other.rawValue & mask == address.rawValue & mask && part != 0 && part != ~mask
        }

        /// Its Ethernet address: one that nobody has bought, with the end of its internet address.
        public var hardware: [UInt8] { [0x02, 0x15, 0x5D] + address.bytes.dropFirst() }
    }

    /// What it has met since it began.
    public struct Counters: Sendable, Hashable {
        /// Frames that were meant for it.
        public var frames: UInt64 = 0
        /// Questions for its address that it answered.
        public var resolutions: UInt64 = 0
        /// Pings that it answered, each with a right checksum.
        public var echoes: UInt64 = 0
        /// Datagrams to the echo port that it answered, each with a right checksum or none.
        public var datagrams: UInt64 = 0
        /// Addresses that it gave away or let somebody keep.
        public var leases: UInt64 = 0
        /// Messages that it refused as a host does where nobody listens.
        public var refusals: UInt64 = 0
        /// Messages whose ICMP, UDP or TCP checksum was wrong; they were not answered.
        public var wrongSums: UInt64 = 0
        /// Frames that no structure fits.
        public var malformed: UInt64 = 0
        /// Frames of kinds that it has nothing to say to.
        public var ignored: UInt64 = 0
    }

    /// Who it is.
    public let configuration: Configuration
    /// What it has met.
    public private(set) var counters = Counters()
    private var leases: LeaseTable
    private let writer: FrameWriter
    private var notes: [String] = []

    /// A responder that has given nothing away.
    public init(_ configuration: Configuration) {
        self.configuration = configuration
        leases = LeaseTable(configuration)
        writer = FrameWriter(hardware: configuration.hardware, internet: configuration.address)
    }

    /// Takes a frame.
    ///
    /// - Parameter time: nanoseconds.
    /// - Returns: the answer, if there is one.
    public mutating func receive(_ frame: [UInt8], time: UInt64) -> [UInt8]? {
        guard frame.count >= EthernetHeader.byteCount,
            frame[0] & 1 == 1 || Array(frame[0..<6]) == configuration.hardware
        else { return nil }
        counters.frames += 1
        do throws(WireError) {
            switch try ReceivedFrame(frame) {
            case .resolution(let packet): return answer(packet)
            case .packet(let packet): return try answer(packet, time: time)
            case .other: return ignore()
            }
        } catch {
            counters.malformed += 1
            note("a frame that is none: \(error)")
            return nil
        }
    }

    mutating func takeNotes() -> [String] {
        defer { notes = [] }
        return notes
    }

    /// What it has met, in words.
    public var summary: String {
        "the switch's responder \(configuration.address)/\(configuration.prefix) had \(counters.frames) frames: "
            + "\(counters.resolutions) ARP answers, \(counters.echoes) pings, \(counters.datagrams) datagrams, "
            + "\(counters.leases) leases, \(counters.refusals) refusals, \(counters.wrongSums) wrong checksums, "
            + "\(counters.malformed) malformed, \(counters.ignored) ignored"
    }

    private mutating func note(_ text: String) { notes.append("the switch's responder: " + text) }

    private mutating func ignore() -> [UInt8]? {
        counters.ignored += 1
        return nil
    }

    private mutating func answer(_ packet: ARPPacket) -> [UInt8]? {
        guard packet.operation == .request, packet.target == configuration.address,
            packet.senderHardware.first.map({ $0 & 1 }) == 0
        else { return ignore() }
        counters.resolutions += 1
        return writer.answer(packet)
    }

    private mutating func answer(_ packet: ReceivedFrame.Packet, time: UInt64) throws(WireError) -> [UInt8]? {
        guard !packet.header.fragment.isPiece, packet.hardware.first.map({ $0 & 1 }) == 0 else { return ignore() }
        let destination = packet.header.destination
        if packet.header.carries == .udp {
            let datagram = try UDPHeader.decode(packet.payload)
            let length = Int(datagram.length.rawValue)
            guard length <= packet.payload.count else {
                throw WireError(
                    structure: "UDP", field: "length", offset: 4,
                    problem: .truncated(needed: length, available: packet.payload.count))
            }
            guard datagram.checksum == 0 || packet.hasRightSum else { return wrong("UDP", packet) }
            let data = packet.payload.prefix(length).dropFirst(UDPHeader.byteCount)
            if datagram.destination == DHCPMessage.serverPort,
                destination == configuration.address || destination == .everybody
            {
                return lease(try DHCPMessage.decode(data), from: packet.hardware, time: time)
            }
            guard destination == configuration.address else { return astray(packet) }
            guard datagram.destination == 7 else { return unreachable(packet, code: 3) }
            counters.datagrams += 1
            return writer.datagram(
                to: packet.hardware, packet.header.source, from: datagram.destination, to: datagram.source, data)
        }
        guard destination == configuration.address else { return astray(packet) }
        switch packet.header.carries {
        case .icmp:
            var message = try ICMPHeader.decode(packet.payload)
            guard InternetSum(packet.payload).isRight else { return wrong("ICMP", packet) }
            guard message.kind == .echo else { return ignore() }
            counters.echoes += 1
            message.kind = .echoReply
            return writer.message(
                to: packet.hardware, packet.header.source, message, packet.payload.dropFirst(ICMPHeader.byteCount),
                identification: packet.header.identification)
        case .tcp:
            let segment = try TCPHeader.decode(packet.payload)
            guard packet.hasRightSum else { return wrong("TCP", packet) }
            guard let refusal = writer.refusal(of: segment, to: packet.hardware, packet.header.source) else {
                return ignore()
            }
            counters.refusals += 1
            return refusal
        default: return unreachable(packet, code: 2)
        }
    }

    private mutating func wrong(_ kind: String, _ packet: ReceivedFrame.Packet) -> [UInt8]? {
        counters.wrongSums += 1
        note("wrong \(kind) checksum in \(packet.payload.count) bytes from \(packet.header.source)")
        return nil
    }

    /// A packet for somebody else: what was sent to everybody, or to a router.
    private mutating func astray(_ packet: ReceivedFrame.Packet) -> [UInt8]? {
        let destination = packet.header.destination
        guard destination.rawValue >> 28 < 0xE, destination != configuration.broadcast else { return ignore() }
        return unreachable(packet, code: 0)
    }

    /// Says that a packet cannot be brought further, with its start (RFC 792); never of a message that is no ping.
    private mutating func unreachable(_ packet: ReceivedFrame.Packet, code: UInt8) -> [UInt8]? {
        guard packet.header.carries != .icmp || packet.payload.first == ICMPHeader.Kind.echo.rawValue else {
            return ignore()
        }
        counters.refusals += 1
        var message = ICMPHeader()
        (message.kind, message.code) = (.unreachable, code)
        return writer.message(
            to: packet.hardware, packet.header.source, message, packet.header.encoded() + packet.payload.prefix(8))
    }

    private mutating func lease(_ message: DHCPMessage, from hardware: [UInt8], time: UInt64) -> [UInt8]? {
        guard message.operation == .request, message.relay == .none, let kind = message.kind,
            message.clientHardware.first.map({ $0 & 1 }) == 0
        else { return ignore() }
        guard let answer = leases.answer(message, kind, time: time) else { return ignore() }
        if answer.kind == .acknowledge, answer.yourAddress != .none {
            counters.leases += 1
            note("\(EthernetFrame.address(message.clientHardware[...])) has \(answer.yourAddress) by DHCP")
        } else if answer.kind == .refuse {
            note("\(EthernetFrame.address(message.clientHardware[...])) was refused the address it asked for")
        }
        var (address, target) = (message.clientAddress, hardware)
        if answer.kind == .refuse || address == .none {
            let isForAll = answer.kind == .refuse || message.flags.rawValue & 0x8000 != 0
            (address, target) =
                isForAll ? (.everybody, FrameWriter.everybody) : (answer.yourAddress, message.clientHardware)
        }
        return writer.datagram(
            to: target, address, from: DHCPMessage.serverPort, to: DHCPMessage.clientPort, answer.encoded())
    }
}
