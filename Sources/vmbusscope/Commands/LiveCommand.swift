import ArgumentParser
import LinuxGuest
import Platform

/// `live`: the inspector on a live guest.
struct LiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live",
        abstract: "Open the inspector on this guest, or on a copied tree.",
        discussion: """
            It only reads, on a thread of its own: a file that hangs delays the values, never the screen. For output without \
            a screen see 'show', 'watch' and 'ls'.

            EXAMPLES
              vmbusscope live
              vmbusscope live --interval 0.2
              vmbusscope live --sysroot DIR   a tree copied from another guest
              vmbusscope live --remote web-1 --remote root@web-2   other guests side by side, through ssh
            """)

    @OptionGroup var source: SourceOptions
    @OptionGroup var sampling: SamplingOptions
    @OptionGroup var remote: RemoteOptions
    @OptionGroup var screen: ScreenOptions

    /// What the program of somebody who looks at this machine from another one asks for.
    @Flag(help: .hidden)
    var stream = false

    func validate() throws {
        if stream, !remote.hosts.isEmpty { throw ValidationError("--stream: it takes no --remote") }
    }

    func run() throws {
        if stream { return try RecordStream.send(source.source(), every: sampling.duration) }
        if !remote.hosts.isEmpty {
            return try RemoteView(remote, source, sampling.interval).show(screen.inspectorOptions)
        }
        try Screen.show(live: source.source(), every: sampling.duration, screen.inspectorOptions)
    }
}
