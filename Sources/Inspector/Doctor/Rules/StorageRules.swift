import BusModel
import VMBusWire

/// Rules about disks (anchors D.4).
enum StorageRules {
    static let all: [DoctorRule] = [disksStuck, diskTimeouts, diskErrors, storageLog]

    private static func devices(_ context: DoctorContext) -> [DeviceCase] {
        context.devices.filter { [.scsi, .ide, .fibreChannel].contains($0.kind) }
    }

    static let disksStuck = DoctorRule(
        "disks-stuck", .critical,
        "Disk requests are in flight and none is completed.",
        method: "requests in flight are above zero and the completed ones do not grow for 30 s and three looks",
        cause: "The host's storage hangs or fails over, or a completion was lost.",
        remedy: "Look at the storage on the host. Linux resets the request after its time limit.",
        source: "commit 16b1c98f6", rows: [37]
    ) { context in
        devices(context).compactMap { place in
            guard let flight = place.watch?.steady[Attribute.diskInFlight.rawValue], flight.value > 0,
                let completed = place.watch?.steady[Attribute.diskCompleted.rawValue],
                let since = context.held([flight, completed], seconds: 30)
            else { return nil }
            let carries = place.evidence.text(.carries).flatMap { $0.isEmpty ? nil : PlainText.clean($0) }
            return context.finding(
                "disks-stuck", .critical, place, since: since, .hostProvider,
                "\(flight.value) disk requests wait" + (carries.map { ", of the \($0)" } ?? ""),
                evidence: [
                    "\(flight.value) in flight for \(context.text(since: flight.since))",
                    "\(completed.value) completed, unchanged for \(context.text(since: completed.since))",
                ])
        }
    }

    /// A finding for every disk controller of which a counter has grown.
    private static func growing(
        _ rule: String, _ attribute: Attribute, _ context: DoctorContext, _ text: String
    ) -> [Finding] {
        devices(context).compactMap { place in
            guard let name = attribute.meaning, let growth = place.watch?.counters[name], growth.growth.count > 0,
                let last = growth.grewAt
            else { return nil }
            return context.finding(
                rule, .warning, place, since: growth.grewFirst, .hostProvider, "\(growth.growth.count) \(text)",
                evidence: [
                    "grew by \(growth.growth.count) within \(DoctorContext.text(growth.growth.nanoseconds))",
                    "the last \(context.text(since: last)) ago",
                ])
        }
    }

    static let diskTimeouts = DoctorRule(
        "disk-timeouts", .warning,
        "Disk requests were not answered in time.",
        method: "the kernel's count of timeouts (iotmo_cnt) grew within ten minutes",
        cause: "The host's storage is slow or hangs.",
        remedy: "Look at the storage on the host, and at the disk's limits (IOPS, throughput).",
        source: "commit 16b1c98f6", rows: [37]
    ) { context in growing("disk-timeouts", .diskTimeouts, context, "requests timed out") }

    static let diskErrors = DoctorRule(
        "disk-errors", .warning,
        "Disk requests end with errors.",
        method: "the kernel's count of errors (ioerr_cnt) grew by more than five within ten minutes",
        cause: "The host refuses commands or the disk fails. Single errors are commands that the host does not know.",
        remedy: "Look at the kernel log for the status.",
        source: "kubernetes-sigs/azuredisk-csi-driver#2979", rows: [36, 40]
    ) { context in
        growing("disk-errors", .diskErrors, context, "requests ended with an error").filter { finding in
            guard case .device(let partition, let instance) = finding.subject,
                let name = Attribute.diskErrors.meaning,
                let growth = context.watch.device(partition, instance)?.counters[name]
            else { return false }
            return growth.growth.count > 5
        }
    }

    static let storageLog = DoctorRule(
        "storage-log-errors", .warning,
        "The kernel log is full of storage errors.",
        method: "ten or more lines about failed storage requests, the last within ten minutes; fewer are only told",
        cause:
            "A repeated command that the host refuses, or a disk that fails. Probing a disk for SMART leaves a few harmless "
            + "ones.",
        remedy: "Look at SCSI and SRB status in the lines; SRB 0x20 with SCSI 0x0a is a disk that was taken away.",
        source: "commit 7c6a1d56e; WSL#9173", rows: [36, 40]
    ) { context in
        context.lines(.storageError, within: 600).map { entry in
            var finding = context.finding(
                "storage-log-errors", entry.count >= 10 ? .warning : .info, entry, .hostProvider,
                "\(entry.count) storage request\(entry.count == 1 ? "" : "s") failed")
            finding.evidence.append(
                "last SCSI status \(Hexadecimal.prefixed(UInt64(bitPattern: entry.firstNumber))), "
                    + "SRB status \(Hexadecimal.prefixed(UInt64(bitPattern: entry.secondNumber)))")
            return finding
        }
    }
}
