import BusModel
import VMBusWire

/// What lsvmbus printed, plain, with `-v` or `-vv` (reference §7.9). Blanks may stand for its tabs.
struct LsvmbusText: TextReader {
    /// One device of the listing.
    struct Device {
        /// The relid of its primary channel; nil where lsvmbus printed -1 or something else.
        var relid: UInt32?
        /// The class's name in lsvmbus' words.
        var name = ""
        /// The class; only with `-v`.
        var classID: GUID?
        /// The instance; only with `-vv`.
        var instance: GUID?
        /// Its directory; only with `-vv`.
        var path: String?
        /// Relid and processor of each channel; only with `-v`.
        var channels: [(relid: UInt32, cpu: UInt32)] = []
    }

    private(set) var devices: [Device] = []
    private(set) var unknownCount = 0

    init(parsing bytes: ArraySlice<UInt8>) {
        for line in TextLines(bytes) where !line.isRemark {
            let line = line.trimmed
            if !line.isEmpty, !take(line) { unknownCount += 1 }
        }
    }

    private static let channel = TextForm("Rel_ID={relid:u}, target_cpu={cpu:u}")
    private static let deviceID = TextForm("Device_ID = {instance:g}")
    private static let classID = TextForm("Class_ID = {class:g} - {name:t}")

    private mutating func take(_ line: ArraySlice<UInt8>) -> Bool {
        var scanner = TextScanner(line)
        if scanner.take("VMBUS ID ") {
            scanner.skipBlanks()
            guard let id = scanner.take(through: UInt8(ascii: ":")) else { return false }
            scanner.skipBlanks()
            var device = Device(relid: UInt32(String(decoding: id, as: UTF8.self)))
            if let fields = Self.classID.match(scanner.rest), fields.count == 2 {
                device.classID = fields[0].guid
                device.name = String(decoding: fields[1].text, as: UTF8.self)
            } else {
                device.name = scanner.rest.harmless
            }
            devices.append(device)
            return true
        }
        guard let last = devices.indices.last else { return false }
        if let fields = Self.channel.match(line), fields.count == 2 {
            devices[last].channels.append(
                (UInt32(truncatingIfNeeded: fields[0].number), UInt32(truncatingIfNeeded: fields[1].number)))
        } else if let instance = Self.deviceID.match(line)?.first {
            devices[last].instance = instance.guid
        } else if scanner.take("Sysfs path: ") {
            devices[last].path = scanner.rest.harmless
        } else {
            return false
        }
        return true
    }

    func tell(_ log: inout TextLog) {
        for (place, device) in devices.enumerated() {
            let instance = device.instance ?? TextLog.standIn("lsvmbus \(device.relid.map(String.init) ?? "?\(place)")")
            var readings: [AttributeReading] = []
            if let classID = device.classID ?? Self.classID(named: device.name) {
                readings.append(AttributeReading(.classID, guid: classID))
            }
            if device.instance == nil {
                readings.append(AttributeReading(.name, text: "VMBUS ID " + (device.relid.map(String.init) ?? "?")))
            }
            // Old kernels call it `vmbus_11`, as their logs do.
            if let name = device.path.flatMap({ DevicePath(Array($0.utf8)[...])?.name }), GUID(name) == nil {
                readings.append(AttributeReading(.name, text: name))
            }
            log.device(instance, readings)
            var channels = device.channels
            if channels.isEmpty, let relid = device.relid {
                log.channel(instance, 0, relid: relid, [])
                continue
            }
            // The primary is the one whose number the device has; it need not be the first.
            if let primary = channels.firstIndex(where: { $0.relid == device.relid }) {
                channels.insert(channels.remove(at: primary), at: 0)
            }
            for (index, channel) in channels.enumerated().prefix(Int(UInt16.max)) {
                log.channel(
                    instance, UInt16(index), relid: channel.relid, [AttributeReading(.cpu, UInt64(channel.cpu))])
            }
        }
    }

    /// The class by lsvmbus' name for it, where only one has that name.
    private static func classID(named name: String) -> GUID? {
        let classes = DeviceClass.catalogue.filter { $0.listingName == name }
        return classes.count == 1 ? classes.first?.classID : nil
    }
}
