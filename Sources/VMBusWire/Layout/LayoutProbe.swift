/// Walks a declaration along the one way that a script of values leads, and notes what is read on it.
struct LayoutProbe: FieldVisitor {
    /// Something that can decide how it goes on.
    struct Input: Sendable {
        enum Kind: Sendable { case value, left, context }
        var kind: Kind
        /// Bytes of the value.
        var size = 0
        /// The scalar's type, where its values have names.
        var type = ""
        /// The steps up to it, its own included.
        var position: Int
        /// What the script said.
        var value: UInt64
    }

    /// What is asked for through getters, which cannot change the visitor itself.
    final class Notes {
        var inputs: [Input] = []
        var contextInput: Int?
    }

    /// Values by input; others have a usual one.
    let script: [Int: UInt64]
    /// Who sends, and what it answers, where the script does not say.
    let usualContext: UInt64
    let notes = Notes()
    private(set) var steps: [LayoutStep] = []
    /// What the sizes and places of each step were on this way; nil to the end.
    private(set) var numbers: [[Int?]] = []
    /// The names that were met.
    let book: LayoutNamesBook
    /// The structures that are repeated.
    private(set) var elements: [String: (inout LayoutExplorer) -> WireLayout] = [:]
    private(set) var offset = 0

    /// What is usually left.
    static let usualLeft: UInt64 = 512

    init(script: [Int: UInt64], usualContext: UInt64, book: LayoutNamesBook) {
        (self.script, self.usualContext, self.book) = (script, usualContext, book)
    }

    private func input(_ kind: Input.Kind, _ usual: UInt64, size: Int = 0, type: String = "") -> UInt64 {
        let value = script[notes.inputs.count] ?? usual
        notes.inputs.append(
            Input(
                kind: kind, size: size, type: type, position: steps.count + (kind == .value ? 1 : 0), value: value))
        return value
    }

    var remaining: Int? { Int(truncatingIfNeeded: input(.left, Self.usualLeft)) }

    var context: WireContext {
        let value: UInt64
        if let known = notes.contextInput {
            value = notes.inputs[known].value
        } else {
            notes.contextInput = notes.inputs.count
            value = input(.context, usualContext)
        }
        return .newest(
            sender: Direction(rawValue: UInt8(truncatingIfNeeded: value >> 32)) ?? .guestToHost,
            subject: UInt32(truncatingIfNeeded: value))
    }

    private mutating func add(_ step: LayoutStep, _ numbers: [Int?] = []) {
        steps.append(step)
        self.numbers.append(numbers)
    }

    private mutating func scalar<Value: WireScalar>(
        _ kind: LayoutStep.Kind, _ name: StaticString, _ type: Value.Type, _ style: FieldStyle, _ help: StaticString
    ) -> Value {
        let typeName = book.name(of: type)
        var step = LayoutStep(kind: kind, name: "\(name)", help: "\(help)", size: Value.byteCount)
        step.input = notes.inputs.count
        step.type = typeName
        switch Value(low: 1, high: 0).fieldValue(style) {
        case .guid: step.form = .guid
        case .identifier: step.form = .hexadecimal
        case .signed: step.form = .signed
        default: step.form = .decimal
        }
        // Numbers that are usually there go down, so that what one counts has room in what the one before it counts.
        let usual = Value.byteCount == 1 ? 64 : 4096 &- 16 &* UInt64(min(notes.inputs.count, 200))
        let value =
            kind == .field && Value.byteCount <= 8
            ? input(.value, typeName.isEmpty ? usual : 0, size: Value.byteCount, type: step.type) : 0
        add(step)
        offset += Value.byteCount
        return Value(low: value, high: 0)
    }

    mutating func field<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value, _ style: FieldStyle, _ help: StaticString
    ) throws(WireError) {
        value = scalar(.field, name, Value.self, style, help)
    }

    mutating func optional<Value: WireScalar>(
        _ name: StaticString, _ value: inout Value?, _ style: FieldStyle, _ help: StaticString
    ) throws(WireError) {
        value = scalar(.optional, name, Value.self, style, help)
    }

    mutating func bytes(
        _ name: StaticString, _ value: inout [UInt8], count: Int?, _ help: StaticString,
        meaning: (([UInt8]) -> String?)?
    ) throws(WireError) {
        var step = LayoutStep(kind: .bytes, name: "\(name)", help: "\(help)")
        step.form = Self.form(meaning)
        add(step, [count])
        value = [UInt8](repeating: 0, count: min(max(0, count ?? 64), 65536))
        offset += count ?? 0
    }

    /// What a meaning makes of known bytes tells what it is.
    private static func form(_ meaning: (([UInt8]) -> String?)?) -> LayoutForm {
        guard let meaning else { return .bytes }
        if meaning([0x61, 0, 0x62, 0, 0, 0]) == "ab" { return .utf16 }
        if meaning([0x61, 0x62, 0x63, 0]) == "abc" { return .text }
        if meaning([2, 4, 6, 8, 0x10, 0x12]) == "02:04:06:08:10:12" { return .ethernet }
        return .bytes
    }

    mutating func reserved(_ count: Int, _ name: StaticString) throws(WireError) {
        var step = LayoutStep(kind: .reserved, name: "\(name)", help: "carries nothing")
        step.form = .bytes
        add(step, [count])
        offset += count
    }

    mutating func structure<Value: WireStructure>(
        _ name: StaticString, _ value: inout Value, _ help: StaticString
    ) throws(WireError) {
        add(LayoutStep(kind: .open, name: "\(name)", help: "\(help)"))
        let outer = offset
        offset = 0
        try value.visit(&self)
        offset += outer
        add(LayoutStep(kind: .close))
    }

    mutating func repeated<Element: WireStructure>(
        _ name: StaticString, _ list: inout [Element], count: Int?, _ help: StaticString
    ) throws(WireError) {
        var step = LayoutStep(kind: .repeated, name: "\(name)", help: "\(help)")
        step.type = String(reflecting: Element.self)
        elements[step.type] = { $0.explore(Element.self) }
        add(step, [count])
        list = [Element()]
    }

    mutating func choice(
        _ label: StaticString, when condition: Bool, _ body: (inout Self) throws(WireError) -> Void
    ) throws(WireError) {
        if condition { try body(&self) }
    }

    mutating func region(
        _ name: StaticString, at place: Int, length: Int, _ help: StaticString,
        _ body: (inout Self) throws(WireError) -> Void
    ) throws(WireError) {
        add(LayoutStep(kind: .region, name: "\(name)", help: "\(help)"), [place, length])
        let outer = offset
        offset = place
        try body(&self)
        offset = outer
        add(LayoutStep(kind: .endRegion))
    }

    mutating func require(
        _ condition: Bool, _ field: StaticString, _ value: UInt64, _ rule: StaticString
    ) throws(WireError) {}
}

/// The names of values that were looked up, so that each type is tried once.
final class LayoutNamesBook {
    /// By the type's name.
    private(set) var names: [String: LayoutNames] = [:]
    private var known: [ObjectIdentifier: String] = [:]

    /// The name of a type whose values have names; empty for every other.
    func name<Value: WireScalar>(of type: Value.Type) -> String {
        if let name = known[ObjectIdentifier(type)] { return name }
        let found = LayoutNames.of(type)
        let name = found.isBits || !found.names.isEmpty ? String(reflecting: type) : ""
        known[ObjectIdentifier(type)] = name
        if !name.isEmpty { names[name] = found }
        return name
    }
}

extension LayoutNames {
    /// The values of a type that have a name, as far as they can be found by trying.
    public static func of<Value: WireScalar>(_ type: Value.Type) -> LayoutNames {
        guard !(Value.self is any FixedWidthInteger.Type), Value.byteCount <= 8 else {
            return LayoutNames(isBits: false, names: [])
        }
        func name(_ number: UInt64) -> LayoutName? {
            let value = Value(low: number, high: 0)
            guard value.words.low == number, let name = value.meaning, !name.isEmpty else { return nil }
            return LayoutName(value: number, name: name)
        }
        if Value.self is any OptionSet.Type {
            // A bit without a name says its number.
            let unknown = Value(low: 1 << UInt64(8 * Value.byteCount - 1), high: 0).meaning
            let names = (0..<UInt64(8 * Value.byteCount)).compactMap { name(1 << $0) }
            return LayoutNames(
                isBits: true, names: names.filter { !$0.name.contains("0x") && $0.name != unknown })
        }
        var names: [LayoutName] = []
        for range in ranges(byteCount: Value.byteCount) { names += range.compactMap { name($0) } }
        // Where every number has a name, it is made from the number.
        return LayoutNames(isBits: false, names: names.count > 400 || names.count == 256 ? [] : names)
    }

    /// Where named values are: small numbers, versions, message types of RNDIS, its objects and states, registers.
    private static func ranges(byteCount: Int) -> [ClosedRange<UInt64>] {
        switch byteCount {
        case 1: return [0...255]
        case 2: return [0...255] + (1...16).map { $0 << 8...$0 << 8 | 9 } + [0xFFFF...0xFFFF]
        default:
            return [0...255] + (2...16).map { $0 << 16...$0 << 16 | 9 }
                + [
                    0x1_0000...0x1_0300, 0x2_0100...0x2_0300, 0x101_0100...0x101_0300, 0x4000_0000...0x4000_0200,
                    0x4001_0000...0x4001_0040, 0x4249_0000...0x4249_0040, 0x8000_0000...0x8000_0040,
                    0xC000_0000...0xC000_0300,
                    0xC001_0000...0xC001_0040, 0xFC01_0100...0xFC01_0300, 0xFFFF_FFFF...0xFFFF_FFFF,
                ]
        }
    }
}
