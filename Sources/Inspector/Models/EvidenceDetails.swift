import BusModel
import VMBusWire

/// What is known besides the bus, as sections of the details pane.
extension InspectorState {
    /// What is known of a partition's host, processors and drivers.
    func evidenceSections(of partition: PartitionSnapshot) -> [DetailSection] {
        let pane = pane(of: partition)
        let host = DetailSection("Host and hypervisor", hypervisorPairs(pane))
        let own = [
            DetailSection("Told to its host", identityPairs(pane)),
            DetailSection("Processors", processorPairs(pane)), DetailSection("Kernel and drivers", kernelPairs(pane)),
        ]
        return ([host] + (partition.role == .root ? [] : own)).filter { !$0.pairs.isEmpty }
    }

    /// The host is shown as its guest sees it.
    private func pane(of partition: PartitionSnapshot) -> EvidencePane {
        var evidence = partition.evidence
        if partition.role == .root, evidence.items.isEmpty, capabilities.kind == .live,
            let guest = snapshot.partitions.first(where: { $0.role == .guest })
        {
            evidence = guest.evidence
        }
        return EvidencePane(evidence, now: snapshot.position.time)
    }

    /// What the hypervisor's bits say, in words.
    func hypervisorBitSections(of partition: PartitionSnapshot) -> [DetailSection] {
        let pane = pane(of: partition)
        return [
            pane.bits("VMBus needs", .hypervisorPrivileges, HypervisorBit.needed, isWhole: true),
            pane.bits("The partition may also", .hypervisorPrivileges, HypervisorBit.privileges),
            pane.bits("The hypervisor advises", .hypervisorHints, HypervisorBit.hints),
            pane.bits("The hypervisor also has", .hypervisorFeatures, HypervisorBit.features),
        ].filter { !$0.pairs.isEmpty }
    }

    /// What is known of a device's interface, disks and users.
    func evidenceSections(of device: DeviceSnapshot) -> [DetailSection] {
        let pane = EvidencePane(device.evidence, now: snapshot.position.time)
        return [
            DetailSection("Used by", usePairs(pane)), DetailSection("Network interface", interfacePairs(pane)),
            DetailSection("Disks", diskPairs(pane)),
        ].filter { !$0.pairs.isEmpty }
    }

    private func hypervisorPairs(_ pane: EvidencePane) -> [DetailPair] {
        let isolation = ["none", "VBS", "SNP", "TDX"]
        return [
            pane.text("Build", .hypervisorBuild, "of the hypervisor; older kernels tell the host's"),
            pane.text("Product", .systemProduct, "what the virtual firmware says"),
            pane.text("Asset tag", .chassisTag, "of the virtual machine's chassis") { tag in
                tag == Self.azureTag ? "Azure" : PlainText.clean(tag)
            }, pane.text("Machine id", .productUUID, "the virtual machine's own, for root's eyes"),
            pane.number("Isolation", .isolationType, "how the guest is kept from the host's eyes") { number in
                number < UInt64(isolation.count) ? isolation[Int(number)] : "type \(number)"
            },
            pane.number("Paravisor", .paravisor, "yes if something stands between guest and host") {
                $0 == 0 ? "no" : "yes"
            },
            pane.number("Nested", .nestedHypervisor, "yes if the hypervisor runs below another one") {
                $0 == 0 ? "no" : "yes"
            }, pane.number("Privileges", .hypervisorPrivileges, "the bits; below in words", Hexadecimal.prefixed),
            pane.number("Hints", .hypervisorHints, "the bits; below in words", Hexadecimal.prefixed),
            pane.number("Features", .hypervisorFeatures, "the bits; below in words", Hexadecimal.prefixed),
        ].compactMap(\.self)
    }

    /// The tag that every machine of Azure has.
    private static let azureTag = "7783-7084-3265-9085-8269-3286-77"

    private func identityPairs(_ pane: EvidencePane) -> [DetailPair] {
        [
            pane.text("Calls itself", .guestName, "the guest's full name, by data exchange"),
            pane.text("System", .operatingSystem, "the guest's operating system, by data exchange"),
            pane.text("System version", .systemVersion, "the version of it, by data exchange"),
            pane.text("IPv4 addresses", .addressesV4, "of the guest's interfaces, by data exchange"),
            pane.text("IPv6 addresses", .addressesV6, "of the guest's interfaces, by data exchange"),
        ].compactMap(\.self)
    }

    private func processorPairs(_ pane: EvidencePane) -> [DetailPair] {
        [
            pane.text("Online", .onlineProcessors, "processors that run"),
            pane.text("Possible", .possibleProcessors, "processors that could be added"),
            pane.text("Isolated", .isolatedProcessors, "processors that are kept for chosen tasks"),
            pane.text("NUMA nodes", .processorNodes, "each node with its processors"),
            pane.counters("Bus interrupts", .processorInterrupts, "since boot, the busiest processors first"),
        ].compactMap(\.self)
    }

    private func kernelPairs(_ pane: EvidencePane) -> [DetailPair] {
        [
            pane.text("Version in log", .loggedVersion, "what the kernel's log says was agreed"),
            pane.text("Highest version", .maximumVersion, "what the driver was told to ask for"),
            pane.text("Daemons", .daemons, "of the integration services, as far as they run"),
            pane.number("Running since", .uptime, "when the guest started") { Quantity.span($0) },
            pane.number("Hibernation", .hibernation, "whether the bus can hibernate") { $0 == 0 ? "no" : "yes" },
            pane.text("Lockdown", .lockdown, "what the kernel keeps even from root"),
            pane.text("Balloon", .balloonState, "state of the balloon driver"),
            pane.number("Given back", .balloonedPages, "memory that the balloon gave back to the host") {
                Quantity.bytes($0.multipliedSaturating(by: 4096))
            },
            pane.number("Added", .balloonAddedPages, "memory that the host has added") {
                Quantity.bytes($0.multipliedSaturating(by: 4096))
            }, pane.text("Delays switched on", .debugDelays, "devices that debugging slows down", .warn),
            pane.text("Tracing left behind", .tracingLeftovers, "instances of a tracer that died", .warn),
            pane.text("No tracing because", .tracingObstacle, "what is missing, and what would give it"),
            pane.counters("Log lines withheld", .withheldLogLines, "too many told the same; they were counted"),
        ].compactMap(\.self)
    }

    private func usePairs(_ pane: EvidencePane) -> [DetailPair] {
        [
            pane.text("Carries", .carries, "what stops when this device stops"),
            pane.text("UIO node", .uioNode, "a program in user space owns the device"),
        ].compactMap(\.self).filter { $0.label != "UIO node" || $0.value.text != "none" }
    }

    private func interfacePairs(_ pane: EvidencePane) -> [DetailPair] {
        [
            pane.text("State", .linkState, "as the kernel calls it"),
            pane.number("Carrier", .linkCarrier, "whether there is a link") { $0 == 0 ? "no" : "yes" },
            pane.number("Carrier changes", .carrierChanges, "how often the link came or went", Quantity.count),
            pane.text("Virtual function", .virtualFunction, "the PCI interface that can carry the packets"),
            pane.number("Takes the packets", .virtualFunctionActive, "then idle channels are normal") {
                $0 == 0 ? "the channels" : "the virtual function"
            },
        ].compactMap(\.self) + pane.eachCounter(.interfaceCounters) + pane.queues(.queueCounters)
    }

    private func diskPairs(_ pane: EvidencePane) -> [DetailPair] {
        [
            pane.number("In flight", .diskInFlight, "requests that wait for the host now", Quantity.count),
            pane.number("Requested", .diskRequested, "requests handed to the disks", Quantity.count),
            pane.number("Completed", .diskCompleted, "requests that came back", Quantity.count),
            pane.number("Errors", .diskErrors, "requests that ended with an error", isBad: true, Quantity.count),
            pane.number("Timeouts", .diskTimeouts, "requests that took too long", isBad: true, Quantity.count),
        ].compactMap(\.self)
    }
}
