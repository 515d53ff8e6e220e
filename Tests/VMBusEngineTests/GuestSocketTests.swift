import Testing
import VMBusEngine
import VMBusWire

@Suite struct GuestSocketTests {
    private let request = TLConnectRequest(endpointID: GUID(1, 2, 3, 4), serviceID: GUID(5, 6, 7, 8))

    private func offer(_ relid: UInt32) -> OfferChannel {
        var offer = GuestRig.offer(relid)
        offer.interfaceType = request.serviceID
        offer.interfaceInstance = request.endpointID
        offer.flags = .tlnpiProvider
        return offer
    }

    @Test func `an offer of the same end and service answers an hv_sock connection`() throws {
        var rig = GuestRig.connected()
        _ = try rig.guest.connectSocket(request)
        #expect(throws: GuestRefusal.self) { try rig.guest.connectSocket(request) }
        var other = offer(3)
        other.interfaceType = GUID(9, 9, 9, 9)
        other.interfaceInstance = GUID(9, 9, 9, 9)
        rig.send(.offerChannel(other))
        #expect(rig.effects.map { GuestEvent($0) } == [.offered])
        let answered = rig.send(.offerChannel(offer(4)))
        #expect(answered.map { GuestEvent($0) } == [.offered, .socketConnected])
        #expect(answered.last == .socketConnected(request, relid: 4))
        // The end is free for another connection.
        rig.rescind(4)
        let again = try rig.guest.connectSocket(request)
        #expect(again.count == 1)
    }

    @Test func `a refusal is heard from 4_1 on, once`() throws {
        var rig = GuestRig.connected(.redstone3)
        _ = try rig.guest.connectSocket(request)
        let result = TLConnectResult(
            endpointID: request.endpointID, serviceID: request.serviceID, status: .connectionRefused)
        let refused = rig.send(.tlConnectResult(result))
        #expect(refused == [.socketRefused(result)])
        let again = rig.send(.tlConnectResult(result))
        #expect(again.map { GuestEvent($0) } == [.violation("socket-answered-once")])
        var older = GuestRig.connected(.windows10)
        _ = try older.guest.connectSocket(request)
        let early = older.send(.tlConnectResult(result))
        #expect(early.map { GuestEvent($0) } == [.violation("version")])
    }

    @Test func `linux hears no refusal and gives up after its limit`() throws {
        var rig = GuestRig.connected(.iron, profile: .linux)
        let effects = try rig.guest.connectSocket(request)
        guard case .wake(let wake, let limit)? = effects.last else { throw Unexpected() }
        #expect(limit == 2_000_000)
        let result = TLConnectResult(
            endpointID: request.endpointID, serviceID: request.serviceID, status: .connectionRefused)
        let ignored = rig.send(.tlConnectResult(result))
        #expect(ignored.isEmpty)
        let timedOut = rig.guest.wake(wake)
        #expect(timedOut == [.socketTimedOut(request)])
        let stale = rig.guest.wake(wake)
        #expect(stale.isEmpty)
    }

    @Test(arguments: [
        ("default", ProtocolVersion.redstone5, false, 40), ("default", .redstone5, true, 56),
        ("default", .redstone4, true, 40), ("linux", .iron, true, 40), ("openvmm", .iron, false, 56),
        ("openvmm", .copper, true, 56),
    ])
    func `a request has 40 or 56 bytes as version and profile say`(
        _ profile: String, _ version: ProtocolVersion, _ hasSilo: Bool, _ size: Int
    ) throws {
        var rig = GuestRig.connected(version, profile: try #require(GuestProfile.named(profile)))
        var request = request
        if hasSilo { request.siloID = GUID(1, 1, 1, 1) }
        guard case .post(let bytes, _)? = try rig.guest.connectSocket(request).first else { throw Unexpected() }
        #expect(bytes.count == size)
    }

    @Test func `no more connections wait than the stated number, and none below 4_0`() throws {
        var rig = GuestRig.connected()
        for number in 0..<GuestConnection.maximumSockets {
            _ = try rig.guest.connectSocket(
                TLConnectRequest(endpointID: GUID(low: UInt64(number), high: 1), serviceID: .zero))
        }
        #expect(throws: GuestRefusal.self) { try rig.guest.connectSocket(request) }
        var older = GuestRig.connected(.windows8_1)
        #expect(throws: GuestRefusal.self) { try older.guest.connectSocket(request) }
    }
}
