import Inspector

/// What the bare command prints where it has no terminal: partitions and channels, once.
enum Snapshot {
    static func print(of guest: LiveGuest) throws {
        var guest = guest
        try guest.look()
        let partitions = try HeadlessShow.render(.partitions, guest.state, format: .text)
        let channels = try HeadlessShow.render(.channels, guest.state, format: .text)
        try Output.write("LIVE  \(guest.state.title)\n\n\(partitions)\n\(channels)")
    }
}
