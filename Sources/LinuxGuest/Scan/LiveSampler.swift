import BusModel
import Glibc
import Platform

/// Looks at a guest again and again for a screen: what is on it every time, the rest in turn, what changes seldom seldom.
///
/// It keeps at most ``descriptorLimit`` descriptors between looks, for the files of channels that are on the screen or busy, as
/// each costs the kernel a page; all other files are opened, read and closed.
public struct LiveSampler: Sendable {
    /// The most files that are kept open.
    public static let descriptorLimit = 512
    /// How many channels beyond those on the screen are read at one look.
    static let channelsPerLook = 80
    /// Descriptors that the rest of the program may need.
    private static let otherDescriptors = 64
    /// Within how many looks every device is looked at as a whole once, where uevents tell what happens in between, and where not.
    private static let wholePeriod: (told: UInt64, untold: UInt64) = (60, 8)
    /// For how many looks the names that people use are taken as they are.
    private static let namesPeriod: UInt64 = 5
    /// For how many looks nothing is kept after there were no descriptors.
    private static let recoveryPeriod: UInt64 = 60

    /// One device between looks.
    private struct Entry: Sendable {
        /// Nil while a thread hangs in it.
        var reader: DeviceReader?
        var scan: DeviceScan?
        var wholeLook: UInt64 = 0
        var mustLookAtAll = true
        var isReplacement = false
        var hanging: HangingRead?
    }

    private let files: any FileLayer
    private let crew: ReaderCrew?
    private let clock: @Sendable () -> UInt64
    private let processorTime: @Sendable () -> UInt64
    private let hasUevents: Bool
    // Looked up by name only, never walked.
    private var entries: [String: Entry] = [:]
    private var names: [String] = []
    private var finder: KernelNameFinder
    private var finderLook: UInt64 = 0
    private var look: UInt64 = 0
    private var keepsNothingUntil: UInt64 = 0
    private var keptChannels: Set<WatchedChannel> = []
    /// The directory whose listing does not come; nil while all do.
    private var hangingList: String?

    /// A sampler of the guest whose files these are.
    ///
    /// - Parameters:
    ///   - crew: Reads on threads of its own; nil to read on the calling one, which a read can hold up.
    ///   - hasUevents: Whether `changed` tells what comes and goes.
    ///   - clock: The log's clock.
    ///   - processorTime: What the calling thread has used of a processor, in nanoseconds.
    init(
        files: any FileLayer, crew: ReaderCrew?, hasUevents: Bool, clock: @escaping @Sendable () -> UInt64,
        processorTime: @escaping @Sendable () -> UInt64
    ) {
        self.files = files
        self.crew = crew
        self.hasUevents = hasUevents
        self.clock = clock
        self.processorTime = processorTime
        finder = KernelNameFinder(files: files, devices: [])
    }

    /// How many files are kept open now.
    public var keptCount: Int {
        names.reduce(0) { $0 + (entries[$1]?.reader?.channels.reduce(0) { $0 + $1.keptCount } ?? 0) }
    }

    /// Looks once.
    mutating func scan(_ wishes: LookWishes) -> (scan: GuestScan, notes: [String]) {
        look += 1
        var notes = takeLate()
        var problems: [ScanProblem] = []
        let found: [String]
        switch list(wishes, &notes)?.names {
        case .success(let listed)?: found = listed
        case .failure(let error)?:
            (entries, names) = ([:], [])
            return (SysfsSampler.withoutList(error.code), notes)
        case nil:
            // What was there is taken to be there still.
            found = names
            problems.append(ScanProblem(path: "devices", failure: .hanging))
        }
        settle(found, wishes)
        let (looks, hanging, unread) = run(jobs(wishes))
        for job in unread { entries[job.reader.name]?.reader = job.reader }
        for read in hanging {
            entries[read.device]?.hanging = read
            notes.append(
                "no answer to reading \(read.path) of device \(read.device): its values are old, the others go on")
        }
        for look in looks where !take(look) {
            problems.append(ScanProblem(path: "devices/" + look.reader.name, failure: .gone))
        }
        if looks.contains(where: { !$0.hasDescriptors }) { keepsNothingUntil = look + Self.recoveryPeriod }
        return (GuestScan(busAvailable: true, devices: devices(), problems: problems), notes)
    }

    /// Every channel, device by device.
    var allChannels: [WatchedChannel] {
        names.flatMap { name in
            (entries[name]?.reader?.channels ?? []).map { WatchedChannel(device: name, relid: $0.relid) }
        }
    }

    /// The directories that a look at all of them reads.
    var sweptDirectories: [SweptDirectory] {
        names.flatMap { name -> [SweptDirectory] in
            let path = SysfsSampler.bus + "/devices/" + name
            let channels = entries[name]?.reader?.channels ?? []
            return [SweptDirectory(path: path, files: ["id", "state"], isKept: false)]
                + channels.map { channel in
                    SweptDirectory(
                        path: path + "/channels/\(channel.relid)", files: channel.changingFiles,
                        isKept: channel.keptCount > 0)
                }
        }
    }

    // MARK: What is there

    /// Lists the devices, and finds their names where that is due; nil while no answer comes.
    private mutating func list(_ wishes: LookWishes, _ notes: inout [String]) -> BusListing? {
        let isDue = wishes.mayHaveChanged || look >= finderLook + Self.namesPeriod
        let named = isDue ? nil : Set(names.filter { entries[$0]?.scan != nil })
        let place = ReadingPlace()
        let listing =
            crew.map { $0.list(files, named: named, place: place) } ?? BusListing(files, named: named, place: place)
        if listing == nil, hangingList == nil {
            hangingList = place.path
            notes.append("no answer to listing \(place.path): what comes and goes is not seen until it comes")
        } else if listing != nil, let path = hangingList {
            hangingList = nil
            notes.append("an answer to listing \(path) has come")
        }
        if let finder = listing?.finder { (self.finder, finderLook) = (finder, look) }
        return listing
    }

    private mutating func settle(_ found: [String], _ wishes: LookWishes) {
        let isThere = Set(found)
        for name in names where !isThere.contains(name) { entries[name] = nil }
        names = found
        for name in found {
            if entries[name] == nil || wishes.replaced.contains(name) {
                let isReplacement = entries[name]?.scan != nil
                entries[name] = Entry(
                    reader: DeviceReader(files: files, directory: SysfsSampler.bus + "/devices/" + name, name: name),
                    isReplacement: isReplacement)
            }
            if wishes.changed.contains(name) || wishes.mayAllHaveChanged { entries[name]?.mustLookAtAll = true }
        }
        // A channel whose device is gone from the message belongs to whoever has its number.
        for relid in wishes.changedRelids {
            for name in found where entries[name]?.reader?.channels.contains(where: { $0.relid == relid }) == true {
                entries[name]?.mustLookAtAll = true
            }
        }
    }

    /// Takes devices back whose reads have come back after all.
    private mutating func takeLate() -> [String] {
        var notes: [String] = []
        for look in crew?.takeLate() ?? [] {
            let name = look.reader.name
            guard let hanging = entries[name]?.hanging else { continue }
            entries[name]?.reader = look.reader
            entries[name]?.hanging = nil
            entries[name]?.mustLookAtAll = true
            notes.append("an answer to reading \(hanging.path) of device \(name) has come")
        }
        return notes
    }

    // MARK: What is read

    private mutating func jobs(_ wishes: LookWishes) -> [DeviceJob] {
        var whole: Set<String> = []
        var budget = Self.channelsPerLook
        let period = hasUevents ? Self.wholePeriod.told : Self.wholePeriod.untold
        var turns = max(1, names.count / Int(period))
        let byAge = names.enumerated().filter { entries[$0.element]?.reader != nil }
            .sorted { left, right in
                let (first, second) = (entries[left.element]?.wholeLook ?? 0, entries[right.element]?.wholeLook ?? 0)
                return first != second ? first < second : left.offset < right.offset
            }
        for (_, name) in byAge {
            guard let entry = entries[name], let reader = entry.reader else { continue }
            let isDue = turns > 0 && look >= entry.wholeLook + period / 2
            guard entry.mustLookAtAll || reader.channels.isEmpty || isDue else { continue }
            if isDue, !entry.mustLookAtAll, !reader.channels.isEmpty {
                turns -= 1
                budget -= reader.channels.count
            }
            whole.insert(name)
        }
        var wanted: [String: Set<UInt32>] = [:]
        for channel in wishes.watched where !whole.contains(channel.device) {
            wanted[channel.device, default: []].insert(channel.relid)
        }
        takeTurns(&wanted, whole, budget)
        let kept = keptFiles(wishes)
        return names.compactMap { name in
            guard let reader = entries[name]?.reader else { return nil }
            let isWhole = whole.contains(name)
            let channels = wanted[name] ?? []
            let keeps = kept[name] ?? []
            guard isWhole || !channels.isEmpty || reader.channels.contains(where: { $0.keptCount > 0 }) else {
                return nil
            }
            let chosen = wishes.chosen.flatMap { $0.device == name ? $0.relid : nil }
            entries[name]?.reader = nil
            return DeviceJob(
                reader: reader,
                task: DeviceTask(
                    isWhole: isWhole, channels: channels, kept: keeps, burst: chosen, readsIndices: chosen != nil,
                    clock: processorTime), finder: finder, look: look)
        }
    }

    /// Adds channels that are not on the screen, those first that were read longest ago.
    private func takeTurns(_ wanted: inout [String: Set<UInt32>], _ whole: Set<String>, _ budget: Int) {
        guard budget > 0 else { return }
        var waiting: [(look: UInt64, device: String, relid: UInt32)] = []
        for name in names where !whole.contains(name) {
            for channel in entries[name]?.reader?.channels ?? [] where wanted[name]?.contains(channel.relid) != true {
                waiting.append((channel.lastLook, name, channel.relid))
            }
        }
        if waiting.count > budget {
            // Of equally old ones those of one device stay together, which saves opening its directory.
            let order = waiting.indices.sorted {
                waiting[$0].look != waiting[$1].look ? waiting[$0].look < waiting[$1].look : $0 < $1
            }
            waiting = order.prefix(budget).map { waiting[$0] }
        }
        for channel in waiting { wanted[channel.device, default: []].insert(channel.relid) }
    }

    /// The channels whose files are kept open: the chosen one, those on the screen, then busy ones, as long as there is room.
    private mutating func keptFiles(_ wishes: LookWishes) -> [String: Set<UInt32>] {
        guard look >= keepsNothingUntil else {
            keptChannels = []
            return [:]
        }
        let room = DescriptorLimit.makeRoom(for: Self.descriptorLimit + Self.otherDescriptors) - Self.otherDescriptors
        var left = min(Self.descriptorLimit, room) / ChannelFile.changingCount
        var kept: [String: Set<UInt32>] = [:]
        var chosen: Set<WatchedChannel> = []
        func take(_ channel: WatchedChannel) {
            guard left > 0, chosen.insert(channel).inserted else { return }
            kept[channel.device, default: []].insert(channel.relid)
            left -= 1
        }
        for channel in wishes.watched { take(channel) }
        // Busy ones that are kept already come first, so that files are not opened and closed all the time.
        for isKept in [true, false] where left > 0 {
            for name in names {
                for channel in entries[name]?.reader?.channels ?? [] where channel.isHot {
                    let channel = WatchedChannel(device: name, relid: channel.relid)
                    if keptChannels.contains(channel) == isKept { take(channel) }
                }
            }
        }
        keptChannels = chosen
        return kept
    }

    private func run(_ jobs: [DeviceJob]) -> (looks: [DeviceLook], hanging: [HangingRead], unread: [DeviceJob]) {
        if let crew { return crew.run(jobs) }
        var tools = ReadingTools()
        return (jobs.map { $0.run(&tools, clock: clock) }, [], [])
    }

    // MARK: What was found

    /// Takes in what was read of a device; false if it was gone.
    private mutating func take(_ found: DeviceLook) -> Bool {
        let name = found.reader.name
        guard var entry = entries[name] else { return true }
        guard let scan = found.scan else {
            entries[name] = nil
            names.removeAll { $0 == name }
            return false
        }
        entry.reader = found.reader
        entry.scan = scan
        entry.scan?.isReplacement = entry.isReplacement
        entry.isReplacement = false
        if found.isWhole {
            entry.wholeLook = look
            // What begins to go is looked at again as a whole, until it is gone.
            entry.mustLookAtAll = scan.isVanishing
        }
        entries[name] = entry
        return true
    }

    /// Everything that is known, in the order of lsvmbus.
    private mutating func devices() -> [DeviceScan] {
        var devices: [DeviceScan] = []
        for name in names {
            guard var entry = entries[name], var scan = entry.scan else { continue }
            let fresh = Set((entry.reader?.channels ?? []).filter { $0.lastLook == look }.map(\.relid))
            scan.isFresh = entry.reader?.lastLook == look
            scan.channels = scan.channels?.map { channel in
                var channel = channel
                channel.isFresh =
                    scan.isFresh && (entry.reader?.channels.isEmpty != false || fresh.contains(channel.relid))
                channel.burst = channel.isFresh ? channel.burst : nil
                channel.staleSince = entry.hanging == nil ? nil : scan.readTime
                return channel
            }
            if let hanging = entry.hanging {
                scan.problems.removeAll { $0.path == hanging.path }
                scan.problems.append(ScanProblem(path: hanging.path, failure: .hanging))
            }
            devices.append(scan)
            entry.scan?.isReplacement = false
            entries[name] = entry
        }
        devices.sort { $0.listingOrder < $1.listingOrder }
        return devices
    }
}

/// A channel by its place in sysfs.
struct WatchedChannel: Hashable, Sendable {
    let device: String
    let relid: UInt32
}

/// What is wanted of a look, and what is known to have happened since the one before.
struct LookWishes: Sendable {
    /// What is on the screen, the chosen one first.
    var watched: [WatchedChannel] = []
    /// The one whose fills are looked at many times.
    var chosen: WatchedChannel?
    /// Devices of which something came or went.
    var changed: Set<String> = []
    /// Devices that went and came again.
    var replaced: Set<String> = []
    /// Channels that went, of devices that are not told.
    var changedRelids: Set<UInt32> = []
    /// Whether anything may have happened.
    var mayAllHaveChanged = false

    /// Whether anything is known to have happened.
    var mayHaveChanged: Bool {
        mayAllHaveChanged || !changed.isEmpty || !replaced.isEmpty || !changedRelids.isEmpty
    }
}
