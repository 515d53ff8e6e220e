import ArgumentParser
import Platform

/// Parses a command line, runs the command, and turns whatever comes of it into a status and at most one line.
enum CommandRunner {
    static func run(_ arguments: [String]) -> ExitStatus {
        do {
            var command = try VMBusScope.parseAsRoot(arguments)
            try command.run()
            return .success
        } catch let failure as CommandFailure {
            return report(failure)
        } catch let error as SystemError {
            return report(CommandFailure(.failure, error.description))
        } catch {
            return answer(error)
        }
    }

    /// Help goes to standard output; what is wrong with the command line to standard error.
    private static func answer(_ error: any Error) -> ExitStatus {
        guard VMBusScope.exitCode(for: error) != .success else {
            do throws(CommandFailure) {
                try Output.write(VMBusScope.fullMessage(for: error) + "\n")
                return .success
            } catch {
                return report(error)
            }
        }
        let message = VMBusScope.message(for: error)
        return report(CommandFailure(.usage, message + " (see '\(helpCommand(for: error))')"))
    }

    /// The command whose help fits, which only the parser's long message names.
    private static func helpCommand(for error: any Error) -> String {
        let quoted = VMBusScope.fullMessage(for: error).split(separator: "'").map(String.init)
        let command = quoted.last { $0.hasPrefix("vmbusscope ") && $0.hasSuffix("--help") }
        return command.flatMap { $0.contains(" inspect ") ? nil : $0 } ?? "vmbusscope --help"
    }

    private static func report(_ failure: CommandFailure) -> ExitStatus {
        if let message = failure.message { Output.complain(message) }
        return failure.status
    }
}
