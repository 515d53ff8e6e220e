import BusModel
import VMBusWire

/// What `udevadm info --attribute-walk` printed: a device and the ones above it, each with its attributes (linux-guest-data §1).
struct UdevAttributesText: TextReader {
    /// One device with its attributes in the order of the text.
    struct Block {
        var path: DevicePath?
        var isOfBus = false
        var driver: String?
        /// The attributes' names, in the order of the text.
        var names: [String] = []
        // Looked up only, never walked.
        private var values: [String: [UInt8]] = [:]

        /// An attribute's value.
        func value(_ name: String) -> [UInt8]? { values[name] }

        /// Takes an attribute in.
        mutating func take(_ name: String, _ value: some Collection<UInt8>) {
            if values.updateValue(Array(value), forKey: name) == nil { names.append(name) }
        }
    }

    private(set) var blocks: [Block] = []
    private(set) var unknownCount = 0

    /// The kernel has a few dozen attributes of a device and its channels; udev prints all of them.
    private static let mostAttributes = 65_536

    init(parsing bytes: ArraySlice<UInt8>) {
        for line in TextLines(bytes) where !line.isRemark && !line.trimmed.isEmpty {
            if !take(line.trimmed) { unknownCount += 1 }
        }
    }

    /// Whether a line has one of the forms.
    static func isForm(_ line: ArraySlice<UInt8>) -> Bool {
        line.starts(with: "looking at ".utf8) || assignment(line) != nil
    }

    private mutating func take(_ line: ArraySlice<UInt8>) -> Bool {
        if line.starts(with: "looking at ".utf8) {
            let path = line.split(separator: UInt8(ascii: "'"), omittingEmptySubsequences: false).dropFirst().first
            var block = Block()
            // What is below a device of the bus has attributes of its own.
            block.path = path.flatMap { DevicePath($0) }.flatMap { $0.isDeviceItself(path ?? []) ? $0 : nil }
            blocks.append(block)
            return true
        }
        guard let (key, value) = Self.assignment(line) else {
            // Words of the tool before the first device.
            return blocks.isEmpty
        }
        guard let last = blocks.indices.last else { return false }
        switch key {
        case "KERNEL", "KERNELS": break
        case "SUBSYSTEM", "SUBSYSTEMS": blocks[last].isOfBus = value.elementsEqual("vmbus".utf8)
        case "DRIVER", "DRIVERS": blocks[last].driver = value.isEmpty ? nil : value.harmless
        default:
            guard blocks[last].names.count < Self.mostAttributes else { return false }
            blocks[last].take(key, value)
        }
        return true
    }

    /// `KEY=="value"` or `ATTRS{name}=="value"`.
    private static func assignment(_ line: ArraySlice<UInt8>) -> (String, ArraySlice<UInt8>)? {
        guard let middle = line.firstRange(of: #"==""#.utf8), line.last == UInt8(ascii: "\""),
            middle.upperBound < line.endIndex
        else { return nil }
        let value = line[middle.upperBound...].dropLast()
        let key = line[..<middle.lowerBound]
        for prefix in ["ATTRS{", "ATTR{"] where key.starts(with: prefix.utf8) && key.last == UInt8(ascii: "}") {
            return (key.dropFirst(prefix.utf8.count).dropLast().harmless, value)
        }
        guard !key.isEmpty, key.allSatisfy({ $0.isLetter && $0 & 0x20 == 0 }) else { return nil }
        return (key.harmless, value)
    }

    func tell(_ log: inout TextLog) {
        for block in blocks where block.isOfBus {
            guard let instance = block.path?.instance else { continue }
            log.device(instance, block.deviceReadings)
            for (index, relid) in block.relids.enumerated().prefix(Int(UInt16.max)) {
                let told = block.number("channels/\(relid)/subchannel_id").flatMap { UInt16(exactly: $0) }
                log.channel(instance, told ?? UInt16(index), relid: relid, block.channelReadings(relid))
            }
        }
    }
}

extension DevicePath {
    /// Whether the path ends with the device.
    fileprivate func isDeviceItself(_ path: ArraySlice<UInt8>) -> Bool {
        let last = path.split(separator: UInt8(ascii: "/")).last
        return last?.harmless.lowercased() == name
    }
}

extension UdevAttributesText.Block {
    fileprivate func number(_ name: String) -> UInt64? { value(name).flatMap { try? AttributeText.counter($0) } }

    fileprivate var deviceReadings: [AttributeReading] {
        var readings: [AttributeReading] = []
        if let classID = value("class_id").flatMap({ try? AttributeText.identifier($0) }) {
            readings.append(AttributeReading(.classID, guid: classID))
        }
        if let state = number("state") { readings.append(AttributeReading(.deviceState, state)) }
        if let node = value("numa_node").flatMap({ try? AttributeText.signed($0) }) {
            readings.append(AttributeReading(.numaNode, UInt64(bitPattern: Int64(node))))
        }
        readings.append(
            driver.map { AttributeReading(.driver, text: $0) } ?? AttributeReading(.driver, reading: .unavailable))
        return readings
    }

    /// The numbers of the channels, the primary's first.
    fileprivate var relids: [UInt32] {
        var relids = [number("id").flatMap { UInt32(exactly: $0) }].compactMap(\.self)
        var seen = Set(relids)
        for name in names where name.hasPrefix("channels/") {
            guard let relid = name.split(separator: "/").dropFirst().first.flatMap({ UInt32($0) }),
                seen.insert(relid).inserted
            else { continue }
            relids.append(relid)
        }
        return relids
    }

    private static let counters: [(file: String, attribute: Attribute)] = [
        ("cpu", .cpu), ("interrupts", .interrupts), ("events", .events), ("intr_in_full", .interruptsInFull),
        ("intr_out_empty", .interruptsOutEmpty), ("out_full_first", .outFullFirst),
        ("out_full_total", .outFullTotal), ("read_avail", .inUsed), ("in_mask", .inMask), ("out_mask", .outMask),
        ("monitor_id", .monitorID), ("latency", .monitorLatency), ("pending", .monitorPending),
    ]

    private static let indices: [(file: String, attribute: Attribute)] = [
        ("in_write_index", .inWriteIndex), ("in_read_index", .inReadIndex), ("out_write_index", .outWriteIndex),
        ("out_read_index", .outReadIndex),
    ]

    fileprivate func channelReadings(_ relid: UInt32) -> [AttributeReading] {
        var readings = Self.counters.compactMap { file, attribute in
            number("channels/\(relid)/\(file)").map { AttributeReading(attribute, $0) }
        }
        // udev leaves out what cannot be read, which for the rings says that the channel is closed.
        let isOpen = value("channels/\(relid)/read_avail") != nil
        if value("channels/\(relid)/cpu") != nil {
            readings.append(
                AttributeReading(.channelPhase, (isOpen ? ChannelPhase.open : ChannelPhase.closed).rawValue))
        }
        guard isOpen else { return readings }
        let sizes = [size("in"), size("out")]
        if let size = sizes[0] { readings.append(AttributeReading(.inSize, size)) }
        if let size = sizes[1] {
            readings.append(AttributeReading(.outSize, size))
            if let free = number("channels/\(relid)/write_avail"), free <= size {
                readings.append(AttributeReading(.outUsed, size - free))
            }
        }
        if number("id") == UInt64(relid) {
            readings += Self.indices.compactMap { file, attribute in
                number(file).map { AttributeReading(attribute, $0) }
            }
        }
        return readings
    }

    /// The size of the device's rings, which all its channels share: what is read and what can be written add up to it.
    private func size(_ direction: String) -> UInt64? {
        guard let used = number(direction + "_read_bytes_avail"), let free = number(direction + "_write_bytes_avail")
        else {
            return nil
        }
        let (sum, overflows) = used.addingReportingOverflow(free)
        return overflows || sum == 0 ? nil : sum
    }
}
