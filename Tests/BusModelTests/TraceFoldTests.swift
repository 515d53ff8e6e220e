import BusModel
import Testing
import VMBusWire

@Suite struct `A guest's tracepoints` {
    static let classID = GUID("f8615163-df3e-46c5-913f-f2d2f965ed0e") ?? .zero
    static let instance = GUID("7ed62e0d-a2c5-4d38-b79b-23ef5bc8a6cd") ?? .zero

    private func snapshot(_ records: [TraceRecord]) -> BusSnapshot {
        var batch = FlowBatch()
        for (place, record) in records.enumerated() {
            batch.append(record.header(time: UInt64(place + 1), partition: 1), record.encoded())
        }
        var snapshot = BusSnapshot()
        snapshot.apply(batch)
        return snapshot
    }

    private func event(_ name: String, _ fields: TraceField...) -> TraceRecord {
        TraceRecord(system: "hyperv", event: name, cpu: 0, thread: 1, fields: fields)
    }

    private var offer: TraceRecord {
        event(
            "vmbus_onoffer", TraceField("child_relid", 5), TraceField("monitorid", 3),
            TraceField("connection_id", 0x20005), TraceField("if_type", guid: Self.classID),
            TraceField("if_instance", guid: Self.instance), TraceField("sub_idx", 0))
    }

    private var pageList: [TraceRecord] {
        [
            event(
                "vmbus_establish_gpadl_header", TraceField("child_relid", 5), TraceField("gpadl", 0xE1E10),
                TraceField("range_buflen", 17 * 8), TraceField("rangecount", 1), TraceField("ret", signed: 0)),
            event(
                "vmbus_ongpadl_created", TraceField("child_relid", 5), TraceField("gpadl", 0xE1E10),
                TraceField("status", 0)),
        ]
    }

    private var open: TraceRecord {
        event(
            "vmbus_open", TraceField("child_relid", 5), TraceField("openid", 5), TraceField("gpadlhandle", 0xE1E10),
            TraceField("target_vp", 2), TraceField("offset", 8), TraceField("ret", signed: 0))
    }

    private func answer(_ status: UInt64) -> TraceRecord {
        event(
            "vmbus_onopen_result", TraceField("child_relid", 5), TraceField("openid", 5), TraceField("status", status))
    }

    private func channel(_ records: [TraceRecord]) -> ChannelSnapshot? {
        snapshot(records).partition(1)?.devices.first?.channels.first
    }

    @Test func `tell the negotiated version`() {
        let contact = event(
            "vmbus_negotiate_version", TraceField("ver", 0x50003), TraceField("ret", signed: 0))
        let refused = event("vmbus_onversion_response", TraceField("ver", 0))
        let accepted = event("vmbus_onversion_response", TraceField("ver", 1))
        #expect(snapshot([contact, refused]).partition(1)?.version.value == nil)
        let guest = snapshot([contact, refused, contact, accepted]).partition(1)
        #expect(guest?.version.value?.description == "5.3")
        #expect(guest?.connection.value == .connected)
        #expect(guest?.traffic.messages == 4)
    }

    @Test func `tell an offer, its rings' page list and its opening`() {
        let offered = channel([offer])
        #expect(offered?.phase.value == .closed)
        #expect(offered?.connectionID.value == 0x20005)
        #expect(offered?.monitorID.value == nil)
        let opening = channel([offer] + pageList + [open])
        #expect(opening?.phase.value == .opening)
        #expect(opening?.cpu.value == 2)
        #expect(opening?.outbound.size.value == 28672)
        #expect(opening?.inbound.size.value == 28672)
        #expect(channel([offer] + pageList + [open, answer(0)])?.phase.value == .open)
        #expect(channel([offer] + pageList + [open, answer(0xC000_009A)])?.phase.value == .closed)
    }

    @Test func `may tell an answer before its request`() {
        #expect(channel([offer] + pageList + [answer(0), open])?.phase.value == .open)
        let lists = snapshot([offer] + pageList.reversed()).partition(1)?.pageLists
        #expect(lists?.count == 1)
        #expect(lists?.first?.isCreated == true)
        #expect(lists?.first?.pageCount == 16)
    }

    @Test func `tell nothing of a message that could not be posted`() {
        let failed = event("vmbus_close_internal", TraceField("child_relid", 5), TraceField("ret", signed: -11))
        #expect(channel([offer] + pageList + [open, answer(0), failed])?.phase.value == .open)
        let closed = event("vmbus_close_internal", TraceField("child_relid", 5), TraceField("ret", signed: 0))
        #expect(channel([offer] + pageList + [open, answer(0), closed])?.phase.value == .closed)
    }

    @Test func `tell a rescind, the release and a new offer`() {
        let rescind = event("vmbus_onoffer_rescind", TraceField("child_relid", 5))
        let release = event("vmbus_release_relid", TraceField("child_relid", 5), TraceField("ret", signed: 0))
        #expect(channel([offer, rescind])?.phase.value == .rescinded)
        #expect(snapshot([offer, rescind, release]).partition(1)?.devices.isEmpty == true)
        #expect(channel([offer, rescind, offer])?.phase.value == .closed)
        #expect(channel([offer, rescind, offer])?.generation == 1)
    }

    @Test func `take nothing away that sysfs has shown`() {
        var batch = FlowBatch()
        func state(_ relid: UInt32, _ readings: [AttributeReading]) {
            let header = FlowRecordHeader(
                kind: .state, time: 1, partition: 1, device: Self.instance, relid: relid,
                code: StateCode.appeared.rawValue)
            batch.append(header, AttributeList(readings).encoded())
        }
        state(0, [AttributeReading(.deviceState, 3), AttributeReading(.driver, text: "hv_netvsc")])
        state(5, [AttributeReading(.channelPhase, ChannelPhase.open.rawValue), AttributeReading(.inSize, 4096)])
        let release = event("vmbus_release_relid", TraceField("child_relid", 5), TraceField("ret", signed: 0))
        for record in [event("vmbus_onoffer_rescind", TraceField("child_relid", 5)), release] {
            batch.append(record.header(time: 2, partition: 1), record.encoded())
        }
        var snapshot = BusSnapshot()
        snapshot.apply(batch)
        #expect(snapshot.device(1, Self.instance)?.channels.first?.phase.value == .rescinded)
        snapshot.apply(offer.header(time: 3, partition: 1), offer.encoded()[...])
        let device = snapshot.device(1, Self.instance)
        #expect(device?.driver.value == "hv_netvsc")
        #expect(device?.channels.first?.inbound.size.value == 4096)
        #expect(device?.channels.first?.phase.value == .closed)
        #expect(device?.channels.first?.generation == 1)
    }

    @Test func `tell where a channel was moved and that a page list is gone`() {
        let move = event(
            "vmbus_send_modifychannel", TraceField("child_relid", 5), TraceField("target_vp", 7),
            TraceField("ret", signed: 0))
        #expect(channel([offer, move])?.cpu.value == 7)
        let gone = event("vmbus_ongpadl_torndown", TraceField("gpadl", 0xE1E10))
        #expect(snapshot([offer] + pageList + [gone]).partition(1)?.pageLists.isEmpty == true)
    }

    @Test func `with numbers that no kernel writes change nothing that traps`() {
        for value: UInt64 in [.max, 1 << 63, 0xFFFF_FFFF] {
            let fields = [
                "child_relid", "gpadl", "range_buflen", "rangecount", "offset", "target_vp", "gpadlhandle", "sub_idx",
                "ver", "msgtype", "monitorid",
            ].map { TraceField($0, value) }
            let names = [
                "vmbus_onoffer", "vmbus_establish_gpadl_header", "vmbus_ongpadl_created", "vmbus_open",
                "vmbus_onopen_result", "vmbus_send_modifychannel", "vmbus_on_msg_dpc", "vmbus_negotiate_version",
                "vmbus_onversion_response",
            ]
            let records = names.map {
                TraceRecord(system: "hyperv", event: $0, cpu: 0, thread: 0, fields: fields)
            }
            #expect(snapshot([offer] + records).partition(1)?.devices.isEmpty == false)
        }
    }

    @Test func `count each message once`() {
        let arrival = event("vmbus_on_msg_dpc", TraceField("msgtype", 1))
        let delivered = event("vmbus_on_msg_dpc", TraceField("msgtype", 4))
        #expect(snapshot([arrival, offer, delivered]).partition(1)?.traffic.messages == 2)
        #expect(delivered.messageType == .allOffersDelivered)
    }
}
