import BusModel
import Glibc
import Testing

@testable import LinuxGuest

@Suite struct `Evidence of the processors` {
    private static let cpu = "/sys/devices/system/cpu/"

    private static func files() -> InjectedFiles {
        let files = SampleGuest.files()
        files.put(cpu + "online", "0-3,6")
        files.put(cpu + "possible", "0-7")
        files.put(cpu + "isolated", "")
        files.put("/sys/devices/system/node/node0/cpulist", "0-3")
        files.put("/sys/devices/system/node/node10/cpulist", "")
        files.put("/sys/devices/system/node/node2/cpulist", "4-7")
        files.put("/sys/devices/system/node/online", "0,2,10")
        return files
    }

    @Test func `lists are told in the kernel's spelling, nodes by number`() throws {
        var watch = EvidenceWatch(Self.files())
        try watch.look()
        #expect(watch.guest.text(.onlineProcessors) == "0-3,6")
        #expect(watch.guest.text(.possibleProcessors) == "0-7")
        #expect(watch.guest.text(.isolatedProcessors) == "")
        #expect(watch.guest.text(.processorNodes) == "0:0-3 2:4-7 10:")
    }

    @Test func `a processor that goes offline is told at the next look`() throws {
        let files = Self.files()
        var watch = EvidenceWatch(files)
        try watch.look()
        files.put(Self.cpu + "online", "0-2")
        try watch.look()
        #expect(watch.guest.text(.onlineProcessors) == "0-2")
        #expect(watch.guest[.onlineProcessors]?.time == 2_000_000_000)
    }

    @Test(arguments: ["4-2", "cpu", "0-", "\u{1B}[0m", "99999999999"])
    func `what is no list is a failure and not a list`(text: String) throws {
        let files = Self.files()
        files.put(Self.cpu + "online", text)
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.guest[.onlineProcessors]?.reading.form == .failed)
        #expect(watch.guest.text(.possibleProcessors) == "0-7")
    }

    @Test func `interrupts of x86 are row HYP`() throws {
        let table = """
                       CPU0       CPU1
              8:          7          9   IO-APIC   8-edge      rtc0
             24:          0          1  Hyper-V PCIe MSI 2938026065920-edge      virtio0-config
            LOC:          5          6   Local timer interrupts
            HYP:      26775 4294967295   Hypervisor callback interrupts
            HVS:     106482     101490   Hyper-V stimer0 interrupts
            ERR:          0
            """
        #expect(
            try InterruptsText.busInterrupts(Array(table.utf8))
                == [NamedCount("cpu0", 26775), NamedCount("cpu1", 4_294_967_295)])
    }

    @Test func `interrupts of ARM64 are the row of the bus, and those of channels count too`() throws {
        let arm = """
                       CPU0       CPU2
             11:      10341       9876     GICv3  27 Level     arch_timer
             13:      55123      40211     GICv3  18 Level     Hyper-V VMbus
            IPI0:      1201       1187       Rescheduling interrupts
            """
        #expect(
            try InterruptsText.busInterrupts(Array(arm.utf8)) == [NamedCount("cpu0", 55123), NamedCount("cpu2", 40211)])
        let channels = """
                       CPU0       CPU1
             24:      16841          0     VMBus   7  heartbeat
             29:          0         85     VMBus  15  pri@storvsc0
            HYP:         71          2   Hypervisor callback interrupts
            """
        #expect(
            try InterruptsText.busInterrupts(Array(channels.utf8)) == [
                NamedCount("cpu0", 16912), NamedCount("cpu1", 87),
            ]
        )
    }

    @Test func `a table without the bus tells nothing, and what is no table is a failure`() throws {
        #expect(try InterruptsText.busInterrupts(Array("     CPU0\n  8:   7   IO-APIC\n".utf8)).isEmpty)
        for text in ["", "HYP: 1 2", "CPU0 CPUx\nHYP: 1 2", "\n\n\n"] {
            #expect((try? InterruptsText.busInterrupts(Array(text.utf8))) == nil)
        }
        // What is cut or garbled is no count of 0.
        #expect(try InterruptsText.busInterrupts(Array("CPU0 CPU1\nHYP:\nHYP: 3\nHYP: x 4\n".utf8)).isEmpty)
    }

    @Test(
        .enabled(if: SharedFixtures.directory != nil, "\(SharedFixtures.absence)"),
        arguments: [
            ("arm64.SYNTHETIC", 4, 55123), ("vmbus-irq-rfc2024-gen2-8cpu", 4, 46953),
            ("wsl2-2cpu", 2, 26775), ("azure-1cpu-large", 1, 303_764_679),
        ] as [(String, Int, UInt64)])
    func `real tables are read`(name: String, processors: Int, first: UInt64) throws {
        let counts = try InterruptsText.busInterrupts(
            SharedFixtures.contents("realworld/interrupts/\(name).txt"))
        #expect(counts.count == processors)
        #expect(counts.first?.count == first)
    }
}
