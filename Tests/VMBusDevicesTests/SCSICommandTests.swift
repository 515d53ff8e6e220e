import Testing
import VMBusDevices
import VMBusWire

/// What disks and discs answer to each command: good, out of range, and with too little room.
@Suite struct SCSICommandTests {
    /// Commands that succeed, with the unit, the room and the first bytes of the answer.
    static let good: [(name: String, command: [UInt8], lun: UInt8, room: Int, first: [UInt8])] = [
        ("TEST UNIT READY", [0x00, 0, 0, 0, 0, 0], 0, 0, []),
        ("REQUEST SENSE", [0x03, 0, 0, 0, 18, 0], 0, 18, [0x70, 0, 0]),
        ("REQUEST SENSE, descriptors", [0x03, 1, 0, 0, 18, 0], 0, 18, [0x72, 0, 0]),
        ("READ(6)", [0x08, 0, 0, 1, 1, 0], 0, 512, [0]),
        ("INQUIRY, disk", [0x12, 0, 0, 0, 36, 0], 0, 36, [0, 0, 6, 0x12, 31]),
        ("INQUIRY, disc", [0x12, 0, 0, 0, 36, 0], 2, 36, [5, 0x80, 6]),
        ("INQUIRY, pages", [0x12, 1, 0, 0, 255, 0], 0, 255, [0, 0, 0, 6, 0, 0x80, 0x83, 0xB0, 0xB1, 0xB2]),
        ("INQUIRY, serial number", [0x12, 1, 0x80, 0, 255, 0], 0, 255, [0, 0x80]),
        ("INQUIRY, names", [0x12, 1, 0x83, 0, 255, 0], 0, 255, [0, 0x83, 0, 12, 1, 3, 0, 8, 0x30]),
        ("INQUIRY, limits", [0x12, 1, 0xB0, 0, 255, 0], 0, 255, [0, 0xB0, 0, 60, 0, 0, 0, 0, 0, 0, 2, 0]),
        ("INQUIRY, characteristics", [0x12, 1, 0xB1, 0, 255, 0], 0, 255, [0, 0xB1, 0, 60, 0, 1]),
        ("INQUIRY, provisioning", [0x12, 1, 0xB2, 0, 255, 0], 0, 255, [0, 0xB2, 0, 4, 0, 0xE4, 2, 0]),
        ("MODE SENSE(6)", [0x1A, 0, 0x3F, 0, 255, 0], 0, 255, [67, 0, 0, 8]),
        ("MODE SENSE(6), read-only", [0x1A, 8, 0x08, 0, 255, 0], 1, 255, [23, 0, 0x80, 0, 8, 18, 0]),
        ("MODE SENSE(10)", [0x5A, 8, 0x08, 0, 0, 0, 0, 0, 255, 0], 0, 255, [0, 26, 0, 0, 0, 0, 0, 0, 8, 18, 4]),
        (
            "MODE SENSE(10), changeable", [0x5A, 8, 0x48, 0, 0, 0, 0, 0, 255, 0], 0, 255,
            [0, 26, 0, 0, 0, 0, 0, 0, 8, 18, 0]
        ),
        ("MODE SENSE(10), disc", [0x5A, 0, 0x2A, 0, 0, 0, 0, 0, 255, 0], 2, 255, [0, 26, 0, 0, 0, 0, 0, 0, 0x2A, 18]),
        ("START STOP UNIT", [0x1B, 0, 0, 0, 1, 0], 0, 0, []),
        ("PREVENT", [0x1E, 0, 0, 0, 1, 0], 2, 0, []),
        ("READ CAPACITY(10)", [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 8, [0, 0, 7, 0xFF, 0, 0, 2, 0]),
        ("READ CAPACITY(10), disc", [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], 2, 8, [0, 0, 1, 0xFF, 0, 0, 8, 0]),
        ("READ(10)", [0x28, 0, 0, 0, 7, 0xFF, 0, 0, 1, 0], 0, 512, [0]),
        ("VERIFY(10)", [0x2F, 0, 0, 0, 0, 0, 0, 0, 8, 0], 0, 0, []),
        ("SYNCHRONIZE CACHE(10)", [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0, []),
        (
            "READ TOC", [0x43, 0, 0, 0, 0, 0, 0, 0, 255, 0], 2, 255,
            [0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xAA]
        ),
        (
            "READ TOC, times", [0x43, 2, 0, 0, 0, 0, 0xAA, 0, 255, 0], 2, 255,
            [0, 10, 1, 1, 0, 0x14, 0xAA, 0, 0, 0, 8, 62]
        ),
        ("READ TOC, sessions", [0x43, 0, 1, 0, 0, 0, 0, 0, 255, 0], 2, 255, [0, 10, 1, 1]),
        ("READ TOC, sessions as of old", [0x43, 0, 0, 0, 0, 0, 0, 0, 12, 0x40], 2, 12, [0, 10, 1, 1]),
        ("GET CONFIGURATION", [0x46, 0, 0, 0, 0, 0, 0, 0, 255, 0], 2, 255, [0, 0, 0, 52, 0, 0, 0, 8, 0, 0, 3, 4]),
        ("GET CONFIGURATION, one", [0x46, 2, 0, 3, 0, 0, 0, 0, 255, 0], 2, 255, [0, 0, 0, 12, 0, 0, 0, 8, 0, 3]),
        ("GET EVENT STATUS", [0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8, 0], 2, 8, [0, 6, 4, 0x10, 0, 2]),
        ("READ DISC INFORMATION", [0x51, 0, 0, 0, 0, 0, 0, 0, 34, 0], 2, 34, [0, 32, 0x0E, 1]),
        ("READ TRACK INFORMATION", [0x52, 1, 0, 0, 0, 1, 0, 0, 36, 0], 2, 36, [0, 34, 1, 1]),
        ("READ(16)", [0x88, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0], 0, 512, [0]),
        ("VERIFY(16)", [0x8F, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0], 0, 0, []),
        ("SYNCHRONIZE CACHE(16)", [0x91, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0, []),
        (
            "READ CAPACITY(16)", [0x9E, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0], 0, 32,
            [0, 0, 0, 0, 0, 0, 7, 0xFF, 0, 0, 2, 0, 0, 0, 0xC0]
        ),
        (
            "REPORT LUNS", [0xA0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], 0, 256,
            [0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        ),
        (
            "REPORT SUPPORTED OPERATION CODES", [0xA3, 0x0C, 1, 0x42, 0, 0, 0, 0, 0, 64, 0, 0], 0, 64,
            [0, 3, 0, 10, 0x42]
        ),
        ("REPORT SUPPORTED OPERATION CODES, no", [0xA3, 0x0C, 1, 0x5E, 0, 0, 0, 0, 0, 64, 0, 0], 0, 64, [0, 1, 0, 0]),
        ("READ(12)", [0xA8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0], 2, 2048, [0]),
        ("SET CD SPEED", [0xBB, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0], 2, 0, []),
        ("READ CD", [0xBE, 0, 0, 0, 0, 1, 0, 0, 1, 0x10, 0, 0], 2, 2048, [0]),
    ]

    @Test(arguments: good.indices)
    func `a command that is good gives its answer`(index: Int) {
        let example = Self.good[index]
        var pair = StoragePair.running()
        let result = pair.ask(example.command, lun: example.lun, room: example.room)
        #expect(result?.isSuccess == true, "\(example.name): \(result?.sense?.text ?? "")")
        let start = Array((result?.data ?? []).prefix(example.first.count))
        #expect(start == example.first, "\(example.name)")
        #expect(pair.violations == [])
    }

    @Test(arguments: good.indices)
    func `an answer is cut to the room that there is`(index: Int) {
        let example = Self.good[index]
        guard example.room > 1, ![0x08, 0x28, 0x88, 0xA8, 0xBE].contains(example.command[0]) else { return }
        var pair = StoragePair.running()
        let whole = pair.ask(example.command, lun: example.lun, room: example.room)
        let cut = pair.ask(example.command, lun: example.lun, room: 1)
        #expect(cut?.isSuccess == true, "\(example.name)")
        let first = Array((whole?.data ?? []).prefix(1))
        #expect(cut?.data == first, "\(example.name)")
    }

    static let overruns: [[UInt8]] = [
        [0x08, 0, 0, 1, 2, 0], [0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0], [0xA8, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0],
        [0x88, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0], [0x2A, 0, 0, 0, 0, 0, 0, 0, 2, 0],
        [0x8A, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0], [0x0A, 0, 0, 0, 2, 0],
        [0xAA, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0],
    ]

    @Test(arguments: overruns)
    func `a buffer that is too short for the blocks is an overrun`(command: [UInt8]) {
        let isWrite = [0x0A, 0x2A, 0x8A, 0xAA].contains(command[0])
        var pair = StoragePair.running()
        let result =
            isWrite
            ? pair.ask(command, data: [UInt8](repeating: 1, count: 512)) : pair.ask(command, room: 512)
        #expect(result?.status == .dataOverrun)
        #expect(pair.requests.isEmpty)
    }

    static let behindTheEnd: [[UInt8]] = [
        [0x08, 0, 0x08, 0, 1, 0], [0x28, 0, 0, 0, 8, 0, 0, 0, 1, 0],
        [0x28, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0xFF, 0xFF, 0], [0xA8, 0, 0, 0, 7, 0xFF, 0, 0, 0, 2, 0, 0],
        [0x88, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0],
        [0x8F, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 1, 0, 0], [0x2F, 0, 0, 0, 8, 0, 0, 0, 1, 0],
        [0x35, 0, 0, 0, 8, 1, 0, 0, 0, 0], [0x91, 0, 0, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0, 0, 0, 0],
    ]

    @Test(arguments: behindTheEnd)
    func `blocks behind the end are out of range`(command: [UInt8]) {
        var pair = StoragePair.running()
        let result = pair.ask(command, room: 65_536)
        #expect(result?.sense == SCSI.Sense(5, 0x2100))
        #expect(result?.scsiStatus == .checkCondition)
        #expect(pair.requests.isEmpty)
    }

    static let writes: [[UInt8]] = [
        [0x0A, 0, 0, 1, 1, 0], [0x2A, 0, 0, 0, 0, 1, 0, 0, 1, 0],
        [0xAA, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0], [0x8A, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0],
        [0x41, 0, 0, 0, 0, 1, 0, 0, 1, 0], [0x93, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0],
    ]

    @Test(arguments: writes)
    func `blocks are written, not on a disk that nobody may write, and not on a disc`(command: [UInt8]) {
        let disk = TestDisk()
        var pair = StoragePair.running(disk: disk)
        let data = [UInt8](repeating: 0x5A, count: 512)
        let result = pair.ask(command, data: data)
        #expect(result?.isSuccess == true)
        #expect(disk.blocks[1] == data)
        let refused = pair.ask(command, lun: 1, data: data)
        #expect(refused?.sense == SCSI.Sense(7, 0x2700))
        let unknown = pair.ask(command, lun: 2, data: data)
        #expect(unknown?.sense == SCSI.Sense(5, 0x2000))
    }

    @Test func `what is discarded reads as zeros`() {
        let disk = TestDisk()
        var pair = StoragePair.running(disk: disk)
        _ = pair.ask([0x93, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0], data: [UInt8](repeating: 1, count: 512))
        #expect(disk.blocks.count == 64)
        var list: [UInt8] = [0, 38, 0, 32, 0, 0, 0, 0]
        list += [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0]
        list += [0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0]
        let result = pair.ask([0x42, 0, 0, 0, 0, 0, 0, 0, 40, 0], data: list)
        #expect(result?.isSuccess == true)
        #expect(disk.blocks.count == 60)
        let same = pair.ask(
            [0x93, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0], data: [UInt8](repeating: 0, count: 512))
        #expect(same?.isSuccess == true)
        #expect(disk.blocks.isEmpty)
    }

    static let wrongLists: [(head: [UInt8], filler: UInt8, count: Int, reason: UInt16)] = [
        ([0, 6, 0, 15], 0, 24, 0x1A00), ([0, 6, 0xFF, 0xF0], 0, 24, 0x1A00), ([0, 6, 0, 0], 0, 4, 0x1A00),
        ([0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 1, 0, 0, 0, 1], 0, 24, 0x2100),
        ([0, 0, 0, 16, 0, 0, 0, 0], 0xFF, 24, 0x2100),
    ]

    @Test(arguments: wrongLists.indices)
    func `a list of blocks that is wrong is refused`(index: Int) {
        let example = Self.wrongLists[index]
        let list = example.head + [UInt8](repeating: example.filler, count: example.count - example.head.count)
        var pair = StoragePair.running()
        let result = pair.ask([0x42, 0, 0, 0, 0, 0, 0, 0, UInt8(list.count), 0], data: list)
        #expect(result?.sense == SCSI.Sense(5, example.reason))
    }

    static let refused: [(command: [UInt8], lun: UInt8, reason: UInt16)] = [
        ([0x5E, 0, 0, 0, 0, 0, 0, 0, 8, 0], 0, 0x2000),
        ([0x5F, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0x2000), ([0x04, 0, 0, 0, 0, 0], 0, 0x2000),
        ([0x85, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 0x2000), ([0xFF, 0, 0, 0, 0, 0], 0, 0x2000),
        ([0x43, 0, 0, 0, 0, 0, 0, 0, 12, 0], 0, 0x2000), ([0x43, 0, 5, 0, 0, 0, 0, 0, 12, 0], 2, 0x2400),
        ([0x12, 1, 0x90, 0, 36, 0], 0, 0x2400), ([0x12, 0, 5, 0, 36, 0], 0, 0x2400),
        ([0x1A, 0, 0x05, 0, 36, 0], 0, 0x2400), ([0x1A, 0, 0xC8, 0, 36, 0], 0, 0x2400),
        ([0x9E, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0], 0, 0x2400),
        ([0x28, 0x20, 0, 0, 0, 0, 0, 0, 1, 0], 0, 0x2400), ([0x4A, 0, 0, 0, 0x10, 0, 0, 0, 8, 0], 2, 0x2400),
        ([0xBE, 0, 0, 0, 0, 1, 0, 0, 1, 0xF8, 0, 0], 2, 0x6400), ([0x1B, 0, 0, 0, 2, 0], 0, 0x2400),
        ([0xA3, 0x05, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0], 0, 0x2400), ([0xA0, 0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0], 0, 0x2400),
    ]

    @Test(arguments: refused.indices)
    func `what a disk does not do is refused with the reason`(index: Int) {
        let example = Self.refused[index]
        var pair = StoragePair.running()
        let result = pair.ask(example.command, lun: example.lun, room: 2048)
        #expect(result?.sense?.additional == example.reason, "\(result?.sense?.text ?? "")")
        #expect(result?.sense?.key == 5)
    }

    @Test func `a unit that is not there is no such unit, but unit 0 answers for the target`() {
        var pair = StoragePair.running()
        let missing = pair.ask([0x00, 0, 0, 0, 0, 0], lun: 7)
        #expect(missing?.status == .invalidLUN)
        let flushed = pair.ask([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0], lun: 7)
        #expect(flushed?.isSuccess == true)
        var empty = StoragePair(guest: StorageConsumer(), host: StorageProvider())
        empty.open()
        empty.settle()
        let units = empty.ask([0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0], room: 16)
        #expect(units?.data == [0, 0, 0, 0, 0, 0, 0, 0])
        let nobody = empty.ask([0x12, 0, 0, 0, 36, 0], room: 36)
        #expect(nobody?.data.first == 0x7F)
        let ready = empty.ask([0x00, 0, 0, 0, 0, 0])
        #expect(ready?.status == .invalidLUN)
    }

    @Test func `a disc is taken out unless it must stay`() {
        var pair = StoragePair.running()
        _ = pair.ask([0x1E, 0, 0, 0, 1, 0], lun: 2)
        let stays = pair.ask([0x1B, 0, 0, 0, 2, 0], lun: 2)
        #expect(stays?.sense == SCSI.Sense(5, 0x5302))
        _ = pair.ask([0x1E, 0, 0, 0, 0, 0], lun: 2)
        _ = pair.ask([0x1B, 0, 0, 0, 2, 0], lun: 2)
        let gone = pair.ask([0x00, 0, 0, 0, 0, 0], lun: 2)
        #expect(gone?.sense == SCSI.Sense(2, 0x3A00))
        _ = pair.ask([0x1B, 0, 0, 0, 3, 0], lun: 2)
        let back = pair.ask([0x00, 0, 0, 0, 0, 0], lun: 2)
        #expect(back?.isSuccess == true)
    }

    @Test func `a disk that is stopped wants to be started`() {
        var pair = StoragePair.running()
        _ = pair.ask([0x1B, 0, 0, 0, 0, 0])
        let stopped = pair.ask([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], room: 512)
        #expect(stopped?.sense == SCSI.Sense(2, 0x0402))
        _ = pair.ask([0x1B, 0, 0, 0, 1, 0])
        let started = pair.ask([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], room: 512)
        #expect(started?.isSuccess == true)
    }

    static let failures: [(DiskError, SCSI.Sense)] = [
        (.unreadable(block: 77), SCSI.Sense(3, 0x1100, information: 77)),
        (.unwritable(block: 5), SCSI.Sense(3, 0x0C00, information: 5)), (.writeProtected, SCSI.Sense(7, 0x2700)),
        (.outOfRange, SCSI.Sense(5, 0x2100)), (.failed, SCSI.Sense(4, 0x4400)),
    ]

    @Test(arguments: failures)
    func `what goes wrong with a disk becomes sense data`(error: DiskError, sense: SCSI.Sense) {
        let disk = TestDisk()
        disk.failure = error
        var pair = StoragePair.running(disk: disk)
        let result = pair.ask([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], room: 512)
        #expect(result?.sense == sense)
        #expect(result?.data == [])
    }

    @Test(arguments: [SCSI.Sense(3, 0x1100, information: 77), SCSI.Sense(5, 0x2400), SCSI.Sense(7, 0x2700)])
    func `sense data is the same in both forms`(sense: SCSI.Sense) {
        #expect(SCSI.Sense(sense.fixed) == sense)
        #expect(SCSI.Sense(sense.descriptors) == sense)
        #expect(SCSI.Sense([UInt8(0x33)]) == nil)
        #expect(SCSI.Sense(Array(sense.fixed.prefix(13))) == nil)
    }
}
