import BusModel
import Platform

/// What the virtual firmware says: who made the machine, and which one it is (DMI).
struct FirmwareEvidence: EvidenceKind {
    private static let directory = "/sys/class/dmi/id/"

    var pace: EvidencePace { .once }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        func text(_ name: String) -> Readout<String> {
            guest.files.readout(Self.directory + name, as: AttributeText.text)
        }
        let vendor = text("sys_vendor")
        let product = text("product_name")
        let both = [vendor.value, product.value].compactMap(\.self)
        return [
            AttributeReading(.systemProduct, text: both.isEmpty ? vendor : .known(both.joined(separator: " "))),
            AttributeReading(.productUUID, text: text("product_uuid")),
            AttributeReading(.chassisTag, text: text("chassis_asset_tag")),
        ].map { EvidenceFinding($0) }
    }
}
