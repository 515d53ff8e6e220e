import BusModel
import VMBusWire

/// Rules about disks (anchors D.4).
enum StorageRules {
    private static let controllers: [DeviceKind] = [.scsi, .ide, .fibreChannel]

    static let all: [DoctorRule] = [
        DoctorRule(
            "disks-stuck", .critical, .hostProvider,
            "Disk requests are in flight and none is completed.",
            method: "requests in flight are above zero and the completed ones do not grow for 30 s and three looks",
            cause: "The host's storage hangs or fails over, or a completion was lost.",
            remedy: "Look at the storage on the host. Linux resets the request after its time limit.",
            source: "commit 16b1c98f6",
            rows: [37],
            search: .devices(controllers) { context, place, watch in
                guard let flight = watch.steady[Attribute.diskInFlight.rawValue], flight.value > 0,
                    let completed = watch.steady[Attribute.diskCompleted.rawValue],
                    let since = context.held([flight, completed], seconds: 30)
                else { return nil }
                let carries = place.evidence.text(.carries).flatMap { $0.isEmpty ? nil : PlainText.clean($0) }
                return Symptom(
                    "\(flight.value) disk requests wait" + (carries.map { ", of the \($0)" } ?? ""), since: since,
                    evidence: [
                        "\(flight.value) in flight for \(context.text(since: flight.since))",
                        "\(completed.value) completed, unchanged for \(context.text(since: completed.since))",
                    ])
            }),
        DoctorRule(
            "disk-timeouts", .warning, .hostProvider,
            "Disk requests were not answered in time.",
            method: "the kernel's count of timeouts (iotmo_cnt) grew within ten minutes",
            cause: "The host's storage is slow or hangs.",
            remedy: "Look at the storage on the host, and at the disk's limits (IOPS, throughput).",
            source: "commit 16b1c98f6",
            rows: [37],
            search: .growth(of: "disk_timeouts", controllers, "requests timed out")),
        DoctorRule(
            "disk-errors", .warning, .hostProvider,
            "Disk requests end with errors.",
            method: "the kernel's count of errors (ioerr_cnt) grew by more than five within ten minutes",
            cause:
                "The host refuses commands or the disk fails. Single errors are commands that the host does not know.",
            remedy: "Look at the kernel log for the status.",
            source: "kubernetes-sigs/azuredisk-csi-driver#2979",
            rows: [36, 40],
            search: .growth(of: "disk_errors", controllers, "requests ended with an error", by: 6)),
        DoctorRule(
            "storage-log-errors", .warning, .hostProvider,
            "The kernel log is full of storage errors.",
            method: "ten or more lines about failed storage requests, the last within ten minutes; fewer are only told",
            cause: """
                A repeated command that the host refuses, or a disk that fails. Probing a disk for SMART leaves a few \
                harmless ones.
                """,
            remedy: "Look at SCSI and SRB status in the lines; SRB 0x20 with SCSI 0x0a is a disk that was taken away.",
            source: "commit 7c6a1d56e; WSL#9173",
            rows: [36, 40],
            search: .lines(.storageError, within: 600) { _, entry in
                let scsi = Hexadecimal.prefixed(UInt64(bitPattern: entry.firstNumber))
                let srb = Hexadecimal.prefixed(UInt64(bitPattern: entry.secondNumber))
                return Symptom(
                    "\(entry.count) storage request\(entry.count == 1 ? "" : "s") failed",
                    severity: entry.count >= 10 ? nil : .info,
                    evidence: ["last SCSI status \(scsi), SRB status \(srb)"])
            }),
    ]
}
