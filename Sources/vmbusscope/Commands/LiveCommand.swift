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
            """)

    @OptionGroup var source: SourceOptions
    @OptionGroup var sampling: SamplingOptions
    @OptionGroup var screen: ScreenOptions

    func run() throws {
        let watch = source.watch()
        try Screen.show(
            live: source.source(watch), watch: watch, every: sampling.duration, screen.inspectorOptions)
    }
}
