import BusModel
import Glibc
import Testing
import VMBusWire

@testable import LinuxGuest

@Suite struct `Evidence of the kernel's log` {
    private static func record(_ text: String, microseconds: Int = 1_500_000, number: Int = 1)
        -> InjectedMachine.LogEntry
    {
        .record("6,\(number),\(microseconds),-;\(text)\n SUBSYSTEM=vmbus\n")
    }

    private static func watch(_ machine: InjectedMachine) throws -> EvidenceWatch {
        let files = SampleGuest.files()
        files.put("/sys/class/net/eth0", .link("../../devices/VMBUS:01/\(SampleGuest.instance)/net/eth0"))
        var watch = EvidenceWatch(files, machine: machine)
        try watch.look()
        return watch
    }

    @Test func `the version that was agreed is told, also as the guest's`() throws {
        let machine = InjectedMachine()
        machine.log(
            Self.record("Linux version 6.12.107"), Self.record("Hyper-V: Hypervisor Build 10.0.26100.7462-7-0"),
            Self.record("hv_vmbus: Vmbus version:5.3"))
        let watch = try Self.watch(machine)
        #expect(watch.guest.text(.loggedVersion) == "5.3")
        #expect(watch.guest.text(.hypervisorBuild) == "10.0.26100.7462-7-0")
        #expect(watch.snapshot.partition(1)?.version.value == .iron)
        #expect(watch.logged.map(\.fact) == [.hypervisorBuild, .versionAgreed])
        #expect(watch.logged.last?.bootTime == 1_500_000_000)
        #expect(watch.logged.last?.level == 6)
        #expect(watch.logged.last?.line == "hv_vmbus: Vmbus version:5.3")
    }

    @Test func `a line belongs to the device that it names`() throws {
        let machine = InjectedMachine()
        machine.log(
            Self.record("hv_netvsc \(SampleGuest.instance) eth0: VF slot 1 added"),
            Self.record("hv_netvsc 11111111-2222-3333-4444-555555555555 eth9: VF slot 1 added"))
        let watch = try Self.watch(machine)
        let headers = watch.records.flatMap(\.headers).filter { $0.kind == .kernelLog }
        #expect(headers.map(\.device) == [GUID(SampleGuest.instance), .zero])
        #expect(watch.logged.allSatisfy { $0.fact != .other })
    }

    @Test(arguments: [(EPERM, AttributeForm.denied), (ENOENT, .unavailable), (EIO, .failed)])
    func `a log that cannot be had is told as such`(code: Int32, form: AttributeForm) throws {
        let machine = InjectedMachine()
        machine.refuseLog(code)
        let watch = try Self.watch(machine)
        #expect(watch.guest[.loggedVersion]?.reading.form == form)
        #expect(watch.logged.isEmpty)
    }

    @Test func `lines that come later are told at the next look`() throws {
        let machine = InjectedMachine()
        machine.log(Self.record("hv_vmbus: Vmbus version:4.0"))
        var watch = try Self.watch(machine)
        machine.log(Self.record("hv_vmbus: Vmbus version:5.2"))
        try watch.look()
        #expect(watch.guest.text(.loggedVersion) == "5.2")
        #expect(watch.snapshot.partition(1)?.version.value == ProtocolVersion(5, 2))
        #expect(watch.logged.count == 2)
    }

    @Test func `records that were overwritten are a gap, and reading goes on`() throws {
        let machine = InjectedMachine()
        machine.log(.failure(EPIPE), Self.record("hv_vmbus: Vmbus version:5.3"))
        let watch = try Self.watch(machine)
        #expect(watch.records.flatMap(\.headers).map(\.kind).contains(.gap))
        #expect(watch.guest.text(.loggedVersion) == "5.3")
    }

    @Test func `a log that fails in the middle keeps what it told`() throws {
        let machine = InjectedMachine()
        machine.log(
            Self.record("hv_vmbus: Vmbus version:5.3"), .failure(EIO), Self.record("hv_vmbus: Vmbus version:4.0"))
        var watch = try Self.watch(machine)
        try watch.look()
        #expect(watch.guest.text(.loggedVersion) == "5.3")
    }

    @Test func `a flood is counted and not told line by line`() throws {
        let machine = InjectedMachine()
        for number in 0..<5000 {
            machine.log(Self.record("hv_balloon: Unhandled message: type: 12", microseconds: 2_000_000 + number))
        }
        machine.log(Self.record("hv_vmbus: Vmbus version:5.3"))
        var watch = try Self.watch(machine)
        #expect(watch.logged.count == KernelLogFlood.most + 2)
        #expect(watch.logged.last?.line == "4980 more like this: hv_balloon: Unhandled message: type: 12")
        #expect(watch.guest.counters(.withheldLogLines).map(\.count) == [4980])
        #expect(watch.logged.reduce(0) { $0 + $1.lineCount } == 5001)
        // Ten seconds later by the log's own time lines are told again.
        machine.log(Self.record("hv_balloon: Unhandled message: type: 12", microseconds: 12_100_000))
        try watch.look()
        #expect(watch.logged.count == KernelLogFlood.most + 3)
    }

    @Test(arguments: ["", "garbage", "6,1", "6,1,x,-;hv_vmbus: Vmbus version:5.3", "\u{1B}[2J;hv_vmbus"])
    func `a record of another form is passed over`(text: String) throws {
        let machine = InjectedMachine()
        machine.log(.record(text), Self.record("hv_vmbus: \\x1b[2JVmbus version:5.3"))
        let watch = try Self.watch(machine)
        for line in watch.logged.map(\.line) {
            #expect(!line.unicodeScalars.contains { $0.value < 0x20 })
        }
    }

    // MARK: Copied trees

    private static let saved = """
        [    0.000000] Linux version 5.15.0-1 (build@host) #1 SMP
        [    0.000000] Hyper-V: Host Build 10.0.20348.2227-1-0
        [    0.400000] hv_vmbus: Vmbus version:4.0
        [   20.000000] usb 1-1: new device
        [    0.000000] Linux version 5.15.0-2 (build@host) #1 SMP
        [    0.500000] hv_vmbus: Vmbus version:5.2
        [    0.700000] hv_netvsc \(SampleGuest.instance) eth0: VF slot 1 added

        """

    @Test(arguments: KernelLogEvidence.copies)
    func `a copied tree tells what the log in it says of its last boot, once`(path: String) throws {
        let files = SampleGuest.files()
        files.put(path, .text(Self.saved))
        var watch = EvidenceWatch(files)
        try watch.look()
        try watch.look()
        #expect(watch.guest.text(.loggedVersion) == "5.2")
        #expect(watch.snapshot.partition(1)?.version.value?.description == "5.2")
        #expect(watch.logged.map(\.fact) == [.versionAgreed, .virtualFunctionSlot])
        let headers = watch.records.flatMap(\.headers).filter { $0.kind == .kernelLog }
        #expect(headers.map(\.device) == [.zero, GUID(SampleGuest.instance)])
    }

    @Test func `a copied tree without a log says nothing of it, and one that cannot be read says why`() throws {
        let files = SampleGuest.files()
        files.put("/var/log/dmesg", .text("nothing of the bus\n"))
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.guest[.loggedVersion] == nil && watch.logged.isEmpty)
        files.put("/var/log/dmesg", .failure(EACCES))
        watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.guest[.loggedVersion]?.reading.form == .denied)
    }

    @Test(
        arguments: [
            ("Linux version 6.1.0-40-amd64 (debian) #1 SMP", "6.1.0-40-amd64"), ("Linux version ", nil),
            ("OpenBSD 7", nil), ("", nil),
        ] as [(String, String?)])
    func `the kernel's release is that of the other file where one is missing`(text: String, release: String?) {
        let files = InjectedFiles()
        files.put("/proc/version", text)
        #expect(GuestIdentity(files: files).kernelRelease.value == release)
        files.put("/proc/sys/kernel/osrelease", "5.0")
        #expect(GuestIdentity(files: files).kernelRelease.value == "5.0")
    }
}
