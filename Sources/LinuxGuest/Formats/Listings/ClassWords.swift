import BusModel
import VMBusWire

/// The class of a device by the words that a name for people has in it, as listings and interrupts spell them.
enum ClassWords {
    // Words that are part of others come behind these.
    private static let words: [(word: String, kind: DeviceKind)] = [
        ("netvsc", .network), ("network adapter", .network), ("heartbeat", .heartbeat), ("shutdown", .shutdown),
        ("timesync", .timeSync), ("time sync", .timeSync), ("vss", .backup), ("backup", .backup),
        ("kvp", .keyValueExchange), ("data exchange", .keyValueExchange), ("balloon", .balloon),
        ("dynamic memory", .balloon), ("guest service", .fileCopy), ("mouse", .mouse), ("keyboard", .keyboard),
        ("framebuffer", .video), ("video", .video), ("fibre channel", .fibreChannel), ("storvsc", .scsi),
        ("scsi", .scsi), ("ide controller", .ide), ("pci express", .pci), ("activation", .activation),
    ]

    /// The class as an attribute; empty where no word tells it.
    static func reading(_ name: String) -> [AttributeReading] {
        let name = name.lowercased()
        guard let kind = words.first(where: { name.contains($0.word) })?.kind,
            let classID = DeviceClass.catalogue.first(where: { $0.kind == kind })?.classID
        else { return [] }
        return [AttributeReading(.classID, guid: classID)]
    }
}
