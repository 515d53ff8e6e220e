import VMBusDevices
import VMBusWire

/// What guests say to a responder, as the target reads it.
enum GuestFrames {
    private static let guest = FrameWriter(
        hardware: [0, 0x15, 0x5D, 0, 0, 1], internet: InternetAddress([10, 0, 0, 2]))
    private static let server = InternetAddress([10, 0, 0, 1])
    private static let serverHardware: [UInt8] = [0x02, 0x15, 0x5D, 0, 0, 1]

    /// One of each kind, and what belongs together.
    static let conversations: [[UInt8]] = {
        let address = said([dhcp(.discover), dhcp(.request)])
        let release = said([dhcp(.request), dhcp(.release), dhcp(.decline), dhcp(.inform)])
        return [
            said([guest.question(server)]), said([ping]), said([datagram(7)]), said([datagram(9)]), said([knock]),
            said([stray]), address, release, said([tagged]), said([solicitation]),
            said([guest.question(server), ping, datagram(7), knock]),
        ]
    }()

    private static var ping: [UInt8] { guest.message(to: serverHardware, server, ICMPHeader(), [1, 2, 3, 4]) }

    private static var stray: [UInt8] {
        guest.datagram(to: serverHardware, InternetAddress([8, 8, 8, 8]), from: 4000, to: 53, [1, 2])
    }

    private static var knock: [UInt8] {
        var segment = TCPHeader()
        segment.control = TCPHeader.Control(rawValue: 0x5002)
        return guest.segment(to: serverHardware, server, segment)
    }

    private static var tagged: [UInt8] {
        Array(guest.question(server)[..<12]) + [0x81, 0, 0x20, 5] + guest.question(server)[12...]
    }

    private static var solicitation: [UInt8] {
        guest.frame(to: FrameWriter.everybody, .internet6, [0x60, 0, 0, 0, 0, 8, 58, 255] + [UInt8](0..<40))
    }

    private static func datagram(_ port: NetworkShort) -> [UInt8] {
        guest.datagram(to: serverHardware, server, from: 4000, to: port, [1, 2, 3])
    }

    private static func dhcp(_ kind: DHCPMessage.Kind) -> [UInt8] {
        var message = DHCPMessage()
        message.clientHardware = guest.hardware
        message.options = [
            DHCPMessage.Option(.messageType, [kind.rawValue]),
            DHCPMessage.Option(.requestedAddress, guest.internet.bytes), DHCPMessage.Option(.end),
        ]
        return FrameWriter(hardware: guest.hardware, internet: .none)
            .datagram(to: FrameWriter.everybody, .everybody, from: 68, to: 67, message.encoded())
    }

    private static func said(_ frames: [[UInt8]]) -> [UInt8] {
        frames.flatMap { frame in
            [UInt8(frame.count & 0xFF), UInt8(frame.count >> 8) | 0x80, 0] + frame
        }
    }
}
