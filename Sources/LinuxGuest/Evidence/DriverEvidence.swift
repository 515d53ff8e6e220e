import BusModel
import Platform
import VMBusWire

/// How the bus driver and the kernel are set: the highest version to ask for, hibernation, lockdown.
struct DriverEvidence: EvidenceKind {
    var pace: EvidencePace { .seconds(60) }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        let version = guest.files.readout("/sys/module/hv_vmbus/parameters/max_version", as: AttributeText.unsigned)
        let hibernation = guest.files.readout("/sys/bus/vmbus/hibernation", as: AttributeText.counter)
        let lockdown = guest.files.readout("/sys/kernel/security/lockdown", as: Self.chosen)
        return [
            AttributeReading(.maximumVersion, text: version.map { "\($0 >> 16).\($0 & 0xFFFF)" }),
            AttributeReading(.hibernation, number: hibernation),
            AttributeReading(.lockdown, text: lockdown),
        ].map { EvidenceFinding($0) }
    }

    /// The word in brackets, as in `none [integrity] confidentiality`.
    private static func chosen(_ bytes: [UInt8]) throws(FormatError) -> String {
        let line = try AttributeText.text(bytes)
        guard let begin = line.firstIndex(of: "["), let end = line[begin...].firstIndex(of: "]") else {
            throw AttributeText.malformed("a word in brackets", bytes[...])
        }
        return String(line[line.index(after: begin)..<end])
    }
}
