/// What is asked of a display from outside the bus.
public enum VideoCommand: String, Sendable, Hashable, CaseIterable {
    /// The guest is to say again where its pointer is and how its picture lies in the frame buffer.
    case refresh
    /// The guest is to say which parts of its picture change.
    case watch
    /// The guest is to say so no longer.
    case unwatch

    init(_ words: [String]) throws(DeviceCommandError) {
        guard words.count == 1, let command = Self(rawValue: words[0]) else {
            throw DeviceCommandError(words, for: "video", known: Self.allCases.map(\.rawValue))
        }
        self = command
    }
}
