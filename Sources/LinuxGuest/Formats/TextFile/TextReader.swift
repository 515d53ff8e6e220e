/// A text of one format that was taken apart.
protocol TextReader: Sendable {
    /// Takes a text apart; the bytes can be any.
    init(parsing bytes: ArraySlice<UInt8>)
    /// Lines that are of no form that the format has.
    var unknownCount: Int { get }
    /// Whether the text ends in the middle of a line.
    var isCut: Bool { get }
    /// Tells everything as records.
    func tell(_ log: inout TextLog)
}

extension TextReader {
    /// Most formats cannot tell.
    var isCut: Bool { false }
}
