import BusModel
import VMBusWire

/// One kind of evidence: what it reads, and how often.
///
/// A kind never fails as a whole: what it cannot have is a finding that says so.
protocol EvidenceKind: Sendable {
    /// How often it is read.
    var pace: EvidencePace { get }

    /// Whether it tells of devices, so that it is read at once when one comes.
    var isAboutDevices: Bool { get }

    /// Looks once.
    mutating func read(_ guest: WatchedGuest) -> [EvidenceFinding]

    /// What it met besides at that look, as records of their own.
    var lines: [EvidenceLine] { get }
}

extension EvidenceKind {
    var isAboutDevices: Bool { false }
    var lines: [EvidenceLine] { [] }
}

/// How often a kind of evidence is read.
enum EvidencePace: Sendable, Hashable {
    /// Once: it stays as it is for as long as the guest runs.
    case once
    /// At each look, but not much more often than once a second: what is asked takes locks that others wait for.
    case eachLook
    /// At the first look after so many seconds.
    case seconds(UInt64)

    /// Whether it is time, after it was read at `last`.
    func isDue(at time: UInt64, last: UInt64) -> Bool {
        switch self {
        case .once: false
        case .eachLook: time >= last && time - last >= 900_000_000
        case .seconds(let seconds): time >= last && time - last >= seconds * 1_000_000_000
        }
    }
}

/// Something that is a record of its own.
enum EvidenceLine: Sendable, Hashable {
    /// A line of the kernel's log, of a device or (zero) of none that is known.
    case line(KernelLogRecord, of: GUID)
    /// Something is missing here; why.
    case gap(String)

    /// Adds it to the log.
    func tell(at time: UInt64, into batch: inout FlowBatch) {
        var header = FlowRecordHeader(kind: .gap, time: time, partition: ScanTranslation.guest)
        switch self {
        case .line(let record, let device):
            (header.kind, header.device, header.code) = (.kernelLog, device, UInt32(record.fact.rawValue))
            batch.append(header, record.encoded())
        case .gap(let text): batch.append(header, text.utf8)
        }
    }
}

/// One value of one device, or of the guest itself.
struct EvidenceFinding: Sendable, Hashable {
    /// Which device; zero for the guest.
    var device = GUID.zero
    /// What was found.
    var reading: AttributeReading

    init(_ reading: AttributeReading, of device: GUID = .zero) {
        self.reading = reading
        self.device = device
    }
}
