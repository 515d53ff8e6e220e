/// A disk that is to be given to a guest: where its bytes are, and how it looks.
public struct DiskDescription: Sendable, Hashable {
    /// Which unit it is.
    public var lun: UInt8
    /// A disk or a drive with a disc.
    public var medium: LogicalUnit.Medium
    /// The file with its bytes; nil for memory.
    public var path: String?
    /// Bytes; 0 for as many as the file has.
    public var byteCount: UInt64
    /// Whether nobody may write.
    public var isReadOnly: Bool

    /// The most bytes of a disk in memory, whose blocks take memory only once they are written.
    public static let maximumInMemory: UInt64 = 1 << 40

    /// A disk.
    public init(
        lun: UInt8, medium: LogicalUnit.Medium = .disk, path: String? = nil, byteCount: UInt64 = 0,
        isReadOnly: Bool = false
    ) {
        self.lun = lun
        self.medium = medium
        self.path = path
        self.byteCount = byteCount
        self.isReadOnly = isReadOnly || medium == .compactDisc
    }

    /// Reads `PATH`, `PATH,read-only`, `PATH,64M`, `64M` or `memory:64M`: a file, or bytes in memory.
    ///
    /// - Returns: nil for text that is none of these.
    public init?(_ text: String, lun: UInt8, medium: LogicalUnit.Medium = .disk) {
        self.init(lun: lun, medium: medium)
        var parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard let first = parts.first, !first.isEmpty else { return nil }
        if first.hasPrefix("memory:") { parts[0] = String(first.dropFirst(7)) }
        if let size = Self.size(parts[0]) {
            byteCount = size
        } else if first.hasPrefix("memory:") {
            return nil
        } else {
            path = parts[0]
        }
        for option in parts.dropFirst() {
            if option == "read-only" {
                isReadOnly = true
            } else if option == "cd" {
                (self.medium, isReadOnly) = (.compactDisc, true)
            } else if let size = Self.size(option) {
                byteCount = size
            } else {
                return nil
            }
        }
        guard path != nil || byteCount <= Self.maximumInMemory else { return nil }
    }

    /// "64M", "512K", "2G", "1048576": bytes; nil for what is no size.
    public static func size(_ text: some StringProtocol) -> UInt64? {
        let units: [(String, UInt64)] = [("K", 10), ("M", 20), ("G", 30), ("T", 40), ("", 0)]
        for (unit, shift) in units where text.hasSuffix(unit) {
            guard let number = UInt64(text.dropLast(unit.count)), number <= UInt64.max >> (shift + 1) else { continue }
            return number << shift
        }
        return nil
    }
}

/// What is asked of a storage controller's host end from outside the bus.
public enum StorageCommand: Sendable, Hashable {
    /// A disk comes.
    case add(DiskDescription)
    /// A disk goes.
    case remove(lun: UInt8)

    static let forms = ["add LUN PATH|SIZE[,read-only][,cd]", "remove LUN"]

    init(_ words: [String], for device: String) throws(DeviceCommandError) {
        switch words.first {
        case "add" where words.count == 3:
            if let lun = UInt8(words[1]), lun < 64, let disk = DiskDescription(words[2], lun: lun) {
                self = .add(disk)
                return
            }
        case "remove" where words.count == 2:
            if let lun = UInt8(words[1]) {
                self = .remove(lun: lun)
                return
            }
        default: break
        }
        throw DeviceCommandError(words, for: device, known: Self.forms)
    }
}
