import BusModel
import Platform

/// What somebody left switched on: debugging delays of channels, and tracing instances of a program of ours that died.
struct DebugEvidence: EvidenceKind {
    private static let delays = "/sys/kernel/debug/hyperv"

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
        let tracing = TracingFiles(files: files)
        let root = (try? tracing.root()) ?? TracingFiles.usualPlace
        return names(in: root + "/instances", files).map { $0.filter(tracing.isLeftover).joined(separator: " ") }
    }

    private func names(in path: String, _ files: any FileLayer) -> Readout<[String]> {
        do {
            return .known(try files.names(in: path).map { PrintableText.harmless($0) })
        } catch {
            return Readout(error)
        }
    }
}
