public import BusModel
import VMBusDevices
public import VMBusPartitions
import VMBusRing
public import VMBusWire

/// One virtual machine in front of a host's end of the bus, as a state machine without I/O: frames of the monitor go in;
/// frames for it, and records of what happened, come out.
///
/// A hypercall is answered first and worked on afterwards, as a processor of the guest waits for the answer: `receive` gives
/// the answer, then `work` does the work. The guest's memory is lent to the host's end by ``MemoryAccess`` alone, and that
/// has none to lend outside a connection.
public struct BridgeSession<Memory: BridgeMemory & Sendable>: Sendable {
    /// The guest's number in the log; the root is 0.
    public let partition: UInt16
    /// How the guest's host is made.
    public let guest: GuestConfiguration
    /// What happens to it, counted from the moment when it asks for offers.
    let events: [ScenarioEvent]
    /// What of that is still to come in this connection, with its moment in the log.
    var agenda: [(due: UInt64, action: ScenarioEvent.Action)] = []
    let mode: InterruptMode
    var host: HostPartition
    var memory = MemoryAccess<Memory>()
    var delivery: InterruptDelivery
    var timers = TimerQueue()
    var monitorPoll: UInt64?
    var nextSample: UInt64?
    var log: SessionLog
    private var networkEvents: [NetworkEvent] = []
    /// The disks of the guest's controllers.
    var disks: DiskShelf
    private var pending: [Work] = []
    /// What disks are to do, in order.
    var diskWork: [(device: GUID, generation: UInt32, request: DiskRequest)] = []
    private var frames: [HostFrame] = []
    private(set) var processors: UInt32 = 0
    /// Below 2.4: guest-physical address of the page with a bit per channel; 0 for none.
    var interruptPage: UInt64 = 0
    /// What goes wrong.
    var faults = FaultInjector(seed: 0)
    /// What goes wrong from the next contact on.
    var nextFaults: FaultInjector?
    /// Between the first proposal of a version and the request for offers, or a refusal of all.
    var isNegotiating = false
    /// What faults have held up, in order of coming.
    var heldUp: [(due: UInt64, act: FaultAct)] = []
    /// When the guest asked for the offers: the faults' times count from then.
    var offersTime: UInt64?
    var crashParameters: [UInt64] = [0, 0, 0, 0, 0]
    /// Why the guest cannot be served any more.
    private(set) var failure: ProtocolViolation?

    /// What a session has to do with the switch that joins its guest's network devices with others.
    public enum NetworkEvent: Sendable, Hashable {
        /// A network device is on offer.
        case connected(GUID)
        /// A network device is gone.
        case disconnected(GUID)
        /// A frame comes from a network device.
        case frame(GUID, [UInt8])
    }

    enum Work: Sendable {
        case message([UInt8], connectionID: UInt32)
        case signal(relids: [UInt32])
        case legacySignal
        case register(RegisterWrite)
        case fault(FaultAct)
    }

    /// A guest that has just come, at a moment of the log in nanoseconds.
    ///
    /// - Parameters:
    ///   - partition: its number in the log.
    ///   - events: what happens to it, in order of time, counted from the moment when it asks for offers.
    ///   - disks: the disks of its controllers; without them all are in memory.
    public init(
        _ guest: GuestConfiguration, partition: UInt16 = 1, events: [ScenarioEvent] = [], mode: InterruptMode,
        time: UInt64, disks: DiskShelf? = nil
    ) {
        self.guest = guest
        self.partition = partition
        log = SessionLog(partition: partition)
        self.events = events
        self.mode = mode
        host = HostPartition(guest.host)
        self.disks = disks ?? DiskShelf(inMemory: guest)
        delivery = InterruptDelivery(mode, processors: 0)
        log.time = time
        appear()
        for device in guest.host.devices where device.kind == .network { tell(.connected(device.instance)) }
    }

    /// What the monitor is to be sent, in order.
    public mutating func takeFrames() -> [HostFrame] {
        defer { frames = [] }
        return frames
    }

    /// What the switch is to know, in order.
    public mutating func takeNetworkEvents() -> [NetworkEvent] {
        defer { networkEvents = [] }
        return networkEvents
    }

    mutating func tell(_ event: NetworkEvent) { networkEvents.append(event) }

    /// A frame comes from the switch to a network device.
    public mutating func deliver(_ frame: [UInt8], device: GUID, at time: UInt64) {
        log.time = time
        carryOut(visit { $0.deliver(frame: frame, device: device, &$1) })
    }

    /// What happened since the last call; not numbered.
    public mutating func takeRecords() -> FlowBatch { log.take() }

    /// Whether the monitor has shown the guest's memory.
    public var hasMemory: Bool { memory.isShown }

    /// When there is something to do though no frame comes.
    public var nextTime: UInt64? {
        [timers.nextTime, monitorPoll, nextSample, agenda.first?.due, nextFaultTime].compactMap { $0 }.min()
    }

    mutating func send(_ more: [HostFrame]) { frames += more }

    /// What is done when the answers are sent.
    mutating func work(later act: FaultAct) { pending.append(.fault(act)) }

    /// The guest broke a rule that leaves nothing to go on with.
    mutating func fail(_ violation: ProtocolViolation) {
        log.violation(violation)
        failure = failure ?? violation
    }

    // MARK: Frames

    /// The monitor has shown the guest's memory.
    public mutating func show(_ memory: Memory, _ hello: Hello, at time: UInt64) {
        log.time = time
        self.memory.show(memory)
        processors = hello.processors
        delivery = InterruptDelivery(mode, processors: hello.processors)
        let bytes = hello.regions.reduce(UInt64(0)) { $0 &+ $1.byteCount }
        log.note(
            "the monitor shows a guest with \(hello.processors) virtual processors and \(bytes >> 20) MiB of memory in "
                + "\(hello.regions.count) regions")
        log.state([AttributeReading(.virtualProcessors, UInt64(hello.processors))])
    }

    /// Takes in a frame, except HELLO, which `show` takes. What must be answered is answered; the rest waits for `work`.
    public mutating func receive(_ frame: MonitorFrame, at time: UInt64) {
        log.time = time
        switch frame {
        case .hello:
            fail(
                ProtocolViolation(
                    rule: "hello-once", place: "HELLO", value: "a second one", explanation: "memory is shown once"))
        case .postMessage(let message, let sequence):
            let status = admit(message)
            send([.result(status, sequence: sequence)])
        case .signalEvent(let event, let sequence):
            let status = admit(event)
            if sequence != 0 { send([.result(status, sequence: sequence)]) }
        case .delivered(let delivery, let tag): delivered(delivery, tag)
        case .register(let write): pending.append(.register(write))
        case .reset: reset()
        case .unknown(let type):
            log.violation(
                ProtocolViolation(
                    rule: "frame-type", place: "frame", value: String(type.rawValue),
                    explanation: "monitors send types 1 to 6; the frame is skipped"))
        }
    }

    /// A frame of a hypercall that cannot be read: the processor that waits gets an answer all the same.
    public mutating func refuse(_ header: FrameHeader, _ error: WireError, at time: UInt64) {
        log.time = time
        log.violation(ProtocolViolation(error))
        guard header.type == .postMessage || header.type == .signalEvent, header.sequence != 0 else { return }
        send([.result(.invalidInput, sequence: header.sequence)])
    }

    private mutating func admit(_ message: PostedMessage) -> HypercallStatus {
        guard memory.isShown, message.processor < processors else {
            return refused("POST_MESSAGE.vp", message.processor)
        }
        // The upper eight bits are reserved (reference §1.4).
        let connectionID = message.connectionID & 0xFF_FFFF
        guard host.accepts(connectionID: connectionID) else {
            log.note(
                "HvPostMessage to connection \(connectionID) fails: HV_STATUS_INVALID_CONNECTION_ID (0x12)")
            return .invalidConnectionID
        }
        guard message.messageType == SynIC.channelMessageType else {
            log.violation(
                ProtocolViolation(
                    rule: "message-type", place: "POST_MESSAGE.message_type", value: String(message.messageType),
                    explanation: "channel messages have type 1"))
            return .success
        }
        if SessionLog.type(of: message.payload) == MessageType.initiateContact.rawValue { takeNextFaults() }
        if faults.isArmed, let acts = pass(.post(bytes: message.payload, connectionID: connectionID)) {
            return wait(for: acts)
        }
        pending.append(.message(message.payload, connectionID: connectionID))
        return .success
    }

    private mutating func admit(_ event: SignalledEvent) -> HypercallStatus {
        guard memory.isShown, event.processor < processors else {
            return refused("SIGNAL_EVENT.vp", event.processor)
        }
        let connectionID = event.connectionID & 0xFF_FFFF
        let input = SignalEventInput(connectionID: connectionID, flagNumber: event.flag)
        if let place = host.channel(connectionID: connectionID) {
            log.channel(
                .signal, place, .guestToHost, code: SignalCode.hypercall.rawValue, input.encoded())
            if faults.isArmed, let acts = pass(.signal(place, connectionID: connectionID)) { return wait(for: acts) }
            pending.append(.signal(relids: [place.relid]))
            return .success
        }
        if connectionID == ConnectionID.event, interruptPage != 0 {
            pending.append(.legacySignal)
            return .success
        }
        log.note(
            "HvSignalEvent of connection \(Hexadecimal.prefixed(connectionID)) fails: HV_STATUS_INVALID_CONNECTION_ID (0x12)"
        )
        return .invalidConnectionID
    }

    private mutating func refused(_ place: String, _ processor: UInt32) -> HypercallStatus {
        log.violation(
            ProtocolViolation(
                rule: "hello-first", place: place, value: String(processor),
                explanation: "a hypercall comes from one of the \(processors) processors that HELLO has announced"))
        return .invalidInput
    }

    private mutating func delivered(_ answer: Delivery, _ tag: UInt64) {
        if !delivery.delivered(tag: tag) {
            log.violation(
                ProtocolViolation(
                    rule: "delivered-asked", place: "DELIVERED.seq", value: String(tag),
                    explanation: "an answer repeats the tag of a frame that was sent"))
        } else if answer.status != 0 {
            log.note("delivery \(tag) failed: \(answer.words)")
        }
    }

    // MARK: Work

    /// Does what the frames so far ask for.
    public mutating func work(at time: UInt64) {
        log.time = time
        let work = pending
        pending = []
        for item in work where failure == nil {
            switch item {
            case .message(let bytes, let connectionID): message(bytes, connectionID)
            case .signal(let relids): signalled(relids)
            case .legacySignal: signalled(takeInterruptPage())
            case .register(let write): register(write)
            case .fault(let act): perform(act)
            }
        }
        settle()
    }

    /// Does what disks are asked for, one request after the other. Each answer has the time at which it was there, so that the
    /// log shows how long a request took.
    public mutating func serveDisks(_ clock: () -> UInt64) {
        while failure == nil, !diskWork.isEmpty {
            let (device, generation, request) = diskWork.removeFirst()
            let completion = disks.perform(request, device: device)
            log.time = clock()
            carryOut(visit { $0.completed(completion, device: device, generation: generation, &$1) })
        }
    }

    /// Lets time pass: timers, the monitor page, and a look at the rings' fills.
    public mutating func advance(to time: UInt64) {
        log.time = time
        while failure == nil, let token = timers.take(at: time) {
            carryOut(visit { $0.wake(token, &$1) })
        }
        while failure == nil, let next = agenda.first, next.due <= time {
            agenda.removeFirst()
            perform(next.action)
        }
        performHeldUp()
        if let due = monitorPoll, due <= time {
            monitorPoll = nil
            pollMonitorPage()
        }
        if let due = nextSample, due <= time {
            nextSample = nil
            sample()
        }
        settle()
    }

    /// The machine was reset. Nothing of what was on its way may reach the next guest, whose memory it is now.
    private mutating func reset() {
        memory.take()
        pending = []
        diskWork = []
        isNegotiating = false
        delivery.reset()
        let wasConnected = host.isConnected
        host.machineReset(at: log.time)
        carryOut(visit { $0.reset(&$1) })
        forgetConnection()
        log.note("the machine was reset")
        if wasConnected || log.hasDevices { appear(again: true) }
    }

    /// Writes down what whoever runs the session has to say.
    mutating func note(_ text: String, at time: UInt64) {
        log.time = time
        log.note(text)
    }

    /// The monitor is gone.
    public mutating func end(_ reason: String, at time: UInt64) {
        log.time = time
        memory.take()
        pending = []
        diskWork = []
        forgetConnection()
        for device in host.devices where device.configuration.kind == .network {
            tell(.disconnected(device.configuration.instance))
        }
        log.note(reason)
        log.partition(.removed, [])
    }

    private mutating func appear(again: Bool = false) {
        if again { log.partition(.removed, []) }
        var snapshot = PartitionSnapshot(number: partition, name: guest.name, role: .guest)
        if processors > 0 { snapshot.virtualProcessors = .known(UInt64(processors)) }
        snapshot.connection = .known(.disconnected)
        log.partition(.appeared, snapshot.attributeReadings)
    }
}
