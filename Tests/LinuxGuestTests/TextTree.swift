import Glibc
import Platform

/// Files of a guest written down as text: `path = text`, `path ! errno`, `path -> link`.
enum TextTree {
    /// Errors that the texts name.
    static let errors: [String: Int32] = [
        "EINVAL": EINVAL, "EIO": EIO, "EACCES": EACCES, "ENODEV": ENODEV, "ENOENT": ENOENT, "EPERM": EPERM,
        "EBUSY": EBUSY, "ENXIO": ENXIO,
    ]

    /// The files that `text` describes.
    static func files(_ text: String) throws(Malformed) -> InjectedFiles {
        let files = InjectedFiles()
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts = line.split(separator: " ", maxSplits: 2).map(String.init)
            guard parts.count == 3 else { throw Malformed(line: String(line)) }
            switch parts[1] {
            case "=":
                let content = parts[2].split(separator: "\\n", omittingEmptySubsequences: false).joined(separator: "\n")
                files.put(parts[0], content)
            case "->": files.put(parts[0], .link(parts[2]))
            case "!":
                guard let code = errors[parts[2]] else { throw Malformed(line: String(line)) }
                files.put(parts[0], .failure(code))
            default: throw Malformed(line: String(line))
            }
        }
        return files
    }

    struct Malformed: Error {
        let line: String
    }
}

/// Files that lie beside the tests.
enum OwnFixture {
    static let directory = String(#filePath.dropLast("TextTree.swift".count)) + "Fixtures/"

    static func text(_ name: String) throws(SystemError) -> String {
        String(decoding: try SystemFiles().read(directory + name, limit: 1 << 20), as: UTF8.self)
    }
}
