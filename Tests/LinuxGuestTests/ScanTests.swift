import BusModel
import Glibc
import Testing
import VMBusWire

@testable import LinuxGuest

/// The oddities of linux-guest-data §2 that concern sysfs.
@Suite struct `Scanning sysfs` {
    @Test func `reads a healthy device completely`() throws {
        let files = SampleGuest.files()
        let device = try SampleGuest.onlyDevice(files)
        #expect(device.name == SampleGuest.instance)
        #expect(device.instance.value == GUID(SampleGuest.instance))
        #expect(device.deviceClass.kind == .network)
        #expect(device.relid == .known(14))
        #expect(device.state == .known(3))
        #expect(device.isOpened == true)
        #expect(device.driver == .known("hv_netvsc"))
        #expect(device.numaNode == .known(0))
        #expect(device.problems.isEmpty)
        #expect(!device.isVanishing)
        let channels = try #require(device.channels)
        #expect(channels.map(\.relid) == [14, 21])
        #expect(channels.map(\.isPrimary) == [true, false])
        #expect(channels.map(\.subchannel) == [.known(0), .known(1)])
        #expect(channels.map(\.isOpened) == [true, true])
        #expect(channels[0].inbound == RingScan(size: 8192, sizeSource: .measured, used: 128, isMasked: false))
        #expect(channels[0].outbound == RingScan(size: 8192, sizeSource: .measured, used: 128, isMasked: true))
        #expect(channels[1].outbound == RingScan(size: 8192, sizeSource: .inferred, used: 128, isMasked: true))
        #expect(channels[1].interrupts == .known(121))
        #expect(channels[1].outFullTotal == .known(4))
    }

    @Test func `says there is no bus where the directory is missing`() {
        let scan = SampleGuest.scan(InjectedFiles())
        #expect(scan == GuestScan(busAvailable: false, devices: [], problems: []))
        #expect(!scan.isPermissionDenied)
    }

    @Test func `tells a bus that may not be read from no bus`() {
        let files = InjectedFiles()
        files.refuseListing("/sys/bus/vmbus/devices", EACCES)
        let scan = SampleGuest.scan(files)
        #expect(scan.busAvailable)
        #expect(scan.problems == [ScanProblem(path: "devices", failure: .refused(EACCES))])
        #expect(scan.isPermissionDenied)
    }

    @Test func `never opens what it does not need`() {
        let files = SampleGuest.files()
        for name in ["ring", "uevent", "power/autosuspend_delay_ms", "driver_override"] {
            files.put(SampleGuest.device + "/" + name, .failure(EIO))
        }
        files.put(SampleGuest.device + "/channels/14/ring", .failure(EIO))
        let scan = SampleGuest.scan(files)
        #expect(scan.devices.first?.problems == [])
        let forbidden = ["ring", "uevent", "driver_override", "bind", "unbind", "new_id", "remove_id", "modalias"]
        for path in files.reads {
            #expect(!path.contains("/power/"))
            #expect(!forbidden.contains { path.hasSuffix("/" + $0) }, "\(path)")
        }
    }

    @Test func `lets every single attribute fail alone with any error`() throws {
        let healthy = SampleGuest.files()
        _ = SampleGuest.scan(healthy)
        let paths = Set(healthy.reads).sorted()
        #expect(paths.count == 44)
        for path in paths {
            for code in [EACCES, EIO, ENODEV, EINVAL, EPERM, ENOMEM] {
                let files = SampleGuest.files()
                files.put(path, .failure(code))
                let device = try SampleGuest.onlyDevice(files)
                let relative = String(path.dropFirst(SampleGuest.device.count + 1))
                #expect(
                    device.problems.contains(ScanProblem(path: relative, failure: .refused(code))), "\(path) \(code)")
                #expect(device.isVanishing == (code == ENODEV), "\(path)")
                #expect(device.channels?.count == 2, "\(path)")
            }
        }
    }

    @Test func `shows an empty attribute as null and its channel as closed`() throws {
        for name in ["in_mask", "out_mask", "read_avail", "write_avail"] {
            for (relid, closed) in [(14, [false, true]), (21, [true, false])] {
                let files = SampleGuest.files()
                files.put(SampleGuest.device + "/channels/\(relid)/\(name)", .bytes([]))
                let device = try SampleGuest.onlyDevice(files)
                #expect(device.problemTexts == ["channels/\(relid)/\(name) EMPTY"])
                let channels = try #require(device.channels)
                #expect(channels.map(\.isOpened) == closed)
                let spoilt = try #require(channels.first { $0.relid == relid })
                #expect(spoilt.inbound == RingScan())
                #expect(spoilt.outbound == RingScan())
                #expect(device.isOpened == closed[0])
            }
        }
    }

    @Test func `shows an empty ring attribute of the device as a closed primary`() throws {
        let files = SampleGuest.files()
        files.put(SampleGuest.device + "/out_read_bytes_avail", .bytes([]))
        let device = try SampleGuest.onlyDevice(files)
        #expect(device.problemTexts == ["out_read_bytes_avail EMPTY"])
        #expect(device.isOpened == false)
        #expect(device.primary?.outbound == RingScan())
    }

    @Test func `keeps an empty identity null`() throws {
        let files = SampleGuest.files()
        for name in ["id", "class_id", "device_id", "state", "numa_node"] {
            files.put(SampleGuest.device + "/" + name, .bytes([]))
        }
        let device = try SampleGuest.onlyDevice(files)
        #expect(device.relid.value == nil)
        #expect(device.instance.value == nil)
        #expect(device.classID.value == nil)
        #expect(device.deviceClass.kind == .unknown)
        #expect(device.state.value == nil)
        #expect(device.isOpened == false)
        #expect(
            Set(device.problemTexts)
                == ["id EMPTY", "class_id EMPTY", "device_id EMPTY", "state EMPTY", "numa_node EMPTY"])
    }

    @Test func `takes EINVAL of ring attributes as a closed ring`() throws {
        let files = SampleGuest.files()
        files.put(SampleGuest.device + "/state", "2")
        for relid in [14, 21] {
            for name in ["in_mask", "out_mask", "read_avail", "write_avail"] {
                files.put(SampleGuest.device + "/channels/\(relid)/\(name)", .failure(EINVAL))
            }
        }
        let device = try SampleGuest.onlyDevice(files)
        #expect(device.isOpened == false)
        #expect(device.channels?.map(\.isOpened) == [false, false])
        #expect(device.problemTexts.count == 8)
        #expect(device.problems.allSatisfy { $0.failure.isClosedRing })
        // Counters outlive the ring.
        #expect(device.primary?.events == .known(214))
        // What is closed is not asked for its ring again.
        #expect(!files.reads.contains { $0.hasSuffix("_bytes_avail") })
    }

    @Test func `counts a closed sub-channel beside open ones`() throws {
        let files = SampleGuest.files()
        files.put(SampleGuest.device + "/channels/21/read_avail", .failure(EINVAL))
        let device = try SampleGuest.onlyDevice(files)
        #expect(device.channels?.map(\.isOpened) == [true, false])
        #expect(device.channels?.map(\.inbound.size) == [8192, nil])
    }

    @Test func `ignores the meaningless numbers of a closed ring on kernels before 5.0`() throws {
        let files = SampleGuest.files()
        files.put(SampleGuest.device + "/state", "2")
        files.put(SampleGuest.device + "/channels/14/read_avail", "3735928559")
        let device = try SampleGuest.onlyDevice(files)
        #expect(device.isOpened == false)
        #expect(device.channels?.map(\.isOpened) == [false, false])
        #expect(device.channels?.map(\.inbound) == [RingScan(), RingScan()])
        #expect(device.problems.isEmpty)
    }

    @Test func `says nothing about missing attributes that older kernels do not have`() throws {
        let files = SampleGuest.files()
        let newer = [
            "subchannel_id", "monitor_id", "latency", "pending", "intr_in_full", "intr_out_empty", "out_full_first",
            "out_full_total",
        ]
        for relid in [14, 21] {
            for name in newer { files.remove(SampleGuest.device + "/channels/\(relid)/\(name)") }
        }
        files.remove(SampleGuest.device + "/numa_node")
        let device = try SampleGuest.onlyDevice(files)
        #expect(device.problems.isEmpty)
        #expect(!device.isVanishing)
        #expect(device.numaNode == .missing)
        let channels = try #require(device.channels)
        #expect(channels.map(\.isPrimary) == [true, false])
        #expect(channels[1].subchannel == .missing)
        #expect(channels[1].interruptsInFull == .missing)
        #expect(channels[1].monitorID == .missing)
        #expect(channels[1].isPending == nil)
    }

    @Test func `uses the mapping where a kernel has no channel directories`() throws {
        let files = SampleGuest.files()
        files.remove(SampleGuest.device + "/channels")
        let device = try SampleGuest.onlyDevice(files)
        #expect(device.problems.isEmpty)
        #expect(device.isOpened == true)
        let channels = try #require(device.channels)
        #expect(channels.map(\.relid) == [14, 21])
        #expect(channels.map(\.cpu) == [.known(2), .known(1)])
        #expect(channels.map(\.isOpened) == [true, nil])
        #expect(channels[0].inbound == RingScan(size: 8192, sizeSource: .measured, used: 128, isMasked: false))
        #expect(channels[1].inbound == RingScan())
        #expect(channels[0].interrupts == .missing)
    }

    @Test func `does not call unknown channels none`() throws {
        let files = SampleGuest.files()
        files.remove(SampleGuest.device + "/channels")
        files.remove(SampleGuest.device + "/channel_vp_mapping")
        let device = try SampleGuest.onlyDevice(files)
        #expect(device.channels == nil)
        #expect(device.isOpened == true)
    }

    @Test func `knows devices by the names of old kernels`() throws {
        for name in ["vmbus_0", "vmbus_0_11", "vmbus_3"] {
            let files = InjectedFiles()
            SampleGuest.addDevice(to: files, name: name)
            files.put(SampleGuest.bus + name + "/device_id", "{\(SampleGuest.instance)}")
            let device = try SampleGuest.onlyDevice(files)
            #expect(device.name == name)
            #expect(device.instance.value == GUID(SampleGuest.instance))
        }
    }

    @Test func `takes a relid of -1 as invalid`() throws {
        let files = SampleGuest.files()
        files.put(SampleGuest.device + "/id", "-1")
        let device = try SampleGuest.onlyDevice(files)
        #expect(device.relid == .failed(.invalid))
        #expect(device.problemTexts == ["id INVALID"])
        #expect(device.channels?.map(\.relid) == [14, 21])
    }

    @Test func `leaves out a device that was listed and then gone, and says so`() {
        let files = SampleGuest.files()
        SampleGuest.addDevice(to: files, name: "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0", relids: [5])
        files.put(SampleGuest.bus + "79cb9e86-830c-41c2-8dcc-69292f45e678", .link("../../../devices/gone"))
        let scan = SampleGuest.scan(files)
        #expect(scan.devices.map(\.relid.value) == [5, 14])
        #expect(
            scan.problems
                == [ScanProblem(path: "devices/79cb9e86-830c-41c2-8dcc-69292f45e678", failure: .refused(ENOENT))])
    }

    @Test func `survives a device that vanishes at any moment of the scan`() {
        let whole = SampleGuest.files()
        _ = SampleGuest.scan(whole)
        let total = whole.reads.count
        for moment in 0...total {
            let files = SampleGuest.files()
            SampleGuest.addDevice(to: files, name: "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0", relids: [500])
            files.vanish(SampleGuest.device, afterReads: moment)
            let scan = SampleGuest.scan(files)
            let other = scan.devices.first { $0.name == "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0" }
            #expect(other?.problems == [], "moment \(moment)")
            let half = scan.devices.first { $0.name == SampleGuest.instance }
            if moment == 0 { #expect(half == nil && scan.problems.count == 1) }
            if moment > 0, moment < total { #expect(half?.isVanishing == true, "moment \(moment)") }
            if moment == total { #expect(half?.problems == []) }
        }
    }

    @Test func `notices relids that are used twice and keeps both devices`() {
        let files = SampleGuest.files()
        SampleGuest.addDevice(to: files, name: "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0", relids: [14])
        let scan = SampleGuest.scan(files)
        #expect(scan.devices.map(\.name) == [SampleGuest.instance, "fd149e91-82e0-4a7d-afa6-2a4166cbd7c0"])
    }

    @Test func `takes negative pending words and latencies modulo 2^32`() throws {
        let files = SampleGuest.files()
        files.put(SampleGuest.device + "/channels/14/monitor_id", "31")
        files.put(SampleGuest.device + "/channels/14/pending", "-2147483648")
        files.put(SampleGuest.device + "/channels/21/pending", "-2147483648")
        let device = try SampleGuest.onlyDevice(files)
        #expect(device.channels?.map(\.groupPending) == [.known(0x8000_0000), .known(0x8000_0000)])
        #expect(device.channels?.map(\.isPending) == [true, false])
    }

    @Test func `takes monitor 255 of old kernels as none`() throws {
        let files = SampleGuest.files()
        files.put(SampleGuest.device + "/channels/14/monitor_id", "255")
        let primary = try #require(try SampleGuest.onlyDevice(files).primary)
        #expect(primary.monitorID == .missing)
        #expect(primary.latency == .missing)
        #expect(primary.isPending == nil)
    }

    @Test func `accepts an unbound device of an unknown class`() throws {
        let files = SampleGuest.files()
        files.put(SampleGuest.device + "/class_id", "{deadbeef-0000-4000-8000-000000000000}")
        files.remove(SampleGuest.device + "/driver")
        files.put(SampleGuest.device + "/numa_node", "-1")
        let device = try SampleGuest.onlyDevice(files)
        #expect(device.deviceClass.kind == .unknown)
        #expect(device.driver == .missing)
        #expect(device.numaNode == .missing)
        #expect(device.problems.isEmpty)
    }

    @Test func `reports what is no channel and no number without stopping`() throws {
        let files = SampleGuest.files()
        files.put(SampleGuest.device + "/channels/x\u{1B}[2J/cpu", "0")
        files.put(SampleGuest.device + "/channels/007/cpu", "0")
        files.put(SampleGuest.device + "/channels/14/events", "many")
        files.put(SampleGuest.device + "/channels/14/interrupts", String(repeating: "9", count: 5000))
        let device = try SampleGuest.onlyDevice(files)
        #expect(device.channels?.count == 2)
        #expect(
            Set(device.problemTexts) == [
                "channels/x\u{1B}[2J MALFORMED", "channels/007 MALFORMED", "channels/14/events MALFORMED",
                "channels/14/interrupts EFBIG",
            ])
        #expect(device.isOpened == true)
    }

    @Test func `finds the names that people use by the links`() throws {
        let files = SampleGuest.files()
        let place = "../../devices/LNXSYSTM:00/VMBUS:00/"
        SampleGuest.addDevice(to: files, name: "f8b3781a-1e82-4818-a1c3-63d806ec15bb", relids: [30])
        SampleGuest.addDevice(to: files, name: "6041f3c4-38d5-407c-b56f-985d03d32ca3", relids: [31])
        let scsi = place + "f8b3781a-1e82-4818-a1c3-63d806ec15bb/host0/"
        let pci = place + "6041f3c4-38d5-407c-b56f-985d03d32ca3/pci38d5:00/38d5:00:02.0/"
        files.put("/sys/class/net/eth10", .link(place + SampleGuest.instance + "/net/eth10"))
        files.put("/sys/class/net/eth2", .link(place + SampleGuest.instance + "/net/eth2"))
        files.put("/sys/class/net/lo", .link("../../devices/virtual/net/lo"))
        files.put("/sys/class/net/bonding_masters", "")
        files.put("/sys/class/net/enP14549s1", .link(pci + "net/enP14549s1"))
        files.put("/sys/class/scsi_host/host0", .link(scsi + "scsi_host/host0"))
        files.put("/sys/block/sdb", .link(scsi + "target0:0:0/0:0:0:1/block/sdb"))
        files.put("/sys/block/sda", .link(scsi + "target0:0:0/0:0:0:0/block/sda"))
        files.put("/sys/block/nvme0n1", .link(pci + "nvme/nvme0/nvme0n1"))
        files.put("/sys/block/loop0", .link("../devices/virtual/block/loop0"))
        files.put(
            SampleGuest.bus + "6041f3c4-38d5-407c-b56f-985d03d32ca3/pci38d5:00/38d5:00:02.0/vendor", "0x15b3")
        files.put(SampleGuest.bus + "6041f3c4-38d5-407c-b56f-985d03d32ca3/pci38d5:00/pci_bus/x", "")
        let names = SampleGuest.scan(files).devices.map(\.kernelNames)
        #expect(
            names == [
                KernelNames(net: ["eth2", "eth10"]),
                KernelNames(scsiHost: "host0", block: ["sda", "sdb"]),
                KernelNames(net: ["enP14549s1"], block: ["nvme0n1"], pci: ["38d5:00:02.0"]),
            ])
    }

    @Test func `shows disks without their partitions where only the class is there`() throws {
        let files = SampleGuest.files()
        let disk = "../../devices/VMBUS:00/" + SampleGuest.instance + "/host0/target0:0:0/0:0:0:0/block/sda"
        files.put("/sys/class/block/sda", .link(disk))
        files.put("/sys/class/block/sda1", .link(disk + "/sda1"))
        #expect(try SampleGuest.onlyDevice(files).kernelNames.block == ["sda"])
    }
}
