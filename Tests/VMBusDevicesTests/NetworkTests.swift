import Testing
import VMBusDevices
import VMBusWire

@Suite struct NetworkTests {
    @Test func `comes up with four channels`() {
        var pair = NetworkPair.network()
        pair.open()
        pair.settle()
        #expect(pair.violations.isEmpty)
        #expect(pair.failures.isEmpty)
        #expect(pair.guest.phase == .running)
        #expect(pair.readyCount == 2)
        #expect(pair.guest.version == .version61)
        #expect(pair.host.version == .version61)
        #expect(pair.guest.address == Frames.guest)
        #expect(pair.guest.friendlyName == "Network Adapter")
        #expect(pair.guest.hostMTU == 1500)
        #expect(pair.guest.grantedSubchannels == 3)
        #expect(pair.guest.isConnected)
        #expect(pair.guest.sendTable == (0..<16).map { UInt32($0 % 4) })
        #expect(pair.host.receiveScale?.table.count == 128)
        #expect(pair.host.packetFilter == [.directed, .allMulticast, .broadcast])
        #expect(pair.host.outstandingReceives == 0)
        #expect(pair.guest.outstandingCount == 0)
    }

    @Test func `awaits sub-channels from its request until the last one is open`() {
        var pair = NetworkPair.network()
        pair.open()
        // What was sent up to the request, and what comes behind it.
        var (before, during, after) = (0, 0, 0)
        while pair.deliver() {
            if pair.guest.awaitsSubchannels {
                during += 1
            } else if during == 0 {
                before += 1
            } else {
                after += 1
            }
            for subchannel in 1..<UInt16(4) where pair.offered > 0 {
                pair.offered -= 1
                #expect(pair.guest.awaitsSubchannels)
                pair.open(subchannel)
            }
        }
        #expect(before > 0 && during > 0 && after > 0)
        #expect(pair.guest.isRunning && !pair.guest.awaitsSubchannels)
    }

    @Test(arguments: [
        (NVSP.Version.version1, 0), (.version2, 0), (.version4, 0), (.version5, 3), (.version6, 3), (.version61, 3),
    ])
    func `falls back to what the host speaks`(version: NVSP.Version, subchannels: Int) {
        var pair = NetworkPair.network(hostVersion: version)
        pair.open()
        pair.settle()
        #expect(pair.guest.isRunning)
        #expect(pair.guest.version == version)
        #expect(pair.guest.grantedSubchannels == subchannels)
        #expect(pair.violations.isEmpty)
        pair.transmit(Frames.echo(1))
        pair.settle()
        #expect(pair.hostFrames.count == 1)
    }

    @Test func `gives up when no version is left`() {
        var pair = NetworkPair.network(guestVersion: .init(rawValue: 1))
        pair.open()
        pair.settle()
        #expect(pair.failures.count == 1)
        #expect(pair.guest.phase == .failed)
    }

    @Test func `small frames go through sections and large ones through pages`() {
        var pair = NetworkPair.network()
        pair.open()
        pair.settle()
        pair.log = []
        let frames = [60, 98, 400, 452, 453, 1000, 1514].map { Frames.echo(1, size: $0) }
        for frame in frames { pair.transmit(frame) }
        pair.settle()
        #expect(pair.hostFrames == frames)
        let types = pair.log.filter { $0.direction == .guestToHost }.map { UInt16($0.bytes[0]) }
        #expect(types == [6, 6, 6, 6, 9, 9, 9])
        #expect(pair.guest.outstandingCount == 0)
        #expect(pair.guest.counters.framesSent == 7)
        #expect(pair.violations.isEmpty)
    }

    @Test func `a message may begin in a section and go on in pages`() {
        var pair = NetworkPair.network()
        pair.open()
        pair.settle()
        let frame = Frames.echo(1, size: 600)
        let message = RNDIS.Message(.packet, .packet(RNDIS.Packet(frame: frame))).encoded()
        // The first send section is free again: what a transmitted frame left there is overwritten.
        pair.transmit(Frames.arp)
        pair.settle()
        let isWritten = pair.memory.write(gpadl: 0xE1E12, offset: 0, Array(message.prefix(44)))
        let buffer = pair.memory.allocate(4096, .frame)
        let range = GPARange(byteCount: 600, byteOffset: 100, pages: buffer.pages)
        let isFilled = pair.memory.write(range, frame)
        #expect(isWritten && isFilled)
        let place = NVSP.RNDISPacket(channelType: .data, sectionIndex: 0, sectionSize: 44)
        pair.inject(
            ChannelPacket(
                type: .dataUsingGPADirect, bulk: .guestPages([range]), payload: HostileTests.rndis(place)),
            from: .guestToHost)
        #expect(pair.hostFrames == [Frames.arp, frame])
        #expect(pair.violations.isEmpty)
    }

    @Test func `jumbo frames take several pages and larger places`() {
        var pair = NetworkPair.network(mtu: 9000)
        pair.open()
        pair.settle()
        let frame = Frames.echo(3, size: 9014)
        pair.transmit(frame)
        let back = Frames.echo(3, size: 9014, isReply: true, to: Frames.guest, from: Frames.other)
        pair.deliver(back)
        pair.settle()
        #expect(pair.hostFrames == [frame])
        #expect(pair.guestFrames == [back])
    }

    @Test func `received frames are completed and spread by their hash`() {
        var pair = NetworkPair.network()
        pair.open()
        pair.settle()
        pair.log = []
        let frames = (0..<64).map { Frames.connect(port: 1000 + $0, to: Frames.guest, from: Frames.other) }
        for frame in frames {
            pair.deliver(frame)
            pair.transmit(Frames.connect(port: UInt16(2000 + pair.log.count)))
            pair.settle()
        }
        #expect(pair.guestFrames == frames)
        #expect(pair.hostFrames.count == 64)
        #expect(pair.host.outstandingReceives == 0)
        for direction in [Direction.guestToHost, .hostToGuest] {
            #expect(Set(pair.log.filter { $0.direction == direction }.map { $0.subchannel }) == [0, 1, 2, 3])
        }
        #expect(pair.violations.isEmpty)
    }

    @Test func `the filter keeps frames for others out`() {
        var pair = NetworkPair.network()
        pair.open()
        pair.settle()
        pair.deliver(Frames.echo(1))
        pair.deliver(Frames.arp)
        pair.settle()
        #expect(pair.guestFrames == [Frames.arp])
        #expect(pair.host.counters.filtered == 1)
        pair.perform(pair.guest.setPacketFilter([], memory: &pair.memory), from: .guestToHost)
        pair.settle()
        pair.deliver(Frames.arp)
        pair.settle()
        #expect(pair.guestFrames.count == 1)
    }

    @Test func `a host without places loses frames and recovers`() {
        var pair = NetworkPair.network()
        pair.open()
        pair.settle()
        for _ in 0..<500 { pair.deliver(Frames.arp) }
        let places = (256 << 10) / 1728
        #expect(pair.host.outstandingReceives == places)
        #expect(pair.host.counters.noBuffer == UInt64(500 - places))
        pair.settle()
        #expect(pair.host.outstandingReceives == 0)
        #expect(pair.guestFrames.count == places)
        pair.deliver(Frames.arp)
        pair.settle()
        #expect(pair.guestFrames.count == places + 1)
    }

    @Test func `frames wait for a place and too many are lost`() {
        var pair = NetworkPair.network()
        pair.open()
        pair.settle()
        let frames = (0..<200).map { Frames.echo(UInt16($0), size: 1000) }
        for frame in frames { pair.transmit(frame) }
        // 16 slots of pages, 10 sections of 6144 bytes, 64 that wait.
        #expect(pair.guest.counters.framesDropped == 200 - 16 - 10 - 64)
        pair.settle()
        #expect(pair.hostFrames == Array(frames.prefix(90)))
        #expect(pair.guest.outstandingCount == 0)
    }

    @Test(arguments: [1, 2, 3]) func `small rings change nothing but the time`(room: Int) {
        var pair = NetworkPair.network()
        pair.room = room
        pair.open()
        pair.settle()
        #expect(pair.guest.isRunning)
        let frames = (0..<40).map { Frames.echo(UInt16($0)) }
        let replies = (0..<40).map { Frames.echo(UInt16($0), isReply: true, to: Frames.guest, from: Frames.other) }
        for index in frames.indices {
            pair.transmit(frames[index])
            pair.deliver(replies[index])
        }
        pair.settle()
        #expect(pair.hostFrames == frames)
        #expect(pair.guestFrames == replies)
        #expect(pair.violations.isEmpty)
        #expect(pair.guest.outstandingCount == 0 && pair.host.outstandingReceives == 0)
    }

    @Test func `a lost link is told and stops frames`() {
        var pair = NetworkPair.network()
        pair.open()
        pair.settle()
        pair.perform(pair.host.setLink(connected: false, memory: &pair.memory), from: .hostToGuest)
        pair.settle()
        #expect(!pair.guest.isConnected)
        pair.transmit(Frames.arp)
        pair.deliver(Frames.arp)
        pair.settle()
        #expect(pair.hostFrames.isEmpty && pair.guestFrames.isEmpty)
        pair.perform(pair.host.setLink(connected: true, memory: &pair.memory), from: .hostToGuest)
        pair.settle()
        #expect(pair.guest.isConnected)
    }

    @Test func `can be stopped, closed and opened again`() {
        var pair = NetworkPair.network()
        pair.open()
        pair.settle()
        pair.perform(pair.guest.shutDown(memory: &pair.memory), from: .guestToHost)
        pair.settle()
        #expect(!pair.host.isInitialized)
        #expect(pair.violations.isEmpty)
        let effects = pair.guest.closed(subchannel: 0)
        #expect(effects == [.receive, .send, .frame].map { .destroyBuffer(purpose: $0) })
        pair.perform(pair.host.closed(subchannel: 0), from: .hostToGuest)
        pair.open()
        pair.settle()
        #expect(pair.guest.isRunning)
    }

    @Test func `a host may complete no control messages, as the answer says enough`() {
        var pair = NetworkPair.network { $0.completesControlMessages = false }
        pair.open()
        pair.settle()
        #expect(pair.guest.isRunning)
        #expect(pair.violations.isEmpty)
        #expect(pair.guest.outstandingCount == 0)
        for _ in 0..<100 {
            pair.perform(pair.guest.setPacketFilter(.broadcast, memory: &pair.memory), from: .guestToHost)
            pair.settle()
        }
        #expect(pair.guest.counters.failures == 0)
        let completed = pair.log.filter { $0.direction == .hostToGuest && $0.bytes[0] == 0xB }
        // INIT, both buffers and SUBCHANNEL: their answers are completions themselves.
        #expect(completed.count == 4)
        pair.transmit(Frames.arp)
        pair.settle()
        #expect(pair.hostFrames == [Frames.arp])
        #expect(pair.guest.outstandingCount == 0)
    }

    @Test(arguments: [1, 2, 3, 8]) func `frames that come together share packets`(most: Int) {
        var pair = NetworkPair.network(channels: 1) { $0.messagesPerSection = most }
        pair.open()
        pair.settle()
        pair.log = []
        let frames = (0..<16).map {
            Frames.echo(UInt16($0), size: 60 + $0 * 50, to: Frames.guest, from: Frames.other)
        }
        pair.perform(pair.host.transmit(frames: frames, memory: &pair.memory), from: .hostToGuest)
        #expect(pair.host.outstandingReceives == 16)
        pair.settle()
        #expect(pair.guestFrames == frames)
        #expect(pair.log.filter { $0.direction == .hostToGuest }.count == (16 + most - 1) / most)
        #expect(pair.host.outstandingReceives == 0)
        #expect(pair.violations.isEmpty)
    }

    @Test func `only the first place of a packet can be given back, and gives all back`() {
        var pair = NetworkPair.network(channels: 1) { $0.messagesPerSection = 4 }
        pair.open()
        pair.settle()
        pair.perform(pair.host.transmit(frames: [Frames.arp, Frames.arp], memory: &pair.memory), from: .hostToGuest)
        let done = NVSP.Message(.sendRNDISPacketComplete, .sendRNDISPacketComplete(.init(status: .success)))
        for id in [UInt64(2), 1, 1] {
            pair.inject(
                ChannelPacket(type: .completion, transactionID: id, payload: done.encoded()), from: .guestToHost)
        }
        #expect(pair.violations.map { $0.rule } == ["completion-known", "completion-known"])
        #expect(pair.host.outstandingReceives == 0)
    }
}
