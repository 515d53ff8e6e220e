import BusModel
import Glibc
import Platform
import Testing
import VMBusWire

@testable import LinuxGuest

@Suite struct `A live guest as a source of the log` {
    private static let device = SampleGuest.device
    private static let primary = device + "/channels/14/"
    private static let second = device + "/channels/21/"

    /// A source with what follows from all that it told.
    private struct Watched {
        var source: LinuxGuestSource
        var snapshot = BusSnapshot()

        init(_ files: any FileLayer) {
            let clock = CountingClock()
            source = LinuxGuestSource(files: files, clock: { clock.now })
        }

        /// One more look: the records as words.
        mutating func look() throws -> [String] {
            let batch = try source.advance(.steps(1))
            snapshot.apply(batch)
            return batch.headers.map { header in
                let word = StateCode(rawValue: header.code).meaning ?? "SAMPLE"
                let subject =
                    header.device == .zero
                    ? "partition \(header.partition)"
                    : header.relid == 0 ? "device" : "channel \(header.subchannel) relid \(header.relid)"
                return "\(header.time / 1_000_000_000) \(word) \(subject)"
            }
        }

        mutating func channel(_ index: UInt16) -> ChannelSnapshot? {
            snapshot.partition(1)?.devices.first?.channels.first { $0.subchannel == index }
        }
    }

    @Test func `tells of everything at first and folds to what the scan says`() throws {
        let files = SampleGuest.files()
        files.put("/proc/sys/kernel/hostname", "web-7")
        files.put("/proc/sys/kernel/osrelease", "6.12.107-amd64")
        files.put("/sys/devices/system/cpu/online", "0-3,6")
        var watched = Watched(files)
        #expect(
            try watched.look() == [
                "1 APPEARED partition 0", "1 APPEARED partition 1", "1 APPEARED device",
                "1 APPEARED channel 0 relid 14", "1 APPEARED channel 1 relid 21",
            ])
        expectSame(watched.snapshot, SampleGuest.scan(files))
        let guest = try #require(watched.snapshot.partition(1))
        #expect(guest.name == "web-7")
        #expect(guest.kernelRelease.value == "6.12.107-amd64")
        #expect(guest.virtualProcessors.value == 5)
        #expect(guest.connection.value == .connected)
        #expect(guest.version == .init(.unavailable, at: 1_000_000_000))
        #expect(watched.snapshot.partition(0)?.name == "host")
        #expect(watched.source.title == "web-7")
    }

    @Test func `folds a whole small guest to what the scan says`() throws {
        let files = try TextTree.files(try OwnFixture.text("small-guest.txt"))
        var watched = Watched(files)
        _ = try watched.look()
        expectSame(watched.snapshot, SampleGuest.scan(files))
        // A keyframe of it is the same again.
        var other = BusSnapshot()
        other.apply(FlowRecordHeader(kind: .keyframe, time: 0, partition: 0), watched.snapshot.keyframe[...])
        expectSame(other, SampleGuest.scan(files))
    }

    @Test(
        .enabled(if: SharedFixtures.directory != nil, "\(SharedFixtures.absence)"),
        arguments: ["trees/a-wsl2", "trees/b-azure-d16s-gen2", "trees/c-extreme-128cpu"])
    func `folds a tree to what the scan says`(archive: String) throws {
        try SharedFixtures.withUnpacked(archive + ".tar.xz") { place in
            let files = SystemFiles(sysroot: place)
            var watched = Watched(files)
            _ = try watched.look()
            expectSame(watched.snapshot, SampleGuest.scan(files))
            #expect(try watched.look().allSatisfy { $0.contains("SAMPLE") })
            #expect(try watched.look().isEmpty)
            expectSame(watched.snapshot, SampleGuest.scan(files))
        }
    }

    @Test func `samples what counts, says once that it stands, and keeps the silence out of the next rate`() throws {
        let files = SampleGuest.files()
        var watched = Watched(files)
        _ = try watched.look()
        files.put(Self.primary + "interrupts", "200")
        #expect(
            try watched.look() == ["2 SAMPLE channel 0 relid 14", "2 SAMPLE channel 1 relid 21"])
        #expect(try watched.look() == ["3 SAMPLE channel 0 relid 14"])
        #expect(try watched.look() == [])
        #expect(try watched.look() == [])
        files.put(Self.primary + "interrupts", "201")
        #expect(try watched.look() == ["5 SAMPLE channel 0 relid 14", "6 SAMPLE channel 0 relid 14"])
        #expect(watched.channel(0)?.interrupts == .known(201, at: 6_000_000_000))
        expectSame(watched.snapshot, SampleGuest.scan(files))
    }

    @Test func `takes a counter that drops as started again`() throws {
        let files = SampleGuest.files()
        var watched = Watched(files)
        _ = try watched.look()
        files.put(Self.second + "events", "3")
        #expect(try watched.look().contains("2 COUNTERS_RESET channel 1 relid 21"))
        #expect(watched.channel(1)?.events.value == 3)
    }

    @Test func `tells of a channel and of a device that are gone, and of what comes back`() throws {
        let files = SampleGuest.files()
        var watched = Watched(files)
        _ = try watched.look()
        files.remove(Self.device + "/channels/21")
        files.put(Self.device + "/channel_vp_mapping", "14:2")
        #expect(try watched.look().first == "2 REMOVED channel 1 relid 21")
        expectSame(watched.snapshot, SampleGuest.scan(files))
        files.remove(Self.device)
        SampleGuest.addDevice(to: files, name: "00000000-0000-0000-0000-00000000000a", relids: [3])
        #expect(
            try watched.look() == ["3 REMOVED device", "3 APPEARED device", "3 APPEARED channel 0 relid 3"])
        expectSame(watched.snapshot, SampleGuest.scan(files))
    }

    @Test func `knows a device that is offered again under another relid`() throws {
        let files = SampleGuest.files()
        var watched = Watched(files)
        _ = try watched.look()
        files.remove(Self.device)
        SampleGuest.addDevice(to: files, relids: [30, 21])
        #expect(try watched.look().contains("2 APPEARED channel 0 relid 30"))
        #expect(watched.channel(0)?.generation == 1)
        #expect(watched.channel(1)?.generation == 0)
        expectSame(watched.snapshot, SampleGuest.scan(files))
    }

    @Test func `tells of a closed channel and of problems that come and go`() throws {
        let files = SampleGuest.files()
        var watched = Watched(files)
        _ = try watched.look()
        files.put(Self.second + "read_avail", .failure(EINVAL))
        #expect(
            try watched.look().filter { $0.contains("CHANGED") } == [
                "2 CHANGED device", "2 CHANGED channel 1 relid 21",
            ])
        #expect(watched.channel(1)?.phase.value == .closed)
        #expect(
            watched.snapshot.partition(1)?.devices.first?.problems
                == [SnapshotProblem(path: "channels/21/read_avail", error: "EINVAL")])
        expectSame(watched.snapshot, SampleGuest.scan(files))
        files.put(Self.second + "read_avail", "128")
        _ = try watched.look()
        #expect(watched.snapshot.partition(1)?.devices.first?.problems == [])
        expectSame(watched.snapshot, SampleGuest.scan(files))
    }

    @Test func `says once that there is no bus and sees one that comes and goes`() throws {
        let files = InjectedFiles()
        files.put("/proc/sys/kernel/hostname", "alone")
        var watched = Watched(files)
        #expect(try watched.look() == ["1 APPEARED partition 1", "1 BUS_MISSING partition 0"])
        #expect(!watched.snapshot.busAvailable)
        #expect(watched.snapshot.partition(1)?.connection.value == .disconnected)
        #expect(try watched.look() == [])
        files.put("/proc/sys/kernel/hostname", "renamed")
        #expect(try watched.look() == ["3 CHANGED partition 1", "3 BUS_MISSING partition 0"])
        #expect(!watched.snapshot.busAvailable)
        SampleGuest.addDevice(to: files)
        _ = try watched.look()
        expectSame(watched.snapshot, SampleGuest.scan(files))
        files.remove("/sys/bus/vmbus")
        #expect(
            try watched.look() == [
                "5 REMOVED device", "5 REMOVED partition 0", "5 CHANGED partition 1", "5 BUS_MISSING partition 0",
            ])
        expectSame(watched.snapshot, SampleGuest.scan(files))
    }

    @Test func `gives every device and channel a name of its own when theirs cannot be read`() throws {
        let files = InjectedFiles()
        SampleGuest.addDevice(to: files, name: "vmbus_1", relids: [1, 5, 6])
        SampleGuest.addDevice(to: files, name: "vmbus_2", relids: [2])
        SampleGuest.addDevice(to: files, name: "00000000-0000-0000-0000-0000000000aa", relids: [3])
        SampleGuest.addDevice(to: files, name: "vmbus_4", relids: [4])
        files.put(SampleGuest.bus + "vmbus_1/device_id", .failure(EACCES))
        files.put(SampleGuest.bus + "vmbus_2/device_id", "{00000000-0000-0000-0000-0000000000bb}")
        files.put(SampleGuest.bus + "vmbus_4/device_id", "{00000000-0000-0000-0000-0000000000bb}")
        for relid in [1, 5, 6] {
            files.put(
                SampleGuest.bus + "vmbus_1/channels/\(relid)/subchannel_id", relid == 5 ? .failure(EIO) : .text("0"))
        }
        var watched = Watched(files)
        _ = try watched.look()
        let devices = try #require(watched.snapshot.partition(1)).devices
        #expect(devices.map(\.name) == ["vmbus_1", "vmbus_2", "00000000-0000-0000-0000-0000000000aa", "vmbus_4"])
        #expect(Set(devices.map(\.instance)).count == 4)
        #expect(devices[0].channels.map(\.relid) == [1, 5, 6])
        #expect(devices[0].problems.contains(SnapshotProblem(path: "channels/6/subchannel_id", error: "DUPLICATE")))
        #expect(devices[3].problems.contains(SnapshotProblem(path: "device_id", error: "DUPLICATE")))
        // The names stay, so nothing but samples comes.
        #expect(try watched.look().allSatisfy { $0.contains("SAMPLE") })
    }

    @Test func `shows a device whose channels are unknown with its primary alone`() throws {
        let files = SampleGuest.files()
        files.remove(Self.device + "/channels")
        files.remove(Self.device + "/channel_vp_mapping")
        var watched = Watched(files)
        _ = try watched.look()
        let device = try #require(watched.snapshot.partition(1)?.devices.first)
        #expect(device.channels.map(\.relid) == [14])
        #expect(device.problems.contains(SnapshotProblem(path: "channels", error: "UNKNOWN")))
    }

    @Test func `has no past and changes nothing`() {
        var source = LinuxGuestSource(files: InjectedFiles(), clock: { 0 })
        // Not #expect(throws:): the compiler (6.3.1) crashes on its conversion of a closure with typed throws.
        do {
            try source.seek(Position(sequence: 0, time: 0))
            Issue.record("went to the past")
        } catch {
            #expect(error.message.contains("no past"))
        }
        do {
            try source.perform(.unload(partition: 1))
            Issue.record("was carried out")
        } catch {
            #expect(error.reason.contains("only watched"))
        }
        #expect(source.title == "this guest")
    }

    @Test(arguments: [("0-3,8\n", 5), ("0", 1), ("0-127", 128), ("1,3,5", 3)])
    func `counts the processors of a list`(text: String, count: UInt64) throws {
        #expect(try CPUList.count(Array(text.utf8)) == count)
    }

    @Test(arguments: ["", "3-1", "a", "1,,2", "1-2-3", "-1", "99999999999"])
    func `refuses what is no list of processors`(text: String) {
        #expect(throws: FormatError.self) { try CPUList.count(Array(text.utf8)) }
    }
}
