import BusModel
import VMBusWire

/// Rules about the inspection itself: what it left behind, what slows the guest down for tests, what it may not read.
enum InspectionRules {
    static let all: [DoctorRule] = [
        DoctorRule(
            "tracing-leftovers", .warning, .operatorOfGuest,
            "A tracing instance of a program that has ended is still there.",
            method: "instances of this program's name in tracefs whose process is gone",
            cause: "A traced run was killed together with its watchdog.",
            remedy: """
                The next vmbusscope trace removes them first (--dry-run shows the writes); they cost memory, and time at \
                each event.
                """,
            source: "ecosystem §3.4",
            search: .words(.tracingLeftovers, "tracing was left on by a program that is gone")),
        DoctorRule(
            "debug-delays", .warning, .operatorOfGuest,
            "Delays for tests are switched on and slow channels down.",
            method: "fuzz_test_state in debugfs is 1",
            cause: "A test with vmbus_testing has not been ended.",
            remedy: "vmbus_testing disable_all, or write 0 to the files.",
            source: "reference §7.4; linux-guest-data §2",
            search: .words(.debugDelays, "debugging delays are on")),
        DoctorRule(
            "files-unreadable", .info, .operatorOfGuest,
            "Files that would tell more could not be read.",
            method: "files of the bus and its devices that gave an error that is not the one of a closed channel",
            cause: "The permission is missing, or a device was going away.",
            remedy: "Run it as root, or with CAP_DAC_READ_SEARCH, to read all.",
            source: "reference §7.12",
            search: .partitions { context, partition in
                let denied: Set<String> = ["EACCES", "EPERM"]
                // A copied tree keeps nothing of an error but an empty file.
                let ofClosedChannels: Set<String> = ["EINVAL", "ENODEV", "EMPTY"]
                var problems = partition.devices.flatMap(\.problems)
                if partition.role == .guest { problems += context.snapshot.problems }
                problems.removeAll { ofClosedChannels.contains($0.error) }
                guard !problems.isEmpty else { return nil }
                let missing = problems.filter { denied.contains($0.error) }
                let failed = problems.filter { !denied.contains($0.error) }
                let evidence = [("permission missing", missing), ("reading failed", failed)].map { why, list in
                    let names = list.prefix(4).map { "\(PlainText.clean($0.path)) (\(PlainText.clean($0.error)))" }
                    let all = names.joined(separator: ", ") + (list.count > 4 ? ", ..." : "")
                    return list.isEmpty ? nil : "\(list.count) file\(list.count == 1 ? "" : "s"), \(why): \(all)"
                }
                return Symptom(
                    "\(problems.count) files could not be read", actor: missing.isEmpty ? .nobody : nil,
                    evidence: evidence)
            }),
        DoctorRule(
            "records-missing", .info, .nobody,
            "The log has gaps, so a request may look unanswered that was answered.",
            method: "jumps in the records' numbers",
            cause: "The source could not keep up, or the recording was cut.",
            remedy: "Record less at once; do not trust ages across the gap.",
            source: "DESIGN, the log",
            search: RuleSearch { rule, context in
                guard context.missingRecords > 0 else { return [] }
                let symptom = Symptom(
                    "\(context.missingRecords) records are missing",
                    evidence: ["\(context.missingRecords) numbers were left out"])
                return [rule.finding(symptom, of: .inspector, "log")]
            }),
    ]
}
