import Testing
import VMBusEngine
import VMBusWire

@Suite struct HostPageListTableTests {
    static let handle = HostDriver.ring

    static func driver(_ row: PageListRow) -> HostDriver {
        var driver = HostDriver(HostDriver.patient())
        driver.connect()
        let key = driver.keys[0]
        func open() {
            driver.share(handle)
            driver.send(.openChannel(HostDriver.open()))
            driver.answer { $0.openCompleted(key, success: true) }
        }
        switch row {
        case .absent: break
        case .inProgress: driver.send(HostDriver.list(handle, pages: 40)[0])
        case .offered: driver.share(handle, accept: false)
        case .offeredTearingDown:
            driver.share(handle, accept: false)
            driver.send(HostDriver.releaseMessage)
        case .accepted: driver.share(handle)
        case .tearingDown:
            driver.share(handle)
            driver.send(.gpadlTeardown(GPADLTeardown(relid: 1, gpadl: handle)))
        case .ring: open()
        case .closingRing:
            open()
            driver.send(HostDriver.closeMessage)
        case .closingRingTearingDown:
            open()
            driver.send(HostDriver.closeMessage)
            driver.send(.gpadlTeardown(GPADLTeardown(relid: 1, gpadl: handle)))
        }
        return driver
    }

    private static func message(_ message: GuestMessage) -> ChannelMessage {
        switch message {
        case .gpadlHeader: HostDriver.list(handle, pages: 40)[0]
        case .gpadlBody: HostDriver.list(handle, pages: 40)[1]
        case .gpadlTeardown: .gpadlTeardown(GPADLTeardown(relid: 1, gpadl: handle))
        case .requestOffers, .openChannel, .closeChannel, .relidReleased, .initiateContact, .unload,
            .openReservedChannel, .closeReservedChannel, .tlConnectRequest, .modifyChannel, .modifyConnection, .pause,
            .resume:
            HostChannelTableTests.message(message)
        }
    }

    private static func row(_ host: HostConnection) -> PageListRow {
        let channel = host.channels.first
        return PageListRow(channel?.pageLists.first { $0.handle == handle }, in: channel)
    }

    private func check(_ driver: HostDriver, _ cell: Cell<PageListRow>, _ place: String) {
        #expect(Self.row(driver.host) == cell.next, "\(place): \(cell.source)")
        #expect(driver.effects.told() == cell.told, "\(place): \(cell.source)")
    }

    @Test(arguments: PageListRow.allCases, [false, true])
    func `a page list in each state does with each message what the table says, also after a restore`(
        _ row: PageListRow, _ isRestored: Bool
    ) throws {
        let start = isRestored ? try Self.driver(row).restored() : Self.driver(row)
        #expect(Self.row(start.host) == row)
        for message in GuestMessage.allCases.map({ Self.message($0) }) + HostMessage.allCases.map(\.message) {
            var driver = start
            driver.send(message)
            check(
                driver, HostPageListTable.cell(row, MessageColumn(message)), "\(row) × \(message.type.meaning ?? "")")
        }
    }

    @Test(arguments: PageListRow.allCases, PageListEvent.allCases)
    func `a page list in each state does with each event what the table says`(
        _ row: PageListRow, _ event: PageListEvent
    ) {
        var driver = Self.driver(row)
        let key = driver.keys[0]
        driver.answer { host in
            switch event {
            case .accepted: host.pageListAnswered(key, handle: Self.handle, accepted: true)
            case .refused: host.pageListAnswered(key, handle: Self.handle, accepted: false)
            case .tornDown: host.pageListTornDown(key, handle: Self.handle)
            case .channelClosed: host.closeCompleted(key)
            case .revoke: host.revoke(key)
            case .reset: host.reset()
            case .abandoningReset: host.reset(abandoning: true)
            }
        }
        check(driver, HostPageListTable.cell(row, event), "\(row) × \(event)")
    }
}
