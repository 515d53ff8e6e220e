public import BusModel

/// A text from a guest, its host or a tool, as records of the log: what `vmbusscope open` and `vmbusscope doctor FILE` work on.
///
/// Pure: bytes in, records out. Any bytes give a result or an error; memory and time grow with their number only.
public struct TextFile: Sendable {
    /// What people call the file.
    public let name: String
    /// What it is, by its content.
    public let format: TextFormat
    /// Lines that were not understood.
    public let unknownCount: Int
    /// Whether it ends in the middle of a line, as when the reader of a trace was stopped.
    public let isCut: Bool
    /// Its records in order, not numbered. Times never go back in them; what has no time has that of the record before, 0 at
    /// the start.
    public let records: FlowBatch

    /// The most bytes that are taken: a larger log is not for one screen.
    public static let maximumByteCount = 64 << 20

    /// Whether something of it is lost: a line that was cut, or lines of no form. On a console, in a kernel log, other programs
    /// write as well, so that there such lines are nothing out of the ordinary.
    public var isDamaged: Bool { isCut || unknownCount > 0 && format != .kernelLog }

    /// What was not understood, in words; nil where everything was.
    public var gaps: String? {
        var gaps: [String] = []
        if unknownCount > 0 { gaps.append("\(unknownCount) line\(unknownCount == 1 ? "" : "s") not understood") }
        if isCut { gaps.append("the last line is cut") }
        return gaps.isEmpty ? nil : gaps.joined(separator: ", ")
    }

    /// Takes a text apart.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - name: what people call it, for titles and messages.
    /// - Throws: `TextFileError` if it is no text of a known format.
    public init(parsing bytes: [UInt8], name: String) throws(TextFileError) {
        guard bytes.count <= Self.maximumByteCount else { throw .tooLong }
        guard !bytes.isEmpty else { throw .empty }
        if Self.isRingMemory(bytes) { throw .ringMemory }
        guard let format = TextFormat.recognise(bytes[...]) else {
            let start = bytes.prefix(4096)
            throw start.contains("lsvmbus not found for kernel") ? .lsvmbusMissing : .unknownFormat
        }
        self.init(parsing: bytes, name: name, as: format)
    }

    /// Takes a text apart as a format, whatever it holds: where somebody knows better.
    public init(parsing bytes: [UInt8], name: String, as format: TextFormat) {
        let reader = format.reader.init(parsing: bytes[...])
        var log = TextLog()
        reader.tell(&log)
        self.name = PrintableText.harmless(name)
        self.format = format
        unknownCount = reader.unknownCount
        isCut = reader.isCut
        records = log.batch
    }

    /// Whole pages with zeroes in them are memory, not text.
    private static func isRingMemory(_ bytes: [UInt8]) -> Bool {
        let page = 4096
        return bytes.count >= 2 * page && bytes.count.isMultiple(of: page)
            && bytes.prefix(page).count { $0 == 0 } > page / 2
    }
}

/// Why a file is no text that can be shown.
public enum TextFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There are no bytes in it.
    case empty
    /// It has more than `TextFile.maximumByteCount` bytes.
    case tooLong
    /// It holds pages of memory.
    case ringMemory
    /// It is the complaint of Ubuntu's wrapper that lsvmbus is not installed.
    case lsvmbusMissing
    /// No format has lines like these.
    case unknownFormat

    /// One line: what it is, and what to do.
    public var description: String {
        switch self {
        case .empty: "is empty"
        case .tooLong:
            "is longer than \(TextFile.maximumByteCount >> 20) MiB; open a part of it, such as its last lines (tail -c 60M)"
        case .ringMemory: "looks like a dump of ring memory, not like text; see 'vmbusscope ring'"
        case .lsvmbusMissing:
            "is no listing: the guest's lsvmbus is a wrapper without a tool for its kernel; "
                + "install the linux-cloud-tools of that kernel, or run 'vmbusscope ls -vv' there"
        case .unknownFormat:
            "not a format that is known; known are "
                + TextFormat.allCases.map(\.title).joined(separator: ", ")
        }
    }
}
