import BusModel
import Platform

/// What Hyper-V says of itself through CPUID (linux-guest-data §8.7; leaves 0x40000000 to 0x4000000C).
struct HypervisorIdentity: Sendable, Hashable {
    /// The hypervisor's build, in the kernel's spelling: `10.0.26100.7462-7-0`; nil if it keeps it to itself.
    var build: String?
    /// What the partition may do, low word in the lower half.
    var privileges: UInt64
    /// Further features.
    var features: UInt64
    /// What it advises.
    var hints: UInt64
    /// How the partition is isolated: 0 not at all, 1 VBS, 2 SNP, 3 TDX.
    var isolation: UInt64
    /// Whether a paravisor stands between guest and host.
    var hasParavisor: Bool

    /// Whether it runs below another hypervisor.
    var isNested: Bool { hints >> 12 & 1 == 1 }

    private static let vendor: [UInt32] = [0x7263_694D, 0x666F_736F, 0x7648_2074]  // "Microsoft Hv"
    private static let isolationPrivilege: UInt64 = 1 << (32 + 22)

    /// Asks the processor; nil if there is no hypervisor, or one that does not speak as Hyper-V does.
    init?(_ machine: any MachineProbe) {
        // The bit that processors leave at zero for whoever stands between them and their guests.
        guard let processor = machine.processorIdentification(leaf: 1), processor.ecx >> 31 == 1,
            let base = machine.processorIdentification(leaf: 0x4000_0000),
            [base.ebx, base.ecx, base.edx] == Self.vendor
        else { return nil }
        func leaf(_ number: UInt32) -> ProcessorIdentification? {
            number <= base.eax ? machine.processorIdentification(leaf: number) : nil
        }
        build = leaf(0x4000_0002).flatMap(Self.build)
        let features = leaf(0x4000_0003)
        privileges = UInt64(features?.eax ?? 0) | UInt64(features?.ebx ?? 0) << 32
        self.features = UInt64(features?.edx ?? 0)
        hints = UInt64(leaf(0x4000_0004)?.eax ?? 0)
        let configuration = privileges & Self.isolationPrivilege != 0 ? leaf(0x4000_000C) : nil
        isolation = UInt64(configuration?.ebx ?? 0) & 15
        hasParavisor = (configuration?.eax ?? 0) & 1 == 1
    }

    private static func build(_ leaf: ProcessorIdentification) -> String? {
        guard leaf != ProcessorIdentification() else { return nil }
        return
            "\(leaf.ebx >> 16).\(leaf.ebx & 0xFFFF).\(leaf.eax).\(leaf.edx & 0xFF_FFFF)-\(leaf.ecx)-\(leaf.edx >> 24)"
    }
}

/// The hypervisor as it shows itself to this processor.
struct HypervisorEvidence: EvidenceKind {
    var pace: EvidencePace { .once }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        // Where the processor tells nothing the kernel's log may, which then speaks of the same values.
        guard let hypervisor = guest.hypervisor else { return [] }
        var readings = [
            AttributeReading(.hypervisorPrivileges, hypervisor.privileges),
            AttributeReading(.hypervisorHints, hypervisor.hints),
            AttributeReading(.hypervisorFeatures, hypervisor.features),
            AttributeReading(.isolationType, hypervisor.isolation),
            AttributeReading(.nestedHypervisor, hypervisor.isNested ? 1 : 0),
            AttributeReading(.paravisor, hypervisor.hasParavisor ? 1 : 0),
        ]
        if let build = hypervisor.build { readings.insert(AttributeReading(.hypervisorBuild, text: build), at: 0) }
        return readings.map { EvidenceFinding($0) }
    }
}
