import Glibc
import Platform

/// Where the process begins and ends.
@main
enum Main {
    static func main() {
        // A reader that has seen enough is no reason to die of a signal; see Output.
        Signal.ignoreBrokenPipes()
        exit(CommandRunner.run(Array(CommandLine.arguments.dropFirst())).rawValue)
    }
}
