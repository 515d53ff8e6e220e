import BusModel
import Platform
import VMBusWire

/// Requests of the disks behind a storage controller, as sums over them.
struct DiskEvidence: EvidenceKind {
    /// A controller has at most 64 disks, and a wrong tree any number.
    private static let mostDisks = 256

    var pace: EvidencePace { .eachLook }
    var isAboutDevices: Bool { true }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        guest.devices.filter { !$0.names.block.isEmpty }.flatMap { device in
            let disks = device.names.block.prefix(Self.mostDisks).map { "/sys/block/" + $0 }
            func sum(_ attribute: Attribute, _ file: String, _ parse: ([UInt8]) throws(FormatError) -> UInt64)
                -> AttributeReading
            {
                let readouts = disks.map { guest.files.readout("\($0)/\(file)", limit: 256, as: parse) }
                // What only some disks tell is no sum.
                if let failure = readouts.first(where: { $0.value == nil }) {
                    return AttributeReading(attribute, number: failure)
                }
                return AttributeReading(attribute, readouts.reduce(0) { $0 &+ ($1.value ?? 0) })
            }
            return [
                sum(.diskInFlight, "inflight", Self.inFlight),
                sum(.diskRequested, "device/iorequest_cnt", AttributeText.hexadecimal),
                sum(.diskCompleted, "device/iodone_cnt", AttributeText.hexadecimal),
                sum(.diskErrors, "device/ioerr_cnt", AttributeText.hexadecimal),
                sum(.diskTimeouts, "device/iotmo_cnt", AttributeText.hexadecimal),
            ].map { EvidenceFinding($0, of: device.instance) }
        }
    }

    /// Reads and writes in flight, as two numbers with blanks around them.
    private static func inFlight(_ bytes: [UInt8]) throws(FormatError) -> UInt64 {
        let line = try AttributeText.line(bytes)
        let words = String(decoding: line, as: UTF8.self).split(separator: " ")
        let numbers = words.compactMap { UInt32($0) }
        guard words.count == 2, numbers.count == 2 else {
            throw AttributeText.malformed("two numbers", line)
        }
        return UInt64(numbers[0]) + UInt64(numbers[1])
    }
}
