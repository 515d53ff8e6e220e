import BusModel
import Glibc
import Platform
import Synchronization
import Testing
import VMBusWire

@testable import LinuxGuest

@Suite struct `Looking at a guest for a screen` {
    private static let device = SampleGuest.device

    /// A sampler whose clock goes on by itself and that reads on the calling thread.
    private static func sampler(_ files: any FileLayer, hasUevents: Bool = true) -> LiveSampler {
        let clock = CountingClock()
        return LiveSampler(
            files: files, crew: nil, hasUevents: hasUevents, clock: { clock.now }, processorTime: { 0 })
    }

    private static func channel(_ relid: UInt32) -> WatchedChannel {
        WatchedChannel(device: SampleGuest.instance, relid: relid)
    }

    /// A guest with one device of so many channels with numbers from 1.
    private static func bigGuest(_ channels: Int) -> InjectedFiles {
        let files = InjectedFiles()
        SampleGuest.addDevice(to: files, relids: Array(1...channels))
        return files
    }

    private static func fresh(_ scan: GuestScan) -> [UInt32] {
        scan.devices.flatMap { ($0.channels ?? []).filter(\.isFresh).map(\.relid) }
    }

    @Test func `finds at first what a whole scan finds`() throws {
        let files = try TextTree.files(try OwnFixture.text("small-guest.txt"))
        var sampler = Self.sampler(files)
        let whole = SampleGuest.scan(files)
        let live = sampler.scan(LookWishes()).scan
        #expect(live.devices.map(\.name) == whole.devices.map(\.name))
        for (live, whole) in zip(live.devices, whole.devices) {
            #expect(live.channels?.map(\.interrupts) == whole.channels?.map(\.interrupts))
            #expect(live.channels?.map(\.inbound.size) == whole.channels?.map(\.inbound.size))
            #expect(live.channels?.map(\.outbound.used) == whole.channels?.map(\.outbound.used))
            #expect(live.problems == whole.problems)
            #expect(live.driver == whole.driver)
        }
        // The second look reads only what changes, and finds the same.
        let again = sampler.scan(LookWishes()).scan
        for (live, whole) in zip(again.devices, whole.devices) {
            #expect(live.channels?.map(\.interrupts) == whole.channels?.map(\.interrupts))
            #expect(live.channels?.map(\.outbound.used) == whole.channels?.map(\.outbound.used))
            #expect(live.channels?.map(\.isOpened) == whole.channels?.map(\.isOpened))
            #expect(live.problems == whole.problems)
        }
    }

    @Test func `reads what changes seldom only when there is reason to`() {
        let files = SampleGuest.files()
        var sampler = Self.sampler(files)
        _ = sampler.scan(LookWishes())
        let first = files.reads.count
        _ = sampler.scan(LookWishes())
        let second = Set(files.reads[first...])
        for name in ["class_id", "device_id", "numa_node", "channel_vp_mapping", "channels/14/subchannel_id"] {
            #expect(!second.contains(Self.device + "/" + name), "\(name)")
        }
        #expect(second.contains(Self.device + "/channels/21/interrupts"))
        var wishes = LookWishes()
        wishes.changed = [SampleGuest.instance]
        let before = files.reads.count
        _ = sampler.scan(wishes)
        #expect(files.reads[before...].contains(Self.device + "/class_id"))
    }

    @Test func `looks at every device as a whole now and then`() {
        for (hasUevents, period) in [(true, 60), (false, 8)] {
            let files = SampleGuest.files()
            var sampler = Self.sampler(files, hasUevents: hasUevents)
            for _ in 0..<3 { _ = sampler.scan(LookWishes()) }
            let before = files.reads.count
            for _ in 0..<period { _ = sampler.scan(LookWishes()) }
            let count = files.reads[before...].count { $0.hasSuffix("/class_id") }
            #expect((1...3).contains(count), "\(count)")
        }
    }

    @Test func `reads what is on the screen every time and the rest in turn`() {
        let files = Self.bigGuest(400)
        var sampler = Self.sampler(files)
        #expect(Self.fresh(sampler.scan(LookWishes()).scan).count == 400)
        var wishes = LookWishes()
        wishes.watched = [Self.channel(390), Self.channel(7)]
        var lastRead = [Int](repeating: 0, count: 401)
        var longest = 0
        for look in 1...30 {
            let fresh = Self.fresh(sampler.scan(wishes).scan)
            #expect(fresh.contains(390) && fresh.contains(7))
            if fresh.count < 400 { #expect(fresh.count <= LiveSampler.channelsPerLook + 2) }
            for relid in fresh {
                longest = max(longest, look - lastRead[Int(relid)])
                lastRead[Int(relid)] = look
            }
        }
        // 398 others, 80 at a time.
        #expect(longest <= 6)
        #expect(lastRead[1...].allSatisfy { $0 > 24 })
    }

    @Test func `keeps the files of what is on the screen and no more than its limit`() {
        let files = Self.bigGuest(100)
        var sampler = Self.sampler(files)
        _ = sampler.scan(LookWishes())
        var wishes = LookWishes()
        wishes.watched = (1...100).map { Self.channel(UInt32($0)) }
        _ = sampler.scan(wishes)
        #expect(sampler.keptCount == 507)
        #expect(sampler.keptCount <= LiveSampler.descriptorLimit)
        wishes.watched = [Self.channel(3)]
        _ = sampler.scan(wishes)
        #expect(sampler.keptCount == 13)
        wishes.watched = []
        _ = sampler.scan(wishes)
        #expect(sampler.keptCount == 0)
        // A channel that is busy is worth it as well.
        files.put(Self.device + "/channels/55/interrupts", .text("1\n"), .text("2\n"), .text("3\n"), .text("4\n"))
        for _ in 0..<4 { _ = sampler.scan(LookWishes()) }
        #expect(sampler.keptCount == 13)
    }

    @Test func `goes on without kept files where there are no descriptors`() {
        let files = SampleGuest.files()
        var sampler = Self.sampler(ScarceFiles(files: files))
        var wishes = LookWishes()
        wishes.watched = [Self.channel(14), Self.channel(21)]
        for round in 0..<4 {
            files.put(Self.device + "/channels/14/interrupts", String(500 + round))
            let scan = sampler.scan(wishes).scan
            #expect(sampler.keptCount == 0)
            #expect(scan.devices.first?.primary?.interrupts == .known(UInt64(500 + round)))
        }
    }

    @Test func `notices a channel that is gone by its kept files, and a device by its own`() {
        let files = SampleGuest.files()
        var sampler = Self.sampler(files)
        var wishes = LookWishes()
        wishes.watched = [Self.channel(14), Self.channel(21)]
        for _ in 0..<3 { _ = sampler.scan(wishes) }
        #expect(sampler.keptCount == 26)
        files.remove(Self.device + "/channels/21")
        let without = sampler.scan(wishes).scan
        #expect(without.devices.first?.channels?.map(\.relid) == [14])
        #expect(without.devices.first?.isVanishing == false)
        files.remove(Self.device)
        let empty = sampler.scan(wishes).scan
        #expect(empty.devices.isEmpty)
        #expect(sampler.keptCount == 0)
    }

    @Test func `looks at everything again when a device has another relid`() {
        let files = SampleGuest.files()
        var sampler = Self.sampler(files)
        for _ in 0..<2 { _ = sampler.scan(LookWishes()) }
        files.remove(Self.device)
        SampleGuest.addDevice(to: files, relids: [33, 34], ring: 16384)
        let scan = sampler.scan(LookWishes()).scan
        #expect(scan.devices.first?.relid == .known(33))
        #expect(scan.devices.first?.channels?.map(\.relid) == [33, 34])
        #expect(scan.devices.first?.channels?.map(\.inbound.size) == [16384, 16384])
    }

    @Test func `sees a ring close and open again with another size`() {
        let files = SampleGuest.files()
        var sampler = Self.sampler(files)
        for _ in 0..<2 { _ = sampler.scan(LookWishes()) }
        files.put(Self.device + "/state", "2")
        for relid in [14, 21] {
            for name in ["in_mask", "out_mask", "read_avail", "write_avail"] {
                files.put(Self.device + "/channels/\(relid)/\(name)", .failure(EINVAL))
            }
        }
        let closed = sampler.scan(LookWishes()).scan.devices.first
        #expect(closed?.isOpened == false)
        #expect(closed?.channels?.map(\.isOpened) == [false, false])
        #expect(closed?.channels?.map(\.inbound) == [RingScan(), RingScan()])
        files.remove(Self.device)
        SampleGuest.addDevice(to: files, ring: 32768)
        let open = sampler.scan(LookWishes()).scan.devices.first
        #expect(open?.channels?.map(\.isOpened) == [true, true])
        #expect(open?.channels?.map(\.outbound.size) == [32768, 32768])
    }

    @Test func `shows a file that may not be read as such and reads the others`() {
        let files = SampleGuest.files()
        files.put(Self.device + "/channels/14/events", .failure(EACCES))
        var sampler = Self.sampler(files)
        for _ in 0..<3 {
            var wishes = LookWishes()
            wishes.watched = [Self.channel(14)]
            let device = sampler.scan(wishes).scan.devices.first
            #expect(device?.problemTexts == ["channels/14/events EACCES"])
            #expect(device?.primary?.interrupts == .known(114))
        }
    }

    @Test func `takes the maximum of many looks at the chosen channel`() {
        let files = SampleGuest.files()
        var sampler = Self.sampler(files)
        var wishes = LookWishes()
        wishes.watched = [Self.channel(14)]
        wishes.chosen = wishes.watched.first
        for _ in 0..<2 { _ = sampler.scan(wishes) }
        let waiting = (0..<40).map { InjectedFiles.Answer.text("\($0 == 30 ? 4000 : 8)\n") }
        files.put(Self.device + "/channels/14/read_avail", waiting)
        files.put(Self.device + "/channels/14/write_avail", .text("8192\n"), .text("192\n"), .text("8192\n"))
        let primary = sampler.scan(wishes).scan.devices.first?.primary
        #expect(primary?.burst?.looks == 64)
        #expect(primary?.burst?.inboundMaximum == 4000)
        #expect(primary?.burst?.outboundMaximum == 8000)
        #expect(sampler.scan(LookWishes()).scan.devices.first?.primary?.burst == nil)
    }

    @Test func `ends a burst when its processor time is over`() {
        let files = SampleGuest.files()
        let time = Mutex<UInt64>(0)
        var sampler = LiveSampler(
            files: files, crew: nil, hasUevents: true, clock: { 0 },
            processorTime: {
                time.withLock { time in
                    time += 1_000_000
                    return time
                }
            })
        var wishes = LookWishes()
        wishes.watched = [Self.channel(14)]
        wishes.chosen = wishes.watched.first
        for _ in 0..<2 { _ = sampler.scan(wishes) }
        #expect(sampler.scan(wishes).scan.devices.first?.primary?.burst?.looks == 16)
    }

    @Test(.timeLimit(.minutes(1)))
    func `goes on with other devices while a read hangs, and takes it back when it answers`() throws {
        let files = SampleGuest.files()
        let other = "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0"
        SampleGuest.addDevice(to: files, name: other, relids: [5])
        let gate = try HangingFiles(files: files, path: Self.device + "/channels/21/events")
        let crew = try ReaderCrew(limit: 1_000_000_000, clock: { 7 })
        var sampler = LiveSampler(files: gate, crew: crew, hasUevents: true, clock: { 7 }, processorTime: { 0 })
        let whole = sampler.scan(LookWishes())
        #expect(whole.notes.isEmpty && whole.scan.devices.count == 2)
        gate.isShut = true
        let held = sampler.scan(LookWishes())
        #expect(
            held.notes == [
                "no answer to reading channels/21/events of device \(SampleGuest.instance): its values are old, the others go on"
            ])
        for round in 1...3 {
            files.put(SampleGuest.bus + other + "/channels/5/interrupts", String(1000 + round))
            let scan = sampler.scan(LookWishes())
            #expect(scan.notes.isEmpty)
            #expect(scan.scan.devices.first { $0.name == other }?.primary?.interrupts == .known(UInt64(1000 + round)))
            let device = scan.scan.devices.first { $0.name == SampleGuest.instance }
            #expect(device?.problemTexts == ["channels/21/events HANGING"])
            #expect(device?.channels?.map(\.staleSince) == [7, 7])
            #expect(device?.channels?.map(\.isFresh) == [false, false])
        }
        gate.isShut = false
        // The thread that was left behind needs a moment to bring the device back.
        var notes: [String] = []
        while notes.isEmpty { notes = sampler.scan(LookWishes()).notes }
        #expect(notes == ["an answer to reading channels/21/events of device \(SampleGuest.instance) has come"])
        let device = sampler.scan(LookWishes()).scan.devices.first { $0.name == SampleGuest.instance }
        #expect(device?.problemTexts == [])
        #expect(device?.channels?.map(\.isFresh) == [true, true])
        #expect(device?.channels?.map(\.staleSince) == [nil, nil])
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["/sys/bus/vmbus/devices", "/sys/class/net"])
    func `goes on with what it knows while a listing hangs, and lists again when it answers`(path: String) throws {
        let files = SampleGuest.files()
        let gate = try HangingFiles(files: files, path: path)
        let crew = try ReaderCrew(limit: 1_000_000_000, clock: { 7 })
        var sampler = LiveSampler(files: gate, crew: crew, hasUevents: true, clock: { 7 }, processorTime: { 0 })
        #expect(sampler.scan(LookWishes()).scan.devices.count == 1)
        gate.isShut = true
        var wishes = LookWishes()
        wishes.mayAllHaveChanged = true
        let held = sampler.scan(wishes)
        #expect(held.notes == ["no answer to listing \(path): what comes and goes is not seen until it comes"])
        for round in 1...3 {
            files.put(Self.device + "/channels/14/interrupts", String(1000 + round))
            let (scan, notes) = sampler.scan(wishes)
            #expect(notes.isEmpty)
            #expect(scan.problems == [ScanProblem(path: "devices", failure: .hanging)])
            #expect(scan.devices.first?.primary?.interrupts == .known(UInt64(1000 + round)))
        }
        let other = "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0"
        SampleGuest.addDevice(to: files, name: other, relids: [5])
        gate.isShut = false
        // The thread that was left behind needs a moment to bring the list.
        var notes: [String] = []
        while notes.isEmpty { notes = sampler.scan(wishes).notes }
        #expect(notes == ["an answer to listing \(path) has come"])
        #expect(sampler.scan(wishes).scan.devices.count == 2)
    }

    @Test(.timeLimit(.minutes(1))) func `says which listing of a device hangs`() throws {
        let files = SampleGuest.files()
        let gate = try HangingFiles(files: files, path: Self.device + "/channels")
        let crew = try ReaderCrew(limit: 1_000_000_000, clock: { 7 })
        var sampler = LiveSampler(files: gate, crew: crew, hasUevents: true, clock: { 7 }, processorTime: { 0 })
        gate.isShut = true
        let held = sampler.scan(LookWishes())
        gate.isShut = false
        #expect(held.notes.first?.hasPrefix("no answer to reading channels of device \(SampleGuest.instance)") == true)
    }
}

/// Files of which none can be kept open.
private struct ScarceFiles: FileLayer {
    let files: InjectedFiles

    struct Directory: FileDirectory {
        let files: InjectedFiles
        let path: String

        func read(_ name: String, limit: Int) throws(SystemError) -> [UInt8] {
            try files.read(path + "/" + name, limit: limit)
        }

        func keep(_ name: String) throws(ErrorNumber) -> any KeptFile { throw ErrorNumber(EMFILE) }
    }

    func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] { try files.read(path, limit: limit) }
    func names(in path: String) throws(SystemError) -> [String] { try files.names(in: path) }
    func linkTarget(of path: String) throws(SystemError) -> String { try files.linkTarget(of: path) }
    func kind(of path: String) throws(SystemError) -> FileKind { try files.kind(of: path) }
    func directory(_ path: String) throws(SystemError) -> any FileDirectory { Directory(files: files, path: path) }
}

/// Files of which one does not answer while a gate is shut.
private final class HangingFiles: FileLayer {
    private let files: InjectedFiles
    private let path: String
    private let shut = Mutex(false)
    private let bell: Bell

    init(files: InjectedFiles, path: String) throws(SystemError) {
        self.files = files
        self.path = path
        bell = try Bell()
    }

    var isShut: Bool {
        get { shut.withLock { $0 } }
        set {
            shut.withLock { $0 = newValue }
            if !newValue { try? bell.ring() }
        }
    }

    func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        try waitAtGate(path)
        return try files.read(path, limit: limit)
    }

    func names(in path: String) throws(SystemError) -> [String] {
        try waitAtGate(path)
        return try files.names(in: path)
    }

    private func waitAtGate(_ path: String) throws(SystemError) {
        while path == self.path, isShut { _ = try bell.wait(atMost: 60_000) }
    }

    func linkTarget(of path: String) throws(SystemError) -> String { try files.linkTarget(of: path) }
    func kind(of path: String) throws(SystemError) -> FileKind { try files.kind(of: path) }
}
