import BusModel
import VMBusDevices
import VMBusWire

/// The dissector for Wireshark: a script in Lua that reads recordings. Everything in it that says where fields lie and what they
/// are called comes from the declarations; `dissector.lua`, which goes through that, is the same for all of them.
public struct DissectorScript {
    private var explorer = LayoutExplorer()
    /// A line for each field, which makes it.
    private var fields: [String] = []
    private var fieldNumbers: [String: Int] = [:]
    private var abbreviations: [String: String] = [:]
    /// Names of values that were written, by their type.
    private var valueNames: [String: Int] = [:]
    private var valueTables: [String] = []
    /// Layouts that were written, by their text.
    private var written: [String: Int] = [:]
    private var layouts: [String] = []
    private var named: [String: Int] = [:]

    private init() {}

    /// The script.
    public static var text: String {
        var script = DissectorScript()
        return script.make()
    }

    private mutating func make() -> String {
        explorer.explore(RecordHeader.self)
        explorer.add(explorer.explore(RecordHeader.self), as: "record")
        explorer.exploreBus()
        explorer.exploreRecords()
        explorer.exploreDevices()
        // Those that have a short name come first, so that fields of repeated structures get their names from there.
        let names = explorer.layouts.keys.filter {
            !$0.contains(".") || $0.contains("cdb.") || $0.contains("answer.")
                || $0.contains("sense.")
        }.sorted()
        for name in names {
            guard let layout = explorer.layouts[name] else { continue }
            named[name] = write(layout, Self.prefix(name))
        }
        var text =
            "-- Recordings of VMBusScope in Wireshark. Made by 'vmbusscope print dissector'; \(RecordingFormat.version) is "
        text += "the version of the format.\n"
        text +=
            "-- Put it into Wireshark's folder of personal Lua plugins, or: tshark -X lua_script:vmbus.lua -r FILE\n\n"
        text += "local vmbus = Proto(\"vmbus\", \"Hyper-V VMBus\")\nlocal V, F, L, N, C = {}, {}, {}, {}, {}\n"
        text += valueTables.joined()
        text += fields.joined()
        text += layouts.joined()
        for name in named.keys.sorted() { text += "N[\(Self.quoted(name))] = L[\(named[name] ?? 0)]\n" }
        text += constants()
        return text + String(decoding: PackageResources.dissector_lua, as: UTF8.self)
    }

    private static func prefix(_ name: String) -> String {
        name.contains(".") ? "scsi.\(name.split(separator: ".").first.map(String.init) ?? "")" : name
    }

    // MARK: Names of values

    /// What records, messages and packets are called.
    private mutating func constants() -> String {
        var text = ""
        func table(_ name: String, _ entries: [(String, String)]) {
            text += "C.\(name) = {"
            text += entries.map { "[\($0.0)]=\(Self.quoted($0.1))" }.joined(separator: ",")
            text += "}\n"
        }
        func names<Value: WireScalar>(_ name: String, _ type: Value.Type) {
            table(name, explorer.learn(type).names.map { ("\($0.value)", $0.name) })
        }
        text += "C.version = \(RecordingFormat.version)\nC.manifest = \(RecordingFormat.manifest)\n"
        table("kinds", FlowKind.all.map { ("\($0.rawValue)", $0.word) })
        names("messages", MessageType.self)
        names("packets", PacketType.self)
        names("signals", SignalCode.self)
        names("states", StateCode.self)
        names("registers", HypervisorRegister.self)
        names("log", KernelLogFact.self)
        names("nvsp", NVSP.MessageType.self)
        names("rndis", RNDIS.MessageType.self)
        names("vstor", VStor.Operation.self)
        names("ic", IntegrationComponent.MessageType.self)
        names("dm", Balloon.MessageType.self)
        names("vpci", VPCI.MessageType.self)
        names("kvp", KeyValueOperation.self)
        names("vss", BackupOperation.self)
        names("fcopy", FileCopyOperation.self)
        names("keyboard", KeyboardMessageType.self)
        names("mouse", MouseMessageType.self)
        names("video", VideoMessageType.self)
        table("scsi", PacketNames.commands.map { ("\($0.opcode)", $0.name) })
        table(
            "classes",
            DeviceClass.catalogue.compactMap { entry in
                entry.classID.map { (Self.quoted($0.description), entry.kind.word) }
            })
        return text
    }

    private mutating func valueTable(_ type: String) -> Int? {
        guard let names = explorer.names[type], !names.names.isEmpty else { return nil }
        if let known = valueNames[type] { return known }
        let number = valueTables.count + 1
        let entries = names.names.map { name in
            names.isBits
                ? "{\(Self.number(name.value)),\(Self.quoted(name.name))}"
                : "[\(Self.number(name.value))]=\(Self.quoted(name.name))"
        }
        valueTables.append("V[\(number)] = {\(entries.joined(separator: ","))}\n")
        valueNames[type] = number
        return number
    }

    /// A number that Lua reads without loss; 64 bits are more than its own numbers have.
    private static func number(_ value: UInt64) -> String { value < 1 << 53 ? "\(value)" : "\(Double(value))" }

    // MARK: Fields

    /// The number of a field's line; equal fields are one.
    private mutating func field(_ step: LayoutStep, _ path: [String]) -> Int {
        let names = valueTable(step.type)
        let isBits = explorer.names[step.type]?.isBits == true
        let strings = isBits ? "nil" : names.map { "V[\($0)]" } ?? "nil"
        let (type, kind): (String, String) =
            switch (step.kind, step.form) {
            case (.open, _), (.region, _), (.repeated, _): ("none", "")
            case (_, .guid): ("guid", "")
            case (_, .text): ("string", "")
            case (_, .utf16): ("string", "")
            case (_, .ethernet): ("ether", "")
            case (_, .bytes), (_, .ipv6): ("bytes", "")
            case (_, .signed): ("int\(Self.bits(step.size))", ", base.DEC, \(strings)")
            case (_, .hexadecimal): ("uint\(Self.bits(step.size))", ", base.HEX, \(strings)")
            case (_, .decimal): ("uint\(Self.bits(step.size))", ", base.DEC, \(strings)")
            }
        var name = (["vmbus"] + path + [step.name]).joined(separator: ".").lowercased().replacingCharacters(
            where: { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".")) }, with: "_")
        // A name stands for one type of field.
        let shape = type + kind
        while let other = abbreviations[name], other != shape { name += "_\(step.size * 8)" }
        abbreviations[name] = shape
        let tail = kind.isEmpty ? ", \(Self.quoted(step.help))" : "\(kind), nil, \(Self.quoted(step.help))"
        let special = type == "none" || type == "bytes" || type == "string" || type == "ether" || type == "guid"
        let line =
            special
            ? "ProtoField.\(type)(\(Self.quoted(name)), \(Self.quoted(step.name))"
                + (type == "string" || type == "bytes"
                    ? ", base.\(type == "bytes" ? "SPACE" : "UNICODE")"
                    : type == "guid" || type == "ether" ? ", base.NONE" : "")
                + tail + ")"
            : "ProtoField.\(type)(\(Self.quoted(name)), \(Self.quoted(step.name))\(tail))"
        if let known = fieldNumbers[name] { return known }
        let number = fields.count + 1
        fields.append("F[\(number)] = \(line)\n")
        fieldNumbers[name] = number
        return number
    }

    private static func bits(_ size: Int) -> Int { size <= 4 ? max(1, size) * 8 : 64 }

    // MARK: Layouts

    /// The number of a layout's line; equal layouts are one.
    private mutating func write(_ layout: WireLayout, _ prefix: String, _ path: [String] = []) -> Int {
        var path = path.isEmpty ? [prefix] : path
        var words = layout.steps.map { word($0, &path, prefix) }
        if let decision = layout.decision { words.append(word(decision, path, prefix)) }
        let text = words.joined(separator: ",")
        if let known = written[text] { return known }
        let number = layouts.count + 1
        layouts.append("L[\(number)] = {\(text)}\n")
        written[text] = number
        return number
    }

    private mutating func word(_ step: LayoutStep, _ path: inout [String], _ prefix: String) -> String {
        let numbers = step.numbers.map(Self.word)
        switch step.kind {
        case .field:
            let isBits = explorer.names[step.type]?.isBits == true
            let bits = isBits ? valueTable(step.type).map { ",V[\($0)]" } ?? "" : ""
            return "{1,\(field(step, path)),\(step.size),\(step.input)\(bits)}"
        case .optional: return "{2,\(field(step, path)),\(step.size)}"
        case .bytes: return "{3,\(field(step, path)),\(numbers.first ?? "nil"),\(step.form == .utf16 ? 1 : 0)}"
        case .reserved: return "{4,\(field(step, [])),\(numbers.first ?? "nil")}"
        case .open:
            let number = field(step, path)
            path.append(step.name)
            return "{5,\(number)}"
        case .close:
            if path.count > 1 { path.removeLast() }
            return "{6}"
        case .region: return "{7,\(numbers.first ?? "nil"),\(numbers.last ?? "nil")}"
        case .endRegion: return "{8}"
        case .repeated:
            let number = field(step, path)
            let inner = explorer.layouts[step.type].map { write($0, prefix, path + [step.name]) } ?? 0
            return "{9,\(number),L[\(inner)],\(numbers.first ?? "nil")}"
        case .fieldsToEnd: return "{10,\(field(step, path)),\(step.size)}"
        case .bigEndian: return "{11,\(field(step, path)),\(step.size)}"
        }
    }

    private mutating func word(_ decision: LayoutDecision, _ path: [String], _ prefix: String) -> String {
        let ways = decision.ways.map { "{\(Self.number($0.from)),L[\(write($0.layout, prefix, path))]}" }
        let list = "{\(ways.joined(separator: ","))}"
        return switch decision.subject {
        case .value(let input): "{20,\(input),\(list)}"
        case .bits(let input, let mask): "{21,\(input),\(mask),\(list)}"
        case .left: "{22,\(list)}"
        case .context: "{23,\(list)}"
        }
    }

    private static func word(_ number: LayoutNumber) -> String {
        switch number {
        case .sum(let constant, let terms) where terms.isEmpty: "\(constant)"
        case .sum(let constant, let terms):
            "{\(constant)\(terms.map { ",\($0.input),\($0.factor)" }.joined())}"
        case .pages(let first, let second): "{pages=true,\(first),\(second)}"
        case .rest: "nil"
        }
    }

    /// A text as Lua reads it.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): result += "\\" + String(UnicodeScalar(byte))
            case 0x20..<0x7F: result.unicodeScalars.append(UnicodeScalar(byte))
            default:
                let digits = String(byte)
                result += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
            }
        }
        return result + "\""
    }
}

extension String {
    fileprivate func replacingCharacters(where isUnwanted: (Character) -> Bool, with other: Character) -> String {
        String(map { isUnwanted($0) ? other : $0 })
    }
}
