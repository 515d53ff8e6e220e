import BusModel
import Configuration
import VMBusPartitions

extension Simulation {
    /// Changes the machine at once.
    ///
    /// - Throws: why it cannot be; then nothing was changed.
    mutating func perform(_ command: Command) throws(CommandRefusal) {
        switch command {
        case .rescindDevice(let partition, let device):
            guard rescind(device, guest: try index(partition)) else {
                throw CommandRefusal("the host offers no device \(device) to this guest")
            }
        case .moveChannel(let channel, let cpu):
            if let reason = move(channel.device, channel.subchannel, cpu: cpu, guest: try index(channel.partition)) {
                throw CommandRefusal(reason)
            }
        case .unload(let partition):
            unload(try index(partition), bootsAgain: false)
        case .armFault(let partition, let words):
            let guest = try index(partition)
            do throws(ConfigurationError) {
                var fault = try FaultConfiguration(words: words, guests: scenario.guests)
                fault.guest = guest
                arm(fault)
            } catch {
                throw CommandRefusal(error.description)
            }
        case .disarmFault(let number):
            guard faults.disarm(number - 1) else { throw CommandRefusal("there is no fault \(number)") }
        default:
            throw CommandRefusal("this does not change the machine")
        }
    }

    private func index(_ partition: UInt16) throws(CommandRefusal) -> Int {
        let index = Int(partition) - 1
        guard guests.indices.contains(index) else {
            throw CommandRefusal("partition \(partition) is no guest of this scenario")
        }
        return index
    }
}
