import BusModel
import Glibc
import Testing
import VMBusWire

@testable import LinuxGuest

@Suite struct `Evidence of disks and of what depends on devices` {
    private static let scsi = "ba6163d9-04a1-4d29-b605-72e2ffb1dc7f"
    private static let controller = "f8b3781a-1e82-4818-a1c3-63d806ec15bb"
    private static let home = "/sys/devices/VMBUS:01/\(controller)/host0/"

    /// A guest with a network device eth0 and a controller with disks sda (two partitions) and sdb.
    private static func files() -> InjectedFiles {
        let files = SampleGuest.files()
        files.put("/sys/class/net/eth0", .link("../../devices/VMBUS:01/\(SampleGuest.instance)/net/eth0"))
        files.put("/sys/devices/VMBUS:01/\(SampleGuest.instance)/net/eth0/operstate", "up")
        SampleGuest.addDevice(to: files, name: controller, classID: scsi, relids: [2])
        for (disk, partitions) in [("sda", ["sda1", "sda2"]), ("sdb", [])] {
            addBlock(disk, "\(home)\(disk)/block/\(disk)", to: files)
            files.put("/sys/block/" + disk, .link("../devices/VMBUS:01/\(controller)/host0/\(disk)/block/\(disk)"))
            for (number, name) in partitions.enumerated() {
                addBlock(name, "\(home)\(disk)/block/\(disk)/\(name)", to: files)
                files.put("\(home)\(disk)/block/\(disk)/\(name)/partition", String(number + 1))
            }
            let own = "\(home)\(disk)/block/\(disk)/"
            files.put(own + "inflight", "       2        3")
            files.put(own + "device/iorequest_cnt", "0x64")
            files.put(own + "device/iodone_cnt", "0x5f")
            files.put(own + "device/ioerr_cnt", disk == "sda" ? "0x2" : "0x0")
            files.put(own + "device/iotmo_cnt", "0x1")
        }
        files.put("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority")
        files.put("/proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw")
        return files
    }

    private static func addBlock(_ name: String, _ place: String, to files: InjectedFiles) {
        files.put("/sys/class/block/" + name, .link("../.." + place.dropFirst(4)))
        files.put(place + "/size", "1024")
    }

    private static func carries(_ files: InjectedFiles, _ device: String = controller) throws -> String? {
        var watch = EvidenceWatch(files)
        try watch.look()
        return watch.device(device).text(.carries)
    }

    @Test func `a controller tells the sums of its disks`() throws {
        var watch = EvidenceWatch(Self.files())
        try watch.look()
        let controller = watch.device(Self.controller)
        #expect(controller.number(.diskInFlight) == 10)
        #expect(controller.number(.diskRequested) == 200)
        #expect(controller.number(.diskCompleted) == 190)
        #expect(controller.number(.diskErrors) == 2)
        #expect(controller.number(.diskTimeouts) == 2)
        #expect(watch.device()[.diskErrors] == nil)
    }

    @Test func `what one disk does not tell is no sum, and stops nothing else`() throws {
        let files = Self.files()
        files.put(Self.home + "sdb/block/sdb/device/ioerr_cnt", .failure(EIO))
        files.remove(Self.home + "sdb/block/sdb/device/iotmo_cnt")
        files.put(Self.home + "sda/block/sda/inflight", "1 2 3")
        files.put(Self.home + "sda/block/sda/device/iodone_cnt", "95")
        var watch = EvidenceWatch(files)
        try watch.look()
        let controller = watch.device(Self.controller)
        #expect(controller[.diskErrors]?.reading.string == "EIO")
        #expect(controller[.diskTimeouts]?.reading.form == .unavailable)
        #expect(controller[.diskInFlight]?.reading.string == "MALFORMED")
        #expect(controller[.diskCompleted]?.reading.string == "MALFORMED")
        #expect(controller.number(.diskRequested) == 200)
    }

    @Test func `mounts and swap are found through partitions`() throws {
        let files = Self.files()
        files.put(
            "/proc/self/mountinfo",
            """
            20 1 0:22 / /proc rw - proc proc rw
            30 1 8:2 / /boot\\040efi rw,relatime shared:1 - vfat /dev/sda2 rw
            22 1 8:1 / / rw - ext4 /dev/sda1 rw
            31 22 8:1 /var/lib /srv rw - ext4 /dev/sda1 rw
            32 22 8:16 / /data rw - ext4 /dev/sdb rw
            bad line
            """)
        files.put("/sys/dev/block/8:16", .link("../../devices/VMBUS:01/\(Self.controller)/host0/sdb/block/sdb"))
        files.put("/proc/swaps", "Filename\tType\n/data/swap\\040file   file 1 0 -2")
        #expect(try Self.carries(files) == "root file system, /boot efi, /data, swap")
    }

    @Test func `mapped devices lead to their disks`() throws {
        let files = Self.files()
        files.put("/proc/self/mountinfo", "1 0 253:0 / / rw - xfs /dev/mapper/vg-root rw")
        files.put("/dev/mapper/vg-root", .link("../dm-0"))
        files.put("/sys/class/block/dm-0", .link("../../devices/virtual/block/dm-0"))
        files.put("/sys/devices/virtual/block/dm-0/slaves/md1/x", "")
        files.put("/sys/class/block/md1", .link("../../devices/virtual/block/md1"))
        files.put("/sys/devices/virtual/block/md1/slaves/sda2/x", "")
        // A circle, as no kernel shows one.
        files.put("/sys/devices/virtual/block/md1/slaves/dm-0/x", "")
        #expect(try Self.carries(files) == "root file system")
    }

    @Test func `of many only some are named`() throws {
        let files = Self.files()
        let lines = (0..<5000).map { "\($0) 1 8:16 / /mnt/\($0) rw - ext4 /dev/sdb rw" }
        files.put("/proc/self/mountinfo", lines.joined(separator: "\n"))
        #expect(try Self.carries(files) == "/mnt/0, /mnt/1, /mnt/2, /mnt/3, /mnt/4, /mnt/5 and 4994 more")
    }

    @Test func `nothing depends on it, or that cannot be told`() throws {
        let files = Self.files()
        files.put("/proc/self/mountinfo", "1 0 0:5 / / rw - overlay overlay rw")
        #expect(try Self.carries(files) == "")
        files.put("/proc/self/mountinfo", .failure(EACCES))
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.device(Self.controller)[.carries]?.reading.form == .denied)
    }

    @Test func `the default route is found through bonds`() throws {
        let files = Self.files()
        files.put(
            "/proc/net/route",
            """
            Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
            bond0\t00000000\t0114A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
            eth0\t0014A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
            """)
        #expect(try Self.carries(files, SampleGuest.instance) == "")
        files.put("/sys/class/net/bond0/lower_eth0/x", "")
        #expect(try Self.carries(files, SampleGuest.instance) == "default route")
        let zeros = String(repeating: "0", count: 32)
        files.put(
            "/proc/net/ipv6_route",
            """
            \(zeros) 00 \(zeros) 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
            \(zeros) 00 \(zeros) 00 \(zeros) ffffffff 00000001 00000000 00200200       lo
            """)
        #expect(try Self.carries(files, SampleGuest.instance) == "default route, default route (IPv6)")
    }

    @Test func `a node for programs is told`() throws {
        let files = Self.files()
        files.put(SampleGuest.device + "/uio/uio3/name", "hv_uio")
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.device().text(.uioNode) == "uio3")
        #expect(watch.device(Self.controller).text(.uioNode) == "")
    }
}
