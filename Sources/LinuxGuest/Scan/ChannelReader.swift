import BusModel
import Glibc
import Platform

/// What one channel's directory gave, before it is known which channel is the primary.
struct ChannelFinding: Sendable {
    var channel: ChannelScan
    /// Whether the kernel said that the ring is not open.
    var isRingClosed = false
    /// Whether all that a ring shows could be read.
    var isRingComplete = false
    /// What went wrong with what changes.
    var log = AttributeLog()
    /// What went wrong with what lasts.
    var lastingLog = AttributeLog()

    /// Whether a file was empty, which stands for a refused read in a copied tree.
    var hasEmptyFile: Bool { log.foundEmpty || lastingLog.foundEmpty }
}

/// Reads one channel's directory, again and again, and may keep its files open in between.
struct ChannelReader: Sendable {
    /// What old kernels show as the monitor of a channel without one.
    static let noMonitor: UInt32 = 255

    /// The channel's number, which is the name of its directory.
    let relid: UInt32
    /// What was found last.
    private(set) var finding: ChannelFinding
    /// The moment of the last look, as the sampler counts its looks.
    var lastLook: UInt64 = 0
    /// Whether the counters were others at the last look than at the one before.
    private(set) var isHot = false

    private let path: String
    private var place: (any DirectoryPlace)?
    /// By the files' numbers; empty while none are kept.
    private var kept: [(any KeptFile)?] = []
    /// A bit for each file that this kernel or this channel does not have.
    private var absent: UInt32 = 0

    init(relid: UInt32, device: String) {
        self.relid = relid
        path = "\(device)/channels/\(relid)"
        finding = ChannelFinding(channel: ChannelScan(relid: relid, isPrimary: false))
    }

    /// How many files are kept open.
    var keptCount: Int { kept.count { $0 != nil } }
    /// Whether what was read says that the channel is gone.
    var isGone: Bool { finding.log.foundGone || finding.lastingLog.foundGone }

    // MARK: Reading

    /// Reads all that the directory has.
    ///
    /// - Returns: Whether a file that was kept open is gone, so that the channel is another one than before.
    mutating func readAll(_ files: any FileLayer, _ tools: inout ReadingTools) -> Bool {
        absent = 0
        finding.lastingLog = AttributeLog()
        place = nil
        return read(files, &tools, isWhole: true)
    }

    /// Reads what changes.
    ///
    /// - Returns: As `readAll` does.
    mutating func readChanging(_ files: any FileLayer, _ tools: inout ReadingTools) -> Bool {
        read(files, &tools, isWhole: false)
    }

    private mutating func read(_ files: any FileLayer, _ tools: inout ReadingTools, isWhole: Bool) -> Bool {
        let old = finding.channel
        var look = ChannelLook(path: path, files: files, relid: relid, place: place, kept: kept, absent: absent)
        var channel = ChannelScan(relid: relid, isPrimary: false)
        if isWhole {
            channel.subchannel = look.unsigned(.subchannel, &tools)
            finding.lastingLog = look.takeLog()
        } else {
            channel.subchannel = old.subchannel
            channel.monitorID = old.monitorID
        }
        channel.cpu = look.unsigned(.cpu, &tools)
        let inMask = look.unsigned(.inMask, &tools)
        let outMask = look.unsigned(.outMask, &tools)
        let readable = look.unsigned(.readAvailable, &tools)
        let writable = look.unsigned(.writeAvailable, &tools)
        channel.interrupts = look.counter(.interrupts, &tools)
        channel.events = look.counter(.events, &tools)
        channel.interruptsInFull = look.counter(.interruptsInFull, &tools)
        channel.interruptsOutEmpty = look.counter(.interruptsOutEmpty, &tools)
        channel.outFullFirst = look.counter(.outFullFirst, &tools)
        channel.outFullTotal = look.counter(.outFullTotal, &tools)
        if isWhole { channel.monitorID = look.unsigned(.monitor, &tools) }
        channel.latency = look.unsigned(.latency, &tools)
        channel.groupPending = look.unsigned(.pending, &tools)
        if channel.monitorID.value == Self.noMonitor {
            channel.forgetMonitor()
            look.skip([.latency, .pending])
        }
        channel.inbound.isMasked = inMask.value.map { $0 != 0 }
        channel.outbound.isMasked = outMask.value.map { $0 != 0 }
        channel.inbound.used = readable.value.map(UInt64.init)
        channel.outboundFree = writable.value
        finding.channel = channel
        finding.isRingClosed =
            inMask.isClosedRing || outMask.isClosedRing || readable.isClosedRing || writable.isClosedRing
        finding.isRingComplete =
            inMask.value != nil && outMask.value != nil && readable.value != nil && writable.value != nil
        finding.log = look.takeLog()
        isHot =
            old.interrupts != channel.interrupts || old.events != channel.events
            || old.interruptsOutEmpty != channel.interruptsOutEmpty
        (place, absent) = (look.place, look.absent)
        if look.hasLostFiles { kept = [] }
        return look.hasLostFiles
    }

    // MARK: Kept files

    /// Opens what changes and keeps it open.
    ///
    /// - Returns: Whether there were descriptors enough; otherwise nothing is kept.
    mutating func keepFiles(_ files: any FileLayer) -> Bool {
        guard kept.isEmpty else { return true }
        guard let place = place ?? (try? files.place(of: path)), let directory = try? place.open() else { return true }
        self.place = place
        var opened = [(any KeptFile)?](repeating: nil, count: ChannelFile.allCases.count)
        for file in ChannelFile.allCases where !file.isLasting && absent & file.bit == 0 {
            do throws(ErrorNumber) {
                opened[file.rawValue] = try directory.keep(file.name)
            } catch  where error.code == EMFILE || error.code == ENFILE {
                return false
            } catch {}
        }
        kept = opened
        return true
    }

    /// Closes what was kept open.
    mutating func letGo() { kept = [] }

    // MARK: Fast looks

    /// Reads the fills of both rings again and again.
    ///
    /// - Parameter outboundSize: Bytes of the ring whose free bytes alone are shown; nil if unknown.
    /// - Returns: The maxima; nil where the files are not kept open or cannot be read.
    func burst(outboundSize: UInt64?, _ tools: inout ReadingTools, clock: () -> UInt64) -> FillBurst? {
        guard !kept.isEmpty, let readable = kept[ChannelFile.readAvailable.rawValue],
            let writable = kept[ChannelFile.writeAvailable.rawValue]
        else { return nil }
        var burst = FillBurst()
        let end = clock() + FillBurst.longest
        while burst.looks < FillBurst.mostLooks {
            guard let count = try? readable.read(into: &tools.buffer), let used = tools.plainNumber(count),
                let count = try? writable.read(into: &tools.buffer), let free = tools.plainNumber(count)
            else { return nil }
            burst.looks += 1
            burst.inboundMaximum = max(burst.inboundMaximum, used)
            if let size = outboundSize, free <= size {
                burst.outboundMaximum = max(burst.outboundMaximum ?? 0, size - free)
            }
            if burst.looks.isMultiple(of: 8), clock() >= end { break }
        }
        return burst
    }
}

/// One look at a channel's directory.
private struct ChannelLook {
    let path: String
    let files: any FileLayer
    let relid: UInt32
    private(set) var place: (any DirectoryPlace)?
    let kept: [(any KeptFile)?]
    private(set) var absent: UInt32
    /// Whether a kept file was gone.
    private(set) var hasLostFiles = false
    private var directory: Result<any FileDirectory, ErrorNumber>?
    private var log = AttributeLog()

    init(
        path: String, files: any FileLayer, relid: UInt32, place: (any DirectoryPlace)?, kept: [(any KeptFile)?],
        absent: UInt32
    ) {
        self.path = path
        self.files = files
        self.relid = relid
        self.place = place
        self.kept = kept
        self.absent = absent
    }

    /// What went wrong since this was asked last.
    mutating func takeLog() -> AttributeLog {
        defer { log = AttributeLog() }
        return log
    }

    /// Does not read files again that say nothing of this channel.
    mutating func skip(_ files: [ChannelFile]) {
        for file in files { absent |= file.bit }
    }

    mutating func counter(_ file: ChannelFile, _ tools: inout ReadingTools) -> Readout<UInt64> {
        number(file, &tools, as: AttributeText.counter) { $0 }
    }

    mutating func unsigned(_ file: ChannelFile, _ tools: inout ReadingTools) -> Readout<UInt32> {
        number(file, &tools, as: AttributeText.unsigned) { UInt32(exactly: $0) }
    }

    @inline(__always)
    private mutating func number<Value>(
        _ file: ChannelFile, _ tools: inout ReadingTools, as parse: ([UInt8]) throws(FormatError) -> Value,
        plain: (UInt64) -> Value?
    ) -> Readout<Value> {
        if absent & file.bit != 0 { return .missing }
        let count: Int
        do throws(ErrorNumber) {
            count = try read(file, &tools)
        } catch {
            return fail(file, error.code)
        }
        if let number = tools.plainNumber(count), let value = plain(number) { return .known(value) }
        do throws(FormatError) {
            return .known(try parse(Array(tools.buffer[..<count])))
        } catch .empty {
            log.foundEmpty = true
            return note(file, .empty)
        } catch {
            return note(file, .malformed(error))
        }
    }

    private mutating func read(_ file: ChannelFile, _ tools: inout ReadingTools) throws(ErrorNumber) -> Int {
        tools.place.set(file.name, relid: relid)
        if !hasLostFiles, !kept.isEmpty, let own = kept[file.rawValue] {
            do throws(ErrorNumber) {
                return try own.read(into: &tools.buffer)
            } catch  where error.code == ENODEV || error.code == ENOENT {
                // The channel that these files belonged to is gone; what has its name now is looked at afresh.
                hasLostFiles = true
            }
        }
        if directory == nil { directory = open() }
        guard let directory else { throw ErrorNumber(EIO) }
        return try directory.get().read(file.name, into: &tools.buffer)
    }

    private mutating func open() -> Result<any FileDirectory, ErrorNumber> {
        do throws(SystemError) {
            if place == nil { place = try files.place(of: path) }
        } catch {
            return .failure(ErrorNumber(error.code))
        }
        guard let place else { return .failure(ErrorNumber(ENOENT)) }
        do throws(ErrorNumber) {
            return .success(try place.open())
        } catch {
            return .failure(error)
        }
    }

    private mutating func fail<Value>(_ file: ChannelFile, _ code: Int32) -> Readout<Value> {
        if file.isOptional, code == ENOENT {
            if case .success? = directory { absent |= file.bit }
            return .missing
        }
        if code == ENOENT || code == ENODEV { log.foundGone = true }
        return note(file, .refused(code))
    }

    private mutating func note<Value>(_ file: ChannelFile, _ failure: ReadFailure) -> Readout<Value> {
        log.problems.append(ScanProblem(path: "channels/\(relid)/\(file.name)", failure: failure))
        return .failed(failure)
    }
}

extension ChannelFile {
    fileprivate var bit: UInt32 { 1 << UInt32(rawValue) }
}

extension Readout {
    /// Whether the kernel said that the ring is not open.
    fileprivate var isClosedRing: Bool { failure?.isClosedRing == true }
}

extension ChannelScan {
    /// There is no monitor for this channel.
    mutating func forgetMonitor() {
        monitorID = .missing
        latency = .missing
        groupPending = .missing
    }
}
