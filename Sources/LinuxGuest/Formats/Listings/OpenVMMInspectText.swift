import BusModel
import VMBusWire

/// A tree that OpenVMM's `inspect` printed, in braces or by indentation (linux-guest-data §1).
struct OpenVMMInspectText: TextReader {
    /// One value with the names that lead to it.
    struct Leaf {
        let path: [String]
        let value: String
    }

    private(set) var leaves: [Leaf] = []
    private(set) var unknownCount = 0

    /// Deeper trees are damage.
    private static let deepest = 32

    init(parsing bytes: ArraySlice<UInt8>) {
        // Names of the nodes that are open; the indentation for those that are closed by less of it.
        var open: [(name: String, indentation: Int?)] = []
        for line in TextLines(bytes) where !line.isRemark && !line.trimmed.isEmpty {
            let indentation = line.prefix(while: \.isBlank).count
            guard let part = Self.part(line.trimmed) else {
                unknownCount += 1
                continue
            }
            if case .end = part {
            } else {
                while let last = open.last, let depth = last.indentation, depth >= indentation { open.removeLast() }
            }
            switch part {
            case .opening(let name, let isBraced):
                guard open.count < Self.deepest else {
                    unknownCount += 1
                    continue
                }
                open.append((name, isBraced ? nil : indentation))
            case .end:
                if open.popLast() == nil { unknownCount += 1 }
            case .value(let name, let value):
                leaves.append(Leaf(path: open.map(\.name) + [name], value: value))
            }
        }
    }

    enum Part {
        case opening(name: String, isBraced: Bool)
        case end
        case value(name: String, value: String)
    }

    /// One line without its indentation: `name: {`, `name/`, `}`, `name: value,`.
    static func part(_ line: ArraySlice<UInt8>) -> Part? {
        var line = line
        if line.last == UInt8(ascii: ",") { line.removeLast() }
        if line.elementsEqual("{".utf8) { return .opening(name: "", isBraced: true) }
        if line.elementsEqual("}".utf8) { return .end }
        if line.last == UInt8(ascii: "/"), isName(line.dropLast()) {
            return .opening(name: line.dropLast().harmless, isBraced: false)
        }
        guard let split = line.firstRange(of: ": ".utf8), isName(line[..<split.lowerBound]) else { return nil }
        let name = line[..<split.lowerBound].harmless
        let value = line[split.upperBound...].trimmed
        if value.elementsEqual("{".utf8) { return .opening(name: name, isBraced: true) }
        return isValue(value) ? .value(name: name, value: value.harmless) : nil
    }

    /// Whether a line has a name: a brace alone is in any source of any language.
    static func isNamed(_ line: ArraySlice<UInt8>) -> Bool {
        switch part(line) {
        case .opening(let name, _): !name.isEmpty
        case .value: true
        case .end, nil: false
        }
    }

    private static func isName(_ text: ArraySlice<UInt8>) -> Bool {
        !text.isEmpty && text.count <= 128
            && text.allSatisfy { $0.isLetter || $0.isDigit || "_-:.".utf8.contains($0) }
    }

    /// `"text"`, `_`, a number in three bases, true, false, `error (…)`.
    private static func isValue(_ text: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first else { return false }
        if first == UInt8(ascii: "\"") { return text.count > 1 && text.last == first }
        return first.isDigit || first == UInt8(ascii: "-") || text.starts(with: "error".utf8)
            || ["_", "true", "false"].contains { text.elementsEqual($0.utf8) }
    }

    // MARK: Records

    private struct Channel {
        var readings: [AttributeReading] = []
        var relid: UInt32 = 0
    }

    func tell(_ log: inout TextLog) {
        var order: [GUID] = []
        var classes: [GUID: GUID] = [:]
        var channels: [GUID: [UInt16: Channel]] = [:]
        for leaf in leaves {
            guard let place = leaf.path.lastIndex(where: { Self.instance($0) != nil }),
                let instance = Self.instance(leaf.path[place])
            else { continue }
            if channels[instance] == nil {
                order.append(instance)
                channels[instance] = [:]
            }
            let below = Array(leaf.path[(place + 1)...])
            if below == ["interface_id"], let classID = GUID(leaf.text) { classes[instance] = classID }
            let subchannel = below.count > 2 && below[0] == "subchannels" ? UInt16(below[1]) : nil
            let names = subchannel == nil ? below[...] : below[2...]
            Self.take(
                names.joined(separator: "/"), leaf,
                &channels[instance, default: [:]][subchannel ?? 0, default: Channel()])
        }
        for instance in order {
            log.device(instance, classes[instance].map { [AttributeReading(.classID, guid: $0)] } ?? [])
            for (subchannel, channel) in (channels[instance] ?? [:]).sorted(by: { $0.key < $1.key }) {
                log.channel(instance, subchannel, relid: channel.relid, channel.readings)
            }
        }
    }

    /// `ba6163d9-…`, or `scsi:ba6163d9-…` as devices name their nodes.
    private static func instance(_ name: String) -> GUID? {
        GUID(name.split(separator: ":").last.map(String.init) ?? name)
    }

    private static func take(_ name: String, _ leaf: Leaf, _ channel: inout Channel) {
        switch name {
        case "channel_id": channel.relid = leaf.number.flatMap { UInt32(exactly: $0) } ?? 0
        case "target_vp": if let vp = leaf.number { channel.readings.append(AttributeReading(.cpu, vp)) }
        case "monitor_id": if let id = leaf.number { channel.readings.append(AttributeReading(.monitorID, id)) }
        case "incoming_ring/ring_size":
            if let size = leaf.number { channel.readings.append(AttributeReading(.outSize, size)) }
        case "outgoing_ring/ring_size":
            if let size = leaf.number { channel.readings.append(AttributeReading(.inSize, size)) }
        case "state":
            guard let phase = phases[leaf.text] else { return }
            channel.readings.append(AttributeReading(.channelPhase, phase.rawValue))
        default: break
        }
    }

    private static let phases: [String: ChannelPhase] = [
        "closed": .closed, "opening": .opening, "open": .open, "closing": .closed, "closing_reopen": .closed,
        "revoked": .rescinded, "reoffered": .rescinded, "client_released": .closed,
    ]
}

extension OpenVMMInspectText.Leaf {
    fileprivate var text: String { value.split(separator: "\"").joined() }

    fileprivate var number: UInt64? {
        if value.hasPrefix("0x") { return UInt64(value.dropFirst(2), radix: 16) }
        if value.hasPrefix("0b") { return UInt64(value.dropFirst(2), radix: 2) }
        return UInt64(value)
    }
}
