import BusModel
import VMBusWire

/// Lines with paths below /sys: `ls -l` of links, bare paths, a session with sysfs, or a dump of a tree with a mode before each
/// path (linux-guest-data §1).
struct PathListText: TextReader {
    private(set) var paths: [DevicePath] = []
    /// Lines with paths to other things.
    private(set) var otherCount = 0
    private(set) var unknownCount = 0

    init(parsing bytes: ArraySlice<UInt8>) {
        // A dump names a device in many lines; each is kept once.
        var seen: Set<DevicePath> = []
        for line in TextLines(bytes) where !line.isRemark && !line.trimmed.isEmpty {
            let line = line.prefix(KernelLogLine.longestLine).trimmed
            guard Self.isForm(line) else {
                unknownCount += 1
                continue
            }
            guard let path = Self.path(line).flatMap({ DevicePath($0) }) else {
                otherCount += 1
                continue
            }
            if seen.insert(path).inserted { paths.append(path) }
        }
    }

    /// Whether a line has a path below /sys in a form that is known.
    static func isForm(_ line: ArraySlice<UInt8>) -> Bool {
        if line.contains("sys/bus/vmbus/") || line.contains("/devices/") { return true }
        return isListed(line) || line.starts(with: "total ".utf8)
            || line.starts(with: "/".utf8) && line.last == UInt8(ascii: ":")
    }

    /// `lrwxrwxrwx 1 root …` or `100444 0:0 f …`
    private static func isListed(_ line: ArraySlice<UInt8>) -> Bool {
        let words = line.split(maxSplits: 3, whereSeparator: \.isBlank)
        guard words.count == 4, let mode = words.first else { return false }
        if mode.count == 6, mode.allSatisfy({ (0x30...0x37).contains($0) || $0 == UInt8(ascii: "?") }) {
            return words[1].contains(UInt8(ascii: ":"))
        }
        return mode.count >= 10 && "-dlcbps".utf8.contains(mode[mode.startIndex])
            && mode.dropFirst().prefix(9).allSatisfy { "rwxsStT-".utf8.contains($0) }
    }

    /// The path that says most: behind the arrow where there is one.
    private static func path(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let quotes = Array("'\"".utf8)
        let words = line.split { $0.isBlank || quotes.contains($0) }
        // A word without a slash can be an instance that is written to a file.
        // So can a class, for a driver that is to take all of its devices.
        return words.last { DevicePath($0) != nil && !isClass($0) } ?? words.last { $0.contains(UInt8(ascii: "/")) }
    }

    private static func isClass(_ word: ArraySlice<UInt8>) -> Bool {
        GUID(String(decoding: word, as: UTF8.self)).map { DeviceClass.of($0).kind != .unknown } ?? false
    }

    func tell(_ log: inout TextLog) {
        var interfaces: [GUID: [String]] = [:]
        var subchannels: [GUID: UInt16] = [:]
        for path in paths {
            var readings: [AttributeReading] = []
            if GUID(path.name) == nil { readings.append(AttributeReading(.name, text: path.name)) }
            if let interface = path.interface {
                var names = interfaces[path.instance, default: []]
                if !names.contains(interface), names.count < 64 { names.append(interface) }
                interfaces[path.instance] = names
                readings.append(AttributeReading(.networkInterfaces, text: names.joined(separator: " ")))
            }
            if let host = path.scsiHost { readings.append(AttributeReading(.scsiHost, text: host)) }
            if let block = path.block { readings.append(AttributeReading(.blockDevices, text: block)) }
            if let function = path.pci { readings.append(AttributeReading(.pciFunctions, text: function)) }
            log.device(path.instance, readings)
            if let relid = path.relid {
                let index = subchannels[path.instance, default: 0]
                subchannels[path.instance] = index < .max ? index + 1 : .max
                log.channel(path.instance, index, relid: relid, [])
            }
        }
    }
}
