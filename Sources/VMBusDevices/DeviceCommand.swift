public import VMBusWire

/// What is asked of a device's host end while it runs, from outside the bus: by a person, a scenario or a test.
///
/// Each device knows its own commands and no others; their texts are beside the device.
public enum DeviceCommand: Sendable, Hashable {
    /// For a network.
    case network(NetworkCommand)
    /// For a shutdown service.
    case shutdown(ShutdownCommand)
    /// For a time synchronisation.
    case timeSync(TimeSyncCommand)
    /// For a data exchange.
    case keyValue(KeyValueCommand)
    /// For a backup service.
    case backup(BackupCommand)
    /// For a file copy.
    case fileCopy(FileCopyCommand)
    /// For a storage controller.
    case storage(StorageCommand)
    /// For a balloon.
    case balloon(BalloonCommand)
    /// For a virtual PCI bus.
    case pci(PCICommand)
    /// For a keyboard.
    case keyboard(KeyboardCommand)
    /// For a mouse.
    case mouse(MouseCommand)
    /// For a display.
    case video(VideoCommand)

    /// Reads a command for a device of a kind, such as `link down`.
    ///
    /// - Throws: what is not understood, and what the device understands.
    public init(_ words: [String], for kind: DeviceKind) throws(DeviceCommandError) {
        switch kind {
        case .network: self = .network(try NetworkCommand(words))
        case .shutdown: self = .shutdown(try ShutdownCommand(words))
        case .timeSync: self = .timeSync(try TimeSyncCommand(words))
        case .keyValueExchange: self = .keyValue(try KeyValueCommand(words))
        case .backup: self = .backup(try BackupCommand(words))
        case .fileCopy: self = .fileCopy(try FileCopyCommand(words))
        case .scsi, .fibreChannel, .ide: self = .storage(try StorageCommand(words, for: kind.word))
        case .balloon: self = .balloon(try BalloonCommand(words))
        case .pci: self = .pci(try PCICommand(words))
        case .keyboard: self = .keyboard(try KeyboardCommand(words))
        case .mouse: self = .mouse(try MouseCommand(words))
        case .video: self = .video(try VideoCommand(words))
        default: throw DeviceCommandError(words, for: kind.word, known: [])
        }
    }
}

/// Why a device's command was not understood.
public struct DeviceCommandError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What, and what to say instead.
    public let description: String

    /// The words that were said to a device, and the forms of what it knows.
    init(_ words: [String], for device: String, known: [String]) {
        let said = words.isEmpty ? "nothing" : "'\(words.joined(separator: " "))'"
        description =
            known.isEmpty
            ? "\(said) is no command for a \(device): it has none"
            : "\(said) is no command for a \(device): it knows \(known.joined(separator: ", "))"
    }
}
