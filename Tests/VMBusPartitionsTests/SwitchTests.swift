import Testing
import VMBusDevices
import VMBusPartitions
import VMBusWire

let server = InternetAddress([10, 0, 0, 254])

/// An interface of a guest.
func interface(_ number: UInt8) -> FrameWriter {
    FrameWriter(hardware: [0, 0x15, 0x5D, 0, 0, number], internet: InternetAddress([10, 0, 0, number]))
}

private func port(_ guest: Int) -> VirtualSwitch.Port { .adapter(guest: guest, device: GUID(1, 2, 3, 4)) }

@Suite struct `A switch` {
    private func joined(_ responder: SwitchResponder.Configuration? = nil) -> VirtualSwitch {
        var exchange = VirtualSwitch(responder: responder)
        for guest in 1...3 { exchange.connect(port(guest)) }
        return exchange
    }

    @Test func `floods what it does not know and learns who is where`() {
        var exchange = joined()
        let question = interface(1).frame(to: interface(2).hardware, .internet4, [])
        #expect(exchange.forward(question, from: port(1), time: 0).map(\.port) == [port(2), port(3)])
        let answer = interface(2).frame(to: interface(1).hardware, .internet4, [])
        #expect(exchange.forward(answer, from: port(2), time: 0).map(\.port) == [port(1)])
        #expect(exchange.forward(question, from: port(1), time: 0).map(\.port) == [port(2)])
        // Who speaks at another port has moved there.
        _ = exchange.forward(answer, from: port(3), time: 0)
        #expect(exchange.forward(question, from: port(1), time: 0).map(\.port) == [port(3)])
        // Nothing comes back where it came from.
        #expect(exchange.forward(question, from: port(3), time: 0).isEmpty)
    }

    @Test func `brings what is for a group to all others`() {
        var exchange = joined()
        exchange.connect(.outside)
        let frame = interface(1).frame(to: FrameWriter.everybody, .internet4, [])
        #expect(exchange.forward(frame, from: port(2), time: 0).map(\.port) == [port(1), port(3), .outside])
        #expect(exchange.forward(frame, from: .outside, time: 0).map(\.port) == [port(1), port(2), port(3)])
    }

    @Test func `forgets who was behind a port that is gone`() {
        var exchange = joined()
        _ = exchange.forward(interface(2).question(server), from: port(2), time: 0)
        exchange.disconnect(port(2))
        let frame = interface(1).frame(to: interface(2).hardware, .internet4, [])
        #expect(exchange.forward(frame, from: port(1), time: 0).map(\.port) == [port(3)])
    }

    @Test func `never learns a group, and drops what is no frame`() {
        var exchange = joined()
        var frame = interface(1).frame(to: interface(2).hardware, .internet4, [])
        frame[6] |= 1
        _ = exchange.forward(frame, from: port(1), time: 0)
        #expect(exchange == joined())
        #expect(exchange.forward([UInt8](repeating: 0, count: 13), from: port(1), time: 0).isEmpty)
    }

    @Test func `remembers as many addresses as it may, and forgets the oldest`() {
        var exchange = joined()
        for number in 0...VirtualSwitch.maximumAddresses {
            var frame = interface(1).frame(to: FrameWriter.everybody, .internet4, [])
            frame[8] = UInt8(number >> 8)
            frame[9] = UInt8(number & 0xFF)
            _ = exchange.forward(frame, from: port(1), time: 0)
        }
        func heardOf(_ number: Int) -> Int {
            var frame = interface(2).frame(to: interface(1).hardware, .internet4, [])
            (frame[2], frame[3]) = (UInt8(number >> 8), UInt8(number & 0xFF))
            var copy = exchange
            return copy.forward(frame, from: port(2), time: 0).count
        }
        #expect(heardOf(0) == 2)
        #expect(heardOf(2) == 1)
        #expect(heardOf(VirtualSwitch.maximumAddresses) == 1)
    }

    @Test func `has its responder answer those who ask, and nobody else hear it`() {
        var exchange = joined(.usual)
        let deliveries = exchange.forward(interface(1).question(server), from: port(1), time: 0)
        #expect(deliveries.map(\.port) == [port(1), port(2), port(3)])
        let answer = deliveries.first { $0.port == port(1) }?.frame
        #expect(answer.map { EthernetFrame.summary($0[...]) } == "ARP 10.0.0.254 is-at 02:15:5d:00:00:fe, 60 bytes")
        let ping = interface(1).message(to: SwitchResponder.Configuration.usual.hardware, server, ICMPHeader(), [1, 2])
        #expect(exchange.forward(ping, from: port(1), time: 0).map(\.port) == [port(1)])
        #expect(exchange.responder?.counters.echoes == 1)
    }
}
