import ArgumentParser
import InspectorTUI
import LinuxGuest
import Platform

/// `live`: the inspector on a guest's sysfs.
struct LiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live",
        abstract: "Show the inspector on this guest, or on a tree that was copied from one.",
        discussion: """
            Files are opened for reading only and nothing in the guest is changed. Without a terminal one snapshot is printed.

            EXAMPLES
              vmbusscope live
              vmbusscope live --interval 0.5 --view channels
              vmbusscope live --sysroot ./copied-guest
            """)

    @OptionGroup var guest: SourceOptions
    @OptionGroup var sampling: SamplingOptions
    @OptionGroup var screen: ScreenOptions

    func run() throws {
        guard ScreenOptions.hasTerminal else { return try Snapshot.print(of: LiveGuest(guest)) }
        // What hinders is said before a screen hides it.
        var first = try LiveGuest(guest)
        try first.look()
        try screen.show(.posted(Self.source(guest, sampling)))
    }

    /// The guest, looked at on a thread of its own.
    static func source(_ guest: SourceOptions, _ sampling: SamplingOptions) throws(CommandFailure) -> PostedSource {
        let title = guest.sysroot.map { PrintableText.harmless($0) }
        let files = try guest.files()
        let source = LinuxGuestSource(files: files, title: title, clock: { MonotonicClock.now() })
        let interval = sampling.duration
        return PostedSource(capabilities: source.capabilities, title: source.title) { () throws(SystemError) in
            let mailbox = try Mailbox<SamplingThread.Report>(limit: 64)
            let sampler = SampledGuest(try SamplingThread(source, every: interval, to: mailbox))
            return PostedSource.Inbox(fileDescriptor: mailbox.fileDescriptor) {
                sampler.keepAlive()
                return mailbox.takeAll().map { report in
                    switch report {
                    case .batch(let batch): .batch(batch)
                    case .failed(let error): .failed(error)
                    }
                }
            }
        }
    }
}

/// Holds the sampling thread for as long as somebody takes its reports; it is asked to stop when nobody does.
private final class SampledGuest {
    private let thread: SamplingThread

    init(_ thread: consuming SamplingThread) { self.thread = thread }

    /// What refers to this object keeps the thread running.
    func keepAlive() {}
}
