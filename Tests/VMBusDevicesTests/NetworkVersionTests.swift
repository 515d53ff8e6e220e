import Testing
import VMBusDevices
import VMBusWire

/// Every version of the guest against every version of the host, and what a version has and has not.
@Suite struct NetworkVersionTests {
    static let versions = NVSP.Version.newestFirst

    static func pair(_ guest: NVSP.Version, _ host: NVSP.Version) -> NetworkPair {
        var pair = NetworkPair.network(guestVersion: guest, hostVersion: host)
        pair.open()
        pair.settle()
        return pair
    }

    @Test(arguments: versions, versions)
    func `both ends agree on the newest version that they share`(guest: NVSP.Version, host: NVSP.Version) {
        var pair = Self.pair(guest, host)
        let agreed = min(guest, host)
        #expect(pair.guest.version == agreed && pair.host.version == agreed)
        #expect(pair.guest.isRunning)
        #expect(pair.guest.grantedSubchannels == (agreed >= .version5 ? 3 : 0))
        #expect(pair.guest.sendTable.count == (agreed >= .version5 ? 16 : 0))
        #expect((pair.host.guestConfiguration == nil) == (agreed < .version2))
        #expect(pair.host.ndisVersion == NVSP.NDISVersion(for: agreed))
        #expect((pair.guest.linkSpeed == nil) == (agreed < .version5))
        // The host writes messages in the form of the version.
        let completions = pair.log.filter { $0.direction == .hostToGuest && $0.bytes[0] == 0xB }
        #expect(completions.last?.bytes.count == 16 + (agreed >= .version61 ? 40 : 32))
        let revision = pair.guest.hostOffloads?.header.revision
        #expect(revision == (agreed >= .version5 ? 3 : agreed >= .version4 ? 2 : 1))
        let frames = (0..<20).map {
            OffloadFrames.frame(.tcp, isVersion6: $0 % 2 == 0, payload: $0 * 40, to: Frames.other, from: Frames.guest)
        }
        let back = (0..<20).map { OffloadFrames.frame(.udp, isVersion6: $0 % 2 == 0, payload: $0 * 40) }
        for index in frames.indices {
            pair.transmit(frames[index])
            pair.deliver(back[index])
            pair.settle()
        }
        #expect(pair.hostFrames == frames && pair.guestFrames == back)
        #expect(pair.violations.isEmpty && pair.failures.isEmpty)
        #expect(pair.guest.outstandingCount == 0 && pair.host.outstandingReceives == 0)
    }

    @Test(arguments: versions, [UInt32](100...140))
    func `a message that the version does not have is refused and answered`(version: NVSP.Version, type: UInt32) {
        var pair = Self.pair(version, version)
        let type = NVSP.MessageType(rawValue: type)
        guard type.since > version else { return }
        pair.log = []
        pair.inject(
            ChannelPacket(
                flags: .completionRequested, transactionID: 500,
                payload: NVSP.Message(type, .other(.init())).encoded(version: .version61, sender: .guestToHost)),
            from: .guestToHost)
        #expect(pair.violations.map { $0.rule } == ["nvsp-type"])
        _ = pair.deliver()
        #expect(pair.log.last?.bytes.prefix(1) == [0xB])
        #expect(pair.log.last?.bytes.dropFirst(16).prefix(8) == [108, 0, 0, 0, 7, 0, 0, 0])
    }

    @Test(arguments: versions) func `a virtual function is told to guests that know of such`(version: NVSP.Version) {
        var pair = Self.pair(version, version)
        pair.perform(pair.host.setVirtualFunction(7), from: .hostToGuest)
        pair.settle()
        // The guest says from NVSP 5 on that it knows of them.
        #expect(pair.guest.virtualFunction == (version >= .version5 ? 7 : nil))
        #expect(pair.violations.isEmpty)
    }

    @Test func `frames change their way and come back`() {
        var pair = Self.pair(.version61, .version61)
        pair.perform(pair.guest.switchDataPath(to: .virtualFunction), from: .guestToHost)
        pair.settle()
        #expect(pair.violations.map { $0.rule } == ["nvsp-data-path"])
        #expect(pair.host.dataPath == .synthetic && pair.guest.dataPath == .synthetic)
        pair.perform(pair.host.setVirtualFunction(7), from: .hostToGuest)
        pair.settle()
        pair.perform(pair.guest.switchDataPath(to: .virtualFunction), from: .guestToHost)
        pair.settle()
        #expect(pair.host.dataPath == .virtualFunction && pair.guest.dataPath == .virtualFunction)
        pair.perform(pair.host.setVirtualFunction(nil), from: .hostToGuest)
        pair.settle()
        #expect(pair.host.dataPath == .synthetic && pair.guest.dataPath == .synthetic)
        #expect(pair.violations.count == 1 && pair.guest.outstandingCount == 0)
    }

    @Test func `a virtual function from before the guest started is told when it is up`() {
        var pair = NetworkPair.network()
        pair.perform(pair.host.setVirtualFunction(9), from: .hostToGuest)
        pair.open()
        pair.settle()
        #expect(pair.guest.virtualFunction == 9)
    }
}
