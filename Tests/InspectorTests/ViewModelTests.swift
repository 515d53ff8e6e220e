import BusModel
import Inspector
import Query
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
            log.packet(.hostToGuest)
            log.add(.signal, SignalEventInput(connectionID: 0x200E).encoded(), device: GuestLog.nic, relid: 14)
            log.add(.interrupt, EventFlagDelivery(vp: 1, flag: 14).encoded(), device: GuestLog.nic, relid: 14)
        }
    }

    @Test func `partitions as text`() throws {
        #expect(
            try show(.partitions, busy) == """
                Partition  Role   State      Ver  VPs  Dev  Chn  Open  Msgs  Packets  Pkt/s  B/s  Kernel
                guest 1    guest  connected  5.3    -    2    3     1    11        2      -    -  -

                """)
    }

    @Test func `channels as a tree of text`() throws {
        #expect(
            try show(.channels, busy) == """
                Device             Kernel  Relid  Verdict  Int/s  Sig/s  Pkt/s  Full  Fill  CPU  Age  State   Driver  In  Out  Interrupts  Signals  Full all  Evt/s  Events  Partition
                Heartbeat          -           2  closed       -      -      -     -     -    -       closed  -        -    -           0        0         -      -       0  guest 1
                  primary          -           2  closed       -      -      -     -     -    -       closed  -        -    -           0        0         -      -       0  guest 1
                Network adapter    eth0       14  -            -      -      -     -     -    1       open    -        -    -           1        1         -      -       1  guest 1
                  primary          eth0       14  -            -      -      -     -     -    1       open    -        -    -           1        1         -      -       1  guest 1
                    sub-channel 1  eth0       15  closed       -      -      -     -     -    -       closed  -        -    -           0        0         -      -       0  guest 1

                """)
    }

    @Test func `channels as CSV`() throws {
        #expect(
            try show(.channels, busy, .csv, filter: "relid == 14") == """
                device,subchannel,net,relid,verdict,interrupt_rate,signal_rate,packet_rate,full_recent,fill_max,cpu,age,state,driver,in_fill,out_fill,interrupts,signals,full,event_rate,events,partition
                Network adapter,0,eth0,14,unknown,,,,,,1,,open,,,,1,1,,,1,guest 1

                """)
    }

    @Test func `rings as text`() throws {
        #expect(
            try show(.rings, busy, filter: "opened") == """
                Partition  Channel  Relid  Ring            Size  Used  Free  Fill  Write  Read  Masked  Pending  Packets  Damage
                guest 1    eth0        14  host to guest  16384     -     -     -      -     -  -             -        -
                guest 1    eth0        14  guest to host  16384     -     -     -      -     -  -             -        -
                (2 hidden by the filter)

                """)
    }

    @Test func `flow as text, filtered`() throws {
        let text = try show(.flow, busy, filter: "relid == 14 and not kind == message")
        #expect(
            text == """
                Seq      Time  Partition     Channel  Relid  Name                Len  Info
                 13  0.013000  guest 1    >  eth0        14  NVSP.INIT            56  NVSP 6.1
                 14  0.014000  guest 1    <  eth0        14  NVSP.INIT            56  NVSP 6.1
                 15  0.015000  guest 1       eth0        14  SYNIC.SIGNAL_EVENT    8  connection 0x200e, flag 0
                 16  0.016000  guest 1       eth0        14  SYNIC.EVENT_FLAG     12  flag 14 on vp 1, sint 2
                (12 hidden by the filter)

                """)
    }

    @Test func `partitions as JSON`() throws {
        #expect(
            try show(.partitions, busy, .json) == """
                {"schema":"vmbusscope.partitions/1","source":"sim","seq":16,"time_ns":16000000,\
                "bus":{"available":true},"partitions":[{"number":1,"name":"guest 1","role":"guest",\
                "state":"connected","version":"5.3","features":"0x0","virtual_processors":null,"kernel_release":null,\
                "devices":2,"channels":3,"open_channels":1,"messages":11,"packets_in":1,"packets_out":1,"bytes_in":56,\
                "bytes_out":56,"packets_per_second":null,"bytes_per_second":null,"evidence":{},"device_evidence":[]}]}

                """)
    }

    @Test func `channels as JSON`() throws {
        #expect(
            try show(.channels, busy, .json, filter: "relid == 14") == """
                {"schema":"vmbusscope.channels/1","source":"sim","seq":16,"time_ns":16000000,"bus":{"available":true},\
                "channels":[{"partition":"guest 1","device":"11111111-2222-3333-4444-555566667777","class":"network",\
                "class_id":"f8615163-df3e-46c5-913f-f2d2f965ed0e","kernel":["eth0"],"driver":null,"subchannel":0,\
                "relid":14,"state":"open","cpu":1,"in":{"size_bytes":16384,"size_source":"measured","used_bytes":null,\
                "masked":null},"out":{"size_bytes":16384,"size_source":"measured","used_bytes":null,"masked":null},\
                "interrupts":1,"events":1,"out_full_first":null,"out_full_total":null,"interrupts_per_second":null,\
                "events_per_second":null,"packets_per_second":null,"bytes_per_second":null,"intr_in_full":null,\
                "intr_out_empty":null,"signals":1,"signals_counted_by":null,"signals_per_second":null,\
                "refused_writes_per_second":null,"full_episodes_per_second":null,"in_full_per_second":null,\
                "verdict":"unknown","verdict_weight":"normal","why":"Rates need two looks at the counters.",\
                "age_ns":null,"recent":null}]}

                """)
    }

    @Test func `flow as JSON, one line per record`() throws {
        let text = try show(.flow, busy, .json)
        let lines = text.split(separator: "\n")
        #expect(lines.count == busy.history.count)
        #expect(
            lines[9] == """
                {"schema":"vmbusscope.flow/1","seq":10,"time_ns":10000000,"partition":"guest 1","device":null,\
                "subchannel":null,"relid":null,"direction":"host_to_guest","kind":"message",\
                "name":"VMBUS.OPEN_CHANNEL_RESULT","length":20,"fields":[{"name":"type","offset":0,"size":4,"value":6,\
                "text":"OPEN_CHANNEL_RESULT"},{"name":"padding","offset":4,"size":4,"value":"00000000","text":null},\
                {"name":"relid","offset":8,"size":4,"value":14,"text":null},{"name":"open_id","offset":12,"size":4,\
                "value":14,"text":null},{"name":"status","offset":16,"size":4,"value":"0x0","text":"success"}]}
                """)
        #expect(
            lines[lines.count - 1] == """
                {"schema":"vmbusscope.flow/1","seq":16,"time_ns":16000000,"partition":"guest 1",\
                "device":"11111111-2222-3333-4444-555566667777","subchannel":0,"relid":14,"direction":null,\
                "kind":"interrupt","name":"SYNIC.EVENT_FLAG","length":12,"fields":[{"name":"vp","offset":0,"size":4,\
                "value":1,"text":null},{"name":"sint","offset":4,"size":1,"value":2,"text":null},{"name":"padding",\
                "offset":5,"size":3,"value":"000000","text":null},{"name":"flag","offset":8,"size":4,"value":14,\
                "text":null}]}
                """)
    }

    @Test func `a stream of lines is the same as the whole flow`() throws {
        var log = GuestLog()
        log.boot()
        var stream = FlowStream()
        var lines = JSONWriter()
        stream.write(log.take(), to: &lines)
        log.packet(.guestToHost)
        log.packet(.hostToGuest)
        log.add(.signal, SignalEventInput(connectionID: 0x200E).encoded(), device: GuestLog.nic, relid: 14)
        log.add(.interrupt, EventFlagDelivery(vp: 1, flag: 14).encoded(), device: GuestLog.nic, relid: 14)
        stream.write(log.take(), to: &lines)
        #expect(try lines.text == show(.flow, busy, .json))
    }

    @Test func `a stream shows only what its filter wants`() throws {
        var log = GuestLog()
        log.boot()
        var stream = try FlowStream(filter: "open_id == 14 and name contains result")
        var lines = JSONWriter()
        stream.write(log.take(), to: &lines)
        #expect(lines.text.split(separator: "\n").count == 1)
        #expect(throws: QueryError.self) { try FlowStream(filter: "seq ==") }
    }

    @Test func `sorting goes through the columns and back to the bus's own order`() {
        var order = SortOrder()
        var seen: [String?] = []
        for _ in 0..<InspectorState.partitionColumns.count {
            order = order.next(in: InspectorState.partitionColumns)
            seen.append(order.column)
        }
        #expect(seen == InspectorState.partitionColumns.filter(\.isSortable).map(\.id) + [nil])
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
            let body: [UInt8] = [1, 0, 0, 0, 1, 0, 6, 0, 1, 0, 6, 0]
            for (place, byte) in (descriptor.encoded() + body).enumerated() { data[(offset + place) % size] = byte }
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
        #expect(model.outbound.blocks.first?.name == "NVSP.INIT")
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
