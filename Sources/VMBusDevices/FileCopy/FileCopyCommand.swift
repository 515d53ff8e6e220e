/// What is asked of a file copy from outside the bus.
public enum FileCopyCommand: Sendable, Hashable {
    /// Copies a file.
    case copy(FileCopyOrder)
    /// Gives up the file that is on its way. At the guest's end: what comes of it can be kept no longer.
    case cancel

    static let forms = ["FILE DESTINATION [overwrite] [create-path]", "pattern:BYTES DESTINATION …", "cancel"]

    init(_ words: [String]) throws(DeviceCommandError) {
        if words == ["cancel"] {
            self = .cancel
            return
        }
        var flags: FileCopyFlags = []
        for word in words.dropFirst(2) {
            switch word {
            case "overwrite": flags.insert(.overwrite)
            case "create-path": flags.insert(.createPath)
            default: throw DeviceCommandError(words, for: "file copy", known: Self.forms)
            }
        }
        guard words.count >= 2, let order = FileCopyOrder(words[0], to: words[1], flags) else {
            throw DeviceCommandError(words, for: "file copy", known: Self.forms)
        }
        self = .copy(order)
    }
}

/// A file that is to be copied.
public struct FileCopyOrder: Sendable, Hashable {
    /// The most bytes of a file.
    public static let maximumSize = 256 << 20

    /// The file at the host; `pattern:BYTES` is one that is made up.
    public let source: String
    /// What it is called in the guest.
    public let name: String
    /// Where it is to be put.
    public let path: String
    /// What may be done to make room.
    public let flags: FileCopyFlags
    /// Its bytes; nil until somebody who can read files has.
    public var contents: [UInt8]?

    init?(_ source: String, to destination: String, _ flags: FileCopyFlags) {
        self.source = source
        self.flags = flags
        guard let slash = destination.lastIndex(of: "/") else { return nil }
        path = slash == destination.startIndex ? "/" : String(destination[..<slash])
        let last = destination[destination.index(after: slash)...]
        name = String(last.isEmpty ? source.split(separator: "/").last ?? "" : last)
        guard !name.isEmpty else { return nil }
        if source.hasPrefix("pattern:") {
            guard let count = Int(source.dropFirst(8)), (0...Self.maximumSize).contains(count) else { return nil }
            contents = Self.pattern(count)
        }
    }

    /// Bytes that tell their place: the sum of the place's own bytes.
    public static func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &+ $0 >> 8 &+ $0 >> 16) }
    }
}
