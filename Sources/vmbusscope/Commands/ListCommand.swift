import ArgumentParser
import LinuxGuest

/// `ls`: what lsvmbus prints, or all of it as JSON.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "List the devices of the bus as lsvmbus does, or as JSON.",
        discussion: """
            Prints line for line what lsvmbus prints; where lsvmbus would die of a file that cannot be read, a question mark \
            stands for it. With --json one document of schema vmbusscope.ls/1: every channel, ring, counter and problem; \
            what is not known is null, never 0.

            EXAMPLES
              vmbusscope ls        relid and name of each device
              vmbusscope ls -vv    also class, instance, path and channels
              vmbusscope ls --json | jq '.devices[] | select(.opened | not) | .name'
            """)

    @Flag(name: .short, help: "Class and channels of each device; -vv also instance and path.")
    var verbose: Int

    @Flag(help: "One JSON document with everything.")
    var json = false

    @OptionGroup var source: SourceOptions

    func run() throws {
        var sampler = SysfsSampler(files: try source.files())
        let scan = sampler.scan()
        if json {
            try Output.write(ListingJSON.document(scan, source: source.sysroot == nil ? .live : .tree))
        } else {
            try Output.write(LsvmbusListing.text(scan, detail: detail))
        }
        guard scan.busAvailable else { throw LiveGuest.noBus(source.busPath) }
        if scan.isPermissionDenied { throw LiveGuest.noPermission(source.busPath) }
    }

    private var detail: LsvmbusListing.Detail {
        switch verbose {
        case 0: .brief
        case 1: .channels
        default: .full
        }
    }
}
