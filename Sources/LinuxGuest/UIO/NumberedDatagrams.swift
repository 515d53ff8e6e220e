public import VMBusDevices
import VMBusWire

/// Datagrams to somebody's echo port that say themselves what must be in them: a sequence number, and a length, ports and bytes
/// that follow from it, so that they spread over all channels and every one that comes back can be told to be whole.
public struct NumberedDatagrams: Sendable {
    private static let echoPort: NetworkShort = 7
    private static let firstPort: UInt32 = 49_152
    /// Flows, by the port that is sent from.
    private static let flows: UInt32 = 61
    /// Bytes of the number in front.
    private static let headerSize = 4

    /// How many are to go and come.
    public let count: UInt32
    private let writer: FrameWriter
    private let peer: InternetAddress
    private var hardware: [UInt8]?
    /// Those that have come back, by number.
    private var isBack: [Bool]

    /// Datagrams that went out.
    public private(set) var sent: UInt32 = 0
    /// Those that came back whole.
    public private(set) var whole: UInt32 = 0
    /// Those that came back otherwise.
    public private(set) var broken = 0
    /// Those that came back once more.
    public private(set) var doubled = 0

    /// So many datagrams, none of which has gone.
    ///
    /// - Parameters:
    ///   - hardware: the adapter's address.
    ///   - own: the address to send from.
    ///   - peer: whose echo port is asked.
    public init(_ count: Int, hardware: [UInt8], own: InternetAddress, peer: InternetAddress) {
        self.count = UInt32(clamping: count)
        writer = FrameWriter(hardware: hardware, internet: own)
        self.peer = peer
        isBack = Array(repeating: false, count: count)
    }

    /// Whether the peer has said where it is.
    public var knowsPeer: Bool { hardware != nil }
    /// Asks where the peer is.
    public var question: [UInt8] { writer.question(peer) }
    /// Those that have not come back.
    public var missing: Int { Int(sent) - Int(whole) }
    /// Whether all have gone and come back.
    public var isDone: Bool { whole == count }

    /// The next one to be sent; nil when all are, or the peer is not known.
    public mutating func next() -> [UInt8]? {
        guard let hardware, sent < count else { return nil }
        defer { sent += 1 }
        return frame(sent, to: hardware)
    }

    /// Those that have not come back, once more, for a network that may lose some.
    public func again(limit: Int) -> [[UInt8]] {
        guard let hardware else { return [] }
        return (0..<sent).lazy.filter { !isBack[Int($0)] }.prefix(limit).map { frame($0, to: hardware) }
    }

    private func frame(_ number: UInt32, to hardware: [UInt8]) -> [UInt8] {
        writer.datagram(
            to: hardware, peer, from: Self.port(number), to: Self.echoPort, Self.payload(number))
    }

    private static func port(_ number: UInt32) -> NetworkShort {
        NetworkShort(rawValue: UInt16(truncatingIfNeeded: firstPort + number % flows))
    }

    /// 4 to 1471 bytes, which fill a frame's longest.
    private static func payload(_ number: UInt32) -> [UInt8] {
        let size = headerSize + Int(UInt64(number) * 37 % 1468)
        return (0..<size).map { index in
            index < headerSize
                ? UInt8(truncatingIfNeeded: number >> UInt32(8 * index))
                : UInt8(truncatingIfNeeded: number &* 7 &+ UInt32(truncatingIfNeeded: index))
        }
    }

    /// Takes a frame that came.
    ///
    /// - Returns: what is to be answered, to somebody who asks for this address.
    public mutating func take(_ frame: [UInt8]) -> [UInt8]? {
        guard let received = try? ReceivedFrame(frame) else { return nil }
        switch received {
        case .resolution(let packet):
            if packet.sender == peer { hardware = packet.senderHardware }
            return packet.operation == .request && packet.target == writer.internet ? writer.answer(packet) : nil
        case .packet(let packet) where packet.header.carries == .udp && packet.header.source == peer:
            guard let header = try? UDPHeader.decode(packet.payload), header.source == Self.echoPort else { return nil }
            hold(header, Array(packet.payload.dropFirst(UDPHeader.byteCount)), packet.hasRightSum)
        case .packet, .other: break
        }
        return nil
    }

    private mutating func hold(_ header: UDPHeader, _ payload: [UInt8], _ hasRightSum: Bool) {
        let number = payload.prefix(Self.headerSize).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard hasRightSum || header.checksum == 0, number < sent, header.destination == Self.port(number),
            payload == Self.payload(number)
        else {
            broken += 1
            return
        }
        if isBack[Int(number)] { doubled += 1 } else { whole += 1 }
        isBack[Int(number)] = true
    }
}
