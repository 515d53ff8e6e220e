import BusModel
import Inspector
import Testing
import VMBusWire

@Suite struct ViewModelTests {
    private func show(
        _ view: InspectorView, _ state: InspectorState, _ format: ShowFormat = .text, filter: String? = nil,
        at sequence: UInt64? = nil
    ) throws -> String {
        try HeadlessShow.render(view, state, format: format, filter: filter, at: sequence)
    }

    private var busy: InspectorState {
        GuestLog.state { log in
            log.boot()
            log.packet(.guestToHost)
            log.packet(.hostToGuest, payload: 32)
            log.add(.signal, SignalEventInput(connectionID: 0x200E).encoded(), device: GuestLog.nic, relid: 14)
            log.add(.interrupt, EventFlagDelivery(vp: 1, flag: 14).encoded(), device: GuestLog.nic, relid: 14)
        }
    }

    @Test func `partitions as text`() throws {
        #expect(
            try show(.partitions, busy) == """
                PLACEHOLDER
                """)
    }

    @Test func `channels as a tree of text`() throws {
        #expect(
            try show(.channels, busy) == """
                PLACEHOLDER
                """)
    }

    @Test func `channels as CSV`() throws {
        #expect(
            try show(.channels, busy, .csv, filter: "relid == 14") == """
                PLACEHOLDER
                """)
    }

    @Test func `rings as text`() throws {
        #expect(
            try show(.rings, busy, filter: "opened") == """
                PLACEHOLDER
                """)
    }

    @Test func `flow as text, filtered`() throws {
        #expect(
            try show(.flow, busy, filter: "relid == 14 and not kind == message") == """
                PLACEHOLDER
                """)
    }

    @Test func `partitions as JSON`() throws {
        #expect(
            try show(.partitions, busy, .json) == """
                PLACEHOLDER
                """)
    }

    @Test func `channels as JSON`() throws {
        #expect(
            try show(.channels, busy, .json, filter: "relid == 14") == """
                PLACEHOLDER
                """)
    }

    @Test func `flow as JSON, one line per record`() throws {
        let text = try show(.flow, busy, .json)
        let lines = text.split(separator: "\n")
        #expect(lines.count == busy.history.count)
        #expect(
            lines[9] == """
                PLACEHOLDER
                """)
        #expect(
            lines[lines.count - 1] == """
                PLACEHOLDER
                """)
    }

    @Test func `an empty log says so`() throws {
        let state = InspectorState(capabilities: GuestLog.capabilities)
        #expect(try show(.flow, state) == "Nothing has happened yet.\n")
        #expect(try show(.channels, state) == "No channel is known yet.\n")
        let missing = GuestLog.state { $0.add(.state, code: StateCode.busMissing.rawValue) }
        #expect(try show(.partitions, missing) == "There is no VMBus here.\n")
    }

    @Test func `an earlier moment is shown as it was`() throws {
        #expect(try show(.channels, busy, at: 3) == "No channel is known yet.\n")
        #expect(try show(.flow, busy, .csv, at: 2).split(separator: "\n").count == 3)
        let error = #expect(throws: ShowError.self) { try show(.flow, busy, at: 999) }
        #expect(error?.description == "record 999 is not kept: choose one from 1 to 16")
        #expect(throws: ShowError.self) { try show(.flow, busy, filter: "relid ==") }
    }

    @Test func `devices with sub-channels are open until they are closed by hand`() {
        var state = busy
        let nic = RowID.device(partition: 1, instance: GuestLog.nic)
        let pulse = RowID.device(partition: 1, instance: GuestLog.pulse)
        #expect(state.channelsTable().rows.map(\.depth) == [0, 0, 1, 2])
        state.setExpanded(nic, false)
        #expect(state.channelsTable().rows.map(\.id) == [pulse, nic])
        state.setExpanded(pulse, true)
        #expect(state.channelsTable().rows.map(\.depth) == [0, 1, 0])
    }

    @Test func `devices are ordered by any column, unknown values last`() {
        var state = busy
        func order() -> [String] { state.channelsTable().rows.filter { $0.depth == 0 }.map { $0.cells[0].text } }
        #expect(order() == ["Heartbeat", "Network adapter"])
        state.channelSort = SortOrder(column: "relid", isDescending: true)
        #expect(order() == ["Network adapter", "Heartbeat"])
        state.channelSort = SortOrder(column: "cpu", isDescending: true)
        #expect(order() == ["Network adapter", "Heartbeat"])
        state.channelSort = SortOrder(column: "cpu")
        #expect(order() == ["Network adapter", "Heartbeat"])
        for column in InspectorState.channelColumns where column.isSortable {
            state.channelSort = SortOrder(column: column.id)
            #expect(order().count == 2, "\(column.id)")
        }
    }

    @Test func `every row has a cell for every column`() {
        let state = busy
        for table in [state.partitionsTable(), state.channelsTable(isWhole: true), state.flowTable(0..<100)] {
            #expect(!table.rows.isEmpty)
            for row in table.rows { #expect(row.cells.count == table.columns.count) }
            #expect(Set(table.columns.map(\.id)).count == table.columns.count)
            for column in table.columns { #expect(column.help.hasSuffix(".")) }
        }
    }

    @Test func `flow rows are made for the range that is asked for`() {
        let state = busy
        #expect(state.flowRows(2..<4).map(\.id) == [.record(3), .record(4)])
        #expect(state.flowRows(14..<1000).count == 2)
        #expect(state.flowRows(500..<600).isEmpty)
    }

    @Test func `details have plain words for every value`() throws {
        let state = busy
        let rows: [RowID] = [
            .partition(1), .device(partition: 1, instance: GuestLog.nic), .channel(GuestLog.nicChannel), .record(5),
        ]
        for row in rows {
            let details = try #require(state.details(of: row))
            #expect(!details.title.isEmpty && !details.sections.isEmpty)
            for section in details.sections where section.title != "Channels" && section.title != "Fields" {
                for pair in section.pairs { #expect(!pair.help.isEmpty, "\(section.title) \(pair.label)") }
            }
        }
        let channel = try #require(state.details(of: .channel(GuestLog.nicChannel)))
        let pairs = channel.sections.flatMap(\.pairs)
        #expect(channel.title == "eth0 in guest 1")
        #expect(pairs.first { $0.label == "State" }?.value == Cell("open", .good))
        #expect(pairs.first { $0.label == "Size" }?.value.text == "16K")
        #expect(state.details(of: .partition(9)) == nil)
        #expect(state.details(of: .record(99)) == nil)
    }

    private func image(write: UInt32, read: UInt32, packets: [(at: Int, payload: Int)], size: Int = 4096) -> RingImage {
        var control = [UInt8](repeating: 0, count: 4096)
        func put(_ value: UInt32, _ offset: Int) {
            for byte in 0..<4 { control[offset + byte] = UInt8(truncatingIfNeeded: value >> UInt32(byte * 8)) }
        }
        put(write, 0)
        put(read, 4)
        put(1, 8)
        put(256, 12)
        put(1, 0x40)
        var data = [UInt8](repeating: 0, count: size)
        for (offset, payload) in packets {
            var descriptor = PacketDescriptor()
            descriptor.type = .dataInBand
            descriptor.length8 = UInt16(2 + payload / 8)
            descriptor.transactionID = UInt64(offset)
            for (place, byte) in descriptor.encoded().enumerated() { data[(offset + place) % size] = byte }
        }
        return RingImage(controlPage: control, data: data)
    }

    @Test func `a ring's bytes are read as packets, also around its end`() throws {
        let outbound = image(write: 24, read: 4040, packets: [(4040, 16), (4080, 16)])
        let model = try #require(busy.ringModel(GuestLog.nicChannel, outbound: outbound))
        #expect(model.title == "eth0, Network adapter, relid 14, open")
        #expect(model.outbound.isFromImage && !model.inbound.isFromImage)
        #expect(model.inbound.size == 16384)
        #expect(model.outbound.used == 80)
        #expect(model.outbound.free == 4016)
        #expect(model.outbound.isMasked == true)
        #expect(model.outbound.pendingSize == 256)
        #expect(model.outbound.featureBits == 1)
        #expect(model.outbound.blocks.map(\.offset) == [4040, 4080])
        #expect(model.outbound.blocks.map(\.length) == [40, 40])
        #expect(model.outbound.blocks.map(\.transactionID) == [4040, 4080])
        #expect(model.outbound.blocks.first?.name == "data in-band")
        #expect(model.outbound.damage == nil)
    }

    @Test(arguments: [
        (UInt32(5000), UInt32(0), "write index 5000 lies outside"), (4, 0, "no multiple of 8"),
        (0, 4096, "read index 4096 lies outside"), (16, 0, "too few"), (48, 0, "breaks the rule"),
        (4088, 4064, "breaks the rule"),
    ])
    func `damage in a ring is named and stops nothing`(_ write: UInt32, _ read: UInt32, _ text: String) {
        let picture = RingPicture(image(write: write, read: read, packets: []), direction: .hostToGuest)
        #expect(picture.damage?.contains(text) == true, "\(picture.damage ?? "-")")
    }

    @Test func `a packet longer than what waits is damage`() {
        let picture = RingPicture(
            image(write: 64, read: 0, packets: [(0, 16), (40, 800)]), direction: .hostToGuest)
        #expect(picture.blocks.count == 1)
        #expect(picture.damage == "the packet at 40 has 824 bytes, 24 are left")
    }

    @Test func `odd images are damage too`() {
        #expect(RingPicture(RingImage(controlPage: [], data: []), direction: .hostToGuest).damage != nil)
        let empty = RingImage(controlPage: [UInt8](repeating: 0, count: 16), data: [])
        #expect(RingPicture(empty, direction: .hostToGuest).damage == "the ring has 0 data bytes")
    }
}
