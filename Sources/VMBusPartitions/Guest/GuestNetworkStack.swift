import VMBusDevices

/// The guest's own work on one network interface: finds other guests with ARP, pings them, knocks at a closed TCP port from
/// changing ports (which spreads over the channels, as a hash of the ports decides), and answers what others send.
///
/// It is as small as it can be and still fill rings with frames that people know.
struct GuestNetworkStack: Sendable, Hashable {
    private let address: NetworkAddress
    private var neighbours: [Neighbour] = []
    private var turn = 0
    private var sequence: UInt16 = 0

    private struct Neighbour: Sendable, Hashable {
        let internet: [UInt8]
        let hardware: [UInt8]
    }

    private enum EtherType {
        static let internet: [UInt8] = [0x08, 0x00]
        static let resolution: [UInt8] = [0x08, 0x06]
    }

    /// Where nobody listens (discard).
    private static let closedPort: UInt16 = 9

    /// Neighbours that are remembered.
    private static let maximumNeighbours = 64

    init(_ address: NetworkAddress) { self.address = address }

    /// Nanoseconds between two pings.
    var interval: UInt64 { address.pingInterval }

    /// What is to be sent now: a question for the next target, or a ping.
    mutating func tick(time: UInt64) -> [[UInt8]] {
        guard !address.pingTargets.isEmpty else { return [] }
        let target = address.pingTargets[turn % address.pingTargets.count]
        guard let neighbour = neighbours.first(where: { $0.internet == target }) else { return [question(target)] }
        turn += 1
        sequence &+= 1
        if address.tcpPorts > 0, turn % 2 == 0 {
            let port = 40_000 + UInt16(truncatingIfNeeded: turn / 2 % address.tcpPorts)
            return [segment(to: neighbour, from: port, to: Self.closedPort, flags: 0x02, number: 0)]
        }
        let sizes = address.pingSizes
        let size = sizes.isEmpty ? 56 : sizes[turn % sizes.count]
        let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        return [echo(8, to: neighbour, identifier: 1, sequence: sequence, payload: payload)]
    }

    /// What is to be sent in answer to a frame.
    mutating func receive(_ frame: [UInt8], time: UInt64) -> [[UInt8]] {
        guard frame.count >= 14 else { return [] }
        switch Array(frame[12..<14]) {
        case EtherType.resolution: return resolve(frame[14...])
        case EtherType.internet: return answer(frame[14...], from: Array(frame[6..<12]))
        default: return []
        }
    }

    private mutating func resolve(_ packet: ArraySlice<UInt8>) -> [[UInt8]] {
        let packet = Array(packet)
        guard packet.count >= 28, packet[0..<6] == [0, 1, 8, 0, 6, 4] else { return [] }
        let sender = Neighbour(internet: Array(packet[14..<18]), hardware: Array(packet[8..<14]))
        neighbours.removeAll { $0.internet == sender.internet }
        if neighbours.count < Self.maximumNeighbours { neighbours.append(sender) }
        guard packet[7] == 1, Array(packet[24..<28]) == address.internet else { return [] }
        return [
            frame(
                to: sender.hardware, EtherType.resolution,
                [0, 1, 8, 0, 6, 4, 0, 2] + address.hardware + address.internet + sender.hardware + sender.internet)
        ]
    }

    private func question(_ target: [UInt8]) -> [UInt8] {
        frame(
            to: [UInt8](repeating: 0xFF, count: 6), EtherType.resolution,
            [0, 1, 8, 0, 6, 4, 0, 1] + address.hardware + address.internet + [0, 0, 0, 0, 0, 0] + target)
    }

    private func answer(_ packet: ArraySlice<UInt8>, from hardware: [UInt8]) -> [[UInt8]] {
        let packet = Array(packet)
        guard packet.count >= 28, packet[0] == 0x45, Array(packet[16..<20]) == address.internet else { return [] }
        let length = Int(packet[2]) << 8 | Int(packet[3])
        guard length >= 28, length <= packet.count else { return [] }
        let sender = Neighbour(internet: Array(packet[12..<16]), hardware: hardware)
        if packet[9] == 6 { return refuse(Array(packet[20..<length]), sender) }
        guard packet[9] == 1, packet[20] == 8 else { return [] }
        return [
            echo(
                0, to: sender, identifier: UInt16(packet[24]) << 8 | UInt16(packet[25]),
                sequence: UInt16(packet[26]) << 8 | UInt16(packet[27]), payload: Array(packet[28..<length]))
        ]
    }

    /// Nobody listens: a first segment is answered with a reset (RFC 9293, 3.10.7.1).
    private func refuse(_ segment: [UInt8], _ sender: Neighbour) -> [[UInt8]] {
        guard segment.count >= 20, segment[13] & 0x16 == 0x02 else { return [] }
        let number = segment[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let (source, target) = (
            UInt16(segment[0]) << 8 | UInt16(segment[1]), UInt16(segment[2]) << 8 | UInt16(segment[3])
        )
        return [self.segment(to: sender, from: target, to: source, flags: 0x14, number: number &+ 1)]
    }

    private func segment(
        to neighbour: Neighbour, from source: UInt16, to target: UInt16, flags: UInt8, number: UInt32
    ) -> [UInt8] {
        let acknowledged = flags & 0x10 != 0 ? number : 0
        var segment = bigEndian(source) + bigEndian(target) + [0, 0, 0, 0]
        segment += bigEndian(UInt16(acknowledged >> 16)) + bigEndian(UInt16(acknowledged & 0xFFFF))
        segment += [0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]
        let pseudoHeader = address.internet + neighbour.internet + [0, 6] + bigEndian(UInt16(segment.count))
        segment.replaceSubrange(16..<18, with: bigEndian(checksum(pseudoHeader + segment)))
        return datagram(to: neighbour, protocolNumber: 6, segment)
    }

    private func frame(to hardware: [UInt8], _ type: [UInt8], _ payload: [UInt8]) -> [UInt8] {
        let frame = hardware + address.hardware + type + payload
        return frame + [UInt8](repeating: 0, count: max(0, 60 - frame.count))
    }

    private func echo(
        _ type: UInt8, to neighbour: Neighbour, identifier: UInt16, sequence: UInt16, payload: [UInt8]
    ) -> [UInt8] {
        var message: [UInt8] = [type, 0, 0, 0] + bigEndian(identifier) + bigEndian(sequence) + payload
        message.replaceSubrange(2..<4, with: bigEndian(checksum(message)))
        return datagram(to: neighbour, protocolNumber: 1, message)
    }

    private func datagram(to neighbour: Neighbour, protocolNumber: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var header: [UInt8] = [0x45, 0] + bigEndian(UInt16(truncatingIfNeeded: 20 + payload.count))
        header += bigEndian(sequence) + [0x40, 0, 64, protocolNumber, 0, 0] + address.internet + neighbour.internet
        header.replaceSubrange(10..<12, with: bigEndian(checksum(header)))
        return frame(to: neighbour.hardware, EtherType.internet, header + payload)
    }

    private func bigEndian(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF)] }

    /// The internet checksum (RFC 1071).
    private func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
        }
        while sum > 0xFFFF { sum = sum >> 16 + sum & 0xFFFF }
        return ~UInt16(truncatingIfNeeded: sum)
    }
}
