public import BusModel
import VMBusWire

/// A scenario with the guests, devices and channels of a bus, whose devices are as busy as counters say: for logs of counters and
/// tracepoints, from which what happened cannot be run again.
public enum ScenarioSketch {
    /// The most guests, devices of a guest and channels of a device that it takes over.
    private static let limits = (guests: 16, devices: 64, channels: 64)

    /// The scenario's text.
    ///
    /// - Parameters:
    ///   - first: an earlier picture of the same bus, from which rates follow; the same where there is none.
    ///   - last: the bus.
    ///   - name: where it comes from.
    public static func text(_ first: BusSnapshot, _ last: BusSnapshot, name: String) -> String {
        var lines = [
            "# The devices and channels of \(line(name)), as busy as its counters say. What happened there is not run again.",
            "name = \"sketch\"", "title = \(quoted("as \(name)"))", "",
            "[switch]", "responder = \"10.0.0.254/24\"",
        ]
        let guests = last.partitions.filter { $0.role == .guest }.prefix(limits.guests)
        for (index, guest) in guests.enumerated() {
            lines += ["", "[[guest]]", "name = \(quoted(guest.name.isEmpty ? "guest" : guest.name))"]
            if let version = guest.version.value, ProtocolVersion.all.contains(version) {
                lines.append("version = \"\(version)\"")
            }
            let processors = guest.virtualProcessors.value ?? 1
            lines.append("processors = \(min(max(1, processors), 2048))")
            let former = first.partition(guest.number)
            for device in guest.devices.prefix(limits.devices) {
                lines += self.device(device, since: former?.devices.first { $0.instance == device.instance }, index)
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func device(_ device: DeviceSnapshot, since former: DeviceSnapshot?, _ guest: Int) -> [String] {
        let kind = device.deviceClass.kind
        guard kind != .unknown, kind != .socket, DeviceClass.of(device.classID).classID != nil else { return [] }
        var lines = ["", "[[guest.device]]", "kind = \"\(kind.word)\"", "instance = \"\(device.instance)\""]
        let isNetwork = kind == .network
        guard isNetwork || [.scsi, .ide, .fibreChannel].contains(kind) else { return lines }
        lines.append("channels = \(min(max(1, device.channels.count), limits.channels))")
        if device.channels.contains(where: { $0.monitorID.value != nil }) { lines.append("monitored = true") }
        let interval = interval(device, since: former)
        if isNetwork {
            lines.append("address = \"10.0.0.\(min(guest + 1, 253))\"")
            guard let interval else { return lines }
            lines += ["ping = [\"10.0.0.254\"]", "ping_interval = \"\(interval)ns\""]
            if device.channels.count > 1 { lines.append("tcp_ports = 64") }
        } else {
            if kind == .ide { lines.append("target = \(device.instance.low >> 32 & 3)") }
            if let interval { lines.append("work_interval = \"\(interval)ns\"") }
            lines += ["", "[[guest.device.disk]]", "size = \"64M\""]
        }
        return lines
    }

    /// Nanoseconds between two interrupts of the device, which stand for its pieces of work; nil where it is not known.
    private static func interval(_ device: DeviceSnapshot, since former: DeviceSnapshot?) -> UInt64? {
        var (count, span) = (UInt64(0), UInt64(0))
        for channel in device.channels {
            let former = former?.channels.first { $0.subchannel == channel.subchannel }?.interrupts
            guard let former, let before = former.value, let now = channel.interrupts.value, now > before,
                channel.interrupts.time > former.time
            else { continue }
            count &+= now - before
            span = max(span, channel.interrupts.time - former.time)
        }
        guard count > 0, span > 0 else { return nil }
        // Below a microsecond no scenario goes, and above an hour nothing would happen.
        return min(max(1000, span / count), 3_600_000_000_000)
    }

    private static func line(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }))
    }

    /// A basic string of TOML.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in line(text).unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted.unicodeScalars.append("\\") }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }
}
