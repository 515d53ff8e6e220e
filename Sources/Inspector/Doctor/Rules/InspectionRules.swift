import BusModel
import VMBusWire

/// Rules about the inspection itself: what it left behind, what slows the guest down for tests, what it may not read.
enum InspectionRules {
    static let all: [DoctorRule] = [tracingLeftovers, debugDelays, unreadable, recordsMissing]

    static let tracingLeftovers = DoctorRule(
        "tracing-leftovers", .warning,
        "A tracing instance of a program that has ended is still there.",
        method: "instances of this program's name in tracefs whose process is gone",
        cause: "A traced run was killed together with its watchdog.",
        remedy:
            "The next vmbusscope trace removes them first (--dry-run shows the writes); they cost memory, and time at each event.",
        source: "ecosystem §3.4"
    ) { context in
        context.snapshot.partitions.compactMap { partition in
            guard let text = partition.evidence.text(.tracingLeftovers), !text.isEmpty else { return nil }
            return context.finding(
                "tracing-leftovers", .warning, partition, since: nil, .operatorOfGuest,
                "tracing was left on by a program that is gone", evidence: [PlainText.clean(text)])
        }
    }

    static let debugDelays = DoctorRule(
        "debug-delays", .warning,
        "Delays for tests are switched on and slow channels down.",
        method: "fuzz_test_state in debugfs is 1",
        cause: "A test with vmbus_testing has not been ended.",
        remedy: "vmbus_testing disable_all, or write 0 to the files.",
        source: "reference §7.4; linux-guest-data §2"
    ) { context in
        context.snapshot.partitions.compactMap { partition in
            guard let text = partition.evidence.text(.debugDelays), !text.isEmpty else { return nil }
            return context.finding(
                "debug-delays", .warning, partition, since: nil, .operatorOfGuest, "debugging delays are on",
                evidence: [PlainText.clean(text)])
        }
    }

    static let unreadable = DoctorRule(
        "files-unreadable", .info,
        "Files that would tell more could not be read.",
        method: "files of the bus and its devices that gave an error that is not the one of a closed channel",
        cause: "The permission is missing, or a device was going away.",
        remedy: "Run it as root, or with CAP_DAC_READ_SEARCH, to read all.",
        source: "reference §7.12"
    ) { context in
        let denied: Set<String> = ["EACCES", "EPERM"]
        // A copied tree keeps nothing of an error but an empty file.
        let ofClosedChannels: Set<String> = ["EINVAL", "ENODEV", "EMPTY"]
        return context.snapshot.partitions.compactMap { partition in
            var problems = partition.devices.flatMap(\.problems)
            if partition.role == .guest { problems += context.snapshot.problems }
            let missing = problems.filter { denied.contains($0.error) }
            let failed = problems.filter { !denied.contains($0.error) && !ofClosedChannels.contains($0.error) }
            guard !missing.isEmpty || !failed.isEmpty else { return nil }
            var evidence: [String] = []
            for (list, why) in [(missing, "permission missing"), (failed, "reading failed")] where !list.isEmpty {
                let names = list.prefix(4).map { "\(PlainText.clean($0.path)) (\(PlainText.clean($0.error)))" }
                evidence.append(
                    "\(list.count) file\(list.count == 1 ? "" : "s"), \(why): " + names.joined(separator: ", ")
                        + (list.count > 4 ? ", ..." : ""))
            }
            return context.finding(
                "files-unreadable", .info, partition, since: nil, missing.isEmpty ? .nobody : .operatorOfGuest,
                "\(missing.count + failed.count) files could not be read", evidence: evidence)
        }
    }

    static let recordsMissing = DoctorRule(
        "records-missing", .info,
        "The log has gaps, so a request may look unanswered that was answered.",
        method: "jumps in the records' numbers",
        cause: "The source could not keep up, or the recording was cut.",
        remedy: "Record less at once; do not trust ages across the gap.",
        source: "DESIGN, the log"
    ) { context in
        guard context.missingRecords > 0 else { return [] }
        return [
            Finding(
                rule: "records-missing", severity: .info, subject: .inspector, label: "log",
                text: "\(context.missingRecords) records are missing", since: nil, actor: .nobody,
                evidence: ["\(context.missingRecords) numbers were left out"])
        ]
    }
}
