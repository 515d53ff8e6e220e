public import BusModel
public import Platform
public import VMBusWire

/// A live guest as a source of the log: every `advance` looks once at its sysfs and tells what is new.
///
/// The first look tells of everything. It only reads; there is no past to go to and no ring memory in sysfs.
public struct LinuxGuestSource: BusSource, Sendable {
    private let files: any FileLayer
    private let clock: @Sendable () -> UInt64
    private var sampler: SysfsSampler
    private var translation = ScanTranslation()
    private var difference = ScanDifference()
    private var evidence: EvidenceCollector?
    private var nextSequence: UInt64 = 1

    /// What it is, for the title.
    public let title: String

    /// The guest whose files these are.
    ///
    /// - Parameters:
    ///   - title: What is looked at; nil for the guest's own name.
    ///   - evidence: What looks at the rest of the guest; nil to look at its bus alone.
    ///   - clock: The moment in nanoseconds, which never goes back; asked once for each look.
    public init(
        files: any FileLayer, title: String? = nil, evidence: EvidenceCollector? = nil,
        clock: @escaping @Sendable () -> UInt64
    ) {
        self.files = files
        self.evidence = evidence
        self.clock = clock
        sampler = SysfsSampler(files: files)
        self.title = title ?? GuestIdentity(files: files).hostName.value ?? "this guest"
    }

    /// It is live: no steps, no past, no ring images.
    public var capabilities: Capabilities {
        Capabilities(kind: .live, canStep: false, canSeek: false, hasRingImages: false)
    }

    /// Looks once, whatever the budget, and tells what is new; an empty batch says that nothing is.
    public mutating func advance(_ budget: AdvanceBudget) throws(SourceError) -> FlowBatch {
        advance(look: sampler.scan())
    }

    /// Takes a scan in that was made otherwise.
    mutating func advance(look scan: GuestScan) -> FlowBatch {
        // A value is as old as the moment after it was read, never younger.
        let time = clock()
        let entities = translation.entities(scan, GuestIdentity(files: files))
        var batch = difference.records(entities, busAvailable: scan.busAvailable, at: time)
        if scan.busAvailable, let news = evidence?.look(translation.watched(scan), at: time) {
            var all = news.before
            all.append(batch)
            all.append(news.now)
            batch = all
        }
        batch.number(from: &nextSequence)
        return batch
    }

    /// None: sysfs does not show ring memory.
    public func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage? { nil }

    /// Refused: there is no past here.
    public mutating func seek(_ position: Position) throws(SourceError) {
        throw SourceError("a live guest has no past to go to; record it and open the recording")
    }

    /// Refused: watching changes nothing.
    public mutating func perform(_ command: Command) throws(CommandRefusal) {
        throw CommandRefusal("a live guest is only watched; subcommands that say what they change do the rest")
    }
}
