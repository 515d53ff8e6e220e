import BusModel
import Glibc
import Platform
import VMBusWire

/// The kernel's log as far as it tells of the bus: the version that was agreed, and every line that concerns VMBus or Hyper-V.
struct KernelLogEvidence: EvidenceKind {
    private enum Log: Sendable {
        case unopened
        case open(any KernelLogReader)
        case refused(Readout<String>)
        /// A copied tree's, which is read once; whether there was one.
        case copied(Bool)
    }

    /// Where copies of a guest's files hold its kernel's log: as distributions write it, as people save it, as sosreport does.
    static let copies = [
        "/var/log/dmesg", "/dmesg", "/dmesg.txt", "/sos_commands/kernel/dmesg", "/var/log/kern.log", "/kern.log",
        "/var/log/messages", "/var/log/syslog",
    ]

    /// Records for one look; the largest logs need several looks to be read for the first time.
    private static let mostRecords = 32_768

    private var log = Log.unopened
    private var flood = KernelLogFlood()
    /// What the lines say of the guest, in the order of the attributes.
    private var told: [AttributeReading] = []
    private(set) var lines: [EvidenceLine] = []

    var pace: EvidencePace { .eachLook }

    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding] {
        lines = []
        if case .unopened = log {
            if let machine = guest.machine {
                do {
                    log = .open(try machine.openKernelLog())
                } catch {
                    log = .refused(Readout(error))
                }
            } else {
                log = readCopy(guest)
            }
        }
        if case .copied(false) = log { return [] }
        if case .open(let reader) = log { follow(reader, guest) }
        lines += flood.takeWithheld()
        var readings = told.filter { reading in
            // What the processor says itself is newer than any line.
            guest.hypervisor == nil || reading.attribute == .loggedVersion || reading.attribute == .protocolVersion
        }
        if !told.contains(where: { $0.attribute == .loggedVersion }) {
            let reason: Readout<String> = if case .refused(let reason) = log { reason } else { .missing }
            readings.append(AttributeReading(.loggedVersion, text: reason))
        }
        readings.append(AttributeReading(.withheldLogLines, text: NamedCount.text(flood.counts)))
        return readings.map { EvidenceFinding($0) }
    }

    /// Reads the first copy of a log that tells of the bus; of several boots the last.
    private mutating func readCopy(_ guest: WatchedGuest) -> Log {
        var refusal: Log?
        for path in Self.copies {
            do {
                let bytes = try guest.files.readTable(path, limit: TextFile.maximumByteCount)
                let entries = KernelLogText(parsing: bytes[...]).lastBoot.suffix(Self.mostRecords)
                if entries.isEmpty { continue }
                for entry in entries { take(entry.line, entry.meaning, guest) }
                return .copied(true)
            } catch {
                let reason = Readout<String>(error)
                if reason != .missing { refusal = refusal ?? .refused(reason) }
            }
        }
        return refusal ?? .copied(false)
    }

    private mutating func follow(_ reader: any KernelLogReader, _ guest: WatchedGuest) {
        for _ in 0..<Self.mostRecords {
            do throws(SystemError) {
                guard let record = try reader.next() else { return }
                take(record, guest)
            } catch {
                guard error.code == EPIPE else {
                    log = .refused(Readout(error))
                    return
                }
                lines.append(.gap("the kernel's log has overwritten records before they were read"))
            }
        }
    }

    private mutating func take(_ record: [UInt8], _ guest: WatchedGuest) {
        guard let line = KernelLogLine(record: record), let meaning = KernelLogMeaning.of(line.text) else { return }
        take(line, meaning, guest)
    }

    private mutating func take(_ line: KernelLogLine, _ meaning: KernelLogMeaning, _ guest: WatchedGuest) {
        for reading in meaning.evidence { note(reading) }
        if let version = meaning.agreedVersion { note(AttributeReading(.protocolVersion, version)) }
        let device = guest.devices.first { $0.isMeant(by: meaning) }?.instance ?? .zero
        let told = meaning.record(level: line.level, bootTime: line.bootTime)
        if flood.admits(told, of: device) { lines.append(.line(told, of: device)) }
    }

    private mutating func note(_ reading: AttributeReading) {
        if let place = told.firstIndex(where: { $0.attribute == reading.attribute }) {
            told[place] = reading
        } else {
            told.append(reading)
        }
    }
}

extension WatchedDevice {
    /// Whether a line of the log names it, by its instance, its directory or its interface.
    fileprivate func isMeant(by meaning: KernelLogMeaning) -> Bool {
        instance == meaning.instance || name == meaning.busName || meaning.interface.map(names.net.contains) == true
    }
}

/// Keeps a flood of lines that tell the same from filling the log (anchors D, rows 17 and 36).
struct KernelLogFlood: Sendable {
    private struct Key: Hashable, Sendable {
        let fact: KernelLogFact
        let device: GUID
    }

    private struct Window: Sendable {
        var begin: UInt64
        var told = 1
        var withheld: UInt64 = 0
        var last: KernelLogRecord?
    }

    /// So many lines of one fact and device are told within `window` of the log's own time.
    static let most = 20
    private static let window: UInt64 = 10_000_000_000
    private static let mostKeys = 1024

    // Looked up only, never walked.
    private var windows: [Key: Window] = [:]
    /// Keys with lines withheld since the last time that this was told, in the order of the first.
    private var withheld: [Key] = []
    /// How many lines were withheld in all, by the name of what they tell.
    private(set) var counts: [NamedCount] = []

    /// Whether a line is to be told; one that is not is counted.
    mutating func admits(_ record: KernelLogRecord, of device: GUID) -> Bool {
        let key = Key(fact: record.fact, device: device)
        if windows.count >= Self.mostKeys, windows[key] == nil { windows.removeAll() }
        // Stamps can go back a little; what is far off in either direction begins a new window.
        guard var window = windows[key], record.bootTime != .max,
            max(record.bootTime, window.begin) - min(record.bootTime, window.begin) < Self.window
        else {
            var fresh = Window(begin: record.bootTime)
            fresh.withheld = windows[key]?.withheld ?? 0
            fresh.last = windows[key]?.last
            windows[key] = fresh
            return true
        }
        let isTold = window.told < Self.most
        if isTold {
            window.told += 1
        } else {
            if window.withheld == 0 { withheld.append(key) }
            window.withheld += 1
            window.last = record
            count(record.fact)
        }
        windows[key] = window
        return isTold
    }

    /// One line for all that was withheld of one fact and device since the last call.
    mutating func takeWithheld() -> [EvidenceLine] {
        defer { withheld = [] }
        return withheld.compactMap { key in
            guard let window = windows[key], let record = window.last else { return nil }
            windows[key]?.withheld = 0
            return .line(record.standing(for: window.withheld), of: key.device)
        }
    }

    private mutating func count(_ fact: KernelLogFact) {
        let name = fact.meaning ?? "FACT_\(fact.rawValue)"
        if let place = counts.firstIndex(where: { $0.name == name }) {
            counts[place].count += 1
        } else {
            counts.append(NamedCount(name, 1))
        }
    }
}
