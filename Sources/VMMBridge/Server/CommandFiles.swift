import Platform
import VMBusDevices
import VMBusPartitions

/// Reads the files that commands to devices name, as devices themselves have no files.
enum CommandFiles {
    /// The same command with the file that it needs, and why that cannot be read.
    static func supply(_ command: DeviceCommand) -> (DeviceCommand, problem: String?) {
        guard case .fileCopy(.copy(var order)) = command, order.contents == nil else { return (command, nil) }
        do throws(SystemError) {
            order.contents = try WholeFile.read(order.source, limit: FileCopyOrder.maximumSize)
            return (.fileCopy(.copy(order)), nil)
        } catch {
            return (command, "the file for '\(order.name)' cannot be read: \(error)")
        }
    }

    /// The same event with the file that it needs, and why that cannot be read.
    static func supply(_ event: ScenarioEvent) -> (ScenarioEvent, problem: String?) {
        guard case .command(let instance, let command) = event.action else { return (event, nil) }
        let (supplied, problem) = supply(command)
        var event = event
        event.action = .command(instance, supplied)
        return (event, problem)
    }
}
