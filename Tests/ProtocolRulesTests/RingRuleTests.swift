import BusModel
import ProtocolRules
import Testing
import VMBusWire

@Suite struct RingRuleTests {
    /// A ring in which both ends stand where the control page says.
    static func rest(_ ring: inout RingEvidence, at index: UInt32, willLook: Bool = false) {
        (ring.writeIndex, ring.readIndex) = (index, index)
        ring.sender = RingEvidence.Sender(position: index, willLook: willLook)
        ring.receiver = RingEvidence.Receiver(position: index, published: index, willLook: willLook)
    }

    /// A packet of 24 bytes of ring.
    static let packet = HandMadePacket()

    @Test(arguments: [(UInt32(16), true), (4088, true), (12, false), (4096, false), (.max, false)])
    func `an index is a multiple of 8 inside the data area`(index: UInt32, holds: Bool) {
        var log = HandMadeLog.opened()
        log.look { Self.rest(&$0, at: index) }
        #expect(log.broken == (holds ? [] : [.indexRange]))
        #expect(log.checker.checks(of: .indexRange) == 2)
    }

    @Test(arguments: [(4088 - 24, true), (4088 - 16, false)])
    func `8 bytes of a ring stay free`(payload: Int, holds: Bool) {
        var log = HandMadeLog.opened()
        log.packet(HandMadePacket(payload: [UInt8](repeating: 1, count: payload)), .guestToHost)
        let end = UInt32((payload + 24) % 4096)
        log.look {
            $0.writeIndex = end
            $0.sender = RingEvidence.Sender(position: end)
        }
        #expect(log.broken == (holds ? [] : [.oneByteFree]))
    }

    @Test func `what was read in the step makes room`() {
        var log = HandMadeLog.opened()
        log.packet(HandMadePacket(payload: [UInt8](repeating: 1, count: 1976)), .guestToHost)
        log.look {
            $0.writeIndex = 2000
            $0.sender = RingEvidence.Sender(position: 2000)
        }
        log.packet(HandMadePacket(payload: [UInt8](repeating: 1, count: 3000)), .guestToHost)
        log.look {
            ($0.writeIndex, $0.readIndex) = (928, 2000)
            $0.sender = RingEvidence.Sender(position: 928)
        }
        #expect(log.broken == [])
        #expect(log.checker.checks(of: .oneByteFree) == 2)
    }

    @Test(arguments: [(UInt32(24), UInt32(0), true), (32, 0, false), (24, 24, false)])
    func `an index is where its owner has stored it`(write: UInt32, read: UInt32, holds: Bool) {
        var log = HandMadeLog.opened()
        log.packet(Self.packet, .guestToHost)
        log.look {
            ($0.writeIndex, $0.readIndex) = (write, read)
            $0.sender = RingEvidence.Sender(position: 24)
            $0.receiver = RingEvidence.Receiver(position: 0, published: 0, willLook: true)
        }
        #expect(log.broken == (holds ? [] : [.singleWriter]))
    }

    @Test func `a state that lasts is told once`() {
        var log = HandMadeLog.opened()
        for _ in 0..<3 {
            log.look {
                Self.rest(&$0, at: 0, willLook: true)
                $0.readIndex = 8
                $0.writeIndex = 8
            }
        }
        #expect(log.broken == [.singleWriter])
    }

    @Test(arguments: [
        (HandMadePacket(), true), (HandMadePacket(type: 0), false), (HandMadePacket(type: 14), false),
        (HandMadePacket(offset: 1), false), (HandMadePacket(length: 1), false),
        (HandMadePacket(length: 3), false),
    ])
    func `a descriptor that lies in the ring is sane`(packet: HandMadePacket, holds: Bool) {
        var log = HandMadeLog.opened()
        // What the sender says that it wrote is right.
        log.packet(HandMadePacket(), .guestToHost)
        log.look {
            $0.writeIndex = 24
            $0.sender = RingEvidence.Sender(position: 24)
            $0.written = packet.inRing(at: 0)
        }
        #expect(log.broken == (holds ? [] : [.descriptorSane]))
    }

    @Test(arguments: [HandMadePacket(type: 0), HandMadePacket(offset: 1), HandMadePacket(length: 1)])
    func `a recorded descriptor is sane`(packet: HandMadePacket) {
        var log = HandMadeLog.opened()
        log.packet(packet, .hostToGuest)
        #expect(log.broken == [.descriptorSane])
    }

    @Test(arguments: [(UInt32(4080), true), (0, false), (8, false)])
    func `a trailer holds the start of its packet, also behind the ring's end`(start: UInt32, holds: Bool) {
        var log = HandMadeLog.opened()
        log.look { Self.rest(&$0, at: 4080) }
        log.packet(Self.packet, .guestToHost)
        log.look {
            Self.rest(&$0, at: 4080)
            $0.writeIndex = 8
            $0.sender = RingEvidence.Sender(position: 8)
            $0.receiver?.willLook = true
            $0.written = Self.packet.inRing(at: start)
        }
        #expect(log.broken == (holds ? [] : [.trailerLinks]))
        #expect(log.checker.checks(of: .trailerLinks) == 1)
    }

    @Test(arguments: [(UInt64(1), UInt64(2), true), (2, 1, false), (1, 3, false)])
    func `packets are taken with the bytes and in the order in which they were written`(
        first: UInt64, second: UInt64, holds: Bool
    ) {
        var log = HandMadeLog.opened()
        log.packet(HandMadePacket(id: 1), .guestToHost)
        log.packet(HandMadePacket(id: 2), .guestToHost)
        log.look {
            $0.writeIndex = 48
            $0.sender = RingEvidence.Sender(position: 48)
            $0.receiver = RingEvidence.Receiver(position: 0, published: 0, willLook: true)
        }
        log.look {
            Self.rest(&$0, at: 48)
            $0.taken = HandMadePacket(id: first).inRing(at: 0) + HandMadePacket(id: second).inRing(at: 24)
        }
        #expect(log.broken == (holds ? [] : [.bytesPreserved]))
        #expect(log.checker.checks(of: .bytesPreserved) > 0)
    }

    @Test(arguments: [
        (UInt32(24), UInt32(0), true, true), (24, 0, false, false), (24, 1, true, true), (24, 1, false, false),
        (0, 0, false, true),
    ])
    func `a receiver that sleeps before bytes is called`(write: UInt32, mask: UInt32, willLook: Bool, holds: Bool) {
        var log = HandMadeLog.opened()
        if write > 0 { log.packet(Self.packet, .guestToHost) }
        log.look {
            ($0.writeIndex, $0.interruptMask) = (write, mask)
            $0.sender = RingEvidence.Sender(position: write)
            $0.receiver = RingEvidence.Receiver(position: 0, published: 0, willLook: willLook)
        }
        #expect(log.broken == (holds ? [] : [.noLostWakeupData]))
    }

    @Test(arguments: [(UInt32(4000), false, true), (4072, false, true), (4064, false, false), (4064, true, true)])
    func `a sender that sleeps though there is room is called`(needed: UInt32, willLook: Bool, holds: Bool) {
        var log = HandMadeLog.opened()
        log.packet(Self.packet, .guestToHost)
        log.look {
            ($0.writeIndex, $0.pendingSendSize) = (24, needed == 4064 ? needed : 4072)
            $0.sender = RingEvidence.Sender(position: 24, isBlocked: needed != 4000, needed: needed, willLook: willLook)
            $0.receiver = RingEvidence.Receiver(position: 0, published: 0, willLook: true)
        }
        #expect(log.broken == (holds ? [] : [.noLostWakeupSpace]))
    }

    /// A guest that writes into a ring with bytes before, and a mask, and signals so often.
    @Test(arguments: [
        (UInt32(0), UInt32(0), 1, true), (0, 0, 0, true), (0, 0, 2, false), (0, 1, 1, false), (24, 0, 1, false),
        (24, 0, 0, true),
    ])
    func `a sender signals once when an unmasked ring becomes non-empty`(
        before: UInt32, mask: UInt32, signals: Int, holds: Bool
    ) {
        var log = HandMadeLog.opened()
        func ring(_ ring: inout RingEvidence, _ write: UInt32) {
            (ring.writeIndex, ring.interruptMask) = (write, mask)
            ring.sender = RingEvidence.Sender(position: write)
            ring.receiver = RingEvidence.Receiver(position: 0, published: 0, willLook: true)
        }
        if before > 0 { log.packet(Self.packet, .guestToHost) }
        log.look { ring(&$0, before) }
        log.packet(Self.packet, .guestToHost)
        for _ in 0..<signals { log.signal(.guestToHost) }
        log.look { ring(&$0, before + 24) }
        #expect(log.broken == (holds ? [] : [.signalEconomy]))
    }

    @Test(arguments: [(UInt32(4056), true), (0, false), (4000, false), (4096, false)])
    func `a receiver signals when what a sender waits for becomes free`(pending: UInt32, holds: Bool) {
        var log = HandMadeLog.opened()
        log.packet(HandMadePacket(payload: [UInt8](repeating: 0, count: 24)), .guestToHost)
        log.look {
            ($0.writeIndex, $0.pendingSendSize) = (48, pending)
            $0.sender = RingEvidence.Sender(position: 48)
            $0.receiver = RingEvidence.Receiver(position: 0, published: 0, willLook: true)
        }
        log.signal(.hostToGuest)
        log.look {
            Self.rest(&$0, at: 48)
            $0.pendingSendSize = pending
        }
        #expect(log.broken == (holds ? [] : [.signalEconomy]))
    }

    @Test func `a channel that is opened again begins anew`() {
        var log = HandMadeLog.opened()
        log.look { Self.rest(&$0, at: 4000) }
        log.packet(Self.packet, .guestToHost)
        log.open(1)
        log.packet(Self.packet, .guestToHost)
        log.signal(.guestToHost)
        log.look {
            $0.writeIndex = 24
            $0.sender = RingEvidence.Sender(position: 24)
            $0.receiver = RingEvidence.Receiver(position: 0, published: 0, willLook: true)
            $0.written = Self.packet.inRing(at: 0)
        }
        log.look {
            Self.rest(&$0, at: 24)
            $0.taken = Self.packet.inRing(at: 0)
        }
        #expect(log.broken == [])
        #expect(log.checker.checks(of: .bytesPreserved) == 1)
    }
}
