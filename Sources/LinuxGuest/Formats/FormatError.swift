/// Why the text of a kernel file could not be taken as what it should hold.
public enum FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Nothing is in it, as in a copied tree for a file that the kernel refused to read.
    case empty
    /// It does not have the form that the kernel prints; `found` is its beginning.
    case malformed(expected: String, found: String)
    /// A number that does not fit; `found` is its text.
    case outOfRange(expected: String, found: String)

    /// One line for people.
    public var description: String {
        switch self {
        case .empty: "the file is empty"
        case .malformed(let expected, let found): "expected \(expected), found \"\(found)\""
        case .outOfRange(let expected, let found): "expected \(expected), found \(found), which does not fit"
        }
    }
}
