import Configuration
import Testing
import VMBusDevices
import VMBusPartitions
import VMBusWire

private let second: UInt64 = 1_000_000_000

@Suite struct `A responder` {
    var responder = SwitchResponder(.usual)
    let hardware = SwitchResponder.Configuration.usual.hardware
    let guest = interface(1)

    private func summary(_ frame: [UInt8]?) -> String? { frame.map { EthernetFrame.summary($0[...]) } }

    @Test(arguments: [0, 1, 56, 1471, 1472])
    mutating func `sends every byte of a ping back`(count: Int) throws {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 3) }
        var echo = ICMPHeader()
        (echo.identifier, echo.sequence) = (7, 9)
        let request = guest.message(to: hardware, server, echo, payload)
        let received = responder.receive(request, time: 0)
        let answer = try #require(received)
        guard case .packet(let packet) = try ReceivedFrame(answer) else {
            Issue.record("no packet")
            return
        }
        #expect(InternetSum(packet.payload).isRight)
        #expect(Array(packet.payload.dropFirst(8)) == payload)
        #expect(summary(answer)?.hasPrefix("IPv4 10.0.0.254 > 10.0.0.1 ICMP echo reply seq 9") == true)
    }

    @Test mutating func `echoes datagrams and refuses what nobody listens to`() {
        let echo = responder.receive(guest.datagram(to: hardware, server, from: 4000, to: 7, [1, 2, 3]), time: 0)
        #expect(summary(echo) == "IPv4 10.0.0.254 > 10.0.0.1 UDP 7 > 4000, 60 bytes")
        let refused = responder.receive(guest.datagram(to: hardware, server, from: 4000, to: 9, [1]), time: 0)
        #expect(summary(refused)?.contains("ICMP type 3") == true)
        var segment = TCPHeader()
        segment.control = TCPHeader.Control(rawValue: 0x5002)
        let reset = responder.receive(guest.segment(to: hardware, server, segment), time: 0)
        #expect(summary(reset)?.contains("RST|ACK") == true)
        let astray = responder.receive(
            guest.datagram(to: hardware, InternetAddress([8, 8, 8, 8]), from: 4000, to: 53, [1]), time: 0)
        #expect(summary(astray)?.contains("ICMP type 3") == true)
        #expect(responder.counters.datagrams == 1)
        #expect(responder.counters.refusals == 3)
    }

    @Test(arguments: 34..<98)
    mutating func `counts a ping of which one bit is wrong and does not answer`(index: Int) {
        var request = guest.message(to: hardware, server, ICMPHeader(), [UInt8](repeating: 1, count: 56))
        request[index] ^= 0x10
        let answer = responder.receive(request, time: 0)
        #expect(answer == nil)
        #expect(responder.counters.wrongSums == 1)
    }

    @Test(arguments: 14..<34)
    mutating func `counts a packet of which one bit of the header is wrong`(index: Int) {
        var request = guest.message(to: hardware, server, ICMPHeader(), [1])
        request[index] ^= 0x08
        let answer = responder.receive(request, time: 0)
        #expect(answer == nil)
        #expect(responder.counters.malformed == 1)
    }

    @Test mutating func `answers no frame that is cut short`() {
        let frames = [
            guest.question(server), guest.message(to: hardware, server, ICMPHeader(), [UInt8](repeating: 1, count: 90)),
            guest.datagram(to: hardware, server, from: 1, to: 7, [UInt8](repeating: 1, count: 90)),
        ]
        // A frame of 60 bytes may be cut where its packet has ended.
        for (frame, least) in zip(frames, [42, frames[1].count, frames[2].count]) {
            for count in 0..<least {
                let answer = responder.receive(Array(frame.prefix(count)), time: 0)
                #expect(answer == nil, "\(count) bytes")
            }
            let answer = responder.receive(Array(frame.prefix(least)), time: 0)
            #expect(answer != nil)
        }
    }

    @Test mutating func `ignores pieces, groups, answers and what is for others`() {
        var header = IPv4Header()
        (header.source, header.destination) = (guest.internet, server)
        header.fragment = IPv4Header.Fragment(rawValue: 0x2000)
        header.checksum = InternetSum(header.encoded()).value
        var group = guest.message(to: hardware, server, ICMPHeader(), [1])
        group[6] |= 1
        var reply = ICMPHeader()
        reply.kind = .echoReply
        let frames = [
            guest.frame(to: hardware, .internet4, header.encoded()), group,
            guest.message(to: hardware, server, reply, [1]),
            guest.frame(to: hardware, .internet6, [1, 2, 3]),
            guest.message(to: FrameWriter.everybody, InternetAddress([10, 0, 0, 255]), ICMPHeader(), [1]),
        ]
        for frame in frames {
            let answer = responder.receive(frame, time: 0)
            #expect(answer == nil)
        }
        #expect(responder.counters.ignored == 5)
        let other = responder.receive(guest.message(to: interface(9).hardware, server, ICMPHeader(), [1]), time: 0)
        #expect(other == nil)
        #expect(responder.counters.frames == 5)
    }
}

/// A client and what it is answered.
private struct Client {
    var responder: SwitchResponder
    var hardware = interface(1).hardware
    var time: UInt64 = 0

    init(_ text: String = "10.0.0.1/24", reserved: [SwitchResponder.Configuration.Reservation] = []) throws {
        var configuration = try #require(SwitchResponder.Configuration(text))
        configuration.reservations = reserved
        responder = SwitchResponder(configuration)
    }

    mutating func say(
        _ kind: DHCPMessage.Kind, wanted: InternetAddress? = nil, server: InternetAddress? = nil,
        has: InternetAddress = .none, isForAll: Bool = false
    ) throws -> (message: DHCPMessage, frame: [UInt8])? {
        var message = DHCPMessage()
        message.transaction = 0x1234_5678
        message.clientHardware = hardware
        message.clientAddress = has
        message.flags = isForAll ? 0x8000 : 0
        message.options = [DHCPMessage.Option(.messageType, [kind.rawValue])]
        if let wanted { message.options.append(DHCPMessage.Option(.requestedAddress, wanted.bytes)) }
        if let server { message.options.append(DHCPMessage.Option(.server, server.bytes)) }
        message.options.append(DHCPMessage.Option(.end))
        let writer = FrameWriter(hardware: hardware, internet: has)
        let frame = writer.datagram(
            to: FrameWriter.everybody, .everybody, from: 68, to: 67, message.encoded())
        guard let answer = responder.receive(frame, time: time) else { return nil }
        guard case .packet(let packet) = try ReceivedFrame(answer) else { return nil }
        #expect(packet.hasRightSum)
        let decoded = try DHCPMessage.decode(packet.payload.dropFirst(8))
        #expect(decoded.transaction == 0x1234_5678)
        return (decoded, answer)
    }

    /// The whole way to an address.
    mutating func lease() throws -> InternetAddress? {
        guard let offer = try say(.discover)?.message else { return nil }
        #expect(offer.kind == .offer)
        let server = offer.option(.server).map { InternetAddress($0) }
        guard let answer = try say(.request, wanted: offer.yourAddress, server: server)?.message,
            answer.kind == .acknowledge
        else { return nil }
        #expect(answer.yourAddress == offer.yourAddress)
        return answer.yourAddress
    }
}

@Suite struct `A conversation about an address` {
    @Test func `gives each interface its own, and the same one again`() throws {
        var client = try Client()
        let first = try client.lease()
        #expect(first?.description == "10.0.0.2")
        client.hardware = interface(2).hardware
        let other = try client.lease()
        #expect(other?.description == "10.0.0.3")
        client.hardware = interface(1).hardware
        let again = try client.lease()
        #expect(again?.description == "10.0.0.2")
        #expect(client.responder.counters.leases == 3)
    }

    @Test func `says mask, router and how long`() throws {
        var client = try Client("192.168.7.5/29")
        let offerSaid = try client.say(.discover)
        let offer = try #require(offerSaid?.message)
        #expect(offer.yourAddress.description == "192.168.7.1")
        #expect(offer.option(.subnetMask) == [255, 255, 255, 248])
        #expect(offer.option(.router) == [192, 168, 7, 5])
        #expect(offer.option(.broadcast) == [192, 168, 7, 7])
        #expect(offer.option(.leaseTime) == [0, 1, 0x51, 0x80])
    }

    @Test func `goes to the client alone unless it cannot hear that`() throws {
        var client = try Client()
        let aloneSaid = try client.say(.discover)
        let alone = try #require(aloneSaid?.frame)
        #expect(Array(alone[0..<6]) == client.hardware)
        let allSaid = try client.say(.discover, isForAll: true)
        let all = try #require(allSaid?.frame)
        #expect(Array(all[0..<6]) == FrameWriter.everybody)
    }

    @Test func `keeps what the scenario reserves`() throws {
        let reservation = SwitchResponder.Configuration.Reservation(
            hardware: interface(1).hardware, internet: InternetAddress([10, 0, 0, 2]))
        var client = try Client(reserved: [reservation])
        client.hardware = interface(2).hardware
        let other = try client.lease()
        #expect(other?.description == "10.0.0.3")
        client.hardware = interface(1).hardware
        let owner = try client.lease()
        #expect(owner?.description == "10.0.0.2")
    }

    @Test func `refuses an address of another network and one that somebody has`() throws {
        var client = try Client()
        let mine = try client.lease()
        client.hardware = interface(2).hardware
        for wanted in [mine, InternetAddress([192, 168, 0, 9]), InternetAddress([10, 0, 0, 1])] {
            let answer = try client.say(.request, wanted: wanted)
            #expect(answer?.message.kind == .refuse)
            #expect(answer?.frame.first == 0xFF)
        }
    }

    @Test func `renews, releases, and leaves an address in use alone`() throws {
        var client = try Client()
        let addressSaid = try client.lease()
        let address = try #require(addressSaid)
        let renewed = try client.say(.request, has: address)
        #expect(renewed?.message.kind == .acknowledge)
        let silence = try client.say(.release, has: address)
        #expect(silence == nil)
        client.hardware = interface(2).hardware
        let next = try client.lease()
        #expect(next == address)
        let declined = try client.say(.decline, wanted: address)
        #expect(declined == nil)
        let another = try client.lease()
        #expect(another?.description == "10.0.0.3")
        let informed = try client.say(.inform, has: InternetAddress([10, 0, 0, 77]))
        #expect(informed?.message.kind == .acknowledge)
        #expect(informed?.message.yourAddress == InternetAddress.none)
    }

    @Test func `has nothing to give when all is given, until a lease ends`() throws {
        var client = try Client("10.0.0.1/30")
        let only = try client.lease()
        #expect(only?.description == "10.0.0.2")
        client.hardware = interface(2).hardware
        let none = try client.say(.discover)
        #expect(none == nil)
        client.time = 86_401 * second
        let later = try client.lease()
        #expect(later?.description == "10.0.0.2")
    }

    @Test func `remembers no more than it may`() throws {
        var client = try Client("10.0.0.1/16")
        var given = 0
        for number in 0..<400 {
            client.hardware = [0, 0x15, 0x5D, 1, UInt8(number >> 8), UInt8(number & 0xFF)]
            if try client.say(.discover) != nil { given += 1 }
        }
        #expect(given == 256)
    }

    @Test func `with another server ends the offer`() throws {
        var client = try Client("10.0.0.1/30")
        _ = try client.say(.discover)
        let silence = try client.say(
            .request, wanted: InternetAddress([10, 0, 0, 2]), server: InternetAddress([10, 0, 0, 9]))
        #expect(silence == nil)
        client.hardware = interface(2).hardware
        let other = try client.lease()
        #expect(other?.description == "10.0.0.2")
    }
}

@Suite struct `A scenario's switch` {
    private func scenario(_ text: String) throws(ConfigurationError) -> Scenario {
        let text = "name = \"t\"\n\(text)\n[[guest]]\nname = \"g\"\n[[guest.device]]\nkind = \"network\"\n"
        return try Scenario(ConfigurationDocument(parsing: Array(text.utf8), file: "t.toml"))
    }

    @Test func `has the responder that is asked for, or none, or the usual one`() throws {
        let asked = try scenario("[switch]\nresponder = \"10.1.2.3/16\"").makeSwitch(usual: .usual)
        #expect(asked.responder?.configuration.address.description == "10.1.2.3")
        #expect(asked.responder?.configuration.reservations.count == 1)
        #expect(try scenario("[switch]\nresponder = \"none\"").makeSwitch(usual: .usual).responder == nil)
        #expect(try scenario("").makeSwitch().responder == nil)
        #expect(try scenario("").makeSwitch(usual: .usual).responder?.configuration.address == server)
    }

    @Test(arguments: ["10.0.0.1", "10.0.0.1/7", "10.0.0.1/31", "10.0.0.0/24", "10.0.0.255/24", "10.0.0/24", "on"])
    func `refuses what is no host's address`(text: String) {
        do throws(ConfigurationError) {
            _ = try scenario("[switch]\nresponder = \"\(text)\"")
            Issue.record("\(text) was accepted")
        } catch {
            #expect("\(error)".contains("responder"))
        }
    }
}
