/// What is asked of a shutdown service from outside the bus.
public struct ShutdownCommand: Sendable, Hashable {
    /// How the guest is to end.
    public var ending: GuestEnding
    /// Whether programs that do not want to end are ended all the same.
    public var isForced: Bool
    /// Seconds that programs have.
    public var timeout: UInt32 = 30
    /// The reason in words.
    public var text = "asked for at the host"

    static let forms = ["power-off [force]", "restart [force]", "hibernate [force]"]

    init(_ words: [String]) throws(DeviceCommandError) {
        guard let first = words.first, let ending = GuestEnding(rawValue: first),
            words.count == 1 || words.count == 2 && words[1] == "force"
        else { throw DeviceCommandError(words, for: "shutdown", known: Self.forms) }
        self.ending = ending
        isForced = words.count == 2
    }

    var message: ShutdownMessage {
        var flags: ShutdownFlags =
            switch ending {
            case .powerOff: []
            case .restart: .restart
            case .hibernate: .hibernate
            }
        if isForced { flags.insert(.force) }
        return ShutdownMessage(flags: flags, timeout: timeout, reason: 0, text: text)
    }
}
