import ArgumentParser
import BusModel
import Inspector

/// `compare`: two pictures of a bus.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Say what came, went and changed between two pictures of a bus.",
        discussion: """
            Each is a recording, of which the end counts, a directory that holds a guest's sys/, such as a sosreport, or a text \
            that 'open' reads. Devices are known by their instance, channels by their place in the device; counters and fills \
            do not count, and neither does what one of them does not know. The status is 0 whatever is found.

            EXAMPLES
              vmbusscope compare before.pcapng after.pcapng
              vmbusscope compare sosreport-monday/ sosreport-friday/ --json
              vmbusscope compare lsvmbus-before.txt lsvmbus-after.txt
            """)

    @Argument(help: "The earlier one.", completion: .file())
    var before: String

    @Argument(help: "The later one.", completion: .file())
    var after: String

    @Flag(help: "One JSON document.")
    var json = false

    func run() throws {
        let difference = SnapshotDifference(try BusPicture(before).last, try BusPicture(after).last)
        try Output.write(json ? difference.json() : difference.text())
    }
}
