public import BusModel

/// What a recording says of itself: lines of text `key: value`, of which a reader skips those that it does not know.
public struct RecordingManifest: Sendable, Hashable {
    /// The program that wrote it.
    public var tool = ""
    /// What kind of source it is of; nil where the file names none that is known.
    public var source: SourceKind?
    /// The title of the source.
    public var title = ""
    /// The wall clock at the log's time 0, in nanoseconds since 1970; nil where the log's clock is not of this world.
    public var epoch: UInt64?
    /// The most bytes of a packet that were kept; nil for all.
    public var snapLength: Int?
    /// Why bytes are missing from packets, where they are.
    public var reason = ""

    /// Nothing is said.
    public init() {}

    /// What a recording of a source says.
    public init(tool: String, source: SourceKind, title: String) {
        (self.tool, self.source, self.title) = (tool, source, title)
    }

    private static let firstLine = "vmbusscope recording"

    /// The bytes of the record, with the interfaces that there are, so that a piece of a file can be read.
    func encoded(_ interfaces: [RecordingInterface]) -> [UInt8] {
        var lines = [
            "\(Self.firstLine) \(RecordingFormat.version)", "tool: \(Self.line(tool))",
            "source: \(source?.rawValue ?? "")", "title: \(Self.line(title))",
        ]
        if let epoch { lines.append("epoch: \(epoch)") }
        if let snapLength { lines.append("snaplen: \(snapLength)") }
        if !reason.isEmpty { lines.append("reason: \(Self.line(reason))") }
        for (number, interface) in interfaces.enumerated() {
            lines.append("interface \(number): \(interface.linkType) \(interface.name) \(interface.description)")
        }
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }

    /// Reads a manifest; nil for other bytes.
    static func decode(_ bytes: [UInt8]) -> (manifest: RecordingManifest, interfaces: [RecordingInterface])? {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard let first = lines.first, first.starts(with: (firstLine + " ").utf8) else { return nil }
        var manifest = RecordingManifest()
        var interfaces: [RecordingInterface] = []
        for bytes in lines.dropFirst() {
            let text = String(decoding: bytes, as: UTF8.self)
            guard let colon = text.firstIndex(of: ":") else { continue }
            let value = text[text.index(after: colon)...].drop { $0 == " " }
            switch text[..<colon] {
            case "tool": manifest.tool = Self.line(value)
            case "source": manifest.source = SourceKind(rawValue: String(value))
            case "title": manifest.title = Self.line(value)
            case "epoch": manifest.epoch = UInt64(value)
            case "snaplen": manifest.snapLength = Int(value)
            case "reason": manifest.reason = Self.line(value)
            case let key where key == "interface \(interfaces.count)":
                let words = value.split(separator: " ", maxSplits: 2)
                guard words.count == 3, let linkType = UInt16(words[0]) else { break }
                interfaces.append(
                    RecordingInterface(
                        linkType: linkType, name: line(words[1]), description: String(words[2]), isUsable: true))
            default: break
            }
        }
        return (manifest, interfaces)
    }

    /// One line without anything that steers a terminal.
    static func line(_ text: some StringProtocol) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.steersTerminal ? " " : $0 }))
    }
}
