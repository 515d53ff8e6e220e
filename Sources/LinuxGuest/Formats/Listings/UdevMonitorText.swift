import BusModel
import VMBusWire

/// What `udevadm monitor` printed: devices and channels that come and go, with times (linux-guest-data §1).
struct UdevMonitorText: TextReader {
    /// One event.
    struct Event {
        let isKernel: Bool
        let time: UInt64
        let action: String
        let path: ArraySlice<UInt8>
        let subsystem: String
    }

    private(set) var events: [Event] = []
    private(set) var unknownCount = 0

    init(parsing bytes: ArraySlice<UInt8>) {
        for line in TextLines(bytes) where !line.isRemark && !line.trimmed.isEmpty {
            if let event = Self.event(line) {
                events.append(event)
            } else if UdevPropertiesText.property(line.trimmed) == nil, !Self.isHeading(line) {
                unknownCount += 1
            }
        }
    }

    /// `KERNEL[4572.749130] add      /devices/… (vmbus)`, the same with `UDEV  `.
    static func event(_ line: ArraySlice<UInt8>) -> Event? {
        var scanner = TextScanner(line.trimmed)
        let isKernel = scanner.take("KERNEL")
        guard isKernel || scanner.take("UDEV") else { return nil }
        scanner.skipBlanks()
        guard let stamp = KernelLogStamp.find(in: scanner.rest) else { return nil }
        scanner = TextScanner(scanner.rest[stamp.range.upperBound...])
        scanner.skipBlanks()
        let action = scanner.word()
        scanner.skipBlanks()
        let path = scanner.word()
        scanner.skipBlanks()
        guard !action.isEmpty, path.first == UInt8(ascii: "/"), scanner.take(UInt8(ascii: "(")),
            let subsystem = scanner.take(through: UInt8(ascii: ")"))
        else { return nil }
        return Event(
            isKernel: isKernel, time: stamp.time, action: action.harmless, path: path, subsystem: subsystem.harmless)
    }

    private static func isHeading(_ line: ArraySlice<UInt8>) -> Bool {
        line.starts(with: "monitor will print".utf8) || line.starts(with: "UDEV - ".utf8)
            || line.starts(with: "KERNEL - ".utf8)
    }

    private struct Channel {
        let device: GUID
        let subchannel: UInt16
    }

    func tell(_ log: inout TextLog) {
        // udev says everything that the kernel says once more, later.
        let hasKernel = events.contains(where: \.isKernel)
        var channels: [UInt32: Channel] = [:]
        var counts: [GUID: UInt16] = [:]
        for event in events where event.isKernel == hasKernel {
            log.advance(to: event.time)
            let path = DevicePath(event.path)
            switch (event.subsystem, event.action) {
            case ("vmbus", "add"):
                if let path { log.device(path.instance, []) }
            case ("vmbus", "remove"):
                guard let path else { break }
                log.removed(path.instance)
                counts[path.instance] = nil
            case ("channels", "add"):
                guard let path, let relid = path.relid else { break }
                let subchannel = counts[path.instance, default: 0]
                counts[path.instance] = subchannel < .max ? subchannel + 1 : .max
                channels[relid] = Channel(device: path.instance, subchannel: subchannel)
                log.channel(path.instance, subchannel, relid: relid, [])
            case ("channels", "remove"):
                // The channel's directory has lost its parent by then: `/channels/44`.
                let relid = event.path.split(separator: UInt8(ascii: "/")).last.flatMap {
                    UInt32(String(decoding: $0, as: UTF8.self))
                }
                guard let relid, let channel = channels.removeValue(forKey: relid) else {
                    log.note("a channel went that is not known: \(event.path.harmless)")
                    break
                }
                log.removed(channel.device, channel.subchannel, relid: relid)
            default:
                if let path { log.note("\(event.action) \(path.name) (\(event.subsystem))") }
            }
        }
    }
}
