/// Which program this is, for those who collect what it says.
enum ProgramVersion {
    /// The version, which is raised with each release.
    static let text = "0.1.0"

    /// The Swift that compiled it.
    static let swift: String = {
        #if compiler(>=6.4)
            "6.4 or later"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }()
}
