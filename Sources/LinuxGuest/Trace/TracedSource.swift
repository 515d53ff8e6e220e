public import BusModel
public import Platform
public import VMBusWire

/// A live guest whose tracepoints can be switched on: what the sampler sees and what the kernel tells, as one log in the order
/// of time.
///
/// Nothing is switched on until the request asks for it, and nothing stays when the source, or the process, is gone.
public struct TracedSource<Base: BusSource & Sendable>: BusSource, Sendable {
    /// What samples the guest.
    public var base: Base
    private let request: TraceRequest
    private let clock: @Sendable () -> UInt64
    private let files: any FileLayer
    private let tracing: TracingFiles?
    private var tracer: PerfTracer?
    private var carrier = TraceCarrier()
    private var nextSequence: UInt64 = 1
    private var told: [AttributeReading] = []
    private var nextQuestion: UInt64 = 0

    /// How often is looked for what stands in the way, in nanoseconds.
    private static var questionInterval: UInt64 { 10_000_000_000 }

    /// - Parameters:
    ///   - base: what samples the guest.
    ///   - files: the guest's files.
    ///   - isThisMachine: false for a copied tree, which has no kernel to trace.
    ///   - request: whether to trace.
    ///   - clock: the clock that `base` uses, which must be the monotonic one for this machine.
    public init(
        _ base: Base, files: any FileLayer, isThisMachine: Bool, request: TraceRequest,
        clock: @escaping @Sendable () -> UInt64
    ) {
        self.base = base
        self.files = files
        self.request = request
        self.clock = clock
        tracing = isThisMachine ? TracingFiles(files: files) : nil
    }

    public var capabilities: Capabilities { base.capabilities }
    public var title: String { base.title }

    /// Lets the sampler look once, and adds what the kernel told meanwhile.
    public mutating func advance(_ budget: AdvanceBudget) throws(SourceError) -> FlowBatch {
        let sampled = try base.advance(budget)
        let now = clock()
        let disks = request.includesTransfers ? files : nil
        var batch = FlowBatch()
        var look = tracer?.look(upTo: now) ?? PerfTracer.Look()
        var fired = look.fired[...]
        for header in sampled.headers {
            while let first = fired.first, first.time < header.time { append(fired.removeFirst(), &batch) }
            let payload = sampled.payload(of: header)
            carrier.learn(header, payload) { name in disks.flatMap { Self.deviceNumber(ofDisk: name, $0) } }
            batch.append(header, from: sampled)
        }
        for rest in fired { append(rest, &batch) }
        look.fired = []
        for gap in look.gaps { note(.gap, gap.text, at: gap.time, &batch) }
        follow(at: now, &batch)
        batch.number(from: &nextSequence)
        return batch
    }

    public func ringImage(_ channel: ChannelKey, _ direction: Direction) -> RingImage? {
        base.ringImage(channel, direction)
    }

    public mutating func seek(_ position: Position) throws(SourceError) { try base.seek(position) }
    public mutating func perform(_ command: Command) throws(CommandRefusal) { try base.perform(command) }

    // MARK: Records

    private mutating func append(_ fired: FiredTracepoint, _ batch: inout FlowBatch) {
        var header = fired.record.header(time: fired.time, partition: ScanTranslation.guest)
        carrier.place(fired.record, &header)
        batch.append(header, fired.record.encoded())
    }

    private func note(_ kind: FlowKind, _ text: String, at time: UInt64, _ batch: inout FlowBatch) {
        batch.append(FlowRecordHeader(kind: kind, time: time, partition: ScanTranslation.guest), Array(text.utf8))
    }

    private func state(_ readings: [AttributeReading], at time: UInt64, _ batch: inout FlowBatch) {
        guard !readings.isEmpty else { return }
        batch.append(
            FlowRecordHeader(
                kind: .state, time: time, partition: ScanTranslation.guest, code: StateCode.changed.rawValue),
            AttributeList(readings).encoded())
    }

    // MARK: On and off

    private static var copiedTree: TracingObstacle {
        TracingObstacle("a copied tree has no kernel that could be traced")
    }

    /// Does what is asked for, and says what stands in the way.
    private mutating func follow(at time: UInt64, _ batch: inout FlowBatch) {
        if request.isWanted, tracer == nil {
            do throws(TracingObstacle) {
                guard let tracing else { throw Self.copiedTree }
                let started = try makeTracer(tracing)
                note(
                    .note,
                    "tracing begins: \(started.eventCount) tracepoints on \(started.processorCount) processors",
                    at: time, &batch)
                tracer = started
                tell([AttributeReading(.tracing, 1), AttributeReading(.tracingObstacle, text: "")], at: time, &batch)
            } catch {
                request.set(false)
                note(.note, "tracing cannot be had: \(error)", at: time, &batch)
                tell([AttributeReading(.tracingObstacle, text: error.description)], at: time, &batch)
            }
        } else if !request.isWanted, tracer != nil {
            tracer = nil
            note(.note, "tracing ends", at: time, &batch)
            tell([AttributeReading(.tracing, 0)], at: time, &batch)
        }
        guard tracer == nil, time >= nextQuestion else { return }
        nextQuestion = time &+ Self.questionInterval
        // A guest without a bus has nothing to trace yet, and says so itself.
        guard (try? files.kind(of: "/sys/bus/vmbus")) == .directory else { return }
        let obstacle = AttributeReading(.tracingObstacle, text: Self.copiedTree.description)
        tell(tracing?.readings() ?? [obstacle], at: time, &batch)
    }

    /// Tells what is not known yet.
    private mutating func tell(_ readings: [AttributeReading], at time: UInt64, _ batch: inout FlowBatch) {
        let news = readings.filter { !told.contains($0) }
        for reading in news {
            told.removeAll { $0.attribute == reading.attribute }
            told.append(reading)
        }
        state(news, at: time, &batch)
    }

    private func makeTracer(_ tracing: TracingFiles) throws(TracingObstacle) -> PerfTracer {
        guard request.includesTransfers else { return try PerfTracer(tracing, events: TracePlan.control) }
        var events = TracePlan.control + TracePlan.network
        var filters: [String: String] = [:]
        // Other hosts' requests are nobody's business here, so without a filter there is no event.
        if let filter = TracePlan.filter("host_no", anyOf: carrier.hostNumbers) {
            events += TracePlan.storage
            for event in TracePlan.storage { filters[event] = filter }
        }
        if let filter = TracePlan.filter("dev", anyOf: carrier.diskNumbers) {
            events += TracePlan.disks
            for event in TracePlan.disks { filters[event] = filter }
        }
        return try PerfTracer(tracing, events: events, filters: filters)
    }

    /// The number by which the kernel's tracepoints name a disk: major number above 20 bits of the minor one.
    private static func deviceNumber(ofDisk name: String, _ files: any FileLayer) -> UInt32? {
        guard !name.contains("/"),
            let bytes = try? files.read("/sys/class/block/\(name)/dev", limit: 64)
        else { return nil }
        let parts = String(decoding: bytes, as: UTF8.self).split { $0 == ":" || $0 == "\n" }.compactMap { UInt32($0) }
        guard parts.count == 2, parts[0] < 1 << 12, parts[1] < 1 << 20 else { return nil }
        return parts[0] << 20 | parts[1]
    }
}
