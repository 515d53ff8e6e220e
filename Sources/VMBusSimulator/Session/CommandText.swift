import BusModel
import VMBusWire

/// Commands that change the machine, as words of a session's file.
enum CommandText {
    static let forms =
        "'rescind PARTITION DEVICE', 'move PARTITION DEVICE SUBCHANNEL CPU', 'unload PARTITION', "
        + "'fault PARTITION KIND KEY=VALUE...', 'disarm NUMBER'"

    static func write(_ command: Command) -> String {
        switch command {
        case .rescindDevice(let partition, let device): "rescind \(partition) \(device)"
        case .moveChannel(let channel, let cpu):
            "move \(channel.partition) \(channel.device) \(channel.subchannel) \(cpu)"
        case .unload(let partition): "unload \(partition)"
        case .armFault(let partition, let words): "fault \(partition) \(words)"
        case .disarmFault(let number): "disarm \(number)"
        default: ""
        }
    }

    static func read(_ text: some StringProtocol) -> Command? {
        let words = text.split(separator: " ")
        guard words.count >= 2, let partition = UInt16(words[1]) else { return nil }
        switch (words[0], words.count) {
        case ("rescind", 3): return GUID(words[2]).map { .rescindDevice(partition: partition, device: $0) }
        case ("unload", 2): return .unload(partition: partition)
        case ("move", 5):
            guard let device = GUID(words[2]), let subchannel = UInt16(words[3]), let cpu = UInt32(words[4]) else {
                return nil
            }
            return .moveChannel(ChannelKey(partition: partition, device: device, subchannel: subchannel), cpu: cpu)
        case ("disarm", 2): return .disarmFault(Int(partition))
        case ("fault", 3...): return .armFault(partition: partition, words.dropFirst(2).joined(separator: " "))
        default: return nil
        }
    }
}
