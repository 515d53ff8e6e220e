/// What is asked of a network's host end from outside the bus.
public enum NetworkCommand: Sendable, Hashable {
    /// The link goes up or down; a guest that runs is told.
    case link(connected: Bool)

    static let forms = ["link up", "link down"]

    init(_ words: [String]) throws(DeviceCommandError) {
        switch words {
        case ["link", "up"]: self = .link(connected: true)
        case ["link", "down"]: self = .link(connected: false)
        default: throw DeviceCommandError(words, for: "network", known: Self.forms)
        }
    }
}
