import Testing
import VMBusWire

@testable import VMBusDevices

/// What is read and written by hand on the way of a frame, beside the declarations that say what it means.
@Suite struct HotMessageTests {
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    private static func bytes(_ word: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }

    @Test(arguments: [NVSP.Version.version1, .version61])
    func `the messages of frames are written as declared`(version: NVSP.Version) {
        let result = NVSP.Result(status: .busy)
        let place = NVSP.RNDISPacket(channelType: .control, sectionIndex: 0x0102_0304, sectionSize: 99)
        let completed = NVSP.Message(.sendRNDISPacketComplete, .sendRNDISPacketComplete(result))
        let sent = NVSP.Message(.sendRNDISPacket, .sendRNDISPacket(place))
        #expect(result.payload(version) == completed.encoded(version: version, sender: .hostToGuest))
        #expect(place.payload(version) == sent.encoded(version: version, sender: .guestToHost))
    }

    @Test func `a place and a result are read as declared, and by nothing shorter or of another type`() {
        var generator = Seeded(state: 5)
        for _ in 0..<2000 {
            var payload = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            if payload.count >= 4, Bool.random(using: &generator) {
                payload.replaceSubrange(0..<4, with: Self.bytes(UInt32.random(in: 106...109, using: &generator)))
            }
            let message = try? NVSP.Message.decode(payload, context: .newest(sender: .guestToHost))
            var declared: NVSP.RNDISPacket?
            if case .sendRNDISPacket(let place) = message?.body { declared = place }
            #expect(NVSP.RNDISPacket(packet: payload) == declared)
            var result: NVSP.Result?
            if case .sendRNDISPacketComplete(let declared) = message?.body { result = declared }
            #expect(NVSP.Result(packet: payload) == result)
        }
    }

    @Test(arguments: [Direction.guestToHost, .hostToGuest])
    func `a frame's message is read as declared, or not at all where it breaks a rule`(sender: Direction) {
        var generator = Seeded(state: sender == .guestToHost ? 7 : 8)
        var accepted = 0
        for round in 0..<4000 {
            var info = FrameInfo()
            if Bool.random(using: &generator) {
                let word = UInt32.random(in: 0...UInt32.max, using: &generator)
                if sender == .guestToHost {
                    info.transmitChecksum = RNDIS.TransmitChecksum(rawValue: word)
                } else {
                    info.receiveChecksum = RNDIS.ReceiveChecksum(rawValue: word)
                }
            }
            if Bool.random(using: &generator) { info.vlan = RNDIS.VLANTag(rawValue: 0x12345) }
            if Bool.random(using: &generator) { info.largeSend = RNDIS.LargeSend(rawValue: 0x4567_89AB) }
            if Bool.random(using: &generator) { info.hash = UInt32.random(in: 1...UInt32.max, using: &generator) }
            if Bool.random(using: &generator) {
                var id = RNDIS.PacketID()
                id.flags = RNDIS.PacketIDFlags(rawValue: 3)
                id.id = 0xABCD
                info.packetID = id
            }
            let frame = (0..<Int.random(in: 1...90, using: &generator)).map {
                UInt8(truncatingIfNeeded: $0 * 7 + round)
            }
            var message = FrameView.encode(frame[...], info, sender: sender)
            if round % 2 == 1 {
                for _ in 0..<Int.random(in: 1...2, using: &generator) {
                    let place = Int.random(in: 0..<message.count, using: &generator) & ~3
                    message[min(place, message.count - 1)] = UInt8.random(in: 0...80, using: &generator)
                }
                message.removeLast(Int.random(in: 0...1, using: &generator))
            }
            let declared = try? RNDIS.Message.decode(message, context: .newest(sender: sender))
            var expected: FrameView?
            if let declared, case .packet(let packet) = declared.body {
                expected = FrameView(packet, length: declared.length)
            }
            let view = FrameView(message[...], sender: sender)
            // The declared way takes what the other refuses, so that only this has to hold of broken ones.
            if let view {
                accepted += 1
                #expect(view.length == expected?.length)
                #expect(Array(view.frame) == expected.map { Array($0.frame) })
                #expect(view.info == expected?.info)
            }
            if round % 2 == 0 {
                let isRead = view != nil
                #expect(isRead)
                let again = declared?.encoded(context: .newest(sender: sender))
                #expect(again == message)
            }
        }
        #expect(accepted >= 2000)
    }

    @Test func `page headers are read and written as declared, with the same errors`() {
        var generator = Seeded(state: 11)
        for round in 0..<3000 {
            let type = round % 2 == 0 ? PacketType.dataUsingGPADirect : .dataUsingTransferPages
            let bulk: ChannelPacket.Bulk
            let declared: [UInt8]
            if round % 2 == 0 {
                let ranges = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                    let count = UInt32.random(in: 0...9000, using: &generator)
                    let offset = UInt32.random(in: 0...4095, using: &generator)
                    let pages = (Int(count) + Int(offset) + 4095) / 4096
                    return GPARange(
                        byteCount: count, byteOffset: offset,
                        pages: (0..<pages).map { _ in UInt64.random(in: 0...UInt64.max, using: &generator) })
                }
                bulk = .guestPages(ranges)
                declared = GPADirectHeader(ranges: ranges).encoded()
            } else {
                let ranges = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                    TransferPageRange(
                        byteCount: UInt32.random(in: 0...UInt32.max, using: &generator), byteOffset: 77)
                }
                bulk = .transferPages(setID: 0xCAFE, ranges: ranges)
                declared = TransferPageHeader(setID: 0xCAFE, ranges: ranges).encoded()
            }
            let packet = ChannelPacket(type: type, bulk: bulk, payload: [1, 2, 3, 4, 5, 6, 7, 8])
            var bytes = packet.encoded ?? []
            #expect(Array(bytes[16..<16 + declared.count]) == declared)
            #expect((try? ChannelPacket.decode(bytes[...])) == packet)

            let place = 16 + Int.random(in: 0..<declared.count, using: &generator)
            bytes[place] = UInt8.random(in: 0...255, using: &generator)
            let header = bytes[16..<bytes.count - 8]
            let isTaken = (try? ChannelPacket.decode(bytes[...])) != nil
            let isDeclared =
                round % 2 == 0
                ? (try? GPADirectHeader.decode(header)) != nil : (try? TransferPageHeader.decode(header)) != nil
            #expect(isTaken == isDeclared)
        }
    }

    @Test func `requests to disks are read as declared, whole, cut short and changed`() {
        var generator = Seeded(state: 13)
        for round in 0..<4000 {
            var payload = (0..<Int.random(in: 0...70, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            if payload.count >= 12 {
                payload.replaceSubrange(0..<4, with: Self.bytes(UInt32.random(in: 0...15, using: &generator)))
            }
            let sender = round % 2 == 0 ? Direction.guestToHost : .hostToGuest
            let subject = VStor.Operation(rawValue: UInt32.random(in: 0...14, using: &generator))
            let declared = Result { () throws(WireError) in
                try VStor.Packet.decode(payload, context: .newest(sender: sender, subject: subject.rawValue))
            }
            let read = Result { () throws(WireError) in
                try VStor.Packet.read(payload, sender: sender, subject: subject)
            }
            #expect(read == declared)
        }
    }

    @Test(arguments: [VStor.Version.version20, .version42, .version51, .version62])
    func `requests to disks are written as declared`(version: VStor.Version) {
        var generator = Seeded(state: 17)
        for round in 0..<500 {
            var packet = VStor.Packet(
                round % 3 == 0 ? .resetLUN : round % 3 == 1 ? .executeSRB : .completeIO, flags: .requestCompletion)
            packet.status = VStor.Status(rawValue: UInt32.random(in: 0...UInt32.max, using: &generator))
            var bytes = (0..<12).map { _ in UInt8.random(in: 0...255, using: &generator) }
            packet.request.length = UInt16(bytes[0]) << 8 | 3
            packet.request.status = VStor.RequestStatus(rawValue: bytes[1])
            packet.request.scsiStatus = SCSI.Status(rawValue: bytes[2])
            (packet.request.port, packet.request.path) = (bytes[3], bytes[4])
            (packet.request.target, packet.request.lun) = (bytes[5], bytes[6])
            (packet.request.commandLength, packet.request.senseLength) = (bytes[7], bytes[8])
            packet.request.direction = VStor.DataDirection(rawValue: bytes[9])
            (packet.request.queueTag, packet.request.queueAction) = (bytes[10], bytes[11])
            packet.request.dataLength = UInt32.random(in: 0...UInt32.max, using: &generator)
            packet.request.flags = VStor.RequestFlags(rawValue: 0x0102_0304)
            packet.request.timeout = 0x0506_0708
            packet.request.queueSortKey = 0x090A_0B0C
            bytes += bytes
            packet.request.block = Array(bytes.prefix(round % 25))
            let sender = round % 2 == 0 ? Direction.guestToHost : .hostToGuest
            for subject in [VStor.Operation.executeSRB, .resetBus, .queryProperties] {
                let declared = packet.encoded(version: version, sender: sender, subject: subject)
                #expect(packet.written(version, sender: sender, subject: subject) == declared)
            }
        }
    }

    @Test func `the headers of a frame are read as declared`() throws {
        var generator = Seeded(state: 8)
        var packets = 0
        for _ in 0..<2000 {
            var frame = (0..<Int.random(in: 14...60, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            (frame[12], frame[13]) = (8, 0)
            if frame.count >= 34 {
                frame[14] = [0x45, 0x45, 0x46, 0x44].randomElement(using: &generator) ?? 0x45
                (frame[16], frame[17]) = (0, UInt8.random(in: 10...50, using: &generator))
                let size = min(Int(frame[14] & 0xF) * 4, frame.count - 14)
                (frame[24], frame[25]) = (0, 0)
                let sum = InternetSum(frame[14..<14 + size]).value.rawValue
                (frame[24], frame[25]) = (UInt8(sum >> 8), UInt8(sum & 0xFF))
            }
            let declared = try? IPv4Header.decodePrefix(frame[14...])
            guard case .packet(let packet) = try? ReceivedFrame(frame) else {
                let length = declared.map { Int($0.value.totalLength.rawValue) } ?? .max
                #expect(length > frame.count - 14, "\(frame)")
                continue
            }
            packets += 1
            let source = try EthernetHeader.decode(frame).source
            #expect(packet.header == declared?.value)
            #expect(packet.hardware == source)
        }
        #expect(packets > 200)
    }
}
