import BusModel
import ProtocolRules
import Query
import VMBusDevices
import VMBusWire

/// A place of a recording that is run again: what the records up to there say, the rules and the host's ends that took them in.
/// A copy is a checkpoint.
struct ReplayMoment: Sendable {
    /// Records before this place.
    private(set) var number: UInt64
    /// The record from which on the rules and the host's ends have seen everything; 0 for the beginning.
    let start: UInt64
    private(set) var snapshot: BusSnapshot
    private(set) var checker: RuleChecker
    private(set) var counts = UnitCounts()
    /// Reads the records for filters; nil while nobody asks.
    var reader: (any RecordReader)?
    /// Where faults were done and rules broken.
    private(set) var marks: [SessionMark] = []
    private(set) var replay = ReplaySummary()
    /// By number of the partition.
    private var hosts: [UInt16: ReplayedHost] = [:]
    private static let maximumMarks = 512
    /// A log that names more partitions than this is none of a bus.
    private static let maximumHosts = 256

    /// In front of a record.
    ///
    /// - Parameters:
    ///   - available: what the log shows.
    ///   - snapshot: what is known there.
    init(number: UInt64, _ snapshot: BusSnapshot, _ available: EvidenceKinds, reader: (any RecordReader)?) {
        (self.number, start) = (number, number)
        self.snapshot = snapshot
        checker = RuleChecker(available: available)
        self.reader = reader
    }

    /// Takes in the next record of the log, or one that the file tells beside it.
    ///
    /// - Returns: how filters see it, where somebody asks.
    mutating func follow(
        _ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>, isOfLog: Bool
    ) -> (any QuerySubject)? {
        let subject = reader?.read(header, payload, before: snapshot)
        let known = checker.breachCount
        if isOfLog {
            number += 1
            checker.observe(header, payload)
            run(header, payload)
            counts.add(header, answersInBand: answersInBand(header))
            counts.addEvent()
        }
        snapshot.apply(header, payload)
        let isBroken = checker.breachCount > known || header.brokenRule != nil
        if isBroken || header.kind == .fault, marks.count < Self.maximumMarks {
            marks.append(SessionMark(step: number, isBreach: isBroken))
        }
        return subject
    }

    /// Runs the host's end of the record's guest.
    private mutating func run(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        if header.kind == .gap {
            hosts = hosts.mapValues { host in
                var lost = host
                lost.loseTrack()
                return lost
            }
            return
        }
        guard header.kind == .message, header.omittedLength == 0 else { return }
        let known = hosts[header.partition]
        guard var host = known ?? (hosts.count < Self.maximumHosts ? ReplayedHost() : nil) else { return }
        let context = snapshot.partition(header.partition)?.wireContext ?? .newest
        let (requests, answers) = (host.requests, host.answers)
        let difference = host.follow(Array(payload), from: header.direction, context)
        hosts[header.partition] = host
        replay.requests += host.requests - requests
        replay.answers += host.answers - answers
        if let difference { note(difference, at: header) }
    }

    private mutating func note(_ difference: String, at header: FlowRecordHeader) {
        replay.differences += 1
        replay.first = replay.first ?? InvariantSummary.Breach(sequence: header.sequence, text: difference)
    }

    /// How the host's ends differ from what is known here, one text for each difference.
    var stateDifferences: [String] {
        snapshot.partitions.flatMap { partition in
            (hosts[partition.number]?.differences(from: partition) ?? []).map { "\(partition.name): \($0)" }
        }
    }

    /// Whether the guest answers its host on the record's channel with packets of its own, as integration components do.
    func answersInBand(_ header: FlowRecordHeader) -> Bool {
        guard header.kind == .packet, let device = snapshot.device(header.partition, header.device) else {
            return false
        }
        switch DeviceClass.of(device.classID).kind {
        case .heartbeat, .shutdown, .timeSync, .keyValueExchange, .backup, .fileCopy: return true
        default: return false
        }
    }
}
