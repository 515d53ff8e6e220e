import BusModel
import Glibc
import Testing

@testable import LinuxGuest

@Suite struct `Evidence of drivers, daemons and what was left behind` {
    @Test func `daemons are known in every spelling`() throws {
        let files = SampleGuest.files()
        files.put("/proc/1/comm", "systemd")
        files.put("/proc/412/comm", "hypervkvpd")
        files.put("/proc/413/comm", "hv_fcopy_uio_da")
        files.put("/proc/414/comm", .failure(ESRCH))
        files.put("/proc/self/comm", "hv_vss_daemon")
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.guest.text(.daemons) == "hv_kvp_daemon hv_fcopy_uio_daemon")
    }

    @Test func `processes that are hidden are not taken for missing ones`() throws {
        let files = SampleGuest.files()
        files.put("/proc/4711/comm", "vmbusscope")
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.guest[.daemons]?.reading.form == .denied)
    }

    @Test func `how driver and kernel are set is told`() throws {
        let files = SampleGuest.files()
        files.put("/sys/module/hv_vmbus/parameters/max_version", "327683")
        files.put("/sys/bus/vmbus/hibernation", "1")
        files.put("/sys/kernel/security/lockdown", "none [integrity] confidentiality")
        files.put("/proc/uptime", "1234.56 99.00")
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.guest.text(.maximumVersion) == "5.3")
        #expect(watch.guest.number(.hibernation) == 1)
        #expect(watch.guest.text(.lockdown) == "integrity")
        #expect(watch.guest.number(.uptime) == 1_234_560_000_000)
    }

    @Test(arguments: ["", "x", "1.2.3", "99999999999999999999.00", "12", "-1.00", "1.x0"])
    func `an uptime of another form is a failure`(text: String) throws {
        let files = SampleGuest.files()
        files.put("/proc/uptime", text)
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.guest[.uptime]?.reading.form == .failed)
    }

    @Test func `the balloon's account is read by its labels`() throws {
        let files = SampleGuest.files()
        files.put(
            "/sys/kernel/debug/hv-balloon",
            """
            host_version        : 2.0
            state               : 1 (Initialized)
            pages_added         : 512
            pages_ballooned     : 77
            garbage
            """)
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.guest.number(.balloonedPages) == 77)
        #expect(watch.guest.number(.balloonAddedPages) == 512)
        #expect(watch.guest.text(.balloonState) == "1 (Initialized)")
    }

    @Test func `what root alone may see is told as denied`() throws {
        let files = SampleGuest.files()
        files.put("/sys/kernel/debug/hv-balloon", .failure(EACCES))
        files.refuseListing("/sys/kernel/debug/hyperv", EACCES)
        files.refuseListing("/sys/kernel/tracing/instances", EACCES)
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.guest[.balloonedPages]?.reading.form == .denied)
        #expect(watch.guest[.debugDelays]?.reading.form == .denied)
        #expect(watch.guest[.tracingLeftovers]?.reading.form == .denied)
    }

    @Test func `delays that are on and instances of the dead are named`() throws {
        let files = SampleGuest.files()
        files.put("/sys/kernel/debug/hyperv/\(SampleGuest.instance)/fuzz_test_state", "1")
        files.put("/sys/kernel/debug/hyperv/other/fuzz_test_state", "0")
        files.put("/sys/kernel/tracing/instances/vmbusscope-77-900/trace", "")
        files.put("/sys/kernel/tracing/instances/vmbusscope-78-1200/trace", "")
        files.put("/sys/kernel/tracing/instances/somebody/trace", "")
        files.put("/sys/kernel/tracing/instances/vmbusscope-79-1300/trace", "")
        files.put("/sys/kernel/tracing/events/hyperv/x/format", "x")
        files.put("/proc/self/stat", "5 (a) S 1 1")
        let fields = (0..<18).map { _ in "0" }.joined(separator: " ")
        files.put("/proc/78/stat", "78 (vmbus) scope) S \(fields) 1200 0 0")
        // Another process has the number of one that died.
        files.put("/proc/79/stat", "79 (bash) S \(fields) 7777 0 0")
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.guest.text(.debugDelays) == SampleGuest.instance)
        #expect(watch.guest.text(.tracingLeftovers) == "vmbusscope-77-900 vmbusscope-79-1300")
    }
}

@Suite struct `The paces of evidence` {
    @Test func `each kind is read at its own pace`() throws {
        let files = SampleGuest.files()
        files.put("/sys/devices/system/cpu/online", "0-3")
        files.put("/proc/uptime", "1.00 1.00")
        var watch = EvidenceWatch(files)
        for _ in 0..<61 { try watch.look() }
        func count(_ path: String) -> Int { files.reads.count { $0 == path } }
        // The identity of the guest reads this one as well, and once more for the title.
        #expect(count("/sys/devices/system/cpu/online") == 123)
        #expect(count("/proc/interrupts") == 13)
        #expect(count("/proc/uptime") == 2)
        #expect(count("/sys/devices/system/cpu/possible") == 2)
        #expect(count("/sys/class/dmi/id/sys_vendor") == 1)
    }

    @Test func `however often one looks, an interface is asked once a second`() throws {
        let files = SampleGuest.files()
        files.put("/sys/class/net/eth0", .link("../../devices/VMBUS:01/\(SampleGuest.instance)/net/eth0"))
        let machine = InjectedMachine()
        var watch = EvidenceWatch(files, machine: machine)
        for _ in 0..<100 { try watch.look(after: 50) }
        #expect(machine.asked.count { $0 == "counters eth0" } == 6)
    }

    @Test func `a guest in which nothing happens tells each value again after a minute and not before`() throws {
        let files = SampleGuest.files()
        files.put("/sys/devices/system/cpu/online", "0-3")
        var watch = EvidenceWatch(files)
        try watch.look()
        var told: [Int] = []
        for second in 2...124 {
            let readings = try watch.look()
            if readings.contains(where: { $0.attribute == .onlineProcessors }) { told.append(second) }
        }
        // Once more after the first, which says that it stands.
        #expect(told == [2, 62, 122])
        #expect(watch.guest[.onlineProcessors]?.time == 122_000_000_000)
    }

    @Test func `before a quiet value moves its last quiet moment is told`() throws {
        let files = SampleGuest.files()
        files.put("/sys/devices/system/cpu/online", "0-3")
        var watch = EvidenceWatch(files)
        for _ in 0..<6 { try watch.look() }
        files.put("/sys/devices/system/cpu/online", "0-2")
        #expect(
            try watch.look().map(\.string).filter { $0.hasPrefix("0-") } == ["0-3", "0-2"])
        #expect(watch.records.last?.headers.map(\.time).first == 6_000_000_000)
    }

    @Test func `a guest without a bus is not asked for anything else`() throws {
        let files = InjectedFiles()
        files.put("/proc/uptime", "1.00 1.00")
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(!files.reads.contains("/proc/uptime"))
    }

    @Test func `every file refused or full of garbage stops nothing`() throws {
        for answer in [InjectedFiles.Answer.failure(EIO), .text("\u{1B}]0;x\u{7}\n\n\n"), .bytes([0xFF, 0x00, 0x3D])] {
            let files = SampleGuest.files()
            for path in [
                "/proc/interrupts", "/proc/uptime", "/proc/swaps", "/proc/self/mountinfo", "/proc/net/route",
                "/proc/1/comm", "/sys/class/dmi/id/sys_vendor", "/sys/devices/system/cpu/possible",
                "/sys/devices/system/node/node0/cpulist", "/sys/kernel/security/lockdown", "/sys/bus/vmbus/hibernation",
                "/sys/kernel/debug/hv-balloon", "/sys/module/hv_vmbus/parameters/max_version",
            ] { files.put(path, answer) }
            var watch = EvidenceWatch(files)
            try watch.look()
            #expect(watch.snapshot.partition(1)?.devices.count == 1)
            for item in watch.guest.items where item.reading.form == .text {
                #expect(!item.reading.string.unicodeScalars.contains { $0.value < 0x20 })
            }
        }
    }
}
