import Glibc

/// Files `NAME-000001.EXT`, `NAME-000002.EXT` and so on, of which only the newest stay.
///
/// The numbers go on behind those that are there already, so that nothing of an earlier run is written over; its files count as
/// the older ones of the series.
public struct FileSeries: Sendable {
    private let directory: String
    private let stem: Substring
    private let suffix: Substring
    private let count: Int
    /// The numbers of the files that are there, in order.
    private var numbers: [UInt64]

    private static let digits = 6

    /// The series of a path.
    ///
    /// - Parameters:
    ///   - path: the files' name without numbers, which stand before what follows its last point.
    ///   - count: how many stay, at least one.
    public init(_ path: String, keeping count: Int) throws(SystemError) {
        let split = path.lastIndex(of: "/")
        directory = split.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = split.map { path[path.index(after: $0)...] } ?? path[...]
        let point = name.dropFirst().lastIndex(of: ".") ?? name.endIndex
        (stem, suffix) = (name[..<point], name[point...])
        self.count = max(1, count)
        numbers = []
        let location = directory.hasPrefix("/") ? directory : "./\(directory)"
        numbers = try SystemFiles().names(in: location).compactMap { number(of: $0) }.sorted()
    }

    /// The number in a name of the series.
    private func number(of name: String) -> UInt64? {
        guard name.hasPrefix("\(stem)-"), name.hasSuffix(suffix) else { return nil }
        let digits = name.dropFirst(stem.count + 1).dropLast(suffix.count)
        guard digits.count >= Self.digits, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return UInt64(digits)
    }

    private func path(_ number: UInt64) -> String {
        let digits = "\(number)"
        let zeros = String(repeating: "0", count: max(0, Self.digits - digits.count))
        return "\(directory)/\(stem)-\(zeros)\(digits)\(suffix)"
    }

    /// The path of the newest file; nil before the first.
    public var newest: String? { numbers.last.map(path) }

    /// Makes the next file, for its owner alone, and removes those that are too many with it.
    ///
    /// - Throws: what the system said; a file that cannot be removed stays and is no reason to end.
    public mutating func next() throws(SystemError) -> OwnedDescriptor {
        let (number, isLast) = (numbers.last ?? 0).addingReportingOverflow(1)
        let path = path(number)
        guard !isLast else { throw SystemError(call: "open", code: EOVERFLOW, path: path) }
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        let file = try OwnedDescriptor(checking: open(path, flags, 0o600), "open", path: path)
        numbers.append(number)
        while numbers.count > count { unlink(self.path(numbers.removeFirst())) }
        return file
    }
}
