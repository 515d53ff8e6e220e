import BusModel
import VMBusWire

/// Rules about the connection, drivers and what the kernel's log tells of them.
enum ConnectionRules {
    /// Classes without which a guest has no disk or network.
    private static let needed: [DeviceKind] = [.network, .scsi, .ide, .fibreChannel]

    static let all: [DoctorRule] = [
        DoctorRule(
            "connection-failed", .critical, .rootPartition,
            "Guest and host could not agree on a version, so there are no devices.",
            method: "the kernel log says so, and no device is known",
            cause: """
                The host is too old or too new for this guest, or isolation asks for a version that it does not have.
                """,
            remedy: "Look at the versions in the log; the driver's max_version may be set.",
            source: "reference §2.5, §7.8",
            search: .lines(.connectionFailed) { context, entry in
                context.hasDevices(entry.partition) ? nil : Symptom("no version was agreed on")
            }),
        DoctorRule(
            "task-blocked", .critical, .guestKernel,
            "A task of the kernel has been blocked for minutes.",
            method: """
                the kernel log says so within five minutes; critical when the line names a task or function of the bus
                """,
            cause: "It waits for an answer of the host, or for another task that does.",
            remedy: "Look at the stack in the kernel log and at the Ledger; a disk that hangs blocks many tasks.",
            source: "WSL#41286; linuxkit#2724; docker/for-win#1994",
            rows: [1, 4, 11],
            search: .lines(.taskBlocked, within: 300) { _, entry in
                let words = ["vmbus", "hv_", "netvsc", "storvsc", "hvsock", "vpci"]
                let isOurs = words.contains { entry.text.utf8.firstRange(of: $0.utf8) != nil }
                return Symptom(
                    "a task is blocked for \(entry.firstNumber) s", severity: isOurs ? nil : .warning)
            }),
        DoctorRule(
            "device-without-driver", .warning, .operatorOfGuest,
            "A disk controller or network card has no driver.",
            method: """
                network and storage classes of a live guest without a driver; a warning when it lasts 10 s and three \
                looks, else only told
                """,
            cause:
                "The driver is not loaded, its probe failed, or somebody unbound it for DPDK and did not bind another.",
            remedy: "Load the driver (hv_netvsc, hv_storvsc), or bind uio_hv_generic if that was meant.",
            source: "nff-go#446, #467; ecosystem §1.4",
            rows: [34],
            search: .devices(needed) { context, place, watch in
                guard context.kind == .live, place.device.driver.outcome == .unavailable,
                    let state = place.device.state.value, state != 3
                else { return nil }
                let since = context.held(since: watch.driverSince, of: watch, seconds: 10)
                return Symptom(
                    "no driver owns it", since: since, severity: since == nil ? .info : nil,
                    evidence: [
                        "state \(state), no driver" + (since.map { ", for \(context.text(since: $0))" } ?? ""),
                        "usual drivers: \(place.device.deviceClass.linuxDrivers.joined(separator: ", "))",
                    ])
            }),
        DoctorRule(
            "device-not-opened", .warning, .guestDriver,
            "A driver owns a disk controller or network card and has not opened it.",
            method: "network and storage classes with a kernel driver in state 2 for 10 s and three looks",
            cause: "Opening failed; the driver keeps the device without using it.",
            remedy: "Look at the kernel log; unbind and bind the driver.",
            source: "reference §8.2; ecosystem §1.4, DeviceNotOpened",
            rows: [6, 31],
            search: .state(2, "not open", needed, seconds: 10) { _, place in
                guard let driver = place.device.driver.value, !driver.isEmpty, driver != "uio_hv_generic" else {
                    return nil
                }
                return "\(PlainText.clean(driver)) has not opened it"
            }),
        DoctorRule(
            "probe-failed", .warning, .guestDriver,
            "A driver could not take a device.",
            method: """
                the kernel log tells of a failed probe or open, the last line within an hour, and the device is not open now
                """,
            cause: "The error in the line says it: -19 no device, -22 bad value, -110 no answer in time.",
            remedy: "Try it again: bind the driver by hand, and look at the lines in front of this one.",
            source: "reference §7.8; linux-guest-data §1",
            rows: [6, 34],
            search: .lines(.probeFailed, .channelOpenFailed, within: 3600) { context, entry in
                let channels = context.snapshot.device(entry.partition, entry.device)?.channels
                guard channels?.first?.phase.value != .open else { return nil }
                let what = entry.fact == .probeFailed ? "its driver failed with" : "its channel could not be opened:"
                return Symptom("\(what) \(entry.firstNumber)")
            }),
        DoctorRule(
            "add-failed", .warning, .guestKernel,
            "A device was offered and the kernel could not add it.",
            method: "the kernel log says so, the last line within an hour",
            cause: "No memory, or the same device is still there.",
            remedy: "Look at the lines around it.",
            source: "reference §7.8",
            rows: [7],
            search: .lines(.addFailed, within: 3600) {
                Symptom("the device with relid \($1.firstNumber) could not be added")
            }),
        DoctorRule(
            "close-failed", .warning, .guestDriver,
            "A channel could not be closed.",
            method: "the kernel log says so, the last line within ten minutes",
            cause: """
                The host did not take the message or refused the teardown; memory that it may still use is not given back.
                """,
            remedy: "Look at the error; -19 comes behind a rescind and is harmless.",
            source: "reference §7.8; commit 91cac0030; commit 60cdd1283",
            rows: [15, 32, 49],
            search: .lines(.closeFailed, within: 600) {
                Symptom("closing failed with \($1.firstNumber)", severity: $1.firstNumber == -19 ? .info : nil)
            }),
        DoctorRule(
            "operation-failed", .info, .guestDriver,
            "A driver of the bus says that something failed.",
            method: "a line of the kernel log that tells of a failure no other rule knows, the last within ten minutes",
            cause: "The line says it; an error is a negative errno.",
            remedy: "Look at the lines around it.",
            source: "reference §7.8",
            search: .lines(.operationFailed, within: 600) {
                Symptom("something failed" + ($1.firstNumber == 0 ? "" : " with \($1.firstNumber)"))
            }),
        DoctorRule(
            "message-unknown", .warning, .hostProvider,
            "The host sends messages that this kernel does not know or cannot take.",
            method: "the kernel log says so, the last line within ten minutes; a warning from ten lines on",
            cause: "A newer host, or a device's messages that are meant for another driver.",
            remedy: "Update the kernel, if something does not work.",
            source: "reference §7.8; commit cf7ad69a4",
            rows: [17],
            search: .lines(.messageUnknown, within: 600) {
                Symptom(
                    "\($1.count) messages of unknown kind, the last of type \($1.firstNumber)",
                    severity: $1.count >= 10 ? nil : .info)
            }),
        DoctorRule(
            "log-flood", .warning, .guestDriver,
            "The kernel log is flooded with one line.",
            method: """
                the last 64 lines about one fact and device came within 10 s, the last within ten minutes; lines that were \
                only counted are as old as the last of them
                """,
            cause: "A failure that is tried again at once, or messages that nobody takes.",
            remedy: "Look at the line; a full log can make a guest unusable.",
            source: "commits cf7ad69a4, 7c6a1d56e; WSL#9173",
            rows: [17, 36],
            search: RuleSearch { rule, context in
                context.log.entries.compactMap { entry in
                    guard entry.moments.count >= LogEntry.mostMoments, let first = entry.moments.min(),
                        context.isWithin(600, entry.last),
                        entry.last - min(entry.last, first) <= 10 * DoctorContext.second
                    else { return nil }
                    let (subject, label) = context.subject(entry)
                    let symptom = Symptom(
                        "\(entry.count) lines, \(LogEntry.mostMoments) of them within 10 s", since: first,
                        evidence: context.evidence(entry))
                    return rule.finding(symptom, of: subject, label)
                }
            }),
        DoctorRule(
            "offer-refused", .info, .nobody,
            "The guest refused a device, as it is isolated from its host.",
            method: "the kernel log says so",
            cause: "A confidential guest takes only the classes that it trusts.",
            remedy: "Nothing: this is meant.",
            source: "reference §7.8, §7.9",
            rows: [49],
            search: .lines(.offerRefused) { Symptom("\($1.count) offers were refused for isolation") }),
        DoctorRule(
            "offers-not-requested", .critical, .guestKernel,
            "The guest could not ask for its devices.",
            method: "the kernel log says so, and no device is known",
            cause: "Posting the request failed.",
            remedy: "Restart the guest; look at the error.",
            source: "reference §7.8",
            rows: [6],
            search: .lines(.offersRequestFailed) { context, entry in
                context.hasDevices(entry.partition)
                    ? nil : Symptom("asking for devices failed with \(entry.firstNumber)")
            }),
        DoctorRule(
            "version-old", .info, .nobody,
            "The agreed version is too old for some of what can be done with channels.",
            method: "the negotiated version, or the one in the kernel log, is below 4.1",
            cause: "An old host, an old kernel, or the driver's max_version.",
            remedy: "Channels cannot be moved to other processors; nothing else is wrong.",
            source: "reference §2.1, §3.13",
            search: .partitions { _, partition in
                let logged = partition.evidence.text(.loggedVersion)
                let isOld =
                    partition.version.value.map { $0 < .redstone3 } ?? (logged.flatMap { Double($0) } ?? 9 < 4.1)
                guard partition.role == .guest, isOld else { return nil }
                return Symptom(
                    "VMBus version below 4.1",
                    evidence: [
                        "version \(partition.version.value?.description ?? logged ?? "")",
                        partition.evidence.text(.maximumVersion).map { "max_version \(PlainText.clean($0))" },
                    ])
            }),
    ]
}

extension DoctorContext {
    fileprivate func hasDevices(_ partition: UInt16) -> Bool {
        snapshot.partition(partition)?.devices.isEmpty == false
    }
}
