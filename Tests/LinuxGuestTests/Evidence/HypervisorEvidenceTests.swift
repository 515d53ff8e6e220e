import BusModel
import Glibc
import Platform
import Testing

@testable import LinuxGuest

@Suite struct `Evidence of the hypervisor and the firmware` {
    private static let vendor = ProcessorIdentification(
        eax: 0x4000_000C, ebx: 0x7263_694D, ecx: 0x666F_736F, edx: 0x7648_2074)

    private static func hyperV() -> InjectedMachine {
        let machine = InjectedMachine()
        machine.put(leaf: 1, ProcessorIdentification(ecx: 1 << 31))
        machine.put(leaf: 0x4000_0000, vendor)
        machine.put(
            leaf: 0x4000_0002, ProcessorIdentification(eax: 26100, ebx: 10 << 16, ecx: 7, edx: 3 << 24 | 7462))
        machine.put(leaf: 0x4000_0003, ProcessorIdentification(eax: 0x2E7F, ebx: 0x003B_8030, edx: 0x00BE_D7B2))
        machine.put(leaf: 0x4000_0004, ProcessorIdentification(eax: 0x1C2C))
        machine.put(leaf: 0x4000_000C, ProcessorIdentification(eax: 1, ebx: 2 | 1 << 5))
        return machine
    }

    @Test func `the processor tells build, privileges, hints and nesting`() throws {
        var watch = EvidenceWatch(SampleGuest.files(), machine: Self.hyperV())
        try watch.look()
        #expect(watch.guest.text(.hypervisorBuild) == "10.0.26100.7462-7-3")
        #expect(watch.guest.number(.hypervisorPrivileges) == 0x003B_8030_0000_2E7F)
        #expect(watch.guest.number(.hypervisorHints) == 0x1C2C)
        #expect(watch.guest.number(.hypervisorFeatures) == 0x00BE_D7B2)
        #expect(watch.guest.number(.nestedHypervisor) == 1)
        #expect(watch.guest[.hypervisorBuild]?.time == 1_000_000_000)
    }

    @Test func `isolation is told only where the partition has that privilege`() throws {
        let machine = Self.hyperV()
        var watch = EvidenceWatch(SampleGuest.files(), machine: machine)
        try watch.look()
        #expect(watch.guest.number(.isolationType) == 0)
        #expect(watch.guest.number(.paravisor) == 0)
        machine.put(leaf: 0x4000_0003, ProcessorIdentification(eax: 0x2E7F, ebx: 0x007B_8030))
        watch = EvidenceWatch(SampleGuest.files(), machine: machine)
        try watch.look()
        #expect(watch.guest.number(.isolationType) == 2)
        #expect(watch.guest.number(.paravisor) == 1)
    }

    @Test(arguments: ["no hypervisor", "another hypervisor", "no CPUID", "a copied tree"])
    func `nothing is told without Hyper-V`(what: String) throws {
        let machine = what == "no CPUID" ? InjectedMachine() : Self.hyperV()
        if what == "no hypervisor" { machine.put(leaf: 1, ProcessorIdentification()) }
        if what == "another hypervisor" {
            machine.put(leaf: 0x4000_0000, ProcessorIdentification(eax: 0x4000_0010, ebx: 0x4B4D_564B))
        }
        var watch = EvidenceWatch(SampleGuest.files(), machine: what == "a copied tree" ? nil : machine)
        try watch.look()
        #expect(watch.guest[.hypervisorBuild] == nil)
        #expect(watch.guest[.hypervisorPrivileges] == nil)
    }

    @Test func `leaves beyond the last are not asked for`() throws {
        let machine = Self.hyperV()
        machine.put(
            leaf: 0x4000_0000,
            ProcessorIdentification(eax: 0x4000_0003, ebx: 0x7263_694D, ecx: 0x666F_736F, edx: 0x7648_2074))
        var watch = EvidenceWatch(SampleGuest.files(), machine: machine)
        try watch.look()
        #expect(watch.guest.number(.hypervisorHints) == 0)
        #expect(!machine.asked.contains("leaf \(0x4000_0004)"))
    }

    @Test func `the firmware tells the product, and why its identifier is not had`() throws {
        let files = SampleGuest.files()
        files.put("/sys/class/dmi/id/sys_vendor", "Microsoft Corporation")
        files.put("/sys/class/dmi/id/product_name", "Virtual Machine")
        files.put("/sys/class/dmi/id/chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77")
        files.put("/sys/class/dmi/id/product_uuid", .failure(EACCES))
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.guest.text(.systemProduct) == "Microsoft Corporation Virtual Machine")
        #expect(watch.guest.text(.chassisTag) == "7783-7084-3265-9085-8269-3286-77")
        #expect(watch.guest[.productUUID]?.reading.form == .denied)
    }

    @Test func `what a tree lacks is not available`() throws {
        var watch = EvidenceWatch(SampleGuest.files())
        try watch.look()
        #expect(watch.guest[.systemProduct]?.reading.form == .unavailable)
        #expect(watch.guest[.productUUID]?.reading.form == .unavailable)
        #expect(watch.guest[.balloonState]?.reading.form == .unavailable)
    }

    @Test func `a text that could steer the terminal is made harmless`() throws {
        let files = SampleGuest.files()
        files.put("/sys/class/dmi/id/sys_vendor", "\u{1B}[2JEvil")
        var watch = EvidenceWatch(files)
        try watch.look()
        #expect(watch.guest.text(.systemProduct) == "\u{FFFD}[2JEvil")
    }
}
