import VMBusWire

/// Writes the frames of one interface, whose two addresses it knows.
public struct FrameWriter: Sendable, Hashable {
    /// Six bytes.
    public let hardware: [UInt8]
    /// Its address in the internet.
    public let internet: InternetAddress

    /// Everybody's Ethernet address.
    public static let everybody = [UInt8](repeating: 0xFF, count: 6)
    /// Shorter frames are filled up (IEEE 802.3, without the check sequence).
    public static let smallestFrame = 60

    /// An interface.
    public init(hardware: [UInt8], internet: InternetAddress) {
        self.hardware = hardware
        self.internet = internet
    }

    /// A frame of at least 60 bytes.
    public func frame(to hardware: [UInt8], _ type: EtherType, _ payload: [UInt8]) -> [UInt8] {
        frame(to: hardware, type, count: payload.count) { $0 += payload }
    }

    /// The same; `body` puts `count` bytes of payload behind the header, so that they are written once.
    private func frame(
        to hardware: [UInt8], _ type: EtherType, count: Int, _ body: (inout [UInt8]) -> Void
    ) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(max(Self.smallestFrame, EthernetHeader.byteCount + count))
        frame += EthernetHeader(destination: hardware, source: self.hardware, type: type).encoded()
        body(&frame)
        if frame.count < Self.smallestFrame { frame += repeatElement(0, count: Self.smallestFrame - frame.count) }
        return frame
    }

    /// Asks who has an address.
    public func question(_ target: InternetAddress) -> [UInt8] {
        resolution(.request, to: Self.everybody, [UInt8](repeating: 0, count: 6), target)
    }

    /// Answers somebody who asks for this interface's address.
    public func answer(_ question: ARPPacket) -> [UInt8] {
        resolution(.reply, to: question.senderHardware, question.senderHardware, question.sender)
    }

    private func resolution(
        _ operation: ARPPacket.Operation, to hardware: [UInt8], _ targetHardware: [UInt8], _ target: InternetAddress
    ) -> [UInt8] {
        var packet = ARPPacket()
        packet.operation = operation
        (packet.senderHardware, packet.sender) = (self.hardware, internet)
        (packet.targetHardware, packet.target) = (targetHardware, target)
        return frame(to: hardware, .resolution, packet.encoded())
    }

    /// An IPv4 packet.
    public func packet(
        to hardware: [UInt8], _ destination: InternetAddress, _ carries: InternetProtocol, _ payload: [UInt8],
        identification: NetworkShort = 0
    ) -> [UInt8] {
        packet(to: hardware, destination, carries, count: payload.count, identification) { $0 += payload }
    }

    /// The same; `body` puts `count` bytes behind the header.
    private func packet(
        to hardware: [UInt8], _ destination: InternetAddress, _ carries: InternetProtocol, count: Int,
        _ identification: NetworkShort, _ body: (inout [UInt8]) -> Void
    ) -> [UInt8] {
        var header = IPv4Header()
        header.totalLength = NetworkShort(IPv4Header.smallestByteCount + count)
        header.identification = identification
        header.carries = carries
        (header.source, header.destination) = (internet, destination)
        var packet = header.encoded()
        packet.put(InternetSum(packet).value, at: IPv4Header.checksumOffset)
        return frame(to: hardware, .internet4, count: packet.count + count) { frame in
            frame += packet
            body(&frame)
        }
    }

    /// An ICMP message with its checksum.
    public func message(
        to hardware: [UInt8], _ destination: InternetAddress, _ header: ICMPHeader, _ payload: some Collection<UInt8>,
        identification: NetworkShort = 0
    ) -> [UInt8] {
        var header = header
        header.checksum = 0
        let count = ICMPHeader.byteCount + payload.count
        return packet(to: hardware, destination, .icmp, count: count, identification) { frame in
            let start = frame.count
            frame += header.encoded()
            frame += payload
            frame.put(InternetSum(frame[start...]).value, at: start + ICMPHeader.checksumOffset)
        }
    }

    /// A datagram with its checksum.
    public func datagram(
        to hardware: [UInt8], _ destination: InternetAddress, from port: NetworkShort, to target: NetworkShort,
        _ payload: some Collection<UInt8>
    ) -> [UInt8] {
        var header = UDPHeader()
        (header.source, header.destination) = (port, target)
        header.length = NetworkShort(UDPHeader.byteCount + payload.count)
        var sum = InternetSum(
            source: internet, destination: destination, carries: .udp, count: Int(header.length.rawValue))
        return packet(to: hardware, destination, .udp, count: UDPHeader.byteCount + payload.count, 0) { frame in
            let start = frame.count
            frame += header.encoded()
            frame += payload
            sum.add(frame[start...])
            // 0 means that there is none.
            frame.put(sum.value == 0 ? 0xFFFF : sum.value, at: start + UDPHeader.checksumOffset)
        }
    }

    /// A segment without data, with its checksum.
    public func segment(
        to hardware: [UInt8], _ destination: InternetAddress, _ header: TCPHeader, identification: NetworkShort = 0
    ) -> [UInt8] {
        var header = header
        header.checksum = 0
        var segment = header.encoded()
        var sum = InternetSum(source: internet, destination: destination, carries: .tcp, count: segment.count)
        sum.add(segment)
        segment.put(sum.value, at: TCPHeader.checksumOffset)
        return packet(to: hardware, destination, .tcp, segment, identification: identification)
    }

    /// Nobody listens: what a first segment is answered with (RFC 9293, 3.10.7.1). Nil for any other.
    public func refusal(
        of segment: TCPHeader, to hardware: [UInt8], _ destination: InternetAddress, identification: NetworkShort = 0
    ) -> [UInt8]? {
        let ends = TCPHeader.Control.reset | TCPHeader.Control.acknowledge
        guard segment.control.rawValue & (ends | TCPHeader.Control.synchronize) == TCPHeader.Control.synchronize else {
            return nil
        }
        var answer = TCPHeader()
        (answer.source, answer.destination) = (segment.destination, segment.source)
        answer.acknowledgement = NetworkLong(rawValue: segment.sequence.rawValue &+ 1)
        answer.control = TCPHeader.Control(rawValue: 0x5000 | ends)
        return self.segment(to: hardware, destination, answer, identification: identification)
    }
}

extension [UInt8] {
    /// Puts a checksum into its place in a header that was written with 0 there.
    fileprivate mutating func put(_ checksum: NetworkShort, at offset: Int) {
        guard offset + 2 <= count else { return }
        self[offset] = UInt8(truncatingIfNeeded: checksum.rawValue >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: checksum.rawValue)
    }
}
