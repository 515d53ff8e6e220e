public import BusModel
import VMBusWire

/// All rules as one fold over a log: a value that is cheap to copy, and whose findings depend on the records alone.
///
/// Evidence that no record carries is given after the records of the step that it belongs to; that a machine was reset,
/// before them.
public struct RuleChecker: Sendable {
    /// What the source shows.
    public let available: EvidenceKinds
    private var bus = RuleBus()
    private var report = RuleReport()
    private var contact = ContactRules()
    private var offers = OfferRules()
    private var opening = OpeningRules()
    private var pageLists = PageListRules()
    private var rescind = RescindRules()
    private var moves = MoveRules()
    private var synic = SynICRules()
    private var pending = PendingSizeRule()
    private var ring: RingRules
    private var devices = DeviceRules()

    /// A checker before the first record of a log.
    ///
    /// - Parameter available: what the source shows; rules that need more are not checked.
    public init(available: EvidenceKinds = .all) {
        self.available = available
        ring = RingRules(available)
    }

    /// Takes in the records of a step in their order, then what the machine is like after them.
    public mutating func observe(_ batch: FlowBatch, _ evidence: [RuleEvidence] = []) {
        for header in batch.headers { observe(header, batch.payload(of: header)) }
        for item in evidence { observe(item) }
    }

    /// Takes in one record.
    public mutating func observe(_ header: FlowRecordHeader, _ payload: ArraySlice<UInt8>) {
        report.position = Position(sequence: header.sequence, time: header.time)
        bus.meet(header)
        // Most records are packets and signals, of which few rules have something to say.
        switch header.kind {
        case .packet:
            let record = RuleRecord(header: header, payload: payload, message: nil)
            opening.observe(record, bus, &report)
            ring.observe(record, bus, &report)
            devices.observe(record, bus, &report)
        case .signal:
            let record = RuleRecord(header: header, payload: payload, message: nil)
            opening.observe(record, bus, &report)
            synic.observe(record, bus, &report)
            ring.observe(record, bus, &report)
        case .interrupt:
            let record = RuleRecord(header: header, payload: payload, message: nil)
            moves.observe(record, bus, &report)
            ring.observe(record, bus, &report)
        case .message:
            let message = try? ChannelMessage.decode(Array(payload), context: bus.context(header.partition))
            observe(RuleRecord(header: header, payload: payload, message: message))
        case .gap: observe(RuleRecord(header: header, payload: payload, message: nil))
        default: break
        }
    }

    /// Shows a record to all rules.
    private mutating func observe(_ record: RuleRecord) {
        contact.observe(record, bus, &report)
        offers.observe(record, bus, &report)
        opening.observe(record, bus, &report)
        pageLists.observe(record, bus, &report)
        rescind.observe(record, bus, &report)
        moves.observe(record, bus, &report)
        synic.observe(record, bus, &report)
        ring.observe(record, bus, &report)
        devices.observe(record, bus, &report)
        bus.apply(record)
    }

    /// Takes in what the machine is like now.
    public mutating func observe(_ evidence: RuleEvidence) {
        switch evidence {
        case .ring:
            pending.observe(evidence, bus, &report)
            ring.observe(evidence, bus, &report)
        case .slot, .monitor: synic.observe(evidence, bus, &report)
        case .machineReset(let partition):
            synic.observe(evidence, bus, &report)
            ring.observe(evidence, bus, &report)
            devices.observe(evidence, bus, &report)
            bus.reset(partition)
        }
    }

    /// The breaches in the order in which they were seen; of very many, the first 1000.
    public var breaches: [RuleBreach] { report.breaches }

    /// How many breaches there were, those beyond the kept ones included.
    public var breachCount: UInt64 { report.counts.reduce(0, +) }

    /// How often a rule was checked.
    public func checks(of rule: ProtocolRule) -> UInt64 { report.checks[rule.rawValue - 1] }

    /// How often a rule was broken.
    public func breaches(of rule: ProtocolRule) -> UInt64 { report.counts[rule.rawValue - 1] }

    /// Why a rule cannot be checked with what the source shows; nil when it can.
    public func reasonNotCheckable(_ rule: ProtocolRule) -> String? {
        let missing = rule.needs.subtracting(available)
        return missing.isEmpty ? nil : "this source shows no \(missing.words)"
    }
}
