import BusModel
import LinuxGuest
import Testing
import VMBusWire

@Suite struct `Kernel log lines` {
    struct Spelling: Sendable, CustomTestStringConvertible {
        let line: String
        var bootTime: UInt64?
        var level: UInt8?
        var wallTime: UInt64?
        var text = "hv_vmbus: Vmbus version:5.3"
        var testDescription: String { line }
    }

    private static let afternoon: UInt64 = 58_733_000_000_000

    static let spellings: [Spelling] = [
        Spelling(line: "[    1.275945] hv_vmbus: Vmbus version:5.3", bootTime: 1_275_945_000),
        Spelling(line: "[12345.000001][  T12] hv_vmbus: Vmbus version:5.3\r", bootTime: 12_345_000_001_000),
        Spelling(line: "[    1.000000] [    C0] hv_vmbus: Vmbus version:5.3", bootTime: 1_000_000_000),
        Spelling(line: "<6>[    1.000000] hv_vmbus: Vmbus version:5.3", bootTime: 1_000_000_000, level: 6),
        Spelling(line: "<30>hv_vmbus: Vmbus version:5.3", level: 6),
        Spelling(line: "kern  :warn  : [    1.000000] hv_vmbus: Vmbus version:5.3", bootTime: 1_000_000_000, level: 4),
        Spelling(line: "kern  :err   : hv_vmbus: Vmbus version:5.3", level: 3),
        Spelling(line: "Jan  1 16:18:53 host-a kernel: hv_vmbus: Vmbus version:5.3", wallTime: afternoon),
        Spelling(
            line: "Jan  1 16:18:53 host-a kernel: [    0.761700] hv_vmbus: Vmbus version:5.3", bootTime: 761_700_000,
            wallTime: afternoon),
        Spelling(line: "[Thu Jan  1 16:18:53 2026] hv_vmbus: Vmbus version:5.3", wallTime: afternoon),
        Spelling(line: "[木  1月  1 16:18:53 2026] hv_vmbus: Vmbus version:5.3"),
        Spelling(line: "2026-01-01T16:18:53,000000+00:00 hv_vmbus: Vmbus version:5.3", wallTime: afternoon),
        Spelling(
            line: "2026-01-01T16:18:53.000000+01:00 host-a kernel: hv_vmbus: Vmbus version:5.3", wallTime: afternoon),
        Spelling(
            line: "2026-01-01T16:18:53.000 INFO   kern   kernel:[   11.091250] hv_vmbus: Vmbus version:5.3",
            bootTime: 11_091_250_000, level: 6, wallTime: afternoon),
        Spelling(
            line: "[16:18:53.000][Moby           ][Info   ] hv_vmbus: Vmbus version:5.3", level: 6, wallTime: afternoon),
        Spelling(line: "[Jan 1 16:18] hv_vmbus: Vmbus version:5.3"),
        Spelling(line: "[  +0.000012] hv_vmbus: Vmbus version:5.3"),
        Spelling(line: "> > [    1.000000] hv_vmbus: Vmbus version:5.3", bootTime: 1_000_000_000),
        Spelling(line: "login: [    1.000000] hv_vmbus: Vmbus version:5.3", bootTime: 1_000_000_000),
        Spelling(
            line:
                "[\u{1B}[0;32m  OK  \u{1B}[0m] Started \u{1B}[1mit\u{1B}[0m.[    1.000000] hv_vmbus: Vmbus version:5.3",
            bootTime: 1_000_000_000),
    ]

    @Test(arguments: spellings) func `every prefix is taken off`(_ spelling: Spelling) {
        let line = KernelLogLine(parsing: spelling.line.utf8)
        #expect(line.text == spelling.text)
        #expect(line.bootTime == spelling.bootTime)
        #expect(line.level == spelling.level)
        #expect(line.wallTime == spelling.wallTime)
        #expect(line.hasPrefix)
    }

    @Test func `a line without a prefix is told as such`() {
        let line = KernelLogLine(parsing: " hv_vmbus: registering driver hyperv_drm".utf8)
        #expect(!line.hasPrefix)
        #expect(line.text == "hv_vmbus: registering driver hyperv_drm")
    }

    @Test func `a record of dev kmsg is one line with level, number and time`() {
        let record = #"30,2147,1275945,-,caller=T1;hv_vmbus: a\x1b[1mb\x5cc"# + "\n SUBSYSTEM=vmbus\n DEVICE=+vmbus:x\n"
        let line = KernelLogLine(record: record.utf8)
        #expect(line?.level == 6)
        #expect(line?.sequence == 2147)
        #expect(line?.bootTime == 1_275_945_000)
        #expect(line?.text == #"hv_vmbus: ab\c"#)
    }

    @Test(arguments: ["", ";", "6,1,2;x", "x,1,2,-;x", "6,1,-2,-;x", "6,1,2,-", "6,99999999999999999999,2,-;x"])
    func `what is no record of dev kmsg is none`(_ record: String) {
        #expect(KernelLogLine(record: record.utf8) == nil)
    }

    @Test func `a line cannot steer the terminal`() {
        let line = KernelLogLine(parsing: "[    1.000000] hv_vmbus: \u{1B}]0;x\u{7}a\u{202E}b\u{8}c".utf8)
        #expect(line.text == "hv_vmbus: a\u{FFFD}b\u{FFFD}c")
    }
}

@Suite struct `Meaning of the kernel log` {
    struct Sample: Sendable, CustomTestStringConvertible {
        let text: String
        let fact: KernelLogFact
        var first: Int64 = 0
        var second: Int64 = 0
        var instance: String?
        var interface: String?
        var busName: String?
        var testDescription: String { text }
    }

    private static let nic = "6c96f725-6e4b-415a-9879-7621e9ec0651"

    static let samples: [Sample] = [
        Sample(text: "Hypervisor detected: Microsoft HyperV", fact: .hypervisorDetected),
        Sample(text: "hv_vmbus: Vmbus version:5.3", fact: .versionAgreed, first: 5, second: 3),
        Sample(text: "Hyper-V: Hypervisor Build 10.0.26100.7462-7-0", fact: .hypervisorBuild),
        Sample(
            text: "Hyper-V: privilege flags low 0xae7f, high 0x3b8030, ext 0x62, hints 0xa0e24, misc 0xe0bed7b2",
            fact: .hypervisorFeatures, first: 0x3b8030_0000_ae7f, second: 0xa0e24),
        Sample(text: "HyperV: features 0x2e7f, hints 0x2c2c", fact: .hypervisorFeatures, first: 0x2e7f, second: 0x2c2c),
        Sample(text: "Hyper-V: Isolation Config: Group A 0x1, Group B 0xbe3", fact: .isolation, first: 3, second: 1),
        Sample(text: "hv_vmbus: Unable to connect to host", fact: .connectionFailed),
        Sample(
            text: "hv_vmbus: Invalid VMBus version 4.1 (expected >= 5.2) from the host supporting isolation",
            fact: .connectionFailed, first: 4, second: 1),
        Sample(text: "hv_vmbus: hv_post_msg() failed; error code:19", fact: .postFailed, first: 19),
        Sample(text: "hv_vmbus: registering driver hv_storvsc", fact: .driverRegistered),
        Sample(text: "hv_vmbus: unregistering driver hv_netvsc", fact: .driverUnregistered),
        Sample(text: "hv_vmbus: probe failed for device \(nic) (-19)", fact: .probeFailed, first: -19, instance: nic),
        Sample(
            text: "hyperv_fb \(nic): probe with driver hyperv_fb failed with error -110", fact: .probeFailed,
            first: -110,
            instance: nic),
        Sample(text: "hv_vmbus: Unknown GUID: \(nic)", fact: .unknownClass),
        Sample(text: "hv_vmbus: unable to add child device object (relid 12)", fact: .addFailed, first: 12),
        Sample(text: "hv_vmbus: Invalid offer 9 from the host supporting isolation", fact: .offerRefused, first: 9),
        Sample(
            text: "hv_vmbus: Invalid offer relid=7: the ring buffer isn't encrypted", fact: .offerRefused, first: 7),
        Sample(text: "hv_vmbus: Unable to request offers - -12", fact: .offersRequestFailed, first: -12),
        Sample(
            text: "hv_vmbus: Failed to establish GPADL: err = 0xc0000017", fact: .pageListFailed, first: 0xc000_0017),
        Sample(text: "hv_vmbus: Close failed: close post msg return is -11", fact: .closeFailed, first: -11),
        Sample(
            text: "hv_vmbus: outbound ring indices out of range: relid 4 read 1 write 2 size 3", fact: .ringCorrupt,
            first: 4
        ),
        Sample(text: "hv_vmbus: unknown msgtype=99", fact: .messageUnknown, first: 99),
        Sample(text: "hv_vmbus: Waiting for VMBus UNLOAD to complete", fact: .unloadWaiting),
        Sample(text: "hv_vmbus: Continuing even though VMBus UNLOAD did not complete", fact: .unloadUnanswered),
        Sample(
            text: "uio_hv_generic \(nic): PM: dpm_run_callback(): vmbus_suspend [hv_vmbus] returns -95",
            fact: .hibernationTrouble, first: -95, instance: nic),
        Sample(text: "hv_utils: Heartbeat IC version 3.0", fact: .serviceVersion, first: 3),
        Sample(text: "hv_balloon: Using Dynamic Memory protocol version 2.0", fact: .balloonVersion, first: 2),
        Sample(text: "hv_balloon: hot_add memory failed error is -22", fact: .hotAddFailed, first: -22),
        Sample(text: "hv_balloon: Unhandled message: type: 61534", fact: .messageUnknown, first: 61534),
        Sample(
            text: "hv_storvsc \(nic): tag#62 cmd 0x85 status: scsi 0x2 srb 0x6 hv 0xc0000001", fact: .storageError,
            first: 2,
            second: 6, instance: nic),
        Sample(
            text: "hv_storvsc \(nic): tag#62 cmd 0x28 status: scsi 0x2 srb 0x4 hv STATUS_UNSUCCESSFUL",
            fact: .storageError,
            first: 2, second: 4, instance: nic),
        Sample(
            text: "hyperv_drm \(nic): [drm] *ERROR* Unable to send packet via vmbus; error -11", fact: .ringFull,
            instance: nic),
        Sample(
            text: "hv_netvsc \(nic) eth0: Data path switched to VF: enP1", fact: .dataPathSwitched, first: 1,
            instance: nic,
            interface: "eth0"),
        Sample(
            text: "hv_netvsc vmbus_11 eth0: Data path switched from VF: eth1", fact: .dataPathSwitched,
            interface: "eth0",
            busName: "vmbus_11"),
        Sample(
            text: "hv_netvsc \(nic) eth3-hv: VF unregistering: eth7", fact: .virtualFunctionChanged, instance: nic,
            interface: "eth3-hv"),
        Sample(
            text: "hv_netvsc \(nic) (unnamed net_device) (uninitialized): VF slot 3 added", fact: .virtualFunctionSlot,
            first: 1, second: 3, instance: nic),
        Sample(
            text: "hv_netvsc \(nic) (unnamed net_device) (uninitialized): unable to open channel: -19",
            fact: .channelOpenFailed, first: -19, instance: nic),
        Sample(
            text: "hv_netvsc \(nic) eth0: nvsp_rndis_pkt_complete error status: 2", fact: .networkError, first: 2,
            instance: nic, interface: "eth0"),
        Sample(text: "hv_pci \(nic): the device is being ejected", fact: .deviceEjected, instance: nic),
        Sample(
            text: "hv_pci \(nic): PCI VMBus probing: Using version 0x10004", fact: .deviceVersion, first: 1, second: 4,
            instance: nic),
        Sample(text: "INFO: task kworker/0:1:77 blocked for more than 120 seconds.", fact: .taskBlocked, first: 120),
        Sample(text: "hyperv_fb: Time out on waiting vram location ack", fact: .requestTimedOut),
        Sample(text: "hv_utils: VSS: timeout waiting for daemon to reply", fact: .daemonTrouble),
        Sample(text: "tsc: Marking TSC unstable due to running on Hyper-V", fact: .other),
        Sample(
            text: "input: AT keyboard as /devices/ACPI0004:00/VMBUS:00/\(nic)/serio0/input/input1", fact: .other,
            instance: nic),
    ]

    @Test(arguments: samples) func `every form of words has its fact`(_ sample: Sample) {
        let meaning = KernelLogMeaning.of(sample.text)
        #expect(meaning?.fact == sample.fact)
        #expect(meaning?.first == sample.first)
        #expect(meaning?.second == sample.second)
        #expect(meaning?.instance?.description == sample.instance)
        #expect(meaning?.interface == sample.interface)
        #expect(meaning?.busName == sample.busName)
    }

    @Test(arguments: [
        "e1000: eth0 NIC Link is Up", "Hypervisor detected: KVM", "GDS: Unknown: Dependent on hypervisor status",
        " vmbus_isr+0x34/0x80 [hv_vmbus]", "systemd[1]: Starting Hyper-V KVP daemon...",
        "ffff8b9381bb3c90 (&channel->sched_lock){....}-{3:3}, at: vmbus_chan_sched+0xc4/0x2b0", "",
    ])
    func `what does not concern the bus means nothing`(_ text: String) {
        #expect(KernelLogMeaning.of(text) == nil)
    }

    @Test(arguments: [
        ("Hyper-V Host Build:20348-10.0-3-0.3153", "10.0.20348.3153-3-0"),
        ("hv_vmbus: Hyper-V Host Build:14393-10.0-0-0.576; Vmbus version:4.0", "10.0.14393.576-0-0"),
        ("Hyper-V: Host Build 10.0.22621.1-1-0", "10.0.22621.1-1-0"),
        ("Hyper-V: Hypervisor Build 10.0.26100.7462-7-0", "10.0.26100.7462-7-0"),
    ])
    func `the build has one form in all four spellings`(_ text: String, _ build: String) {
        let evidence = KernelLogMeaning.of(text)?.evidence ?? []
        #expect(evidence.first { $0.attribute == .hypervisorBuild }?.string == build)
    }

    @Test func `a registered driver proves no guest`() {
        #expect(KernelLogMeaning.of("hv_vmbus: registering driver hv_storvsc")?.isProof == false)
        #expect(KernelLogMeaning.of("hv_vmbus: Vmbus version:4.0")?.isProof == true)
    }
}

@Suite struct `Kernel log texts` {
    private func parsed(_ text: String) -> KernelLogText { KernelLogText(parsing: Array(text.utf8)[...]) }

    @Test func `lines are counted by what they are`() {
        let log = parsed(
            """
            # source: somewhere
            [    0.000000] Hypervisor detected: Microsoft Hyper-V
            [    0.100000] e1000: eth0 NIC Link is Up

             * Starting Hyper-V VSS Protocol Daemon
            hv_vmbus: Vmbus version:4.0
            """)
        #expect(log.entries.map(\.meaning.fact) == [.hypervisorDetected, .versionAgreed])
        #expect(log.otherCount == 1)
        #expect(log.unknownCount == 1)
        #expect(log.isProof)
    }

    @Test func `a line that a mail program wrapped is one line`() {
        let log = parsed(
            """
            > [  994.830306] hv_netvsc 0969e9e1-1392-4ed6-a230-d5db70c76a3c (unnamed
            > net_device) (uninitialized): unhandled rndis message (type 3 len 9)
            > [  994.830307] hyperv_drm 5620e0c7-8062-4dce-aeb7-520c7ef76171: [drm]
            > *ERROR* Unable to send packet via vmbus; error -11
            """)
        #expect(log.entries.map(\.meaning.fact) == [.messageUnknown, .ringFull])
        #expect(log.entries.first?.meaning.second == 9)
        #expect(log.entries.last?.line.bootTime == 994_830_307_000)
        #expect(log.unknownCount == 0)
    }

    @Test func `drivers that were registered elsewhere prove nothing`() {
        let log = parsed("[    7.844806] hv_vmbus: registering driver hv_storvsc\n[    7.9] x")
        #expect(log.entries.count == 1)
        #expect(!log.isProof)
    }
}
