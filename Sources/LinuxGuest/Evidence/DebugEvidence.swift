import BusModel
import Platform

/// What somebody left switched on: debugging delays of channels, and tracing instances of a program of ours that died.
struct DebugEvidence: EvidenceKind {
    private static let delays = "/sys/kernel/debug/hyperv"
    private static let instances = "/sys/kernel/tracing/instances"

    var pace: EvidencePace { .seconds(30) }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        [
            AttributeReading(.debugDelays, text: delays(guest.files)),
            AttributeReading(.tracingLeftovers, text: leftovers(guest.files)),
        ].map { EvidenceFinding($0) }
    }

    private func delays(_ files: any FileLayer) -> Readout<String> {
        names(in: Self.delays, files).map { names in
            names.filter { name in
                files.readout("\(Self.delays)/\(name)/fuzz_test_state", as: AttributeText.counter).value == 1
            }.joined(separator: " ")
        }
    }

    private func leftovers(_ files: any FileLayer) -> Readout<String> {
        names(in: Self.instances, files).map { names in
            names.filter { $0.hasPrefix("vmbusscope-") && !isRunning($0, files) }.joined(separator: " ")
        }
    }

    /// Whether the process runs that `vmbusscope-PID-STARTTIME` names; a number alone may be another's by now.
    private func isRunning(_ name: String, _ files: any FileLayer) -> Bool {
        let parts = name.split(separator: "-")
        guard parts.count == 3, let process = UInt32(parts[1]), let start = UInt64(parts[2]),
            let bytes = try? files.read("/proc/\(process)/stat", limit: 4096)
        else { return false }
        // The second field is the program's name in brackets, which may hold anything; the start is the 22nd.
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 19 && UInt64(fields[19]) == start
    }

    private func names(in path: String, _ files: any FileLayer) -> Readout<[String]> {
        do {
            return .known(try files.names(in: path).map { PrintableText.harmless($0) })
        } catch {
            return Readout(error)
        }
    }
}
