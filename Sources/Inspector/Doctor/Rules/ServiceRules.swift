import BusModel
import VMBusWire

/// Rules about integration services, memory and hibernation (anchors D.5).
enum ServiceRules {
    static let all: [DoctorRule] = [
        DoctorRule(
            "daemon-missing", .warning, .operatorOfGuest,
            "The host offers a service whose daemon does not run in the guest.",
            method: """
                the service's device is open and the list of running daemons does not hold its daemon; a warning while \
                bytes of the host wait for it for 30 s, else only told
                """,
            cause: "The package is not installed, or the daemon ended.",
            remedy: "Install and start the daemon (hyperv-daemons, linux-cloud-tools), if the service is wanted.",
            source: "linux-guest-data §7; hashicorp/packer#5049, home-assistant/operating-system#2376",
            rows: [6, 42, 43],
            search: .openChannels { context, place, watch in
                guard let (part, name, does) = daemon(place.kind), place.key.subchannel == 0,
                    let daemons = place.partition.evidence.text(.daemons), !daemons.contains(part)
                else { return nil }
                let waiting = watch.inUsed?.value ?? 0
                let since = waiting > 0 ? context.held([watch.inUsed], seconds: 30) : nil
                return Symptom(
                    "\(name) does not run: \(does)", since: since, severity: since == nil ? .info : nil,
                    evidence: [
                        "running: \(daemons.isEmpty ? "none" : PlainText.clean(daemons))",
                        since.map { "\(waiting) bytes of the host wait for \(context.text(since: $0))" },
                    ])
            }),
        DoctorRule(
            "daemon-trouble", .warning, .guestProgram,
            "A service waits for its daemon, or lost it.",
            method: "the kernel log says so within ten minutes",
            cause: "The daemon ended or hangs, as when its own log lies on a file system that is frozen for a backup.",
            remedy: "Start the daemon again; keep its log off the file systems that it freezes.",
            source: "reference §8.8; longhorn/longhorn#7669",
            rows: [42, 43],
            search: .lines(.daemonTrouble, within: 600, "a service waits for its daemon")),
        DoctorRule(
            "heartbeat-silent", .warning, .hostProvider,
            "The host has stopped asking the guest for its heartbeat.",
            method: """
                the heartbeat channel is open, was interrupted before, and has had no interrupt for 60 s and three looks \
                while the rest of the bus moves
                """,
            cause: "The service was switched off on the host, or its side of the channel hangs.",
            remedy: "Look at the integration services of this VM on the host.",
            source: "reference §8.8: a heartbeat every 2 s; linuxkit#566",
            rows: [6],
            search: .openChannels { context, place, watch in
                guard place.kind == .heartbeat, let interrupts = watch.interrupts, interrupts.value > 0,
                    let grown = watch.interruptGrowth?.grewAt, let since = context.held([interrupts], seconds: 60),
                    grown <= since, (context.watch.moved[place.key.partition] ?? 0) > since
                else { return nil }
                return Symptom(
                    "no heartbeat request comes", since: since,
                    evidence: ["interrupts \(interrupts.value), " + context.unchanged(interrupts)])
            }),
        DoctorRule(
            "hot-add-failed", .warning, .guestKernel,
            "The host gave memory and the guest could not add it.",
            method: "the kernel log says so, the last line within an hour",
            cause: "The guest has no room in its memory map, or memory hot add is not built in.",
            remedy: "Give the VM more memory at its start; look at the balloon's state in debugfs.",
            source: "commit 8f6d0a742; kubernetes/minikube#1403",
            rows: [41],
            search: .lines(.hotAddFailed, within: 3600, "memory could not be added")),
        DoctorRule(
            "balloon-limited", .info, .operatorOfGuest,
            "The guest could not give back all the memory that the host asked for.",
            method: "the kernel log says so, the last line within an hour",
            cause: "The guest needs its memory, or it would fall below what the balloon driver leaves it.",
            remedy: "Look at what uses the memory; the host will ask again.",
            source: "reference §7.8",
            search: .lines(.balloonLimited, within: 3600, "a request for memory was fulfilled in part")),
        DoctorRule(
            "hibernation-trouble", .warning, .rootPartition,
            "Something went wrong around hibernation.",
            method: "the kernel log says so, the last line within an hour",
            cause: "The host offered other devices behind the resume than before, or a channel could not be closed.",
            remedy: "Compare the devices with those before; a restart brings all back.",
            source: "reference §7.8; commits f047d97d2, 6ed60e5ea, 5a3ca0082",
            rows: [46],
            search: .lines(.hibernationTrouble, within: 3600, "devices are missing or stuck around hibernation")),
        DoctorRule(
            "device-timed-out", .warning, .hostProvider,
            "A device did not answer in time.",
            method: "the kernel log says so within ten minutes",
            cause: "The host's side of the device hangs or was gone.",
            remedy: "Unbind and bind the driver; look at the host.",
            source: "reference §8.8: handshakes of 5 to 10 s; commit b334ff95a",
            rows: [48],
            search: .lines(.requestTimedOut, within: 600, "the device did not answer in time")),
        DoctorRule(
            "device-ejected", .info, .nobody,
            "A PCI device was taken away.",
            method: "the kernel log says so within ten minutes",
            cause: "The host services or removes it; virtual functions come and go.",
            remedy: "Nothing, if it comes back.",
            source: "reference §6.13",
            rows: [33],
            search: .lines(.deviceEjected, within: 600, "a PCI device was taken away")),
    ]

    /// Which daemon answers for a service.
    private static func daemon(_ kind: DeviceKind) -> (part: String, name: String, does: String)? {
        switch kind {
        case .keyValueExchange: ("kvp", "hv_kvp_daemon", "the host sees no address and cannot set one")
        case .backup: ("vss", "hv_vss_daemon", "backups of this guest are not consistent")
        case .fileCopy: ("fcopy", "hv_fcopy_daemon", "the host cannot copy files into the guest")
        default: nil
        }
    }
}
