import Testing
import VMBusEngine
import VMBusWire

@Suite struct GuestSignalTests {
    private func path(
        _ version: ProtocolVersion, profile: GuestProfile = GuestProfile(), page: UInt64 = 0x3000,
        lowLatency: Bool = false,
        _ change: (inout OfferChannel) -> Void
    ) -> SignalPath? {
        var offer = GuestRig.offer(9)
        offer.connectionID = 0x99
        change(&offer)
        let rig = GuestRig.connected(version, profile: profile, offers: [offer]) {
            $0.childToParentMonitorPage = page
            $0.parentToChildMonitorPage = page
        }
        return rig.guest.signalPath(relid: 9, isLowLatency: lowLatency)
    }

    @Test func `a monitored channel sets its bits, unless it is in a hurry or there is no page`() {
        let monitored: (inout OfferChannel) -> Void = {
            $0.monitorAllocated = 1
            $0.monitorID = 40
            $0.isDedicatedInterrupt = 1
        }
        let call = SignalPath.Action.hypercall(connectionID: 0x99)
        let usual = path(.iron, monitored)
        #expect(usual?.action == .monitor(id: 40, page: 0x3000))
        #expect(usual?.setsSendHalf == true)
        #expect(path(.iron, lowLatency: true, monitored)?.action == call)
        #expect(path(.iron, page: 0, monitored)?.action == call)
        #expect(path(.iron, profile: .openvmm, monitored)?.action == call)
        #expect(
            path(.iron) {
                $0.monitorAllocated = 1; $0.monitorID = 255
            }?.action == call)
        #expect(path(.iron) { $0.monitorID = 40 }?.action == call)
    }

    @Test func `a dedicated channel leaves the shared bitmap alone`() {
        #expect(path(.iron) { $0.isDedicatedInterrupt = 1 }?.setsSendHalf == false)
        #expect(path(.iron) { $0.isDedicatedInterrupt = 0 }?.setsSendHalf == true)
        #expect(path(.windows7) { $0.isDedicatedInterrupt = 1 }?.action == .hypercall(connectionID: 0x99))
    }

    @Test func `before 1_1 there is one connection for all signals`() {
        let old = path(.windows2008) { $0.isDedicatedInterrupt = 1 }
        #expect(old?.action == .hypercall(connectionID: ConnectionID.event))
        #expect(old?.setsSendHalf == true)
        let none = GuestRig.connected().guest.signalPath(relid: 1)
        #expect(none == nil)
    }

    @Test func `flag 0 of the event page is no channel`() throws {
        var rig = GuestRig.connected(offers: [GuestRig.offer(1)])
        try rig.open(1)
        #expect(rig.guest.relid(eventFlag: 0) == nil)
        #expect(rig.guest.relid(eventFlag: 1) == 1)
        #expect(rig.guest.relid(eventFlag: 2) == nil)
    }
}
