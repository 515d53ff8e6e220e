import Testing
import VMBusEngine
import VMBusWire

@Suite struct HostChannelTableTests {
    /// Drives a real host into a row by real messages.
    static func driver(_ row: ChannelRow) -> HostDriver {
        var driver = HostDriver(HostDriver.patient())
        driver.connect()
        driver.share(HostDriver.ring)
        driver.share(HostDriver.spare)
        driver.send(HostDriver.list(HostDriver.partial, pages: 40)[0])
        let key = driver.keys[0]
        let move = ChannelMessage.modifyChannel(ModifyChannel(relid: 1, targetVP: 3))
        func open() {
            driver.send(.openChannel(HostDriver.open()))
            driver.answer { $0.openCompleted(key, success: true) }
        }
        func openReserved() {
            driver.send(HostDriver.openReserved())
            driver.answer { $0.openCompleted(key, success: true) }
        }
        func releaseSpare() { driver.answer { $0.pageListTornDown(key, handle: HostDriver.spare) } }
        switch row {
        case .closed: break
        case .clientReleased:
            driver.send(HostDriver.releaseMessage)
            for handle in [HostDriver.ring, HostDriver.spare] {
                driver.answer { $0.pageListTornDown(key, handle: handle) }
            }
        case .opening: driver.send(.openChannel(HostDriver.open()))
        case .openingReserved: driver.send(HostDriver.openReserved())
        case .open: open()
        case .openMoving:
            open()
            driver.send(move)
        case .openReserved: openReserved()
        case .closing:
            open()
            driver.send(HostDriver.closeMessage)
        case .closingReserved:
            openReserved()
            driver.send(HostDriver.closeReserved())
        case .closingReopen:
            open()
            driver.send(HostDriver.closeMessage)
            driver.send(.openChannel(HostDriver.open()))
        case .closingClientRelease:
            open()
            driver.send(HostDriver.releaseMessage)
            releaseSpare()
        case .openingClientRelease:
            // Only the end of a connection lets go of a channel that is opening.
            driver.send(.openChannel(HostDriver.open()))
            driver.send(.unload)
            releaseSpare()
        case .revoked: driver.answer { $0.revoke(key) }
        case .reoffered:
            driver.answer { $0.revoke(key) }
            driver.answer { (try? $0.addOffer(BothEnds.offer(1)).effects) ?? [] }
        case .gone:
            driver.answer { $0.revoke(key) }
            driver.send(HostDriver.releaseMessage)
        }
        return driver
    }

    static func message(_ message: GuestMessage) -> ChannelMessage {
        switch message {
        case .requestOffers: .requestOffers
        case .openChannel: .openChannel(HostDriver.open())
        case .closeChannel: HostDriver.closeMessage
        case .gpadlHeader: HostDriver.list(0x109, pages: 4)[0]
        case .gpadlBody: HostDriver.list(HostDriver.partial, pages: 40)[1]
        case .gpadlTeardown: .gpadlTeardown(GPADLTeardown(relid: 1, gpadl: HostDriver.spare))
        case .relidReleased: HostDriver.releaseMessage
        case .initiateContact: HostDriver.contact()
        case .unload: .unload
        case .openReservedChannel: HostDriver.openReserved()
        case .closeReservedChannel: HostDriver.closeReserved()
        case .tlConnectRequest: .tlConnectRequest(TLConnectRequest(endpointID: .zero, serviceID: .zero))
        case .modifyChannel: .modifyChannel(ModifyChannel(relid: 1, targetVP: 3))
        case .modifyConnection: HostDriver.modifyConnection(nil)
        case .pause: .pause
        case .resume: .resume
        }
    }

    static let messages: [ChannelMessage] =
        GuestMessage.allCases.map { message($0) } + HostMessage.allCases.map(\.message)

    private func check(_ driver: HostDriver, _ cell: Cell<ChannelRow>, _ place: String) {
        let row = ChannelRow(driver.host.channel(driver.keys[0]) ?? driver.host.channel(relid: 1))
        #expect(row == cell.next, "\(place): \(cell.source)")
        #expect(driver.effects.told() == cell.told, "\(place): \(cell.source)")
        #expect(!cell.source.isEmpty)
    }

    @Test(arguments: ChannelRow.allCases, [false, true])
    func `a channel in each state does with each message what the table says, also after a restore`(
        _ row: ChannelRow, _ isRestored: Bool
    ) throws {
        let start = isRestored ? try Self.driver(row).restored() : Self.driver(row)
        #expect(ChannelRow(start.host.channel(start.keys[0])) == row)
        #expect(Set(Self.messages.map { MessageColumn($0) }).count == 29)
        for message in Self.messages {
            // Only the end of a connection leads to this row, and there nothing but its end is heard.
            if row == .openingClientRelease, !Self.isHeardWhileDisconnecting(message) { continue }
            var driver = start
            driver.send(message)
            check(driver, HostChannelTable.cell(row, MessageColumn(message)), "\(row) × \(message.type.meaning ?? "")")
        }
    }

    private static func isHeardWhileDisconnecting(_ message: ChannelMessage) -> Bool {
        switch MessageColumn(message) {
        case .host, .guest(.initiateContact), .guest(.unload), .guest(.closeReservedChannel): true
        case .guest: false
        }
    }

    @Test(arguments: ChannelRow.allCases, ChannelEvent.allCases)
    func `a channel in each state does with each event what the table says`(_ row: ChannelRow, _ event: ChannelEvent) {
        var driver = Self.driver(row)
        let key = driver.keys[0]
        driver.answer { host in
            switch event {
            case .opened: host.openCompleted(key, success: true)
            case .openFailed: host.openCompleted(key, success: false)
            case .closed: host.closeCompleted(key)
            case .moved: host.moveCompleted(key, success: true)
            case .moveFailed: host.moveCompleted(key, success: false)
            case .revoke: host.revoke(key)
            case .offerAgain: (try? host.addOffer(BothEnds.offer(1)).effects) ?? []
            case .reset: host.reset()
            case .abandoningReset: host.reset(abandoning: true)
            }
        }
        check(driver, HostChannelTable.cell(row, event), "\(row) × \(event)")
    }
}
