/// What is asked of a network's host end from outside the bus.
public enum NetworkCommand: Sendable, Hashable {
    /// The link goes up or down; a guest that runs is told.
    case link(connected: Bool)
    /// The link has another speed, in units of 100 bit/s.
    case speed(UInt32)
    /// The adapter hangs on another network: a guest asks for its address again.
    case networkChange
    /// The guest gets a virtual function of this number beside the adapter, or loses the one that it has.
    case virtualFunction(UInt32?)

    static let forms = ["link up", "link down", "speed MBIT", "network change", "vf NUMBER", "vf none"]

    init(_ words: [String]) throws(DeviceCommandError) {
        switch words {
        case ["link", "up"]: self = .link(connected: true)
        case ["link", "down"]: self = .link(connected: false)
        case ["network", "change"]: self = .networkChange
        case ["vf", "none"]: self = .virtualFunction(nil)
        case let words where words.count == 2 && words[0] == "vf":
            guard let serial = UInt32(words[1]) else { fallthrough }
            self = .virtualFunction(serial)
        case let words where words.count == 2 && words[0] == "speed":
            guard let speed = UInt32(words[1]), speed > 0, speed <= UInt32.max / 10_000 else { fallthrough }
            self = .speed(speed * 10_000)
        default: throw DeviceCommandError(words, for: "network", known: Self.forms)
        }
    }
}
