import VMBusDevices
import VMBusWire

/// The guest's own work on one network interface: finds other guests with ARP, pings them, knocks at a closed TCP port from
/// changing ports (which spreads over the channels, as a hash of the ports decides), and answers what others send.
///
/// It is as small as it can be and still fill rings with frames that people know.
struct GuestNetworkStack: Sendable, Hashable {
    private let address: NetworkAddress
    private let writer: FrameWriter
    private var neighbours: [Neighbour] = []
    private var turn = 0
    private var sequence: UInt16 = 0

    private struct Neighbour: Sendable, Hashable {
        let internet: InternetAddress
        let hardware: [UInt8]
    }

    /// Where nobody listens (discard).
    private static let closedPort: NetworkShort = 9

    /// Neighbours that are remembered.
    private static let maximumNeighbours = 64

    init(_ address: NetworkAddress) {
        self.address = address
        writer = FrameWriter(hardware: address.hardware, internet: InternetAddress(address.internet))
    }

    /// Nanoseconds between two pings.
    var interval: UInt64 { address.pingInterval }

    /// What is to be sent now: a question for the next target, or a ping.
    mutating func tick(time: UInt64) -> [[UInt8]] {
        guard !address.pingTargets.isEmpty else { return [] }
        let target = InternetAddress(address.pingTargets[turn % address.pingTargets.count])
        guard let neighbour = neighbours.first(where: { $0.internet == target }) else {
            return [writer.question(target)]
        }
        turn += 1
        sequence &+= 1
        return [request(to: neighbour, target)] + bulk(to: neighbour, target)
    }

    private func bulk(to neighbour: Neighbour, _ target: InternetAddress) -> [[UInt8]] {
        let count = max(0, address.bulkFrames)
        guard count > 0 else { return [] }
        // Each payload begins one byte further in the same bytes.
        let bytes = (0..<address.bulkByteCount + count).map { UInt8(truncatingIfNeeded: $0) }
        return (0..<count).map { number in
            writer.datagram(
                to: neighbour.hardware, target, from: NetworkShort(50_000 + number % 64), to: Self.closedPort,
                bytes[number..<number + address.bulkByteCount])
        }
    }

    private func request(to neighbour: Neighbour, _ target: InternetAddress) -> [UInt8] {
        if address.tcpPorts > 0, turn % 2 == 0 {
            var segment = TCPHeader()
            segment.source = NetworkShort(40_000 + turn / 2 % address.tcpPorts)
            segment.destination = Self.closedPort
            // Where the ports are those of an earlier attempt, only this tells it from one that was sent again (RFC 9293 §3.4.1).
            segment.sequence = NetworkLong(rawValue: UInt32(truncatingIfNeeded: turn) &* 64_000)
            segment.control = TCPHeader.Control(rawValue: 0x5000 | TCPHeader.Control.synchronize)
            return writer.segment(to: neighbour.hardware, target, segment, identification: identification)
        }
        let sizes = address.pingSizes
        let size = sizes.isEmpty ? 56 : sizes[turn % sizes.count]
        var echo = ICMPHeader()
        (echo.identifier, echo.sequence) = (1, NetworkShort(rawValue: sequence))
        let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        return writer.message(to: neighbour.hardware, target, echo, payload, identification: identification)
    }

    private var identification: NetworkShort { NetworkShort(rawValue: sequence) }

    /// What is to be sent in answer to a frame.
    mutating func receive(_ frame: [UInt8], time: UInt64) -> [[UInt8]] {
        // Datagrams come in bursts, and none of them is answered.
        if frame.count > 23, frame[12] == 8, frame[13] == 0, frame[23] == InternetProtocol.udp.rawValue { return [] }
        return switch try? ReceivedFrame(frame) {
        case .resolution(let packet): resolve(packet)
        case .packet(let packet): answer(packet).map { [$0] } ?? []
        default: []
        }
    }

    private mutating func resolve(_ packet: ARPPacket) -> [[UInt8]] {
        neighbours.removeAll { $0.internet == packet.sender }
        if neighbours.count < Self.maximumNeighbours {
            neighbours.append(Neighbour(internet: packet.sender, hardware: packet.senderHardware))
        }
        guard packet.operation == .request, packet.target == writer.internet else { return [] }
        return [writer.answer(packet)]
    }

    private func answer(_ packet: ReceivedFrame.Packet) -> [UInt8]? {
        guard packet.header.destination == writer.internet, !packet.header.fragment.isPiece else { return nil }
        let source = packet.header.source
        switch packet.header.carries {
        case .tcp:
            return (try? TCPHeader.decode(packet.payload)).flatMap {
                writer.refusal(of: $0, to: packet.hardware, source, identification: identification)
            }
        case .icmp:
            guard var echo = try? ICMPHeader.decode(packet.payload), echo.kind == .echo else { return nil }
            echo.kind = .echoReply
            return writer.message(
                to: packet.hardware, source, echo, packet.payload.dropFirst(ICMPHeader.byteCount),
                identification: identification)
        default: return nil
        }
    }
}
