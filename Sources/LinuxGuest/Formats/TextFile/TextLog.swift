import BusModel
import VMBusWire

/// What a text tells, as records of the log in the order of the text. Times never go back in it: a record without a time of its
/// own, or with an earlier one, has that of the record before.
struct TextLog: Sendable {
    /// The partition that the host is in the log.
    static let host: UInt16 = 0
    /// The partition that the guest is in the log.
    static let guest: UInt16 = 1

    /// The records, not numbered yet.
    private(set) var batch = FlowBatch()
    /// The time of the next record.
    private(set) var time: UInt64 = 0
    // Looked up only, never walked.
    private var known: Set<GUID> = []

    /// Lets time pass; nil or an earlier moment changes nothing.
    mutating func advance(to moment: UInt64?) { time = max(time, moment ?? 0) }

    /// A record of any kind.
    mutating func append(_ header: FlowRecordHeader, _ payload: some Collection<UInt8>) {
        batch.append(header, payload)
    }

    /// Something about the guest as a whole.
    mutating func guest(_ readings: [AttributeReading]) {
        guard !readings.isEmpty else { return }
        state(.changed, Self.guest, .zero, 0, 0, readings)
    }

    /// Something about a device, which appears with the first.
    mutating func device(_ instance: GUID, _ readings: [AttributeReading]) {
        let isNew = known.insert(instance).inserted
        guard isNew || !readings.isEmpty else { return }
        let name = isNew ? [AttributeReading(.name, text: instance.description)] : []
        state(isNew ? .appeared : .changed, Self.guest, instance, 0, 0, name + readings)
    }

    /// Something about a channel of a device.
    mutating func channel(_ instance: GUID, _ subchannel: UInt16, relid: UInt32, _ readings: [AttributeReading]) {
        guard relid != 0 else { return }
        device(instance, [])
        state(.appeared, Self.guest, instance, subchannel, relid, readings)
    }

    /// A device is gone, or one of its channels where a number is given.
    mutating func removed(_ instance: GUID, _ subchannel: UInt16 = 0, relid: UInt32 = 0) {
        if relid == 0 { known.remove(instance) }
        state(.removed, Self.guest, instance, subchannel, relid, [])
    }

    /// Words about the text, or of a line that is no record of another kind.
    mutating func note(_ text: String) {
        append(FlowRecordHeader(kind: .note, time: time, partition: Self.guest), PrintableText.harmless(text).utf8)
    }

    /// Records are missing here.
    mutating func gap(_ text: String) {
        append(FlowRecordHeader(kind: .gap, time: time, partition: Self.guest), text.utf8)
    }

    private mutating func state(
        _ code: StateCode, _ partition: UInt16, _ device: GUID, _ subchannel: UInt16, _ relid: UInt32,
        _ readings: [AttributeReading]
    ) {
        append(
            FlowRecordHeader(
                kind: .state, time: time, partition: partition, device: device, subchannel: subchannel, relid: relid,
                code: code.rawValue), AttributeList(readings).encoded())
    }

    // MARK: Stand-ins

    /// Stands for a device whose instance a text does not tell, the same for the same words in every run (FNV-1a).
    static func standIn(_ words: String) -> GUID {
        func mix(_ salt: UInt64) -> UInt64 {
            words.utf8.reduce(0xCBF2_9CE4_8422_2325 ^ salt) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        }
        return GUID(low: mix(0), high: mix(.max))
    }
}

extension AttributeReading {
    /// The class and driver that a driver's name tells, as far as it has one class only.
    static func ofDriver(_ driver: String) -> [AttributeReading] {
        let classes = DeviceClass.catalogue.filter { $0.linuxDrivers.contains(driver) }
        let classID = classes.count == 1 ? classes.first?.classID : nil
        return [AttributeReading(.driver, text: driver)]
            + (classID.map { [AttributeReading(.classID, guid: $0)] } ?? [])
    }
}
