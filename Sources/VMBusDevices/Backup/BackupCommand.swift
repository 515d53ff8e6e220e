/// What is asked of a backup service from outside the bus.
public struct BackupCommand: Sendable, Hashable {
    /// The step.
    public var operation: BackupOperation

    init(_ words: [String]) throws(DeviceCommandError) {
        guard words.count == 1, let operation = BackupOperation(word: words[0]) else {
            throw DeviceCommandError(words, for: "backup", known: BackupOperation.all.map(\.word))
        }
        self.operation = operation
    }
}
