import Platform

extension SystemFiles {
    /// What a path of the command line leads to; nil where nothing is there.
    static func kind(ofArgument path: String) -> FileKind? {
        try? SystemFiles().kind(of: path.hasPrefix("/") ? path : "./" + path)
    }
}
