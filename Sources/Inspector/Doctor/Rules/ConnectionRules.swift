import BusModel
import VMBusWire

/// Rules about the connection, drivers and what the kernel's log tells of them.
enum ConnectionRules {
    static let all: [DoctorRule] = [
        connectionFailed, taskBlocked, deviceWithoutDriver, deviceNotOpened, probeFailed, addFailed, closeFailed,
        operationFailed, messageUnknown, logFlood, offerRefused, offersNotRequested, oldVersion,
    ]

    /// Classes without which a guest has no disk or network.
    private static let needed: [DeviceKind] = [.network, .scsi, .ide, .fibreChannel]

    static let connectionFailed = DoctorRule(
        "connection-failed", .critical,
        "Guest and host could not agree on a version, so there are no devices.",
        method: "the kernel log says so, and no device is known",
        cause: "The host is too old or too new for this guest, or isolation asks for a version that it does not have.",
        remedy: "Look at the versions in the log; the driver's max_version may be set.",
        source: "reference §2.5, §7.8"
    ) { context in
        context.lines(.connectionFailed).compactMap { entry in
            guard context.snapshot.partition(entry.partition)?.devices.isEmpty != false else { return nil }
            return context.finding(
                "connection-failed", .critical, entry, .rootPartition, "no version was agreed on")
        }
    }

    static let taskBlocked = DoctorRule(
        "task-blocked", .critical,
        "A task of the kernel has been blocked for minutes.",
        method:
            "the kernel log says so within five minutes; critical when the line names a task or function of the bus",
        cause: "It waits for an answer of the host, or for another task that does.",
        remedy: "Look at the stack in the kernel log and at the Ledger; a disk that hangs blocks many tasks.",
        source: "WSL#41286; linuxkit#2724; docker/for-win#1994", rows: [1, 4, 11]
    ) { context in
        context.lines(.taskBlocked, within: 300).map { entry in
            let words = ["vmbus", "hv_", "netvsc", "storvsc", "hvsock", "vpci"]
            let isOurs = words.contains { contains(entry.text, $0) }
            return context.finding(
                "task-blocked", isOurs ? .critical : .warning, entry, .guestKernel,
                "a task is blocked for \(entry.firstNumber) s")
        }
    }

    private static func contains(_ text: String, _ part: String) -> Bool {
        let (text, part) = (Array(text.utf8), Array(part.utf8))
        guard part.count <= text.count else { return false }
        return (0...(text.count - part.count)).contains { text[$0..<$0 + part.count].elementsEqual(part) }
    }

    static let deviceWithoutDriver = DoctorRule(
        "device-without-driver", .warning,
        "A disk controller or network card has no driver.",
        method:
            "network and storage classes of a live guest without a driver; a warning when it lasts 10 s and three looks, "
            + "else only told",
        cause: "The driver is not loaded, its probe failed, or somebody unbound it for DPDK and did not bind another.",
        remedy: "Load the driver (hv_netvsc, hv_storvsc), or bind uio_hv_generic if that was meant.",
        source: "nff-go#446, #467; ecosystem §1.4", rows: [34]
    ) { context in
        guard context.kind == .live else { return [] }
        return context.devices.compactMap { place in
            guard needed.contains(place.kind), place.device.driver.outcome == .unavailable, let watch = place.watch,
                place.device.state.value != nil, place.device.state.value != 3
            else { return nil }
            let since = context.held(since: watch.driverSince, seconds: 10)
            return context.finding(
                "device-without-driver", since == nil ? .info : .warning, place, since: since, .operatorOfGuest,
                "no driver owns it",
                evidence: [
                    "state \(place.device.state.value ?? 0), no driver"
                        + (since.map { ", for \(context.text(since: $0))" } ?? ""),
                    "usual drivers: \(place.device.deviceClass.linuxDrivers.joined(separator: ", "))",
                ])
        }
    }

    static let deviceNotOpened = DoctorRule(
        "device-not-opened", .warning,
        "A driver owns a disk controller or network card and has not opened it.",
        method: "network and storage classes with a kernel driver in state 2 for 10 s and three looks",
        cause: "Opening failed; the driver keeps the device without using it.",
        remedy: "Look at the kernel log; unbind and bind the driver.",
        source: "reference §8.2; ecosystem §1.4, DeviceNotOpened", rows: [6, 31]
    ) { context in
        context.devices.compactMap { place in
            guard needed.contains(place.kind), let driver = place.device.driver.value, !driver.isEmpty,
                driver != "uio_hv_generic", let state = place.watch?.state, state.value == 2,
                let since = context.held(since: state.since, seconds: 10)
            else { return nil }
            return context.finding(
                "device-not-opened", .warning, place, since: since, .guestDriver,
                "\(PlainText.clean(driver)) has not opened it",
                evidence: ["state 2 (not open) for \(context.text(since: since))"])
        }
    }

    static let probeFailed = DoctorRule(
        "probe-failed", .warning,
        "A driver could not take a device.",
        method:
            "the kernel log tells of a failed probe or open, the last line within an hour, and the device is not open now",
        cause: "The error in the line says it: -19 no device, -22 bad value, -110 no answer in time.",
        remedy: "Try it again: bind the driver by hand, and look at the lines in front of this one.",
        source: "reference §7.8; linux-guest-data §1", rows: [6, 34]
    ) { context in
        let opens = context.lines(.channelOpenFailed, within: 3600)
        return (context.lines(.probeFailed, within: 3600) + opens).compactMap { entry in
            let device = context.devices.first {
                $0.device.instance == entry.device && $0.partition.number == entry.partition
            }
            guard device?.device.channels.first?.phase.value != .open else { return nil }
            return context.finding(
                "probe-failed", .warning, entry, .guestDriver,
                (entry.fact == .probeFailed ? "its driver failed with" : "its channel could not be opened:")
                    + " \(entry.firstNumber)")
        }
    }

    static let addFailed = DoctorRule(
        "add-failed", .warning,
        "A device was offered and the kernel could not add it.",
        method: "the kernel log says so, the last line within an hour",
        cause: "No memory, or the same device is still there.", remedy: "Look at the lines around it.",
        source: "reference §7.8", rows: [7]
    ) { context in
        context.lines(.addFailed, within: 3600).map {
            context.finding(
                "add-failed", .warning, $0, .guestKernel, "the device with relid \($0.firstNumber) could not be added")
        }
    }

    static let closeFailed = DoctorRule(
        "close-failed", .warning,
        "A channel could not be closed.",
        method: "the kernel log says so, the last line within ten minutes",
        cause:
            "The host did not take the message or refused the teardown; memory that it may still use is not given back.",
        remedy: "Look at the error; -19 comes behind a rescind and is harmless.",
        source: "reference §7.8; commit 91cac0030; commit 60cdd1283", rows: [15, 32, 49]
    ) { context in
        context.lines(.closeFailed, within: 600).map {
            context.finding(
                "close-failed", $0.firstNumber == -19 ? .info : .warning, $0, .guestDriver,
                "closing failed with \($0.firstNumber)")
        }
    }

    static let operationFailed = DoctorRule(
        "operation-failed", .info,
        "A driver of the bus says that something failed.",
        method: "a line of the kernel log that tells of a failure no other rule knows, the last within ten minutes",
        cause: "The line says it; an error is a negative errno.",
        remedy: "Look at the lines around it.", source: "reference §7.8"
    ) { context in
        context.lines(.operationFailed, within: 600).map {
            context.finding(
                "operation-failed", .info, $0, .guestDriver,
                "something failed" + ($0.firstNumber == 0 ? "" : " with \($0.firstNumber)"))
        }
    }

    static let messageUnknown = DoctorRule(
        "message-unknown", .warning,
        "The host sends messages that this kernel does not know or cannot take.",
        method: "the kernel log says so, the last line within ten minutes",
        cause: "A newer host, or a device's messages that are meant for another driver.",
        remedy: "Update the kernel, if something does not work.",
        source: "reference §7.8; commit cf7ad69a4", rows: [17]
    ) { context in
        context.lines(.messageUnknown, within: 600).map {
            context.finding(
                "message-unknown", $0.count >= 10 ? .warning : .info, $0, .hostProvider,
                "\($0.count) messages of unknown kind, the last of type \($0.firstNumber)")
        }
    }

    static let logFlood = DoctorRule(
        "log-flood", .warning,
        "The kernel log is flooded with one line.",
        method: "the last 64 lines about one fact and device came within 10 s, the last within ten minutes",
        cause: "A failure that is tried again at once, or messages that nobody takes.",
        remedy: "Look at the line; a full log can make a guest unusable.",
        source: "commits cf7ad69a4, 7c6a1d56e; WSL#9173", rows: [17, 36]
    ) { context in
        context.log.entries.compactMap { entry in
            guard entry.moments.count >= 64, let first = entry.moments.min(),
                context.age(entry.last) <= 600 * DoctorContext.second, entry.last >= first,
                entry.last - first <= 10 * DoctorContext.second
            else { return nil }
            var finding = context.finding(
                "log-flood", .warning, entry, .guestDriver,
                "\(entry.count) lines, 64 of them within \(DoctorContext.text(entry.last - first))")
            finding.since = first
            return finding
        }
    }

    static let offerRefused = DoctorRule(
        "offer-refused", .info,
        "The guest refused a device, as it is isolated from its host.",
        method: "the kernel log says so",
        cause: "A confidential guest takes only the classes that it trusts.",
        remedy: "Nothing: this is meant.", source: "reference §7.8, §7.9", rows: [49]
    ) { context in
        context.lines(.offerRefused).map {
            context.finding("offer-refused", .info, $0, .nobody, "\($0.count) offers were refused for isolation")
        }
    }

    static let offersNotRequested = DoctorRule(
        "offers-not-requested", .critical,
        "The guest could not ask for its devices.",
        method: "the kernel log says so, and no device is known",
        cause: "Posting the request failed.", remedy: "Restart the guest; look at the error.",
        source: "reference §7.8", rows: [6]
    ) { context in
        context.lines(.offersRequestFailed).compactMap { entry in
            guard context.snapshot.partition(entry.partition)?.devices.isEmpty != false else { return nil }
            return context.finding(
                "offers-not-requested", .critical, entry, .guestKernel,
                "asking for devices failed with \(entry.firstNumber)")
        }
    }

    static let oldVersion = DoctorRule(
        "version-old", .info,
        "The agreed version is too old for some of what can be done with channels.",
        method: "the negotiated version, or the one in the kernel log, is below 4.1",
        cause: "An old host, an old kernel, or the driver's max_version.",
        remedy: "Channels cannot be moved to other processors; nothing else is wrong.",
        source: "reference §2.1, §3.13"
    ) { context in
        context.snapshot.partitions.compactMap { partition in
            let logged = partition.evidence.text(.loggedVersion)
            let isOld = partition.version.value.map { $0 < .redstone3 } ?? (logged.flatMap { Double($0) } ?? 9 < 4.1)
            guard partition.role == .guest, isOld else { return nil }
            return context.finding(
                "version-old", .info, partition, since: nil, .nobody, "VMBus version below 4.1",
                evidence: [
                    "version \(partition.version.value?.description ?? logged ?? "")",
                    partition.evidence.text(.maximumVersion).map { "max_version \(PlainText.clean($0))" },
                ].compactMap { $0 })
        }
    }
}
