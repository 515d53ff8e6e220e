/// The lines of a text, one after the other, without the bytes that end them. Empty lines are among them.
struct TextLines: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>
    /// Whether the last line that was given has a line feed behind it.
    private(set) var isEnded = true

    init(_ text: ArraySlice<UInt8>) { rest = text }

    mutating func next() -> ArraySlice<UInt8>? {
        guard !rest.isEmpty else { return nil }
        var line: ArraySlice<UInt8>
        if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            line = rest[..<end]
            rest = rest[(end + 1)...]
        } else {
            line = rest
            rest = []
            isEnded = false
        }
        while line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line
    }
}

extension ArraySlice<UInt8> {
    /// Whether the line is a remark that somebody put into a copy, `# source: …`.
    var isRemark: Bool { first == UInt8(ascii: "#") }
}
