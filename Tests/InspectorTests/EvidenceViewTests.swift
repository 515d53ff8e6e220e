import BusModel
import Testing
import VMBusWire

@testable import Inspector

@Suite struct `Evidence in the views` {
    private static func state(_ guest: [AttributeReading], _ device: [AttributeReading] = []) -> InspectorState {
        GuestLog.state { log in
            log.boot()
            log.add(.sample, AttributeList(guest).encoded())
            log.add(.sample, AttributeList(device).encoded(), device: GuestLog.nic)
            log.time += 5_000_000_000
            log.add(.note)
        }
    }

    private static func pairs(_ state: InspectorState, _ row: RowID, _ section: String) throws -> [DetailPair] {
        let details = try #require(state.details(of: row))
        return details.sections.first { $0.title == section }?.pairs ?? []
    }

    @Test func `the partition's pane tells the hypervisor in words and with ages`() throws {
        let state = Self.state([
            AttributeReading(.hypervisorBuild, text: "10.0.26100.7462-7-3"),
            AttributeReading(.hypervisorPrivileges, 0x0000_0030_0000_0024), AttributeReading(.hypervisorHints, 0x1020),
            AttributeReading(.isolationType, 2), AttributeReading(.productUUID, reading: .init(.denied)),
            AttributeReading(.chassisTag, text: "7783-7084-3265-9085-8269-3286-77"),
            AttributeReading(.systemProduct, reading: .unavailable),
        ])
        let host = try Self.pairs(state, .partition(1), "Host and hypervisor")
        #expect(host.map(\.label) == ["Build", "Asset tag", "Machine id", "Isolation", "Privileges", "Hints"])
        #expect(host.map(\.value.text) == ["10.0.26100.7462-7-3", "Azure", "denied", "SNP", "0x3000000024", "0x1020"])
        #expect(host.first?.note == "5 s ago")
        #expect(host[2].note == "no permission to read it")
        let needed = try Self.pairs(state, .partition(1), "VMBus needs")
        #expect(needed.map(\.value.text) == ["yes", "yes", "no", "yes", "yes"])
        #expect(needed[2].value.tone == .bad)
        #expect(
            try Self.pairs(state, .partition(1), "The hypervisor advises").map(\.label) == ["Relaxed timing", "Nested"])
    }

    @Test func `the device's pane tells users, the interface and what its counters mean`() throws {
        let state = Self.state(
            [],
            [
                AttributeReading(.carries, text: "default route"), AttributeReading(.uioNode, text: ""),
                AttributeReading(.linkState, text: "up"), AttributeReading(.virtualFunction, text: ""),
                AttributeReading(.interfaceCounters, text: "tx_send_full=7 stop_queue=0 rx_packets=1200"),
                AttributeReading(.queueCounters, text: "tx_queue_0_packets=3 rx_queue_0_packets=4 tx_queue_1_bytes=9"),
                AttributeReading(.diskErrors, 2),
            ])
        let row = RowID.device(partition: 1, instance: GuestLog.nic)
        #expect(try Self.pairs(state, row, "Used by").map(\.value.text) == ["default route"])
        let interface = try Self.pairs(state, row, "Network interface")
        #expect(
            interface.map(\.label) == [
                "State", "Virtual function", "tx_send_full", "rx_packets", "At zero", "Queue 0",
            ])
        #expect(interface.map(\.value.text) == ["up", "none", "7", "1 200", "1", "out 3, in 4"])
        #expect(interface[2].help.contains("send buffer"))
        #expect(try Self.pairs(state, row, "Disks").map(\.value) == [Cell("2", .bad, raw: "2")])
    }

    @Test func `a log without evidence has no empty headings`() throws {
        let details = try #require(GuestLog.booted.details(of: .partition(1)))
        #expect(details.sections.map(\.title) == ["Partition", "Connection", "What it has", "Traffic"])
    }

    @Test func `texts and names that could steer the terminal or have no end are cut`() throws {
        let state = Self.state(
            [
                AttributeReading(.hypervisorBuild, text: "\u{1B}[2J" + String(repeating: "x", count: 5000)),
                AttributeReading(
                    .processorInterrupts, text: (0..<5000).map { "cpu\($0)=\($0)" }.joined(separator: " ")),
            ], [AttributeReading(.interfaceCounters, text: "\u{1B}[2J=5 =7 x= y")])
        for row in [RowID.partition(1), .device(partition: 1, instance: GuestLog.nic)] {
            for pair in try #require(state.details(of: row)).sections.flatMap(\.pairs) {
                #expect(pair.value.text.utf8.count < 600)
                #expect(!(pair.value.text + pair.label).unicodeScalars.contains { $0.value < 0x20 })
            }
        }
        #expect(
            try Self.pairs(state, .partition(1), "Processors").map(\.value.text) == [
                "cpu4999 4 999, cpu4998 4 998, cpu4997 4 997"
            ])
    }

    @Test func `the JSON of the partitions holds what is known, and why the rest is not`() throws {
        let state = Self.state(
            [
                AttributeReading(.loggedVersion, text: "5.3"), AttributeReading(.hibernation, 1),
                AttributeReading(.productUUID, reading: .init(.denied)),
                AttributeReading(.uptime, reading: .init(.failed("EIO"))),
            ], [AttributeReading(.interfaceCounters, text: "rx_packets=5 tx_send_full=0")])
        let text = try HeadlessShow.render(.partitions, state, format: .json)
        for part in [
            #""product_uuid":{"value":null,"time_ns":"#, #""error":"DENIED"}"#, #""error":"EIO"}"#,
            #""logged_version":{"value":"5.3","time_ns":"#, #""hibernation":{"value":1,"#,
            #""device_evidence":[{"device":"11111111-2222-3333-4444-555566667777","class":"network","kernel":["eth0"],"evidence":{"interface_counters":{"value":{"rx_packets":5,"tx_send_full":0},"#,
        ] { #expect(text.contains(part), "\(part)") }
    }
}
