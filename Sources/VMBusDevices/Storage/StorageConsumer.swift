import VMBusWire

/// The guest's end of a storage controller (storvsc): the start-up order of Linux, then SCSI commands over several channels,
/// each with a slot of guest pages of its own (reference §6.2).
///
/// Commands of the guest go in through `submit`; results leave as `submitted` effects.
public struct StorageConsumer: DeviceEndpoint {
    /// What can be chosen.
    public struct Configuration: Sendable, Hashable {
        /// The newest version that the guest tries.
        public var maximumVersion = VStor.Version.version62
        /// Sub-channels wanted; 0 to 63.
        public var subchannels = 0
        /// Whether the controller is asked for the names of its ports.
        public var isFibreChannel = false
        /// Requests at the same time.
        public var slots = 16
        /// Bytes of data that one request may have.
        public var slotSize = 65_536
        /// Requests that wait for a slot; further ones end as busy.
        public var queue = 256
        /// How often a disk that is busy is asked again.
        public var retries = 3

        /// The defaults of the simulator.
        public init() {}

        /// The same with every number inside what the protocol can carry.
        func clamped() -> Configuration {
            var result = self
            result.subchannels = min(max(subchannels, 0), 63)
            result.slots = min(max(slots, 1), 1024)
            result.slotSize = min(max(slotSize, 4096), 1 << 20) / 4096 * 4096
            result.queue = min(max(queue, 0), 4096)
            result.retries = min(max(retries, 0), 16)
            return result
        }
    }

    /// Where the controller is on its way up.
    public enum Phase: Sendable, Hashable {
        /// Its primary channel is not open.
        case closed
        /// A step of the negotiation waits for its answer.
        case asking(VStor.Operation)
        /// Waits for guest pages.
        case waitingForPages
        /// Requests may be sent.
        case running
        /// The host and this guest cannot work together.
        case failed
    }

    /// A request that the host works on.
    struct Outstanding: Sendable, Hashable {
        var request: StorageRequest
        var slot: Int
        var subchannel: UInt16
        var attempts: Int
    }

    /// What the guest's end of a controller says of itself to the host in every request.
    private static let requestFlags: VStor.RequestFlags = [.queueActionEnable, .disableSynchronousTransfer]

    /// The id of the negotiation's packets: no slot's.
    private static let negotiationID: UInt64 = .max - 2

    /// What was chosen.
    public let configuration: Configuration
    /// Where it is on its way up.
    public private(set) var phase = Phase.closed
    /// The agreed version.
    public private(set) var version: VStor.Version?
    /// The host's limits.
    public private(set) var properties = VStor.Properties()
    /// The names of a Fibre Channel adapter.
    public private(set) var ports: VStor.FibreChannelPorts?
    /// How often the host said that disks came or went.
    public private(set) var busChanges: UInt64 = 0
    private var versions: ArraySlice<VStor.Version>
    private var openChannels: [Bool]
    private var buffer: GuestBuffer?
    private var slots = SlotPool(count: 0)
    /// By the transaction id. Only looked up; put in order where order could show.
    private var outstanding: [UInt64: Outstanding] = [:]
    private var nextTransaction: UInt64 = 1
    private var turn = 0
    private var waiting: [StorageRequest] = []
    private var outbound = OutboundQueues(capacity: 2048)

    /// What the log keeps of a request's data.
    public static var recordedAttachmentLimit: Int { StorageProvider.recordedAttachmentLimit }

    /// A controller that waits for its channel.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration.clamped()
        versions = VStor.Version.newestFirst.drop { $0 > configuration.maximumVersion }
        openChannels = Array(repeating: false, count: self.configuration.subchannels + 1)
    }

    /// Whether requests may be sent.
    public var isRunning: Bool { phase == .running }

    /// Requests that the host works on.
    public var outstandingCount: Int { outstanding.count }

    /// Channels that are open.
    public var openChannelCount: Int { openChannels.count { $0 } }

    public mutating func opened<Memory: DeviceMemory>(
        subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        guard openChannels.indices.contains(Int(subchannel)) else { return [] }
        openChannels[Int(subchannel)] = true
        guard subchannel == 0, phase == .closed else { return [] }
        return ask(.beginInitialization)
    }

    public mutating func closed(subchannel: UInt16) -> [DeviceEffect] {
        guard openChannels.indices.contains(Int(subchannel)) else { return [] }
        let lost = outstanding.keys.sorted().filter { subchannel == 0 || outstanding[$0]?.subchannel == subchannel }
        var effects: [DeviceEffect] = []
        for id in lost {
            guard let ended = outstanding.removeValue(forKey: id) else { continue }
            slots.release(ended.slot)
            effects.append(result(ended.request, .aborted))
        }
        openChannels[Int(subchannel)] = false
        outbound.closed(subchannel: subchannel)
        guard subchannel == 0 else { return effects }
        effects += waiting.map { result($0, .aborted) }
        if buffer != nil { effects.append(.destroyBuffer(purpose: .blocks)) }
        self = StorageConsumer(configuration: configuration)
        return effects
    }

    public mutating func sendRefused(_ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16) {
        outbound.refused(packet, attachment: attachment, subchannel: subchannel)
    }

    public mutating func channelWritable(subchannel: UInt16) -> [DeviceEffect] {
        outbound.writable(subchannel: subchannel)
    }

    // MARK: Start-up

    private mutating func ask(
        _ operation: VStor.Operation, _ change: (inout VStor.Packet) -> Void = { _ in }
    ) -> [DeviceEffect] {
        phase = .asking(operation)
        var question = VStor.Packet(operation, flags: .requestCompletion)
        change(&question)
        let payload = question.encoded(version: version ?? .version62, sender: .guestToHost)
        return outbound.send(
            ChannelPacket(flags: .completionRequested, transactionID: Self.negotiationID, payload: payload),
            subchannel: 0)
    }

    private mutating func proposeVersion() -> [DeviceEffect] {
        guard let next = versions.popFirst() else { return fail("the host takes no version of the storage protocol") }
        version = next
        return ask(.queryProtocolVersion) { $0.version = next }
    }

    private mutating func fail(_ reason: String) -> [DeviceEffect] {
        phase = .failed
        return [.failed(reason: reason)]
    }

    private mutating func answered(_ asked: VStor.Operation, _ reply: VStor.Packet) -> [DeviceEffect] {
        if asked == .queryProtocolVersion, reply.status == .revisionMismatch { return proposeVersion() }
        guard reply.status == .success else {
            // Sub-channels are a wish.
            if asked == .createSubchannels { return start() }
            return fail(
                "the host refuses \(asked.name): \(reply.status.meaning ?? Hexadecimal.prefixed(reply.status.rawValue))"
            )
        }
        switch asked {
        case .beginInitialization: return proposeVersion()
        case .queryProtocolVersion: return ask(.queryProperties)
        case .queryProperties:
            properties = reply.properties
            return configuration.isFibreChannel ? ask(.fibreChannelData) : ask(.endInitialization)
        case .fibreChannelData:
            ports = reply.ports
            return ask(.endInitialization)
        case .endInitialization:
            let wanted = min(configuration.subchannels, Int(properties.maximumSubchannels))
            guard wanted > 0, properties.flags.contains(.multiChannel) else { return start() }
            return ask(.createSubchannels) { $0.subchannels = UInt16(wanted) }
        default: return start()
        }
    }

    private mutating func start() -> [DeviceEffect] {
        phase = .waitingForPages
        return [.createBuffer(purpose: .blocks, byteCount: configuration.slots * configuration.slotSize)]
    }

    public mutating func bufferCreated<Memory: DeviceMemory>(
        purpose: BufferPurpose, buffer: GuestBuffer?, memory: inout Memory
    ) -> [DeviceEffect] {
        guard purpose == .blocks, phase == .waitingForPages else {
            // The channel was closed meanwhile: nobody needs the pages.
            return buffer == nil ? [] : [.destroyBuffer(purpose: purpose)]
        }
        guard let buffer, buffer.pages.count >= configuration.slots * configuration.slotSize / 4096 else {
            return fail("there are no pages for requests")
        }
        self.buffer = buffer
        slots = SlotPool(count: configuration.slots)
        phase = .running
        return [.ready]
    }

    // MARK: Requests

    public mutating func submit<Memory: DeviceMemory>(
        _ request: StorageRequest, memory: inout Memory
    ) -> [DeviceEffect] {
        guard phase == .running, max(request.data.count, request.room) <= largestTransfer else {
            return [result(request, .invalidRequest)]
        }
        if waiting.isEmpty, let slot = slots.take() { return send(request, slot: slot, attempts: 0, memory: &memory) }
        guard waiting.count < configuration.queue else { return [result(request, .busy)] }
        waiting.append(request)
        return []
    }

    /// Bytes of data that a request may have: what both ends can take.
    public var largestTransfer: Int { min(configuration.slotSize, Int(properties.maximumTransfer)) }

    private func result(_ request: StorageRequest, _ status: VStor.RequestStatus) -> DeviceEffect {
        .submitted(StorageResult(token: request.token, status: status, scsiStatus: .good, sense: nil, data: []))
    }

    private func pages(_ slot: Int) -> ArraySlice<UInt64> {
        let count = configuration.slotSize / 4096
        return (buffer?.pages ?? []).dropFirst(slot * count).prefix(count)
    }

    /// One range that covers `count` bytes of a slot.
    private func range(_ slot: Int, _ count: Int) -> GPARange {
        GPARange(
            byteCount: UInt32(count), byteOffset: 0, pages: Array(pages(slot).prefix((count + 4095) / 4096)))
    }

    private mutating func send<Memory: DeviceMemory>(
        _ request: StorageRequest, slot: Int, attempts: Int, memory: inout Memory
    ) -> [DeviceEffect] {
        let length = max(request.data.count, request.room)
        let range = range(slot, length)
        guard request.data.isEmpty || memory.write(range, request.data) else {
            slots.release(slot)
            return [result(request, .invalidRequest)]
        }
        let open = openChannels.indices.filter { openChannels[$0] }
        turn += 1
        let subchannel = UInt16(open.isEmpty ? 0 : open[turn % open.count])
        let id = nextTransaction
        nextTransaction += 1
        outstanding[id] = Outstanding(request: request, slot: slot, subchannel: subchannel, attempts: attempts)
        var packet = VStor.Packet(.executeSRB, flags: .requestCompletion)
        packet.request.length = (version ?? .version62) >= .version51 ? VStor.requestSize : VStor.oldRequestSize
        packet.request.path = request.path
        packet.request.target = request.target
        packet.request.lun = request.lun
        packet.request.commandLength = request.command.length
        packet.request.direction = length == 0 ? .unknown : request.data.isEmpty ? .read : .write
        packet.request.dataLength = UInt32(length)
        packet.request.block = request.command.bytes
        packet.request.flags =
            Self.requestFlags.union(length == 0 ? [] : request.data.isEmpty ? .dataIn : .dataOut)
        let payload = packet.written(version ?? .version62, sender: .guestToHost)
        return outbound.send(
            ChannelPacket(
                type: length == 0 ? .dataInBand : .dataUsingGPADirect, flags: .completionRequested, transactionID: id,
                bulk: length == 0 ? .inBand : .guestPages([range]), payload: payload),
            attachment: Array(request.data.prefix(Self.recordedAttachmentLimit)), subchannel: subchannel)
    }

    /// What a disk answered lies in the slot of its request.
    public func attachment<Memory: DeviceMemory>(of packet: ChannelPacket, memory: Memory) -> [UInt8] {
        guard packet.type == .completion, let asked = outstanding[packet.transactionID], asked.request.room > 0,
            let reply = try? VStor.Packet.read(packet.payload, sender: .hostToGuest, subject: .executeSRB)
        else { return [] }
        let count = min(Int(reply.request.dataLength), asked.request.room)
        return count == 0 ? [] : memory.read(range(asked.slot, count)) ?? []
    }

    public mutating func receive<Memory: DeviceMemory>(
        _ packet: ChannelPacket, attachment: [UInt8], subchannel: UInt16, time: UInt64, memory: inout Memory
    ) -> [DeviceEffect] {
        let isAnswer = packet.type == .completion
        var subject = VStor.Operation.executeSRB
        if isAnswer, packet.transactionID == Self.negotiationID, case .asking(let operation) = phase {
            subject = operation
        }
        let said: VStor.Packet
        do throws(WireError) {
            said = try .read(
                packet.payload, sender: .hostToGuest, subject: isAnswer ? subject : VStor.Operation(rawValue: 0))
        } catch {
            return [.violation(ProtocolViolation(error))]
        }
        guard isAnswer else { return heard(said, packet) }
        guard said.operation == .completeIO else {
            return [broken("vstor-answer", said.operation.name, "every answer is COMPLETE_IO")]
        }
        if packet.transactionID == Self.negotiationID {
            guard case .asking(let operation) = phase, subchannel == 0 else {
                return [broken("vstor-answer", "COMPLETE_IO", "each question is answered once, on the primary channel")]
            }
            return answered(operation, said)
        }
        guard let ended = outstanding[packet.transactionID], ended.subchannel == subchannel else {
            return [
                broken(
                    "transaction-known", Hexadecimal.prefixed(packet.transactionID),
                    "each request is answered once, on its own channel")
            ]
        }
        outstanding[packet.transactionID] = nil
        return finish(ended, said.request, attachment, memory: &memory)
    }

    private mutating func heard(_ said: VStor.Packet, _ packet: ChannelPacket) -> [DeviceEffect] {
        guard packet.type == .dataInBand else {
            return [broken("vstor-packet", "\(packet.type)", "the host answers, or has news in-band")]
        }
        switch said.operation {
        case .enumerateBus, .removeDevice:
            busChanges += 1
            return [.disksChanged]
        case .eventNotification: return []
        default:
            return [broken("vstor-news", said.operation.name, "the host's news are ENUMERATE_BUS and REMOVE_DEVICE")]
        }
    }

    private mutating func finish<Memory: DeviceMemory>(
        _ ended: Outstanding, _ reply: VStor.Request, _ data: [UInt8], memory: inout Memory
    ) -> [DeviceEffect] {
        var effects: [DeviceEffect] = []
        let most = max(ended.request.data.count, ended.request.room)
        if reply.dataLength > most {
            effects.append(
                broken("srb-length", "\(reply.dataLength) bytes", "no more than the \(most) that were asked for"))
        }
        let sense = reply.status.hasSense ? SCSI.Sense(Array(reply.block.prefix(Int(reply.senseLength)))) : nil
        // A disk that is busy, or that has only just been told apart, is asked again.
        let comesAgain =
            reply.scsiStatus == .busy || reply.scsiStatus == .taskSetFull || sense?.key == 6
        if comesAgain, ended.attempts < configuration.retries {
            return effects + send(ended.request, slot: ended.slot, attempts: ended.attempts + 1, memory: &memory)
        }
        slots.release(ended.slot)
        effects.append(
            .submitted(
                StorageResult(
                    token: ended.request.token, status: reply.status, scsiStatus: reply.scsiStatus, sense: sense,
                    data: data)))
        while let next = waiting.first, let slot = slots.take() {
            waiting.removeFirst()
            effects += send(next, slot: slot, attempts: 0, memory: &memory)
        }
        return effects
    }

    private func broken(_ rule: String, _ value: String, _ explanation: String) -> DeviceEffect {
        .violation(ProtocolViolation(rule: rule, place: "storage", value: value, explanation: explanation))
    }
}
