import Testing
import VMBusEngine
import VMBusWire

/// Every state × every input, each cell against a real connection.
@Suite struct GuestProductTests {
    /// Whether the guest goes through its saved state first, which nobody may notice.
    private static let lives = [false, true]

    /// The rig with its guest saved and restored.
    private func restored(_ rig: GuestRig) throws -> GuestRig {
        var rig = rig
        let saved = rig.guest.saved()
        let (guest, effects) = try GuestConnection.restore(
            saved, configuration: rig.configuration, repeatsRequests: false)
        #expect(guest.saved() == saved, "saved again, the state has other bytes")
        rig.guest = guest
        rig.effects = effects
        return rig
    }

    /// Compares one cell: what happened, what came next, and that a refusal or violation changed nothing.
    private func check<Row: Equatable>(
        _ cell: GuestCell<Row>, _ row: Row, before: GuestConnection, after: GuestConnection,
        outcome: Result<[GuestEffect], GuestRefusal>, next: Row, _ name: String
    ) {
        #expect(!cell.source.isEmpty, "\(name) has no source")
        switch outcome {
        case .success(let effects):
            let events = effects.map { GuestEvent($0) }
            #expect(events == cell.events, "\(name)")
            #expect(next == cell.next ?? row, "\(name)")
            let isViolation = events.count == 1 && events.contains { if case .violation = $0 { true } else { false } }
            if isViolation { #expect(after == before, "\(name) changed something") }
        case .failure(let refusal):
            #expect(cell.events == nil, "\(name) was refused: \(refusal)")
            #expect(next == row, "\(name)")
        }
    }

    @Test(arguments: GuestChannelRow.allCases, lives)
    func `a channel in each state answers each input as the table says`(
        _ row: GuestChannelRow, isRestored: Bool
    ) throws {
        for input in GuestChannelInput.allCases {
            var rig = try isRestored ? restored(row.rig()) : row.rig()
            let before = rig.guest
            #expect(GuestChannelRow(before.channel(1)) == row, "\(row) was not reached")
            let outcome = result { () throws(GuestRefusal) in try input.apply(&rig) }
            check(
                GuestChannelTable.cell(row, input), row, before: before, after: rig.guest, outcome: outcome,
                next: GuestChannelRow(rig.guest.channel(1)), "\(row) × \(input)")
        }
    }

    @Test(arguments: GuestPageListRow.allCases, lives)
    func `a page list in each state answers each input as the table says`(
        _ row: GuestPageListRow, isRestored: Bool
    ) throws {
        for input in GuestPageListInput.allCases {
            var rig = try isRestored ? restored(row.rig()) : row.rig()
            let before = rig.guest
            let handle = GuestPageListInput.handle
            func reached(_ guest: GuestConnection) -> GuestPageListRow? {
                GuestPageListRow(guest.pageList(handle), guest.channel(1))
            }
            // Rows that only a late answer knows cannot be seen; their cells tell them apart.
            let isVisible = reached(before) != nil
            #expect(!isVisible || reached(before) == row, "\(row) was not reached")
            let outcome = result { () throws(GuestRefusal) in try input.apply(&rig) }
            check(
                GuestPageListTable.cell(row, input), row, before: before, after: rig.guest, outcome: outcome,
                next: reached(rig.guest) ?? (isVisible ? .unknown : row), "\(row) × \(input)")
        }
    }

    @Test(arguments: GuestConnectionRow.allCases, lives)
    func `a connection in each state answers each input as the table says`(
        _ row: GuestConnectionRow, isRestored: Bool
    ) throws {
        for input in GuestConnectionInput.allCases {
            var rig = try isRestored ? restored(row.rig()) : row.rig()
            let before = rig.guest
            #expect(GuestConnectionRow(before) == row, "\(row) was not reached")
            let outcome = result { () throws(GuestRefusal) in try input.apply(&rig) }
            check(
                GuestConnectionTable.cell(row, input), row, before: before, after: rig.guest, outcome: outcome,
                next: GuestConnectionRow(rig.guest), "\(row) × \(input)")
        }
    }

    private func result(
        _ body: () throws(GuestRefusal) -> [GuestEffect]
    ) -> Result<[GuestEffect], GuestRefusal> {
        do throws(GuestRefusal) { return .success(try body()) } catch { return .failure(error) }
    }

    @Test func `every message has an input of its own`() {
        for input in GuestMessageInput.allCases {
            #expect(GuestMessageInput(input.message(relid: 1, openID: 1, handle: 2)) == input)
        }
        #expect(GuestMessageInput.allCases.count == 29)
    }
}
