public import BusModel
import Glibc
public import Platform
public import VMBusWire

/// A live guest as a source of the log: every `advance` looks once at its sysfs and tells what is new.
///
/// The first look tells of everything. It only reads; there is no past to go to, and ring memory can be seen only of channels that
/// uio_hv_generic has.
public struct LinuxGuestSource: BusSource, Sendable {
    /// For how many looks of a watch the machine's own facts are taken as they are.
    private static let identityPeriod = 16
    /// News that one look writes down; what is more is counted.
    private static let mostNews = 64

    /// What a watch needs besides the files.
    private struct Watching: Sendable {
        let watch: LiveWatch
        var sampler: LiveSampler
        var identity: GuestIdentity
        var looks = 0
        var rings: (channel: ChannelKey, images: RingFile.Images)?
    }

    private let files: any FileLayer
    private let clock: @Sendable () -> UInt64
    private var sampler: SysfsSampler
    private var watching: Watching?
    private var translation = ScanTranslation()
    private var difference = ScanDifference()
    private var lastScan: GuestScan?
    private var nextSequence: UInt64 = 1

    /// What it is, for the title.
    public let title: String

    /// The guest whose files these are.
    ///
    /// - Parameters:
    ///   - title: What is looked at; nil for the guest's own name.
    ///   - watch: How to look for a screen; nil looks at everything each time.
    ///   - clock: The moment in nanoseconds, which never goes back; without a watch it is asked once for each look.
    public init(
        files: any FileLayer, title: String? = nil, watch: LiveWatch? = nil,
        clock: @escaping @Sendable () -> UInt64
    ) {
        self.files = files
        self.clock = clock
        sampler = SysfsSampler(files: files)
        let identity = GuestIdentity(files: files)
        if let watch {
            watching = Watching(
                watch: watch,
                sampler: LiveSampler(
                    files: files, crew: watch.readLimit.flatMap { try? ReaderCrew(limit: $0, clock: clock) },
                    hasUevents: watch.uevents != nil, clock: clock, processorTime: ProcessorClock.thread),
                identity: identity)
        }
        self.title = title ?? identity.hostName.value ?? "this guest"
    }

    /// It is live: no steps, no past; the rings of some channels can be seen.
    public var capabilities: Capabilities {
        Capabilities(kind: .live, canStep: false, canSeek: false, hasRingImages: true)
    }

    /// Looks once, whatever the budget, and tells what is new; an empty batch says that nothing is.
    public mutating func advance(_ budget: AdvanceBudget) throws(SourceError) -> FlowBatch {
        guard watching != nil else { return advance(look: sampler.scan()) }
        return advanceWatch()
    }

    /// Takes a scan in that was made otherwise.
    mutating func advance(look scan: GuestScan) -> FlowBatch {
        // A value is as old as the moment after it was read, never younger.
        tell(scan, GuestIdentity(files: files), at: clock(), notes: [])
    }

    private mutating func tell(
        _ scan: GuestScan, _ identity: GuestIdentity, at time: UInt64, notes: [String]
    ) -> FlowBatch {
        lastScan = scan
        var batch = FlowBatch()
        for note in notes {
            batch.append(
                FlowRecordHeader(kind: .note, time: time, partition: ScanTranslation.guest), note.utf8)
        }
        let entities = translation.entities(scan, identity)
        batch.append(difference.records(entities, busAvailable: scan.busAvailable, at: time))
        batch.number(from: &nextSequence)
        return batch
    }

    // MARK: Watching

    private mutating func advanceWatch() -> FlowBatch {
        guard var watching else { return FlowBatch() }
        let time = clock()
        let focus = watching.watch.focus.now
        var wishes = LookWishes()
        wishes.chosen = (focus.rings ?? focus.chosen).flatMap { translation.place(of: $0) }
        wishes.watched = ([wishes.chosen] + focus.visible.map { translation.place(of: $0) }).compactMap(\.self)
        var notes = Self.take(watching.watch.uevents?.takeAll() ?? UeventSocket.News(), &wishes)
        var (scan, said) = watching.sampler.scan(wishes)
        notes += said
        if watching.looks.isMultiple(of: Self.identityPeriod) { watching.identity = GuestIdentity(files: files) }
        watching.looks += 1
        lookAtRings(focus.rings, &watching, &scan)
        self.watching = watching
        return tell(scan, watching.identity, at: time, notes: notes)
    }

    /// What the kernel's news says of what must be looked at, and in words.
    static func take(_ news: UeventSocket.News, _ wishes: inout LookWishes) -> [String] {
        var notes: [String] = []
        var removed: Set<String> = []
        var count = 0
        wishes.mayAllHaveChanged = news.isIncomplete
        for event in news.messages.compactMap(Uevent.init(parsing:)) {
            switch event.subject {
            case .device(let name):
                wishes.changed.insert(name)
                if event.action == "remove" { removed.insert(name) }
                if event.action == "add", removed.contains(name) { wishes.replaced.insert(name) }
            case .channel(let name?, _): wishes.changed.insert(name)
            case .channel(nil, let relid): wishes.changedRelids.insert(relid)
            case nil: continue
            }
            count += 1
            if count <= mostNews, let summary = event.summary { notes.append(summary) }
        }
        if count > mostNews { notes.append("\(count - mostNews) more uevents of the bus") }
        if news.isIncomplete { notes.append("the kernel dropped uevents: every device is looked at") }
        return notes
    }

    /// Copies the rings that are shown, or says in the device's problems why they cannot be seen.
    private func lookAtRings(_ channel: ChannelKey?, _ watching: inout Watching, _ scan: inout GuestScan) {
        watching.rings = nil
        guard let channel, let place = translation.place(of: channel),
            let index = scan.devices.firstIndex(where: { $0.name == place.device })
        else { return }
        do throws(SystemError) {
            watching.rings = (channel, try rings(of: place, in: scan))
        } catch  where error.code == ENOENT || error.code == EOPNOTSUPP {
            // Only uio_hv_generic gives a channel such a file; the kernel's own drivers need not.
        } catch {
            var devices = scan.devices
            devices[index].problems.append(
                ScanProblem(path: "channels/\(place.relid)/ring", failure: .refused(error.code)))
            scan = GuestScan(busAvailable: scan.busAvailable, devices: devices, problems: scan.problems)
        }
    }

    private func rings(of place: WatchedChannel, in scan: GuestScan?) throws(SystemError) -> RingFile.Images {
        let device = scan?.devices.first { $0.name == place.device }
        let channel = device?.channels?.first { $0.relid == place.relid }
        return try RingFile.images(
            "\(SysfsSampler.bus)/devices/\(place.device)/channels/\(place.relid)/ring", inSize: channel?.inbound.size,
            outSize: channel?.outbound.size, files)
    }

    /// The bytes of a ring that uio_hv_generic shows; nil for all others, and where they cannot be had now.
    public func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage? {
        let images: RingFile.Images?
        if let watching {
            images = watching.rings.flatMap { $0.channel == channel ? $0.images : nil }
        } else {
            images = translation.place(of: channel).flatMap { try? rings(of: $0, in: lastScan) }
        }
        return direction == .hostToGuest ? images?.inbound : images?.outbound
    }

    /// Refused: there is no past here.
    public mutating func seek(_ position: Position) throws(SourceError) {
        throw SourceError("a live guest has no past to go to; record it and open the recording")
    }

    /// Refused: watching changes nothing.
    public mutating func perform(_ command: Command) throws(CommandRefusal) {
        throw CommandRefusal("a live guest is only watched; subcommands that say what they change do the rest")
    }
}
