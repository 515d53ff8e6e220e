import BusModel
import VMBusDevices
import VMBusPartitions
import VMBusRing
import VMBusWire

/// A value of the machine that no record tells: a control word of a ring, or how many wait at a processor.
///
/// ```
/// ring(PARTITION/DEVICE[/SUBCHANNEL]).in|out.write_index|read_index|mask|pending_size|used
/// queue(PARTITION/PROCESSOR).messages|flags
/// ```
/// A device is named by its class, `network` or `network-2`, or by its instance. A comparison behind it, such as `> 4096`,
/// makes it stop only where that begins to hold; without one every change stops.
struct Watch: Sendable, Hashable {
    private enum Subject: Hashable, Sendable {
        case ring(device: String, subchannel: UInt16, direction: Direction, word: Word)
        case queue(processor: Int, flags: Bool)
    }
    private enum Word: String, CaseIterable, Sendable {
        case writeIndex = "write_index"
        case readIndex = "read_index"
        case mask
        case pendingSize = "pending_size"
        case used
    }
    private enum Comparison: String, CaseIterable, Sendable {
        case equal = "=="
        case unequal = "!="
        case atMost = "<="
        case atLeast = ">="
        case less = "<"
        case more = ">"
    }

    private let partition: String
    private let subject: Subject
    private let comparison: Comparison?
    private let limit: UInt64

    private static let form =
        "ring(PARTITION/DEVICE/SUBCHANNEL).out.write_index or queue(PARTITION/PROCESSOR).messages, with a comparison if wanted"

    /// Reads a watch.
    init(_ text: String) throws(CommandRefusal) {
        func refusal(_ what: String) -> CommandRefusal {
            CommandRefusal("watch '\(text)': \(what); write \(Self.form)")
        }
        var rest = text[...]
        var comparison: Comparison?
        var limit: UInt64 = 0
        if let start = text.firstIndex(where: { "=!<>".contains($0) }) {
            let sign = Comparison.allCases.first { text[start...].hasPrefix($0.rawValue) }
            let number = UInt64(text[start...].dropFirst(sign?.rawValue.count ?? 0).filter { !$0.isWhitespace })
            guard let sign, let number else { throw refusal("no comparison with a number") }
            (comparison, limit, rest) = (sign, number, text[..<start])
        }
        let path = rest.filter { !$0.isWhitespace }
        guard let open = path.firstIndex(of: "("), let close = path.lastIndex(of: ")"), open < close else {
            throw refusal("no parentheses")
        }
        let places = path[path.index(after: open)..<close].split(separator: "/", omittingEmptySubsequences: false)
        let words = path[path.index(after: close)...].split(separator: ".").map(String.init)
        guard (2...3).contains(places.count), let partition = places.first, !partition.isEmpty else {
            throw refusal("no place such as guest/network/0")
        }
        switch (path[..<open], places.count) {
        case ("ring", _):
            let subchannel = places.count == 3 ? UInt16(places[2]) : 0
            guard words.count == 2, let word = Word(rawValue: words[1]), ["in", "out"].contains(words[0]),
                let subchannel
            else { throw refusal("no word of a ring") }
            subject = .ring(
                device: String(places[1]), subchannel: subchannel,
                direction: words[0] == "in" ? .hostToGuest : .guestToHost, word: word)
        case ("queue", 2):
            guard let processor = UInt16(places[1]), words == ["messages"] || words == ["flags"] else {
                throw refusal("no queue of a processor")
            }
            subject = .queue(processor: Int(processor), flags: words == ["flags"])
        default: throw refusal("nothing that can be watched")
        }
        self.partition = String(partition)
        self.comparison = comparison
        self.limit = limit
    }

    /// Whether going from one value to the next is a reason to stop.
    func stops(from old: UInt64?, to new: UInt64?) -> Bool {
        guard old != new else { return false }
        guard comparison != nil else { return true }
        return holds(new) && !holds(old)
    }

    private func holds(_ value: UInt64?) -> Bool {
        guard let value else { return false }
        return switch comparison {
        case .equal: value == limit
        case .unequal: value != limit
        case .atMost: value <= limit
        case .atLeast: value >= limit
        case .less: value < limit
        case .more: value > limit
        case nil: true
        }
    }

    /// The value in a machine; nil where there is no such thing at that moment.
    func value(in simulation: Simulation) -> UInt64? {
        let configurations = simulation.scenario.guests
        guard let index = configurations.firstIndex(where: { $0.name == partition }) ?? number(configurations.count)
        else { return nil }
        switch subject {
        case .queue(let processor, let flags):
            return simulation.guests[index].controller.waiting(processor, flags: flags)
        case .ring(let name, let subchannel, let direction, let word):
            let devices = simulation.guests[index].guest.devices
            guard let device = device(name, devices),
                let rings = device.channels.first(where: { $0.subchannel == subchannel })?.ringPages
            else { return nil }
            let pages = direction == .guestToHost ? rings.outgoing : rings.incoming
            let ring = PagedRingMemory(guest: simulation.guests[index].memory, pages: pages)
            guard let control = try? ring.control() else { return nil }
            return switch word {
            case .writeIndex: UInt64(control.writeIndex)
            case .readIndex: UInt64(control.readIndex)
            case .mask: UInt64(control.interruptMask)
            case .pendingSize: UInt64(control.pendingSendSize)
            case .used: (try? control.usedBytes(dataSize: pages.dataSize)).map { UInt64($0) }
            }
        }
    }

    private func number(_ count: Int) -> Int? {
        Int(partition).flatMap { (1...max(count, 1)).contains($0) && count > 0 ? $0 - 1 : nil }
    }

    private func device(_ name: String, _ devices: [GuestDevice]) -> GuestDevice? {
        if let instance = GUID(name) { return devices.first { $0.instance == instance } }
        let parts = name.split(separator: "-")
        let ordinal = parts.count > 1 ? parts.last.flatMap { Int($0) } : nil
        let word = ordinal == nil ? name : parts.dropLast().joined(separator: "-")
        return devices.filter { $0.kind.word == word }.dropFirst(max(ordinal ?? 1, 1) - 1).first
    }
}
