/// What is asked of a time synchronisation from outside the bus.
public enum TimeSyncCommand: String, Sendable, Hashable, CaseIterable {
    /// The reference counter is taken to be 0 now, as when the machine is reset.
    case reset
    /// A sample that changes nothing.
    case probe
    /// The guest is to set its clock.
    case sync
    /// The guest may adjust its clock slowly.
    case sample

    init(_ words: [String]) throws(DeviceCommandError) {
        guard words.count == 1, let command = Self(rawValue: words[0]) else {
            throw DeviceCommandError(words, for: "time sync", known: Self.allCases.map(\.rawValue))
        }
        self = command
    }
}
