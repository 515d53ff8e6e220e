public import Configuration
public import VMBusWire

/// A fault that is armed: what, where and when.
public struct FaultConfiguration: Sendable, Hashable {
    /// What is done.
    public var kind: FaultKind
    /// Who commits it.
    public var direction: Direction
    /// To which guest, in the scenario's order; nil for all.
    public var guest: Int?
    /// On which device; nil for all.
    public var device: GUID?
    /// On which of its channels; nil for all.
    public var subchannel: UInt16?
    /// On which messages; nil for all.
    public var message: MessageType?
    /// Nanoseconds before which nothing is done; kinds that come by themselves come then.
    public var time: UInt64?
    /// The first match that it is done to, from 1 on.
    public var nth: UInt64 = 1
    /// How many of a million matches it is done to.
    public var odds: UInt64 = 1_000_000
    /// How often it is done; 0 for always.
    public var times: UInt64 = 1
    /// Nanoseconds: how long something takes.
    public var delay: UInt64?
    /// What is put in the place of a number.
    public var value: UInt64?
    /// Where the number is, in bytes.
    public var offset: Int?
    /// How many bytes it has.
    public var width: Int?
    /// The field of a message.
    public var field: String?

    /// A fault of a kind, once, at the first chance.
    public init(_ kind: FaultKind) {
        self.kind = kind
        direction = kind.directions.first ?? .hostToGuest
        message = kind.message
    }
}

extension FaultConfiguration {
    /// The keys of a fault's table, as `[[faults]]` writes it:
    ///
    /// | key | meaning |
    /// |---|---|
    /// | `kind` | its name, as ``FaultKind/all`` has it |
    /// | `direction` | who commits it: `host-to-guest` or `guest-to-host` |
    /// | `guest` | a guest's name; all without it |
    /// | `device`, `subchannel` | a kind of device or an instance, and one of its channels; all without it |
    /// | `message` | the name of a channel message, such as `OPEN_CHANNEL_RESULT` |
    /// | `at` | a time such as `"2s"`: not before; kinds that need nothing to be done to come then |
    /// | `nth`, `times`, `odds` | the first match that counts (1), how often (1; 0 for always), and with which odds (1.0) |
    /// | `delay`, `value`, `offset`, `width`, `field` | where the kind has them |
    static let keys =
        ["kind", "direction", "guest", "device", "subchannel", "message", "at", "nth", "times", "odds"]
        + FaultParameter.allCases.map(\.rawValue)

    /// Reads the list of faults of a table; empty without one.
    ///
    /// - Throws: file, place, what is there and what is expected.
    public static func list(
        in table: ConfigurationTable, guests: [GuestConfiguration]
    ) throws(ConfigurationError) -> [FaultConfiguration] {
        guard table.contains("faults") else { return [] }
        var faults: [FaultConfiguration] = []
        for table in try table.tables("faults") { faults.append(try FaultConfiguration(table, guests: guests)) }
        return faults
    }

    /// Reads a fault as a person writes it: its kind, then `key=value`.
    ///
    /// - Throws: what is there and what is expected.
    public init(words: String, guests: [GuestConfiguration]) throws(ConfigurationError) {
        var lines: [String] = []
        for word in words.split(whereSeparator: \.isWhitespace) {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let (key, value) = parts.count == 2 ? (parts[0], parts[1]) : ("kind", parts[0])
            let isNumber = Double(value) != nil
            lines.append("\(key) = " + (isNumber ? value : "\"\(value.filter { $0 != "\"" && $0 != "\\" })\""))
        }
        let document = try ConfigurationDocument(
            parsing: Array(lines.joined(separator: "\n").utf8), file: "the fault")
        try self.init(document.root, guests: guests)
    }

    /// Reads a fault.
    ///
    /// - Throws: file, place, what is there and what is expected.
    public init(_ table: ConfigurationTable, guests: [GuestConfiguration]) throws(ConfigurationError) {
        let id = try table.string("kind")
        guard let kind = FaultKind.named(id) else {
            throw table.unacceptable(
                "kind", value: id, expected: "one of " + FaultKind.all.map(\.id).joined(separator: ", "))
        }
        let foreign = FaultParameter.allCases.filter { !kind.parameters.contains($0) }.map(\.rawValue)
        try table.requireOnly(Self.keys.filter { !foreign.contains($0) })
        self.init(kind)
        if let word = try table.stringIfPresent("direction") {
            guard let known = Direction(word: word), kind.directions.contains(known) else {
                throw table.unacceptable(
                    "direction", value: word, expected: kind.directions.map(\.word).joined(separator: " or "))
            }
            direction = known
        }
        if let name = try table.stringIfPresent("guest") {
            guard let index = guests.firstIndex(where: { $0.name == name }) else {
                throw table.unacceptable("guest", value: name, expected: "the name of a [[guest]]")
            }
            guest = index
        }
        if let name = try table.stringIfPresent("device") {
            let devices = guest.map { guests[$0].host.devices } ?? guests.flatMap(\.host.devices)
            guard let instance = devices.first(where: { $0.kind.word == name })?.instance ?? GUID(name) else {
                throw table.unacceptable("device", value: name, expected: "a device kind of the guest, or an instance")
            }
            device = instance
        }
        subchannel = try table.integerIfPresent("subchannel", in: 0...1023).map { UInt16($0) }
        if let name = try table.stringIfPresent("message") {
            let types = (1...29 as ClosedRange<UInt32>).map { MessageType(rawValue: $0) }
            guard let type = types.first(where: { $0.meaning == name }), [nil, type].contains(kind.message),
                [.message, .post, .device].contains(kind.target)
            else {
                let known = types.compactMap(\.meaning).joined(separator: ", ")
                throw table.unacceptable(
                    "message", value: name, expected: kind.message?.meaning ?? "one of \(known), for faults of messages"
                )
            }
            message = type
        }
        time = try table.durationIfPresent("at")
        nth = UInt64(try table.integerIfPresent("nth", in: 1 ... .max) ?? 1)
        times = UInt64(try table.integerIfPresent("times", in: 0 ... .max) ?? 1)
        if let share = try table.numberIfPresent("odds") {
            guard share > 0, share <= 1 else {
                throw table.unacceptable("odds", value: "\(share)", expected: "a number above 0, at most 1")
            }
            odds = UInt64(share * 1_000_000)
        }
        delay = try table.durationIfPresent("delay")
        value = try table.integerIfPresent("value").map { UInt64(bitPattern: $0) }
        offset = try table.integerIfPresent("offset", in: 0...65535).map { Int($0) }
        width = try table.integerIfPresent("width", in: 1...8).map { Int($0) }
        if let width, ![1, 2, 4, 8].contains(width) {
            throw table.unacceptable("width", value: "\(width)", expected: "1, 2, 4 or 8")
        }
        field = try table.stringIfPresent("field")
        if kind.parameters.contains(.field), field == nil {
            throw table.unacceptable("field", value: "nothing", expected: "the name of a field, such as \"relid\"")
        }
        if case .bounce = kind.action, let value, !(1...1000).contains(value) {
            throw table.unacceptable("value", value: "\(value)", expected: "1 to 1000")
        }
    }
}

extension FaultConfiguration {
    /// The fault as a person writes it: what ``init(words:guests:)`` reads.
    public func words(guests: [GuestConfiguration]) -> String {
        var words = [kind.id]
        func add(_ key: String, _ value: (any CustomStringConvertible)?) {
            if let value { words.append("\(key)=\(value)") }
        }
        if direction != kind.directions.first { add("direction", direction.word) }
        add("guest", guest.flatMap { guests.indices.contains($0) ? guests[$0].name : nil })
        let devices = guest.flatMap { guests.indices.contains($0) ? guests[$0].host.devices : nil } ?? []
        add(
            "device",
            device.map { device in
                let kind = devices.first { $0.instance == device }?.kind
                // A word stands for the first device of its kind.
                let isFirst = devices.first { $0.kind == kind }?.instance == device
                return kind.flatMap { isFirst ? $0.word : nil } ?? device.description
            })
        add("subchannel", subchannel)
        if message != kind.message { add("message", message?.meaning) }
        add("at", time.map(Self.text))
        if nth != 1 { add("nth", nth) }
        if times != 1 { add("times", times) }
        if odds != 1_000_000 { add("odds", Double(odds) / 1_000_000) }
        add("delay", delay.map(Self.text))
        add("value", value.map { Int64(bitPattern: $0) })
        add("offset", offset)
        add("width", width)
        add("field", field)
        return words.joined(separator: " ")
    }

    private static func text(_ time: UInt64) -> String {
        for (unit, size) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000)] as [(String, UInt64)]
        where time % size == 0 {
            return "\(time / size)\(unit)"
        }
        return "\(time)ns"
    }
}

extension Direction {
    fileprivate init?(word: String) {
        guard let known = [Direction.guestToHost, .hostToGuest].first(where: { $0.word == word }) else { return nil }
        self = known
    }
}
