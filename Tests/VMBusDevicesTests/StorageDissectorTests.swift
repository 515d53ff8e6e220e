import Testing
import VMBusDevices
import VMBusWire

@Suite struct StorageDissectorTests {
    /// A controller that comes up, is asked this and that, and loses a disk.
    static func session(_ version: VStor.Version = .version62) -> [RecordedPacket] {
        let disk = TestDisk()
        var pair = StoragePair.storage(hostVersion: version, disk: disk)
        pair.open()
        pair.settle()
        for example in SCSICommandTests.good { _ = pair.ask(example.command, lun: example.lun, room: example.room) }
        _ = pair.ask([0x2A, 0, 0, 0, 0, 9, 0, 0, 2, 0], data: [UInt8](repeating: 3, count: 1024))
        _ = pair.ask([0x5E, 0, 0, 0, 0, 0, 0, 0, 8, 0], room: 8)
        _ = pair.ask([0x00, 0, 0, 0, 0, 0], lun: 44)
        disk.failure = .unreadable(block: 77)
        _ = pair.ask([0x28, 0, 0, 0, 0, 77, 0, 0, 1, 0], room: 512)
        let remove = DeviceCommand.storage(.remove(lun: 1))
        pair.perform(pair.host.perform(remove, time: 0, memory: &pair.memory) ?? [], from: .hostToGuest)
        pair.settle()
        return pair.log
    }

    @Test func `tells the start of a controller and what is asked of its disks`() {
        let lines = DissectorTests.summaries(Self.session(), .scsi).map { "\($0.name) \($0.info)" }
        let expected = [
            "VSTOR.BEGIN_INITIALIZATION the negotiation begins",
            "VSTOR.BEGIN_INITIALIZATION the negotiation begins, success",
            "VSTOR.QUERY_PROTOCOL_VERSION version 6.2", "VSTOR.QUERY_PROTOCOL_VERSION version 6.2, success",
            "VSTOR.QUERY_PROPERTIES the controller's limits",
            "VSTOR.QUERY_PROPERTIES 3 sub-channels, transfers of 262144 bytes, success",
        ]
        #expect(Array(lines.prefix(6)) == expected)
        for line in [
            "VSTOR.CREATE_SUB_CHANNELS 3 sub-channels, success",
            "SCSI.WRITE_10 WRITE(10), 2 blocks at 9, unit 0:0:0, 1024 bytes write",
            "SCSI.WRITE_10 success, 1024 bytes",
            "SCSI.PERSISTENT_RESERVE_IN error, sense valid, check condition, "
                + "illegal request: invalid command operation code",
            "SCSI.TEST_UNIT_READY invalid LUN",
            "SCSI.READ_10 error, sense valid, check condition, medium error: unrecovered read error at block 77",
            "SCSI.INQUIRY INQUIRY, page 0x83, unit 0:0:0, 255 bytes read",
            "VSTOR.ENUMERATE_BUS disks have come or gone",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
    }

    @Test(arguments: VStor.Version.newestFirst)
    func `every byte of every packet is in its tree`(version: VStor.Version) {
        var dissectors: [UInt16: ChannelDissector] = [:]
        for packet in Self.session(version) {
            let line = dissectors[packet.subchannel, default: ChannelDissector(kind: .scsi)].summarise(
                packet.record[...], attachmentLength: packet.attachment.count, direction: packet.direction)
            let tree = ChannelDissector.tree(
                packet.record[...], attachmentLength: packet.attachment.count, direction: packet.direction, kind: .scsi,
                hint: line.hint)
            var next = 0
            for leaf in tree.leaves {
                #expect(leaf.offset == next, "\(line.name): \(leaf.name)")
                next = leaf.offset + leaf.size
            }
            #expect(next == packet.record.count, "\(line.name)")
            #expect(tree.problem == nil)
            #expect(tree.name == line.name)
            #expect(tree.leaves.allSatisfy { !$0.help.isEmpty }, "\(line.name)")
        }
    }

    @Test func `the fields of a command, of sense data and of an answer are named`() {
        var dissectors: [UInt16: ChannelDissector] = [:]
        var seen: Set<String> = []
        for packet in Self.session() {
            let line = dissectors[packet.subchannel, default: ChannelDissector(kind: .scsi)].summarise(
                packet.record[...], attachmentLength: packet.attachment.count, direction: packet.direction)
            let tree = ChannelDissector.tree(
                packet.record[...], attachmentLength: packet.attachment.count, direction: packet.direction, kind: .scsi,
                hint: line.hint)
            seen.formUnion(tree.leaves.map(\.name))
        }
        for name in [
            "operation_code", "logical_block_address", "transfer_length", "srb_status", "data_transfer_length",
            "max_transfer_bytes", "sense_key", "additional_sense", "information", "data",
        ] {
            #expect(seen.contains(name), "\(name)")
        }
    }
}
