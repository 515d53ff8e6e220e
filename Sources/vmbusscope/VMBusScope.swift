import ArgumentParser

/// The program: without a subcommand the inspector itself.
struct VMBusScope: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vmbusscope",
        abstract: "See what happens on a Hyper-V VMBus: in this guest, or in a simulated one.",
        discussion: """
            Without a subcommand and with a terminal: the inspector, on this guest if it has a VMBus, else on the simulator. \
            Without a terminal: one snapshot of this guest as text.

            Watching only reads; nothing that is watched is changed.

            EXAMPLES
              vmbusscope                               look at this guest, or at the simulator
              vmbusscope sim --paused                  step through two guests that come up
              vmbusscope sim --headless --steps 200    watch two simulated guests come up
              vmbusscope ls -vv                        what lsvmbus -vv prints
              vmbusscope watch --interval 5            one line per channel, every 5 s
              vmbusscope show channels --sysroot DIR   a tree copied from another guest
              vmbusscope doctor                        what is wrong, and who must act next
              vmbusscope open dmesg.txt trace.txt      what a guest's log and trace tell

            EXIT CODES
              0  well                                  4    permission missing
              1  failed                                5    the answer is bad news
              2  input damaged but partly read         64   wrong usage
              3  no VMBus here                         130, 143  ended by a signal
            """,
        subcommands: [
            LiveCommand.self, SimCommand.self, ExploreCommand.self, FuzzCommand.self, HostCommand.self,
            ListCommand.self, WatchCommand.self, ShowCommand.self,
            DoctorCommand.self, CheckCommand.self, TraceCommand.self, RecordCommand.self, OpenCommand.self,
            ExportCommand.self, CaptureCommand.self, ExtcapCommand.self, CompareCommand.self,
            RingCommand.self,
            MetricsCommand.self,
            BenchCommand.self, AttachCommand.self, MoveCommand.self, PrintCommand.self, BareCommand.self,
        ],
        defaultSubcommand: BareCommand.self)
}
