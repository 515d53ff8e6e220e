import Testing
import VMBusEngine
import VMBusWire

@Suite struct HostConnectionTableTests {
    /// Drives a real host into a row by real messages.
    static func driver(_ row: ConnectionRow) -> HostDriver {
        var driver = HostDriver(HostDriver.patient())
        let contact = HostDriver.contact()
        let unknown = HostDriver.contact(ProtocolVersion(7, 0))
        func open() {
            driver.connect()
            driver.share(HostDriver.ring)
            driver.send(.openChannel(HostDriver.open()))
            let key = driver.keys[0]
            driver.answer { $0.openCompleted(key, success: true) }
        }
        switch row {
        case .disconnected: break
        case .connecting: driver.send(contact)
        case .connectingReset:
            driver.send(contact)
            driver.answer { $0.reset() }
        case .connectingUnload:
            driver.send(contact)
            driver.send(.unload)
        case .connectingContact:
            driver.send(contact)
            driver.send(contact)
        case .connectingRefuse:
            driver.send(contact)
            driver.send(unknown)
        case .connected: driver.connect(offers: false)
        case .offersSent: driver.connect()
        case .modifying:
            driver.connect()
            driver.send(HostDriver.modifyConnection(nil))
        case .paused:
            driver.connect()
            driver.send(.pause)
        case .disconnectingReset:
            open()
            driver.answer { $0.reset() }
        case .disconnectingUnload:
            open()
            driver.send(.unload)
        case .disconnectingContact:
            open()
            driver.send(contact)
        case .disconnectingRefuse:
            open()
            driver.send(unknown)
        }
        return driver
    }

    private func check(_ driver: HostDriver, _ cell: Cell<ConnectionRow>, _ place: String) {
        #expect(ConnectionRow(driver.host) == cell.next, "\(place): \(cell.source)")
        #expect(driver.effects.told() == cell.told, "\(place): \(cell.source)")
    }

    @Test(arguments: ConnectionRow.allCases, [false, true])
    func `a connection in each state does with each message what the table says, also after a restore`(
        _ row: ConnectionRow, _ isRestored: Bool
    ) throws {
        let start = isRestored ? try Self.driver(row).restored() : Self.driver(row)
        #expect(ConnectionRow(start.host) == row)
        for message in HostChannelTableTests.messages {
            var driver = start
            driver.send(message)
            check(
                driver, HostConnectionTable.cell(row, MessageColumn(message)), "\(row) × \(message.type.meaning ?? "")")
        }
    }

    @Test(arguments: ConnectionRow.allCases, ConnectionEvent.allCases)
    func `a connection in each state does with each event what the table says`(
        _ row: ConnectionRow, _ event: ConnectionEvent
    ) {
        var driver = Self.driver(row)
        let key = driver.keys[0]
        switch event {
        case .contactOfUnknownVersion: driver.send(HostDriver.contact(ProtocolVersion(7, 0)))
        case .contactAccepted: driver.answer { $0.contactAccepted() }
        case .contactRefused: driver.answer { $0.contactRefused() }
        case .modified: driver.answer { $0.connectionModified(.successful) }
        case .modifyFailed: driver.answer { $0.connectionModified(.unknownFailure) }
        case .lastAnswer:
            driver.answer { $0.closeCompleted(key) }
            driver.answer { $0.pageListTornDown(key, handle: HostDriver.ring) }
        case .hotAdd: driver.answer { (try? $0.addOffer(BothEnds.offer(5)).effects) ?? [] }
        case .reset: driver.answer { $0.reset() }
        case .abandoningReset: driver.answer { $0.reset(abandoning: true) }
        }
        check(driver, HostConnectionTable.cell(row, event), "\(row) × \(event)")
    }
}
