import BusModel
import Glibc
import Platform

/// Which daemons of the integration services run; without them host and guest exchange no keys, copy no files and freeze no file
/// systems.
struct DaemonEvidence: EvidenceKind {
    /// Far more processes than a guest with a question has; the rest is not looked at.
    private static let mostProcesses = 32_768

    /// The kernel keeps 15 bytes of a name. Distributions spell them in two ways.
    private static let names: [(daemon: String, spellings: [String])] = [
        ("hv_kvp_daemon", ["hv_kvp_daemon", "hypervkvpd", "hv-kvp-daemon"]),
        ("hv_vss_daemon", ["hv_vss_daemon", "hypervvssd", "hv-vss-daemon"]),
        ("hv_fcopy_daemon", ["hv_fcopy_daemon", "hypervfcopyd", "hv-fcopy-daemon"]),
        ("hv_fcopy_uio_daemon", ["hv_fcopy_uio_da", "hypervfcopyuiod"]),
    ]

    var pace: EvidencePace { .seconds(30) }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        [EvidenceFinding(AttributeReading(.daemons, text: daemons(guest.files)))]
    }

    private func daemons(_ files: any FileLayer) -> Readout<String> {
        let processes: [String]
        do {
            processes = try files.names(in: "/proc").filter { UInt32($0) != nil }
        } catch {
            return Readout(error)
        }
        guard !processes.isEmpty else { return .missing }
        // With hidepid only one's own processes are there, of which none says what runs.
        guard processes.contains("1") else { return .failed(.hidden) }
        var running: Set<String> = []
        for process in processes.prefix(Self.mostProcesses) {
            guard let name = files.readout("/proc/\(process)/comm", limit: 64, as: AttributeText.text).value,
                let known = Self.names.first(where: { $0.spellings.contains(name) })
            else { continue }
            running.insert(known.daemon)
        }
        return .known(Self.names.map(\.daemon).filter(running.contains).joined(separator: " "))
    }
}

extension ReadFailure {
    /// What is there and kept from this user.
    fileprivate static let hidden = ReadFailure.refused(EPERM)
}
