import BusModel
import Platform

/// Which processors run now.
struct OnlineProcessorEvidence: EvidenceKind {
    var pace: EvidencePace { .eachLook }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        [EvidenceFinding(ProcessorList.reading(.onlineProcessors, "online", guest.files))]
    }
}

/// Which processors there could be, which are kept from the scheduler, and to which NUMA nodes they belong.
struct ProcessorLayoutEvidence: EvidenceKind {
    private static let nodes = "/sys/devices/system/node"
    /// A kernel has at most 1024 nodes.
    private static let mostNodes = 1024

    var pace: EvidencePace { .seconds(60) }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        [
            ProcessorList.reading(.possibleProcessors, "possible", guest.files),
            ProcessorList.reading(.isolatedProcessors, "isolated", guest.files),
            AttributeReading(.processorNodes, text: nodes(guest.files)),
        ].map { EvidenceFinding($0) }
    }

    private func nodes(_ files: any FileLayer) -> Readout<String> {
        let names: [String]
        do {
            names = try files.names(in: Self.nodes)
        } catch {
            return Readout(error)
        }
        let numbers = names.filter { $0.hasPrefix("node") }.compactMap { UInt32($0.dropFirst(4)) }.sorted()
        var parts: [String] = []
        for number in numbers.prefix(Self.mostNodes) {
            switch ProcessorList.list("\(Self.nodes)/node\(number)/cpulist", files) {
            case .known(let list): parts.append("\(number):\(list)")
            case .missing: continue
            case .failed(let failure): return .failed(failure)
            }
        }
        return parts.isEmpty ? .missing : .known(parts.joined(separator: " "))
    }
}

/// Files that hold a list of processors.
private enum ProcessorList {
    static func reading(_ attribute: Attribute, _ name: String, _ files: any FileLayer) -> AttributeReading {
        AttributeReading(attribute, text: list("/sys/devices/system/cpu/" + name, files))
    }

    /// The list in the kernel's spelling; empty if no processor is meant, as for isolated ones nearly always.
    static func list(_ path: String, _ files: any FileLayer) -> Readout<String> {
        files.readout(path) { bytes throws(FormatError) in
            guard bytes != [UInt8(ascii: "\n")] else { return "" }
            _ = try CPUList.count(bytes)
            return try AttributeText.text(bytes)
        }
    }
}
