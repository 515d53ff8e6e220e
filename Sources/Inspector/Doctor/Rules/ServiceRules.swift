import BusModel
import VMBusWire

/// Rules about integration services, memory and hibernation (anchors D.5).
enum ServiceRules {
    static let all: [DoctorRule] = [
        daemonMissing, daemonTrouble, heartbeatSilent, hotAddFailed, balloonLimited, hibernationTrouble,
        requestTimedOut, deviceEjected,
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

    static let daemonMissing = DoctorRule(
        "daemon-missing", .warning,
        "The host offers a service whose daemon does not run in the guest.",
        method:
            "the service's device is open and the list of running daemons does not hold its daemon; a warning while bytes "
            + "of the host wait for it for 30 s, else only told",
        cause: "The package is not installed, or the daemon ended.",
        remedy: "Install and start the daemon (hyperv-daemons, linux-cloud-tools), if the service is wanted.",
        source: "linux-guest-data §7; hashicorp/packer#5049, home-assistant/operating-system#2376", rows: [6, 42, 43]
    ) { context in
        context.channels.compactMap { place in
            guard let (part, name, does) = daemon(place.kind), place.key.subchannel == 0, place.isOpen,
                let daemons = place.partition.evidence.text(.daemons), !daemons.contains(part)
            else { return nil }
            let waits = (place.watch?.inUsed?.value ?? 0) > 0
            let since = waits ? context.held([place.watch?.inUsed], seconds: 30) : nil
            return context.finding(
                "daemon-missing", since == nil ? .info : .warning, place, since: since, .operatorOfGuest,
                "\(name) does not run: \(does)",
                evidence: [
                    "running: \(daemons.isEmpty ? "none" : PlainText.clean(daemons))",
                    since.map {
                        "\(place.watch?.inUsed?.value ?? 0) bytes of the host wait for \(context.text(since: $0))"
                    },
                ].compactMap { $0 })
        }
    }

    static let daemonTrouble = DoctorRule(
        "daemon-trouble", .warning,
        "A service waits for its daemon, or lost it.",
        method: "the kernel log says so within ten minutes",
        cause: "The daemon ended or hangs, as when its own log lies on a file system that is frozen for a backup.",
        remedy: "Start the daemon again; keep its log off the file systems that it freezes.",
        source: "reference §8.8; longhorn/longhorn#7669", rows: [42, 43]
    ) { context in
        context.lines(.daemonTrouble, within: 600).map {
            context.finding("daemon-trouble", .warning, $0, .guestProgram, "a service waits for its daemon")
        }
    }

    static let heartbeatSilent = DoctorRule(
        "heartbeat-silent", .warning,
        "The host has stopped asking the guest for its heartbeat.",
        method:
            "the heartbeat channel is open, was interrupted before, and has had no interrupt for 60 s and three looks "
            + "while the rest of the bus moves",
        cause: "The service was switched off on the host, or its side of the channel hangs.",
        remedy: "Look at the integration services of this VM on the host.",
        source: "reference §8.8: a heartbeat every 2 s; linuxkit#566", rows: [6]
    ) { context in
        context.channels.compactMap { place in
            guard place.kind == .heartbeat, place.isOpen, let watch = place.watch, let interrupts = watch.interrupts,
                interrupts.value > 0, let grown = watch.interruptGrowth?.grewAt,
                let since = context.held([interrupts], seconds: 60), grown <= since,
                (context.watch.moved[place.key.partition] ?? 0) > since
            else { return nil }
            return context.finding(
                "heartbeat-silent", .warning, place, since: since, .hostProvider, "no heartbeat request comes",
                evidence: ["interrupts \(interrupts.value), unchanged for \(context.text(since: since))"])
        }
    }

    static let hotAddFailed = DoctorRule(
        "hot-add-failed", .warning,
        "The host gave memory and the guest could not add it.",
        method: "the kernel log says so, the last line within an hour",
        cause: "The guest has no room in its memory map, or memory hot add is not built in.",
        remedy: "Give the VM more memory at its start; look at the balloon's state in debugfs.",
        source: "commit 8f6d0a742; kubernetes/minikube#1403", rows: [41]
    ) { context in
        context.lines(.hotAddFailed, within: 3600).map {
            context.finding("hot-add-failed", .warning, $0, .guestKernel, "memory could not be added")
        }
    }

    static let balloonLimited = DoctorRule(
        "balloon-limited", .info,
        "The guest could not give back all the memory that the host asked for.",
        method: "the kernel log says so, the last line within an hour",
        cause: "The guest needs its memory, or it would fall below what the balloon driver leaves it.",
        remedy: "Look at what uses the memory; the host will ask again.",
        source: "reference §7.8"
    ) { context in
        context.lines(.balloonLimited, within: 3600).map {
            context.finding(
                "balloon-limited", .info, $0, .operatorOfGuest, "a request for memory was fulfilled in part")
        }
    }

    static let hibernationTrouble = DoctorRule(
        "hibernation-trouble", .warning,
        "Something went wrong around hibernation.",
        method: "the kernel log says so, the last line within an hour",
        cause: "The host offered other devices behind the resume than before, or a channel could not be closed.",
        remedy: "Compare the devices with those before; a restart brings all back.",
        source: "reference §7.8; commits f047d97d2, 6ed60e5ea, 5a3ca0082", rows: [46]
    ) { context in
        context.lines(.hibernationTrouble, within: 3600).map {
            context.finding(
                "hibernation-trouble", .warning, $0, .rootPartition, "devices are missing or stuck around hibernation")
        }
    }

    static let requestTimedOut = DoctorRule(
        "device-timed-out", .warning,
        "A device did not answer in time.",
        method: "the kernel log says so within ten minutes",
        cause: "The host's side of the device hangs or was gone.",
        remedy: "Unbind and bind the driver; look at the host.",
        source: "reference §8.8: handshakes of 5 to 10 s; commit b334ff95a", rows: [48]
    ) { context in
        context.lines(.requestTimedOut, within: 600).map {
            context.finding("device-timed-out", .warning, $0, .hostProvider, "the device did not answer in time")
        }
    }

    static let deviceEjected = DoctorRule(
        "device-ejected", .info,
        "A PCI device was taken away.",
        method: "the kernel log says so within ten minutes",
        cause: "The host services or removes it; virtual functions come and go.",
        remedy: "Nothing, if it comes back.",
        source: "reference §6.13", rows: [33]
    ) { context in
        context.lines(.deviceEjected, within: 600).map {
            context.finding("device-ejected", .info, $0, .nobody, "a PCI device was taken away")
        }
    }
}
